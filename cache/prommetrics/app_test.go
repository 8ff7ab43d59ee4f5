package prommetrics_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/prommetrics"
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

// newApp returns an app that shows its metrics.
func newApp(t *testing.T) (*powgin.Auth[user], *gin.Engine) {
	t.Helper()
	auth := powgin.Must(powgin.New(powgin.Config[user]{DB: openDB(t)}))
	t.Cleanup(func() { _ = auth.Close() })
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(prommetrics.New(auth))

	router := gin.New()
	router.GET("/metrics", gin.WrapH(promhttp.HandlerFor(registry, promhttp.HandlerOpts{})))
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

// wantMetrics fails the test where a scrape of the app lacks one of these lines.
func wantMetrics(t *testing.T, visitor *powgintest.Browser, when string, lines ...string) {
	t.Helper()
	body := visitor.Get("/metrics").Body
	for _, line := range lines {
		if !strings.Contains(body, "\n"+line+"\n") {
			t.Errorf("%s: GET /metrics lacks %q in\n%s", when, line, body)
		}
	}
}

func TestRequestsShowInTheMetrics(t *testing.T) {
	t.Parallel()
	auth, router := newApp(t)
	browser := powgintest.NewBrowser(t, router)
	wantMetrics(t, browser, "before any request", `powgin_hits_total{auth="default"} 0`, `powgin_user_age_seconds_count{auth="default"} 0`)

	browser.PostForm("/login")
	browser.Get("/me") // reads the user
	browser.Get("/me")
	browser.Get("/me")
	browser.Get("/pay") // sees the copy first
	browser.PostForm("/sync")
	wantMetrics(t, browser, "a visit",
		`powgin_hits_total{auth="default"} 4`, `powgin_misses_total{auth="default"} 1`,
		`powgin_reloads_total{auth="default"} 1`, `powgin_syncs_total{auth="default"} 1`,
		`powgin_user_age_seconds_bucket{auth="default",le="+Inf"} 6`, `powgin_user_age_seconds_count{auth="default"} 6`,
		`powgin_writers{auth="default"} 0`)

	if err := auth.Write(t.Context(), []string{"1"}, func(context.Context) error {
		wantMetrics(t, browser, "during a write", `powgin_writers{auth="default"} 1`)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	wantMetrics(t, browser, "after it", `powgin_writers{auth="default"} 0`)
}
