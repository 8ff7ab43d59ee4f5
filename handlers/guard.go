package handlers

import (
	"fmt"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// RequireUser returns the middleware that lets signed-in requests pass, and
// has them refused later if the user is lost on the way.
func RequireUser(which Which) gin.HandlerFunc {
	return with(which, func(_ *gin.Context, s *State) error { return s.require() })
}

// require marks the request as one that needs a user.
func (s *State) require() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.required = true
	if s.user == nil {
		return s.nobodyLocked()
	}
	return nil
}

// RequireRecentSignIn returns the middleware that lets users pass who have
// proved not longer ago than d who they are.
func RequireRecentSignIn(which Which, d time.Duration) gin.HandlerFunc {
	if d <= 0 {
		panic(fmt.Sprintf("powgin: RequireRecentSignIn(%v) would let nobody pass", d))
	}
	return with(which, func(_ *gin.Context, s *State) error { return s.requireRecent(d) })
}

// requireRecent counts from the sign-in, which no renewal and no sync moves.
// What is not known for sure does not pass: a stale user, a token that has been
// replaced, a session that slept. Nor does a user who was only assigned, since
// it was another who signed in.
func (s *State) requireRecent(d time.Duration) error {
	if err := s.require(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := s.some().failed
	switch {
	case failed != nil:
		return failed
	case !s.access.Live():
		return ErrNotSignedIn
	case s.access.InGrace():
		return cache.ErrInGrace
	case s.strangerLocked():
		return ErrOtherUser
	}
	if age, ok := s.auth.Cache.SignInAge(&s.access); !ok || age > d {
		return ErrReauthenticate
	}
	return nil
}

// strangerLocked reports whether AssignUser has put another user in the place of
// the session's. It is called with mu held.
func (s *State) strangerLocked() bool {
	return s.origin == originAssigned && s.auth.UserKey(s.user) != s.access.UserKey()
}

// Require returns the middleware that lets users pass for whom ok is true.
func Require(which Which, ok func(user any) bool) gin.HandlerFunc {
	return with(which, func(_ *gin.Context, s *State) error { return s.requireThat(ok) })
}

// requireThat is require for users for whom ok is true.
func (s *State) requireThat(ok func(user any) bool) error {
	if err := s.require(); err != nil {
		return err
	}
	if !ok(s.User()) {
		return ErrForbidden
	}
	return nil
}

// RequireGuest returns the middleware that lets only requests pass on which
// nobody is signed in.
func RequireGuest(which Which) gin.HandlerFunc {
	return func(c *gin.Context) {
		s := which(c)
		switch {
		case s == nil:
			Abort(c, ErrNoSessionMiddleware)
		case s.User() != nil:
			s.auth.turnAway(c, s)
		default:
			if err := s.unknown(); err != nil {
				s.auth.refuse(c, s, err)
			}
		}
	}
}
