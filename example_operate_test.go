package powgin_test

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// pulled takes the plug out of a database's reads, and puts it back.
func pulled(db *gorm.DB) (plug *atomic.Bool) {
	plug = new(atomic.Bool)
	_ = db.Callback().Query().Before("gorm:query").Register("plug", func(tx *gorm.DB) {
		if plug.Load() {
			_ = tx.AddError(errors.New("the database is down"))
		}
	})
	return plug
}

// With the database down, public pages are shown as to a stranger, and all
// other routes answer 503: nobody is taken for signed out.
func ExampleConfig_whenDown() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB: db,
		WhenDownFor: func(c *gin.Context) powgin.DownPolicy {
			if strings.HasPrefix(c.FullPath(), "/news") {
				return powgin.Anonymous
			}
			return powgin.Unavailable
		},
	}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.GET("/news/:page", powgin.Handle(func(c *Context) {
		user, ok := c.User()
		switch {
		case ok:
			c.String(http.StatusOK, "hello, %s", user.Email)
		case powgin.Unknown(c):
			c.String(http.StatusOK, "we cannot look up accounts right now")
		default:
			c.String(http.StatusOK, "sign in or sign up")
		}
	}))

	browser := visit(router)
	browser.get("/news/1")
	browser.post("/login", "")
	plug := pulled(db)
	plug.Store(true)
	browser.get("/news/1")
	browser.get("/plan")
	plug.Store(false)
	browser.get("/news/1") // the session was never lost

	// Output:
	// GET /news/1: 200 sign in or sign up
	// POST /login: 200 (new cookie)
	// GET /news/1: 200 we cannot look up accounts right now
	// GET /plan: 503
	// GET /news/1: 200 hello, alice@example.com
}

// OnEvent writes an audit log: who, which session, what. Nothing in an Event is
// a credential.
func ExampleConfig_onEvent() {
	db, done := exampleDB()
	defer done()

	plain := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "session" { // which differ at every run
			return slog.Attr{}
		}
		return a
	}
	audit := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: plain}))
	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB: db,
		OnEvent: func(e powgin.Event) {
			level := slog.LevelInfo
			switch e.Name {
			case "reuse", "key_mismatch", "duplicate_cookie":
				level = slog.LevelWarn // somebody should look at these
			}
			audit.Log(context.Background(), level, e.Name, "user", e.UserKey, "session", e.Session)
		},
	}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.POST("/logout", powgin.Handle(func(c *Context) {
		if err := c.SignOut(); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))

	browser := visit(router)
	browser.post("/login", "")
	browser.post("/logout", "")

	// Output:
	// level=INFO msg=signed_in user=1
	// POST /login: 200 (new cookie)
	// level=INFO msg=signed_out user=1
	// POST /logout: 200 (cookie deleted)
}

// Stats published with expvar, which serves them at /debug/vars. Keep that
// route away from the public.
func ExampleAuth_Stats() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	expvar.Publish("powgin", expvar.Func(func() any { return auth.Stats() }))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	router.GET("/paid", auth.Refresh(), auth.RequireUser(), showPlan)

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/plan")
	browser.get("/plan")
	browser.get("/paid")

	var stats powgin.Stats // as a monitor would read them
	if err := json.Unmarshal([]byte(expvar.Get("powgin").String()), &stats); err != nil {
		panic(err)
	}
	fmt.Println("hits:", stats.Hits, "misses:", stats.Misses, "reloads:", stats.Reloads)

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free
	// GET /plan: 200 free
	// GET /paid: 200 free
	// hits: 2 misses: 1 reloads: 1
}

// ExplainHandler answers "why does this page still show my old plan?". It lets
// nobody in but those whom its function allows.
func ExampleAuth_ExplainHandler() {
	db, done := exampleDB()
	defer done()
	db.Exec("UPDATE users SET role = 'admin' WHERE id = 1")

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.POST("/login/bob", powgin.Handle(func(c *Context) {
		if err := c.SignIn(userWith(2)); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	isAdmin := func(user User) bool { return user.Role == "admin" }
	router.GET("/admin/session", auth.ExplainHandler(isAdmin)) // /admin/session?user=2 tells of bob

	alice, bob, stranger := visit(router), visit(router), visit(router)
	alice.post("/login", "")
	bob.post("/login/bob", "")
	alice.get("/admin/session")
	alice.get("/admin/session?user=2")
	bob.get("/admin/session")
	stranger.get("/admin/session?user=2")

	x, err := auth.ExplainUser(context.Background(), "2")
	fmt.Println("bob's sessions:", len(x.Sessions), err)

	// Output:
	// POST /login: 200 (new cookie)
	// POST /login/bob: 200 (new cookie)
	// GET /admin/session: 200
	// GET /admin/session?user=2: 200
	// GET /admin/session: 403
	// GET /admin/session?user=2: 401
	// bob's sessions: 1 <nil>
}

// Explain in a handler of one's own: what a support ticket needs, in a few
// sentences.
func ExampleAuth_Explain() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/why", auth.Reload(), auth.RequireUser(), func(c *gin.Context) {
		x, err := auth.Explain(c)
		if err != nil {
			powgin.Abort(c, err)
			return
		}
		c.String(http.StatusOK, "%s user %s, by a %s token", x.Source, x.UserKey, x.Token)
	})

	browser := visit(router)
	browser.get("/why")
	browser.post("/login", "")
	browser.get("/why")

	// Output:
	// GET /why: 401
	// POST /login: 200 (new cookie)
	// GET /why: 200 database user 1, by a current token
}

// Age tells how old the user is whom a page shows.
func ExampleAge() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/balance", powgin.Handle(func(c *Context) {
		age, ok := powgin.Age(c)
		if !ok {
			c.String(http.StatusOK, "nobody")
			return
		}
		c.String(http.StatusOK, "%d credits, as of %v ago", c.MustUser().Credits, age.Round(time.Minute))
	}))

	browser := visit(router)
	browser.get("/balance")
	browser.post("/login", "")
	browser.get("/balance")

	// Output:
	// GET /balance: 200 nobody
	// POST /login: 200 (new cookie)
	// GET /balance: 200 0 credits, as of 0s ago
}
