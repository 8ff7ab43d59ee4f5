package powgin_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// inTenant returns a context that belongs to a tenant.
func inTenant(ctx context.Context, tenant string) context.Context {
	return context.WithValue(ctx, tenantKey{}, tenant)
}

// tenantByHeader has a request belong to the tenant that its header names.
func tenantByHeader(c *gin.Context) {
	c.Request = c.Request.WithContext(inTenant(c.Request.Context(), c.GetHeader("Tenant")))
}

// newTenantApp starts an app of several tenants, in each of which there are
// alice (1) and bob (2).
func newTenantApp(t testing.TB, change func(*powgin.Config[User])) (*app, *people) {
	t.Helper()
	a, p := newPeopleApp(t, func(cfg *powgin.Config[User]) {
		cfg.Users, cfg.Tenant = tenants{cfg.Users.(*people)}, tenantOf
		if change != nil {
			change(cfg)
		}
	})
	a.mount(tenantByHeader)
	return a, p
}

// A tenantBrowser is a browser at one tenant's address.
type tenantBrowser struct {
	*browser
	tenant string
}

func (a *app) visit(tenant string) tenantBrowser {
	a.Helper()
	v := tenantBrowser{a.browser(), tenant}
	v.post("/signin/1").want(http.StatusOK)
	return v
}

func (v tenantBrowser) get(path string) *response  { return v.browser.get(path, "Tenant", v.tenant) }
func (v tenantBrowser) post(path string) *response { return v.browser.post(path, "Tenant", v.tenant) }

// wantPlan fails the test where the tenantBrowser is somebody else, or has another
// plan.
func (v tenantBrowser) wantPlan(want, when string) {
	v.Helper()
	u := v.get("/").identity().User
	if u == nil || u.Name != "alice of "+v.tenant || u.Plan != want {
		v.Errorf("%s: %s's tenantBrowser is %+v; want its own alice on the plan %s", when, v.tenant, u, want)
	}
}

func TestAChangeStaysInItsTenant(t *testing.T) {
	t.Parallel()
	hungUp := func(ctx context.Context) context.Context {
		ctx, hangUp := context.WithCancel(inTenant(ctx, "red"))
		hangUp()
		return ctx
	}
	for name, announce := range map[string]func(a *app, red tenantBrowser) error{
		"SyncUser": func(_ *app, red tenantBrowser) error { red.post("/sync").want(http.StatusOK).wantToken(""); return nil },
		"SyncUser of a copy, likewise": func(_ *app, red tenantBrowser) error {
			red.post("/sync-copy").want(http.StatusOK)
			return nil
		},
		"SyncUser after the request's context became another tenant's": func(_ *app, red tenantBrowser) error {
			red.post("/sync-elsewhere").want(http.StatusOK)
			return nil
		},
		"Refresh":   func(_ *app, red tenantBrowser) error { red.get("/refresh").want(http.StatusOK); return nil },
		"Auth.Sync": func(a *app, _ tenantBrowser) error { return a.auth.Sync(inTenant(a.Context(), "red"), person(1)) },
		"Auth.Sync for a caller who hangs up": func(a *app, _ tenantBrowser) error {
			return a.auth.Sync(hungUp(a.Context()), person(1))
		},
		"Auth.Invalidate": func(a *app, _ tenantBrowser) error { return a.auth.Invalidate(inTenant(a.Context(), "red"), "2", "1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := newTenantApp(t, nil)
			a.handleSync("/sync")
			a.handle("POST", "/sync-copy", func(c *Context) {
				c.Request = c.Request.WithContext(inTenant(c.Request.Context(), "blue"))
				answer(c, c.Copy().SyncUser(person(1)))
			})
			a.handle("POST", "/sync-elsewhere", func(c *Context) {
				c.Request = c.Request.WithContext(inTenant(c.Request.Context(), "blue"))
				answer(c, c.SyncUser(person(1)))
			})
			red, other, blue := a.visit("red"), a.visit("red"), a.visit("blue")
			for _, v := range []tenantBrowser{red, other, blue} {
				v.wantPlan("free", "at first")
			}
			p.setPlan("1", "pro")
			if err := announce(a, red); err != nil {
				t.Fatal(err)
			}
			p.took()
			red.wantPlan("pro", "after the change")
			other.wantPlan("pro", "after the change")
			if reads := p.took(); reads > 1 {
				t.Errorf("the tenant's two sessions read the user %d times; want once at most", reads)
			}
			blue.wantPlan("free", "after a change in another tenant")
			p.wantReads(t, 0, "in the other tenant")
		})
	}
}

func TestEachTenantHasItsOwnSessions(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(a *app, red tenantBrowser) error{
		"RevokeOthers": func(_ *app, red tenantBrowser) error { red.post("/revoke-others").want(http.StatusOK); return nil },
		"EndOthers":    func(_ *app, red tenantBrowser) error { red.post("/end-others").want(http.StatusOK); return nil },
		"Auth.RevokeUser": func(a *app, _ tenantBrowser) error {
			return a.auth.RevokeUser(inTenant(a.Context(), "red"), "1")
		},
		"Auth.Sync with RevokeSessions": func(a *app, _ tenantBrowser) error {
			return a.auth.Sync(inTenant(a.Context(), "red"), person(1), powgin.RevokeSessions())
		},
		"a sign-in beyond MaxSessions": func(a *app, _ tenantBrowser) error { a.visit("red"); a.visit("red"); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := newTenantApp(t, func(cfg *powgin.Config[User]) { cfg.MaxSessions = 2 })
			a.syncs("/end-others", powgin.EndOthers())
			other, red, blue, blueToo := a.visit("red"), a.visit("red"), a.visit("blue"), a.visit("blue")
			if err := end(a, red); err != nil {
				t.Fatal(err)
			}
			other.get("/me").want(http.StatusUnauthorized)
			blue.wantPlan("free", "after another tenant's")
			blueToo.wantPlan("free", "after another tenant's")
		})
	}
}

func TestASessionIsUnknownInAnotherTenant(t *testing.T) {
	t.Parallel()
	a, _ := newTenantApp(t, nil)
	red, blue := a.visit("red"), a.visit("blue")
	list, err := a.auth.Sessions(inTenant(t.Context(), "red"), "1")
	if err != nil || len(list) != 1 {
		t.Fatalf("the sessions of red = %+v, %v; want one", list, err)
	}
	id := list[0].ID
	blue.post("/revoke/" + id).want(http.StatusNotFound)
	for tenant, want := range map[string]error{"blue": powgin.ErrNoSession, "": powgin.ErrNoSession} {
		red.wantErr("Revoke in the tenant "+tenant, a.auth.Revoke(inTenant(t.Context(), tenant), "1", id), want)
	}
	red.wantPlan("free", "after revocations in other tenants")
	red.wantErr("Revoke in its own tenant", a.auth.Revoke(inTenant(t.Context(), "red"), "1", id), nil)
	red.get("/me").want(http.StatusUnauthorized)
}

func TestAnotherTenantsCookieIsNobodysToEnd(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/signout", "/signin/1", "/signin/2", "/revoke-others"} {
		a, _ := newTenantApp(t, nil)
		red := a.visit("red")
		stray := tenantBrowser{red.clone(), "blue"}
		for _, page := range []string{"/me", "/reload", "/refresh"} {
			stray.get(page).wantProblem(http.StatusUnauthorized).wantNoCookie()
		}
		if id := stray.get("/").wantNoCookie().identity(); id.User != nil || id.Session != nil {
			t.Errorf("a request of red's cookie in blue knows %+v; want nobody", id)
		}
		stray.post(path)
		red.wantPlan("free", "after POST "+path+" with its cookie in another tenant")
	}
}

// A gin.Context gives the tenant only where Gin has it look into the request's
// context.
func TestAGinContextGivesTheTenantThroughItsRequest(t *testing.T) {
	t.Parallel()
	a, _ := newTenantApp(t, nil)
	a.router.ContextWithFallback = true
	a.handle("POST", "/end-all", func(c *Context) {
		c.Status(http.StatusOK)
		a.browser().wantErr("RevokeUser", a.auth.RevokeUser(c, "1"), nil)
	})
	a.handle("POST", "/end-all-of-request", func(c *Context) {
		a.browser().wantErr("RevokeUser", a.auth.RevokeUser(c.Request.Context(), "1"), nil)
	})
	for _, path := range []string{"/end-all", "/end-all-of-request"} {
		red, blue := a.visit("red"), a.visit("blue")
		red.post(path).want(http.StatusOK)
		red.get("/me").want(http.StatusUnauthorized)
		blue.wantPlan("free", "after POST "+path+" of red")
	}
}
