package ginstores

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/powgin/powgin/powgintest"
)

// TestBesidePowgin tells every story at every store, mounted in every way.
func TestBesidePowgin(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, mounting := range mountings {
				for what, story := range stories {
					t.Run(how+"/"+what, func(t *testing.T) {
						t.Parallel()
						w := newSite(t, mounting, open(t))
						story(w, traits[name])
						for _, err := range w.errors {
							t.Errorf("OnError was told: %v", err)
						}
					})
				}
			}
		})
	}
}

// trait is what a store does that no caller can change.
type trait struct {
	replays bool // values are in the cookie, whose copies stay good
	noBrief bool // a session with MaxAge 0 is not kept

	// Where the token is in the session:
	comesBack    bool // what a sign-in has deleted comes back by a slow Save
	goesByMaxAge bool // a cookie may be as old as the site's options say; with the others, 30 days
	noMonths     bool // where the site's options say more than 30 days, nothing is kept
	swallows     bool // a server that is down looks like one that has no record
}

var traits = map[string]trait{
	"cookie":           {replays: true, comesBack: true},
	"gorm":             {noBrief: true, goesByMaxAge: true, swallows: true},
	"redis":            {noBrief: true},
	"postgres":         {goesByMaxAge: true},
	"memcached text":   {noMonths: true},
	"memcached binary": {noMonths: true},
}

// old is what a cookie reads that was replaced when the session kept this.
func (t trait) old(values string) string {
	if t.replays {
		return values
	}
	return ""
}

// kept is what a session keeps that was saved under a cookie which stays.
func (t trait) kept(saved, before string) string {
	if t.replays {
		return before
	}
	return saved
}

var stories = map[string]func(w *site, t trait){
	"a planted cookie reads nothing of what follows": func(w *site, t trait) {
		mallory := w.browser()
		mallory.post("/put", "key", "cart", "value", "stones")
		victim := mallory.clone()
		victim.post("/signin", "user", "alice", "put", "private")
		mallory.wantValues(t.old("cart=stones"), "for who has planted the cookie")
		mallory.wantUser("", "for who has planted the cookie")
		victim.wantValues("cart=stones put=private", "for the victim")
	},
	"a sign-in keeps values, flashes and options, under a new ID": func(w *site, t trait) {
		b := w.browser()
		b.post("/put", "key", "cart", "value", "apples")
		b.post("/put", "key", "attempts", "value", "3")
		b.post("/flash", "text", "welcome")
		before := b.clone()
		wantLines(w, b.post("/signin", "user", "alice"))
		if b.cookie("app") == before.cookie("app") {
			w.Error("the cookie is the same")
		}
		b.wantUser("alice", "after the sign-in")
		b.wantValues("_flash=[welcome] cart=apples", "after the sign-in, less what Config.DropAtSignIn names,")
		before.wantValues(t.old("_flash=[welcome] attempts=3 cart=apples"), "under the old cookie")
		b.post("/put", "key", "cart", "value", "pears")
		b.wantValues("_flash=[welcome] cart=pears", "later")
	},
	"a Save behind the sign-in lands, in one cookie": func(w *site, _ trait) {
		b := w.browser()
		b.post("/put", "key", "cart", "value", "apples")
		wantLines(w, b.post("/signin", "user", "alice", "put", "pears"))
		b.wantValues("cart=apples put=pears", "after the sign-in")
		wantLines(w, b.post("/sync", "put", "plums"))
		b.wantValues("cart=apples put=plums", "after the sync")
	},
	"sessions of other names keep their own": func(w *site, _ trait) {
		if w.names == nil {
			return
		}
		b := w.browser()
		b.post("/put?in=app", "key", "cart", "value", "apples")
		b.post("/put?in=other", "key", "draft", "value", "hello")
		wantLines(w, b.post("/signin", "user", "alice"))
		b.wantValues("cart=apples", "after the sign-in")
		if got := b.Get("/values?in=other").Body; got != "draft=hello" {
			w.Errorf("after the sign-in the other session keeps %q; want what it had", got)
		}
	},
	"another user's sign-in drops everything": func(w *site, t trait) {
		b := w.browser()
		b.post("/signin", "user", "alice", "put", "private")
		before := b.clone()
		b.post("/signin", "user", "bob")
		b.wantValues("", "after bob's sign-in")
		before.wantValues(t.old("put=private"), "under alice's cookie")
		before.wantUser("", "under alice's cookie")
	},
	"a sync keeps values, under a new ID": func(w *site, t trait) {
		b := w.browser()
		b.post("/signin", "user", "alice", "put", "apples")
		before := b.clone()
		wantLines(w, b.post("/sync"))
		b.wantValues("put=apples", "after the sync")
		before.wantValues(t.old("put=apples"), "under the old cookie")
	},
	"a sign-out drops everything": func(w *site, t trait) {
		b := w.browser()
		b.post("/signin", "user", "alice", "put", "private")
		before := b.clone()
		b.post("/signout")
		if got := b.cookie("app"); got != "" {
			w.Errorf("after the sign-out the browser has the cookie %q; want none", got)
		}
		b.wantValues("", "after the sign-out")
		before.wantValues(t.old("put=private"), "under the old cookie")
		before.wantUser("", "under the old cookie")
		before.post("/put", "key", "cart", "value", "stones")
		before.post("/signin", "user", "bob") // on a record that is gone, under its old ID
		before.wantUser("bob", "after bob's sign-in")
	},
	"a Save behind the sign-out begins anew": func(w *site, _ trait) {
		b := w.browser()
		b.post("/signin", "user", "alice", "put", "private")
		b.post("/signout", "put", "bye")
		b.wantValues("put=bye", "after the sign-out")
		b.wantUser("", "after the sign-out")
	},
	"a slow Save grants nothing after a sign-out": func(w *site, _ trait) {
		b := w.browser()
		b.post("/signin", "user", "alice", "put", "private")
		slow := b.clone()
		finish := w.start(slow)
		b.post("/signout")
		finish()
		slow.wantUser("", "after the slow Save")
		b.wantUser("", "after the slow Save")
		slow.post("/signin", "user", "bob")
		slow.wantValues("", "after bob's sign-in on what came back")
	},
	"a session with MaxAge 0 is no obstacle": func(w *site, t trait) {
		b := w.browser()
		b.post("/brief")
		before := b.clone()
		b.post("/signin", "user", "alice")
		b.wantUser("alice", "after the sign-in")
		kept := "cart=apples"
		if t.noBrief {
			kept = ""
		}
		b.wantValues(kept, "after the sign-in")
		before.wantValues(t.old("cart=apples"), "under the old cookie")
		b.post("/signout")
		b.wantUser("", "after the sign-out")
	},
	"a store that is down has the sign-in fail, and changes nothing": func(w *site, _ trait) {
		if w.store.down == nil {
			return
		}
		b := w.browser()
		b.post("/put", "key", "cart", "value", "apples")
		before := b.clone()
		w.store.down()
		r := b.PostForm("/signin", "user", "alice")
		if r.Status != http.StatusServiceUnavailable || len(lines(r)) > 0 {
			w.Errorf("POST /signin = %d with the cookies %q; want 503 with none", r.Status, lines(r))
		}
		if b.cookie("app") != before.cookie("app") {
			w.Error("the cookie has changed")
		}
		b.wantUser("", "after the sign-in")
		w.errors = nil // it was told why
	},
}

// wantLines fails the test unless the answer sets powgin's cookie and that of
// each session, once and with the attributes of the site's options.
func wantLines(w *site, r *powgintest.Response) {
	w.Helper()
	want := []string{"__Host-powgin; Path=/; HttpOnly; Secure; SameSite=Lax"}
	for _, name := range []string{"app", "other"} {
		if name == "app" || w.names != nil {
			want = append(want, name+"; Path=/; Max-Age=600; HttpOnly; Secure; SameSite=Lax")
		}
	}
	if got := lines(r); !slices.Equal(got, want) {
		w.Errorf("the answer sets\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// start sends a request that has read the session and is yet to save it. What it
// returns lets it go on.
func (w *site) start(b *browser) (finish func() *powgintest.Response) {
	done := make(chan *powgintest.Response, 1)
	go func() { done <- b.PostForm("/slow") }()
	<-w.entered
	return func() *powgintest.Response {
		close(w.open)
		r := <-done
		if r.Status != http.StatusOK {
			w.Errorf("POST /slow = %d; want 200", r.Status)
		}
		return r
	}
}
