package powgintest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// printingT stands for a *testing.T. It prints failures, as an example has no test to fail.
type printingT struct{ testing.TB }

func (printingT) Helper()                           {}
func (printingT) Context() context.Context          { return context.Background() }
func (printingT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (printingT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Customer is the user of the shop in the examples.
type Customer struct{ Email, Plan string }

// customers is a Config.Users; in most apps GORM reads them.
type customers struct {
	mu   sync.Mutex
	rows map[string]Customer // guarded by mu
}

func (*customers) Key(c Customer) string { return c.Email }

func (all *customers) Find(_ context.Context, email string) (Customer, bool, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	c, found := all.rows[email]
	return c, found, nil
}

func (all *customers) setPlan(email, plan string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.rows[email] = Customer{email, plan}
}

func newCustomers() *customers {
	return &customers{rows: map[string]Customer{
		"alice@example.com": {"alice@example.com", "free"}, "bob@example.com": {"bob@example.com", "free"},
	}}
}

// newShop is an app's own set-up, as its main function calls it.
func newShop() (*powgin.Auth[Customer], *customers, http.Handler) {
	all := newCustomers()
	auth, router := openShop(all, nil)
	return auth, all, router
}

// newShopWith is newShop with a store that tests bring.
func newShopWith(store cache.Store) http.Handler {
	_, router := openShop(newCustomers(), store)
	return router
}

func openShop(all *customers, store cache.Store) (*powgin.Auth[Customer], http.Handler) {
	auth := powgin.Must(powgin.New(powgin.Config[Customer]{Users: all, Store: store, SignInPath: "/login"}))
	router := gin.New()
	router.Use(auth.Session())
	router.GET("/login", func(c *gin.Context) { c.String(http.StatusOK, "your address, please") })
	router.GET("/account", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[Customer]) {
		customer := c.MustUser()
		c.String(http.StatusOK, "%s on %s", customer.Email, customer.Plan)
	}))
	router.POST("/login", powgin.Handle(func(c *powgin.Context[Customer]) {
		if err := c.SignIn(Customer{Email: c.PostForm("email")}); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.POST("/logout", powgin.Handle(func(c *powgin.Context[Customer]) {
		if err := c.SignOut(); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.POST("/plan", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[Customer]) {
		all.setPlan(c.MustUser().Email, c.PostForm("plan"))
		if err := c.SyncUser(c.MustUser()); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	return auth, router
}

// shopApp tells how one uses the shop. A Browser follows no redirects, so that
// a guest's answer from /account is one to the sign-in page.
func shopApp(router http.Handler) powgintest.App {
	return powgintest.App{
		Handler: router,
		Users:   [2]string{"alice@example.com", "bob@example.com"},
		SignIn:  func(b *powgintest.Browser, user string) { b.PostForm("/login", "email", user) },
		SignOut: func(b *powgintest.Browser) { b.PostForm("/logout") },
		WhoAmI: func(b *powgintest.Browser) string { // one of Users, or "" for nobody
			page := b.Get("/account")
			if page.Status != http.StatusOK {
				return ""
			}
			email, _, _ := strings.Cut(page.Body, " on ")
			return email
		},
		Change: func(b *powgintest.Browser) { b.PostForm("/plan", "plan", "pro") },
	}
}

// A handler is tested as somebody, without a sign-in form.
func ExampleSignIn() {
	var t testing.TB = printingT{} // in a test, its *testing.T
	auth, _, router := newShop()

	r := httptest.NewRequest(http.MethodGet, "/account", nil)
	powgintest.SignIn(t, auth, r, Customer{Email: "alice@example.com"})
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)

	fmt.Println(w.Code, w.Body)
	// Output: 200 alice@example.com on free
}

// An app is held against what people expect of its sessions. Here it passes;
// each failure would be a sentence that says what an attacker can do.
func ExampleAssertNoFixation() {
	var t testing.TB = printingT{} // in a test, its *testing.T
	_, _, router := newShop()

	app := shopApp(router)
	powgintest.AssertNoFixation(t, app)
	powgintest.AssertNoRevival(t, app) // needs App.Change
	// Output:
}
