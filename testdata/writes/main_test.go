package writes

import (
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	driver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(m.Run())
}

// must ends a test that cannot go on.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// servers are the kinds of database. Each has a dialector for a database, schema or
// file of the test's own.
var servers = map[string]func(t testing.TB) gorm.Dialector{
	"sqlite":   ownSQLite,
	"postgres": ownPostgres,
	"mysql":    ownMariaDB,
}

func ownSQLite(t testing.TB) gorm.Dialector {
	return sqlite.Dialector{DriverName: "sqlite", DSN: "file:" + filepath.Join(t.TempDir(), "app.db") +
		"?_pragma=busy_timeout(1000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_txlock=immediate"}
}

func ownPostgres(t testing.TB) gorm.Dialector {
	dsn := setting("POWGIN_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")
	schema := ownName()
	alone(t, postgres.Open(dsn), "CREATE SCHEMA "+schema, "DROP SCHEMA "+schema+" CASCADE")
	address, err := url.Parse(dsn)
	must(t, err)
	query := address.Query()
	query.Set("search_path", schema)
	address.RawQuery = query.Encode()
	return postgres.Open(address.String())
}

func ownMariaDB(t testing.TB) gorm.Dialector {
	dsn := setting("POWGIN_TEST_MYSQL", "root@tcp(127.0.0.1:3306)/")
	database := ownName()
	alone(t, mysql.Open(dsn), "CREATE DATABASE "+database, "DROP DATABASE "+database)
	config, err := driver.ParseDSN(dsn)
	must(t, err)
	config.DBName, config.ParseTime = database, true
	return mysql.Open(config.FormatDSN())
}

func setting(name, usual string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return usual
}

func ownName() string { return "writes_" + strings.ToLower(rand.Text()) }

// alone runs a statement now and another one after the test.
func alone(t testing.TB, d gorm.Dialector, first, last string) {
	t.Helper()
	db := dial(t, d, gorm.Config{})
	must(t, db.Exec(first).Error)
	t.Cleanup(func() { must(t, db.Exec(last).Error) })
}

// dial opens a database, and ends the test where nobody answers.
func dial(t testing.TB, d gorm.Dialector, config gorm.Config) *gorm.DB {
	t.Helper()
	config.Logger = logger.Discard
	config.TranslateError = true
	db, err := gorm.Open(d, &config)
	if err != nil {
		without(t, "no %s server answers (POWGIN_TEST_POSTGRES and POWGIN_TEST_MYSQL name others): %v", d.Name(), err)
	}
	pool, err := db.DB()
	must(t, err)
	pool.SetMaxIdleConns(4)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

// without ends a test that needs what is not there.
func without(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
