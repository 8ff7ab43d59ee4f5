package handlers

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// Which is how a middleware finds its state: by the set-up whose method it is,
// or the innermost one.
type Which func(*gin.Context) *State

// Own finds the state of this set-up's own Session.
func (a *Auth) Own(c *gin.Context) *State { return a.Of(c) }

// Innermost finds the state of the Session that ran last.
func Innermost(c *gin.Context) *State { return stateIn(c) }

// ReloadMiddleware returns the middleware that has the request see the user as
// they are in the database. The cached copy stays as it is.
func ReloadMiddleware(which Which) gin.HandlerFunc {
	return with(which, func(c *gin.Context, s *State) error { return s.reload(c, demandReload) })
}

// RefreshMiddleware does the same and replaces the cached copy.
func RefreshMiddleware(which Which) gin.HandlerFunc {
	return with(which, func(c *gin.Context, s *State) error { return s.reload(c, demandRefresh) })
}

// MaxAgeMiddleware does so where the cached copy is older than d, which every
// copy is for zero and less.
func MaxAgeMiddleware(which Which, d time.Duration) gin.HandlerFunc {
	if d <= 0 {
		return RefreshMiddleware(which)
	}
	asked := &demand{"max_age", d}
	return with(which, func(c *gin.Context, s *State) error {
		o := s.snapshot()
		if o.Live() && s.auth.Cache.Age(o.ReadAt) > d {
			return s.reload(c, asked)
		}
		s.demands(asked)
		return nil
	})
}

// A demand is how fresh a route wants the user to be.
type demand struct {
	name   string
	maxAge time.Duration
}

var (
	demandReload  = &demand{name: "reload"}
	demandRefresh = &demand{name: "refresh"}
)

// demands notes what the route asks for, if it is stricter than what was asked
// before.
func (s *State) demands(d *demand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if before := s.some().demand; before == nil || d.maxAge < before.maxAge {
		s.more().demand = d
	}
}

// with returns a middleware that refuses a request without a Session, and one
// for which step returns an error.
func with(which Which, step func(*gin.Context, *State) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		s := which(c)
		if s == nil {
			Abort(c, ErrNoSessionMiddleware)
			return
		}
		if err := step(c, s); err != nil {
			s.auth.refuse(c, s, err)
		}
	}
}

// reload makes the user as they are in the database the current one, or does
// what Config.WhenDown says where nobody can tell. It never serves a stale copy.
func (s *State) reload(c *gin.Context, asked *demand) error {
	s.demands(asked)
	if err := s.read(c, asked); err != nil {
		return s.withstand(c, nil, err)
	}
	return nil
}

// read reads the user anew. Without a session there is nobody to read. A user
// who is gone is nobody from here on; once RequireUser has let the request
// pass, that is refused as RequireUser would have.
func (s *State) read(c *gin.Context, asked *demand) error {
	o := s.snapshot()
	if !o.Live() {
		return nil
	}
	var f cache.Fresh
	if err := s.spend(c, func(ctx context.Context) (err error) {
		if asked.maxAge > 0 {
			f, err = s.auth.Cache.Checked(ctx, &o.Access)
		} else {
			f, err = s.auth.Cache.Newest(ctx, &o.Access, asked != demandReload)
		}
		return err
	}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.User == nil {
		s.lose()
		if f.Ended {
			s.deleteToken(c)
		}
		if s.required {
			return ErrNotSignedIn
		}
		return nil
	}
	s.readAt, s.origin = f.ReadAt, originDatabase
	s.fail(nil)
	s.setUser(s.auth.Copy(f.User))
	return nil
}
