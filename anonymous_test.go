package powgin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// A breakdown is a way in which nobody can tell who alice is.
type breakdown struct {
	config func(*powgin.Config[User])
	down   func(t *testing.T, a *app)
	up     func(a *app)
}

var breakdowns = map[string]breakdown{
	"the database fails": {
		down: func(t *testing.T, a *app) { a.config.Users.(*people).fail(true); a.forget(t) },
		up:   func(a *app) { a.config.Users.(*people).fail(false) },
	},
	"the database hangs": {
		down: func(t *testing.T, a *app) { a.config.Users.(*people).hold(); a.forget(t) },
		up:   func(a *app) { a.config.Users.(*people).fail(false) },
	},
	"the store fails": {
		config: func(c *powgin.Config[User]) { c.Store = &brokenStore{Store: cache.NewMemory(0)} },
		down:   func(_ *testing.T, a *app) { a.config.Store.(*brokenStore).state.Store(failing) },
		up:     func(a *app) { a.config.Store.(*brokenStore).state.Store(working) },
	},
	"the store hangs": {
		config: func(c *powgin.Config[User]) { c.Store = &brokenStore{Store: cache.NewMemory(0)} },
		down:   func(_ *testing.T, a *app) { a.config.Store.(*brokenStore).state.Store(hanging) },
		up:     func(a *app) { a.config.Store.(*brokenStore).state.Store(working) },
	},
}

// forget drops the cached copy of alice.
func (a *app) forget(t *testing.T) {
	t.Helper()
	if err := a.auth.Invalidate(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
}

// whenAnonymous runs a story in each breakdown, in a bubble, on an app with
// Anonymous and with every path that redirects could lead to.
func whenAnonymous(t *testing.T, story func(t *testing.T, a *app, down func(), up func())) {
	t.Helper()
	for name, b := range breakdowns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, _ := newPeopleApp(t, func(c *powgin.Config[User]) {
					c.WhenDown = powgin.Anonymous
					c.SignInPath, c.HomePath, c.ReauthPath = "/signin", "/home", "/reauth"
					if b.config != nil {
						b.config(c)
					}
				})
				story(t, a, func() { b.down(t, a) }, func() { b.up(a) })
			})
		})
	}
}

func TestAnonymousLetsARequestPassWithoutAUser(t *testing.T) {
	t.Parallel()
	whenAnonymous(t, func(t *testing.T, a *app, down, up func()) {
		unknown := false
		a.handle("GET", "/page", func(c *Context) {
			unknown = powgin.Unknown(c)
			_, user := powgin.CurrentUser[User](c)
			_, key := powgin.UserKey(c.Request.Context())
			_, age := powgin.Age(c)
			v, _ := c.Get("current_user")
			if unknown && (user || key || age || v != nil) {
				t.Errorf("a request whose user is unknown has one: %t, %t, %t, %v", user, key, age, v)
			}
			whoami(c)
		})
		alice := a.reader()
		token := alice.token()
		down()
		start := time.Now()
		id := alice.get("/page").wantNoCookie().wantNoStore().identity()
		if took := time.Since(start); took > 2500*time.Millisecond {
			t.Errorf("GET /page took %v; want 2.5s at most", took)
		}
		if !unknown || id.User != nil || id.Session != nil {
			t.Errorf("with everything down GET /page has Unknown %t and shows %+v; want true and nobody", unknown, id)
		}
		up()
		if id := alice.get("/page").wantNoCookie().identity(); unknown || id.User == nil || id.Session == nil {
			t.Errorf("once it is up GET /page has Unknown %t and shows %+v; want false and alice", unknown, id)
		}
		if alice.token() != token {
			t.Error("the outage changed the cookie")
		}
	})
}

// What has to know who it is answers 503: it neither passes nor claims that
// nobody is signed in.
func TestAnonymousIsNotSignedOut(t *testing.T) {
	t.Parallel()
	whenAnonymous(t, func(t *testing.T, a *app, down, up func()) {
		anyone := func(User) bool { return true }
		ran := map[string]func() bool{}
		for path, hs := range map[string][]gin.HandlerFunc{
			"/guard/user":   {a.auth.RequireUser()},
			"/guard/any":    {a.auth.Require(anyone)},
			"/guard/guest":  {a.auth.RequireGuest()},
			"/guard/recent": {a.auth.RequireRecentSignIn(time.Hour)},
			"/guard/reload": {a.auth.Reload(), a.auth.RequireUser()},
			"/guard/maxage": {a.auth.MaxAge(time.Hour), a.auth.RequireUser()},
			"/func/user":    {powgin.RequireUser()},
			"/func/guest":   {powgin.RequireGuest()},
			"/func/recent":  {powgin.RequireRecentSignIn(time.Hour)},
		} {
			ran[path] = chain(a.router, path, hs...)
		}
		a.router.GET("/json", a.auth.SessionsHandler())
		a.router.DELETE("/json/:id", a.auth.RevokeHandler("id"))
		a.router.DELETE("/json", a.auth.RevokeOthersHandler())
		a.router.GET("/explain", a.auth.ExplainHandler(anyone))
		alice := a.reader()
		id := alice.session().ID
		down()
		for path, ran := range ran {
			alice.get(path, "Accept", page).wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			alice.get(path, "Accept", "application/json").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			if ran() {
				t.Errorf("the handler of %s ran", path)
			}
		}
		for _, what := range [][2]string{
			{"GET", "/json"}, {"DELETE", "/json/" + id}, {"DELETE", "/json/other"}, {"DELETE", "/json"}, {"GET", "/explain"},
			{"POST", "/signin/1"}, {"POST", "/signin/2"}, {"POST", "/signout"},
		} {
			alice.do(what[0], what[1], "Accept", page).wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		}
		up()
		if got := alice.session().ID; got != id {
			t.Errorf("after it all the session is %s; want %s as before", got, id)
		}
	})
}

func TestAnonymousMethodsAnswerCouldNotTell(t *testing.T) {
	t.Parallel()
	whenAnonymous(t, func(t *testing.T, a *app, down, up func()) {
		alice, other := a.reader(), a.signIn(1)
		id := other.session().ID
		down()
		for name, call := range map[string]func(c *Context) error{
			"SignIn":          func(c *Context) error { return c.SignIn(person(1)) },
			"SignOut":         func(c *Context) error { return c.SignOut() },
			"SyncUser":        func(c *Context) error { return c.SyncUser(person(1)) },
			"Sessions":        func(c *Context) error { _, err := c.Sessions(); return err },
			"Revoke":          func(c *Context) error { return c.Revoke(id) },
			"Revoke junk":     func(c *Context) error { return c.Revoke("junk") },
			"RevokeOthers":    func(c *Context) error { return c.RevokeOthers() },
			"powgin.SyncUser": func(c *Context) error { return powgin.SyncUser(c.Context, person(1)) },
			"after AssignUser": func(c *Context) error {
				c.AssignUser(person(1)) // which tells nothing of the session
				return c.SignOut()
			},
		} {
			res, err := alice.does(call)
			alice.wantErr(name, err, powgin.ErrUnavailable)
			res.wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		}
		up()
		alice.get("/me").want(http.StatusOK)
		other.get("/me").want(http.StatusOK)
	})
}

// A renewal that was due goes out with the answer that knows whose it is.
func TestAnonymousSendsNoRenewal(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path   string
		change func(*powgin.Config[User])
	}{
		"on a miss":          {"/", func(*powgin.Config[User]) {}},
		"before Reload":      {"/open-reload", func(c *powgin.Config[User]) { c.MaxAge = 10 * time.Minute }},
		"with Config.Reload": {"/", func(c *powgin.Config[User]) { c.Reload = true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
					c.WhenDown = powgin.Anonymous
					tt.change(c)
				})
				a.router.GET("/open-reload", a.auth.Reload(), powgin.Handle(whoami))
				alice := a.reader()
				time.Sleep(renew - time.Minute)
				alice.get("/").want(http.StatusOK).wantNoCookie()
				time.Sleep(2 * time.Minute)
				token := alice.token()
				p.fail(true)
				res := alice.get(tt.path).wantNoCookie().wantNoStore()
				if id := res.identity(); id.User != nil || id.Session != nil {
					t.Errorf("GET %s shows %+v; want nobody", tt.path, id)
				}
				p.fail(false)
				alice.get(tt.path).want(http.StatusOK).wantToken(token)
				alice.get("/me").want(http.StatusOK).wantNoCookie()
			})
		})
	}
}

// Who is nobody for sure is nobody, whatever is down.
func TestAnonymousIsForThoseOfWhomNobodyCanTell(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.WhenDown = powgin.Anonymous })
	a.handle("GET", "/unknown", func(c *Context) {
		if powgin.Unknown(c) {
			t.Error("Unknown = true; want false")
		}
	})
	alice := a.reader()
	out := alice.token()
	alice.post("/signout").want(http.StatusOK)
	p.fail(true)
	for name, b := range map[string]*browser{
		"no cookie": a.browser(), "junk": a.with("junk"), "a token that nobody has": a.with(madeUp()), "a session that has ended": a.with(out),
	} {
		if b.get("/unknown").Code != http.StatusOK || b.get("/me").Code != http.StatusUnauthorized || b.get("/guest").Code != http.StatusOK {
			t.Errorf("%s: want 200 of /unknown, 401 of /me and 200 of /guest", name)
		}
	}
	p.took()
	a.browser().get("/reload").want(http.StatusUnauthorized)
	p.wantReads(t, 0, "without a session")
}

func TestUnknownIsToldByEveryContextOfTheRequest(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.WhenDown = powgin.Anonymous })
	type key struct{}
	var kept *Context
	a.handle("GET", "/contexts", func(c *Context) {
		kept = c.Copy()
		for name, ctx := range map[string]context.Context{
			"gin.Context": c.Context, "powgin.Context": c, "the request's": c.Request.Context(), "a copy": kept,
			"a derived one": context.WithValue(c.Request.Context(), key{}, 1),
		} {
			if !powgin.Unknown(ctx) {
				t.Errorf("Unknown of %s = false; want true", name)
			}
		}
	})
	alice := a.reader()
	p.fail(true)
	a.forget(t)
	alice.get("/contexts").want(http.StatusOK)
	p.fail(false)
	alice.get("/me").want(http.StatusOK)
	if !powgin.Unknown(kept) {
		t.Error("Unknown of a kept context = false; want true, as in its request")
	}
	bare, _ := gin.CreateTestContext(httptest.NewRecorder())
	if powgin.Unknown(context.Background()) || powgin.Unknown(bare) {
		t.Error("Unknown without Session = true; want false")
	}
}
