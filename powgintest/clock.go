package powgintest

import (
	"sync/atomic"
	"time"

	"github.com/powgin/powgin/cache"
)

// A Clock is time that a test moves, for apps that cannot run in a bubble of
// testing/synctest: because their database lives outside of it, for instance.
// The sessions in its store go by it:
//
//	clock := powgintest.NewClock()
//	auth, err := powgin.New(powgin.Config[User]{DB: db, Store: clock.Store()})
//	…
//	clock.Advance(31 * time.Minute) // every session has been idle for too long
//
// Deadlines of requests, and how often an event is told, go by the real time all
// the same. Many goroutines may use a Clock at once.
type Clock struct{ now atomic.Int64 }

// NewClock returns a clock that shows the present, and stands still.
func NewClock() *Clock {
	c := new(Clock)
	c.now.Store(time.Now().UnixNano())
	return c
}

// Now returns what the clock shows.
func (c *Clock) Now() time.Time { return time.Unix(0, c.now.Load()) }

// Advance moves the clock on. It panics where d is negative: time never goes
// back.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic("powgintest: Advance(" + d.String() + "): time never goes back")
	}
	c.now.Add(int64(d))
}

// Store returns an empty in-process store, for Config.Store, whose time is the
// clock's.
func (c *Clock) Store() cache.Store { return cache.NewMemoryWithClock(0, c.Now) }
