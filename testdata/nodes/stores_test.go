package nodes

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	driver "github.com/go-sql-driver/mysql"
	"github.com/redis/rueidis"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
	"github.com/powgin/powgin/cache/redisstore"
)

// A kind of store.
type kind struct {
	name string
	near bool // nodes keep copies, which may be a moment old
	// open returns what gives a node its store. All have what is in a server or
	// file in common, and it is the test's own.
	open func(t testing.TB) func() cache.Store
}

var kinds = []kind{
	{"sqlite", false, openSQLite},
	{"postgres", false, openPostgres},
	{"mariadb", false, openMariaDB},
	{"redis strict", false, func(t testing.TB) func() cache.Store { return openRedis(t, newServer(t).addr, redisstore.Strict()) }},
	{"redis local", true, func(t testing.TB) func() cache.Store { return openRedis(t, newServer(t).addr) }},
}

// measuring is held by tests that would disturb each other: they take turns.
var measuring sync.Mutex

// onKinds runs a test over each kind of store, one after the other.
func onKinds(t *testing.T, f func(t *testing.T, k kind)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			measuring.Lock()
			defer measuring.Unlock()
			f(t, k)
		})
	}
}

// stores returns a store for each of n nodes.
func (k kind) stores(t testing.TB, n int) []cache.Store {
	t.Helper()
	open := k.open(t)
	all := make([]cache.Store, n)
	for i := range all {
		all[i] = open()
	}
	return all
}

func openSQLite(t testing.TB) func() cache.Store {
	dsn := ownSQLite(t)
	return func() cache.Store { return gormStore(t, sqlite.Dialector{DriverName: "sqlite", DSN: dsn}) }
}

// ownSQLite returns where a file of the test's own is.
func ownSQLite(t testing.TB) string {
	return "file:" + filepath.Join(t.TempDir(), "nodes.db") +
		"?_pragma=busy_timeout(1000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
}

func openPostgres(t testing.TB) func() cache.Store {
	dsn := ownPostgres(t)
	return func() cache.Store { return gormStore(t, postgres.Open(dsn)) }
}

// ownPostgres returns where a schema of the test's own is.
func ownPostgres(t testing.TB) string {
	dsn := setting("POWGIN_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")
	schema := ownName()
	alone(t, postgres.Open(dsn), "CREATE SCHEMA "+schema, "DROP SCHEMA "+schema+" CASCADE")
	address, err := url.Parse(dsn)
	must(t, "POWGIN_TEST_POSTGRES", err)
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return address.String()
}

func openMariaDB(t testing.TB) func() cache.Store {
	dsn := ownMariaDB(t)
	return func() cache.Store { return gormStore(t, mysql.Open(dsn)) }
}

// ownMariaDB returns where a database of the test's own is.
func ownMariaDB(t testing.TB) string {
	dsn := setting("POWGIN_TEST_MYSQL", "root@tcp(127.0.0.1:3306)/")
	database := ownName()
	alone(t, mysql.Open(dsn), "CREATE DATABASE "+database, "DROP DATABASE "+database)
	config, err := driver.ParseDSN(dsn)
	must(t, "POWGIN_TEST_MYSQL", err)
	config.DBName = database
	return config.FormatDSN()
}

func openRedis(t testing.TB, addr string, opts ...redisstore.Option) func() cache.Store {
	return func() cache.Store {
		s, err := redisstore.Open(context.Background(), rueidis.ClientOption{InitAddress: []string{addr}}, opts...)
		must(t, "redisstore.Open", err)
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
}

// gormStore returns a store that has a pool of its own.
func gormStore(t testing.TB, d gorm.Dialector) cache.Store {
	s, err := gormstore.New(dial(t, d), gormstore.Migrate())
	must(t, "gormstore.New", err)
	return s
}

// dial opens a database, and ends the test where nobody answers.
func dial(t testing.TB, d gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := connect(d)
	if err != nil {
		without(t, "no %s server answers (POWGIN_TEST_POSTGRES and POWGIN_TEST_MYSQL name others): %v", d.Name(), err)
	}
	pool, err := db.DB()
	must(t, "the pool", err)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

func connect(d gorm.Dialector) (*gorm.DB, error) {
	db, err := gorm.Open(d, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxIdleConns(8)
	pool.SetMaxOpenConns(8)
	return db, nil
}

// alone makes what the test has for itself, and drops it after the test.
func alone(t testing.TB, d gorm.Dialector, create, drop string) {
	t.Helper()
	db := dial(t, d)
	must(t, create, db.Exec(create).Error)
	t.Cleanup(func() {
		if err := db.Exec(drop).Error; err != nil {
			t.Errorf("%s: %v", drop, err)
		}
	})
}

func ownName() string { return "powgin_nodes_" + strings.ToLower(rand.Text()[:10]) }

func setting(variable, usual string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return usual
}
