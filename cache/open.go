package cache

import (
	"context"
	"errors"
	"time"
)

// Opening is what a request carries to Open.
type Opening struct {
	Transport Transport
	Tenant    string
	Token     Token
	// NoUser leaves the user out: the request reads them by itself.
	NoUser bool
}

// Opened is what a request gets for its token.
type Opened struct {
	Access
	// User is the current user, never older than the rules allow; nil where
	// nobody is signed in, and with NoUser. It must not be changed.
	User   any
	ReadAt Time
	// Successor is the token to hand out, nil for none.
	Successor *Token
	// Repeated is how long ago another request of the session was handed the
	// Successor first; negative where this one is the first.
	Repeated time.Duration
	// Renewal is the renewal token to hand out beside it, nil for none.
	Renewal *Token
	// From tells where the user came from.
	From Origin
	// Ended reports that the session has just been ended because its user is
	// gone or no longer active.
	Ended bool
	// Replaced reports that the token was replaced and works no more, and
	// Overtaken that this was a moment ago: its client has a newer one, or is
	// about to.
	Replaced, Overtaken bool
	// Spent is the time that went into waiting for the store and the source.
	Spent time.Duration
}

// An Origin is where a request's user came from.
type Origin uint8

// The origins.
const (
	FromNowhere  Origin = iota // there is no user
	FromCache                  // the cached copy
	FromDatabase               // a read that this request waited for
	FromStale                  // a cached copy that is too old, since no read was possible
)

// Open begins a request: it finds the session, makes sure that the user is not
// older than the rules allow, and renews or confirms the token where that is
// due. It fills o, which must be zero. An unknown token changes nothing and
// leaves nothing behind.
//
// An error means that it could not tell who is signed in. A renewal that fails
// is no error: the token that the request carried still works.
func (c *Cache) Open(ctx context.Context, in *Opening, o *Opened) error {
	if c.closed.Load() {
		return unavailable("look for a session", errClosed)
	}
	var v view
	if m := c.memory; m != nil {
		// Not through the backend: a look-up that everything waits for.
		v.now = m.memory.clock.now()
		v.account, v.epoch = m.load(in.Token.account, v.now), m.epoch.Load()
	} else {
		var cancel context.CancelFunc
		ctx, cancel = Bounded(ctx, Budget)
		defer cancel()
		start := time.Now()
		var err error
		v, err = c.loadFor(ctx, in)
		o.Spent = time.Since(start)
		if err != nil {
			return err
		}
	}
	reused := c.look(&o.Access, &v, in.Transport, in.Tenant, &in.Token)
	if !o.Live() {
		if reused != nil {
			o.Replaced, o.Overtaken = true, reused.overtaken(&in.Token, v.now)
			if c.rules.EndAtReuse {
				c.endReused(ctx, in.Token.account, reused.handle)
			}
		}
		return nil
	}
	due := o.session.due(o.role, v.now, c.rules)
	user, hit := any(nil), in.NoUser
	if !hit {
		user, hit = c.cached(&v)
	}
	if hit && !due && (in.NoUser || c.active(user)) {
		c.hit(o, user, v.now)
		return nil
	}
	if !in.NoUser && due && o.session.dormant(v.now, c.rules) {
		hit = false // after a long sleep the cached copy does not do
	}
	// What runs here may be kept by others, o by nobody: so it need not be on the heap.
	slow := *o
	err := c.openSlowly(ctx, &slow, hit, user, due)
	*o = slow
	return err
}

// loadFor loads the account of a request, from this process where the store
// keeps a copy there and the copy is all that it takes.
func (c *Cache) loadFor(ctx context.Context, in *Opening) (view, error) {
	v, near, err := c.backend.loadNear(ctx, in.Token.account)
	if err != nil || !near || c.suffices(&v, in) {
		return v, err
	}
	return c.backend.load(ctx, in.Token.account)
}

// suffices reports whether a copy that may be behind shows somebody signed in,
// of whom nothing is due.
func (c *Cache) suffices(v *view, in *Opening) bool {
	s, ro := v.account.roleOf(&in.Token, v.now)
	if ro != roleCurrent || s.end(c.rules) <= v.now || v.epoch.revoked(s) || s.due(ro, v.now, c.rules) {
		return false
	}
	user, ok := any(nil), in.NoUser
	if !ok {
		user, ok = c.cached(v)
	}
	return ok && (in.NoUser || c.active(user))
}

// openSlowly is Open where more is to be done than to look. With hit, user is
// the cached user, or nil where the request wants none.
func (c *Cache) openSlowly(ctx context.Context, o *Opened, hit bool, user any, due bool) error {
	start := time.Now()
	if c.memory != nil {
		var cancel context.CancelFunc
		ctx, cancel = Bounded(ctx, Budget)
		defer cancel()
	}
	err := func() error {
		switch {
		case !hit:
			return c.miss(ctx, o, due)
		case user != nil && !c.active(user):
			return c.reread(ctx, o, due)
		}
		c.hit(o, user, c.backend.now())
		c.advance(ctx, o)
		return nil
	}()
	o.Spent += time.Since(start)
	return err
}

// hit gives the request the cached user, or none where it wants none.
func (c *Cache) hit(o *Opened, user any, now Time) {
	if user == nil {
		return
	}
	o.User, o.ReadAt, o.From = user, o.account.readAt, FromCache
	c.counters.hit(o, now.Sub(o.ReadAt))
}

// Stale gives the request the cached user although they are too old, where
// Open or Newest has just failed with err because the source of users did. It
// reports false where the store failed, where the copy is older than maxAge or
// was dropped, and where the request must not be served one. Whether the session
// lives was asked of the store.
func (c *Cache) Stale(o *Opened, err error, maxAge time.Duration) bool {
	var source sourceError
	a, now := o.account, c.backend.now()
	if !o.Live() || !errors.As(err, &source) || o.session.dormant(now, c.rules) ||
		a.user == nil || a.outdated(o.epoch) ||
		now.Sub(a.readAt) > maxAge || !c.active(a.user) {
		return false
	}
	o.User, o.ReadAt, o.From = a.user, a.readAt, FromStale
	c.counters.stale.Add(1)
	c.counters.served(now.Sub(a.readAt))
	return true
}

// advance renews or confirms. Its failure is never the request's.
func (c *Cache) advance(ctx context.Context, o *Opened) {
	in := newAdvance(&o.token)
	known := o.view(c.backend.now())
	var next *Token
	w, err := c.update(ctx, o.token.account, &known, func(v view) (a *Account, _ error) {
		a, next = in.decide(v.account, v.now, c.rules)
		return a, nil
	})
	if err == nil {
		c.follow(o, w, &in, next)
	}
}

// follow moves the access on to the account as it is after its advance. Where
// the session has ended meanwhile, this request is under way and may finish.
func (c *Cache) follow(o *Opened, w view, in *advance, next *Token) {
	if !o.moveTo(w) {
		return
	}
	o.Successor, o.Repeated = next, -1
	// Many requests may hand out the successor; the one whose salt it has made it.
	if p := o.session.pending; p != nil && p.salt != in.salt {
		o.Repeated = max(0, w.now.Sub(p.madeAt))
	} else if p != nil {
		c.counters.renewals.Add(1)
		c.event(Event{Name: EventRenewed, UserKey: w.account.key, Session: o.session.handle})
	}
}

// miss reads the user, sharing the read with others that miss the same lease.
// The one swap that fills the cache also advances the session of the request
// that runs it.
func (c *Cache) miss(ctx context.Context, o *Opened, due bool) error {
	c.counters.misses.Add(1)
	id, key, now := o.token.account, o.UserKey(), c.backend.now()
	v, err := c.prepare(ctx, id, o.view(now))
	if err != nil {
		return err
	}
	p := permitFill(v.account, v.epoch, v.now)
	if !p.granted() {
		// A change is under way: the read fills nothing and nobody joins it.
		return c.missAlone(ctx, o, v.now, due)
	}
	// What the read leaves here is looked at only after the read has ended.
	advanced := false
	var next *Token
	var in advance
	var also func(*Account, Time) *Account
	if due {
		in = newAdvance(&o.token)
		also = func(a *Account, now Time) *Account {
			advanced = true
			a, next = in.decide(a, now, c.rules)
			return a
		}
	}
	r, err := c.flights.shareMiss(ctx, missKey{id, p.lease, p.stamp}, func(ctx context.Context) (reading, error) {
		return c.read(ctx, id, key, v, toRead{fill: true, check: !o.session.dormant(now, c.rules), also: also})
	})
	if err != nil {
		return err
	}
	c.giveWay(&r)
	switch {
	case r.failed != nil:
		due = false // another swap would fail as this one did
	case advanced && r.landed:
		c.follow(o, r.after, &in, next)
		due = false
	case r.landed:
		o.moveTo(r.after) // or what is decided next would be decided on what was
	}
	return c.take(ctx, o, r, due)
}

// giveWay puts in the place of what was read what another read has filled
// meanwhile: that is what the next request gets, and nobody is to see the new
// user first and the old one after.
func (c *Cache) giveWay(r *reading) {
	a := r.after.account
	if !r.landed || r.filled || r.user == nil || a == nil || a.user == nil || a.outdated(r.after.epoch) || !c.active(a.user) {
		return
	}
	r.user, r.readAt = a.user, a.readAt
}

func (c *Cache) missAlone(ctx context.Context, o *Opened, now Time, due bool) error {
	user, err := c.findAlone(ctx, o.UserKey())
	if err != nil {
		return err
	}
	return c.take(ctx, o, reading{user: user, readAt: now}, due)
}

// reread asks the database before anyone is signed out whom only the cached
// copy says to be inactive.
func (c *Cache) reread(ctx context.Context, o *Opened, due bool) error {
	c.counters.misses.Add(1)
	f, err := c.newest(ctx, &o.Access, newestKey{account: o.token.account, fill: true})
	if err != nil {
		return err
	}
	return c.take(ctx, o, reading{user: f.User, readAt: f.ReadAt, ended: f.Ended}, due)
}

// take gives the request the user that was read, or nobody.
func (c *Cache) take(ctx context.Context, o *Opened, r reading, due bool) error {
	if r.user == nil {
		*o = Opened{Ended: r.ended}
		return nil
	}
	o.User, o.ReadAt, o.From = r.user, r.readAt, FromDatabase
	c.counters.served(c.Age(r.readAt))
	if due {
		c.advance(ctx, o)
	}
	return nil
}
