package handlers

import (
	"context"
	"maps"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/powgin/powgin/cache"
)

// A ginSession is a session as gin-contrib/sessions hands it to handlers.
type ginSession interface {
	sessions.Session
	Session() *gorilla.Session
}

// A guarded session is not saved where that would bring back what another
// request has ended or moved meanwhile.
type guarded struct {
	ginSession
	state *State
}

// guard puts a guarded session in the place of the mounted one, and returns what
// it wraps. It reports false where no session is mounted, or not this one.
func (t *inSession) guard(s *State, c *gin.Context) (*gorilla.Session, bool) {
	value, _ := c.Get(sessions.DefaultKey)
	found, name := t.mountedIn(value)
	inner, ok := found.(ginSession)
	if !ok {
		return nil, false
	}
	session := inner.Session()
	if session == nil || session.Options == nil || t.Session != "" && session.Name() != t.Session {
		return nil, false
	}
	outside := guarded{inner, s}
	if all, ok := value.(map[string]sessions.Session); ok {
		all = maps.Clone(all)
		all[name] = outside
		c.Set(sessions.DefaultKey, all)
	} else {
		c.Set(sessions.DefaultKey, sessions.Session(outside))
	}
	return session, true
}

// Save saves the session unless the request has been overtaken: then there is
// nothing left that a client could come back to, and nothing is changed. A
// session from which the app has taken the token, by Clear for instance, is
// signed out.
func (g guarded) Save() error {
	s := g.state
	ctx, cancel := cache.Bounded(s.Context, cache.Budget)
	defer cancel()
	save, err := s.mayBeSaved(ctx, g.Session())
	if err != nil || !save {
		return err
	}
	return g.ginSession.Save()
}

func (s *State) mayBeSaved(ctx context.Context, session *gorilla.Session) (bool, error) {
	t := s.auth.sender.(*inSession)
	o := s.snapshot()
	text, _ := session.Values[t.Key].(string)
	token, carries := s.auth.Tokens.Parse(text)
	switch {
	case o.Live() && !carries:
		if err := s.auth.Cache.EndSession(ctx, o.Account(), o.Handle()); err != nil {
			return false, err
		}
		s.mu.Lock()
		s.lose()
		s.mu.Unlock()
		return true, nil
	case carries:
		return s.auth.Cache.Works(ctx, &token), nil
	case s.carried().late:
		return false, nil
	case session.ID == "" || session.IsNew:
		return true, nil
	}
	return s.recordLives(ctx, session), nil
}

// recordLives reports whether the record that a session was loaded from is there
// still. A sign-in in another request of the same browser deletes it, and to
// save it again would give the browser its old cookie back.
func (s *State) recordLives(ctx context.Context, session *gorilla.Session) bool {
	cookie, err := s.request.Cookie(session.Name())
	if err != nil {
		return true // this request has made it
	}
	again, err := session.Store().New(carrying(ctx, &s.request, session.Name(), cookie.Value), session.Name())
	return err != nil || again == nil || !again.IsNew
}
