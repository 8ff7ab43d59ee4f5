package powgintest_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/powgintest"
)

// misuses are Apps that nothing can be found out with, and what is said of
// each.
var misuses = []struct {
	name  string
	spoil func(*powgintest.App)
	says  string
}{
	{"a field is missing", func(a *powgintest.App) { a.SignOut = nil }, "App.SignOut: nil"},
	{"nothing is given", func(a *powgintest.App) { *a = powgintest.App{} }, "App.Handler, App.SignIn, App.SignOut, App.WhoAmI: nil"},
	{"there are no users", func(a *powgintest.App) { a.Users = [2]string{} }, "App.Users"},
	{"there is one user", func(a *powgintest.App) { a.Users[1] = a.Users[0] }, "App.Users"},
	{"WhoAmI knows everybody", func(a *powgintest.App) {
		a.WhoAmI = func(*powgintest.Browser) string { return "alice" }
	}, `App.WhoAmI of a browser without cookies = "alice"`},
	{"WhoAmI returns a page", func(a *powgintest.App) {
		who := a.WhoAmI
		a.WhoAmI = func(b *powgintest.Browser) string {
			if name := who(b); name != "" {
				return "<h1>" + name
			}
			return ""
		}
	}, `App.WhoAmI = "<h1>alice"; want "alice" or "bob"`},
	{"SignIn uses the wrong form", func(a *powgintest.App) {
		a.SignIn = func(b *powgintest.Browser, user string) { b.PostForm("/signin", "email", user) }
	}, `after App.SignIn of "alice" in a browser without cookies App.WhoAmI = ""`},
	{"SignIn signs the same user in always", func(a *powgintest.App) {
		a.SignIn = func(b *powgintest.Browser, _ string) { b.PostForm("/signin", "name", "alice") }
	}, `App.WhoAmI = "alice"; want "bob"`},
}

func TestAssertionsRefuseAnAppThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for _, tt := range misuses {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			app := newPowginSite(t, nil, nil).app()
			tt.spoil(&app)
			wantFatal(t, func(t testing.TB) { powgintest.AssertNoFixation(t, app) }, tt.says)
			wantFatal(t, func(t testing.TB) { powgintest.AssertRotates(t, app, func(*powgintest.Browser) {}) }, "App.")
		})
	}
}

func TestAssertionsRefuseWhatTheyAreGivenBesides(t *testing.T) {
	t.Parallel()
	s := newPowginSite(t, nil, nil)
	app := s.app()
	page := func(b *powgintest.Browser) string { return b.Get("/live").Body }
	wantFatal(t, func(t testing.TB) { powgintest.AssertRotates(t, app, nil) }, "without a step")
	wantFatal(t, func(t testing.TB) { powgintest.AssertStaleAtMost(t, app, 0, nil, page) }, "change")
	wantFatal(t, func(t testing.TB) { powgintest.AssertStaleAtMost(t, app, 0, func() {}, nil) }, "shows")
	wantFatal(t, func(t testing.TB) { powgintest.AssertStaleAtMost(t, app, -1, func() {}, page) }, "not negative")
	wantFatal(t, func(t testing.TB) {
		powgintest.AssertStaleAtMost(t, app, 0, func() {}, func(*powgintest.Browser) string { return time.Now().String() })
	}, "shows returned", "with no change between")
}

// changes are functions for App.Change with which no request can be held.
var changes = []struct {
	name   string
	change func(*powgintest.Browser)
	says   string
}{
	{"none", nil, "App.Change is nil"},
	{"it sends no form", func(b *powgintest.Browser) { b.Get("/me") }, "no handler had read the body"},
	{"its handler reads nothing", func(b *powgintest.Browser) { b.PostForm("/signout", "reason", "bored") }, "no handler had read the body"},
	{"it is refused", func(b *powgintest.Browser) { b.Clone().PostForm("/nowhere", "plan", "pro") }, "Browser.PostForm"},
}

func TestAssertNoRevivalNeedsAChangeThatReadsItsForm(t *testing.T) {
	t.Parallel()
	for _, tt := range changes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			app := newPowginSite(t, nil, nil).app()
			app.Change = tt.change
			wantFatal(t, func(t testing.TB) { powgintest.AssertNoRevival(t, app) }, tt.says)
		})
	}
}

func TestAFunctionOfTheAppMayEndTheTest(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t testing.TB, app *powgintest.App){
		"before its form": func(t testing.TB, app *powgintest.App) {
			app.Change = func(*powgintest.Browser) { t.Fatal("no such button") }
		},
		"after its form": func(t testing.TB, app *powgintest.App) {
			app.Change = func(b *powgintest.Browser) {
				changePlan(b)
				t.Fatal("no such button")
			}
		},
		"in the other tab": func(t testing.TB, app *powgintest.App) {
			app.SignOut = func(*powgintest.Browser) { t.Fatal("no such button") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				app := newPowginSite(t, nil, nil).app()
				wantFatal(t, func(t testing.TB) {
					spoil(t, &app)
					powgintest.AssertNoRevival(t, app)
				}, "no such button")
			})
		})
	}
}

// A GET before the form, as for a hidden field, is not what is held.
func TestAssertNoRevivalHoldsTheFormAndNotThePageBeforeIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := newPowginSite(t, nil, nil).app()
		app.Change = func(b *powgintest.Browser) {
			b.Get("/profile")
			changePlan(b)
			b.Get("/me")
		}
		powgintest.AssertNoRevival(t, app)
		changed := false
		late := newHomemade(func(h *homemade) { h.savesLate = true }).app()
		late.Change = func(b *powgintest.Browser) {
			b.Get("/profile")
			changePlan(b)
			changed = true
		}
		if r := record(t, func(t testing.TB) { powgintest.AssertNoRevival(t, late) }); !r.Failed() || !changed {
			t.Errorf("with a page before the form the assertion finds %q, changed = %t; want a revival", r.text(), changed)
		}
	})
}

// TestAssertNoRevivalNeverHangs gives it sites in which requests wait for each
// other.
func TestAssertNoRevivalNeverHangs(t *testing.T) {
	t.Parallel()
	one := func() gin.HandlerFunc { // lets one request through at a time
		turn := make(chan struct{}, 1)
		return func(c *gin.Context) {
			turn <- struct{}{}
			defer func() { <-turn }()
			c.Next()
		}
	}
	for name, tt := range map[string]struct {
		ahead func() gin.HandlerFunc
		says  string
	}{
		"a sign-out waits for the slow request": {one, "App.SignOut waited for 20s"},
		"the change waits for what never comes": {func() gin.HandlerFunc {
			return func(c *gin.Context) {
				if c.Request.URL.Path == "/plan" {
					<-c.Request.Context().Done()
				}
			}
		}, "neither read its request's body nor answered"},
		"the change waits after its body": {func() gin.HandlerFunc {
			return func(c *gin.Context) {
				if c.Request.URL.Path == "/plan" {
					_ = c.PostForm("plan")
					<-c.Request.Context().Done()
				}
			}
		}, "has not ended within 20s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				app := newPowginSite(t, nil, nil).app()
				outer := gin.New()
				outer.Use(tt.ahead())
				inner := app.Handler
				outer.NoRoute(func(c *gin.Context) {
					c.Status(http.StatusOK)
					inner.ServeHTTP(c.Writer, c.Request)
				})
				app.Handler = outer
				wantFatal(t, func(t testing.TB) { powgintest.AssertNoRevival(t, app) }, tt.says)
			})
		})
	}
}
