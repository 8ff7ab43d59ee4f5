package handlers

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// A Change is what a live connection is told. Where neither field is set the user
// has changed, and the request's current user is the new one.
type Change struct {
	// Ended reports that the session is over: signed out, revoked, expired, or its
	// user gone or no longer Active. It is the last Change, and the request keeps
	// the user that it had.
	Ended bool
	// Err says why nobody can tell, an ErrUnavailable: until the next Change the
	// session may have ended, or the user have changed. The connection may go on.
	Err error
}

// Watch follows the request's session and user, and tells of changes until the
// handler returns, or calls it again.
func (s *State) Watch(c *gin.Context) (<-chan Change, error) {
	if err := s.auth.checkHandshake(c.Request); err != nil {
		s.auth.Events.Emit(Event{Name: EventCrossOriginRefused})
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.access.Live() {
		return nil, s.nobodyLocked()
	}
	w := &watch{state: s, following: s.auth.Cache.Watch(&s.access), told: make(chan Change)}
	if s.origin == originAssigned || s.user == nil {
		w.anew = true // the app does not know the session's own
	} else {
		w.shown = s.user
	}
	ctx, cancel := context.WithCancel(c.Request.Context())
	if s.is(over) {
		cancel()
	}
	if before := s.some().watch; before != nil {
		before()
	}
	s.more().watch = cancel
	go w.run(ctx)
	return w.told, nil
}

// checkHandshake refuses a WebSocket handshake from another site. It is a GET,
// which cross-origin checks let pass, and whoever it opens a connection for can
// read and write over it: so it is judged as an unsafe request is. (RFC 6455,
// section 10.2; OWASP WebSocket Security Cheat Sheet.)
func (a *Auth) checkHandshake(r *http.Request) error {
	if r.Method != http.MethodGet || !isHandshake(r.Header) {
		return nil
	}
	as := *r
	as.Method = http.MethodPost
	return a.checkOrigin(&as)
}

// isHandshake reports whether Upgrade, a list of protocols, names WebSocket.
func isHandshake(h http.Header) bool {
	return slices.ContainsFunc(h.Values("Upgrade"), func(list string) bool {
		for protocol := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(protocol), "websocket") {
				return true
			}
		}
		return false
	})
}

// A watch tells one live connection.
type watch struct {
	state     *State
	following *cache.Watch
	told      chan Change
	shown     any  // the user whom the connection knows, nil until there is one
	anew      bool // that they are as they were is worth telling
}

func (w *watch) run(ctx context.Context) {
	defer close(w.told)
	defer w.following.Close()
	for ctx.Err() == nil {
		change, tell := w.next(ctx)
		if !tell {
			continue
		}
		select {
		case w.told <- change:
		case <-ctx.Done():
		}
		if change.Ended {
			return
		}
	}
}

// next waits for what there is to tell, if that is anything. The app's code runs in
// here (Active, Clone), and its panics are that nobody can tell.
func (w *watch) next(ctx context.Context) (change Change, tell bool) {
	defer func() {
		if v := recover(); v != nil {
			change, tell = Change{Err: fmt.Errorf("%w: watching a session panicked: %w", cache.ErrUnavailable, panicCause(v))}, true
		}
	}()
	seen, err := w.following.Next(ctx)
	switch {
	case ctx.Err() != nil:
		return Change{}, false
	case err != nil:
		w.anew = true
		return Change{Err: err}, true
	case seen.Ended:
		return Change{Ended: true}, true
	case !w.news(seen.User):
		return Change{}, false
	}
	w.state.changed(&seen)
	return Change{}, true
}

// news reports whether the connection does not know the user like that.
func (w *watch) news(user any) bool {
	known, anew := w.shown, w.anew
	w.shown, w.anew = user, false
	return anew || known != nil && len(differences(reflect.ValueOf(known), reflect.ValueOf(user))) > 0
}

// changed makes the user the request's current one, unless the app has assigned
// another.
func (s *State) changed(seen *cache.Seen) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.origin == originAssigned || !s.access.Live() {
		return
	}
	s.readAt, s.origin = seen.ReadAt, originDatabase
	s.fail(nil)
	s.setUser(s.auth.Copy(seen.User))
}
