package powgin_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// revokeAll ends everyone's sessions from before that moment.
func (a *app) revokeAll(before time.Time) {
	a.Helper()
	if err := a.auth.RevokeAll(context.Background(), before); err != nil {
		a.Fatalf("RevokeAll = %v; want no error", err)
	}
}

// A backing is where sessions are kept.
var backings = map[string]func() cache.Store{
	"in the process":      func() cache.Store { return nil },
	"in a store of bytes": func() cache.Store { return newSpyStore() },
}

// backed runs a story on each of them.
func backed(t *testing.T, what string, change func(*powgin.Config[User]), story func(a *app)) {
	t.Helper()
	for where, store := range backings {
		t.Run(what+", "+where, func(t *testing.T) {
			bubble(t, func(c *powgin.Config[User]) {
				c.Store = store()
				if change != nil {
					change(c)
				}
			}, story)
		})
	}
}

func TestRevokeAllEndsEveryonesSessions(t *testing.T) {
	t.Parallel()
	backed(t, "those of all users, live and asleep", nil, func(a *app) {
		asleep := a.signInWith(powgin.Remember(30 * day))
		time.Sleep(day)
		renewed, old, bob := a.signIn(1), a.signIn(1), a.signIn(2)
		time.Sleep(renew)
		renewed.get("/me").want(http.StatusOK).wantCookie(true)
		renewed.get("/me").want(http.StatusOK)
		retired := renewed.clone()
		renewed.post("/plan/pro").want(http.StatusOK)
		a.revokeAll(time.Time{})
		for _, b := range []*browser{asleep, renewed, retired, old, bob} {
			b.get("/me").want(http.StatusUnauthorized).wantNoCookie()
			b.post("/plan/pro").want(http.StatusUnauthorized)
		}
		for _, key := range []string{"1", "2"} {
			if n := a.count(key); n != 0 {
				t.Errorf("user %s has %d sessions; want none", key, n)
			}
		}
		bob.post("/signin/2").want(http.StatusOK)
		bob.get("/me").want(http.StatusOK)
	})
	backed(t, "but none that was begun at that moment or after", nil, func(a *app) {
		before := a.signIn(1)
		time.Sleep(time.Minute)
		moment := time.Now()
		at := a.signIn(1)
		time.Sleep(time.Minute)
		after, bob := a.signIn(1), a.signIn(2)
		time.Sleep(time.Minute)
		a.revokeAll(moment)
		before.get("/me").want(http.StatusUnauthorized)
		for _, b := range []*browser{at, after, bob} {
			b.get("/me").want(http.StatusOK)
		}
		if n := a.count("1"); n != 2 {
			t.Errorf("alice has %d sessions; want two", n)
		}
		a.revokeAll(moment.Add(-time.Hour)) // ends none, and gives none back
		before.get("/me").want(http.StatusUnauthorized)
		after.get("/me").want(http.StatusOK)
	})
	backed(t, "by the sign-in, which no renewal moves", nil, func(a *app) {
		alice := a.signIn(1)
		time.Sleep(renew)
		moment := time.Now()
		alice.get("/me").want(http.StatusOK)
		alice.post("/plan/pro").want(http.StatusOK)
		time.Sleep(time.Minute)
		a.revokeAll(moment)
		alice.get("/me").want(http.StatusUnauthorized)
	})
	backed(t, "and a moment to come is now", nil, func(a *app) {
		alice := a.signIn(1)
		time.Sleep(time.Nanosecond)
		a.revokeAll(time.Now().Add(day))
		alice.get("/me").want(http.StatusUnauthorized)
		alice.post("/signin/1").want(http.StatusOK)
		alice.get("/me").want(http.StatusOK) // nobody is locked out for a day
	})
}

func TestRevokeAllLeavesRoomForNewSessions(t *testing.T) {
	t.Parallel()
	backed(t, "under Deny", func(c *powgin.Config[User]) { c.MaxSessions, c.AtMaxSessions = 2, powgin.Deny }, func(a *app) {
		a.signInWith(powgin.Remember(30 * day))
		a.signInWith(powgin.Remember(30 * day))
		a.browser().post("/signin/1").want(http.StatusTooManyRequests)
		time.Sleep(time.Nanosecond)
		a.revokeAll(time.Time{})
		a.browser().post("/signin/1").want(http.StatusOK)
	})
}

func TestNoRequestUnderWayRevivesASession(t *testing.T) {
	t.Parallel()
	for what, then := range map[string]func(c *Context) error{
		"reads":                         func(*Context) error { return nil },
		"syncs":                         func(c *Context) error { return c.SyncUser(person(1)) },
		"syncs and keeps its token":     func(c *Context) error { return c.SyncUser(person(1), powgin.KeepSession()) },
		"syncs and ends the others":     func(c *Context) error { return c.SyncUser(person(1), powgin.EndOthers(), powgin.Grace(0)) },
		"revokes the others":            func(c *Context) error { return c.RevokeOthers() },
		"signs out":                     func(c *Context) error { return c.SignOut() },
		"syncs once the body has begun": func(c *Context) error { _, _ = c.Writer.WriteString(" "); return c.SyncUser(person(1)) },
	} {
		backed(t, "one that "+what, nil, func(a *app) {
			g := a.slow("POST", "/slow", func(c *Context) { answer(c, then(c)) })
			alice, phone := a.signIn(1), a.signIn(1)
			time.Sleep(renew) // the slow request is handed a successor
			slow := alice.clone()
			finish := g.start(slow, "POST", "/slow")
			a.revokeAll(time.Time{})
			finish()
			for range 2 {
				for _, b := range []*browser{slow, alice, phone} {
					b.get("/me").want(http.StatusUnauthorized)
				}
				time.Sleep(time.Minute)
			}
			if n := a.count("1"); n != 0 {
				t.Errorf("alice has %d sessions; want none", n)
			}
		})
	}
	t.Run("nor does a sign-in that began before", func(t *testing.T) {
		peopleBubble(t, nil, func(a *app, p *people) {
			b := a.browser()
			release := p.hold()
			wait := b.later("POST", "/signin/1")
			time.Sleep(time.Second)
			a.revokeAll(time.Time{})
			release()
			wait()
			p.onFind(nil)
			b.get("/me").want(http.StatusUnauthorized)
		})
	})
}

func TestRevokeAllTells(t *testing.T) {
	t.Parallel()
	t.Run("once, of nobody in particular", func(t *testing.T) {
		events := &journal{}
		bubble(t, func(c *powgin.Config[User]) { c.OnEvent = events.on }, func(a *app) {
			alice, bob := a.signIn(1), a.signIn(2)
			time.Sleep(time.Nanosecond)
			a.revokeAll(time.Time{})
			alice.get("/me").want(http.StatusUnauthorized)
			bob.get("/me").want(http.StatusUnauthorized)
			alice.post("/signin/1").want(http.StatusOK)
			if got, want := events.of("revoked"), []powgin.Event{{Name: "revoked"}}; !slices.Equal(got, want) {
				t.Errorf("revoked events = %+v; want %+v", got, want)
			}
			if n := events.times("expired") + events.times("reuse"); n != 0 {
				t.Errorf("%d other events of ends; want none", n)
			}
		})
	})
	t.Run("an error where the store is down, and ends what it can the next time", func(t *testing.T) {
		store := newSpyStore()
		bubble(t, func(c *powgin.Config[User]) { silent(c); c.Store = store }, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(time.Nanosecond)
			store.failingSwap.Store(true)
			alice.wantErr("RevokeAll", a.auth.RevokeAll(context.Background(), time.Time{}), powgin.ErrUnavailable)
			store.failingSwap.Store(false)
			alice.get("/me").want(http.StatusOK)
			a.revokeAll(time.Time{})
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("nothing of a caller who hangs up", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(time.Nanosecond)
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			alice.wantErr("RevokeAll", a.auth.RevokeAll(ctx, time.Time{}), nil)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("an error once the Auth is closed", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			mustClose(t, a.auth)
			a.browser().wantErr("RevokeAll", a.auth.RevokeAll(context.Background(), time.Time{}), powgin.ErrUnavailable)
		})
	})
}

func TestRevokeAllIsForAllTenantsOfOneSpace(t *testing.T) {
	t.Parallel()
	t.Run("and for no other", func(t *testing.T) {
		store := cache.NewMemory(0)
		peopleBubble(t, func(c *powgin.Config[User]) { c.Store, c.Tenant = store, tenantOf }, func(a *app, p *people) {
			a.mount(tenantOfHeader)
			red, blue := a.browser(), a.browser()
			red.post("/signin/1", "Tenant", "red").want(http.StatusOK)
			blue.post("/signin/1", "Tenant", "blue").want(http.StatusOK)
			shop, _ := newPeopleApp(a.TB, func(c *powgin.Config[User]) { c.Store, c.Namespace = store, "shop" })
			elsewhere := shop.signIn(1)
			time.Sleep(time.Nanosecond)
			a.revokeAll(time.Time{})
			red.get("/me", "Tenant", "red").want(http.StatusUnauthorized)
			blue.get("/me", "Tenant", "blue").want(http.StatusUnauthorized)
			elsewhere.get("/me").want(http.StatusOK)
		})
	})
}

// tenantOfHeader is middleware that takes the tenant from a header.
func tenantOfHeader(c *gin.Context) {
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), tenantKey{}, c.GetHeader("Tenant")))
}
