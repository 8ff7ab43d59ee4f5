package handlers

import "github.com/gin-gonic/gin"

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
		return ErrNotSignedIn
	}
	return nil
}

// Require returns the middleware that lets users pass for whom ok is true.
func Require(which Which, ok func(user any) bool) gin.HandlerFunc {
	return with(which, func(_ *gin.Context, s *State) error {
		if err := s.require(); err != nil {
			return err
		}
		if !ok(s.User()) {
			return ErrForbidden
		}
		return nil
	})
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
		}
	}
}
