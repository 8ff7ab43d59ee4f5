package handlers

import (
	"bufio"
	"context"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// An outgoing cookie waits for the response's first byte.
type outgoing struct {
	kind   outgoingKind
	token  *cache.Token
	writer *writer
}

type outgoingKind uint8

const (
	nothing  outgoingKind = iota
	renewal               // a successor; the old token works until it is used
	rotation              // the only token left of a sign-in or sync that has landed
	deletion
)

// sendToken has the response carry the token. The cookie is put into the
// header now, for writers that reach the response by another way than ours,
// and is looked at once more just before the first byte.
func (s *State) sendToken(c *gin.Context, t *cache.Token, kind outgoingKind) {
	s.out.kind, s.out.token = kind, t
	s.wrap(c)
	s.auth.cookie.put(c.Writer.Header(), s.auth.Tokens.Format(*t))
}

// deleteCookie has the response delete the client's cookie.
func (s *State) deleteCookie(c *gin.Context) {
	if c.Writer.Written() {
		return
	}
	s.out.kind, s.out.token = deletion, nil
	s.wrap(c)
	s.auth.cookie.put(c.Writer.Header(), "")
}

// withdraw takes back a renewal's cookie: an answer that could not tell who is
// signed in must leave the client as it was. What a sign-in, sign-out or sync
// has changed stays changed, and its cookie goes out.
func (s *State) withdraw(c *gin.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out.kind == renewal {
		s.out.kind, s.out.token = nothing, nil
		s.auth.cookie.remove(c.Writer.Header())
	}
}

// wrap puts our writer around the response's. Only requests that send a cookie
// pay for it.
func (s *State) wrap(c *gin.Context) {
	if s.out.writer == nil {
		s.out.writer = &writer{ResponseWriter: c.Writer, state: s}
		c.Writer = s.out.writer
	}
}

// A writer looks at the cookie once more just before the first byte: by then
// another request of the same session may have replaced the token.
type writer struct {
	gin.ResponseWriter
	state *State
	begun bool
}

// begin runs before anything is sent. Whatever the app has said about caching
// meanwhile is replaced.
func (w *writer) begin() {
	if w.begun {
		return
	}
	w.begun = true
	if w.ResponseWriter.Written() {
		return
	}
	s := w.state
	s.mu.Lock()
	out := s.out
	s.mu.Unlock()
	cookie := &s.auth.cookie
	switch out.kind {
	case deletion:
		cookie.put(w.Header(), "")
	case renewal, rotation:
		if s.auth.Cache.IsNewest(context.WithoutCancel(s.Context), out.token) {
			cookie.put(w.Header(), s.auth.Tokens.Format(*out.token))
		} else {
			cookie.remove(w.Header())
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

// Hijack hands the connection over; a header that was not sent never is.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.begun = true
	return w.ResponseWriter.Hijack()
}

// Unwrap lets http.ResponseController reach deadlines and full duplex.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
