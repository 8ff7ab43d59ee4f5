package ginstores

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// TestInSession tells every story at every store, mounted in every way, where
// the token is a value of the session "app".
func TestInSession(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, mounting := range mountings {
				for _, chapter := range []map[string]func(*site, trait){signInStories, tokenStories, endStories, slowStories, downStories} {
					for what, story := range chapter {
						t.Run(how+"/"+what, func(t *testing.T) {
							t.Parallel()
							w := newInSession(t, mounting, open(t))
							story(w, traits[name])
							for _, err := range w.errors {
								t.Errorf("OnError was told: %v", err)
							}
						})
					}
				}
			}
		})
	}
}

// careless are options that no cookie with a token in it should have.
var careless = sessions.Options{Path: "/app", Domain: "app.localhost", MaxAge: 600, SameSite: http.SameSiteNoneMode}

// newInSession starts a site whose tokens are values of the session "app". Its
// options are careless; but for the path where the session "other", which is
// none of powgin's, has to be found at "/".
func newInSession(t *testing.T, m mounting, s store) *site {
	t.Helper()
	w := &site{
		T: t, mounting: m, store: s, router: gin.New(), clock: powgintest.NewClock(),
		entered: make(chan struct{}), open: make(chan struct{}),
	}
	w.options(func(*sessions.Options) {})
	w.mount()
	transport := powgin.InSession{}
	if m.names != nil {
		transport.Session = "app"
	}
	w.auth = powgin.Must(powgin.New(powgin.Config[User]{
		Users:        users{},
		Store:        w.clock.Store(),
		Transport:    transport,
		DropAtSignIn: []any{"attempts"},
		OnError:      func(_ context.Context, err error) { w.errors = append(w.errors, err) },
	}))
	t.Cleanup(func() { _ = w.auth.Close() })
	w.router.Use(w.auth.Session())
	w.routes()
	w.inSessionRoutes()
	return w
}

// options gives the store careless options with these changes.
func (w *site) options(change func(*sessions.Options)) {
	o := careless
	if w.names != nil {
		o.Path = "/"
	}
	change(&o)
	w.store.Options(o)
}

func (w *site) inSessionRoutes() {
	r := w.router
	r.POST("/signin/for/:days", powgin.Handle(func(c *Context) {
		days, err := time.ParseDuration(c.Param("days") + "h")
		must(w.T, err)
		w.answer(c, c.SignIn(User{c.PostForm("user")}, powgin.Remember(24*days)))
	}))
	r.POST("/signin/strict", powgin.Handle(func(c *Context) { // with options of the handler's own
		w.session(c.Context).Options(sessions.Options{Path: "/app", MaxAge: 3600, SameSite: http.SameSiteStrictMode})
		w.answer(c, c.SignIn(User{c.PostForm("user")}))
	}))
	r.POST("/sync/now", powgin.Handle(func(c *Context) { w.answer(c, syncUser(c, powgin.Grace(0))) }))
	r.POST("/clear", func(c *gin.Context) {
		s := w.session(c)
		s.Clear()
		w.save(s)
	})
	leave := func(c *gin.Context) {
		s := w.session(c)
		s.Clear()
		s.Options(sessions.Options{Path: "/", MaxAge: -1})
		w.save(s)
	}
	r.POST("/leave", leave)
	r.POST("/signout/leave", powgin.Handle(func(c *Context) {
		w.answer(c, c.SignOut())
		leave(c.Context)
	}))
	r.POST("/drop", func(c *gin.Context) {
		s := w.session(c)
		s.Delete(c.PostForm("key"))
		w.save(s)
	})
	r.POST("/down/signout", powgin.Handle(func(c *Context) {
		w.store.down()
		w.answer(c, c.SignOut())
	}))
	r.POST("/down/sync", powgin.Handle(func(c *Context) {
		w.store.down()
		w.answer(c, syncUser(c))
	}))
}

// The lines that set the site's cookies, as lines has them. Those of "other" are
// as the site's options say.
const (
	appSet       = "app; Path=/; Max-Age=1800; HttpOnly; Secure; SameSite=Lax" // IdleTimeout
	appDeleted   = "app; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	otherSet     = "other; Path=/; Domain=app.localhost; Max-Age=600; SameSite=None"
	otherDeleted = "other; Path=/; Domain=app.localhost; Max-Age=0; SameSite=None"
)

// wantSets fails the test unless an answer sets these cookies and no other one,
// each once; those of "other" count where that is mounted. With the token's
// session in it, it must not be stored.
func (w *site) wantSets(r *powgintest.Response, want ...string) {
	w.Helper()
	if w.names == nil {
		want = slices.DeleteFunc(want, func(line string) bool { return strings.HasPrefix(line, "other;") })
	}
	if got := lines(r); !slices.Equal(got, want) {
		w.Errorf("the answer sets\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	if !slices.ContainsFunc(want, func(line string) bool { return strings.HasPrefix(line, "app;") }) {
		return
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Vary": "Cookie"} {
		if got := r.Header.Values(name); len(got) != 1 || got[0] != want {
			w.Errorf("%s of an answer that sets the cookie is %q; want %q", name, got, want)
		}
	}
}

// record returns what the store itself reads for the browser's cookie, past
// powgin.
func (w *site) record(b *browser) map[any]any {
	w.Helper()
	r := httptest.NewRequestWithContext(w.Context(), http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "app", Value: b.cookie("app")})
	s, _ := w.store.New(r, "app") // what it does not find is an error for some
	return s.Values
}

// wantGone fails the test where the record of a cookie that has been replaced, or
// deleted, still holds anything. The cookie store has no records: there it is
// what the session kept then.
func (w *site) wantGone(b *browser, t trait, kept, when string) {
	w.Helper()
	values := w.record(b)
	if t.replays {
		values = maps.Clone(values)
		for _, key := range [...]string{"powgin", "powgin.replaced", "powgin.user"} {
			delete(values, key)
		}
	} else {
		kept = ""
	}
	if got := valuesText(values); got != kept {
		w.Errorf("%s the old record holds %q; want %q", when, got, kept)
	}
}

// wantSessions fails the test unless powgin knows this many sessions of a user.
func (w *site) wantSessions(user string, want int, when string) {
	w.Helper()
	list, err := w.auth.Sessions(w.Context(), user)
	must(w.T, err)
	if len(list) != want {
		w.Errorf("%s %s has %d sessions; want %d", when, user, len(list), want)
	}
}

// wantNew fails the test where a browser has the cookie still that another one
// had before.
func (b *browser) wantNew(before *browser, when string) {
	b.site.Helper()
	if got := b.cookie("app"); got == "" || got == before.cookie("app") {
		b.site.Errorf("%s the cookie is %q; want a new one", when, got)
	}
}

// signedIn returns a browser with alice signed in, and one with the same cookies.
func (w *site) signedIn(fields ...string) (b, clone *browser) {
	w.Helper()
	b = w.browser()
	b.post("/signin", append([]string{"user", "alice"}, fields...)...)
	return b, b.clone()
}

// The times of powgin's defaults, and a little more.
const (
	afterGrace  = 6 * time.Second
	renewalDue  = 15*time.Minute + time.Second
	repeatAfter = 3 * time.Second
)
