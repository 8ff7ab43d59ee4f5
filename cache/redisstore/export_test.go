package redisstore

import (
	"context"
	"time"

	"github.com/powgin/powgin/cache"
)

// What tests may see and alter that nobody else may.
const (
	SwapScript = swapScript
	SwapSHA    = swapSHA
	Shards     = shards
	Skew       = skew
	MaxAsking  = maxAsking
)

// Pace has servers asked for a sign of life every beat, and the local tier
// believed for so long after one.
func Pace(beat, belief time.Duration) Option {
	return func(o *options) { o.beat, o.belief = beat, belief }
}

// Keys returns the keys of a record and of the epoch that goes with it.
func (s *Store) Keys(key cache.Key) (record, epoch string) {
	sp := s.space(key.Space)
	return sp.key(key.ID), sp.epochKey(key.ID)
}

// Place is what is told of a key that has changed.
func (s *Store) Place(key string) (cache.AccountID, bool) {
	_, id, ok := s.place(key)
	return id, ok
}

// Held returns how many accounts the local tier holds, and their bytes.
func (s *Store) Held() (records, bytes int) {
	if s.local == nil {
		return 0, 0
	}
	for i := range s.local.stripes {
		st := &s.local.stripes[i]
		st.mu.RLock()
		records, bytes = records+len(st.held), bytes+st.bytes
		st.mu.RUnlock()
	}
	return records, bytes
}

// HasLocal reports whether there is a local tier.
func (s *Store) HasLocal() bool { return s.local != nil }

// Believed reports whether the local tier is believed.
func (s *Store) Believed() bool {
	return s.local != nil && s.clock.mono() < s.local.believed.Load()
}

// A Clock is a clock with a hand of its own.
type Clock struct {
	clock
	Back []time.Duration // ways back that were told of
}

// NewClock returns a clock that began a while ago.
func NewClock(ago time.Duration) *Clock {
	c := new(Clock)
	c.start = time.Now().Add(-ago)
	c.stepped = func(by time.Duration) { c.Back = append(c.Back, by) }
	return c
}

// Mono, Now and Answer are the clock's own.
func (c *Clock) Mono() int64                     { return c.mono() }
func (c *Clock) Now() cache.Time                 { return c.now() }
func (c *Clock) Answer(sent, t int64) cache.Time { return c.answer(sent, t) }

// Judge is what is logged of a server, or what makes it unfit.
func Judge(info string, cluster bool) (string, error) { return judge(parseInfo(info), cluster) }

// Holds reports whether the local tier would answer a Load of the account.
func (s *Store) Holds(key cache.Key) bool {
	_, ok := s.local.load(s.space(key.Space), key.ID)
	return ok
}

// Nearest is what a request does: it loads from the local tier where that has an
// answer, and else from Redis.
func (s *Store) Nearest(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	if ctx.Err() == nil {
		if l, ok := s.LoadNear(key); ok {
			return l, nil
		}
	}
	return s.Load(ctx, key)
}

// A Near is a Store whose every Load is Nearest: so what holds for the store holds
// for its local tier.
type Near struct{ *Store }

// Load implements cache.Store.
func (s Near) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	return s.Nearest(ctx, key)
}
