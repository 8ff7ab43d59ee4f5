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

// A sent is the token that a response carries.
type sent struct {
	kind  outgoing
	token *cache.Token // nil for a deletion
	// maxAge is how long the client is to keep the token when its own session
	// ends; 0 stands for no longer than that.
	maxAge time.Duration
}

// sendToken has the response carry the successor of what was opened. It is
// called with mu held, or before anybody else knows the state.
//
// Without a sender the app hands it out, in an answer that nobody may store
// (RFC 6749, section 5.1).
func (s *State) sendToken(c *gin.Context, o *cache.Opened, kind outgoing) {
	if s.auth.sender == nil {
		s.more().token = s.auth.Tokens.Format(*o.Successor)
		c.Writer.Header()["Cache-Control"] = noStore
		return
	}
	kept := *o // by the sender, so that o itself, which every request has, need not be on the heap
	s.auth.sender.send(s, c, &kept, kind)
}

// deleteToken has the client forget its token. It is called like sendToken.
func (s *State) deleteToken(c *gin.Context) {
	switch {
	case s.auth.sender != nil:
		s.auth.sender.forget(s, c)
	case s.rare != nil:
		s.rare.token, s.rare.renewal = "", ""
	}
}

// withdraw takes back a renewal: an answer that could not tell who is signed in
// must leave the client as it was. What a sign-in, sign-out or sync has changed
// stays changed, and goes out.
func (s *State) withdraw(c *gin.Context) {
	if s.auth.sender != nil {
		s.auth.sender.withdraw(s, c)
	}
}

// loseToken drops a token that proves nothing from where the app's own handlers
// could keep it alive; o tells what became of it. Nobody else knows the state
// yet.
func (s *State) loseToken(c *gin.Context, o *cache.Opened) {
	if t, ok := s.auth.carrier.(*inSession); ok {
		t.lose(s, c, o)
	}
}

// wrap puts our writer around the response's. Only requests that send a cookie
// pay for it.
func (s *State) wrap(c *gin.Context) *writer {
	if w := s.some().writer; w != nil {
		return w
	}
	return s.wrapIn(c, new(writer))
}

// wrapIn makes w that writer.
func (s *State) wrapIn(c *gin.Context, w *writer) *writer {
	w.ResponseWriter, w.state = c.Writer, s
	s.more().writer, c.Writer = w, w
	return w
}

// A writer looks at the cookie once more just before the first byte: by then
// another request of the same session may have replaced the token.
type writer struct {
	gin.ResponseWriter
	state *State
	begun bool // guarded by state.mu

	// mounted names the cookies of gin-contrib/sessions that the response is to
	// set once at most, guarded by state.mu.
	mounted []string
}

// begin runs before anything is sent.
func (w *writer) begin() {
	w.state.mu.Lock()
	defer w.state.mu.Unlock()
	w.beginLocked()
}

// beginLocked sees to the cookies.
func (w *writer) beginLocked() {
	if w.begun || w.ResponseWriter.Written() {
		return
	}
	w.begun = true
	h := w.Header()
	for _, name := range w.mounted {
		keepLast(h, name+"=")
	}
	if sender := w.state.auth.sender; sender != nil {
		sender.finish(w.state, h)
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
