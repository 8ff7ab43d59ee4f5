package gormstore

import (
	"sync"
	"time"

	"github.com/powgin/powgin/cache"
)

const (
	// resolution is the coarsest clock of a database that we know of, SQLite's.
	resolution = time.Millisecond
	// maxStep is the furthest that a database's clock may step back without time
	// going back with it.
	maxStep = time.Minute
	// slowdown is the part of time that does not pass while time is ahead of the
	// clock, so that a step of a minute is made up for in a quarter of an hour.
	slowdown = 16
	// maxFlow bounds how long time flows without a look at the clock: over ten
	// seconds two clocks differ by less than the resolution.
	maxFlow = 10 * time.Second
)

// A floor keeps the time of one Store from going back. What it has told flows
// on by the process's monotonic clock; the database's may be no later than that,
// for two reasons. It is coarse: SQLite's stands still for a millisecond, in which
// a request may retire a token and the next one bring it back. Or it has stepped
// back: it was set, or another server took over. Time then flows on alone, a
// little slower until the clock has caught up, but for a step of more than
// maxStep, which is taken: it was the clock before that was wrong, and sessions
// must not live for a day more because of it.
type floor struct {
	mu    sync.Mutex
	last  cache.Time // guarded by mu; 0 before the first
	at    time.Time  // guarded by mu; when last was told
	ahead bool       // guarded by mu; last was ahead of the clock
}

// time returns the earliest that it may be for a statement that is sent now.
func (f *floor) time() cache.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.flow()
}

func (f *floor) flow() cache.Time {
	if f.last == 0 {
		return 0
	}
	passed := min(time.Since(f.at), maxFlow)
	if f.ahead {
		passed -= passed / slowdown
	}
	return f.last.Add(passed)
}

// told returns what time it is where the database's clock answers a statement
// for which time returned floor. What others were told since is no reason to
// doubt that: their statements ran beside this one.
func (f *floor) told(floor, clock cache.Time) cache.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, flown := max(floor, clock), f.flow()
	if floor.Sub(clock) > maxStep {
		now = clock
	}
	if flown.Sub(clock) > maxStep {
		flown = clock
	}
	f.last, f.at, f.ahead = max(flown, now), time.Now(), now.Sub(clock) > resolution
	return now
}
