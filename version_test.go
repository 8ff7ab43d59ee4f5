package powgin_test

import (
	"database/sql"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// Versions of a row, as models have them.
type (
	revised struct {
		ID      uint
		Plan    string
		Version int64
	}
	counting struct {
		ID      uint
		Plan    string
		Version *int64
	}
	stamped struct {
		ID        uint
		Plan      string
		UpdatedAt time.Time
	}
	stampedMaybe struct {
		ID      uint
		Plan    string
		Changed sql.NullTime
	}
)

func (u revised) plan() string      { return u.Plan }
func (u counting) plan() string     { return u.Plan }
func (u stamped) plan() string      { return u.Plan }
func (u stampedMaybe) plan() string { return u.Plan }

// A versionedApp counts what it reads of its users.
type versionedApp[U interface{ plan() string }] struct {
	t           testing.TB
	db          *gorm.DB
	browser     *powgintest.Browser
	pass        func(time.Duration)
	rows, looks atomic.Int64
}

func newVersionedApp[U interface{ plan() string }](t *testing.T, first U, column string, wrap func(cache.Store) cache.Store) *versionedApp[U] {
	t.Helper()
	a := &versionedApp[U]{t: t, db: openDB(t)}
	noError(t, a.db.Migrator().DropTable(new(U)))
	noError(t, a.db.AutoMigrate(new(U)))
	noError(t, a.db.Create(&first).Error)
	var passed atomic.Int64
	start := time.Now()
	a.pass = func(d time.Duration) { passed.Add(int64(d)) }
	store := cache.NewMemoryWithClock(0, func() time.Time { return start.Add(time.Duration(passed.Load())) })
	noError(t, a.db.Callback().Query().After("gorm:query").Register("counts", func(tx *gorm.DB) {
		if strings.Contains(tx.Statement.SQL.String(), "plan") {
			a.rows.Add(1)
		} else {
			a.looks.Add(1)
		}
	}))
	auth := powgin.Must(powgin.New(powgin.Config[U]{DB: a.db, Store: wrap(store), VersionColumn: column}))
	t.Cleanup(func() { _ = auth.Close() })
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/signin", powgin.Handle(func(c *powgin.Context[U]) {
		if err := c.SignIn(first); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.GET("/plan", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[U]) { c.String(200, "%s", c.MustUser().plan()) }))
	router.GET("/recent", auth.MaxAge(time.Second), auth.RequireUser(), powgin.Handle(func(c *powgin.Context[U]) { c.String(200, "%s", c.MustUser().plan()) }))
	a.browser = powgintest.NewBrowser(t, router)
	a.browser.PostForm("/signin")
	a.browser.Get("/plan")
	a.rows.Store(0)
	a.looks.Store(0)
	return a
}

func (a *versionedApp[U]) want(when, path, plan string, looks, rows int64) {
	a.t.Helper()
	if got := a.browser.Get(path).Body; got != plan {
		a.t.Errorf("%s: GET %s shows %q; want %q", when, path, got, plan)
	}
	if l, r := a.looks.Swap(0), a.rows.Swap(0); l != looks || r != rows {
		a.t.Errorf("%s: %d looks at the version and %d reads of the row; want %d and %d", when, l, r, looks, rows)
	}
}

// An old copy costs one short SELECT, and a read only where the row has changed.
func testVersions[U interface{ plan() string }](t *testing.T, first U, column, change string) {
	t.Helper()
	for name, wrap := range map[string]func(cache.Store) cache.Store{
		"in the process": func(s cache.Store) cache.Store { return s },
		"as bytes":       func(s cache.Store) cache.Store { return powgintest.NewFlakyStore(s) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newVersionedApp(t, first, column, wrap)
			a.want("at first", "/plan", "free", 0, 0)
			a.pass(time.Minute + time.Second)
			a.want("after MaxAge", "/plan", "free", 1, 0)
			a.want("at once", "/plan", "free", 0, 0)
			a.pass(2 * time.Second)
			a.want("on a route that wants it younger", "/recent", "free", 1, 0)
			noError(t, a.db.Exec(change).Error)
			a.want("before MaxAge", "/plan", "free", 0, 0)
			a.pass(time.Minute + time.Second)
			a.want("after a change", "/plan", "pro", 1, 1)
			a.want("at once", "/plan", "pro", 0, 0)
		})
	}
}

func TestVersionColumn(t *testing.T) {
	t.Parallel()
	one, noon := int64(1), time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	t.Run("a number", func(t *testing.T) {
		t.Parallel()
		testVersions(t, revised{1, "free", 1}, "version", "UPDATE reviseds SET plan = 'pro', version = version + 1")
	})
	t.Run("a number that may be absent", func(t *testing.T) {
		t.Parallel()
		testVersions(t, counting{1, "free", &one}, "version", "UPDATE countings SET plan = 'pro', version = version + 1")
	})
	t.Run("a time", func(t *testing.T) {
		t.Parallel()
		testVersions(t, stamped{1, "free", noon}, "updated_at", "UPDATE stampeds SET plan = 'pro', updated_at = '2026-01-02 12:00:00.001+00:00'")
	})
	t.Run("a time that may be absent", func(t *testing.T) {
		t.Parallel()
		testVersions(t, stampedMaybe{1, "free", sql.NullTime{Time: noon, Valid: true}}, "changed", "UPDATE stamped_maybes SET plan = 'pro', changed = '2026-01-02 12:00:00.001+00:00'")
	})
}

// A row without a version is read: nothing tells that it is the same.
func TestVersionColumnWithoutAVersion(t *testing.T) {
	t.Parallel()
	a := newVersionedApp(t, counting{ID: 1, Plan: "free"}, "version", func(s cache.Store) cache.Store { return s })
	a.pass(time.Minute + time.Second)
	a.want("with NULL", "/plan", "free", 1, 1)
}

func TestVersionColumnThatIsNone(t *testing.T) {
	t.Parallel()
	for column, rule := range map[string]string{
		"revision":      "is no column of users",
		"id":            "is part of the primary key",
		"password_hash": "is not read",
	} {
		_, err := powgin.New(powgin.Config[User]{DB: openDB(t), VersionColumn: column})
		if err == nil || !strings.Contains(err.Error(), "Config.VersionColumn") || !strings.Contains(err.Error(), rule) {
			t.Errorf("New with the VersionColumn %s = %v; want an error with %q", column, err, rule)
		}
	}
	if _, err := powgin.New(powgin.Config[User]{Users: &people{}, VersionColumn: "version"}); err == nil {
		t.Error("New with Users and a VersionColumn = nil; want an error")
	}
}

// While a feed is heard old copies are served without a look at the database.
func TestFeedAlive(t *testing.T) {
	t.Parallel()
	var alive atomic.Bool
	alive.Store(true)
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, func(cfg *powgin.Config[User]) { cfg.FeedAlive = alive.Load })
		alice := a.signIn(1)
		alice.wantPlan("/me", "free", "at first")
		p.setPlan("1", "pro")
		time.Sleep(2 * time.Minute)
		alice.wantPlan("/me", "free", "while the feed says that nothing has changed")
		alice.wantPlan("/maxage", "pro", "on a route with a MaxAge of its own")
		p.setPlan("1", "team")
		time.Sleep(2 * time.Minute)
		alive.Store(false)
		alice.wantPlan("/me", "team", "once the feed is heard no more")
	})
}
