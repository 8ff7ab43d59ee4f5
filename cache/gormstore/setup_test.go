package gormstore_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
)

// newFile returns the DSN of a database in a file of the test's own.
func newFile(t testing.TB) string {
	t.Helper()
	return "file:" + filepath.Join(t.TempDir(), "app.db") + "?_pragma=busy_timeout(20)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
}

// open opens a database as apps do, and closes it after the test.
func open(t testing.TB, dsn string) *gorm.DB {
	t.Helper()
	return openConfig(t, dsn, &gorm.Config{Logger: logger.Discard})
}

func openConfig(t testing.TB, dsn string, config *gorm.Config) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: dsn}, config)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// newStore returns a store in a database of its own.
func newStore(t testing.TB) *gormstore.Store {
	t.Helper()
	return storeOn(t, open(t, newFile(t)))
}

func storeOn(t testing.TB, db *gorm.DB, opts ...gormstore.Option) *gormstore.Store {
	t.Helper()
	s, err := gormstore.New(db, append(opts, gormstore.Migrate())...)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return s
}

// pool returns the *sql.DB of a database.
func pool(t testing.TB, db *gorm.DB) *sql.DB {
	t.Helper()
	p, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run runs statements of the test's own.
func run(t testing.TB, db *gorm.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if err := db.Exec(s).Error; err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// rows counts the rows of the usual table.
func rows(t testing.TB, db *gorm.DB) (n int) {
	t.Helper()
	if err := db.Raw("SELECT count(*) FROM powgin_accounts").Scan(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

// key returns the n-th account of the tests' space.
func key(n int) cache.Key {
	return cache.Key{Space: "app/users/main.User", ID: cache.AccountID{1, 14: byte(n >> 8), 15: byte(n)}}
}

// record returns a record that expires in an hour of this process's clock.
func record(data string) cache.Record {
	return cache.Record{Version: cache.NewID(), Data: []byte(data), Expires: cache.TimeOf(time.Now().Add(time.Hour))}
}

// put creates a record, and returns it.
func put(t testing.TB, s cache.Store, key cache.Key, r cache.Record) cache.Record {
	t.Helper()
	if l, ok, err := s.Swap(t.Context(), key, cache.ID{}, r); err != nil || !ok {
		t.Fatalf("Swap that creates = %v, %v, with version %x there; want true", ok, err, l.Record.Version)
	}
	return r
}

// wantLoad checks which version is there, and with which bytes.
func wantLoad(t testing.TB, s cache.Store, key cache.Key, want cache.Record) {
	t.Helper()
	l, err := s.Load(t.Context(), key)
	if err != nil || l.Record.Version != want.Version || string(l.Record.Data) != string(want.Data) {
		t.Errorf("Load = version %x, %q, %v; want %x, %q", l.Record.Version, l.Record.Data, err, want.Version, want.Data)
	}
}

// wantError checks what an error says, and that there is one.
func wantError(t testing.TB, what string, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s = nil error; want one with %q", what, parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s = %v; want %q in it", what, err, part)
		}
	}
}
