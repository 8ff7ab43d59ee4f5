package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Each number of accounts has a process of its own: in one process the collector
// would treat the small crowd as it has to treat the large one. They measure in
// turns, as they are told, and never two at a time.

// childVariable says in the environment of such a process how many accounts and
// sessions it has.
const childVariable = "POWGIN_SCALE_CROWD"

// An order is what a process is told to do. The zero order is to say what an
// account weighs.
type order struct {
	Operation string
	N         int
	Count     bool

	Collect time.Duration
	Cycles  uint64

	Everybody bool // RevokeAll, for good
}

// A reply is what came of it.
type reply struct {
	Error     string
	Bytes     float64 // an account's
	Objects   float64 // the same
	Cost      cost
	Collected collected
}

// beChild does what it is told until in ends.
func beChild(spec string, in io.Reader, out io.Writer) error {
	var accounts, sessions int
	if _, err := fmt.Sscanf(spec, "%d,%d", &accounts, &sessions); err != nil {
		return err
	}
	c, failed := newCrowd(accounts, sessions, nil)
	orders, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var r reply
		if failed == nil {
			r, failed = c.obey(&o)
		}
		if failed != nil { // one failure, and nothing that it says counts any more
			r.Error = failed.Error()
		}
		if err := replies.Encode(r); err != nil {
			return err
		}
	}
}

func (c *crowd) obey(o *order) (r reply, err error) {
	switch {
	case o.Collect > 0:
		r.Collected, err = c.collect(o.Collect, o.Cycles)
	case o.Everybody:
		r.Cost, err = c.revokeEverybody()
	case o.Operation != "":
		for i := range operations {
			if op := &operations[i]; op.name == o.Operation {
				r.Cost, err = c.measure(op, o.N, o.Count)
			}
		}
	default:
		r.Bytes, r.Objects = c.bytes, c.objects
	}
	return r, err
}

// A process is a crowd in a process of its own.
type process struct {
	accounts, sessions int
	bytes, objects     float64 // an account's

	command *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	replies *json.Decoder
}

// startProcess returns once the crowd has signed in.
func startProcess(accounts, sessions int) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{accounts: accounts, sessions: sessions, command: exec.Command(self)}
	p.command.Env = append(os.Environ(), fmt.Sprintf("%s=%d,%d", childVariable, accounts, sessions))
	p.command.Stderr = os.Stderr
	if p.in, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.orders, p.replies = json.NewEncoder(p.in), json.NewDecoder(out)
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	r, err := p.tell(order{})
	if err != nil {
		return nil, fmt.Errorf("%d accounts: %w", accounts, err)
	}
	p.bytes, p.objects = r.Bytes, r.Objects
	return p, nil
}

func (p *process) tell(o order) (r reply, err error) {
	if err := p.orders.Encode(o); err != nil {
		return r, err
	}
	if err := p.replies.Decode(&r); err != nil {
		return r, err
	}
	if r.Error != "" {
		return r, fmt.Errorf("%d accounts with %d sessions: %s", p.accounts, p.sessions, r.Error)
	}
	return r, nil
}

// end has the process end, and waits for that.
func (p *process) end() error {
	if err := p.in.Close(); err != nil {
		return err
	}
	return p.command.Wait()
}
