package ginstores

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"

	"github.com/powgin/powgin/powgintest"
)

var signInStories = map[string]func(w *site, t trait){
	"a planted cookie reads nothing of what follows": func(w *site, t trait) {
		mallory := w.browser()
		w.wantSets(mallory.post("/put", "key", "cart", "value", "stones"), appSet)
		victim := mallory.clone()
		victim.post("/signin", "user", "alice", "put", "private")
		w.wantGone(mallory, t, "cart=stones", "after the sign-in")
		mallory.wantValues(t.old("cart=stones"), "for who has planted the cookie")
		mallory.wantUser("", "for who has planted the cookie")
		victim.wantValues("cart=stones put=private", "for the victim")
	},
	"a planted cookie of somebody else is nobody's afterwards": func(w *site, t trait) {
		mallory := w.browser()
		mallory.post("/signin", "user", "bob", "put", "stones")
		victim := mallory.clone()
		victim.post("/signin", "user", "alice")
		victim.wantUser("alice", "for the victim")
		victim.wantValues("", "for the victim")
		mallory.wantUser("", "for who has planted the cookie")
		w.wantGone(mallory, t, "put=stones", "after the sign-in")
	},
	"a sign-in keeps values and flashes, under a new ID, in one cookie": func(w *site, t trait) {
		b := w.browser()
		b.post("/put", "key", "cart", "value", "apples")
		b.post("/put", "key", "attempts", "value", "3")
		w.wantSets(b.post("/flash", "text", "welcome"), appSet)
		before := b.clone()
		w.wantSets(b.post("/signin", "user", "alice"), appSet, otherSet)
		b.wantNew(before, "after the sign-in")
		w.wantGone(before, t, "_flash=[welcome] attempts=3 cart=apples", "after the sign-in")
		b.wantUser("alice", "after the sign-in")
		b.wantValues("_flash=[welcome] cart=apples", "after the sign-in, less what Config.DropAtSignIn names,")
		before.wantUser("", "under the old cookie")
		before.wantValues(t.old("_flash=[welcome] attempts=3 cart=apples"), "under the old cookie")
		w.wantSets(b.Get("/me"))
		w.wantSets(b.post("/put", "key", "cart", "value", "pears"), appSet)
		b.wantValues("_flash=[welcome] cart=pears", "later")
	},
	"a first request signs in, in one cookie": func(w *site, _ trait) {
		b := w.browser()
		w.wantSets(b.Get("/me"))
		w.wantSets(b.post("/signin", "user", "alice"), appSet, otherSet)
		b.wantUser("alice", "after the sign-in")
		w.wantSessions("alice", 1, "after the sign-in")
	},
	"options of the handler's own stay, as far as a token allows": func(w *site, _ trait) {
		b := w.browser()
		r := b.post("/signin/strict", "user", "alice")
		w.wantSets(r, "app; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Strict", otherSet)
		b.wantUser("alice", "after the sign-in")
	},
	"a Save behind the sign-in lands, in one cookie": func(w *site, _ trait) {
		b := w.browser()
		b.post("/put", "key", "cart", "value", "apples")
		w.wantSets(b.post("/signin", "user", "alice", "put", "pears"), appSet, otherSet)
		b.wantUser("alice", "after the sign-in")
		b.wantValues("cart=apples put=pears", "after the sign-in")
		w.wantSets(b.post("/sync", "put", "plums"), appSet, otherSet)
		b.wantUser("alice", "after the sync")
		b.wantValues("cart=apples put=plums", "after the sync")
	},
	"another user's sign-in drops everything": func(w *site, t trait) {
		b, before := w.signedIn("put", "private")
		w.wantSets(b.post("/signin", "user", "bob"), appSet, otherSet)
		b.wantUser("bob", "after bob's sign-in")
		b.wantValues("", "after bob's sign-in")
		w.wantGone(before, t, "put=private", "after bob's sign-in")
		before.wantUser("", "under alice's cookie")
		before.wantValues(t.old("put=private"), "under alice's cookie")
		w.wantSessions("alice", 0, "after bob's sign-in")
	},
	"sessions of other names keep their own": func(w *site, _ trait) {
		if w.names == nil {
			return
		}
		b := w.browser()
		b.post("/put?in=app", "key", "cart", "value", "apples")
		b.post("/put?in=other", "key", "draft", "value", "hello")
		steps := []struct {
			path, user, other string
		}{
			{"/signin", "alice", "draft=hello"},
			{"/sync", "alice", "draft=hello"},
			{"/clear", "", "draft=hello"},
			{"/signin", "bob", ""}, // alice's
		}
		for _, step := range steps {
			b.post(step.path, "user", step.user)
			b.wantUser(step.user, "after POST "+step.path)
			if got := b.Get("/values?in=other").Body; got != step.other {
				w.Errorf("after POST %s the other session keeps %q; want %q", step.path, got, step.other)
			}
		}
		b.post("/put?in=other", "key", "draft", "value", "hello")
		b.wantUser("bob", "after a Save of the other session")
		w.wantSets(b.post("/signout"), appDeleted, otherDeleted)
	},
	"a session with MaxAge 0 works": func(w *site, t trait) {
		w.options(func(o *sessions.Options) { o.MaxAge = 0 })
		const brief = "app; Path=/; HttpOnly; Secure; SameSite=Lax"
		other := []string{"other; Path=/; Domain=app.localhost; SameSite=None"}
		b := w.browser()
		w.wantBrief(b.post("/put", "key", "cart", "value", "apples"), brief)
		b.wantValues("cart=apples", "before the sign-in")
		w.wantBrief(b.post("/signin", "user", "alice"), append([]string{brief}, other...)...)
		b.wantUser("alice", "after the sign-in")
		w.wantBrief(b.post("/put", "key", "cart", "value", "pears"), brief)
		before := b.clone()
		if t.noBrief { // nothing is left of it to be moved
			other = nil
		}
		w.wantBrief(b.post("/sync/now"), append([]string{brief}, other...)...)
		before.wantUser("", "under the cookie from before the sync")
		b.wantUser("alice", "after the sync")
		w.clock.Advance(renewalDue)
		w.wantBrief(b.Get("/me"), brief)
		b.wantValues("cart=pears", "after the renewal")
		b.wantUser("alice", "after the renewal")
		last := b.clone()
		b.post("/signout")
		last.wantUser("", "after the sign-out")
		w.wantGone(last, t, "cart=pears", "after the sign-out")
	},
	"a session that is remembered has its age": func(w *site, _ trait) {
		for _, age := range []int{600, 0} {
			w.options(func(o *sessions.Options) { o.MaxAge = age })
			b := w.browser()
			w.wantAge(b.post("/signin/for/7", "user", "alice"), "604800")
			b.wantUser("alice", "after the sign-in")
			w.wantAge(b.post("/put", "key", "cart", "value", "apples"), "604800")
			w.wantAge(b.post("/sync"), "604800")
			w.clock.Advance(renewalDue)
			w.wantAge(b.Get("/me"), "603899")
			b.wantUser("alice", "after the renewal")
			b.wantValues("cart=apples", "after the renewal")
		}
	},
	"a session that is remembered for longer than 30 days": func(w *site, _ trait) {
		b := w.browser()
		w.wantAge(b.post("/signin/for/31", "user", "alice"), "2678400")
		b.wantUser("alice", "after the sign-in")
		w.wantSessions("alice", 1, "after the sign-in")
	},
	"a cookie that is older than its store takes": func(w *site, t trait) {
		days := func(n int) int { return n * 24 * 60 * 60 }
		for _, row := range []struct {
			maxAge, old  int
			taken, other bool // by stores that go by MaxAge, and by the others
		}{
			{600, 599, true, true},
			{600, 660, false, true},
			{days(30), days(29), true, true},
			{days(60), days(31), true, false},
		} {
			if t.noMonths && row.maxAge > days(30) {
				continue
			}
			w.options(func(o *sessions.Options) { o.MaxAge = row.maxAge })
			b, _ := w.signedIn()
			b.SetCookies(&http.Cookie{Name: "app", Value: aged(w.T, b.cookie("app"), row.old), Path: "/", Secure: true})
			want, taken := "", row.other
			if t.goesByMaxAge {
				taken = row.taken
			}
			if taken {
				want = "alice"
			}
			b.wantUser(want, fmt.Sprintf("with MaxAge %d, for a cookie made %d seconds ago,", row.maxAge, row.old))
		}
	},
}

// wantBrief is wantSets for cookies that end with the browser's session.
func (w *site) wantBrief(r *powgintest.Response, want ...string) {
	w.Helper()
	w.wantSets(r, want...)
	if set := strings.Join(r.Header.Values("Set-Cookie"), "\n\t"); strings.Contains(set, "Expires=") {
		w.Errorf("the answer sets\n\t%s\nwant no Expires", set)
	}
}

// wantAge fails the test unless an answer sets the token's cookie once, to be
// kept for so many seconds.
func (w *site) wantAge(r *powgintest.Response, seconds string) {
	w.Helper()
	var list []string
	for _, line := range lines(r) {
		if strings.HasPrefix(line, "app;") {
			list = append(list, line)
		}
	}
	if want := "app; Path=/; Max-Age=" + seconds + "; HttpOnly; Secure; SameSite=Lax"; len(list) != 1 || list[0] != want {
		w.Errorf("the answer sets %q; want %q once", list, want)
	}
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		if until := time.Now().Add(time.Duration(c.MaxAge) * time.Second); c.Name == "app" && c.Expires.Sub(until).Abs() > time.Hour {
			w.Errorf("the cookie expires at %v; want what Max-Age says, %v", c.Expires, until)
		}
	}
}

// aged returns a cookie of a store as it were if it had been made so many seconds
// earlier. (Its form is that of gorilla/securecookie.)
func aged(t *testing.T, value string, seconds int) string {
	t.Helper()
	plain, err := base64.URLEncoding.DecodeString(value)
	must(t, err)
	parts := strings.SplitN(string(plain), "|", 3) // when it was made, the value, and the signature
	made, err := strconv.Atoi(parts[0])
	must(t, err)
	signed := fmt.Sprintf("%d|%s", made-seconds, parts[1])
	mac := hmac.New(sha256.New, signingKey)
	_, _ = mac.Write([]byte("app|" + signed))
	return base64.URLEncoding.EncodeToString(mac.Sum([]byte(signed + "|")))
}
