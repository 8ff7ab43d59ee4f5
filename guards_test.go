package powgin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// Clerk is a second type of user.
type Clerk struct{ ID, Name string }

// clerks is a Config.Users of clerks, by id.
type clerks map[string]string

func (clerks) Key(u Clerk) string { return u.ID }

func (m clerks) Find(_ context.Context, key string) (Clerk, bool, error) {
	name, found := m[key]
	return Clerk{key, name}, found, nil
}

// newClerks returns a set-up that may stand beside an app's own.
func newClerks(t testing.TB, change func(*powgin.Config[Clerk])) *powgin.Auth[Clerk] {
	t.Helper()
	cfg := powgin.Config[Clerk]{
		Users: clerks{"c1": "carol"}, Namespace: "staff", ContextKey: "current_clerk",
		Transport: powgin.Cookie{Insecure: true},
	}
	if change != nil {
		change(&cfg)
	}
	auth, err := powgin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	return auth
}

// chain adds a route of these handlers to the router. What it returns tells
// whether the request came through all of them since it was last asked.
func chain(r gin.IRoutes, path string, hs ...gin.HandlerFunc) (ran func() bool) {
	done := false
	r.GET(path, append(hs, func(c *gin.Context) {
		done = true
		c.String(http.StatusOK, "through")
	})...)
	return func() bool {
		was := done
		done = false
		return was
	}
}

func TestAUserWhoIsGoneIsRefusedInEitherOrder(t *testing.T) {
	t.Parallel()
	anyone := func(User) bool { return true }
	for name, chained := range map[string]func(*app) []gin.HandlerFunc{
		"RequireUser, Reload":        func(a *app) []gin.HandlerFunc { return []gin.HandlerFunc{a.auth.RequireUser(), a.auth.Reload()} },
		"Reload, RequireUser":        func(a *app) []gin.HandlerFunc { return []gin.HandlerFunc{a.auth.Reload(), a.auth.RequireUser()} },
		"RequireUser, Refresh":       func(a *app) []gin.HandlerFunc { return []gin.HandlerFunc{a.auth.RequireUser(), a.auth.Refresh()} },
		"Refresh, RequireUser":       func(a *app) []gin.HandlerFunc { return []gin.HandlerFunc{a.auth.Refresh(), a.auth.RequireUser()} },
		"RequireUser, MaxAge":        func(a *app) []gin.HandlerFunc { return []gin.HandlerFunc{a.auth.RequireUser(), a.auth.MaxAge(0)} },
		"MaxAge, RequireUser":        func(a *app) []gin.HandlerFunc { return []gin.HandlerFunc{a.auth.MaxAge(0), a.auth.RequireUser()} },
		"Require, Reload":            func(a *app) []gin.HandlerFunc { return []gin.HandlerFunc{a.auth.Require(anyone), a.auth.Reload()} },
		"Reload, Require":            func(a *app) []gin.HandlerFunc { return []gin.HandlerFunc{a.auth.Reload(), a.auth.Require(anyone)} },
		"the functions, guard first": func(*app) []gin.HandlerFunc { return []gin.HandlerFunc{powgin.RequireUser(), powgin.Reload()} },
		"the functions, guard last":  func(*app) []gin.HandlerFunc { return []gin.HandlerFunc{powgin.Refresh(), powgin.RequireUser()} },
		"RequireUser, Reload, Refresh": func(*app) []gin.HandlerFunc {
			return []gin.HandlerFunc{powgin.RequireUser(), powgin.Reload(), powgin.Refresh()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := newPeopleApp(t, nil)
			ran := chain(a.router, "/chain", chained(a)...)
			alice, other := a.signIn(1), a.signIn(1)
			alice.get("/").want(http.StatusOK)
			if alice.get("/chain").want(http.StatusOK); !ran() {
				t.Error("the handler did not run for alice")
			}
			p.change("1", nil)
			res := alice.get("/chain").want(http.StatusUnauthorized)
			if ran() || strings.Contains(res.Body.String(), "through") {
				t.Errorf("the handler ran for somebody who is gone: %s", res.Body)
			}
			if lines := res.setCookies(); len(lines) != 1 || !strings.HasPrefix(lines[0], "powgin=;") {
				t.Errorf("cookies %q; want the one that deletes ours", lines)
			}
			other.get("/me").want(http.StatusUnauthorized)
		})
	}
}

func TestReloadAloneLetsSomebodyWhoIsGonePassAsNobody(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	a.router.GET("/open", a.auth.Reload(), powgin.Handle(whoami))
	alice := a.signIn(1)
	p.change("1", nil)
	if id := alice.get("/open").identity(); id.User != nil || id.Session != nil {
		t.Errorf("the page knows %+v; want nobody", id)
	}
}

func TestRequireJudgesWhatTheRouteSees(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	pro := func(u User) bool { return u.Plan == "pro" }
	cached := chain(a.router, "/cached", a.auth.Require(pro))
	fresh := chain(a.router, "/fresh", a.auth.Reload(), a.auth.Require(pro))
	alice := a.signIn(1)
	check := func(when string, wantCached, wantFresh int) {
		t.Helper()
		for _, r := range []struct {
			path string
			want int
			ran  func() bool
		}{{"/cached", wantCached, cached}, {"/fresh", wantFresh, fresh}} {
			res := alice.get(r.path)
			if ran := r.ran(); res.Code != r.want || ran != (r.want == http.StatusOK) {
				t.Errorf("%s: GET %s = %d, handler ran: %v; want %d", when, r.path, res.Code, ran, r.want)
			}
		}
	}
	check("on the free plan", 403, 403)
	p.setPlan("1", "pro")
	check("paid, not synced", 403, 200)
	if _, err := alice.syncUser(); err != nil {
		t.Fatal(err)
	}
	check("synced", 200, 200)
	p.setPlan("1", "free")
	check("cancelled, not synced", 200, 403)
	a.browser().get("/cached").want(http.StatusUnauthorized)
}

func TestRequireGuestIsForThoseWhoAreNotSignedIn(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	ran := chain(a.router, "/welcome", powgin.RequireGuest())
	alice := a.signIn(1)
	if a.browser().get("/welcome").want(http.StatusOK); !ran() {
		t.Error("the handler did not run for a guest")
	}
	if alice.get("/welcome").want(http.StatusForbidden); ran() {
		t.Error("the handler ran for alice")
	}
	p.change("1", nil)
	alice.get("/refresh").want(http.StatusUnauthorized)
	alice.get("/welcome").want(http.StatusOK)
}

const missing = "no Session middleware ran for this request: add router.Use(auth.Session()) before this route"

func TestWithoutSessionNothingPasses(t *testing.T) {
	t.Parallel()
	auth := newClerks(t, nil)
	other := newClerks(t, func(c *powgin.Config[Clerk]) { c.Namespace = "other" })
	anyone := func(Clerk) bool { return true }
	for name, h := range map[string]gin.HandlerFunc{
		"Auth.Reload": auth.Reload(), "Auth.Refresh": auth.Refresh(), "Auth.MaxAge": auth.MaxAge(0),
		"Auth.RequireUser": auth.RequireUser(), "Auth.RequireGuest": auth.RequireGuest(), "Auth.Require": auth.Require(anyone),
		"Reload": powgin.Reload(), "Refresh": powgin.Refresh(), "MaxAge": powgin.MaxAge(0),
		"RequireUser": powgin.RequireUser(), "RequireGuest": powgin.RequireGuest(),
		"Handle": powgin.Handle(func(*powgin.Context[Clerk]) { t.Error("a typed handler ran without Session") }),
	} {
		for ahead, of := range map[string][]gin.HandlerFunc{"": nil, " behind another Auth's Session": {other.Session()}} {
			if ahead != "" && !strings.HasPrefix(name, "Auth.") {
				continue // the functions act on any Session
			}
			router := gin.New()
			ran := chain(router, "/", append(of, h)...)
			a := &app{TB: t, router: router}
			res := a.browser().get("/").want(http.StatusInternalServerError)
			if ran() || !strings.Contains(res.Body.String(), missing) {
				t.Errorf("%s%s: handler ran: %v, answer %s; want it not to, and %q", name, ahead, ran(), res.Body, missing)
			}
		}
	}
}

func TestWithoutSessionPackageFunctionsSaySo(t *testing.T) {
	t.Parallel()
	router := gin.New()
	ran := chain(router, "/", func(c *gin.Context) {
		carol := Clerk{"c1", "carol"}
		_, listed := powgin.SessionsOf(c)
		for name, err := range map[string]error{
			"SignIn": powgin.SignIn(c, carol), "SyncUser": powgin.SyncUser(c, carol), "SignOut": powgin.SignOut(c),
			"SessionsOf": listed, "Revoke": powgin.Revoke(c, "x"), "RevokeOthers": powgin.RevokeOthers(c),
		} {
			if err == nil || !strings.Contains(err.Error(), missing) || powgin.AbortStatus(err) != http.StatusInternalServerError {
				t.Errorf("%s = %v; want %q and status 500", name, err, missing)
			}
		}
		if message := panicOf(func() { powgin.AssignUser(c, carol) }); !strings.Contains(message, missing) {
			t.Errorf("AssignUser panics with %q; want %q", message, missing)
		}
		if _, ok := powgin.CurrentUser[Clerk](c); ok {
			t.Error("CurrentUser found a user")
		}
		if _, ok := powgin.UserKey(c); ok {
			t.Error("UserKey found a key")
		}
		if _, ok := powgin.SessionOf(c); ok {
			t.Error("SessionOf found a session")
		}
	})
	(&app{TB: t, router: router}).browser().get("/").want(http.StatusOK)
	if !ran() {
		t.Error("the handler did not run")
	}
}

// panicOf returns what f panics with, "" where it does not.
func panicOf(f func()) (message string) {
	defer func() {
		if v := recover(); v != nil {
			message = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

func TestSessionOnOneGroupOnly(t *testing.T) {
	t.Parallel()
	auth := newClerks(t, nil)
	router := gin.New()
	router.GET("/public", func(c *gin.Context) {
		if _, ok := powgin.CurrentUser[Clerk](c); ok {
			t.Error("a route without Session knows a user")
		}
		c.String(http.StatusOK, "public")
	})
	ran := chain(router, "/forgotten", auth.RequireUser())
	group := router.Group("/staff", auth.Session())
	group.POST("/signin", powgin.Handle(func(c *powgin.Context[Clerk]) {
		if err := c.SignIn(Clerk{ID: "c1"}); err != nil {
			t.Error(err)
		}
	}))
	group.GET("/desk", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[Clerk]) { c.String(http.StatusOK, c.MustUser().Name) }))
	b := (&app{TB: t, router: router}).browser()
	b.post("/staff/signin").want(http.StatusOK)
	b.get("/public").want(http.StatusOK)
	if b.get("/forgotten").want(http.StatusInternalServerError); ran() {
		t.Error("a guard without Session let a request pass")
	}
	if body := b.get("/staff/desk").want(http.StatusOK).Body.String(); body != "carol" {
		t.Errorf("the desk is %q's; want carol's", body)
	}
}

func TestSessionMountedTwiceIsHarmless(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	a.mount(a.auth.Session()) // and mount adds it once more
	alice := a.signIn(1)
	old := alice.token()
	p.took()
	alice.get("/me", "Accept", "application/json").want(http.StatusOK).wantNoCookie()
	p.wantReads(t, 1, "one request")
	if _, err := alice.syncUser(); err != nil {
		t.Fatal(err)
	}
	if alice.token() == old {
		t.Error("the token was not replaced")
	}
	alice.get("/me").want(http.StatusOK)
}

func TestAuthsThatWouldReadEachOtherAreRefusedInOneChain(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	second := powgin.Must(powgin.New(powgin.Config[User]{
		Users: a.config.Users, Namespace: "second", ContextKey: "second_user", Transport: powgin.Cookie{Insecure: true},
	}))
	t.Cleanup(func() { _ = second.Close() })
	for name, session := range map[string]gin.HandlerFunc{
		"equal U":          second.Session(),
		"equal ContextKey": newClerks(t, func(c *powgin.Config[Clerk]) { c.ContextKey = "" }).Session(),
		"equal cookie":     newClerks(t, func(c *powgin.Config[Clerk]) { c.Namespace = "" }).Session(),
	} {
		path := "/" + strings.ReplaceAll(name, " ", "-")
		ran := chain(a.router, path, session)
		res := a.browser().get(path).want(http.StatusInternalServerError)
		if ran() || !strings.Contains(res.Body.String(), "two Auths in one chain need different user types, ContextKeys and cookie names") {
			t.Errorf("%s: handler ran: %v, answer %s; want a refusal that says why", name, ran(), res.Body)
		}
	}
}

func TestTwoAuthsServeOneChain(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	staff := newClerks(t, nil)
	both := a.router.Group("/both", staff.Session())
	handle := func(path string, h func(*gin.Context) error) {
		both.POST(path, func(c *gin.Context) {
			if err := h(c); err != nil {
				powgin.Abort(c, err)
			}
		})
	}
	handle("/in", func(c *gin.Context) error {
		return errors.Join(powgin.SignIn(c, person(1)), powgin.SignIn(c, Clerk{ID: "c1"}))
	})
	handle("/sync", func(c *gin.Context) error {
		return errors.Join(powgin.SyncUser(c, person(1)), powgin.SyncUser(c, Clerk{ID: "c1"}))
	})
	handle("/out", powgin.SignOut) // the innermost one: staff
	both.GET("/who", func(c *gin.Context) {
		u, isUser := powgin.CurrentUser[User](c)
		k, isClerk := powgin.CurrentUser[Clerk](c.Request.Context())
		key, _ := powgin.UserKey(c)
		c.String(http.StatusOK, "%s %v, %s %v, %s, %v %v", u.Name, isUser, k.Name, isClerk, key, c.MustGet("current_user") != nil, c.Value("current_clerk") != nil)
	})
	for path, guard := range map[string]gin.HandlerFunc{
		"/user": a.auth.RequireUser(), "/clerk": staff.RequireUser(), "/innermost": powgin.RequireUser(),
	} {
		both.GET(path, guard, func(c *gin.Context) { c.Status(http.StatusOK) })
	}

	b := a.browser()
	if lines := b.post("/both/in").want(http.StatusOK).setCookies(); len(lines) != 2 {
		t.Errorf("cookies %q; want one of each Auth", lines)
	}
	const want = "alice true, carol true, c1, true true"
	if got := b.get("/both/who").want(http.StatusOK).Body.String(); got != want {
		t.Errorf("both signed in: %q; want %q", got, want)
	}
	before := b.clone()
	if lines := b.post("/both/sync").want(http.StatusOK).setCookies(); len(lines) != 2 {
		t.Errorf("cookies %q; want one of each Auth", lines)
	}
	for name, old := range before.cookies {
		if b.cookies[name] == old {
			t.Errorf("the sync of both left the token in cookie %s", name)
		}
	}
	swapped := b.clone()
	swapped.cookies["powgin"], swapped.cookies["powgin-staff"] = b.cookies["powgin-staff"], b.cookies["powgin"]
	swapped.get("/both/user").want(http.StatusUnauthorized)
	swapped.get("/both/clerk").want(http.StatusUnauthorized)
	b.post("/both/out").want(http.StatusOK)
	b.get("/both/user").want(http.StatusOK)
	b.get("/both/clerk").want(http.StatusUnauthorized)
	b.get("/both/innermost").want(http.StatusUnauthorized)
	b.get("/me").want(http.StatusOK)
}
