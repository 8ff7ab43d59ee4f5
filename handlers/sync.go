package handlers

import (
	"context"
	"errors"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// SyncUser forgets the cached user, whatever follows, regenerates the session
// and reads the user anew. The key says whose entry; the database says what is
// in it.
func (s *State) SyncUser(c *gin.Context, key string, opts SessionOptions) error {
	grace, err := opts.graceOrDefault()
	o := s.snapshot()
	switch {
	case err != nil || opts.background() || opts.keep && (opts.grace != nil || opts.rotate):
		return ErrOption
	case !o.Live():
		return s.nobody()
	case key == "":
		return ErrNoUserKey
	case key != o.UserKey():
		return ErrOtherUser
	case s.detached(c):
		return s.syncDetached(c, key, opts)
	}
	// A token that has none to come needs no response to carry it.
	rotates := s.auth.rotates(&opts) && !o.InGrace()
	late := c.Writer.Written() && rotates
	if grace < 0 {
		grace = s.auth.Cache.Rules().Grace
	}
	in := cache.Sync{
		Grace: grace, Keep: opts.keep, Rotate: opts.rotate, EndOthers: opts.endOthers, Mark: late, Token: cache.NewToken(o.Account()),
	}
	var moves []*move
	if rotates && !late {
		if moves, err = s.moveForSync(c, key, &in); err != nil {
			return errors.Join(err, s.dropUser(c, key))
		}
	}
	err = s.spend(c, func(ctx context.Context) error {
		return s.auth.Cache.Sync(ctx, &o, in)
	})
	if o.Successor == nil {
		s.undo(c, moves)
		moves = nil
	}
	s.mu.Lock()
	err = s.synced(c, o, moves, err, late)
	s.mu.Unlock()
	s.forgetOld(c, moves)
	return err
}

// rotates reports whether a sync with these options replaces the token: a bearer
// token stays unless the app asks, since its client would not know.
func (a *Auth) rotates(opts *SessionOptions) bool {
	return !opts.keep && (a.sender != nil || opts.rotate)
}

// synced gives the request what the sync left it with. It is called with mu
// held.
func (s *State) synced(c *gin.Context, o cache.Opened, moves []*move, err error, late bool) error {
	next := o.Successor
	if next != nil && o.Account() == s.access.Account() {
		s.sendTokens(c, &o, rotation) // it landed: it goes out, whatever failed after it
	}
	s.settle(c, moves)
	switch {
	case errors.Is(err, cache.ErrNoSession):
		s.lose()
		return ErrNotSignedIn
	case errors.Is(err, cache.ErrInactive):
		s.lose()
		if o.Ended {
			s.deleteToken(c)
		}
		return err
	case o.User != nil:
		s.take(&o, originSync)
	case next != nil:
		s.access = o.Access // a user that could not be read stays as it was
	}
	if err == nil && late {
		return ErrHeadersWritten
	}
	return err
}

// syncDetached serves a copied gin.Context, or one kept after its request: no
// answer can carry a token, so only the cached user is dropped.
func (s *State) syncDetached(c *gin.Context, key string, opts SessionOptions) error {
	err := s.dropUser(c, key)
	if err == nil && (opts.endOthers || opts.grace != nil && *opts.grace == 0) {
		return cache.ErrInGrace
	}
	return err
}

// dropUser drops the cached user and changes no session.
func (s *State) dropUser(c *gin.Context, key string) error {
	return s.spend(c, func(ctx context.Context) error {
		return s.auth.Cache.SyncUser(ctx, s.auth.tenant(s.Context), key, cache.BackgroundSync{})
	})
}

// Sync is SyncUser from outside the user's own requests.
func (a *Auth) Sync(ctx context.Context, key string, opts SessionOptions) error {
	switch {
	case opts.keep || opts.endOthers || opts.rotate || opts.grace != nil:
		return ErrOption
	case key == "":
		return ErrNoUserKey
	}
	ctx, cancel := background(ctx)
	defer cancel()
	return a.Cache.SyncUser(ctx, a.tenant(ctx), key, cache.BackgroundSync{
		Regenerate: opts.regenerate, Revoke: opts.revoke,
	})
}

// Invalidate drops the cached copies of these users. Where the context names no
// tenant they may be anyone's.
func (a *Auth) Invalidate(ctx context.Context, keys []string) error {
	if _, known := a.tenantOf(ctx); !known && len(keys) > 0 {
		return a.InvalidateAll(ctx)
	}
	var errs []error
	for _, key := range keys {
		errs = append(errs, a.Sync(ctx, key, SessionOptions{}))
	}
	return errors.Join(errs...)
}
