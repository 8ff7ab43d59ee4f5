package powgin_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// Customer is a kind of user beside Staff: the ids of both are numbers, and the
// same ones.
type Customer struct {
	gorm.Model
	Name string
}

// The cookies of a shop.
const (
	customerCookie = "powgin-customers"
	staffCookie    = "powgin-staff"
)

// The first of each kind, of whom only the key is known.
var (
	carla = Customer{Model: gorm.Model{ID: 1}}
	sam   = Staff{Model: gorm.Model{ID: 1}}
)

// A shop is an app of two kinds of users: customers, of whom carla is the first,
// and staff, of whom sam is.
type shop struct {
	*app
	customers *powgin.Auth[Customer]
	staff     *powgin.Auth[Staff]
	rename    func(name string) // renames both, and tells nobody
}

// shopConfigs are the set-ups of a shop.
type shopConfigs struct {
	customers powgin.Config[Customer]
	staff     powgin.Config[Staff]
}

// homes are where the users of a shop may live. Each gives what renames the
// first of both kinds.
var homes = map[string]func(testing.TB, *shopConfigs) (rename func(name string)){
	"one database": func(t testing.TB, c *shopConfigs) func(string) {
		t.Helper()
		db := openDB(t)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(db.AutoMigrate(&Customer{}, &Staff{}))
		must(db.Create(&Customer{Name: "carla"}).Error)
		must(db.Create(&Staff{Name: "sam"}).Error)
		c.customers.DB, c.staff.DB = db, db
		return func(name string) {
			must(db.Model(&Customer{}).Where("id = 1").Update("name", name).Error)
			must(db.Model(&Staff{}).Where("id = 1").Update("name", name).Error)
		}
	},
	"Config.Users": func(_ testing.TB, c *shopConfigs) func(string) {
		customers := &named[Customer]{name: "carla", of: func(id uint, name string) Customer {
			return Customer{gorm.Model{ID: id}, name}
		}, id: func(u Customer) uint { return u.ID }}
		staff := &named[Staff]{name: "sam", of: func(id uint, name string) Staff {
			return Staff{gorm.Model{ID: id}, name}
		}, id: func(u Staff) uint { return u.ID }}
		c.customers.Users, c.staff.Users = customers, staff
		return func(name string) {
			customers.rename(name)
			staff.rename(name)
		}
	},
}

// named is a Config.Users of one user, whose id is 1.
type named[U any] struct {
	of func(id uint, name string) U
	id func(U) uint

	mu   sync.Mutex
	name string // guarded by mu
}

func (n *named[U]) rename(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.name = name
}

func (n *named[U]) Key(u U) string { return strconv.FormatUint(uint64(n.id(u)), 10) }

func (n *named[U]) Find(_ context.Context, key string) (user U, found bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if key != "1" {
		return user, false, nil
	}
	return n.of(1, n.name), true, nil
}

// newShop starts a shop, with customers' Session ahead of staff's. change may
// alter its set-ups.
func newShop(t testing.TB, home string, change func(*shopConfigs)) *shop {
	t.Helper()
	var c shopConfigs
	plain := powgin.Cookie{Insecure: true}
	c.customers.Namespace, c.customers.ContextKey, c.customers.Transport = "customers", "customer", plain
	c.staff.Namespace, c.staff.ContextKey, c.staff.Transport = "staff", "staff", plain
	s := &shop{app: &app{TB: t}, rename: homes[home](t, &c)}
	if change != nil {
		change(&c)
	}
	s.customers, s.staff = open(t, c.customers), open(t, c.staff)
	s.mountShop(s.customers.Session(), s.staff.Session())
	return s
}

// open returns the Auth of a Config for as long as the test runs.
func open[U any](t testing.TB, cfg powgin.Config[U]) *powgin.Auth[U] {
	t.Helper()
	auth, err := powgin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, auth) })
	return auth
}

// mountShop makes the shop's router anew, with these Sessions.
func (s *shop) mountShop(sessions ...gin.HandlerFunc) {
	s.router = gin.New()
	s.router.Use(sessions...)
	s.router.GET("/names", func(c *gin.Context) { c.String(http.StatusOK, names(c)) })
	kindRoutes(s.router.Group("/customer"), s.customers, carla, func(u Customer) string { return u.Name })
	kindRoutes(s.router.Group("/staff"), s.staff, sam, func(u Staff) string { return u.Name })
}

// kindRoutes adds the routes of one kind of user.
func kindRoutes[U any](r gin.IRouter, auth *powgin.Auth[U], first U, name func(U) string) {
	type kind = powgin.Context[U]
	does := func(path string, h func(*kind) error) {
		r.POST(path, powgin.Handle(func(c *kind) {
			if err := h(c); err != nil {
				powgin.Abort(c.Context, err)
			}
		}))
	}
	does("/signin", func(c *kind) error { return c.SignIn(first) })
	does("/signout", func(c *kind) error { return c.SignOut() })
	does("/sync", func(c *kind) error { return c.SyncUser(first) })
	does("/revoke/:id", func(c *kind) error { return c.Revoke(c.Param("id")) })
	does("/revoke-others", func(c *kind) error { return c.RevokeOthers() })
	show := powgin.Handle(func(c *kind) { c.String(http.StatusOK, name(c.MustUser())) })
	r.GET("/name", auth.RequireUser(), show)
	r.GET("/reload", auth.Reload(), auth.RequireUser(), show)
	r.GET("/refresh", auth.Refresh(), auth.RequireUser(), show)
	r.GET("/guest", auth.RequireGuest(), func(c *gin.Context) { c.String(http.StatusOK, "guest") })
	r.GET("/named-x", auth.Require(func(u U) bool { return name(u) == "x" }), show)
}

// names tells who is signed in of either kind.
func names(ctx context.Context) string {
	c, _ := powgin.CurrentUser[Customer](ctx)
	s, _ := powgin.CurrentUser[Staff](ctx)
	return fmt.Sprintf("customer %q, staff %q", c.Name, s.Name)
}

// both returns a browser in which carla and sam are signed in.
func (s *shop) both() *browser {
	s.Helper()
	b := s.browser()
	b.post("/customer/signin").want(http.StatusOK).wantCookiesOf(customerCookie)
	b.post("/staff/signin").want(http.StatusOK).wantCookiesOf(staffCookie)
	return b
}

// wantNames fails the test where others are signed in.
func (b *browser) wantNames(customer, staff, when string) {
	b.Helper()
	want := fmt.Sprintf("customer %q, staff %q", customer, staff)
	if got := b.get("/names").want(http.StatusOK).Body.String(); got != want {
		b.Errorf("%s: GET /names = %s; want %s", when, got, want)
	}
}

// wantName fails the test where the page shows another name.
func (b *browser) wantName(path, want, when string) {
	b.Helper()
	if got := b.get(path).want(http.StatusOK).Body.String(); got != want {
		b.Errorf("%s: GET %s = %q; want %q", when, path, got, want)
	}
}

// wantCookiesOf fails the test unless the answer sets exactly these cookies,
// each once.
func (r *response) wantCookiesOf(names ...string) *response {
	r.b.Helper()
	var got []string
	for _, line := range r.setCookies() {
		name, _, _ := strings.Cut(line, "=")
		got = append(got, name)
	}
	slices.Sort(got)
	slices.Sort(names)
	if !slices.Equal(got, names) {
		r.b.Errorf("%s sets the cookies %q; want %q", r.what, got, names)
	}
	return r
}
