package powgintest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// printingT stands for a *testing.T. It prints failures, as an example has no test to fail.
type printingT struct{ testing.TB }

func (printingT) Helper()                           {}
func (printingT) Context() context.Context          { return context.Background() }
func (printingT) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
func (printingT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Customer is the user of the shop in the examples.
type Customer struct{ Email string }

// customers is a Config.Users; in most apps GORM reads them.
type customers map[string]Customer

func (customers) Key(c Customer) string { return c.Email }

func (all customers) Find(_ context.Context, email string) (Customer, bool, error) {
	c, found := all[email]
	return c, found, nil
}

// newShop is an app's own set-up, as its main function calls it.
func newShop() (*powgin.Auth[Customer], http.Handler) {
	auth := powgin.Must(powgin.New(powgin.Config[Customer]{
		Users: customers{"alice@example.com": {"alice@example.com"}, "bob@example.com": {"bob@example.com"}},
	}))
	router := gin.New()
	router.Use(auth.Session())
	router.GET("/", powgin.Handle(func(c *powgin.Context[Customer]) {
		customer, _ := c.User()
		c.String(http.StatusOK, customer.Email)
	}))
	router.GET("/orders", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[Customer]) {
		c.String(http.StatusOK, "the orders of %s", c.MustUser().Email)
	}))
	router.POST("/login", powgin.Handle(func(c *powgin.Context[Customer]) {
		if err := c.SignIn(Customer{c.PostForm("email")}); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.POST("/logout", powgin.Handle(func(c *powgin.Context[Customer]) {
		if err := c.SignOut(); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	return auth, router
}

// A handler is tested as somebody, without a sign-in form.
func ExampleSignIn() {
	var t testing.TB = printingT{} // in a test, its *testing.T
	auth, router := newShop()

	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	powgintest.SignIn(t, auth, r, Customer{Email: "alice@example.com"})
	w := httptest.NewRecorder()
	router.ServeHTTP(w, r)

	fmt.Println(w.Code, w.Body)
	// Output: 200 the orders of alice@example.com
}

// An app is held against what sign-ins have to keep. Here it passes; each
// failure would be a sentence that says what an attacker can do.
func ExampleAssertNoFixation() {
	var t testing.TB = printingT{} // in a test, its *testing.T
	_, router := newShop()

	powgintest.AssertNoFixation(t, powgintest.App{
		Handler: router,
		Users:   [2]string{"alice@example.com", "bob@example.com"},
		SignIn:  func(b *powgintest.Browser, user string) { b.PostForm("/login", "email", user) },
		SignOut: func(b *powgintest.Browser) { b.PostForm("/logout") },
		WhoAmI:  func(b *powgintest.Browser) string { return b.Get("/").Body },
	})
	// Output:
}
