package cache

import (
	"context"
	"time"
)

// A Sync asks for a session's user to be read again and its token to be
// replaced.
type Sync struct {
	// Grace is how long tokens that are replaced still work; negative stands
	// for Rules.Grace. Zero ends those in grace as well, now.
	Grace time.Duration
	// Keep keeps the token.
	Keep bool
	// EndOthers ends the user's other sessions.
	EndOthers bool
	// Rotate replaces the token of a session whose tokens do not rotate by
	// themselves as well, and the renewal token of one that has one. The latter
	// works no more at once.
	Rotate bool
	// Token is the new token, where it has to be known beforehand; zero stands
	// for one that Sync makes.
	Token Token
	// Mark leaves the token for now and has it renewed at the session's next
	// request: for a response that has begun already.
	Mark bool
}

// Sync forgets the cached user of o's account, whatever follows; then replaces
// the session's token, reads the user and fills the cache.
//
// On a token in grace, or one that another sync has replaced since, nothing is
// replaced; it answers ErrInGrace where EndOthers or a zero Grace was asked
// for. Where the session has ended meanwhile, or its token was ended by another
// sync, it answers ErrNoSession: o proves nothing any more. Where the user is
// gone it answers ErrInactive, and o is nobody's. If reading fails, o has the
// new token all the same, and the error tells that the current user could not
// be read.
func (c *Cache) Sync(ctx context.Context, o *Opened, in Sync) error {
	grace := in.Grace
	if grace < 0 {
		grace = c.rules.Grace
	}
	id := o.token.account
	lease, token, renewal := NewID(), in.Token.or(id), NewToken(id)
	rot := rotation{
		handle: o.Handle(), hash: o.token.hash(), to: token.hash(), fresh: newRenewal(&renewal), grace: grace,
		keep: in.Keep || in.Mark || !in.Rotate && !o.session.rotates(), others: in.EndOthers,
	}
	rotated := false
	known := o.view(c.backend.now())
	var ended endings
	w, err := c.update(ctx, id, &known, func(v view) (*Account, error) {
		next := dropUser(v.account, lease)
		rot.now = v.now
		rotated = false
		if !o.InGrace() {
			next, rotated = rot.decide(next, c.rules)
		}
		if rotated && in.Mark {
			next = markOne(next, rot.handle)
		}
		return ended.of(v.account, next), nil
	})
	if err != nil {
		return err
	}
	c.counters.syncs.Add(1)
	c.tell(EventRevoked, o.UserKey(), ended)
	o.User, o.From, o.Successor, o.Renewal = nil, FromNowhere, nil, nil
	if !o.moveTo(w) {
		return ErrNoSession
	}
	if rotated && !rot.keep {
		o.token, o.role, o.Successor = token, roleCurrent, &token
		if o.session.renewal != nil {
			o.Renewal = &renewal
		}
	}
	if err := c.refill(ctx, o); err != nil {
		return err
	}
	c.event(Event{Name: EventSynced, UserKey: w.account.key, Session: rot.handle})
	if !rotated {
		return o.lateSync(&rot, in)
	}
	return nil
}

// refill reads the user after a sync, by a read that begins now, and makes
// them the current one. The cached copy is dropped already, so a fill that
// loses its lease to others who sync is not tried again.
func (c *Cache) refill(ctx context.Context, o *Opened) error {
	f, err := c.newest(ctx, &o.Access, newestKey{account: o.token.account, fill: true, once: true})
	if err != nil {
		return err
	}
	if f.User == nil {
		*o = Opened{Ended: f.Ended}
		return ErrInactive
	}
	o.User, o.ReadAt, o.From = f.User, f.ReadAt, FromDatabase
	return nil
}

// lateSync tells a request that did not rotate what that means. In grace it is
// as it should be, unless something was asked that did not happen. A token
// that was live when the request began, and that a sync has ended since, proves
// nothing any more.
func (x *Access) lateSync(rot *rotation, in Sync) error {
	switch {
	case in.EndOthers || in.Grace == 0:
		return ErrInGrace
	case x.InGrace() || x.session.role(&rot.hash, rot.now) == roleGrace:
		return nil
	}
	return ErrNoSession
}

// markOne has one session renewed at its next request.
func markOne(a *Account, h Handle) *Account {
	s := a.session(h)
	if s == nil || s.regenerate || !s.rotates() {
		return a
	}
	next := a.edit(0)
	next.session(h).regenerate = true
	return next
}

// A BackgroundSync tells what becomes of a user's sessions when the user was
// changed outside their own requests.
type BackgroundSync struct {
	Regenerate bool // each session gets a new token at its next request
	Revoke     bool // all sessions end now
}

// SyncUser forgets the cached copy of a user, so that the next request of each
// of their sessions reads them. A user without an account needs nothing.
func (c *Cache) SyncUser(ctx context.Context, tenant, key string, in BackgroundSync) error {
	lease := NewID()
	var ended endings
	_, err := c.update(ctx, c.space.account(tenant, key), nil, func(v view) (*Account, error) {
		next := dropUser(v.account, lease)
		if in.Revoke {
			next = endSessions(next, func(*Session) bool { return true })
		}
		if in.Regenerate {
			next = markSessions(next)
		}
		return ended.of(v.account, next), nil
	})
	if err == nil {
		c.counters.syncs.Add(1)
		c.tell(EventRevoked, key, ended)
	}
	return err
}
