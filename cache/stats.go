package cache

import (
	"log/slog"
	"math"
	"sync"
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
	// Writers is how many changes this node has announced and not concluded: a
	// gauge. One that is never concluded counts until WriterDeadline has passed.
	Writers int
	// Watches is how many live connections this node has: a gauge.
	Watches int
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

	writers writers
	watches atomic.Int64
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
		Writers:     n.writers.count(),
		Watches:     int(n.watches.Load()),
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

// A Number is one of Stats, for those who pass them on.
type Number struct {
	Name  string // in snake_case, such as shared_loads
	Unit  string // what is counted: a request, a token
	Help  string // a sentence
	Gauge bool   // it goes up and down; else it only grows
	Value int64
}

// Numbers returns all but Ages, always in the same order.
func (s Stats) Numbers() []Number {
	counter := func(name, unit string, value uint64, help string) Number {
		return Number{Name: name, Unit: unit, Help: help, Value: int64(value)}
	}
	gauge := func(name, unit string, value int, help string) Number {
		return Number{Name: name, Unit: unit, Help: help, Gauge: true, Value: int64(value)}
	}
	return []Number{
		counter("hits", "request", s.Hits, "Requests that were served the cached user."),
		counter("misses", "request", s.Misses, "Requests that read the user, since none was cached or the copy was too old."),
		counter("reloads", "request", s.Reloads, "Requests that read the user because they wanted them as they are."),
		counter("shared_loads", "request", s.SharedLoads, "Misses and reloads that were served by a read of others."),
		counter("stale", "request", s.Stale, "Requests that were served a copy too old, since no read was possible."),
		counter("syncs", "change", s.Syncs, "Times that a user was said to have changed."),
		counter("renewals", "token", s.Renewals, "Successors of tokens made."),
		counter("grace_uses", "request", s.GraceUses, "Requests with a token that was replaced and still worked."),
		counter("reuse_alarms", "request", s.ReuseAlarms, "Requests with a replaced token that worked no more."),
		counter("errors", "call", s.Errors, "Calls to the store or the source of users that failed."),
		counter("audits", "user", s.Audits, "Cached users who were compared with their rows."),
		counter("differences", "user", s.Differences, "Audited users who differed although no change was announced."),
		gauge("writers", "change", s.Writers, "Changes of users that this node has announced and not concluded."),
		counter("checks", "user", s.Checks, "Reads of users that a look at the row's version was enough for."),
		gauge("watches", "connection", s.Watches, "Live connections that this node has."),
	}
}

// LogValue returns the numbers as a group of snake_case names. Of the ages it has
// age_p50_seconds and age_p99_seconds: the bound of Ages that half, or 99 %, of the
// users served since New were not older than. Where they were older than the last
// bound it is that one, and where nobody was served there are none.
func (s Stats) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, n := range s.Numbers() {
		attrs = append(attrs, slog.Int64(n.Name, n.Value))
	}
	for _, q := range []struct {
		name    string
		percent uint64
	}{{"age_p50_seconds", 50}, {"age_p99_seconds", 99}} {
		if age, ok := s.age(q.percent); ok {
			attrs = append(attrs, slog.Float64(q.name, age.Seconds()))
		}
	}
	return slog.GroupValue(attrs...)
}

// age returns the bound that so many percent of the users served were not older
// than, and false where nobody was served.
func (s Stats) age(percent uint64) (bound time.Duration, ok bool) {
	var total, seen uint64
	for _, a := range s.Ages {
		total += a.Count
	}
	for _, a := range s.Ages {
		if a.AtMost != math.MaxInt64 {
			bound = a.AtMost
		}
		if seen += a.Count; total > 0 && seen*100 >= total*percent {
			return bound, true
		}
	}
	return 0, false
}

// writers are the changes that this node has announced and not concluded.
type writers struct {
	mu    sync.Mutex
	until map[ID]time.Time // guarded by mu; when each is forgotten; nil: there was none
	sweep int              // guarded by mu; the size at which they are looked through
}

// begin counts a change, once however often it is announced. Those that nobody
// concludes go when there are twice as many as were left the last time, so that
// they cost no timer and are bounded all the same.
func (w *writers) begin(id ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.until == nil {
		w.until = make(map[ID]time.Time)
	}
	w.until[id] = time.Now().Add(WriterDeadline)
	if len(w.until) > w.sweep {
		w.forget()
		w.sweep = max(64, 2*len(w.until))
	}
}

// end counts a change no longer; one that is not counted is none.
func (w *writers) end(id ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.until, id)
}

func (w *writers) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget()
	return len(w.until)
}

// forget drops those whose deadline has passed. The caller holds mu.
func (w *writers) forget() {
	now := time.Now()
	for id, until := range w.until {
		if !now.Before(until) {
			delete(w.until, id)
		}
	}
}
