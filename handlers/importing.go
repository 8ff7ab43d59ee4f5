package handlers

import (
	"errors"
	"fmt"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// Imported is a live session of another library. Package powgin documents its
// fields.
type Imported struct {
	UserKey string
	End     func() error
}

// importSession takes over the session of another library, for a request in
// which no session of ours was found. That session is ended only after ours has
// begun: whatever fails, the user has one of them.
func (s *State) importSession(c *gin.Context) error {
	a := s.auth
	if a.Import == nil {
		return nil
	}
	old, err := a.Import(c)
	if err != nil {
		return s.withstand(c, nil, fmt.Errorf("%w: import a session: %w", cache.ErrUnavailable, err))
	}
	if old.UserKey == "" {
		return nil
	}
	switch err := s.signIn(c, old.UserKey, SessionOptions{imported: true}); {
	case errors.Is(err, cache.ErrUnavailable):
		return s.withstand(c, nil, err)
	case err != nil:
		return nil //nolint:nilerr // the user is gone, or has too many sessions: nobody
	}
	if old.End != nil {
		if err := old.End(); err != nil {
			a.OnError(c.Request.Context(), fmt.Errorf("powgin: end an imported session: %w", err))
		}
	}
	return nil
}
