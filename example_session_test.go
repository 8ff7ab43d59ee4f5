package powgin_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A change from outside the user's own requests: an admin, a job, a webhook.
func ExampleAuth_Sync() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	upgrade := func(ctx context.Context, user User) error {
		if err := db.WithContext(ctx).Model(&user).Update("plan", "pro").Error; err != nil {
			return err
		}
		return auth.Sync(ctx, user, powgin.Regenerate())
	}

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/plan")
	fmt.Println("upgrade:", upgrade(context.Background(), userWith(1)))
	browser.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free
	// upgrade: <nil>
	// GET /plan: 200 pro (new cookie)
}

// Against somebody who may have a token, sessions end at once.
func ExampleRevokeSessions() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB:     db,
		Active: func(user User) bool { return !user.Locked },
	}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	lock := func(ctx context.Context, user User) error {
		if err := db.WithContext(ctx).Model(&user).Update("locked", true).Error; err != nil {
			return err
		}
		return auth.Sync(ctx, user, powgin.RevokeSessions())
	}

	browser := visit(router)
	browser.post("/login", "")
	fmt.Println("lock:", lock(context.Background(), userWith(1)))
	browser.get("/plan")
	browser.post("/login", "")

	// Output:
	// POST /login: 200 (new cookie)
	// lock: <nil>
	// GET /plan: 401
	// POST /login: 403
}

// Users may see where they are signed in.
func ExampleContext_Sessions() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/sessions", auth.RequireUser(), powgin.Handle(func(c *Context) {
		sessions, err := c.Sessions()
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		text := fmt.Sprintf("%d sessions", len(sessions))
		for i, s := range sessions {
			text += fmt.Sprintf(", %d current: %v", i+1, s.Current)
		}
		c.String(http.StatusOK, text)
	}))

	phone, laptop := visit(router), visit(router)
	phone.post("/login", "")
	laptop.post("/login", "")
	laptop.get("/sessions")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /login: 200 (new cookie)
	// GET /sessions: 200 2 sessions, 1 current: false, 2 current: true
}

// A session's ID is no credential: it may stand in a page and in its forms.
func ExampleContext_Revoke() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.POST("/sessions/revoke", auth.RequireUser(), powgin.Handle(func(c *Context) {
		if err := c.Revoke(c.PostForm("id")); err != nil {
			powgin.Abort(c.Context, err) // 404 for an id that is none of this user's
		}
	}))

	phone, laptop := visit(router), visit(router)
	phone.post("/login", "")
	laptop.post("/login", "")
	sessions, err := auth.Sessions(context.Background(), auth.Key(userWith(1)))
	if err != nil {
		fmt.Println(err)
		return
	}
	laptop.post("/sessions/revoke", "id="+sessions[0].ID) // the phone's is the older one
	laptop.post("/sessions/revoke", "id=unknown")
	phone.get("/plan")
	laptop.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /login: 200 (new cookie)
	// POST /sessions/revoke: 200
	// POST /sessions/revoke: 404
	// GET /plan: 401
	// GET /plan: 200 free
}

// Signing out everywhere.
func ExampleAuth_RevokeUser() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.POST("/logout-all", auth.RequireUser(), powgin.Handle(func(c *Context) {
		err := auth.RevokeUser(c.Request.Context(), auth.Key(c.MustUser()))
		if err == nil {
			err = c.SignOut() // has this browser forget its cookie
		}
		if err != nil {
			powgin.Abort(c.Context, err)
		}
	}))

	phone, laptop := visit(router), visit(router)
	phone.post("/login", "")
	laptop.post("/login", "")
	laptop.post("/logout-all", "")
	phone.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /login: 200 (new cookie)
	// POST /logout-all: 200 (cookie deleted)
	// GET /plan: 401
}

// With a new password every other token dies, on this browser and elsewhere.
func ExampleGrace() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.POST("/password", auth.RequireUser(), powgin.Handle(func(c *Context) {
		// Check the old password and write the new one here.
		if err := c.SyncUser(c.MustUser(), powgin.Grace(0), powgin.EndOthers()); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))

	browser, thief, phone := visit(router), visit(router), visit(router)
	browser.post("/login", "")
	phone.post("/login", "")
	maps.Copy(thief.cookies, browser.cookies)
	browser.post("/password", "")
	thief.get("/plan")
	phone.get("/plan")
	browser.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /login: 200 (new cookie)
	// POST /password: 200 (new cookie)
	// GET /plan: 401
	// GET /plan: 401
	// GET /plan: 200 free
}

// A change that gives no rights need not change the token.
func ExampleKeepSession() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.POST("/name", auth.RequireUser(), powgin.Handle(func(c *Context) {
		user := c.MustUser()
		err := db.WithContext(c.Request.Context()).Model(&user).Update("name", c.PostForm("name")).Error
		if err == nil {
			err = c.SyncUser(user, powgin.KeepSession())
		}
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.String(http.StatusOK, c.MustUser().Name)
	}))

	browser := visit(router)
	browser.post("/login", "")
	browser.post("/name", "name=Alice")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /name: 200 Alice
}

// One session at a time: signing in ends the user's other sessions.
func ExampleEndOthers() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", powgin.Handle(func(c *Context) {
		if err := c.SignIn(userWith(1), powgin.EndOthers()); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.GET("/plan", auth.RequireUser(), showPlan)

	phone, laptop := visit(router), visit(router)
	phone.post("/login", "")
	laptop.post("/login", "")
	phone.get("/plan")
	laptop.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// POST /login: 200 (new cookie)
	// GET /plan: 401
	// GET /plan: 200 free
}

// directory keeps users where GORM does not read them: a service, sqlc, a file.
type directory map[string]User

// Key and Find make it a powgin.Users[User].
func (d directory) Key(user User) string { return user.Email }

func (d directory) Find(_ context.Context, key string) (User, bool, error) {
	user, ok := d[key]
	return user, ok, nil // an error would mean: could not tell
}

// Users come from anywhere.
func ExampleUsers() {
	users := directory{"alice@example.com": {Email: "alice@example.com", Plan: "team"}}

	auth := powgin.Must(powgin.New(powgin.Config[User]{Users: users}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", powgin.Handle(func(c *Context) {
		if err := c.SignIn(User{Email: c.PostForm("email")}); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.GET("/plan", auth.RequireUser(), showPlan)

	browser := visit(router)
	browser.post("/login", "email=alice@example.com")
	browser.get("/plan")
	browser.post("/login", "email=eve@example.com")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 200 team
	// POST /login: 403
}

// What a ?next= parameter has to pass before a redirect follows it.
func ExampleLocalPath() {
	for _, next := range []string{"/plan?tab=2", "https://evil.example/", "//evil.example", `/\evil.example`, ""} {
		if path, ok := powgin.LocalPath(next); ok {
			fmt.Println("to", path)
		} else {
			fmt.Println("to /home, not to", strconv.Quote(next))
		}
	}

	// Output:
	// to /plan?tab=2
	// to /home, not to "https://evil.example/"
	// to /home, not to "//evil.example"
	// to /home, not to "/\\evil.example"
	// to /home, not to ""
}

// The key of a user whose primary key has several columns.
func ExampleJoinKey() {
	fmt.Println(powgin.JoinKey("acme", "42"))
	fmt.Println(powgin.JoinKey("a,b", "c") == powgin.JoinKey("a", "b,c"))

	// Output:
	// acme,42
	// false
}
