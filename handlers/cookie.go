package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// Cookie is the transport of browsers: the token travels in a cookie of its
// own.
type Cookie struct {
	Name   string // whole, with its prefix
	Secure bool
}

// A cookieWriter has worked out what can be worked out about the cookie.
type cookieWriter struct {
	cookie string // its name
	prefix string // how a Set-Cookie line of this name begins
	suffix string // the attributes
}

// newCookieWriter fixes the attributes. No Domain: the cookie is for this host
// alone. No Max-Age but for sessions that are to be remembered: it ends with the
// browser's session, and the server decides how long it counts. (OWASP Session
// Management Cheat Sheet, "Cookies"; RFC 6265bis on the __Host- prefix.)
func newCookieWriter(c Cookie) cookieWriter {
	w := cookieWriter{cookie: c.Name, prefix: c.Name + "=", suffix: "; Path=/; HttpOnly; SameSite=Lax"}
	if c.Secure {
		w.suffix = "; Path=/; HttpOnly; Secure; SameSite=Lax"
	}
	return w
}

// read finds the cookie's value.
func (w *cookieWriter) read(_ *State, c *gin.Context) (value string, found int, err error) {
	value, found = cookieValue(c.Request, w.cookie)
	return value, found, nil
}

func (w *cookieWriter) carries(_ *State, c *gin.Context) bool { return hasCookie(c, w.cookie) }

// send puts the cookie into the header now, for writers that reach the response
// by another way than ours. It is looked at once more just before the first byte.
func (w *cookieWriter) send(s *State, c *gin.Context, o *cache.Opened, kind outgoing) {
	r := s.more()
	s.wrap(c)
	r.out = sent{kind: kind, token: o.Successor, maxAge: s.auth.Cache.Remembered(&s.access)}
	w.write(s, c.Writer.Header())
}

func (w *cookieWriter) forget(s *State, c *gin.Context) {
	if c.Writer.Written() {
		return
	}
	s.wrap(c)
	s.more().out = sent{kind: deletion}
	w.write(s, c.Writer.Header())
}

func (w *cookieWriter) withdraw(s *State, c *gin.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.some().out.kind == renewal {
		s.more().out = sent{}
		w.remove(c.Writer.Header())
	}
}

// finish replaces whatever the app has said about the cookie and about caching
// meanwhile. By now another request of the same session may have replaced the
// token.
func (w *cookieWriter) finish(s *State, h http.Header) {
	switch out := &s.more().out; out.kind {
	case deletion:
		w.write(s, h)
	case renewal, rotation:
		if s.auth.Cache.IsNewest(out.token) {
			w.write(s, h)
		} else {
			w.remove(h)
		}
	}
}

// write puts what is to be sent into the header.
func (w *cookieWriter) write(s *State, h http.Header) {
	out := &s.rare.out
	if out.kind == deletion {
		w.put(h, "", 0)
		return
	}
	w.put(h, s.auth.Tokens.Format(*out.token), out.maxAge)
}

// put makes value the one cookie of this name in a response, and keeps it from
// being stored by anyone on the way: a cached response would hand the session
// to others. An empty value deletes the cookie. maxAge is how long the client
// is to keep it beyond its own session; 0 stands for no longer than that.
func (w *cookieWriter) put(h http.Header, value string, maxAge time.Duration) {
	w.remove(h)
	line := w.prefix + value
	if value == "" || maxAge > 0 {
		line += "; Max-Age=" + strconv.FormatInt(int64(maxAge/time.Second), 10)
	}
	h.Add("Set-Cookie", line+w.suffix)
	h["Cache-Control"] = noStore
	w.vary(h)
}

func (w *cookieWriter) name() string { return w.cookie }

func (w *cookieWriter) vary(h http.Header) { addVary(h, "Cookie") }

// remove takes the cookie out of a response.
func (w *cookieWriter) remove(h http.Header) { removeLines(h, w.prefix) }

// removeLines takes the Set-Cookie lines that begin with prefix out of a
// response.
func removeLines(h http.Header, prefix string) {
	lines := h["Set-Cookie"]
	kept := lines[:0:0]
	for _, line := range lines {
		if !strings.HasPrefix(line, prefix) {
			kept = append(kept, line)
		}
	}
	if len(kept) == 0 {
		delete(h, "Set-Cookie")
	} else {
		h["Set-Cookie"] = kept
	}
}

func addVary(h http.Header, field string) {
	if !varies(h, field) {
		h.Add("Vary", field)
	}
}

func varies(h http.Header, field string) bool {
	for _, line := range h["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.TrimSpace(name); name == "*" || strings.EqualFold(name, field) {
				return true
			}
		}
	}
	return false
}
