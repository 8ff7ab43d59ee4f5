package handlers

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/powgin/powgin/cache"
)

// MountedUser is the key under which a mounted session says, as a string, whose
// its values are.
const MountedUser = "powgin.user"

// mountedSessions returns the sessions of gin-contrib/sessions that the chain
// has mounted, in the order of their names. Those that no handler has looked at
// yet are loaded.
func mountedSessions(c *gin.Context) []*gorilla.Session {
	value, ok := c.Get(sessions.DefaultKey)
	if !ok {
		return nil
	}
	switch mounted := value.(type) {
	case sessions.Session:
		return appendMounted(nil, mounted)
	case map[string]sessions.Session:
		var list []*gorilla.Session
		for _, name := range slices.Sorted(maps.Keys(mounted)) {
			list = appendMounted(list, mounted[name])
		}
		return list
	}
	return nil
}

// appendMounted asks the wrapper, which alone is sure to give the object that
// the handlers of this request use. (A registry of gorilla's own is lost where a
// middleware replaces the request.)
func appendMounted(list []*gorilla.Session, mounted sessions.Session) []*gorilla.Session {
	wrapper, ok := mounted.(interface{ Session() *gorilla.Session })
	if !ok {
		return list
	}
	if s := wrapper.Session(); s != nil && s.Options != nil { // nil: the name is no cookie's
		list = append(list, s)
	}
	return list
}

// mark returns what a mounted session remembers a user by: the id of their
// account, which is another for users of other Namespaces, types and tenants, and
// does not show their key, since some stores keep values in the cookie.
func (a *Auth) mark(tenant, key string) string {
	id := a.Cache.Account(tenant, key)
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// moveForSignIn gives every mounted session a new ID for the user who is about
// to sign in. What was put into one by nobody, or by the same user, goes with
// it. Without a mark the values are those of whoever the request is signed in
// as.
//
// A session that is imported stays, since the requests that arrive beside this
// one want to find it; but for the one that our token goes into.
func (s *State) moveForSignIn(c *gin.Context, in *cache.SignIn, imported bool) ([]*move, error) {
	a := s.auth
	list := mountedSessions(c)
	switch {
	case imported:
		list = slices.DeleteFunc(list, func(session *gorilla.Session) bool { return s.tokenIn(session) == nil })
	case a.Kind == cache.Bearer:
		list = withValues(list) // a program that keeps no cookies is sent none
	}
	if len(list) == 0 {
		return nil, nil
	}
	before, mark := "", a.mark(in.Tenant, in.UserKey)
	if in.Carried.Live() {
		before = a.mark(in.Tenant, in.Carried.UserKey())
	}
	return s.moveAll(c, list, func(m *move, values map[any]any) map[any]any {
		owner, marked := values[MountedUser].(string)
		if !marked {
			owner = before
		}
		next := map[any]any{}
		if owner == "" || owner == mark {
			next = maps.Clone(values)
		}
		if owner == "" {
			for _, key := range a.DropAtSignIn {
				delete(next, key)
			}
		}
		next[MountedUser] = mark
		maps.Copy(next, s.foreign(m.session))
		if t := s.tokenIn(m.session); t != nil {
			lastFor(m.session, s.auth.Cache.Rules().IdleTimeout)
			if in.Remember {
				lastFor(m.session, in.Lifetime)
			}
			t.put(s, m, values, next, &in.Token, imported)
		}
		return next
	})
}

// moveForSync gives mounted sessions a new ID and leaves their values. One that
// holds nothing is not made for that; a handler that fills it later makes it,
// under an ID that nobody else can know.
func (s *State) moveForSync(c *gin.Context, key string, in *cache.Sync) ([]*move, error) {
	list := withValues(mountedSessions(c))
	if len(list) == 0 {
		return nil, nil
	}
	mark := s.auth.mark(s.auth.tenant(s.Context), key)
	return s.moveAll(c, list, func(m *move, values map[any]any) map[any]any {
		next := map[any]any{MountedUser: mark} // made since the sign-in, where it has none
		maps.Copy(next, values)
		if t := s.tokenIn(m.session); t != nil {
			lastFor(m.session, t.age(s))
			t.put(s, m, values, next, &in.Token, in.Grace > 0)
		}
		return next
	})
}

// withValues returns the sessions that hold something. The others get no ID
// that somebody may have planted.
func withValues(all []*gorilla.Session) (list []*gorilla.Session) {
	for _, session := range all {
		if session.IsNew && len(session.Values) == 0 {
			session.ID = ""
			continue
		}
		list = append(list, session)
	}
	return list
}

// moveAll saves the sessions under new IDs, of which the client learns nothing
// before settle. Where one cannot be saved all are as they were.
func (s *State) moveAll(c *gin.Context, list []*gorilla.Session, values func(m *move, old map[any]any) map[any]any) ([]*move, error) {
	moves := make([]*move, 0, len(list))
	err := s.spend(c, func(ctx context.Context) error {
		for _, session := range list {
			if err := ctx.Err(); err != nil {
				return err
			}
			m := &move{session: session, old: recordOf(c, session)}
			s.lastForOthers(session)
			if err := m.save(ctx, c.Request, values(m, session.Values)); err != nil {
				return err
			}
			moves = append(moves, m)
			if m.next.cookie == "" && s.tokenIn(session) != nil {
				return errNotKept
			}
		}
		return nil
	})
	if err != nil {
		s.undo(c, moves)
		return nil, fmt.Errorf("%w: save a mounted session: %w", cache.ErrUnavailable, err)
	}
	return moves, nil
}

var errNotKept = errors.New("its options have it deleted: no token can be kept there")

// undo deletes the new records and leaves the sessions as the call found them.
func (s *State) undo(c *gin.Context, moves []*move) {
	for _, m := range moves {
		s.forget(c, m.session, m.next)
		m.old.restore(m.session)
	}
}

// settle tells the client of the new IDs, and whatever saves the sessions later
// in this request. It is called with mu held, once the swap has landed.
func (s *State) settle(c *gin.Context, moves []*move) {
	for _, m := range moves {
		s.answerMounted(c, m.session.Name(), m.lines)
		s.carryMounted(c, m.session.Name(), m.next.cookie)
	}
}

// forgetOld deletes the records that the sessions have left. That one could not
// be deleted is no error of a call that has landed: nothing that grants access
// was in it.
func (s *State) forgetOld(c *gin.Context, moves []*move) {
	for _, m := range moves {
		if !m.keep {
			s.forget(c, m.session, m.old)
		}
		for _, r := range m.older {
			s.forget(c, m.session, r)
		}
	}
}

// endMounted empties every mounted session and deletes its record and cookie.
// Saved later in the request it begins anew.
func (s *State) endMounted(c *gin.Context) {
	for _, session := range mountedSessions(c) {
		if foreign := s.foreign(session); len(foreign) > 0 {
			s.emptyMounted(c, session, foreign)
			continue
		}
		old, carried := recordOf(c, session), hasCookie(c, session.Name())
		if t := s.tokenIn(session); t != nil {
			for _, r := range t.replaced(session.Values) {
				s.forget(c, session, r)
			}
		}
		record{isNew: true, values: map[any]any{}}.restore(session)
		s.forget(c, session, old)
		var lines []string
		if carried {
			lines = []string{deletingCookie(session)}
		}
		s.mu.Lock()
		if m := s.some().mounted; m != nil && m.session == session {
			m.late = false // what is saved from here on begins anew
		}
		s.answerMounted(c, session.Name(), lines)
		s.carryMounted(c, session.Name(), "")
		s.mu.Unlock()
	}
}

// emptyMounted leaves nothing in a session but these values, under a new ID.
func (s *State) emptyMounted(c *gin.Context, session *gorilla.Session, values map[any]any) {
	moves, err := s.moveAll(c, []*gorilla.Session{session}, func(m *move, old map[any]any) map[any]any {
		if t := s.tokenIn(session); t != nil {
			m.older = t.replaced(old)
		}
		return values
	})
	if err != nil {
		s.auth.OnError(c.Request.Context(), fmt.Errorf("powgin: empty a mounted session: %w", err))
		session.Values = values
		return
	}
	s.mu.Lock()
	s.settle(c, moves)
	s.mu.Unlock()
	s.forgetOld(c, moves)
}

func deletingCookie(session *gorilla.Session) string {
	options := *session.Options
	options.MaxAge = -1
	return gorilla.NewCookie(session.Name(), "", &options).String()
}

// forget deletes a record from the session's store.
func (s *State) forget(c *gin.Context, session *gorilla.Session, old record) {
	if old.id == "" {
		return
	}
	err := s.spend(c, func(ctx context.Context) error { return old.delete(ctx, c.Request, session) })
	if err != nil {
		s.auth.OnError(c.Request.Context(), fmt.Errorf("powgin: delete the record of a mounted session: %w", err))
	}
}

// answerMounted makes these the response's lines for the session's cookie. Our
// writer sees to it that there is one of each name when the response begins,
// since every Save adds another. It is called with mu held.
func (s *State) answerMounted(c *gin.Context, name string, lines []string) {
	w, h := s.wrap(c), c.Writer.Header()
	if m := s.some().mounted; m != nil && m.session.Name() == name {
		m.renewal = nil // it cannot be taken back without what comes after it
	}
	if !slices.Contains(w.mounted, name) {
		w.mounted = append(w.mounted, name)
	}
	removeLines(h, name+"=")
	for _, line := range lines {
		h.Add("Set-Cookie", line)
	}
}

// carryMounted changes the cookie that the request carries, in place: the
// wrapper of gin-contrib/sessions has kept a request of its own, which shares
// its header with ours, and some stores look there for the record to save to.
func (s *State) carryMounted(c *gin.Context, name, value string) {
	for _, r := range [...]*http.Request{c.Request, s.received} {
		carry(r.Header, name, value)
	}
}

func hasCookie(c *gin.Context, name string) bool {
	_, err := c.Request.Cookie(name)
	return err == nil
}
