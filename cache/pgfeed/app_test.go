package pgfeed_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// The models of the tests' users.
type (
	user struct {
		ID   int
		Plan string
		Seen int `powgin:"-"`
	}
	named struct {
		Name string `gorm:"primaryKey"`
		Plan string
	}
	member struct {
		Org  string `gorm:"primaryKey"`
		Name string `gorm:"primaryKey"`
		Plan string
	}
)

func (u user) plan() string   { return u.Plan }
func (u named) plan() string  { return u.Plan }
func (u member) plan() string { return u.Plan }

// An app serves users of a model from powgin's cache.
type app[U interface{ plan() string }] struct {
	*database
	auth   *powgin.Auth[U]
	router *gin.Engine
}

// newApp returns an app whose table has these rows.
func newApp[U interface{ plan() string }](t testing.TB, rows ...U) *app[U] {
	t.Helper()
	a := &app[U]{database: newDatabase(t), router: gin.New()}
	db, err := gorm.Open(postgres.Open(a.dsn), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	must(t, db.AutoMigrate(new(U)))
	must(t, db.Create(rows).Error)
	a.auth, err = powgin.New(powgin.Config[U]{DB: db, MaxAge: time.Hour})
	must(t, err)
	t.Cleanup(func() { _ = a.auth.Close() })
	a.router.Use(a.auth.Session())
	a.router.POST("/signin", powgin.Handle(func(c *powgin.Context[U]) {
		n, _ := strconv.Atoi(c.PostForm("row"))
		if err := c.SignIn(rows[n]); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	a.router.GET("/plan", powgin.Handle(func(c *powgin.Context[U]) {
		u, ok := c.User()
		if !ok {
			c.String(http.StatusUnauthorized, "nobody")
			return
		}
		c.String(http.StatusOK, "%s", u.plan())
	}))
	return a
}

// A visitor is a browser that is signed in.
type visitor struct{ *powgintest.Browser }

// visitors signs in everybody whose rows the app has, and has them cached.
func (a *app[U]) visitors(n int) []visitor {
	a.Helper()
	all := make([]visitor, n)
	for i := range all {
		all[i] = visitor{powgintest.NewBrowser(a.TB, a.router)}
		if r := all[i].PostForm("/signin", "row", strconv.Itoa(i)); r.Status != http.StatusOK {
			a.Fatalf("POST /signin = %d; want 200", r.Status)
		}
		all[i].plan()
		before := a.auth.Stats().Misses
		all[i].plan()
		if a.auth.Stats().Misses != before {
			a.Fatal("the user is not cached, so nothing would be shown")
		}
	}
	return all
}

// plan is the visitor's plan as the next request sees it.
func (v visitor) plan() string { return v.Get("/plan").Body }

// wantSoon waits until the visitor's page shows a plan, and returns how long
// that took.
func (v visitor) wantSoon(t testing.TB, plan string) time.Duration {
	t.Helper()
	start := time.Now()
	eventually(t, "/plan shows "+plan, func() bool { return v.plan() == plan })
	return time.Since(start)
}

// fivePeople are users 1 to 5.
func fivePeople() (rows []user) {
	for id := range 5 {
		rows = append(rows, user{ID: id + 1, Plan: "free"})
	}
	return rows
}
