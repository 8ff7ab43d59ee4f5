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
	in.Token = cache.NewToken(s.auth.Cache.Account(in.Tenant, key))
	// The mounted sessions go first: a new ID that nobody knows yet can be given
	// back, and a session of ours that has begun cannot.
	moves, err := s.moveForSignIn(c, &in, opts.imported)
	if err != nil {
		return err
	}
	return s.land(c, &in, moves)
}

// land makes the new session count.
func (s *State) land(c *gin.Context, in *cache.SignIn, moves []*move) error {
	var opened cache.Opened
	ended := false
	err := s.spend(c, func(ctx context.Context) (err error) {
		ended, err = s.auth.Cache.SignIn(ctx, in, &opened)
		return err
	})
	if err != nil {
		s.undo(c, moves)
		if ended {
			s.leave(c)
		}
		return err
	}
	s.mu.Lock()
	s.take(&opened, originSignIn)
	s.sendTokens(c, &opened, rotation)
	s.settle(c, moves)
	s.mu.Unlock()
	s.forgetOld(c, moves)
	return nil
}

// leave makes the request nobody's, and has the client forget its cookie.
func (s *State) leave(c *gin.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose()
	s.deleteToken(c)
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

// SignOut ends the request's session, with every token it knows, and what the
// chain has mounted beside it, and has the client forget their cookies. Where the
// session could not be ended nothing changes.
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
	detached := s.detached(c)
	if !detached && (o.Live() || s.auth.carrier.carries(s, c)) {
		s.leave(c)
	} else {
		s.mu.Lock()
		s.lose()
		s.mu.Unlock()
	}
	if !detached && !c.Writer.Written() {
		s.endMounted(c)
	}
	return nil
}
