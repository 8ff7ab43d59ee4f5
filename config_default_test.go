package powgin_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// newRosterApp starts an app whose users are in memory. It also works in a
// bubble of testing/synctest.
func newRosterApp(t testing.TB, change configChange) (*app, *roster) {
	t.Helper()
	users := newRoster()
	a := &app{TB: t, config: powgin.Config[User]{Users: users, Transport: powgin.Cookie{Insecure: true}}}
	if change != nil {
		change(&a.config)
	}
	auth, err := powgin.New(a.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	a.auth, a.router = auth, gin.New()
	a.router.Use(auth.Session())
	a.routes()
	a.router.POST("/sync", auth.RequireUser(), powgin.Handle(func(c *Context) { answer(c, c.SyncUser(c.MustUser())) }))
	return a, users
}

// inBubble runs f with an app in a bubble of time of its own.
func inBubble(t *testing.T, change configChange, f func(a *app, users *roster)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, users := newRosterApp(t, change)
		f(a, users)
	})
}

// setsCookie fails the test where an answer brings a new token, or none,
// against what is wanted.
func (r *response) setsCookie(want bool) {
	r.b.Helper()
	r.want(http.StatusOK)
	if got := len(r.setCookies()) > 0; got != want {
		r.b.Errorf("%s sets a cookie: %v; want %v", r.what, got, want)
	}
}

func TestASessionEnds30MinutesAfterItsLastRenewal(t *testing.T) {
	inBubble(t, nil, func(a *app, _ *roster) {
		alice := a.signIn(1)
		s := alice.get("/me").identity().Session
		now := time.Now()
		for name, got := range map[string]time.Time{
			"CreatedAt": s.CreatedAt, "RenewedAt": s.RenewedAt, "SignedInAt": s.SignedInAt, "LoadedAt": s.LoadedAt,
			"ExpiresAt": s.ExpiresAt.Add(-30 * time.Minute),
		} {
			if !got.Equal(now) {
				t.Errorf("%s is off by %v", name, got.Sub(now))
			}
		}
		late := a.signIn(1)
		time.Sleep(30*time.Minute - 1)
		alice.get("/me").want(http.StatusOK)
		time.Sleep(time.Nanosecond)
		late.get("/me").want(http.StatusUnauthorized)
	})
}

func TestATokenIsReplacedAtHalfTheIdleTimeout(t *testing.T) {
	for _, idle := range []time.Duration{0, 10 * time.Minute} {
		t.Run(idle.String(), func(t *testing.T) {
			inBubble(t, func(c *powgin.Config[User]) { c.IdleTimeout = idle }, func(a *app, _ *roster) {
				renew := 15 * time.Minute
				if idle > 0 {
					renew = idle / 2
				}
				alice := a.signIn(1)
				time.Sleep(renew - 1)
				alice.get("/me").setsCookie(false)
				time.Sleep(time.Nanosecond)
				alice.get("/me").setsCookie(true)
				alice.get("/me").setsCookie(false)
			})
		})
	}
}

func TestASessionEnds24HoursAfterSignIn(t *testing.T) {
	inBubble(t, nil, func(a *app, _ *roster) {
		alice := a.signIn(1)
		for range 24*6 - 1 {
			time.Sleep(10 * time.Minute)
			alice.get("/me").want(http.StatusOK)
		}
		time.Sleep(10*time.Minute - 1)
		alice.get("/me").want(http.StatusOK)
		time.Sleep(time.Nanosecond)
		alice.get("/me").want(http.StatusUnauthorized)
	})
}

func TestAReplacedTokenWorks5SecondsMore(t *testing.T) {
	for _, tt := range []struct {
		name  string
		grace time.Duration
		want  time.Duration
	}{{"default", 0, 5 * time.Second}, {"NoGrace", powgin.NoGrace, 0}, {"20s", 20 * time.Second, 20 * time.Second}} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(c *powgin.Config[User]) { c.Grace = tt.grace }, func(a *app, _ *roster) {
				alice := a.signIn(1)
				old := alice.clone()
				alice.post("/sync").setsCookie(true)
				if tt.want > 0 {
					time.Sleep(tt.want - 1)
					old.get("/me").setsCookie(false)
					time.Sleep(time.Nanosecond)
				}
				old.get("/me").want(http.StatusUnauthorized)
				alice.get("/me").want(http.StatusOK)
			})
		})
	}
}

func TestACachedUserIsAtMostAMinuteOld(t *testing.T) {
	for _, tt := range []struct {
		name   string
		maxAge time.Duration
		want   time.Duration
	}{
		{"default", 0, time.Minute},
		{"10s", 10 * time.Second, 10 * time.Second},
		{"NoMaxAge", powgin.NoMaxAge, 15 * time.Minute},
		{"longer than RenewAfter", time.Hour, 15 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(c *powgin.Config[User]) { c.MaxAge = tt.maxAge }, func(a *app, users *roster) {
				alice := a.signIn(1)
				alice.get("/me").want(http.StatusOK)
				users.setPlan("1", "pro")
				time.Sleep(tt.want)
				if got := alice.plan("/me"); got != "free" {
					t.Errorf("after %v the plan is %q; want free, from the cache", tt.want, got)
				}
				time.Sleep(time.Nanosecond)
				if got := alice.plan("/me"); got != "pro" {
					t.Errorf("later the plan is %q; want pro", got)
				}
			})
		})
	}
}

func TestReloadForAllRoutes(t *testing.T) {
	t.Parallel()
	a, users := newRosterApp(t, func(c *powgin.Config[User]) { c.Reload = true })
	alice := a.signIn(1)
	for _, plan := range []string{"pro", "free"} {
		users.setPlan("1", plan)
		if got := alice.plan("/me"); got != plan {
			t.Errorf("plan = %q; want %q, as it is now", got, plan)
		}
	}
}

func TestAUserHasAtMost100Sessions(t *testing.T) {
	inBubble(t, nil, func(a *app, _ *roster) {
		first := a.signIn(1)
		time.Sleep(time.Nanosecond)
		second := a.signIn(1)
		for range 99 {
			time.Sleep(time.Nanosecond)
			a.signIn(1)
		}
		first.get("/me").want(http.StatusUnauthorized)
		second.get("/me").want(http.StatusOK)
		if list, err := a.auth.Sessions(t.Context(), "1"); err != nil || len(list) != 100 {
			t.Errorf("%d sessions, error %v; want 100", len(list), err)
		}
	})
}

func TestTheSignInThatIsOneTooMany(t *testing.T) {
	t.Parallel()
	a, _ := newRosterApp(t, func(c *powgin.Config[User]) { c.MaxSessions, c.AtMaxSessions = 1, powgin.Deny })
	alice := a.signIn(1)
	a.browser().post("/signin/1").want(http.StatusTooManyRequests)
	alice.get("/me").want(http.StatusOK)
	a.signIn(2)
}

func TestMaxAccountsBoundsTheInProcessStore(t *testing.T) {
	t.Parallel()
	a, _ := newRosterApp(t, func(c *powgin.Config[User]) { c.MaxAccounts = 1 })
	alice := a.signIn(1)
	a.browser().post("/signin/2").want(http.StatusServiceUnavailable)
	alice.get("/me").want(http.StatusOK)
	a.signIn(1)
}

func TestContextKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ configured, want string }{{"", "current_user"}, {"member", "member"}} {
		a, _ := newRosterApp(t, func(c *powgin.Config[User]) { c.ContextKey = tt.configured })
		a.router.GET("/key", func(c *gin.Context) {
			u, _ := c.Get(tt.want)
			c.String(http.StatusOK, "%s", u.(User).Email)
		})
		if got := a.signIn(1).get("/key").want(http.StatusOK).Body.String(); got != "alice@example.com" {
			t.Errorf("ContextKey %q: c.Get(%q) is %q; want alice", tt.configured, tt.want, got)
		}
	}
}

func TestTheCookieIsNamedAndGuardedByDefault(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		namespace string
		transport powgin.Transport
		name      string
		secure    bool
	}{
		{"", nil, "__Host-powgin", true},
		{"", powgin.Cookie{}, "__Host-powgin", true},
		{"", &powgin.Cookie{Name: "sid"}, "__Host-sid", true},
		{"shop", powgin.Cookie{Name: "sid"}, "__Host-sid-shop", true},
		{"", powgin.Cookie{Insecure: true}, "powgin", false},
		{"shop", powgin.Cookie{Name: "sid", Insecure: true}, "sid-shop", false},
	} {
		a, _ := newRosterApp(t, func(c *powgin.Config[User]) { c.Namespace, c.Transport = tt.namespace, tt.transport })
		set := a.browser().post("/signin/1").want(http.StatusOK).setCookies()
		if len(set) != 1 {
			t.Errorf("Cookies %q; want one", set)
			continue
		}
		name, rest, _ := strings.Cut(set[0], "=")
		_, attributes, _ := strings.Cut(rest, ";")
		want := " Path=/; HttpOnly; SameSite=Lax"
		if tt.secure {
			want = " Path=/; HttpOnly; Secure; SameSite=Lax"
		}
		if name != tt.name || attributes != want {
			t.Errorf("%+v in %q: cookie %s with%s; want %s with%s", tt.transport, tt.namespace, name, attributes, tt.name, want)
		}
	}
}
