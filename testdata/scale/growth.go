package main

import (
	"errors"
	"fmt"
	"time"
)

// growth measures what those sign-ins take at which the store's map grows: they
// come in windows of so many, and of a window the slowest counts. A store is
// filled some times over; what the machine did in one of them alone is left out.
func growth(s *sizes, r *report) error {
	slowest := make([]time.Duration, s.grown/s.window)
	for round := range s.growths {
		this, err := fill(s.grown, s.window)
		if err != nil {
			return err
		}
		for i, d := range this {
			if round == 0 || d < slowest[i] {
				slowest[i] = d
			}
		}
	}
	t := table{
		title: "Sign-ins while the store grows",
		note: fmt.Sprintf("%s users sign in, one after the other. Of each %s the slowest counts; the store was filled %d times, and the least of these is here.",
			number(s.grown), number(s.window), s.growths),
		head: []string{"accounts", "the slowest was among those from", "it took"},
	}
	for from, to := 0, s.grownFrom; from < s.grown; from, to = to, 2*to {
		to = min(to, s.grown)
		at := from / s.window
		for i := at; i < to/s.window; i++ {
			if slowest[i] > slowest[at] {
				at = i
			}
		}
		t.rows = append(t.rows, []string{
			fmt.Sprintf("%s to %s", number(from), number(to)), number(at * s.window), took(slowest[at]),
		})
	}
	r.add(t)
	return nil
}

// fill has n users sign in to an empty store and returns the slowest of each
// window.
func fill(n, window int) (slowest []time.Duration, err error) {
	s, err := newSite(nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.auth.Close()) }()
	c := newClient(s.router)
	slowest = make([]time.Duration, n/window)
	for i := range n / window * window {
		path, start := signInPath(i), time.Now()
		if _, err := c.post(path, ""); err != nil {
			return nil, err
		}
		slowest[i/window] = max(slowest[i/window], time.Since(start))
	}
	return slowest, nil
}
