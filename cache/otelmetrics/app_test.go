package otelmetrics_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/gin-gonic/gin"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/otelmetrics"
	"github.com/powgin/powgin/powgintest"
)

type user struct {
	ID   uint
	Plan string
}

func openDB(t *testing.T) *gorm.DB {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "app.db") + "?_pragma=busy_timeout(5000)"
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: dsn}, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	if err := db.AutoMigrate(&user{}); err != nil {
		t.Fatal(err)
	}
	if err := db.Create(&user{ID: 1, Plan: "free"}).Error; err != nil {
		t.Fatal(err)
	}
	return db
}

// newApp returns an app of one user.
func newApp(t *testing.T) (*powgin.Auth[user], *gin.Engine) {
	t.Helper()
	auth := powgin.Must(powgin.New(powgin.Config[user]{DB: openDB(t)}))
	t.Cleanup(func() { _ = auth.Close() })
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", powgin.Handle(func(c *powgin.Context[user]) {
		if err := c.SignIn(user{ID: 1}); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.POST("/sync", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[user]) {
		if err := c.SyncUser(c.MustUser()); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	for path, fresh := range map[string]gin.HandlerFunc{"/me": func(*gin.Context) {}, "/pay": auth.Reload()} {
		router.GET(path, fresh, auth.RequireUser(), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	}
	return auth, router
}

func TestRequestsShowInACollection(t *testing.T) {
	t.Parallel()
	auth, router := newApp(t)
	k := setup(t, sdk.WithProducer(otelmetrics.Ages(auth)))
	k.register(auth)
	want := func(when string, served uint64, moved map[string]int64) {
		t.Helper()
		sums := map[string]int64{}
		for name := range all {
			sums[name] = moved[name]
		}
		k.want(when, k.sums("default"), sums)
		if p := k.point(); p.Count != served || len(p.Bounds) != 8 {
			t.Errorf("%s: the ages of %d users have the bounds %v; want %d users", when, p.Count, p.Bounds, served)
		}
	}
	want("before any request", 0, nil)

	browser := powgintest.NewBrowser(t, router)
	browser.PostForm("/login")
	browser.Get("/me") // reads the user
	browser.Get("/me")
	browser.Get("/pay") // sees the copy first
	browser.PostForm("/sync")
	visit := map[string]int64{"powgin.hits": 3, "powgin.misses": 1, "powgin.reloads": 1, "powgin.syncs": 1}
	want("a visit", 5, visit)

	if err := auth.Write(t.Context(), []string{"1"}, func(context.Context) error {
		visit["powgin.writers"] = 1
		want("during a write", 5, visit)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	visit["powgin.writers"] = 0
	want("after it", 5, visit)
}
