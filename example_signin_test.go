package powgin_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// What cannot be undone wants a user who has proved of late who they are.
func ExampleAuth_RequireRecentSignIn() {
	db, done := exampleDB()
	defer done()

	now := time.Now()
	store := cache.NewMemoryWithClock(0, func() time.Time { return now }) // so that the example can wait
	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Store: store, ReauthPath: "/confirm"}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.GET("/keys", auth.RequireRecentSignIn(10*time.Minute), func(c *gin.Context) { c.String(http.StatusOK, "your keys") })
	router.GET("/confirm", auth.RequireUser(), func(c *gin.Context) { c.String(http.StatusOK, "your password, please") })
	router.POST("/confirm", auth.RequireUser(), powgin.Handle(func(c *Context) {
		// Check the password here.
		if err := c.SignIn(c.MustUser()); err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		next, ok := powgin.LocalPath(c.Query("next"))
		if !ok {
			next = "/plan"
		}
		c.Redirect(http.StatusSeeOther, next)
	}))

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/keys")
	now = now.Add(12 * time.Minute)
	browser.get("/plan") // still signed in
	browser.get("/keys")
	browser.get("/confirm?next=%2Fkeys")
	browser.post("/confirm?next=%2Fkeys", "password=open+sesame")
	browser.get("/keys")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /keys: 200 your keys
	// GET /plan: 200 free
	// GET /keys: 303 to /confirm?next=%2Fkeys
	// GET /confirm?next=%2Fkeys: 200 your password, please
	// POST /confirm?next=%2Fkeys: 303 to /keys (new cookie)
	// GET /keys: 200 your keys
}

// The box "stay signed in" of a sign-in form.
func ExampleRemember() {
	db, done := exampleDB()
	defer done()

	now := time.Now()
	store := cache.NewMemoryWithClock(0, func() time.Time { return now }) // so that the example can wait
	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Store: store}))
	router := gin.New()
	router.Use(auth.Session())
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.POST("/login", powgin.Handle(func(c *Context) {
		var options []powgin.SignInOption
		if c.PostForm("stay") == "on" {
			options = append(options, powgin.Remember(30*24*time.Hour))
		}
		if err := c.SignIn(userWith(1), options...); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))

	home, library := visit(router), visit(router)
	home.post("/login", "stay=on")
	library.post("/login", "")
	now = now.Add(7 * 24 * time.Hour)
	home.get("/plan")
	library.get("/plan")
	now = now.Add(23 * 24 * time.Hour)
	home.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free (new cookie)
	// GET /plan: 401
	// GET /plan: 401
}

// A session at a counter ends soon, however busy it is.
func ExampleFor() {
	db, done := exampleDB()
	defer done()

	now := time.Now()
	store := cache.NewMemoryWithClock(0, func() time.Time { return now }) // so that the example can wait
	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Store: store}))
	router := gin.New()
	router.Use(auth.Session())
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.POST("/login", powgin.Handle(func(c *Context) {
		if err := c.SignIn(userWith(1), powgin.For(10*time.Minute)); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))

	counter := visit(router)
	counter.post("/login", "")
	now = now.Add(9 * time.Minute)
	counter.get("/plan")
	now = now.Add(time.Minute)
	counter.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free
	// GET /plan: 401
}

// A session remembers how its user has proved who they are.
func ExampleMethod() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", powgin.Handle(func(c *Context) {
		methods := []string{"password"}
		if c.PostForm("code") != "" { // and check it here
			methods = append(methods, "totp")
		}
		if err := c.SignIn(userWith(1), powgin.Method(methods...)); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.GET("/vault", auth.RequireUser(), powgin.Handle(func(c *Context) {
		session, _ := c.Session()
		if !slices.Contains(session.Methods, "totp") {
			powgin.Abort(c.Context, powgin.ErrForbidden)
			return
		}
		c.String(http.StatusOK, "signed in by %s", strings.Join(session.Methods, " and "))
	}))

	browser := visit(router)
	browser.post("/login", "password=open+sesame")
	browser.get("/vault")
	browser.post("/login", "password=open+sesame&code=123456")
	browser.get("/vault")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /vault: 403
	// POST /login: 200 (new cookie)
	// GET /vault: 200 signed in by password and totp
}

// After a leak everyone has to sign in anew.
func ExampleAuth_RevokeAll() {
	db, done := exampleDB()
	defer done()

	now := time.Now()
	store := cache.NewMemoryWithClock(0, func() time.Time { return now }) // so that the example can wait
	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Store: store}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)

	early, late := visit(router), visit(router)
	early.post("/login", "")
	now = now.Add(time.Minute)
	closed := now // when the leak was closed
	now = now.Add(time.Minute)
	late.post("/login", "")
	fmt.Println("revoke:", auth.RevokeAll(context.Background(), closed))
	early.get("/plan")
	late.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /login: 200 (new cookie)
	// revoke: <nil>
	// GET /plan: 401
	// GET /plan: 200 free
}

// The routes behind a page where users see and end their own sessions.
func ExampleAuth_SessionsHandler() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	own := router.Group("/api/sessions") // they are their own guards
	own.GET("", auth.SessionsHandler())
	own.DELETE("/:id", auth.RevokeHandler("id"))
	own.DELETE("", auth.RevokeOthersHandler())

	phone, laptop := visit(router), visit(router)
	laptop.get("/api/sessions")
	phone.post("/login", "")
	laptop.post("/login", "")
	laptop.get("/api/sessions") // JSON
	laptop.do(http.MethodDelete, "/api/sessions/unknown", "")
	laptop.do(http.MethodDelete, "/api/sessions", "")
	phone.get("/plan")
	laptop.get("/plan")

	// Output:
	// GET /api/sessions: 401
	// POST /login: 200 (new cookie)
	// POST /login: 200 (new cookie)
	// GET /api/sessions: 200
	// DELETE /api/sessions/unknown: 404
	// DELETE /api/sessions: 204
	// GET /plan: 401
	// GET /plan: 200 free
}

// Moving from gin-contrib/sessions without logging anybody out.
func ExampleConfig_import() {
	db, done := exampleDB()
	defer done()

	library := sessions.Sessions("mysession", cookie.NewStore([]byte("secret")))
	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB: db,
		Import: func(c *gin.Context) (powgin.Imported, error) {
			old := sessions.Default(c)
			id, ok := old.Get("user_id").(uint)
			if !ok {
				return powgin.Imported{}, nil // nobody
			}
			return powgin.Imported{UserKey: fmt.Sprint(id), End: func() error {
				old.Clear()
				old.Options(sessions.Options{Path: "/", MaxAge: -1})
				return old.Save()
			}}, nil
		},
	}))
	router := gin.New()
	router.Use(library, auth.Session()) // the old library ahead, as long as there is something to import
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.POST("/logout", powgin.Handle(func(c *Context) {
		if err := c.SignOut(); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))

	before := gin.New() // the app as it was
	before.Use(library)
	before.POST("/login", func(c *gin.Context) {
		session := sessions.Default(c)
		session.Set("user_id", uint(1))
		if err := session.Save(); err != nil {
			c.Status(http.StatusInternalServerError)
		}
	})

	browser := visit(before)
	browser.post("/login", "")
	browser.site = router // and now it is deployed
	browser.get("/plan")
	browser.get("/plan")
	browser.post("/logout", "")
	browser.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free (cookie deleted) (new cookie)
	// GET /plan: 200 free
	// POST /logout: 200 (cookie deleted)
	// GET /plan: 401
}
