package cache

import "context"

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
	// Ended reports that the session has just been ended because its user is
	// gone or no longer active.
	Ended bool
}

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
	v, err := c.backend.load(ctx, in.Token.account)
	if err != nil {
		return err
	}
	hash := in.Token.hash()
	c.look(&o.Access, v, in.Transport, in.Tenant, &in.Token, &hash)
	if !o.Live() {
		return nil
	}
	due := o.session.due(o.role, v.now, c.rules)
	if in.NoUser {
		if due {
			c.advance(ctx, o)
		}
		return nil
	}
	if user, ok := c.cached(&v, c.rules.MaxAge); ok {
		if c.active(user) {
			o.User, o.ReadAt = user, v.account.readAt
			if due {
				c.advance(ctx, o)
			}
			return nil
		}
		return c.reread(ctx, o, due)
	}
	return c.miss(ctx, o, due)
}

// advance renews or confirms. Its failure is never the request's.
func (c *Cache) advance(ctx context.Context, o *Opened) {
	in := advance{token: o.token, hash: o.hash}
	fill(in.salt[:])
	var next *Token
	w, err := c.update(ctx, o.token.account, &o.view, func(v view) (a *Account, _ error) {
		a, next = in.decide(v.account, v.now, c.rules)
		return a, nil
	})
	if err == nil {
		c.follow(o, w, next)
	}
}

// follow moves the access on to the account as it is after its advance.
func (c *Cache) follow(o *Opened, w view, next *Token) {
	s := w.account.session(o.session.handle)
	if s == nil {
		return // ended meanwhile; this request is under way and is let finish
	}
	if next != nil && w.account != o.view.account {
		c.event(Event{Name: EventRenewed, UserKey: w.account.key, Session: s.handle})
	}
	o.view, o.session, o.Successor = w, s, next
}

// miss reads the user, sharing the read with others that miss the same lease.
// The one swap that fills the cache also advances the session of the request
// that runs it.
func (c *Cache) miss(ctx context.Context, o *Opened, due bool) error {
	id, key := o.token.account, o.UserKey()
	v, err := c.prepare(ctx, id, o.view)
	if err != nil {
		return err
	}
	p := permitFill(v.account, v.epoch, v.now)
	if !p.granted() {
		// A change is under way: the read fills nothing and nobody joins it.
		return c.missAlone(ctx, o, due)
	}
	// What the read leaves here is looked at only after the read has ended.
	var after *Account
	var next *Token
	token, hash := o.token, o.hash
	r, err := c.flights.shareMiss(ctx, missKey{id, p.lease, p.stamp}, func(ctx context.Context) (reading, error) {
		if !due {
			return c.read(ctx, id, key, v, true, nil)
		}
		in := advance{token: token, hash: hash}
		fill(in.salt[:])
		return c.read(ctx, id, key, v, true, func(a *Account, now Time) *Account {
			after, next = in.decide(a, now, c.rules)
			return after
		})
	})
	if err != nil {
		return err
	}
	if after != nil && r.landed {
		c.follow(o, view{account: after, epoch: v.epoch, now: v.now}, next)
		due = false
	}
	return c.take(ctx, o, r, due)
}

func (c *Cache) missAlone(ctx context.Context, o *Opened, due bool) error {
	user, err := c.find(ctx, o.UserKey())
	if err != nil {
		return err
	}
	return c.take(ctx, o, reading{user: user, readAt: o.view.now}, due)
}

// reread asks the database before anyone is signed out whom only the cached
// copy says to be inactive.
func (c *Cache) reread(ctx context.Context, o *Opened, due bool) error {
	f, err := c.Newest(ctx, &o.Access, true)
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
	o.User, o.ReadAt = r.user, r.readAt
	if due {
		c.advance(ctx, o)
	}
	return nil
}

// Budget bounds all store and database calls of one request.
const Budget = callBudget
