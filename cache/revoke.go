package cache

import (
	"context"
	"errors"
)

// EndSession signs out: it ends one session of an account, with every token it
// knows, those in grace included. A session that is none any more is no error.
func (c *Cache) EndSession(ctx context.Context, id AccountID, h Handle) error {
	_, err := c.end(ctx, id, EventSignedOut, func(s *Session) bool { return s.handle == h })
	return err
}

// RevokeSession ends one session of a user. It answers ErrNoSession where the
// handle is none of this user's.
func (c *Cache) RevokeSession(ctx context.Context, tenant, key string, h Handle) error {
	id := c.space.account(tenant, key)
	ended, err := c.end(ctx, id, EventRevoked, func(s *Session) bool { return s.handle == h })
	if err == nil && len(ended) == 0 {
		return ErrNoSession
	}
	return err
}

// RevokeUser ends all sessions of a user.
func (c *Cache) RevokeUser(ctx context.Context, tenant, key string) error {
	id := c.space.account(tenant, key)
	_, err := c.end(ctx, id, EventRevoked, func(*Session) bool { return true })
	return err
}

// RevokeAll ends everyone's sessions that were signed in before that moment by
// the store's time. Zero, and a moment to come, stand for all there are now. It
// visits no account: the epoch beside each tells.
func (c *Cache) RevokeAll(ctx context.Context, before Time) error {
	stamp := NewID()
	var at Time // the same in every copy of the epoch
	err := c.updateEpoch(ctx, func(e *Epoch, now Time) *Epoch {
		if at == 0 {
			if at = before; at == 0 || at > now {
				at = now + 1 // also those of this very moment
			}
		}
		return revokeAll(e, now, stamp, at)
	})
	if err == nil {
		c.event(Event{Name: EventRevoked})
	}
	return err
}

// Revoke ends sessions of the account that o's session belongs to: the one
// with this handle or, for the zero handle, all but o's own. A token that is in
// grace, or that another sync has replaced since, changes no session but its
// own and is answered with ErrInGrace. One whose session has ended is answered
// with ErrNoSession, as is a handle that is none of this account's.
func (c *Cache) Revoke(ctx context.Context, o *Opened, h Handle) error {
	own := o.Handle()
	others := h == Handle{}
	rot := rotation{handle: own, hash: o.token.hash()}
	var ended endings
	_, err := c.update(ctx, o.token.account, nil, func(v view) (*Account, error) {
		s := v.account.session(own)
		rot.now = v.now
		switch {
		case s == nil && h == own && len(ended) > 0:
			return v.account, nil // it has ended, by this swap unseen or by another
		case s == nil:
			return nil, errGone
		case h == own:
		case o.InGrace() || !rot.mayRotate(s):
			return nil, ErrInGrace
		}
		return ended.of(v.account, endSessions(v.account, func(s *Session) bool {
			return s.handle == h || others && s.handle != own
		})), nil
	})
	switch {
	case errors.Is(err, errGone), err == nil && len(ended) == 0 && !others:
		return ErrNoSession
	case err == nil:
		c.tell(EventRevoked, o.UserKey(), ended)
	}
	return err
}

var errGone = errors.New("the session has ended")

// end ends the sessions for which gone is true, tells of it under this name and
// returns which they were.
func (c *Cache) end(ctx context.Context, id AccountID, name string, gone func(*Session) bool) (ended endings, err error) {
	var key string
	_, err = c.update(ctx, id, nil, func(v view) (*Account, error) {
		if v.account != nil {
			key = v.account.key
		}
		return ended.of(v.account, endSessions(v.account, gone)), nil
	})
	if err == nil {
		c.tell(name, key, ended)
	}
	return ended, err
}

// endReused ends a session whose replaced token came back. Where that fails
// the token's next use tries again: the request is nobody's in any case.
func (c *Cache) endReused(ctx context.Context, id AccountID, h Handle) {
	ctx, cancel := Bounded(ctx, Budget)
	defer cancel()
	_, _ = c.end(ctx, id, EventRevoked, func(s *Session) bool { return s.handle == h })
}

// Sessions returns the live sessions of an account, the oldest first.
func (c *Cache) Sessions(ctx context.Context, id AccountID) ([]Info, error) {
	if c.closed.Load() {
		return nil, unavailable("list sessions", errClosed)
	}
	v, err := c.backend.load(ctx, id)
	if err != nil {
		return nil, err
	}
	a := settle(v.account, v.epoch, v.now, ID{}, c.rules)
	if a == nil {
		return nil, nil
	}
	infos := make([]Info, len(a.sessions))
	for i := range a.sessions {
		infos[i] = a.sessions[i].info(c.rules)
	}
	return infos, nil
}

// IsNewest reports whether token is still the newest of its session, as far as
// this node knows: a response that is about to carry an older one must not.
func (c *Cache) IsNewest(token *Token) bool {
	now := c.backend.now()
	a, epoch, known := c.backend.known(token.account)
	s, ro := a.roleOf(token, now)
	switch {
	case !known:
		return true
	case s == nil || s.end(c.rules) <= now || epoch.revoked(s):
		return false
	}
	return ro == rolePending || ro == roleCurrent && s.pending == nil
}

// Works reports whether token proves a session, in its grace too; true where
// that cannot be told.
func (c *Cache) Works(ctx context.Context, token *Token) bool {
	v, err := c.backend.load(ctx, token.account)
	if err != nil {
		return true // nothing is known to have changed
	}
	s, ro := v.account.roleOf(token, v.now)
	return s != nil && ro != roleRetired && s.end(c.rules) > v.now && !v.epoch.revoked(s)
}
