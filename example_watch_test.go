package powgin_test

import (
	"log/slog"
	"os"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// plainLogger returns a logger to standard output that leaves out what differs at
// every run.
func plainLogger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "session" {
				return slog.Attr{}
			}
			return a
		},
	}))
}

// LogEvents writes an audit log. At level Info renewals are left out.
func ExampleLogEvents() {
	db, done := exampleDB()
	defer done()

	logger := plainLogger()
	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB:      db,
		OnEvent: powgin.LogEvents(logger),
	}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/plan")
	logger.Info("so far", "powgin", auth.Stats())

	// Output:
	// level=INFO msg="powgin: signed_in" event=signed_in user_key=1
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free
	// level=INFO msg="so far" powgin.hits=0 powgin.misses=1 powgin.reloads=0 powgin.shared_loads=0 powgin.stale=0 powgin.syncs=0 powgin.renewals=0 powgin.grace_uses=0 powgin.reuse_alarms=0 powgin.errors=0 powgin.audits=0 powgin.differences=0 powgin.writers=0 powgin.checks=0 powgin.watches=0 powgin.age_p50_seconds=0.1 powgin.age_p99_seconds=0.1
}
