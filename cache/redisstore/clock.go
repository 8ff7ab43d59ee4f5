package redisstore

import (
	"sync/atomic"
	"time"

	"github.com/powgin/powgin/cache"
)

// skew is how far the clocks of servers may be apart, and how far one may be
// set back, without anybody noticing.
const skew = time.Minute

// A clock tells the servers' time: what the last answer said, moved on by the
// monotonic clock of this process. It never goes back: where a server is behind
// what was told before, time stands still until that server has caught up. One
// that is behind by more than skew is believed, or its records would live, and
// what is under way would last, for as long as it is behind. That is the only
// way back.
type clock struct {
	start   time.Time
	ahead   atomic.Int64           // of the servers' time to mono, in µs
	told    atomic.Int64           // the latest time that was told, in µs
	stepped func(by time.Duration) // is told of a way back
}

// grain is the step in µs that the clock moves on by where no server is asked.
const grain = 100

// mono is the time since start, in µs.
func (c *clock) mono() int64 { return time.Since(c.start).Microseconds() }

// now tells the time as far as it is known here. Whoever asks within a grain is
// told the same, and writes nothing that another processor reads.
func (c *clock) now() cache.Time {
	t := c.ahead.Load() + c.mono()
	for {
		told := c.told.Load()
		if t < told+grain {
			return timeOf(told)
		}
		if c.told.CompareAndSwap(told, t) {
			return timeOf(t)
		}
	}
}

// answer tells the time of an answer that was asked for at sent and says t.
func (c *clock) answer(sent, t int64) cache.Time {
	received := c.mono()
	// The server's clock has shown t at some moment between the two.
	least, most := t-received, t-sent
	if ahead := c.ahead.Load(); least > ahead || most < ahead {
		c.ahead.Store(least)
	}
	for {
		told := c.told.Load()
		switch back := time.Duration(told-t) * time.Microsecond; {
		case back <= 0:
			if c.told.CompareAndSwap(told, t) {
				return timeOf(t)
			}
		case back <= skew || told-(t+received-sent) <= skew.Microseconds():
			// Or it is an old answer that is only now looked at.
			return timeOf(told)
		case c.told.CompareAndSwap(told, t):
			c.stepped(back)
			return timeOf(t)
		}
	}
}

func timeOf(us int64) cache.Time { return cache.Time(us * 1000) }
