package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"time"
)

// results are what a run has found.
type results struct {
	options options
	machine machine
	parts   []resultPart
	served  []*row // over HTTP; empty where that was not measured
}

type resultPart struct {
	part
	rows []*row
}

// A row is what was found of one contender.
type row struct {
	contender
	leftOut       string    // why there is nothing; "" where there is
	requests      int       // of each round
	ns            []float64 // a request's, of each round
	allocs, bytes uint64    // a request's

	app    *app
	sent   http.Request
	answer sink
}

// A sink is a response that keeps nothing but how many requests were answered
// otherwise than with 200.
type sink struct {
	header  http.Header
	refused int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int) {
	if status != http.StatusOK {
		s.refused++
	}
}

// measure opens all contenders that the options ask for, and has them take turns.
func measure(w *world, o options) (*results, error) {
	if o.quick {
		o.rounds = 1
	}
	r := &results{options: o, machine: thisMachine()}
	var rows []*row
	for _, p := range parts() {
		found := resultPart{part: p}
		for _, c := range p.contenders {
			if c.name != theFloor && !o.only.MatchString(p.name+"/"+c.name) {
				continue
			}
			row, err := c.start(w)
			if err != nil {
				return nil, err
			}
			found.rows = append(found.rows, row)
			if row.app != nil {
				rows = append(rows, row)
			}
		}
		if len(found.rows) > 0 {
			r.parts = append(r.parts, found)
		}
	}
	// An app of some size has its garbage collected less often than a program that
	// holds next to nothing, and as often whatever else is measured.
	ballast := make([]byte, 64<<20)
	defer runtime.KeepAlive(ballast)
	for _, row := range rows {
		if err := row.prepare(o); err != nil {
			return nil, err
		}
	}
	if err := rounds(w, o, rows, (*row).turn); err != nil {
		return nil, err
	}
	if !o.loopback {
		return r, nil
	}
	var err error
	r.served, err = overLoopback(w, o, rows)
	return r, err
}

// start opens the contender, and sees that it knows alice.
func (c contender) start(w *world) (*row, error) {
	row := &row{contender: c}
	var err error
	row.app, err = c.open(w)
	if left, ok := errors.AsType[absent](err); ok {
		row.leftOut = left.why
		return row, nil
	}
	if err == nil {
		err = row.app.ask()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	row.answer.header = http.Header{}
	return row, nil
}

// rounds has every row take one turn in each round, in an order of the round's own,
// and sees after each round that all still know alice.
func rounds(w *world, o options, rows []*row, turn func(*row) error) error {
	order, random := slices.Clone(rows), rand.New(rand.NewPCG(o.seed, 0))
	for range o.rounds {
		random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, row := range order {
			if err := w.ctx.Err(); err != nil {
				return err
			}
			if err := turn(row); err != nil {
				return fmt.Errorf("%s: %w", row.name, err)
			}
		}
		for _, row := range rows {
			if err := row.app.ask(); err != nil {
				return fmt.Errorf("%s: %w", row.name, err)
			}
		}
	}
	return nil
}

// prepare finds out how many requests a turn has, and counts what they allocate:
// the least of some runs, since others may allocate meanwhile.
func (row *row) prepare(o options) error {
	counted := 3
	if o.quick {
		row.requests, counted = 3, 1
	} else if err := row.calibrate(o.turn); err != nil {
		return err
	}
	for i := range counted {
		allocs, bytes, err := row.count()
		if err != nil {
			return err
		}
		if i == 0 {
			row.allocs, row.bytes = allocs, bytes
		}
		row.allocs, row.bytes = min(row.allocs, allocs), min(row.bytes, bytes)
	}
	return nil
}

// calibrate sets the number of requests that take about this long.
func (row *row) calibrate(turn time.Duration) error {
	for n := 4; ; n *= 2 {
		took, err := row.send(n)
		if err != nil {
			return err
		}
		if took >= turn/4 {
			row.requests = max(4, int(float64(n)*float64(turn)/float64(took)))
			return nil
		}
	}
}

func (row *row) count() (allocs, bytes uint64, err error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, err = row.send(row.requests)
	runtime.ReadMemStats(&after)
	n := uint64(row.requests)
	return (after.Mallocs - before.Mallocs) / n, (after.TotalAlloc - before.TotalAlloc) / n, err
}

// turn is the row's part of a round. It begins with no garbage of anybody's, and
// with processor caches and connections that are its own.
func (row *row) turn() error {
	runtime.GC()
	if _, err := row.send(row.requests/20 + 1); err != nil {
		return err
	}
	took, err := row.send(row.requests)
	row.ns = append(row.ns, float64(took)/float64(row.requests))
	return err
}

// send sends the request n times and returns how long that took. Request and
// header begin anew each time: some libraries leave in a request what they have
// loaded.
func (row *row) send(n int) (time.Duration, error) {
	row.answer.refused = 0
	start := time.Now()
	for range n {
		clear(row.answer.header)
		row.sent = *row.app.request
		row.app.handler.ServeHTTP(&row.answer, &row.sent)
	}
	took := time.Since(start)
	if row.answer.refused > 0 {
		return 0, fmt.Errorf("%d of %d requests were not answered with 200", row.answer.refused, n)
	}
	return took, nil
}

// median and least are a request's, in nanoseconds.
func (row *row) median() float64 { return median(row.ns) }
func (row *row) least() float64  { return slices.Min(row.ns) }

// over returns how many times as long as the other's a request takes: the median
// of the rounds' ratios.
func (row *row) over(other *row) float64 {
	ratios := make([]float64, len(row.ns))
	for i := range ratios {
		ratios[i] = row.ns[i] / other.ns[i]
	}
	return median(ratios)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 0 {
		return (sorted[half-1] + sorted[half]) / 2
	}
	return sorted[half]
}
