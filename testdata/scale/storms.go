package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// A spell is a time in which flows ran.
type spell struct {
	name    string
	flows   []flowed
	counted counted
}

// watch runs the flows for d.
func watch(name string, d time.Duration, flows ...flow) (spell, error) {
	before := readRuntime()
	flowed, err := runFlows(d, flows...)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return spell{name, flowed, readRuntime().since(before)}, err
}

const (
	cachedRequests = "cached requests"
	calculation    = "a calculation"
)

// calm returns the flows that each spell has: cached requests, and beside them
// something that takes as long, with neither a lock nor an allocation. It shows
// what the machine does to whatever runs on it.
func calm(s *sizes, on *site, cookies []string) []flow {
	var text [4096]byte
	return []flow{
		requests(cachedRequests, s.rate, on.router, cookies),
		{calculation, s.rate, func(int) error {
			sum := sha256.Sum256(text[:])
			text[0] = sum[0]
			return nil
		}},
	}
}

// storms measures what requests of others feel of a storm of sign-ins, and of one
// of expiries.
func storms(s *sizes, r *report) error {
	spells, err := signInStorm(s)
	if err != nil {
		return err
	}
	for _, full := range []bool{false, true} {
		more, err := expiryStorm(s, full)
		if err != nil {
			return err
		}
		spells = append(spells, more...)
	}
	r.add(latencyTable(spells), waitTable(spells), latencyChart(spells))
	for _, p := range spells {
		if len(p.flows) > 2 { // no calm
			r.goal("locks that anybody waited for, all together, in "+p.name, 1e9*p.counted.Waited, 2e6, nanoseconds)
			r.goal("99.9 % of cached requests in "+p.name, float64(p.flows[0].at(0.999)), 2e6, nanoseconds)
		}
	}
	return nil
}

func signInStorm(s *sizes) (spells []spell, err error) {
	c, err := newCrowd(s.stormAccounts, 1, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.leave()) }()
	cookies := c.drawn(10_000)
	before, err := watch("calm", s.storm, calm(s, c.site, cookies)...)
	if err != nil {
		return nil, err
	}
	storm, err := watch("the storm of sign-ins", s.storm, append(calm(s, c.site, cookies), signIns(s.rate, c.router, s.stormAccounts))...)
	return []spell{before, storm}, err
}

// handClock is a clock that is moved by hand.
type handClock struct{ at atomic.Int64 }

func (c *handClock) now() time.Time       { return time.Unix(0, c.at.Load()) }
func (c *handClock) pass(d time.Duration) { c.at.Add(int64(d)) }

// expiryStorm has the sessions of many users end at one moment, while others go
// on. Each sign-in after that gives the memory of some accounts back; where the
// store is full it needs the room.
func expiryStorm(s *sizes, full bool) (spells []spell, err error) {
	clock, name, bound := new(handClock), "the storm of expiries", math.MaxInt
	if full {
		name, bound = name+", store full", s.expiring+s.survivors
	}
	clock.at.Store(time.Unix(1e9, 0).UnixNano())
	store := cache.NewMemoryWithClock(bound, clock.now)
	c, err := newCrowd(s.expiring, 1, func(cfg *powgin.Config[member]) {
		cfg.Store, cfg.MaxAccounts, cfg.IdleTimeout = store, 0, time.Hour
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.leave()) }()
	clock.pass(45 * time.Minute)
	cookies := make([]string, s.survivors)
	for i := range cookies {
		if cookies[i], err = c.post(signInPath(s.expiring+i), ""); err != nil {
			return nil, err
		}
		if status := c.get(cookies[i]); status != 200 {
			return nil, fmt.Errorf("GET / of a survivor = %d; want 200", status)
		}
	}
	before, err := watch("calm before it", s.storm/2, calm(s, c.site, cookies)...)
	if err != nil {
		return nil, err
	}
	clock.pass(15*time.Minute + 2*time.Second) // all but the survivors' are over
	first := s.expiring + s.survivors
	storm, err := watch(name, s.storm, append(calm(s, c.site, cookies), signIns(s.rate, c.router, first))...)
	if err != nil {
		return nil, err
	}
	// Whoever is over has been forgotten, and nobody else.
	if got, want := store.Len(), s.survivors+storm.flows[2].done; got != want {
		return nil, fmt.Errorf("%s: %d accounts are left; want %d", name, got, want)
	}
	if status := c.get(c.at(c.someone())); status != 401 {
		return nil, fmt.Errorf("GET / of an expired session = %d; want 401", status)
	}
	return []spell{before, storm}, nil
}

func latencyTable(spells []spell) table {
	t := table{
		title: "Storms",
		note:  "Times are from the call to its return. The calculation takes no lock and allocates nothing: it shows what the machine does to whatever runs for some microseconds.",
		head:  []string{"while", "what", "offered a second", "done", "p50", "p99", "p99.9", "max", "which was call", "slower than 2 ms", "latest call behind its time"},
	}
	for _, p := range spells {
		for i := range p.flows {
			f := &p.flows[i]
			t.rows = append(t.rows, []string{
				p.name, f.name, number(f.offered), number(f.done),
				took(f.at(0.5)), took(f.at(0.99)), took(f.at(0.999)), took(f.at(1)), number(f.slowest), number(f.slower(2 * time.Millisecond)), took(f.behind),
			})
		}
	}
	return t
}

func waitTable(spells []spell) table {
	t := table{
		title: "Storms: locks and the collector",
		note:  "All the time together that goroutines waited for a mutex, the runtime's own locks included: the Go runtime counts it, in part by samples.",
		head:  []string{"while", "waited for locks", "collector's cycles", "longest pause"},
	}
	for _, p := range spells {
		t.rows = append(t.rows, []string{p.name, nanoseconds(1e9 * p.counted.Waited), number(int(p.counted.Cycles)), took(p.counted.pause(1))})
	}
	return t
}

// latencyChart shows how slow one in so many requests is.
func latencyChart(spells []spell) chart {
	p := chart{file: "storms.svg", title: "Latencies in the storms", x: "the slowest of so many requests", y: "latency", unit: nanoseconds, limit: 2e6}
	for i, spell := range spells {
		for j := range spell.flows {
			f := &spell.flows[j]
			// Of the calm spells the first will do, and one line of the calculation.
			if i > 0 && len(spell.flows) == 2 || f.name == calculation && i != 1 {
				continue
			}
			l := line{name: f.name + ", " + strings.TrimPrefix(spell.name, "the ")}
			for n := 2; n <= max(2, f.done); n *= 10 {
				l.add(float64(n), float64(f.at(1-1/float64(n))))
				if n == 2 {
					n = 1
				}
			}
			p.lines = append(p.lines, l)
		}
	}
	return p
}
