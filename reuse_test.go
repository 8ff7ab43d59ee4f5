package powgin_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// renewed returns alice's browser, whose token was renewed, and a thief's, who
// has the one before, out of its grace.
func (a *app) renewed() (alice, thief *browser) {
	a.Helper()
	alice = a.signIn(1)
	thief = alice.clone()
	time.Sleep(renew)
	alice.get("/me").want(http.StatusOK).wantCookie(true)
	alice.get("/me").want(http.StatusOK)
	time.Sleep(grace)
	return alice, thief
}

func endAtReuse(c *powgin.Config[User]) { c.AtReuse = powgin.EndSession }

func TestAReplacedTokenThatComesBack(t *testing.T) {
	t.Parallel()
	backed(t, "is refused, and its session goes on, where nothing else is said", nil, func(a *app) {
		alice, thief := a.renewed()
		thief.get("/me").want(http.StatusUnauthorized).wantNoCookie()
		thief.post("/signout").want(http.StatusOK)
		alice.get("/me").want(http.StatusOK)
	})
	backed(t, "ends its session under EndSession, and no other", endAtReuse, func(a *app) {
		alice, thief := a.renewed()
		phone, bob := a.signIn(1), a.signIn(2)
		thief.get("/me").want(http.StatusUnauthorized).wantNoCookie()
		alice.get("/me").want(http.StatusUnauthorized)
		phone.get("/me").want(http.StatusOK)
		bob.get("/me").want(http.StatusOK)
		alice.post("/signin/1").want(http.StatusOK)
		thief.get("/me").want(http.StatusUnauthorized)
		alice.get("/me").want(http.StatusOK) // the new session is none of the thief's
	})
	for what, request := range map[string]string{"a page that anyone may see": "GET /", "a sign-out": "POST /signout", "a guest's page": "GET /guest"} {
		t.Run("also on "+what, func(t *testing.T) {
			bubble(t, endAtReuse, func(a *app) {
				alice, thief := a.renewed()
				method, path, _ := strings.Cut(request, " ")
				thief.do(method, path).want(http.StatusOK)
				alice.get("/me").want(http.StatusUnauthorized)
			})
		})
	}
	t.Run("also where SyncUser replaced it", func(t *testing.T) {
		bubble(t, endAtReuse, func(a *app) {
			alice := a.signIn(1)
			thief := alice.clone()
			_, err := alice.syncUser(powgin.Grace(0))
			alice.wantErr("SyncUser", err, nil)
			thief.get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("also where the thief has the live one", func(t *testing.T) {
		bubble(t, endAtReuse, func(a *app) {
			thief, alice := a.renewed()
			alice.get("/me").want(http.StatusUnauthorized)
			thief.get("/me").want(http.StatusUnauthorized)
		})
	})
}

func TestWhatIsNoReuse(t *testing.T) {
	t.Parallel()
	for what, come := range map[string]func(a *app, alice, old *browser){
		"a token in grace": func(_ *app, alice, old *browser) {
			alice.post("/plan/pro").want(http.StatusOK)
			time.Sleep(grace - 1)
			old.get("/me").want(http.StatusOK)
		},
		"a token whose successor was never used": func(_ *app, alice, old *browser) {
			time.Sleep(renew)
			alice.clone().get("/me").want(http.StatusOK)
			time.Sleep(grace)
			old.get("/me").want(http.StatusOK)
			alice.get("/me").want(http.StatusOK)
		},
		"a token with another secret": func(a *app, alice, _ *browser) {
			a.with(otherSecret(alice.token())).get("/me").want(http.StatusUnauthorized)
		},
		"a token that nobody has": func(a *app, _, _ *browser) { a.with(madeUp()).get("/me").want(http.StatusUnauthorized) },
		"a token of a session that has ended": func(a *app, _, _ *browser) {
			phone := a.signIn(1)
			gone := phone.clone()
			phone.post("/signout").want(http.StatusOK)
			gone.get("/me").want(http.StatusUnauthorized)
		},
		"two tokens in one request": func(a *app, alice, old *browser) {
			alice.post("/plan/pro").want(http.StatusOK)
			time.Sleep(grace)
			a.browser().get("/me", "Cookie", "powgin="+old.token()+"; powgin="+alice.token()).want(http.StatusUnauthorized)
		},
		"what another site sends": func(_ *app, alice, old *browser) {
			alice.post("/plan/pro").want(http.StatusOK)
			time.Sleep(grace)
			old.post("/plan/pro", "Sec-Fetch-Site", "cross-site").want(http.StatusForbidden)
		},
	} {
		t.Run(what, func(t *testing.T) {
			events := &journal{}
			bubble(t, func(c *powgin.Config[User]) { endAtReuse(c); c.OnEvent = events.on }, func(a *app) {
				alice := a.signIn(1)
				session := alice.session().ID
				come(a, alice, alice.clone())
				if got := alice.session().ID; got != session {
					t.Errorf("alice's session is %s; want %s as before", got, session)
				}
				if n := events.times("reuse") + events.times("revoked"); n != 0 {
					t.Errorf("%d events of reuse; want none", n)
				}
			})
		})
	}
}

func TestReuseIsTold(t *testing.T) {
	t.Parallel()
	t.Run("and the end it brings, once", func(t *testing.T) {
		events := &journal{}
		bubble(t, func(c *powgin.Config[User]) { endAtReuse(c); c.OnEvent = events.on }, func(a *app) {
			alice, thief := a.renewed()
			session := alice.session().ID
			for range 3 {
				thief.get("/me").want(http.StatusUnauthorized)
			}
			for _, name := range []string{"reuse", "revoked"} {
				want := []powgin.Event{{Name: name, UserKey: "1", Session: session}}
				if got := events.of(name); !slices.Equal(got, want) {
					t.Errorf("%s events = %+v; want %+v", name, got, want)
				}
			}
		})
	})
	t.Run("by many requests at once, as by one", func(t *testing.T) {
		bubble(t, endAtReuse, func(a *app) {
			alice, thief := a.renewed()
			wantAll(thief.all(20, "GET", "/me"), http.StatusUnauthorized)
			alice.get("/me").want(http.StatusUnauthorized)
			if n := a.count("1"); n != 0 {
				t.Errorf("alice has %d sessions; want none", n)
			}
		})
	})
}

func TestASessionThatCouldNotBeEndedIsEndedByTheNextReuse(t *testing.T) {
	t.Parallel()
	t.Run("and the token is refused meanwhile", func(t *testing.T) {
		store := newSpyStore()
		bubble(t, func(c *powgin.Config[User]) { endAtReuse(c); silent(c); c.Store = store }, func(a *app) {
			alice, thief := a.renewed()
			store.failingSwap.Store(true)
			thief.get("/me").want(http.StatusUnauthorized).wantNoCookie()
			store.failingSwap.Store(false)
			alice.get("/me").want(http.StatusOK)
			thief.get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
}

func TestReuseOfAnotherTenantEndsNothing(t *testing.T) {
	t.Parallel()
	t.Run("since it proves nothing there", func(t *testing.T) {
		store := cache.NewMemory(0)
		peopleBubble(t, func(c *powgin.Config[User]) { endAtReuse(c); c.Store, c.Tenant = store, tenantOf }, func(a *app, _ *people) {
			a.mount(tenantOfHeader)
			alice := a.browser()
			alice.post("/signin/1", "Tenant", "red").want(http.StatusOK)
			thief := alice.clone()
			alice.post("/revoke-others", "Tenant", "red").want(http.StatusOK)
			ctx := context.WithValue(context.Background(), tenantKey{}, "red")
			alice.wantErr("Sync", a.auth.Sync(ctx, person(1), powgin.Regenerate()), nil)
			alice.get("/me", "Tenant", "red").want(http.StatusOK).wantCookie(true)
			alice.get("/me", "Tenant", "red").want(http.StatusOK)
			time.Sleep(grace)
			thief.get("/me", "Tenant", "blue").want(http.StatusUnauthorized)
			alice.get("/me", "Tenant", "red").want(http.StatusOK)
			thief.get("/me", "Tenant", "red").want(http.StatusUnauthorized)
			alice.get("/me", "Tenant", "red").want(http.StatusUnauthorized)
		})
	})
}
