package powgin_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// inEveryShop runs a story over every place where users live, and with either
// kind's Session ahead of the other's.
func inEveryShop(t *testing.T, story func(*shop)) {
	t.Helper()
	for home := range homes {
		for order, staffFirst := range map[string]bool{"customers first": false, "staff first": true} {
			t.Run(home+", "+order, func(t *testing.T) {
				t.Parallel()
				s := newShop(t, home, nil)
				if staffFirst {
					s.mountShop(s.staff.Session(), s.customers.Session())
				}
				story(s)
			})
		}
	}
}

func TestEachKindOfUserSignsInAndOutByItself(t *testing.T) {
	t.Parallel()
	inEveryShop(t, func(s *shop) {
		b := s.browser()
		b.wantNames("", "", "at first")
		b.post("/customer/signin").want(http.StatusOK).wantCookiesOf(customerCookie)
		b.wantNames("carla", "", "after the customer's sign-in")
		b.get("/staff/name").want(http.StatusUnauthorized)
		b.post("/staff/signin").want(http.StatusOK).wantCookiesOf(staffCookie)
		b.wantNames("carla", "sam", "after both")
		b.post("/customer/signout").want(http.StatusOK).wantCookiesOf(customerCookie)
		b.wantNames("", "sam", "after the customer's sign-out")
		b.get("/customer/name").want(http.StatusUnauthorized)
		b.wantName("/staff/name", "sam", "after the customer's sign-out")
		b.post("/customer/signin").want(http.StatusOK).wantCookiesOf(customerCookie)
		b.post("/staff/signout").want(http.StatusOK).wantCookiesOf(staffCookie)
		b.wantNames("carla", "", "after the staff's sign-out")
	})
}

func TestAChangeIsToldToItsOwnKindOnly(t *testing.T) {
	t.Parallel()
	inEveryShop(t, func(s *shop) {
		b := s.both()
		b.wantNames("carla", "sam", "at first")
		before := b.clone()
		s.rename("x")
		b.post("/customer/sync").want(http.StatusOK).wantCookiesOf(customerCookie)
		b.wantNames("x", "sam", "after a sync of the customer")
		if b.cookies[customerCookie] == before.cookies[customerCookie] || b.cookies[staffCookie] != before.cookies[staffCookie] {
			t.Errorf("a sync of the customer changes the cookies from %d to %d of either kind; want the customer's new", len(before.cookies), len(b.cookies))
		}
		b.wantName("/staff/reload", "x", "read for one request")
		b.wantNames("x", "sam", "after a reload, which keeps the copy")
		b.wantName("/staff/refresh", "x", "read for all")
		b.wantNames("x", "x", "after a refresh of staff")

		s.rename("y")
		if err := s.staff.Sync(t.Context(), sam, powgin.Regenerate()); err != nil {
			t.Fatal(err)
		}
		b.get("/names").want(http.StatusOK).wantCookiesOf(staffCookie)
		b.wantNames("x", "y", "after Auth.Sync of staff")
		if err := s.customers.Invalidate(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		b.wantNames("y", "y", "after Auth.Invalidate of customers")
	})
}

func TestASyncOfBothKindsSendsOneCookieEach(t *testing.T) {
	t.Parallel()
	inEveryShop(t, func(s *shop) {
		s.router.POST("/sync-both", func(c *gin.Context) {
			err := errors.Join(powgin.SyncUser(c, carla), powgin.SyncUser(c, sam), powgin.SyncUser(c, carla))
			if err != nil {
				powgin.Abort(c, err)
			}
		})
		b := s.both()
		before := b.clone()
		s.rename("x")
		b.post("/sync-both").want(http.StatusOK).wantCookiesOf(customerCookie, staffCookie)
		b.wantNames("x", "x", "after a sync of both")
		for name, old := range before.cookies {
			if b.cookies[name] == old {
				t.Errorf("the sync of both leaves the token in the cookie %s", name)
			}
		}
		b.get("/names").want(http.StatusOK).wantNoCookie()
	})
}

func TestRenewalsOfBothKindsTravelTogether(t *testing.T) {
	t.Parallel()
	s := newShop(t, "Config.Users", nil)
	b := s.both()
	before := b.clone()
	if err := errors.Join(
		s.customers.Sync(t.Context(), carla, powgin.Regenerate()), s.staff.Sync(t.Context(), sam, powgin.Regenerate()),
	); err != nil {
		t.Fatal(err)
	}
	b.get("/names").want(http.StatusOK).wantCookiesOf(customerCookie, staffCookie)
	for name, old := range before.cookies {
		if b.cookies[name] == old {
			t.Errorf("the renewal of both leaves the token in the cookie %s", name)
		}
	}
	b.wantNames("carla", "sam", "after the renewal of both")
	// One more: what one kind does in a request must not take the other's
	// renewal out of it.
	if err := s.customers.Sync(t.Context(), carla, powgin.Regenerate()); err != nil {
		t.Fatal(err)
	}
	b.post("/staff/signout").want(http.StatusOK).wantCookiesOf(customerCookie, staffCookie)
	b.wantNames("carla", "", "after a sign-out of staff that renewed the customer")
}

func TestEachKindRevokesItsOwnSessions(t *testing.T) {
	t.Parallel()
	for stores, store := range map[string]func() cache.Store{
		"a store each": func() cache.Store { return nil }, "one store": func() cache.Store { return cache.NewMemory(0) },
	} {
		for home := range homes {
			t.Run(home+", "+stores, func(t *testing.T) {
				t.Parallel()
				one := store()
				s := newShop(t, home, func(c *shopConfigs) { c.customers.Store, c.staff.Store = one, one })
				b, other := s.both(), s.both()
				customers, staff := sessionsOf(t, s.customers), sessionsOf(t, s.staff)
				if len(customers) != 2 || len(staff) != 2 {
					t.Fatalf("the sessions of key 1 are %d and %d; want 2 of either kind", len(customers), len(staff))
				}
				for _, id := range staff {
					if slices.Contains(customers, id) {
						t.Error("a session is of both kinds")
					}
					b.post("/customer/revoke/" + id).want(http.StatusNotFound)
					b.wantErr("Revoke of the other kind", s.customers.Revoke(t.Context(), "1", id), powgin.ErrNoSession)
				}
				other.wantNames("carla", "sam", "after no revocation")
				b.post("/customer/revoke-others").want(http.StatusOK)
				other.wantNames("", "sam", "after its customer was revoked")
				if err := s.staff.RevokeUser(t.Context(), "1"); err != nil {
					t.Fatal(err)
				}
				other.wantNames("", "", "after its staff was revoked")
				b.wantNames("carla", "", "after the staff was revoked")
				if err := s.customers.Sync(t.Context(), carla, powgin.RevokeSessions()); err != nil {
					t.Fatal(err)
				}
				b.wantNames("", "", "after both were revoked")
			})
		}
	}
}

// sessionsOf returns the ids of the sessions of a kind's first user.
func sessionsOf[U any](t testing.TB, auth *powgin.Auth[U]) (ids []string) {
	t.Helper()
	list, err := auth.Sessions(t.Context(), "1")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		ids = append(ids, s.ID)
	}
	return ids
}

func TestGuardsJudgeTheirOwnKind(t *testing.T) {
	t.Parallel()
	inEveryShop(t, func(s *shop) {
		b := s.browser()
		b.post("/customer/signin").want(http.StatusOK)
		for path, want := range map[string]int{
			"/customer/name": 200, "/customer/reload": 200, "/customer/guest": 403, "/customer/named-x": 403,
			"/staff/name": 401, "/staff/reload": 401, "/staff/guest": 200, "/staff/named-x": 401,
		} {
			b.get(path).want(want)
		}
		b.post("/staff/signin").want(http.StatusOK)
		s.rename("x")
		if err := s.staff.Invalidate(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		b.get("/staff/named-x").want(http.StatusOK)
		b.get("/customer/named-x").want(http.StatusForbidden)
		b.get("/staff/guest").want(http.StatusForbidden)
	})
}

func TestPackageFunctionsActOnTheInnermostSession(t *testing.T) {
	t.Parallel()
	s := newShop(t, "Config.Users", nil)
	b, other := s.both(), s.both()
	s.router.GET("/ask", func(c *gin.Context) {
		key, _ := powgin.UserKey(c)
		own, _ := powgin.SessionOf(c)
		list, err := powgin.SessionsOf(c)
		ids := sessionsOf(t, s.staff)
		if key != "1" || err != nil || !slices.Contains(ids, own.ID) || len(list) != 2 || list[0].ID != ids[0] {
			t.Errorf("UserKey = %q, SessionOf = %s, SessionsOf = %d, %v; want staff's of %q", key, own.ID, len(list), err, ids)
		}
	})
	b.get("/ask").want(http.StatusOK)
	for path, guard := range map[string]gin.HandlerFunc{
		"/reload": powgin.Reload(), "/refresh": powgin.Refresh(), "/max-age": powgin.MaxAge(0),
	} {
		name := "now " + path
		s.router.GET(path, guard, func(c *gin.Context) { c.String(http.StatusOK, names(c)) })
		s.rename(name)
		if got, want := b.get(path).want(http.StatusOK).Body.String(), fmt.Sprintf("customer %q, staff %q", "carla", name); got != want {
			t.Errorf("GET %s = %s; want %s", path, got, want)
		}
	}
	for id, path := range map[string]string{sessionsOf(t, s.customers)[1]: "/revoke-one-customer", sessionsOf(t, s.staff)[1]: "/revoke-one-staff"} {
		s.router.POST(path, func(c *gin.Context) {
			if err := powgin.Revoke(c, id); err != nil {
				powgin.Abort(c, err)
			}
		})
	}
	b.post("/revoke-one-customer").want(http.StatusNotFound)
	other.get("/customer/name").want(http.StatusOK)
	b.post("/revoke-one-staff").want(http.StatusOK)
	other.get("/staff/name").want(http.StatusUnauthorized)
	s.router.POST("/revoke-others", func(c *gin.Context) { b.wantErr("RevokeOthers", powgin.RevokeOthers(c), nil) })
	b.post("/revoke-others").want(http.StatusOK)
	other.get("/customer/name").want(http.StatusOK)

	s.router.GET("/guests", powgin.RequireGuest(), func(c *gin.Context) { c.Status(http.StatusOK) })
	b.get("/guests").want(http.StatusForbidden)
	b.post("/staff/signout").want(http.StatusOK)
	b.get("/guests").want(http.StatusOK) // carla is no guest, but the outer Session's
}

func TestEveryContextKnowsBothKinds(t *testing.T) {
	t.Parallel()
	s := newShop(t, "Config.Users", nil)
	b := s.both()
	const want = `customer "carla", staff "sam"`
	s.router.GET("/contexts", powgin.Handle(func(c *powgin.Context[Customer]) {
		copied := make(chan string)
		go func(cp *powgin.Context[Customer]) { copied <- names(cp) + names(cp.Context) }(c.Copy())
		for what, got := range map[string]string{
			"a typed context": names(c), "its gin.Context": names(c.Context), "the request's": names(c.Request.Context()),
			"copies elsewhere": strings.Replace(<-copied, want+want, want, 1),
			"under their keys": fmt.Sprintf("customer %q, staff %q", c.MustGet("customer").(Customer).Name, c.MustGet("staff").(Staff).Name),
		} {
			if got != want {
				t.Errorf("%s: %s; want %s", what, got, want)
			}
		}
		c.AssignUser(Customer{Name: "cleo"})
		if got, want := names(c), `customer "cleo", staff "sam"`; got != want {
			t.Errorf("after AssignUser of a customer: %s; want %s", got, want)
		}
	}))
	b.get("/contexts").want(http.StatusOK)
	s.router.GET("/types", func(c *gin.Context) {
		const message = "powgin: no Session in this chain has users of type powgin_test.User; the innermost has powgin_test.Staff"
		for what, f := range map[string]func(){
			"CurrentUser": func() { powgin.CurrentUser[User](c) },
			"Handle":      func() { powgin.Handle(func(*Context) {})(c) },
		} {
			if got := panicOf(f); got != message {
				t.Errorf("%s of a third type panics with %q; want %q", what, got, message)
			}
		}
	})
	b.get("/types").want(http.StatusOK)
}
