package powgin_test

import (
	"bytes"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

func TestATokenCountsUnderItsOwnCookieOnly(t *testing.T) {
	t.Parallel()
	key := func(s string) [][]byte { return [][]byte{bytes.Repeat([]byte(s), 32)} }
	for keys, pair := range map[string][2][][]byte{
		"no keys": {}, "the same key": {key("k"), key("k")}, "a key each": {key("c"), key("s")}, "a key of one": {key("c"), nil},
	} {
		for stores, store := range map[string]cache.Store{"a store each": nil, "one store": cache.NewMemory(0)} {
			t.Run(keys+", "+stores, func(t *testing.T) {
				t.Parallel()
				s := newShop(t, "Config.Users", func(c *shopConfigs) {
					c.customers.Keys, c.staff.Keys = pair[0], pair[1]
					c.customers.Store, c.staff.Store = store, store
				})
				b := s.both()
				customer, staff := b.cookies[customerCookie], b.cookies[staffCookie]
				for what, cookies := range map[string]map[string]string{
					"the customer's as staff's": {staffCookie: customer}, "staff's as the customer's": {customerCookie: staff},
					"each as the other's": {customerCookie: staff, staffCookie: customer},
				} {
					thief := s.browser()
					maps.Copy(thief.cookies, cookies)
					thief.wantNames("", "", what)
					for _, path := range []string{"/customer/name", "/customer/reload", "/staff/name", "/staff/reload"} {
						thief.get(path).want(http.StatusUnauthorized).wantNoCookie()
					}
					// Nobody's sign-out ends nobody's session.
					thief.post("/customer/signout").want(http.StatusOK)
					thief.post("/staff/signout").want(http.StatusOK)
					b.wantNames("carla", "sam", "after "+what)
				}
				twice := s.browser()
				twice.cookies[customerCookie], twice.cookies[staffCookie] = customer, customer
				twice.wantNames("carla", "", "the customer's under both names")
			})
		}
	}
}

func TestSessionsMountedTwiceInTurnAreHarmless(t *testing.T) {
	t.Parallel()
	s := newShop(t, "Config.Users", nil)
	s.mountShop(s.customers.Session(), s.staff.Session(), s.customers.Session(), s.staff.Session(), s.customers.Session())
	b := s.both()
	b.wantNames("carla", "sam", "after both")
	s.router.POST("/out", func(c *gin.Context) { b.wantErr("SignOut", powgin.SignOut(c), nil) })
	if err := s.customers.Sync(t.Context(), carla, powgin.Regenerate()); err != nil {
		t.Fatal(err)
	}
	b.post("/out").want(http.StatusOK).wantCookiesOf(customerCookie, staffCookie)
	b.wantNames("carla", "", "after SignOut, whose Session is the second: a repeated one does nothing")
}

func TestAConflictIsSeenAcrossASessionInBetween(t *testing.T) {
	t.Parallel()
	s := newShop(t, "Config.Users", nil)
	a, _ := newPeopleApp(t, func(cfg *powgin.Config[User]) { silent(cfg); cfg.ContextKey = "customer" })
	ran := chain(s.router, "/three", a.auth.Session())
	b := s.both()
	res := b.get("/three").wantProblem(http.StatusInternalServerError).wantNoCookie()
	if ran() || !strings.Contains(res.Body.String(), "two Auths in one chain need different user types, ContextKeys and cookie names") {
		t.Errorf("handler ran: %v, answer %s; want a refusal that says why", ran(), res.Body)
	}
	b.wantNames("carla", "sam", "after the refusal")
}

func TestTwoGroupsWithASessionEach(t *testing.T) {
	t.Parallel()
	s := newShop(t, "one database", nil)
	s.router = gin.New()
	name := func(c *gin.Context) { key, _ := powgin.UserKey(c); c.String(http.StatusOK, key) }
	kindRoutes(s.router.Group("/customer", s.customers.Session()), s.customers, carla, func(u Customer) string { return u.Name })
	kindRoutes(s.router.Group("/staff", s.staff.Session()), s.staff, sam, func(u Staff) string { return u.Name })
	s.router.GET("/open", name)
	s.router.GET("/customer/open", s.customers.Session(), name)
	s.router.GET("/staff/types", s.staff.Session(), func(c *gin.Context) {
		got := panicOf(func() { powgin.CurrentUser[Customer](c) })
		if want := "users of type powgin_test.Customer; the innermost has powgin_test.Staff"; !strings.Contains(got, want) {
			t.Errorf("CurrentUser of the other group's type panics with %q; want %q", got, want)
		}
	})
	b := s.both()
	b.wantName("/customer/name", "carla", "in the customers' group")
	b.wantName("/staff/name", "sam", "in the staff's group")
	b.wantName("/open", "", "outside both groups")
	b.wantName("/customer/open", "1", "in a chain of customers'")
	b.get("/staff/types").want(http.StatusOK)
	for path, chained := range map[string][]gin.HandlerFunc{
		"/none":                 {s.customers.RequireUser()},
		"/none-innermost":       {powgin.RequireUser()},
		"/none-reload":          {s.staff.Reload()},
		"/none-guest":           {powgin.RequireGuest()},
		"/customers-for-staff":  {s.customers.Session(), s.staff.RequireUser()},
		"/staff-for-customers":  {s.staff.Session(), s.customers.Refresh()},
		"/staff-guest-of-other": {s.staff.Session(), s.customers.RequireGuest()},
	} {
		ran := chain(s.router, path, chained...)
		if res := b.get(path).wantProblem(http.StatusInternalServerError); ran() || !strings.Contains(res.Body.String(), missing) {
			t.Errorf("GET %s: handler ran: %v, answer %s; want %q", path, ran(), res.Body, missing)
		}
	}
	b.post("/customer/signout").want(http.StatusOK).wantCookiesOf(customerCookie)
	b.get("/customer/name").want(http.StatusUnauthorized)
	b.wantName("/staff/name", "sam", "after the sign-out in the customers' group")
}

func TestNamespacesKeepAppsOfOneUserTypeApart(t *testing.T) {
	t.Parallel()
	store := cache.NewMemory(0)
	a, p := newPeopleApp(t, func(cfg *powgin.Config[User]) { cfg.Store, cfg.Namespace = store, "shop" })
	forum := open(t, powgin.Config[User]{
		Users: p, Store: store, Namespace: "forum", Transport: powgin.Cookie{Insecure: true},
	})
	routes := a.router
	a.router = gin.New() // one site of two apps
	a.router.Any("/shop/*path", gin.WrapH(http.StripPrefix("/shop", routes)))
	forumApp := &app{TB: t, auth: forum, config: a.config}
	forumApp.mount()
	a.router.Any("/forum/*path", gin.WrapH(http.StripPrefix("/forum", forumApp.router)))

	b := a.browser()
	b.post("/shop/signin/1").want(http.StatusOK).wantCookiesOf("powgin-shop")
	b.get("/forum/me").want(http.StatusUnauthorized)
	b.post("/forum/signin/1").want(http.StatusOK).wantCookiesOf("powgin-forum")
	phone := a.browser()
	phone.post("/forum/signin/1").want(http.StatusOK)
	wantPlans := func(shop, forum, when string) {
		t.Helper()
		b.wantPlan("/shop/me", shop, when)
		b.wantPlan("/forum/me", forum, when)
	}
	wantPlans("free", "free", "at first")
	p.setPlan("1", "pro")
	if err := forum.Sync(t.Context(), person(1)); err != nil {
		t.Fatal(err)
	}
	wantPlans("free", "pro", "after a sync in the forum")
	if n, m := len(sessionsOf(t, a.auth)), len(sessionsOf(t, forum)); n != 1 || m != 2 {
		t.Errorf("sessions of alice: %d in the shop and %d in the forum; want 1 and 2", n, m)
	}
	b.post("/shop/revoke-others").want(http.StatusOK)
	phone.get("/forum/me").want(http.StatusOK)
	if err := forum.RevokeUser(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	phone.get("/forum/me").want(http.StatusUnauthorized)
	b.get("/forum/me").want(http.StatusUnauthorized)
	b.wantPlan("/shop/me", "free", "after the forum revoked its own")
}
