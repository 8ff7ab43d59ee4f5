package cache

import (
	"slices"
	"strings"
	"testing"
)

// The searches in search_*_test.go check the rules of this package by going
// through every order in which a few actors can take their steps, with the
// decisions that the package runs on. A rule that is left out must show as a
// schedule that breaks a promise.

// A step is what one actor does at once.
type step struct{ who, what string }

func (s step) String() string { return s.who + " " + s.what }

// A searchSpace is what a search goes through: states, and the steps between them.
type searchSpace[S any] interface {
	// key appends what tells a state from others. States with equal keys must
	// behave alike.
	key(b []byte, s *S) []byte
	// next calls emit with each step that can be taken in s, the state after
	// it and, where the step breaks a promise, which one.
	next(s *S, emit func(took step, after *S, broken string))
}

// A result is what a search found.
type result struct {
	states   int
	broken   string // the promise that does not hold, "" where all do
	schedule []step // the shortest that breaks it
}

func (r *result) String() string {
	lines := make([]string, len(r.schedule))
	for i, s := range r.schedule {
		lines[i] = "\t" + s.String()
	}
	return r.broken + ":\n" + strings.Join(lines, "\n")
}

// trace tells how a state was reached, by the number of the state before it.
type trace struct {
	before int
	took   step
}

// search visits every state that can be reached from start, the nearest first,
// and stops at the first promise that is broken.
func search[S any](space searchSpace[S], start S) (r result) {
	type numbered struct {
		state  S
		number int
	}
	seen := map[string]struct{}{string(space.key(nil, &start)): {}}
	traces := []trace{{before: -1}}
	level := []numbered{{start, 0}}
	var deeper []numbered
	var buf []byte
	for len(level) > 0 && r.broken == "" {
		for i := range level {
			from := level[i].number
			space.next(&level[i].state, func(took step, after *S, broken string) {
				if r.broken != "" {
					return
				}
				if broken != "" {
					r.broken, r.schedule = broken, append(scheduleTo(traces, from), took)
					return
				}
				buf = space.key(buf[:0], after)
				if _, ok := seen[string(buf)]; ok {
					return
				}
				seen[string(buf)] = struct{}{}
				traces = append(traces, trace{from, took})
				deeper = append(deeper, numbered{*after, len(traces) - 1})
			})
		}
		level, deeper = deeper, level[:0]
	}
	r.states = len(traces)
	return r
}

func scheduleTo(traces []trace, number int) (steps []step) {
	for ; traces[number].before >= 0; number = traces[number].before {
		steps = append(steps, traces[number].took)
	}
	slices.Reverse(steps)
	return steps
}

// wantNone checks that a search broke no promise, wantSome that it did.
func wantNone(t *testing.T, r result) {
	t.Helper()
	t.Logf("%d states", r.states)
	if r.broken != "" {
		t.Errorf("after %d states %v", r.states, &r)
	}
}

func wantSome(t *testing.T, r result) {
	t.Helper()
	if r.broken == "" {
		t.Errorf("no broken promise in %d states; want one", r.states)
		return
	}
	t.Logf("%d states until %v", r.states, &r)
}

// onlyOneGoroutine skips a search under the race detector, which finds nothing in
// it and takes ten times as long.
func onlyOneGoroutine(t *testing.T) {
	t.Helper()
	if underRace {
		t.Skip("a search has one goroutine: there is nothing for the race detector")
	}
}
