package ginstores

import (
	"net"
	"net/http"
	"strings"
	"testing"
)

var downStories = map[string]func(w *site, t trait){
	"a sign-in with the store down fails, and changes nothing": func(w *site, _ trait) {
		if w.store.down == nil {
			return
		}
		b := w.browser()
		b.post("/put", "key", "cart", "value", "apples")
		before, stranger := b.clone(), w.browser()
		w.store.down()
		for _, b := range []*browser{b, stranger} {
			r := b.PostForm("/signin", "user", "alice")
			if r.Status != http.StatusServiceUnavailable {
				w.Errorf("POST /signin = %d %s; want 503", r.Status, r.Body)
			}
			w.wantSets(r)
		}
		if b.cookie("app") != before.cookie("app") {
			w.Error("the cookie has changed")
		}
		w.wantSessions("alice", 0, "after the sign-in")
		w.wantErrors(2)
	},
	"a request with the store down": func(w *site, t trait) {
		if w.store.down == nil {
			return
		}
		b, before := w.signedIn("put", "private")
		w.store.down()
		w.clock.Advance(renewalDue)
		r := b.Get("/me")
		want, told := http.StatusServiceUnavailable, 1
		if t.swallows {
			want, told = http.StatusOK, 0
		}
		if r.Status != want || r.Status == http.StatusOK && r.Body != "" {
			w.Errorf("GET /me = %d %q; want %d, and nobody", r.Status, r.Body, want)
		}
		w.wantSets(r)
		if b.cookie("app") != before.cookie("app") {
			w.Error("the cookie has changed")
		}
		w.wantSessions("alice", 1, "after the request")
		w.wantErrors(told)
	},
	"a sign-out with the store down ends the session": func(w *site, t trait) {
		if w.store.down == nil {
			return
		}
		b, _ := w.signedIn("put", "private")
		w.wantSets(b.post("/down/signout"), appDeleted, otherDeleted)
		w.wantSessions("alice", 0, "after the sign-out")
		w.errors = nil // it was told of the records that stay
	},
	"a sync with the store down fails, and leaves the session": func(w *site, t trait) {
		if w.store.down == nil {
			return
		}
		b, before := w.signedIn("put", "private")
		r := b.PostForm("/down/sync")
		if r.Status != http.StatusServiceUnavailable {
			w.Errorf("POST /down/sync = %d %s; want 503", r.Status, r.Body)
		}
		w.wantSets(r)
		if b.cookie("app") != before.cookie("app") {
			w.Error("the cookie has changed")
		}
		w.wantSessions("alice", 1, "after the sync")
		w.wantErrors(1)
	},
}

// wantErrors fails the test unless OnError was told so many errors.
func (w *site) wantErrors(want int) {
	w.Helper()
	if len(w.errors) != want {
		w.Errorf("OnError was told %q; want %d errors", w.errors, want)
	}
	w.errors = nil
}

// outages are those in which a server answers, and not with a record. Where it is
// not told, powgin takes it for one that has none.
var outages = []struct {
	store, what string
	instead     func(net.Conn)
	told        bool
}{
	{"redis", "hangs up", hangUp, true},
	{"redis", "is starting", saying("-LOADING Redis is loading the dataset in memory\r\n"), true},
	{"postgres", "hangs up", hangUp, true},
	{"postgres", "is starting", saying(startingUp), true},
	{"memcached text", "hangs up", hangUp, true},
	{"memcached text", "has no memory left", saying("SERVER_ERROR out of memory\r\n"), true},
	{"memcached binary", "hangs up", hangUp, true},
}

// startingUp is the message ErrorResponse of the PostgreSQL protocol, in which the
// four bytes behind the E are its length.
var startingUp = func() string {
	fields := strings.Join([]string{"SFATAL", "C57P03", "Mthe database system is starting up", "", ""}, "\x00")
	return "E\x00\x00\x00" + string(rune(4+len(fields))) + fields
}()

func TestOutages(t *testing.T) {
	t.Parallel()
	for _, row := range outages {
		t.Run(row.store+" "+row.what, func(t *testing.T) {
			t.Parallel()
			w := newInSession(t, mountings["Sessions"], stores[row.store](t))
			b, before := w.signedIn("put", "private")
			w.store.proxy.replace(row.instead)
			r := b.Get("/me")
			want, told := http.StatusOK, 0
			if row.told {
				want, told = http.StatusServiceUnavailable, 1
			}
			if r.Status != want || r.Status == http.StatusOK && r.Body != "" {
				t.Errorf("GET /me = %d %q; want %d, and nobody", r.Status, r.Body, want)
			}
			w.wantSets(r)
			if b.cookie("app") != before.cookie("app") {
				t.Error("the cookie has changed")
			}
			w.wantErrors(told)
			if row.store == "memcached binary" {
				return // it leaves the server alone for some seconds
			}
			w.store.proxy.replace(nil)
			b.wantUser("alice", "when the server answers again")
			b.wantValues("put=private", "when the server answers again")
		})
	}
}
