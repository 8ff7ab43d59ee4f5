package powgin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// Reload has a group of routes see the user as they are in the database.
func ExampleAuth_Reload() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	pro := router.Group("/pro", auth.Reload(), auth.RequireUser())
	pro.GET("/plan", showPlan)

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/plan")
	db.Exec("UPDATE users SET plan = 'pro' WHERE id = 1") // nobody tells powgin
	browser.get("/pro/plan")
	browser.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free
	// GET /pro/plan: 200 pro
	// GET /plan: 200 free
}

// Refresh reads the database as Reload does, and what it read is what the
// other routes see from then on.
func ExampleAuth_Refresh() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.GET("/paid", auth.Refresh(), auth.RequireUser(), showPlan) // where the payment page returns to

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/plan")
	db.Exec("UPDATE users SET plan = 'pro' WHERE id = 1")
	browser.get("/plan")
	browser.get("/paid")
	browser.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free
	// GET /plan: 200 free
	// GET /paid: 200 pro
	// GET /plan: 200 pro
}

// Require judges the user; behind Reload, as they are in the database.
func ExampleAuth_Require() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	isPro := func(user User) bool { return user.Plan == "pro" }
	pro := router.Group("/pro", auth.Reload(), auth.Require(isPro))
	pro.GET("", func(c *gin.Context) { c.String(http.StatusOK, "welcome") })

	browser := visit(router)
	browser.get("/pro")
	browser.post("/login", "")
	browser.get("/pro")
	db.Exec("UPDATE users SET plan = 'pro' WHERE id = 1")
	browser.get("/pro")

	// Output:
	// GET /pro: 401
	// POST /login: 200 (new cookie)
	// GET /pro: 403
	// GET /pro: 200 welcome
}

// A change of the user's own: write the column, then SyncUser.
func ExampleContext_SyncUser() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.POST("/plan", auth.RequireUser(), powgin.Handle(func(c *Context) {
		user := c.MustUser()
		err := db.WithContext(c.Request.Context()).Model(&user).Update("plan", c.PostForm("plan")).Error
		if err == nil {
			err = c.SyncUser(user) // cache entry and token are new from here on
		}
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.Redirect(http.StatusSeeOther, "/plan")
	}))

	here, there := visit(router), visit(router)
	here.post("/login", "")
	there.post("/login", "")
	here.post("/plan", "plan=pro")
	here.get("/plan")
	there.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /login: 200 (new cookie)
	// POST /plan: 303 to /plan (new cookie)
	// GET /plan: 200 pro
	// GET /plan: 200 pro
}

// SyncUser comes after the COMMIT: inside the transaction it would read the
// old row.
func ExampleContext_SyncUser_transaction() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.POST("/spend", auth.RequireUser(), powgin.Handle(func(c *Context) {
		user := c.MustUser()
		err := db.WithContext(c.Request.Context()).Transaction(func(tx *gorm.DB) error {
			return tx.Model(&user).Update("credits", gorm.Expr("credits - ?", 1)).Error
		})
		if err == nil {
			err = c.SyncUser(user, powgin.KeepSession())
		}
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.String(http.StatusOK, "%d credits", c.MustUser().Credits) // as in the row
	}))

	browser := visit(router)
	browser.post("/login", "")
	browser.post("/spend", "")
	browser.post("/spend", "")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /spend: 200 -1 credits
	// POST /spend: 200 -2 credits
}

// The same in handlers that take a *gin.Context.
func ExampleSyncUser() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", func(c *gin.Context) {
		if err := powgin.SignIn(c, userWith(1)); err != nil {
			powgin.Abort(c, err)
		}
	})
	router.POST("/plan", auth.RequireUser(), func(c *gin.Context) {
		user, _ := powgin.CurrentUser[User](c)
		err := db.WithContext(c.Request.Context()).Model(&user).Update("plan", c.PostForm("plan")).Error
		if err == nil {
			err = powgin.SyncUser(c, user)
		}
		if err != nil {
			powgin.Abort(c, err)
			return
		}
		user, _ = powgin.CurrentUser[User](c)
		c.String(http.StatusOK, user.Plan)
	})

	browser := visit(router)
	browser.post("/login", "")
	browser.post("/plan", "plan=pro")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /plan: 200 pro (new cookie)
}

// greet is a service: it has the request's context, and knows nothing of Gin.
func greet(ctx context.Context) string {
	user, ok := powgin.CurrentUser[User](ctx)
	if !ok {
		return "hello, stranger"
	}
	return "hello, " + user.Email
}

// A service that gets only a context finds the user in it.
func ExampleCurrentUser() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/", func(c *gin.Context) { c.String(http.StatusOK, greet(c.Request.Context())) })

	browser := visit(router)
	browser.get("/")
	browser.post("/login", "")
	browser.get("/")

	// Output:
	// GET /: 200 hello, stranger
	// POST /login: 200 (new cookie)
	// GET /: 200 hello, alice@example.com
}

// AssignUser changes what the rest of this request sees, and nothing else.
func ExampleContext_AssignUser() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	preview := powgin.Handle(func(c *Context) {
		user := c.MustUser()
		user.Plan = "pro"
		c.AssignUser(user)
	})
	router.GET("/preview", auth.RequireUser(), preview, showPlan)
	router.GET("/plan", auth.RequireUser(), showPlan)

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/preview")
	browser.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /preview: 200 pro
	// GET /plan: 200 free
}

// Abort answers an error as powgin's own middleware would.
func ExampleAbort() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.GET("/sessions", powgin.Handle(func(c *Context) {
		sessions, err := c.Sessions()
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.JSON(http.StatusOK, sessions)
	}))
	visit(router).get("/sessions")

	fmt.Println(powgin.AbortStatus(powgin.ErrUnavailable), powgin.AbortStatus(powgin.ErrForbidden), powgin.AbortStatus(errors.New("other")))

	// Output:
	// GET /sessions: 401
	// 503 403 500
}
