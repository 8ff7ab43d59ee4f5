package powgintest_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// sites are sites that keep every promise.
var sites = map[string]func(t testing.TB) *site{
	"as it comes": func(t testing.TB) *site { return newPowginSite(t, nil, nil) },
	"NoGrace": func(t testing.TB) *site {
		return newPowginSite(t, func(c *powgin.Config[member]) { c.Grace = powgin.NoGrace },
			func(p *powginSite) { p.grace = -1 })
	},
	"Grace of 20 seconds": func(t testing.TB) *site {
		return newPowginSite(t, func(c *powgin.Config[member]) { c.Grace = 20 * time.Second },
			func(p *powginSite) { p.grace = 20 * time.Second })
	},
	"Reload on every route": func(t testing.TB) *site {
		return newPowginSite(t, func(c *powgin.Config[member]) { c.Reload = true }, nil)
	},
	"Keys": func(t testing.TB) *site {
		return newPowginSite(t, func(c *powgin.Config[member]) { c.Keys = [][]byte{bytes.Repeat([]byte("k"), 32)} }, nil)
	},
	"cookies for plain HTTP": func(t testing.TB) *site {
		return newPowginSite(t, func(c *powgin.Config[member]) { c.Transport = powgin.Cookie{Insecure: true} }, nil)
	},
	"its own name and tenants": func(t testing.TB) *site {
		return newPowginSite(t, func(c *powgin.Config[member]) {
			c.Transport, c.Namespace = powgin.Cookie{Name: "sid"}, "shop"
			c.Tenant = func(context.Context) string { return "acme" }
		}, nil)
	},
	"tokens that renew all the time": func(t testing.TB) *site {
		return newPowginSite(t, func(c *powgin.Config[member]) { c.IdleTimeout, c.RenewAfter = time.Hour, 12*time.Second }, nil)
	},
	"sessions of its own": func(testing.TB) *site { return newHomemade(nil) },
}

func TestAWholeSitePassesEveryAssertion(t *testing.T) {
	t.Parallel()
	for siteName, start := range sites {
		for name, check := range allAssertions {
			t.Run(siteName+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { check(t, start(t)) })
			})
		}
	}
}

// TestAssertionsOutsideABubble shows that they hold nothing up where time is
// what the test says.
func TestAssertionsOutsideABubble(t *testing.T) {
	t.Parallel()
	s := newPowginSite(t, func(c *powgin.Config[member]) { c.Grace, c.MaxAge = time.Nanosecond, time.Nanosecond }, nil)
	app := s.app()
	app.Grace = time.Nanosecond
	var waited time.Duration
	app.Wait = func(d time.Duration) {
		waited += d
		time.Sleep(d)
	}
	powgintest.AssertNoFixation(t, app)
	powgintest.AssertNoRevival(t, app)
	powgintest.AssertRotates(t, app, changePlan)
	if waited == 0 {
		t.Error("AssertRotates let no time pass; want it to use App.Wait")
	}
	powgintest.AssertStaleAtMost(t, app, time.Millisecond,
		func() { s.setPlan("alice", "overdue") },
		func(b *powgintest.Browser) string { return b.Get("/profile").Body })
}
