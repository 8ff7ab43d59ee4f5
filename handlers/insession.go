package handlers

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/powgin/powgin/cache"
)

// InSession is the transport of apps that keep all they know of a browser in one
// session of gin-contrib/sessions: the token is a value of it.
type InSession struct {
	Key         string
	Session     string // the name of the session, "" for the only one there is
	Secure      bool
	AllowDomain bool // the session's cookie may be for several hosts
}

type inSession struct{ InSession }

// carried is what a request knows of the session that its token is in.
type carried struct {
	session *gorilla.Session
	// brief tells that the app's options let the cookie end with the browser's
	// own session.
	brief bool
	// late tells that the client's cookie must stay as it is: the request arrived
	// with a token that had just been replaced, or with two cookies.
	late    bool
	unread  error    // why the session could not be loaded, nil for that it was
	left    []record // that the session has left, and that may still work
	filled  bool     // it held something when it was loaded
	deleted bool     // by this request: what is saved from then on begins anew
	renewal *move    // of this request, and nothing has moved the session since; nil for none
}

// empty makes the request's session one without anything, and without a record.
func (m *carried) empty() { record{isNew: true, values: map[any]any{}}.restore(m.session) }

func (t *inSession) name() string { return "the value " + t.Key + " in the session " + t.Session }

func (t *inSession) vary(h http.Header) { addVary(h, "Cookie") }

// inside is what a request with a mounted session needs beside its State, in one
// object: four of them take 0.3 µs more.
type inside struct {
	rare
	carried
	writer
	guarded
}

// read also sees to what becomes of the session in this request: whatever saves
// it has to pass by us.
func (t *inSession) read(s *State, c *gin.Context) (text string, found int, err error) {
	in := new(inside)
	session, ok := t.guard(s, c, &in.guarded)
	if !ok {
		return "", 0, ErrNoGinSession
	}
	m := &in.carried
	m.session, m.brief = session, session.Options.MaxAge == 0
	s.rare = &in.rare
	s.rare.mounted = m
	s.wrapIn(c, &in.writer)
	// With gorilla's registry: who mounts the session once more, as
	// gin.Engine.HandleContext has it, gets the same.
	s.Context = s.received.Context()
	if err := loadError(s, c, session); err != nil {
		m.unread = fmt.Errorf("%w: load the mounted session: %w", cache.ErrUnavailable, err)
		return "", 0, m.unread
	}
	if _, found = cookieValue(c.Request, session.Name()); found > 1 {
		m.empty()
		m.late = true
		return "", found, nil
	}
	if session.IsNew && valueSet(c.Writer.Header()["Set-Cookie"], session.Name()) == "" {
		session.ID = "" // somebody may have planted it
	}
	m.left, m.filled = t.replaced(session.Values), len(session.Values) > 0
	if text, _ = session.Values[t.Key].(string); text == "" {
		return "", 0, nil
	}
	return text, 1, nil
}

// carries reports whether the session holds a token: whatever else it holds goes
// at a sign-out as well.
func (t *inSession) carries(s *State, _ *gin.Context) bool {
	m := s.carried()
	return m != nil && m.session.Values[t.Key] != nil
}

// age returns how long the record of a request's session has to last at least.
func (t *inSession) age(s *State) time.Duration {
	o := s.snapshot()
	return max(s.auth.Cache.Rules().IdleTimeout, s.auth.Cache.Remembered(&o.Access))
}

// maxAge is the oldest that we have a record become without being saved again:
// one server, memcached, takes more for a date.
const maxAge = 30 * 24 * time.Hour

// lastFor has the session's record last for at least d. Stores forget it by its
// options, and one forgets it at once where they leave the cookie to the
// browser's session; what a request sends then is put right as it is sent.
func lastFor(session *gorilla.Session, d time.Duration) {
	seconds := int((min(d, maxAge) + time.Second - 1) / time.Second)
	if session.Options.MaxAge < 0 || session.Options.MaxAge >= seconds {
		return
	}
	options := *session.Options
	options.MaxAge = seconds
	session.Options = &options
}

// loadError returns why the session could not be loaded, where its server is to
// blame: gin-contrib/sessions makes an empty one of that, as if nobody had one.
// Gorilla's registry still knows, unless the app has replaced the request since
// it mounted the session: then we have to ask once more. (Some stores swallow the
// error themselves.)
func loadError(s *State, c *gin.Context, session *gorilla.Session) error {
	if !session.IsNew || !hasCookie(c, session.Name()) {
		return nil
	}
	_, err := session.Store().Get(s.received, session.Name())
	if noRecord(err) {
		return nil
	}
	return err
}

// noRecord reports whether a store's error says that a session has no record, or
// none that anybody could read: its cookie was forged or is too old, or the bytes
// are those of another version of the app. Stores have no error in common for
// that, so it is told by what they say. Whatever else there is leaves open whose
// session it is.
func noRecord(err error) bool {
	if _, cookie := errors.AsType[interface {
		error
		IsDecode() bool
	}](err); err == nil || cookie {
		return true
	}
	said := strings.ToLower(err.Error())
	for _, text := range [...]string{"not found", "cache miss", "no documents", "no rows", "gob: ", "json: ", "invalid character"} {
		if strings.Contains(said, text) {
			return true
		}
	}
	return false
}

// repeatAfter is how long a request waits for another one to hand out the
// successor of their token before it does so itself. Each that does so makes a
// record in the session's store.
const repeatAfter = 2 * time.Second

// send gives the session a new ID with the successor. A sign-in or sync has done
// so before it landed. The old record stays, since its token works until the
// successor is used; if the new one cannot be saved, all stays as it was.
func (t *inSession) send(s *State, c *gin.Context, o *cache.Opened, kind outgoing) {
	m := s.rare.mounted
	if kind != renewal || m.session.ID != "" && o.Repeated >= 0 && o.Repeated < repeatAfter {
		return
	}
	lastFor(m.session, t.age(s))
	moves, err := s.moveAll(c, []*gorilla.Session{m.session}, func(mv *move, values map[any]any) map[any]any {
		next := maps.Clone(values)
		t.put(s, mv, values, next, o.Successor, true)
		return next
	})
	if err != nil {
		s.auth.OnError(c.Request.Context(), fmt.Errorf("powgin: renew a session: %w", err))
		return
	}
	s.settle(c, moves)
	s.forgetOld(c, moves)
	m.renewal = moves[0]
}

// withdraw gives the client its old cookie back, which it has still.
func (t *inSession) withdraw(s *State, c *gin.Context) {
	s.mu.Lock()
	m := s.some().mounted
	var mv *move
	if m != nil {
		mv, m.renewal = m.renewal, nil
	}
	s.mu.Unlock()
	if mv == nil {
		return
	}
	s.undo(c, []*move{mv})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answerMounted(c, mv.session.Name(), nil)
	s.carryMounted(c, mv.session.Name(), mv.old.cookie)
}

// forget takes the token out of the session. The record still has it until
// something saves it; it proves nothing.
func (t *inSession) forget(s *State, _ *gin.Context) {
	if m := s.some().mounted; m != nil {
		delete(m.session.Values, t.Key)
	}
}

// lose is told that the request's token proves nothing. Where it was replaced the
// old record is deleted, and the request gets an empty session; where that was a
// moment ago, the client has another cookie by now, which stays.
func (t *inSession) lose(s *State, c *gin.Context, o *cache.Opened) {
	t.forget(s, c)
	m := s.some().mounted
	if m == nil || !o.Replaced {
		return
	}
	old := recordOf(c, m.session)
	m.empty()
	m.late = o.Overtaken
	s.carryMounted(c, m.session.Name(), "")
	s.forget(c, m.session, old)
}

// finish lets the response set the session's cookie once, with our attributes,
// and only if what it holds is still the newest.
func (t *inSession) finish(s *State, h http.Header) {
	m := s.some().mounted
	if m == nil {
		return
	}
	prefix := m.session.Name() + "="
	line, ok := lineSet(h, prefix)
	if !ok {
		return
	}
	removeLines(h, prefix)
	if !t.counts(s, m) {
		return
	}
	h.Add("Set-Cookie", t.harden(line, m.brief, s.auth.Cache.Rules().IdleTimeout, s.auth.Cache.Remembered(&s.access)))
	h["Cache-Control"] = noStore
	t.vary(h)
}

// counts reports whether the client is to keep what the session holds now.
func (t *inSession) counts(s *State, m *carried) bool {
	text, _ := m.session.Values[t.Key].(string)
	if token, ok := s.auth.Tokens.Parse(text); ok {
		return s.auth.Cache.IsNewest(&token)
	}
	return !m.late
}

// harden gives a session's Set-Cookie line the attributes that a token needs,
// whatever the app's options are. (OWASP Session Management Cheat Sheet,
// "Cookies".)
func (t *inSession) harden(line string, brief bool, idle, remembered time.Duration) string {
	cookie, err := http.ParseSetCookie(line)
	if err != nil {
		return line // nothing that a browser would take for this cookie
	}
	cookie.Path, cookie.HttpOnly = "/", true
	cookie.Secure = cookie.Secure || t.Secure
	if cookie.SameSite != http.SameSiteStrictMode {
		cookie.SameSite = http.SameSiteLaxMode
	}
	if !t.AllowDomain {
		cookie.Domain = ""
	}
	switch least := max(idle, remembered); {
	case cookie.MaxAge < 0 || cookie.Value == "": // it is deleted
	case remembered == 0 && (brief || cookie.MaxAge == 0):
		cookie.MaxAge, cookie.Expires = 0, time.Time{}
	case cookie.MaxAge < int(least/time.Second):
		cookie.MaxAge, cookie.Expires = int(least/time.Second), time.Now().Add(least)
	}
	return cookie.String()
}

// mountedIn returns the wrapper of the session that the token is in.
func (t *inSession) mountedIn(value any) (sessions.Session, string) {
	switch mounted := value.(type) {
	case sessions.Session:
		return mounted, ""
	case map[string]sessions.Session:
		if t.Session != "" {
			return mounted[t.Session], t.Session
		}
		for name, session := range mounted {
			if len(mounted) == 1 {
				return session, name
			}
		}
	}
	return nil, ""
}
