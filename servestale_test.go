package powgin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

const mostStale = 10 * time.Minute

// staleApp runs a story on an app that serves stale users up to the bound, in a
// bubble.
func staleApp(t *testing.T, change func(*powgin.Config[User]), story func(t *testing.T, a *app, p *people)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
			c.WhenDown = powgin.ServeStale(mostStale)
			if change != nil {
				change(c)
			}
		})
		a.router.GET("/recent", a.auth.RequireRecentSignIn(time.Hour), powgin.Handle(whoami))
		a.router.GET("/free", a.auth.Require(func(u User) bool { return u.Plan == "free" }), powgin.Handle(whoami))
		a.router.GET("/loose", a.auth.MaxAge(5*time.Minute), a.auth.RequireUser(), powgin.Handle(whoami))
		story(t, a, p)
	})
}

func TestServeStale(t *testing.T) {
	t.Parallel()
	t.Run("serves the cached user while the database is down, as old as allowed and no older", func(t *testing.T) {
		t.Parallel()
		o := &troubles{}
		staleApp(t, func(c *powgin.Config[User]) { c.OnError = o.on }, func(t *testing.T, a *app, p *people) {
			alice := a.reader()
			readAt := time.Now()
			p.fail(true)
			p.setPlan("1", "pro") // which nobody can see
			for _, age := range []time.Duration{61 * time.Second, 3 * time.Minute, mostStale} {
				time.Sleep(time.Until(readAt.Add(age)))
				for _, path := range []string{"/", "/me", "/free"} {
					id := alice.get(path).wantNoCookie().wantNoStore().identity()
					if id.User == nil || id.User.Plan != "free" || id.Session == nil || !id.Session.LoadedAt.Equal(readAt) {
						t.Errorf("GET %s after %v shows %+v; want alice as she was read at %v, and her session", path, age, id, readAt)
					}
				}
				o.wantTold(t, 3, "after three stale answers")
			}
			time.Sleep(time.Nanosecond)
			alice.get("/me").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			alice.get("/").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		})
	})
	t.Run("ends with the outage", func(t *testing.T) {
		t.Parallel()
		staleApp(t, nil, func(_ *testing.T, a *app, p *people) {
			alice := a.reader()
			p.fail(true)
			time.Sleep(2 * time.Minute)
			alice.wantPlan("/me", "free", "with the database down")
			p.setPlan("1", "pro")
			p.fail(false)
			alice.wantPlan("/me", "pro", "with the database back")
			alice.get("/recent").want(http.StatusOK)
		})
	})
	t.Run("is no answer to a question that was answered", func(t *testing.T) {
		t.Parallel()
		staleApp(t, nil, func(_ *testing.T, a *app, p *people) {
			alice := a.reader()
			time.Sleep(2 * time.Minute)
			p.change("1", nil) // the database works, and she is gone
			alice.get("/me").want(http.StatusUnauthorized)
			p.fail(true)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("lets a user know that they are known", func(t *testing.T) {
		t.Parallel()
		staleApp(t, nil, func(t *testing.T, a *app, p *people) {
			a.handle("GET", "/unknown", func(c *Context) {
				if powgin.Unknown(c) {
					t.Error("Unknown = true for a stale user; want false: it is known who they are")
				}
			})
			alice := a.reader()
			p.fail(true)
			time.Sleep(2 * time.Minute)
			alice.get("/unknown").want(http.StatusOK)
			alice.get("/guest").want(http.StatusForbidden)
		})
	})
	t.Run("renews nothing", func(t *testing.T) {
		t.Parallel()
		staleApp(t, nil, func(_ *testing.T, a *app, p *people) {
			alice := a.reader()
			time.Sleep(renew - time.Minute)
			alice.get("/refresh").want(http.StatusOK)
			time.Sleep(2 * time.Minute)
			p.fail(true)
			token := alice.token()
			alice.get("/me").want(http.StatusOK).wantNoCookie()
			p.fail(false)
			alice.get("/me").want(http.StatusOK).wantToken(token)
		})
	})
}

// What asks for more than a stale user is refused, with a copy that pages
// without demands are served.
func TestServeStaleIsNeverForThoseWhoAskForMore(t *testing.T) {
	t.Parallel()
	for _, what := range []string{
		"GET /reload", "GET /refresh", "GET /maxage", "GET /require-reload", "GET /pro", "GET /recent",
		"POST /signin/1", "POST /signin/2", "POST /sync",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			staleApp(t, nil, func(t *testing.T, a *app, p *people) {
				a.handleSync("/sync")
				alice := a.reader()
				p.fail(true)
				time.Sleep(2 * time.Minute)
				alice.get("/me").want(http.StatusOK)
				alice.get("/loose").want(http.StatusOK) // the copy is younger than this route allows
				method, path, _ := strings.Cut(what, " ")
				res := alice.do(method, path).wantProblem(http.StatusServiceUnavailable)
				if path != "/sync" {
					res.wantNoCookie()
				}
			})
		})
	}
	t.Run("Config.Reload", func(t *testing.T) {
		t.Parallel()
		staleApp(t, func(c *powgin.Config[User]) { c.Reload = true }, func(_ *testing.T, a *app, p *people) {
			alice := a.reader()
			p.fail(true)
			alice.get("/").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			time.Sleep(2 * time.Minute)
			alice.get("/").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		})
	})
}

// A copy that was dropped, or that all users outdated, has been said to be old
// in another way: it is served to nobody.
func TestServeStaleIsNeverForACopyThatWasDropped(t *testing.T) {
	t.Parallel()
	for name, drop := range map[string]func(t *testing.T, a *app, c *cache.Cache){
		"SyncUser": func(_ *testing.T, a *app, _ *cache.Cache) {
			other := a.signIn(1) // the sync reads nothing: the database is down
			a.config.Users.(*people).fail(true)
			other.post("/sync").want(http.StatusServiceUnavailable)
		},
		"Auth.Sync": func(t *testing.T, a *app, _ *cache.Cache) {
			if err := a.auth.Sync(t.Context(), person(1)); err != nil {
				t.Fatal(err)
			}
		},
		"Invalidate": func(t *testing.T, a *app, _ *cache.Cache) {
			if err := a.auth.Invalidate(t.Context(), "2", "1"); err != nil {
				t.Fatal(err)
			}
		},
		"a write under way":          func(t *testing.T, _ *app, c *cache.Cache) { announces(t, c.NewWrite("", "1"), false) },
		"a write":                    func(t *testing.T, _ *app, c *cache.Cache) { announces(t, c.NewWrite("", "1"), true) },
		"a write to all, under way":  func(t *testing.T, _ *app, c *cache.Cache) { announces(t, c.NewWrite(""), false) },
		"a write to all, and not of": func(t *testing.T, _ *app, c *cache.Cache) { announces(t, c.NewWrite(""), true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := cache.NewMemory(0)
			staleApp(t, func(c *powgin.Config[User]) { c.Store = store }, func(t *testing.T, a *app, p *people) {
				a.handleSync("/sync")
				alice := a.reader()
				time.Sleep(2 * time.Minute)
				drop(t, a, announcer(t, store))
				p.fail(true)
				alice.get("/me").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
				p.fail(false)
				alice.get("/me").want(http.StatusOK)
			})
		})
	}
}

// announces tells of a change and, where end says so, concludes it.
func announces(t *testing.T, w *cache.Write, end bool) {
	t.Helper()
	err := w.Begin(t.Context())
	if err == nil && end {
		err = w.End(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestServeStaleChecksTheSessionLive(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(ctx context.Context, a *app, alice *browser){
		"signed out":   func(_ context.Context, _ *app, alice *browser) { alice.clone().post("/signout").want(http.StatusOK) },
		"user revoked": func(ctx context.Context, a *app, _ *browser) { _ = a.auth.RevokeUser(ctx, "1") },
		"all revoked":  func(ctx context.Context, a *app, _ *browser) { _ = a.auth.RevokeAll(ctx, time.Time{}) },
		"idle":         func(context.Context, *app, *browser) { time.Sleep(idle) },
	} {
		t.Run("and not when it has ended: "+name, func(t *testing.T) {
			t.Parallel()
			staleApp(t, nil, func(t *testing.T, a *app, p *people) {
				alice := a.reader()
				a.reader() // so that the account stays, with its copy
				p.fail(true)
				time.Sleep(2 * time.Minute)
				end(t.Context(), a, alice)
				alice.get("/me").want(http.StatusUnauthorized).wantNoCookie()
			})
		})
	}
	t.Run("so not with the store closed", func(t *testing.T) {
		t.Parallel()
		staleApp(t, nil, func(t *testing.T, a *app, p *people) {
			alice := a.reader()
			p.fail(true)
			time.Sleep(2 * time.Minute)
			if err := a.auth.Close(); err != nil {
				t.Fatal(err)
			}
			alice.get("/me").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		})
	})
	for name, state := range map[string]int32{"failing": failing, "hanging": hanging} {
		t.Run("so not with the store "+name, func(t *testing.T) {
			t.Parallel()
			store := &brokenStore{Store: cache.NewMemory(0)}
			staleApp(t, func(c *powgin.Config[User]) { c.Store = store }, func(_ *testing.T, a *app, p *people) {
				alice := a.reader()
				time.Sleep(2 * time.Minute)
				store.state.Store(state)
				alice.get("/me").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
				store.state.Store(working)
				alice.get("/me").want(http.StatusOK)
				p.fail(true)
				time.Sleep(2 * time.Minute)
				alice.get("/me").want(http.StatusOK) // such a store keeps copies as well
			})
		})
	}
}

func TestServeStaleIsNeverForSomebodyWhoIsNotActive(t *testing.T) {
	t.Parallel()
	judging := func(c *powgin.Config[User]) { c.Active = func(u User) bool { return !lockedNow(u) } }
	staleApp(t, judging, func(_ *testing.T, a *app, p *people) {
		p.change("1", func(u *User) { u.Credits = time.Now().Add(90 * time.Second).Unix() })
		alice := a.reader()
		p.fail(true)
		time.Sleep(80 * time.Second)
		alice.get("/me").want(http.StatusOK)
		time.Sleep(20 * time.Second)
		alice.get("/me").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		p.fail(false)
		alice.get("/me").want(http.StatusUnauthorized)
	})
}

// lockedNow judges by the time that the user's credits hold, so that a copy
// which was fine is not any more.
func lockedNow(u User) bool { return u.Credits > 0 && u.Credits <= time.Now().Unix() }

func TestServeStaleIsNeverForASessionThatSlept(t *testing.T) {
	t.Parallel()
	staleApp(t, nil, func(_ *testing.T, a *app, p *people) {
		a.handle("POST", "/remember", func(c *Context) { answer(c, c.SignIn(person(1), powgin.Remember(24*time.Hour))) })
		laptop := a.browser()
		laptop.post("/remember").want(http.StatusOK)
		time.Sleep(idle)
		phone := a.reader() // keeps the copy young
		p.fail(true)
		laptop.get("/me").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		phone.get("/me").want(http.StatusOK)
		time.Sleep(2 * time.Minute)
		phone.get("/me").want(http.StatusOK)
		laptop.get("/me").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		p.fail(false)
		laptop.get("/me").want(http.StatusOK).wantCookie(true)
	})
}

// A stale user can leave: the store knows the session. From then on it is known
// that nobody is signed in.
func TestASignOutWithTheDatabaseDown(t *testing.T) {
	t.Parallel()
	staleApp(t, nil, func(t *testing.T, a *app, p *people) {
		a.router.POST("/leave", powgin.Handle(func(c *Context) {
			if err := c.SignOut(); err != nil {
				t.Errorf("SignOut = %v; want nil", err)
			}
			if powgin.Unknown(c) {
				t.Error("Unknown after SignOut = true; want false")
			}
			if _, err := c.Sessions(); err == nil || powgin.AbortStatus(err) != http.StatusUnauthorized {
				t.Errorf("Sessions after SignOut = %v; want ErrNotSignedIn", err)
			}
			if err := c.SignOut(); err != nil {
				t.Errorf("a second SignOut = %v; want nil", err)
			}
		}), a.auth.RequireGuest(), powgin.Handle(whoami))
		alice := a.reader()
		p.fail(true)
		time.Sleep(2 * time.Minute)
		before := alice.clone()
		alice.post("/leave").want(http.StatusOK)
		if alice.token() != "" {
			t.Error("the cookie is still there; want it deleted")
		}
		before.get("/me").want(http.StatusUnauthorized)
	})
}
