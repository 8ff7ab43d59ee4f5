package handlers

import (
	"bufio"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// An outgoing is what a response does to the session cookie.
type outgoing uint8

const (
	nothing  outgoing = iota
	renewal           // a successor; the old token works until it is used
	rotation          // the only token left of a sign-in or sync that has landed
	deletion
)

// sendToken has the response carry the token. The cookie is put into the
// header now, for writers that reach the response by another way than ours,
// and is looked at once more just before the first byte. It is called with mu
// held, or before anybody else knows the state.
//
// Without a sender the app hands it out, in an answer that nobody may store
// (RFC 6749, section 5.1).
func (s *State) sendToken(c *gin.Context, t *cache.Token, kind outgoing) {
	if s.auth.sender == nil {
		s.more().token = s.auth.Tokens.Format(*t)
		c.Writer.Header()["Cache-Control"] = noStore
		return
	}
	w := s.wrap(c)
	w.kind, w.token, w.maxAge = kind, t, s.auth.Cache.Remembered(&s.access)
	w.put(c.Writer.Header())
}

// deleteCookie has the response delete the client's cookie. It is called like
// sendToken.
func (s *State) deleteCookie(c *gin.Context) {
	if s.auth.sender == nil {
		if s.rare != nil {
			s.rare.token, s.rare.renewal = "", ""
		}
		return
	}
	if c.Writer.Written() {
		return
	}
	w := s.wrap(c)
	w.kind, w.token = deletion, nil
	w.put(c.Writer.Header())
}

// withdraw takes back a renewal's cookie: an answer that could not tell who is
// signed in must leave the client as it was. What a sign-in, sign-out or sync
// has changed stays changed, and its cookie goes out.
func (s *State) withdraw(c *gin.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.some().writer; w != nil && w.kind == renewal {
		w.kind, w.token = nothing, nil
		s.auth.sender.remove(c.Writer.Header())
	}
}

// wrap puts our writer around the response's. Only requests that send a cookie
// pay for it.
func (s *State) wrap(c *gin.Context) *writer {
	r := s.more()
	if r.writer == nil {
		r.writer = &writer{ResponseWriter: c.Writer, state: s}
		c.Writer = r.writer
	}
	return r.writer
}

// A writer looks at the cookie once more just before the first byte: by then
// another request of the same session may have replaced the token.
type writer struct {
	gin.ResponseWriter
	state *State
	kind  outgoing     // guarded by state.mu
	token *cache.Token // guarded by state.mu
	begun bool         // guarded by state.mu

	// mounted names the cookies of gin-contrib/sessions that the response is to
	// set once at most, guarded by state.mu.
	mounted []string

	// maxAge is how long the client is to keep the token when its own session
	// ends, guarded by state.mu.
	maxAge time.Duration
}

// put puts the cookie into the header.
func (w *writer) put(h http.Header) {
	a := w.state.auth
	if w.kind == deletion {
		a.sender.put(h, "", 0)
		return
	}
	a.sender.put(h, a.Tokens.Format(*w.token), w.maxAge)
}

// begin runs before anything is sent.
func (w *writer) begin() {
	w.state.mu.Lock()
	defer w.state.mu.Unlock()
	w.beginLocked()
}

// beginLocked replaces whatever the app has said about the cookie and about
// caching meanwhile.
func (w *writer) beginLocked() {
	if w.begun || w.ResponseWriter.Written() {
		return
	}
	w.begun = true
	a, h := w.state.auth, w.Header()
	for _, name := range w.mounted {
		keepLast(h, name+"=")
	}
	switch w.kind {
	case deletion:
		w.put(h)
	case renewal, rotation:
		ctx, cancel := cache.Bounded(w.state.Context, cache.Budget)
		defer cancel()
		if a.Cache.IsNewest(ctx, w.token) {
			w.put(h)
		} else {
			a.sender.remove(h)
		}
	}
}

func (w *writer) WriteHeaderNow() {
	w.begin()
	w.ResponseWriter.WriteHeaderNow()
}

func (w *writer) Write(b []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(b)
}

func (w *writer) WriteString(s string) (int, error) {
	w.begin()
	return w.ResponseWriter.WriteString(s)
}

func (w *writer) Flush() {
	w.begin()
	w.ResponseWriter.Flush()
}

// Hijack hands the connection over. What is in the header now may be sent by
// whoever has it then, as httputil.ReverseProxy does with its 101.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.begin()
	return w.ResponseWriter.Hijack()
}

// Unwrap lets http.ResponseController reach deadlines and full duplex.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
