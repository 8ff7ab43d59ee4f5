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

// guard puts g, a guarded session, in the place of the mounted one, and returns
// what it wraps. It reports false where no session is mounted, or not this one.
func (t *inSession) guard(s *State, c *gin.Context, g *guarded) (*gorilla.Session, bool) {
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
	*g = guarded{inner, s}
	if all, ok := value.(map[string]sessions.Session); ok {
		all = maps.Clone(all)
		all[name] = g
		c.Set(sessions.DefaultKey, all)
	} else {
		c.Set(sessions.DefaultKey, sessions.Session(g))
	}
	return session, true
}

// enterAgain guards the session that was mounted anew, where the app sends the
// request through the router once more, and watches over the response again.
func (t *inSession) enterAgain(s *State, c *gin.Context) {
	session, ok := t.guard(s, c, new(guarded))
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.some().mounted
	if !ok || m == nil {
		return
	}
	m.session = session
	old := s.rare.writer
	s.rare.writer = nil
	s.wrap(c).mounted = old.mounted
}

// Options are the app's. That the record lasts as long as its token is seen to
// when it is saved.
func (g guarded) Options(o sessions.Options) {
	g.ginSession.Options(o)
	s := g.state
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rare.mounted.brief = o.MaxAge == 0
}

// Save saves the session unless the request has been overtaken: then there is
// nothing left that a client could come back to, and nothing is changed. Nor is
// one saved that could not be loaded, over what it holds. A session from which the
// app has taken the token, by Clear for instance, or that it deletes is signed
// out.
func (g guarded) Save() error {
	s := g.state
	ctx, cancel := cache.Bounded(s.Context, cache.Budget)
	defer cancel()
	save, err := s.mayBeSaved(ctx, g.Session())
	if err != nil || !save {
		return err
	}
	session := g.Session()
	lastFor(session, s.auth.sender.(*inSession).age(s))
	deletes := session.Options.MaxAge < 0
	if err := g.ginSession.Save(); err != nil {
		return err
	}
	if deletes {
		s.carried().deleted = true
	}
	return nil
}

func (s *State) mayBeSaved(ctx context.Context, session *gorilla.Session) (bool, error) {
	t := s.auth.sender.(*inSession)
	o, m := s.snapshot(), s.carried()
	text, _ := session.Values[t.Key].(string)
	token, carries := s.auth.Tokens.Parse(text)
	switch {
	case m.unread != nil:
		return false, m.unread
	case o.Live() && (!carries || session.Options.MaxAge < 0):
		if err := s.auth.Cache.EndSession(ctx, o.Account(), o.Handle()); err != nil {
			return false, err
		}
		delete(session.Values, t.Key)
		s.mu.Lock()
		s.lose()
		s.mu.Unlock()
		for _, r := range m.left {
			s.forget(s.gin, session, r)
		}
		m.left = nil
		return true, nil
	case carries:
		return s.auth.Cache.Works(ctx, &token), nil
	case m.late:
		return false, nil
	case session.ID == "" || session.IsNew || m.deleted:
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
	if err != nil {
		return !noRecord(err)
	}
	// One store empties a record where it should delete it.
	return again == nil || !again.IsNew && (len(again.Values) > 0 || !s.carried().filled)
}
