package powgin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// An app that keeps carts in a session of gin-contrib/sessions, and powgin's
// token with them: one cookie for both.
func ExampleInSession() {
	db, done := exampleDB()
	defer done()
	store := cookie.NewStore([]byte("a secret of thirty-two bytes ..."))

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Transport: powgin.InSession{}}))
	defer auth.Close()

	router := gin.New()
	router.Use(sessions.Sessions("shop", store)) // ahead of powgin's
	router.Use(auth.Session())

	router.POST("/signin", powgin.Handle(func(c *Context) {
		if err := c.SignIn(userWith(1)); err != nil { // and check the password before
			powgin.Abort(c.Context, err)
		}
	}))
	router.GET("/me", auth.RequireUser(), powgin.Handle(func(c *Context) {
		c.String(http.StatusOK, c.MustUser().Email)
	}))

	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "https://shop.example/signin", nil))
	r := httptest.NewRequest(http.MethodGet, "https://shop.example/me", nil)
	for _, c := range w.Result().Cookies() {
		fmt.Println("cookie", c.Name, "HttpOnly:", c.HttpOnly, "Secure:", c.Secure)
		r.AddCookie(c)
	}
	w = httptest.NewRecorder()
	router.ServeHTTP(w, r)
	fmt.Println(w.Code, w.Body)
	// Output:
	// cookie shop HttpOnly: true Secure: true
	// 200 alice@example.com
}
