package powgin_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// A followed is an app whose writes are followed by db.Use(auth), over a store
// that can fail.
type followed struct {
	*app       // its db is followed
	opened     *opened
	store      *powgintest.FlakyStore
	told       *troubles
	alice, bob *browser

	mu     sync.Mutex
	events []string // guarded by mu
}

// opened is a database with alice and bob in it.
type opened struct {
	db     *gorm.DB    // to be followed
	conns  *faultyPool // below it
	beside *gorm.DB    // the same database, followed by nobody
}

// openFollowed opens a database of the test's own. It is done outside of bubbles:
// GORM's store of prepared statements has a goroutine that nothing ends.
func openFollowed(t testing.TB, config gorm.Config, models ...any) *opened {
	t.Helper()
	o := &opened{}
	file := filepath.Join(t.TempDir(), "app.db")
	o.beside, _ = dialFaulty(t, file, gorm.Config{})
	noError(t, o.beside.AutoMigrate(append(models, &User{})...))
	for _, name := range []string{"alice", "bob"} {
		noError(t, o.beside.Create(&User{Email: name + "@example.com", Name: name, Plan: "free", Role: "member"}).Error)
	}
	o.db, o.conns = dialFaulty(t, file, config)
	return o
}

// follow starts an app in which alice and bob are signed in and cached. change may
// alter its Config.
func follow(t testing.TB, o *opened, change func(*powgin.Config[User])) *followed {
	t.Helper()
	f := &followed{app: &app{TB: t, db: o.db}, opened: o, store: powgintest.NewFlakyStore(cache.NewMemory(0)), told: &troubles{}}
	f.config = powgin.Config[User]{
		DB: o.db, Store: f.store, MaxAge: powgin.NoMaxAge, Transport: powgin.Cookie{Insecure: true},
		OnError: f.told.on, OnEvent: f.onEvent,
	}
	if change != nil {
		change(&f.config)
	}
	f.auth = open(t, f.config)
	noError(t, f.db.Use(f.auth))
	f.mount()
	f.alice, f.bob = f.signIn(1), f.signIn(2)
	f.wantCached("at first", f.alice, f.bob)
	f.told.take()
	return f
}

// newFollowed is follow with a database as it comes.
func newFollowed(t testing.TB, change func(*powgin.Config[User])) *followed {
	t.Helper()
	return follow(t, openFollowed(t, gorm.Config{}), change)
}

// dialFaulty opens the database in a file, by a pool whose COMMITs can fail.
func dialFaulty(t testing.TB, file string, config gorm.Config) (*gorm.DB, *faultyPool) {
	t.Helper()
	dsn := "file:" + file + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
	config.Logger = logger.Discard
	first, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: dsn}, &gorm.Config{Logger: logger.Discard})
	noError(t, err)
	pool, err := first.DB()
	noError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	faulty := &faultyPool{DB: pool}
	db, err := gorm.Open(sqlite.Dialector{Conn: faulty}, &config)
	noError(t, err)
	return db, faulty
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *followed) onEvent(e powgin.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e.Name)
}

// emitted counts the events of a name.
func (f *followed) emitted(name string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e == name {
			n++
		}
	}
	return n
}

// look is one request, and whether the cache answered it.
func (f *followed) look(b *browser) (fromCache bool, plan string) {
	f.Helper()
	before := f.auth.Stats()
	plan = b.plan("/")
	after := f.auth.Stats()
	return after.Hits > before.Hits && after.Misses == before.Misses, plan
}

// row is the plan that the database has of a user.
func (f *followed) row(id uint) string {
	f.Helper()
	var u User
	noError(f, f.opened.beside.WithContext(context.Background()).First(&u, id).Error)
	return u.Plan
}

func (f *followed) id(b *browser) uint {
	if b == f.bob {
		return 2
	}
	return 1
}

// wantCached has these browsers make two requests, of which the cache answers the
// second, with the row.
func (f *followed) wantCached(when string, browsers ...*browser) {
	f.Helper()
	for _, b := range browsers {
		b.get("/").want(http.StatusOK)
		f.wantLook(when, b, true, f.row(f.id(b)))
	}
}

// wantLook fails the test where a browser's next request is not answered by the
// cache, or by the database, with this plan.
func (f *followed) wantLook(when string, b *browser, fromCache bool, plan string) {
	f.Helper()
	if hit, got := f.look(b); hit != fromCache || got != plan {
		f.Errorf("%s: user %d sees the plan %q, from the cache: %t; want %q, %t", when, f.id(b), got, hit, plan, fromCache)
	}
}

// wantRow fails the test where the database has another plan.
func (f *followed) wantRow(when string, id uint, plan string) {
	f.Helper()
	if got := f.row(id); got != plan {
		f.Errorf("%s: the row of user %d has the plan %q; want %q", when, id, got, plan)
	}
}

// setPlan is a write of alice's row, by its key.
func setPlan(db *gorm.DB, plan string) error {
	return db.Model(&User{}).Where("id = ?", 1).Update("plan", plan).Error
}

// manners are the ways to run a write of alice's row in a transaction.
var manners = []struct {
	name   string
	config gorm.Config
	write  func(db *gorm.DB, plan string) error
}{
	{name: "default transaction", write: setPlan},
	{name: "SkipDefaultTransaction", config: gorm.Config{SkipDefaultTransaction: true}, write: setPlan},
	{name: "PrepareStmt", config: gorm.Config{PrepareStmt: true}, write: setPlan},
	{name: "Transaction", write: func(db *gorm.DB, plan string) error {
		return db.Transaction(func(tx *gorm.DB) error { return setPlan(tx, plan) })
	}},
	{name: "manual Commit", write: func(db *gorm.DB, plan string) error {
		tx := db.Begin()
		if err := setPlan(tx, plan); err != nil {
			return errors.Join(err, tx.Rollback().Error)
		}
		return tx.Commit().Error
	}},
	{name: "raw Exec", write: func(db *gorm.DB, plan string) error {
		return db.Exec("UPDATE users SET plan = ? WHERE id = 1", plan).Error
	}},
	{name: "raw Exec without a transaction", config: gorm.Config{SkipDefaultTransaction: true}, write: func(db *gorm.DB, plan string) error {
		return db.Exec("UPDATE users SET plan = ? WHERE id = 1", plan).Error
	}},
}
