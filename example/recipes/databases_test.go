package recipes

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite" // the driver "sqlite", in pure Go

	"github.com/powgin/powgin/cache"
)

// databases open one of the test's own, any number of times.
var databases = map[string]func(t testing.TB) gorm.Dialector{
	"sqlite":   ownSQLite,
	"postgres": ownPostgres,
}

// onEach runs a test on each database.
func onEach(t *testing.T, test func(t *testing.T, d gorm.Dialector)) {
	t.Helper()
	for name, own := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, own(t))
		})
	}
}

func ownSQLite(t testing.TB) gorm.Dialector {
	t.Helper()
	return sqlite.Dialector{DriverName: "sqlite", DSN: "file:" + filepath.Join(t.TempDir(), "app.db") +
		"?_pragma=busy_timeout(2000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"}
}

// ownPostgres is a schema.
func ownPostgres(t testing.TB) gorm.Dialector {
	t.Helper()
	address := os.Getenv("POWGIN_TEST_POSTGRES")
	if address == "" {
		address = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	admin := dial(t, postgres.Open(address))
	schema := "recipes_" + strings.ToLower(rand.Text())
	must(t, admin.Exec("CREATE SCHEMA "+schema).Error)
	t.Cleanup(func() {
		if err := admin.Exec("DROP SCHEMA " + schema + " CASCADE").Error; err != nil {
			t.Errorf("dropping the test's schema: %v", err)
		}
	})
	u, err := url.Parse(address)
	must(t, err)
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return postgres.Open(u.String())
}

// dial opens a database as a process of its own would, and skips the test where
// nobody answers.
func dial(t testing.TB, d gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(d, &gorm.Config{Logger: logger.Discard})
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatalf("no %s answers (POWGIN_TEST_POSTGRES names another one): %v", d.Name(), err)
	case err != nil:
		t.Skipf("no %s answers (POWGIN_TEST_POSTGRES names another one): %v", d.Name(), err)
	}
	pool, err := db.DB()
	must(t, err)
	pool.SetMaxIdleConns(4)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// filled is dial with the tables made, and alice and bob in them.
func filled(t testing.TB, d gorm.Dialector) *gorm.DB {
	t.Helper()
	db := dial(t, d)
	must(t, db.AutoMigrate(&User{}, &SeenPayment{}, &Job{}))
	must(t, db.Create([]User{{Email: "alice@example.com", Plan: "free"}, {Email: "bob@example.com", Plan: "free"}}).Error)
	return db
}

var errDown = errors.New("the store is down")

// A brittle store fails while it is down.
type brittle struct {
	cache.Store
	down atomic.Bool
}

func (s *brittle) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	if s.down.Load() {
		return cache.Loaded{}, errDown
	}
	return s.Store.Load(ctx, key)
}

func (s *brittle) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if s.down.Load() {
		return cache.Loaded{}, false, errDown
	}
	return s.Store.Swap(ctx, key, old, next)
}
