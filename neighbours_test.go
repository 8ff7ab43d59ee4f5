package powgin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// What apps that keep their users in general-purpose session libraries suffer
// from today. F and a number tell the faults apart.

func TestNeighboursFaultsAreNotOurs(t *testing.T) {
	t.Parallel()
	t.Run("F1: a cookie that was planted before the sign-in reads nobody after it", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			mallory := a.signIn(2)
			for name, planted := range map[string]string{
				"made up":          madeUp(),
				"mallory's own":    mallory.token(),
				"of another shape": "0123456789abcdef",
			} {
				victim := a.with(planted)
				victim.post("/signin/1").want(http.StatusOK)
				if u := a.with(planted).get("/").identity().User; u != nil {
					t.Errorf("a planted cookie, %s, reads %s; want nobody", name, u.Name)
				}
				if got := victim.get("/me").identity().User.Name; got != "alice" {
					t.Errorf("the victim is %s; want alice", got)
				}
			}
		})
	})
	t.Run("F3: a slow request that writes late undoes no sign-out, and no session of its own is born", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			gate := a.slow("POST", "/slow", func(c *Context) {
				a.browser().wantErr("SyncUser", c.SyncUser(person(1)), powgin.ErrNotSignedIn)
				a.wantNobody(c, nil, nil)
			})
			alice := a.signIn(1)
			slow := alice.clone()
			finish := gate.start(slow, "POST", "/slow")
			alice.post("/signout").want(http.StatusOK)
			finish().want(http.StatusOK).wantCookie(false)
			slow.get("/me").want(http.StatusUnauthorized)
			if n := a.count("1"); n != 0 {
				t.Errorf("alice has %d sessions; want none", n)
			}
		})
	})
	t.Run("F4: a slow request that only reads brings nothing back, neither session nor token", func(t *testing.T) {
		for what, meanwhile := range map[string]func(alice *browser){
			"a sign-out": func(alice *browser) { alice.post("/signout").want(http.StatusOK) },
			"a sync":     func(alice *browser) { alice.post("/plan/pro").want(http.StatusOK) },
			"a renewal": func(alice *browser) {
				time.Sleep(renew)
				alice.get("/me").wantCookie(true)
				alice.get("/me").want(http.StatusOK)
			},
		} {
			bubbleIn(t, what+" meanwhile", func(a *app) {
				gate := a.slow("GET", "/slow", whoami)
				alice := a.signIn(1)
				slow := alice.clone()
				finish := gate.start(slow, "GET", "/slow")
				meanwhile(alice)
				finish().want(http.StatusOK).wantCookie(false)
				time.Sleep(grace)
				slow.get("/me").want(http.StatusUnauthorized)
				if alice.token() != "" {
					alice.get("/me").want(http.StatusOK)
				}
			})
		}
	})
	t.Run("F4: no renewal moves the absolute end", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			end := time.Now().Add(absolute)
			for time.Until(end) > renew {
				time.Sleep(renew)
				alice.get("/me").want(http.StatusOK)
			}
			time.Sleep(time.Until(end) - 1)
			alice.get("/me").want(http.StatusOK)
			time.Sleep(time.Nanosecond)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("F5: a change that comes after the body is told, and made up for", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.handle("POST", "/late", func(c *Context) {
				_, _ = c.Writer.WriteString("begun")
				a.browser().wantErr("SyncUser", c.SyncUser(person(1)), powgin.ErrHeadersWritten)
				a.browser().wantErr("SignIn", c.SignIn(person(2)), powgin.ErrHeadersWritten)
			})
			alice := a.signIn(1)
			alice.get("/me").want(http.StatusOK)
			a.set(1, "plan", "pro")
			alice.post("/late").want(http.StatusOK).wantCookie(false)
			r := alice.get("/me").wantCookie(true)
			if got := r.identity().User.Plan; got != "pro" {
				t.Errorf("the plan after it = %q; want pro", got)
			}
		})
	})
	t.Run("F5: two changes in one request set one cookie, which counts", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.handle("POST", "/twice", func(c *Context) {
				a.browser().wantErr("SyncUser", c.SyncUser(person(1)), nil)
				answer(c, c.SyncUser(person(1), powgin.Grace(0)))
			})
			alice := a.signIn(1)
			if lines := alice.post("/twice").want(http.StatusOK).setCookies(); len(lines) != 1 {
				t.Errorf("the answer sets %q; want one cookie", lines)
			}
			alice.get("/me").want(http.StatusOK)
		})
	})
}

func TestNeighboursTakeAnOutageForASignOut(t *testing.T) {
	t.Parallel()
	t.Run("F6: with the database down nobody is anonymous by mistake", func(t *testing.T) {
		bubble(t, silent, func(a *app) {
			alice := a.signIn(1)
			alice.get("/me").want(http.StatusOK)
			a.rename("users", "away")
			alice.get("/me").want(http.StatusOK) // the copy is young enough
			wantOutage(alice.get("/reload"))
			time.Sleep(time.Minute + 1)
			for _, path := range []string{"/", "/me", "/guest", "/pro", "/refresh"} {
				wantOutage(alice.get(path))
			}
			wantOutage(a.browser().post("/signin/1"))
			a.browser().get("/").want(http.StatusOK) // nobody needs no database
			a.rename("away", "users")
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("F6: with the store down nobody is anonymous by mistake, and nobody is told of a sign-out that was none", func(t *testing.T) {
		var store *spyStore
		bubble(t, func(cfg *powgin.Config[User]) {
			silent(cfg)
			store = newSpyStore()
			cfg.Store = store
		}, func(a *app) {
			alice := a.signIn(1)
			down := func(is bool) { store.failLoads.Store(is); store.failingSwap.Store(is) }
			down(true)
			for _, path := range []string{"/", "/me", "/guest", "/reload"} {
				wantOutage(alice.get(path))
			}
			wantOutage(alice.post("/signout"))
			wantOutage(a.browser().post("/signin/1"))
			a.browser().get("/").want(http.StatusOK)
			down(false)
			alice.get("/me").want(http.StatusOK)
			store.failingSwap.Store(true)
			wantOutage(alice.post("/signout"))
			store.failingSwap.Store(false)
			alice.get("/me").want(http.StatusOK)
			alice.post("/signout").want(http.StatusOK)
		})
	})
}

// rename renames a table of the app's database.
func (a *app) rename(from, to string) {
	a.Helper()
	if err := a.db.Migrator().RenameTable(from, to); err != nil {
		a.Fatal(err)
	}
}

// wantOutage fails the test unless the answer says that the service cannot
// tell, and leaves the client as it is.
func wantOutage(r *response) {
	r.b.Helper()
	r.want(http.StatusServiceUnavailable).wantCookie(false)
	if got := r.Header().Get("Retry-After") + " " + r.Header().Get("Cache-Control"); got != "1 no-store" {
		r.b.Errorf("%s: Retry-After and Cache-Control = %q; want 1 and no-store", r.what, got)
	}
}

func TestAGinSessionBesideOurs(t *testing.T) {
	t.Parallel()
	mounted := sessions.Sessions("shop", cookie.NewStore([]byte("a secret of thirty-two bytes ...")))
	for order, mount := range map[string]func(a *app) gin.IRouter{
		"mounted ahead": func(a *app) gin.IRouter { a.mount(mounted); return a.router },
		"mounted after": func(a *app) gin.IRouter { return a.router.Group("/", mounted) },
	} {
		t.Run(order+" keeps its values and flashes", func(t *testing.T) {
			bubble(t, nil, func(a *app) {
				routes := mount(a)
				with := func(path string, change func(c *gin.Context, s sessions.Session) error) {
					routes.POST(path, func(c *gin.Context) {
						s := sessions.Default(c)
						if err := change(c, s); err != nil {
							t.Errorf("POST %s: %v", path, err)
						}
						cart, _ := s.Get("cart").(string)
						for _, flash := range s.Flashes() {
							cart += " " + flash.(string)
						}
						if err := s.Save(); err != nil {
							t.Errorf("POST %s: saving the gin session: %v", path, err)
						}
						c.String(http.StatusOK, cart)
					})
				}
				with("/fill", func(_ *gin.Context, s sessions.Session) error {
					s.Set("cart", "apples")
					return nil
				})
				with("/look", func(*gin.Context, sessions.Session) error { return nil })
				with("/in", func(c *gin.Context, s sessions.Session) error {
					s.AddFlash("welcome")
					return powgin.SignIn(c, person(1))
				})
				with("/sync", func(c *gin.Context, s sessions.Session) error {
					s.AddFlash("changed")
					return powgin.SyncUser(c, person(1))
				})
				routes.POST("/flash-only", func(c *gin.Context) {
					s := sessions.Default(c)
					s.AddFlash("later")
					if err := s.Save(); err != nil {
						t.Error(err)
					}
				})
				b := a.browser()
				for _, step := range []struct {
					path, want string
					ours       bool
					wait       time.Duration
				}{
					{"/fill", "apples", false, 0},
					{"/in", "apples welcome", true, 0},
					{"/flash-only", "", false, 0},
					{"/sync", "apples later changed", true, 0},
					{"/flash-only", "", true, renew},
					{"/look", "apples later", false, 0},
					{"/look", "apples", false, 0},
				} {
					time.Sleep(step.wait)
					r := b.post(step.path).want(http.StatusOK)
					if got := r.Body.String(); got != step.want {
						t.Errorf("POST %s finds %q in the gin session; want %q", step.path, got, step.want)
					}
					ours, theirs := 0, 0
					for _, line := range r.setCookies() {
						switch {
						case strings.HasPrefix(line, "powgin="):
							ours++
						case strings.HasPrefix(line, "shop="):
							theirs = 1 // it sets one line for each Save
						}
					}
					if (ours == 1) != step.ours || ours > 1 || theirs != 1 {
						t.Errorf("POST %s sets %d cookies of ours and %d of the gin session: %q", step.path, ours, theirs, r.setCookies())
					}
				}
				b.get("/me").want(http.StatusOK)
			})
		})
	}
}
