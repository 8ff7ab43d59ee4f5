package powgin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A mall is a shop whose customers' tokens are in a mounted session.
type mall struct {
	*shop
	shelf    *shelf
	errors   *record
	atServer bool // the session's values are, and not in the cookie
}

// orders are those in which the Sessions of a mall may be mounted.
var orders = map[string]bool{"staff ahead": true, "customers ahead": false}

// newMall starts a mall in a bubble of its own, with staff's tokens by this
// transport.
func newMall(t *testing.T, staff powgin.Transport, story func(m *mall), change ...func(*shopConfigs)) {
	t.Helper()
	for order, staffFirst := range orders {
		for where, atServer := range map[string]bool{"at the server": true, "in the cookie": false} {
			t.Run(order+", values "+where, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					m := &mall{errors: &record{}, atServer: atServer}
					m.shelf = newShelf(newGinStore())
					m.shop = newShop(t, "Config.Users", func(c *shopConfigs) {
						c.customers.Transport, c.staff.Transport = powgin.InSession{}, staff
						c.customers.OnError, c.staff.OnError = m.errors.on, m.errors.on
						for _, f := range change {
							f(c)
						}
					})
					var store sessions.Store = m.shelf
					if !atServer {
						store = cookie.NewStore(signingKeys[0])
					}
					m.mountMall(store, staffFirst)
					story(m)
				})
			})
		}
	}
}

func (m *mall) mountMall(store sessions.Store, staffFirst bool, between ...gin.HandlerFunc) {
	both := []gin.HandlerFunc{m.customers.Session(), m.staff.Session()}
	if staffFirst {
		slices.Reverse(both)
	}
	m.mountShop(slices.Concat([]gin.HandlerFunc{sessions.Sessions("shop", store)}, between, both)...)
	m.router.POST("/put/:key/:value", func(c *gin.Context) {
		session := sessions.Default(c)
		session.Set(c.Param("key"), c.Param("value"))
		if err := session.Save(); err != nil {
			m.Error(err)
		}
	})
	m.router.GET("/kept", func(c *gin.Context) { c.String(http.StatusOK, kept(sessions.Default(c))) })
}

// bothTransports are where the tokens of staff may be beside those of customers.
var bothTransports = map[string]powgin.Transport{
	"staff by Cookie":                 powgin.Cookie{Insecure: true},
	"staff in the same session":       powgin.InSession{},
	"staff there, under a name of it": powgin.InSession{Key: "staff", Session: "shop"},
}

// onceIn returns a browser in which carla and sam have signed in.
func (m *mall) onceIn() *browser {
	m.Helper()
	b := m.browser()
	b.post("/customer/signin").want(http.StatusOK)
	b.post("/staff/signin").want(http.StatusOK)
	b.wantNames("carla", "sam", "after both sign-ins")
	return b
}

func TestTwoAuthsAndOneSession(t *testing.T) {
	t.Parallel()
	for what, staff := range bothTransports {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			newMall(t, staff, func(m *mall) {
				b := m.onceIn()
				for _, step := range []struct{ path, customer, staff string }{
					{"/customer/sync", "carla", "sam"},
					{"/staff/sync", "carla", "sam"},
					{"/customer/signin", "carla", "sam"},
					{"/staff/signin", "carla", "sam"},
					{"/put/cart/apples", "carla", "sam"},
					{"/customer/signout", "", "sam"},
					{"/customer/signin", "carla", "sam"},
					{"/staff/signout", "carla", ""},
					{"/put/cart/apples", "carla", ""},
					{"/staff/signin", "carla", "sam"},
					{"/customer/revoke-others", "carla", "sam"},
					{"/staff/signout", "carla", ""},
					{"/customer/signout", "", ""},
				} {
					b.post(step.path).want(http.StatusOK)
					b.wantNames(step.customer, step.staff, "after POST "+step.path)
					time.Sleep(2 * grace)
					b.wantNames(step.customer, step.staff, "some time after POST "+step.path)
				}
				if len(b.cookies) != 0 {
					m.Errorf("after both sign-outs the browser has the cookies %v; want none", b.cookies)
				}
				if errs := m.errors.took(); len(errs) > 0 {
					m.Errorf("OnError was told %v; want nothing", errs)
				}
			})
		})
	}
}

func TestTwoAuthsRenewInOneSession(t *testing.T) {
	t.Parallel()
	for what, staff := range bothTransports {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			newMall(t, staff, func(m *mall) {
				b := m.onceIn()
				for range 8 {
					time.Sleep(renew)
					r := b.get("/names").want(http.StatusOK)
					if names := slices.Sorted(slices.Values(r.setNames())); !slices.Contains(names, "shop") || len(slices.Compact(names)) != len(r.setCookies()) {
						m.Errorf("a renewal sets the cookies %q; want one of a name", r.setCookies())
					}
					time.Sleep(2 * grace)
					b.wantNames("carla", "sam", "after a renewal")
				}
			})
		})
	}
}

// setNames returns the names of the cookies that an answer sets.
func (r *response) setNames() (names []string) {
	for _, line := range r.setCookies() {
		name, _, _ := strings.Cut(line, "=")
		names = append(names, name)
	}
	return names
}

func TestASignOutOfOneEndsNothingOfTheOther(t *testing.T) {
	t.Parallel()
	newMall(t, powgin.InSession{}, func(m *mall) {
		b := m.onceIn()
		thief := b.clone()
		b.post("/customer/signout").want(http.StatusOK)
		if m.atServer {
			thief.wantNames("", "", "under the cookie from before, whose record is gone")
		} else {
			thief.wantNames("", "sam", "under the cookie from before")
		}
		b.wantNames("", "sam", "afterwards")
	}, func(c *shopConfigs) { c.customers.Keys = signingKeys[:1] })
}

func TestTheRecordsOfTwoAuthsInOneSession(t *testing.T) {
	t.Parallel()
	newMall(t, powgin.InSession{}, func(m *mall) {
		if !m.atServer {
			return // there are none
		}
		want := func(n int, when string) {
			m.Helper()
			if ids := strings.Fields(m.shelf.ids()); len(ids) != n {
				m.Errorf("%s the store has the records %q; want %d", when, ids, n)
			}
		}
		b := m.onceIn()
		want(1, "after both sign-ins")
		b.post("/customer/sync").want(http.StatusOK)
		b.post("/customer/sync").want(http.StatusOK)
		want(3, "after two syncs, in grace,")
		b.post("/customer/signout").want(http.StatusOK)
		want(1, "after the customer's sign-out")
		b.post("/staff/sync").want(http.StatusOK)
		want(2, "after a sync of staff, in grace,")
		b.post("/staff/signout").want(http.StatusOK)
		want(0, "after both sign-outs")
	})
}

func TestARememberedCustomerWhomStaffMoves(t *testing.T) {
	t.Parallel()
	for what, staff := range bothTransports {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			newMall(t, staff, func(m *mall) {
				m.router.POST("/remember", powgin.Handle(func(c *powgin.Context[Customer]) {
					if err := c.SignIn(carla, powgin.Remember(20*day)); err != nil {
						m.Error(err)
					}
				}))
				for _, path := range []string{"/staff/signin", "/staff/sync", "/staff/signout"} {
					b := m.browser()
					b.post("/staff/signin").want(http.StatusOK)
					b.post("/remember").want(http.StatusOK)
					b.post(path).want(http.StatusOK)
					time.Sleep(19 * day)
					b.wantNames("carla", "", "long after POST "+path)
				}
			})
		})
	}
}

func TestTwoAuthsOfOneValueAreRefused(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		customers, staff powgin.InSession
		want             int
	}{
		"the same key":                            {powgin.InSession{Key: "user"}, powgin.InSession{Key: "user"}, http.StatusInternalServerError},
		"the same key and session":                {powgin.InSession{Key: "user", Session: "shop"}, powgin.InSession{Key: "user", Session: "shop"}, http.StatusInternalServerError},
		"the same key, once with the session":     {powgin.InSession{Key: "user"}, powgin.InSession{Key: "user", Session: "shop"}, http.StatusInternalServerError},
		"the same key, the other with it":         {powgin.InSession{Key: "user", Session: "shop"}, powgin.InSession{Key: "user"}, http.StatusInternalServerError},
		"other keys":                              {powgin.InSession{Key: "user"}, powgin.InSession{Key: "staff"}, http.StatusOK},
		"keys of other Namespaces":                {powgin.InSession{}, powgin.InSession{}, http.StatusOK},
		"other keys, once with the session":       {powgin.InSession{Key: "user"}, powgin.InSession{Key: "staff", Session: "shop"}, http.StatusOK},
		"the same key in sessions of other names": {powgin.InSession{Key: "user", Session: "shop"}, powgin.InSession{Key: "user", Session: "blog"}, http.StatusOK},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			newMall(t, tt.staff, func(m *mall) {
				store := sessions.Sessions("shop", m.shelf)
				if tt.staff.Session == "blog" {
					store = sessions.SessionsMany([]string{"shop", "blog"}, m.shelf)
				}
				m.mountShop(store, m.customers.Session(), m.staff.Session())
				b := m.browser()
				r := b.get("/names").want(tt.want)
				if tt.want != http.StatusOK {
					r.wantProblem(tt.want)
					return
				}
				b.post("/customer/signin").want(http.StatusOK)
				b.post("/staff/signin").want(http.StatusOK)
				b.wantNames("carla", "sam", "after both sign-ins")
			}, func(c *shopConfigs) { c.customers.Transport = tt.customers })
		})
	}
}

// That its server is down is known wherever the request comes from.
func TestTwoAuthsAndASessionThatCannotBeLoaded(t *testing.T) {
	t.Parallel()
	for what, staff := range bothTransports {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			newMall(t, staff, func(m *mall) {
				b := m.onceIn()
				m.shelf.fail(errRefused)
				if !m.atServer {
					b.wantNames("carla", "sam", "by values that are never out of reach")
					return
				}
				b.get("/names").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
				m.shelf.fail(nil)
				b.wantNames("carla", "sam", "afterwards")
			})
		})
	}
}
