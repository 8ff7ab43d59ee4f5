package powgin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// recently is longer than it takes a token to be renewed, and shorter than a
// session idles.
const recently = 20 * time.Minute

// recent adds routes that want a recent sign-in.
func (a *app) recent() {
	guard := a.auth.RequireRecentSignIn(recently)
	for _, method := range []string{"GET", "HEAD", "POST"} {
		a.router.Handle(method, "/recent", guard, powgin.Handle(whoami))
	}
	a.router.GET("/recent/hours", a.auth.RequireRecentSignIn(2*idle), powgin.Handle(whoami))
}

// recentBubble is bubble for an app with these routes.
func recentBubble(t *testing.T, change func(*powgin.Config[User]), story func(a *app)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, change)
		a.recent()
		story(a)
	})
}

func TestARecentSignInCountsToTheMoment(t *testing.T) {
	t.Parallel()
	t.Run("and once more after another", func(t *testing.T) {
		recentBubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(recently)
			alice.get("/recent").want(http.StatusOK)
			alice.post("/recent").want(http.StatusOK)
			time.Sleep(time.Nanosecond)
			alice.get("/recent").wantProblem(http.StatusUnauthorized)
			alice.post("/recent").wantProblem(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK) // she is signed in as before
			alice.post("/signin/1").want(http.StatusOK)
			alice.get("/recent").want(http.StatusOK)
		})
	})
	t.Run("for each session by itself", func(t *testing.T) {
		recentBubble(t, nil, func(a *app) {
			laptop := a.signIn(1)
			time.Sleep(recently + 1)
			phone := a.signIn(1)
			phone.get("/recent").want(http.StatusOK)
			laptop.get("/recent").want(http.StatusUnauthorized)
		})
	})
}

func TestNoRenewalIsASignIn(t *testing.T) {
	t.Parallel()
	for what, then := range map[string]func(alice *browser){
		"a renewal": func(alice *browser) {
			alice.get("/me").want(http.StatusOK).wantCookie(true)
			alice.get("/me").want(http.StatusOK)
		},
		"SyncUser": func(alice *browser) { alice.post("/plan/pro").want(http.StatusOK).wantCookie(true) },
		"SyncUser with KeepSession": func(alice *browser) {
			_, err := alice.syncUser(powgin.KeepSession())
			alice.wantErr("SyncUser", err, nil)
		},
		"Sync with Regenerate": func(alice *browser) {
			alice.wantErr("Sync", alice.auth.Sync(context.Background(), person(1), powgin.Regenerate()), nil)
			alice.get("/me").want(http.StatusOK).wantCookie(true)
		},
		"a read of the user": func(alice *browser) { alice.get("/refresh").want(http.StatusOK) },
	} {
		t.Run(what, func(t *testing.T) {
			recentBubble(t, nil, func(a *app) {
				alice := a.signIn(1)
				time.Sleep(renew)
				then(alice)
				alice.get("/recent").want(http.StatusOK)
				time.Sleep(recently - renew + 1)
				alice.get("/recent").want(http.StatusUnauthorized)
			})
		})
	}
}

func TestASessionThatSleptNeedsAnotherSignIn(t *testing.T) {
	t.Parallel()
	wakings := map[string]func(alice *browser){
		"the guard itself":  func(*browser) {},
		"another request":   func(alice *browser) { alice.get("/me").want(http.StatusOK) },
		"a sync":            func(alice *browser) { alice.post("/plan/pro").want(http.StatusOK) },
		"a read":            func(alice *browser) { alice.get("/reload").want(http.StatusOK) },
		"a lost renewal":    func(alice *browser) { alice.clone().get("/me").want(http.StatusOK) },
		"one that keeps it": func(alice *browser) { _, _ = alice.syncUser(powgin.KeepSession()) },
	}
	for what, wake := range wakings {
		t.Run("woken by "+what, func(t *testing.T) {
			recentBubble(t, nil, func(a *app) {
				alice := a.signInWith(powgin.Remember(30 * absolute))
				time.Sleep(idle)
				wake(alice)
				for range 3 { // it is handed a token, uses it, and goes on
					alice.get("/recent/hours").want(http.StatusUnauthorized)
				}
				alice.get("/me").want(http.StatusOK)
				alice.signInAgain(powgin.Remember(30 * absolute))
				alice.get("/recent/hours").want(http.StatusOK)
			})
		})
	}
	t.Run("also where the store could not note that it woke", func(t *testing.T) {
		store := newSpyStore()
		recentBubble(t, func(c *powgin.Config[User]) { silent(c); c.Store = store }, func(a *app) {
			alice := a.signInWith(powgin.Remember(30 * absolute))
			time.Sleep(idle)
			store.failingSwap.Store(true)
			alice.get("/me").want(http.StatusOK).wantNoCookie()
			alice.get("/recent/hours").want(http.StatusUnauthorized)
			store.failingSwap.Store(false)
			alice.get("/recent/hours").want(http.StatusUnauthorized)
		})
	})
	t.Run("and one that did not, does not", func(t *testing.T) {
		recentBubble(t, nil, func(a *app) {
			alice := a.signInWith(powgin.Remember(30 * absolute))
			time.Sleep(idle - 1)
			alice.get("/recent/hours").want(http.StatusOK)
		})
	})
}

func TestATokenInGraceIsNoRecentSignIn(t *testing.T) {
	t.Parallel()
	t.Run("whoever asks", func(t *testing.T) {
		recentBubble(t, func(c *powgin.Config[User]) { c.ReauthPath = "/confirm" }, func(a *app) {
			alice := a.signIn(1)
			old := alice.clone()
			alice.post("/plan/pro").want(http.StatusOK)
			old.get("/me").want(http.StatusOK)
			old.get("/recent").wantProblem(http.StatusConflict).wantNoCookie()
			old.get("/recent", "Accept", page).wantProblem(http.StatusConflict).wantNoCookie() // a redirect would only come back
			alice.get("/recent").want(http.StatusOK)
		})
	})
}

func TestAnAssignedUserHasNotSignedIn(t *testing.T) {
	t.Parallel()
	t.Run("whoever is signed in beside them", func(t *testing.T) {
		recentBubble(t, nil, func(a *app) {
			for path, id := range map[string]uint{"/as/alice": 1, "/as/bob": 2} {
				assign := powgin.Handle(func(c *Context) { c.AssignUser(person(id)) })
				a.router.GET(path, assign, a.auth.RequireUser(), powgin.Handle(whoami))
				a.router.GET(path+"/recent", assign, a.auth.RequireRecentSignIn(recently), powgin.Handle(whoami))
				a.router.GET(path+"/reload", assign, a.auth.Reload(), a.auth.RequireRecentSignIn(recently), powgin.Handle(whoami))
			}
			alice, nobody := a.signIn(1), a.browser()
			nobody.get("/as/bob").want(http.StatusOK)
			nobody.get("/as/bob/recent").wantProblem(http.StatusUnauthorized)
			alice.get("/as/bob").want(http.StatusOK)
			alice.get("/as/bob/recent").wantProblem(http.StatusConflict)
			alice.get("/as/alice/recent").want(http.StatusOK) // herself, with other fields
			alice.get("/as/bob/reload").want(http.StatusOK)   // Reload makes alice the current user again
			time.Sleep(recently + 1)
			alice.get("/as/alice/recent").wantProblem(http.StatusUnauthorized)
			alice.get("/as/bob/recent").wantProblem(http.StatusConflict)
		})
	})
}

func TestWhatCannotBeKnownIsNoRecentSignIn(t *testing.T) {
	t.Parallel()
	t.Run("a stale user", func(t *testing.T) {
		peopleBubble(t, func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(5 * time.Minute) }, func(a *app, p *people) {
			a.recent()
			alice := a.signIn(1)
			alice.get("/recent").want(http.StatusOK)
			time.Sleep(2 * time.Minute)
			p.fail(true)
			alice.get("/me").want(http.StatusOK)
			wantOutage(alice.get("/recent"))
			p.fail(false)
			alice.get("/recent").want(http.StatusOK)
		})
	})
	t.Run("a request of which nobody can tell whose it is", func(t *testing.T) {
		var store *spyStore
		recentBubble(t, func(c *powgin.Config[User]) {
			silent(c)
			store = newSpyStore()
			c.Store, c.WhenDown, c.ReauthPath, c.SignInPath = store, powgin.Anonymous, "/confirm", "/signin"
		}, func(a *app) {
			alice := a.signIn(1)
			store.failLoads.Store(true)
			alice.get("/").want(http.StatusOK)
			wantOutage(alice.get("/recent", "Accept", page))
			store.failLoads.Store(false)
			alice.get("/recent").want(http.StatusOK)
		})
	})
	t.Run("a user who is lost after the guard", func(t *testing.T) {
		recentBubble(t, nil, func(a *app) {
			a.router.GET("/recent/reload", a.auth.RequireRecentSignIn(recently), a.auth.Reload(), powgin.Handle(whoami))
			alice := a.signIn(1)
			alice.get("/recent/reload").want(http.StatusOK)
			a.exec("DELETE FROM users WHERE id = 1")
			alice.get("/recent/reload").wantProblem(http.StatusUnauthorized)
		})
	})
}

func TestBrowsersAreSentToConfirmAndBack(t *testing.T) {
	t.Parallel()
	pages := func(c *powgin.Config[User]) { c.SignInPath, c.HomePath, c.ReauthPath = "/signin", "/home", "/confirm" }
	t.Run("others are told", func(t *testing.T) {
		recentBubble(t, pages, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(recently + 1)
			alice.get("/me")
			for _, tt := range []struct{ method, path, accept, want string }{
				{"GET", "/recent", page, "/confirm?next=%2Frecent"},
				{"GET", "/recent?tab=2", page, "/confirm?next=%2Frecent%3Ftab%3D2"},
				{"GET", "/recent", "", "/confirm?next=%2Frecent"},
				{"HEAD", "/recent", page, "/confirm?next=%2Frecent"}, // as RequireUser has it
				{"POST", "/recent?tab=2", page, "/confirm"},
			} {
				alice.do(tt.method, tt.path, "Accept", tt.accept).wantSentTo(tt.want)
			}
			for _, headers := range [][]string{
				{"Accept", "application/json"},
				{"Accept", "application/json, text/html"},
				{"Accept", "*/*", "Sec-Fetch-Mode", "cors"},
			} {
				r := alice.get("/recent", headers...).wantProblem(http.StatusUnauthorized)
				if !strings.Contains(r.Body.String(), "Please sign in again to do this.") {
					t.Errorf("GET /recent answers %s; want the sentence for those who are signed in", r.Body)
				}
				alice.post("/recent", headers...).wantProblem(http.StatusUnauthorized)
			}
			// Nobody has nothing to confirm.
			a.browser().get("/recent", "Accept", page).wantSentTo("/signin?next=%2Frecent")
			a.browser().get("/recent", "Accept", "application/json").wantProblem(http.StatusUnauthorized)
		})
	})
	for what, old := range map[string]func(a *app) *browser{
		"long ago": func(a *app) *browser {
			b := a.signIn(1)
			time.Sleep(recently + 1)
			return b
		},
		"remembered": func(a *app) *browser {
			b := a.signInWith(powgin.Remember(30 * absolute))
			time.Sleep(2 * absolute)
			return b
		},
	} {
		t.Run("signed in "+what+", one sign-in is enough", func(t *testing.T) {
			recentBubble(t, pages, func(a *app) {
				a.router.GET("/confirm", a.auth.RequireUser(), func(c *gin.Context) { c.Status(http.StatusOK) })
				alice := old(a)
				before := alice.clone()
				to := alice.get("/recent", "Accept", page).Header().Get("Location")
				alice.get(to, "Accept", page).want(http.StatusOK) // it leads nowhere else
				alice.post("/signin/1").want(http.StatusOK).wantCookie(true)
				alice.get("/recent", "Accept", page).want(http.StatusOK)
				before.get("/me", "Accept", "application/json").want(http.StatusUnauthorized)
			})
		})
	}
	t.Run("without a path all are told", func(t *testing.T) {
		recentBubble(t, func(c *powgin.Config[User]) { c.SignInPath = "/signin" }, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(recently + 1)
			alice.get("/recent", "Accept", page).wantProblem(http.StatusUnauthorized)
		})
	})
	t.Run("Refuse is asked as for every error", func(t *testing.T) {
		var got error
		recentBubble(t, func(c *powgin.Config[User]) {
			c.Refuse = func(c *gin.Context, err error) { got = err; c.Status(powgin.AbortStatus(err)) }
		}, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(recently + 1)
			alice.get("/recent").want(http.StatusUnauthorized)
			alice.wantErr("Refuse gets", got, powgin.ErrReauthenticate)
		})
	})
}

func TestAbortSendsBrowsersToConfirm(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, func(c *powgin.Config[User]) { c.ReauthPath = "/confirm?lang=de" })
	a.handle("GET", "/pay", func(c *Context) { powgin.Abort(c.Context, powgin.ErrReauthenticate) })
	a.browser().get("/pay", "Accept", page).wantSentTo("/confirm?lang=de&next=%2Fpay")
	a.browser().get("/pay", "Accept", "application/json").wantProblem(http.StatusUnauthorized)
}

func TestRequireRecentSignInOfTheInnermostSession(t *testing.T) {
	t.Parallel()
	t.Run("and of none", func(t *testing.T) {
		recentBubble(t, nil, func(a *app) {
			a.router.GET("/innermost", powgin.RequireRecentSignIn(recently), powgin.Handle(whoami))
			alice := a.signIn(1)
			alice.get("/innermost").want(http.StatusOK)
			time.Sleep(recently + 1)
			alice.get("/innermost").want(http.StatusUnauthorized)
			router := gin.New()
			ran := chain(router, "/", powgin.RequireRecentSignIn(recently))
			chain(router, "/own", a.auth.RequireRecentSignIn(recently))
			without := &app{TB: t, router: router}
			for _, path := range []string{"/", "/own"} {
				r := without.browser().get(path).wantProblem(http.StatusInternalServerError)
				if ran() || !strings.Contains(r.Body.String(), missing) {
					t.Errorf("GET %s without Session answers %s; want %q", path, r.Body, missing)
				}
			}
		})
	})
}

func TestRequireRecentSignInOfNoTimePanics(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	for _, d := range []time.Duration{0, -1, -time.Hour} {
		want := "powgin: RequireRecentSignIn(" + d.String() + ") would let nobody pass"
		for name, guard := range map[string]func(time.Duration) gin.HandlerFunc{
			"Auth.RequireRecentSignIn": a.auth.RequireRecentSignIn, "RequireRecentSignIn": powgin.RequireRecentSignIn,
		} {
			if got := panicOf(func() { guard(d) }); got != want {
				t.Errorf("%s(%v) panics with %q; want %q", name, d, got, want)
			}
		}
	}
}
