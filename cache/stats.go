package cache

import (
	"math"
	"sync/atomic"
	"time"
	"unsafe"
)

// Stats is what a Cache has done since New.
type Stats struct {
	Hits        uint64 // requests that were served the cached user
	Misses      uint64 // requests that read the user, since none was cached or the copy was too old
	Reloads     uint64 // requests that read the user because they wanted them as they are
	SharedLoads uint64 // of both, those that were served by a read of others
	Stale       uint64 // requests that were served a copy too old, since no read was possible
	Syncs       uint64 // times that a user was said to have changed
	Renewals    uint64 // successors made
	GraceUses   uint64 // requests with a token that was replaced and still worked
	ReuseAlarms uint64 // requests with one that worked no more
	Errors      uint64 // calls to the store or the source of users that failed
	Checks      uint64 // reads of users that a look at the row's version was enough for
	Audits      uint64 // cached users who were compared with their rows
	Differences uint64 // of these, those that differed although no change was announced
	// Ages is a histogram of the users served, by how old their copies were:
	// the youngest first, each without those of the bounds before it.
	Ages []AgeCount
}

// An AgeCount is how many users were served who were not older than AtMost; the
// last of a histogram has the longest of all durations.
type AgeCount struct {
	AtMost time.Duration
	Count  uint64
}

var ageBounds = [...]time.Duration{
	100 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 15 * time.Minute,
}

func ageBucket(age time.Duration) int {
	for i, bound := range ageBounds {
		if age <= bound {
			return i
		}
	}
	return len(ageBounds)
}

// counters are the numbers behind Stats. Hits are what every request counts:
// they are striped, so that cores which serve the same user do not wait for
// each other's cache lines.
type counters struct {
	hits [16]stripe
	ages [len(ageBounds) + 1]atomic.Uint64 // of users that were read, and of stale ones

	misses, reloads, stale, syncs              atomic.Uint64
	renewals, graceUses, reuseAlarms, failures atomic.Uint64
	audits, differences, checks                atomic.Uint64
}

// A stripe counts hits by the user's age. It fills two cache lines, which
// processors fetch in pairs.
type stripe struct {
	ages [len(ageBounds) + 1]atomic.Uint64
	_    [128 - (len(ageBounds)+1)*8]byte
}

// hit counts a user served from the cache. Which stripe counts it goes by the
// address of o: that lies on the goroutine's stack, so goroutines that run at
// the same time mostly have different ones.
func (n *counters) hit(o *Opened, age time.Duration) {
	at := uintptr(unsafe.Pointer(o))
	n.hits[(at>>11^at>>15)%uintptr(len(n.hits))].ages[ageBucket(age)].Add(1)
}

// served counts a user that was served otherwise.
func (n *counters) served(age time.Duration) { n.ages[ageBucket(age)].Add(1) }

// Stats returns what the cache has done since New. The numbers are read one
// after the other while requests go on counting.
func (c *Cache) Stats() Stats {
	n := &c.counters
	s := Stats{
		Misses:      n.misses.Load(),
		Reloads:     n.reloads.Load(),
		SharedLoads: c.flights.shared.Load(),
		Stale:       n.stale.Load(),
		Syncs:       n.syncs.Load(),
		Renewals:    n.renewals.Load(),
		GraceUses:   n.graceUses.Load(),
		ReuseAlarms: n.reuseAlarms.Load(),
		Errors:      n.failures.Load(),
		Checks:      n.checks.Load(),
		Audits:      n.audits.Load(),
		Differences: n.differences.Load(),
	}
	for i := range n.ages {
		age := AgeCount{AtMost: math.MaxInt64, Count: n.ages[i].Load()}
		if i < len(ageBounds) {
			age.AtMost = ageBounds[i]
		}
		for j := range n.hits {
			hits := n.hits[j].ages[i].Load()
			age.Count += hits
			s.Hits += hits
		}
		s.Ages = append(s.Ages, age)
	}
	return s
}
