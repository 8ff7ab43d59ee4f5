package handlers

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"
)

// A move is a mounted session on its way from one record of its store to
// another.
type move struct {
	session *gorilla.Session
	old     record   // as the call found it
	next    record   // what was saved
	lines   []string // the Set-Cookie lines of next, held back until it counts

	// keep says that old stays when the move has landed, and older are records
	// that the session has left before and that go then.
	keep  bool
	older []record
}

// A record is what of a session changes with its ID.
type record struct {
	id     string
	isNew  bool
	values map[any]any

	options *gorilla.Options // nil: as they are

	// cookie is the value that the client sends for it. One store, gorm's, finds
	// its record by the request's cookie only, and ignores the ID.
	cookie string
}

// recordOf returns the session as it is now. What the response sets already
// counts for more than what the request brought.
func recordOf(c *gin.Context, session *gorilla.Session) record {
	old := record{id: session.ID, isNew: session.IsNew, values: session.Values, options: session.Options}
	if cookie, err := c.Request.Cookie(session.Name()); err == nil {
		old.cookie = cookie.Value
	}
	if value := valueSet(c.Writer.Header()["Set-Cookie"], session.Name()); value != "" {
		old.cookie = value
	}
	return old
}

// restore makes the session what the record says.
func (r record) restore(session *gorilla.Session) {
	session.ID, session.IsNew, session.Values = r.id, r.isNew, r.values
	if r.options != nil {
		session.Options = r.options
	}
}

// save saves the session as a new one. Without an ID, and in a request that
// does not carry its cookie, there is no record that a store could take for the
// session's: not even one that is gone, under an ID which somebody has planted.
func (m *move) save(ctx context.Context, r *http.Request, values map[any]any) error {
	saved := false
	defer func() {
		if !saved { // failed, or panicked: some stores do with values they cannot encode
			m.old.restore(m.session)
		}
	}()
	record{isNew: true, values: values}.restore(m.session)
	answer := headerOnly{}
	if err := m.session.Store().Save(carrying(ctx, r, m.session.Name(), ""), answer, m.session); err != nil {
		return err
	}
	saved = true
	m.lines = answer["Set-Cookie"]
	value := valueSet(m.lines, m.session.Name())
	m.session.IsNew = value == "" // one whose options delete it is kept nowhere
	m.next = record{id: m.session.ID, values: values, cookie: value}
	return nil
}

// delete removes the record from the session's store. What the store gets is
// another session, without values: some stores empty it in place, and one only
// overwrites what it should delete.
func (r record) delete(ctx context.Context, req *http.Request, session *gorilla.Session) error {
	gone := gorilla.NewSession(session.Store(), session.Name())
	options := *session.Options
	options.MaxAge = -1
	gone.ID, gone.Options = r.id, &options
	return session.Store().Save(carrying(ctx, req, session.Name(), r.cookie), headerOnly{}, gone)
}

// A headerOnly is a response that only collects its header.
type headerOnly http.Header

func (h headerOnly) Header() http.Header         { return http.Header(h) }
func (h headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (h headerOnly) WriteHeader(int)             {}

// carrying returns a request like r that carries this value under the cookie's
// name; "" for none.
func carrying(ctx context.Context, r *http.Request, name, value string) *http.Request {
	r = r.WithContext(ctx)
	r.Header = maps.Clone(r.Header)
	carry(r.Header, name, value)
	return r
}

// carry changes the value that a request carries under a cookie's name; ""
// takes the cookie out. The other cookies stay as they were sent.
func carry(h http.Header, name, value string) {
	var kept []string
	for _, line := range h["Cookie"] {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.TrimSpace(pair)
			if key, _, _ := strings.Cut(pair, "="); pair != "" && strings.TrimSpace(key) != name {
				kept = append(kept, pair)
			}
		}
	}
	if value != "" {
		kept = append(kept, name+"="+value)
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = []string{strings.Join(kept, "; ")}
}

// valueSet returns the value that Set-Cookie lines leave a cookie with, "" for
// none.
func valueSet(lines []string, name string) (value string) {
	for _, line := range lines {
		if rest, ok := strings.CutPrefix(line, name+"="); ok {
			value, _, _ = strings.Cut(rest, ";")
		}
	}
	return strings.Trim(value, `"`)
}

// keepLast leaves the last of the Set-Cookie lines that begin with prefix, the
// one that a browser keeps.
func keepLast(h http.Header, prefix string) {
	if last, ok := lineSet(h, prefix); ok {
		removeLines(h, prefix)
		h.Add("Set-Cookie", last)
	}
}

// lineSet returns the last Set-Cookie line that begins with prefix.
func lineSet(h http.Header, prefix string) (last string, ok bool) {
	for _, line := range h["Set-Cookie"] {
		if strings.HasPrefix(line, prefix) {
			last, ok = line, true
		}
	}
	return last, ok
}
