package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A curve is what operations cost for crowds that differ in one number.
type curve struct {
	processes []*process
	costs     map[string][][]cost // of an operation, by process, of each round
	allocs    map[string][]cost   // by process, from the round that counted
}

// openCurve starts a process for each of the crowds, which are pairs of accounts
// and sessions.
func openCurve(crowds [][2]int) (*curve, error) {
	c := &curve{costs: map[string][][]cost{}, allocs: map[string][]cost{}}
	for _, crowd := range crowds {
		p, err := startProcess(crowd[0], crowd[1])
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.processes = append(c.processes, p)
	}
	for i := range operations {
		name := operations[i].name
		c.costs[name] = make([][]cost, len(crowds))
		c.allocs[name] = make([]cost, len(crowds))
	}
	return c, nil
}

func (c *curve) close() (err error) {
	for _, p := range c.processes {
		err = errors.Join(err, p.end())
	}
	return err
}

// run does so many rounds. In each the processes take turns, in another order for
// each operation, so that a machine whose speed drifts treats all alike. A round
// more counts allocations.
func (c *curve) run(rounds, divide int, random *rand.Rand) error {
	for round := range rounds + 1 {
		count := round == rounds
		for i := range operations {
			op := &operations[i]
			for _, at := range random.Perm(len(c.processes)) {
				p := c.processes[at]
				n := max(1, op.n/divide)
				if op.ends {
					n = max(1, n/p.sessions) // each has to sign in again so often
				}
				r, err := p.tell(order{Operation: op.name, N: n, Count: count})
				if err != nil {
					return err
				}
				if count {
					c.allocs[op.name][at] = r.Cost
				} else {
					c.costs[op.name][at] = append(c.costs[op.name][at], r.Cost)
				}
			}
		}
	}
	return nil
}

// ns returns the median of an operation's rounds in a process, in nanoseconds.
func (c *curve) ns(name string, at int) float64 {
	var all []float64
	for _, r := range c.costs[name][at] {
		all = append(all, r.NS)
	}
	return median(all)
}

// times returns how many times the first process's cost of one operation another
// costs in the last: the median over the rounds.
func (c *curve) times(name, of string) float64 {
	var all []float64
	last := len(c.processes) - 1
	for round, r := range c.costs[name][last] {
		all = append(all, r.NS/c.costs[of][0][round].NS)
	}
	return median(all)
}

// by returns the number in which the crowds differ.
func (c *curve) by(at int, sessions bool) int {
	if sessions {
		return c.processes[at].sessions
	}
	return c.processes[at].accounts
}

// costTable has a row for each operation and a column for each crowd.
func (c *curve) costTable(title, note, what string, sessions bool) table {
	t := table{title: title, note: note, head: []string{what}}
	for at := range c.processes {
		t.head = append(t.head, number(c.by(at, sessions)))
	}
	for i := range operations {
		name := operations[i].name
		row := []string{name}
		for at := range c.processes {
			row = append(row, fmt.Sprintf("%s, %.3g", nanoseconds(c.ns(name, at)), c.allocs[name][at].Allocs))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func (c *curve) costChart(file, title, x string, sessions bool) chart {
	p := chart{file: file, title: title, x: x, y: "one operation", unit: nanoseconds}
	for i := range operations {
		l := line{name: operations[i].name}
		for at := range c.processes {
			l.add(float64(c.by(at, sessions)), c.ns(l.name, at))
		}
		p.lines = append(p.lines, l)
	}
	return p
}

func (c *curve) memoryChart(file, title, x string, sessions bool) chart {
	l := line{name: "an account"}
	for at, p := range c.processes {
		l.add(float64(c.by(at, sessions)), p.bytes)
	}
	return chart{file: file, title: title, x: x, y: "heap in use", unit: weight, lines: []line{l}}
}

// overAccounts measures operations, memory and the collector over the number of
// accounts.
func overAccounts(s *sizes, r *report) (err error) {
	var crowds [][2]int
	for _, n := range s.accounts {
		crowds = append(crowds, [2]int{n, 1})
	}
	c, err := openCurve(crowds)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.run(s.rounds, s.divide, s.random()); err != nil {
		return err
	}
	last := len(c.processes) - 1
	r.add(c.costTable("Over the number of accounts", "Each cell: time, allocations.", "accounts", false),
		c.costChart("accounts.svg", "Time of an operation over accounts", "accounts, one session each", false))
	most := number(s.accounts[last])
	hot, random := c.times(hotRequest, hotRequest), c.times(randomRequest, hotRequest)
	r.goal(fmt.Sprintf("a hot user among %s accounts, of one account's only user", most), hot, 1.1, times)
	r.goal(fmt.Sprintf("users at random among %s accounts, of the same", most), random, 4, times)

	memory := table{title: "Memory over the number of accounts", note: "One session and a cached user of ten fields each.", head: []string{"accounts", "bytes an account", "objects an account"}}
	for at, n := range s.accounts {
		if n >= s.memoryFrom {
			memory.rows = append(memory.rows, []string{number(n), weight(c.processes[at].bytes), fmt.Sprintf("%.1f", c.processes[at].objects)})
		}
	}
	chart := c.memoryChart("memory-accounts.svg", "Memory of an account over accounts", "accounts, one session each", false)
	chart.lines[0].from(float64(s.memoryFrom))
	r.add(memory, chart)
	r.goal(fmt.Sprintf("memory of one of %s accounts", most), c.processes[last].bytes, 768, weight)
	return errors.Join(overCollector(s, r, c), revokeEverybody(r, c))
}

// overSessions measures operations and memory over the sessions of a user.
func overSessions(s *sizes, r *report) (err error) {
	var crowds [][2]int
	for _, n := range s.sessions {
		crowds = append(crowds, [2]int{s.sessionAccounts, n})
	}
	c, err := openCurve(crowds)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.run(s.rounds, s.divide, s.random()); err != nil {
		return err
	}
	x := fmt.Sprintf("sessions of each of %s users", number(s.sessionAccounts))
	r.add(c.costTable("Over the sessions of a user", fmt.Sprintf("%s users. Each cell: time, allocations.", number(s.sessionAccounts)), "sessions", true),
		c.costChart("sessions.svg", "Time of an operation over sessions of a user", x, true))
	memory := table{title: "Memory over the sessions of a user", head: []string{"sessions", "bytes an account", "bytes a session more"}}
	for at, n := range s.sessions {
		more := "–"
		if at > 0 {
			more = weight((c.processes[at].bytes - c.processes[0].bytes) / float64(n-s.sessions[0]))
		}
		memory.rows = append(memory.rows, []string{number(n), weight(c.processes[at].bytes), more})
	}
	r.add(memory, c.memoryChart("memory-sessions.svg", "Memory of an account over its sessions", x, true))
	return nil
}

// overCollector measures what the collector takes from requests.
func overCollector(s *sizes, r *report, c *curve) error {
	t := table{
		title: "The garbage collector while requests run",
		note:  "Cached requests of users at random, on one goroutine, over whole cycles of the collector. Its time is what it took of all processors, without what was idle anyway. The Go runtime counts the time of a goroutine's turn, also where the operating system runs something else in it: what was given of it is beside, and taken into account.",
		head:  []string{"accounts", "requests", "cycles", "a request, all in all", "the collector's time for it", "its share", "processor time given", "half of the pauses at most", "longest pause"},
	}
	l := line{name: "collector, a request"}
	var last collected
	for at, p := range c.processes {
		reply, err := p.tell(order{Collect: s.collect, Cycles: s.cycles})
		if err != nil {
			return err
		}
		last = reply.Collected
		l.add(float64(s.accounts[at]), last.GCNS)
		t.rows = append(t.rows, []string{
			number(p.accounts), number(last.Requests), number(int(last.Cycles)), nanoseconds(last.NS), nanoseconds(last.GCNS),
			fmt.Sprintf("%.1f %%", 100*last.Share), fmt.Sprintf("%.0f %%", 100*last.Given), took(last.PauseHalf), took(last.PauseMost),
		})
	}
	most := number(s.accounts[len(s.accounts)-1])
	r.add(t, chart{
		file: "collector.svg", title: "Processor time of the collector for a cached request", x: "accounts, one session each",
		y: "processor time", unit: nanoseconds, lines: []line{l}, limit: 500,
	})
	r.goal(fmt.Sprintf("collector, for a request among %s accounts", most), last.GCNS, 500, nanoseconds)
	r.goal(fmt.Sprintf("longest pause of the world among %s accounts", most), float64(last.PauseMost), float64(time.Millisecond), nanoseconds)
	return nil
}

// revokeEverybody ends all sessions, and so comes last.
func revokeEverybody(r *report, c *curve) error {
	t := table{
		title: "RevokeAll, for good", note: "One call, and nobody is signed in any more: a sample of the users was asked.",
		head: []string{"accounts", "it took"},
	}
	for _, p := range c.processes {
		reply, err := p.tell(order{Everybody: true})
		if err != nil {
			return err
		}
		t.rows = append(t.rows, []string{number(p.accounts), nanoseconds(reply.Cost.NS)})
	}
	r.add(t)
	return nil
}
