package handlers

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// SignIn starts a session for the user with this key, with a new token, and
// ends the one that the request carried. The user is read from the database:
// that row becomes the current user.
func (s *State) SignIn(c *gin.Context, key string, opts SessionOptions) error {
	switch {
	case opts.keep || opts.grace != nil || opts.background():
		return ErrOption
	case key == "":
		return ErrNoUserKey
	case s.detached(c) || c.Writer.Written():
		return ErrHeadersWritten
	}
	if err := s.unknown(); err != nil {
		return err
	}
	return s.signIn(c, key, opts)
}

func (s *State) signIn(c *gin.Context, key string, opts SessionOptions) error {
	life, remember, err := opts.life()
	if err != nil {
		return err
	}
	if opts.renewable != nil && s.auth.RenewalTokens == nil {
		return ErrOption
	}
	if err := opts.checkMethods(); err != nil {
		return err
	}
	o := s.snapshot()
	in := cache.SignIn{
		Transport: s.auth.Kind,
		Tenant:    s.auth.tenant(s.Context),
		UserKey:   key,
		Carried:   &o.Access,
		EndOthers: opts.endOthers,
		Lifetime:  life,
		Remember:  remember,
		Renewable: opts.renewable != nil,
		Methods:   opts.methods,
		Elsewhere: opts.imported,
		Metadata:  s.auth.metadata(c),
	}
	var opened cache.Opened
	ended := false
	err = s.spend(c, func(ctx context.Context) (err error) {
		ended, err = s.auth.Cache.SignIn(ctx, &in, &opened)
		return err
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.take(&opened, originSignIn)
		s.sendTokens(c, &opened, rotation)
	} else if ended {
		s.lose()
		s.deleteCookie(c)
	}
	return err
}

// metadata returns what a new session is to remember of the request.
func (a *Auth) metadata(c *gin.Context) []cache.Pair {
	if a.Metadata == nil {
		return nil
	}
	var pairs []cache.Pair
	for k, v := range a.Metadata(c) {
		pairs = append(pairs, cache.Pair{Key: k, Value: v})
	}
	return pairs
}

// SignOut ends the request's session, with every token it knows, and has the
// client forget its cookie. Where the session could not be ended nothing
// changes.
func (s *State) SignOut(c *gin.Context) error {
	if err := s.unknown(); err != nil {
		return err
	}
	o := s.snapshot()
	if o.Live() {
		if err := s.spend(c, func(ctx context.Context) error {
			return s.auth.Cache.EndSession(ctx, o.Account(), o.Handle())
		}); err != nil {
			return err
		}
	}
	// A context kept after its request is another request's by now.
	carried := !s.detached(c) && (o.Live() || s.auth.carries(c))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose()
	if carried {
		s.deleteCookie(c)
	}
	return nil
}

func (a *Auth) carries(c *gin.Context) bool {
	_, found := a.carrier.read(c.Request)
	return found > 0
}
