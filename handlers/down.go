package handlers

import (
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// A DownPolicy says what becomes of a request when nobody can tell who is
// signed in. A positive one serves a cached user of at most that age.
type DownPolicy time.Duration

// The policies that have no age.
const (
	Unavailable DownPolicy = 0
	Anonymous   DownPolicy = -1
)

// MaxStale bounds the age of a user who is served because the database cannot
// be asked.
const MaxStale = 10 * time.Minute

// policy returns what to do with this request. What an app's own function
// returns beyond the bounds is taken for the nearest that is within.
func (a *Auth) policy(c *gin.Context) DownPolicy {
	p := a.WhenDown
	if a.WhenDownFor != nil {
		p = a.WhenDownFor(c)
	}
	if p < 0 && p != Anonymous {
		return Unavailable
	}
	return min(p, DownPolicy(MaxStale))
}

// withstand lets the request go on where the policy says how, and returns err
// where it does not. o, where given, is what is known of the request: the
// session was found, and only the user could not be read.
func (s *State) withstand(c *gin.Context, o *cache.Opened, err error) error {
	if !errors.Is(err, cache.ErrUnavailable) || errors.Is(err, cache.ErrWrongUser) {
		return err // an answer, or a record that nobody should be served
	}
	switch p := s.auth.policy(c); {
	case p == Anonymous:
		if !s.giveUp(err) {
			return err
		}
		s.withdraw(c)
	case p > 0 && o != nil && s.auth.Cache.Stale(o, err, time.Duration(p)):
		s.mu.Lock()
		s.take(o, originStale)
		s.fail(err)
		s.mu.Unlock()
	default:
		return err
	}
	c.Writer.Header()["Cache-Control"] = noStore
	s.auth.OnError(c.Request.Context(), err)
	return nil
}

// giveUp has the request go on as one of which nobody knows whose it is. It
// reports false where a guard has let a user pass, whom the rest of the chain
// counts on.
func (s *State) giveUp(err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.required {
		return false
	}
	s.lose()
	s.fail(err)
	return true
}

// unknown returns why nobody can tell whose request this is, nil where it is
// known.
func (s *State) unknown() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.access.Live() {
		return nil
	}
	return s.some().failed
}

// Unknown reports whether nobody can tell whose request this is.
func (s *State) Unknown() bool { return s.unknown() != nil }

// nobody is the error of a request without a user: that nobody is signed in, or
// that it is not known.
func (s *State) nobody() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nobodyLocked()
}

func (s *State) nobodyLocked() error {
	if err := s.some().failed; err != nil {
		return err
	}
	return ErrNotSignedIn
}
