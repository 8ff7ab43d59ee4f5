package sqlstores

import (
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/lib/pq"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	sqlitedriver "modernc.org/sqlite"

	"github.com/powgin/powgin/cache/gormstore"
)

// A kind is a database, and a way to open it.
type kind struct {
	name   string
	server string // sqlite, postgres or mysql
	// connector connects to the database that a DSN names.
	connector func(t testing.TB, dsn string) driver.Connector
	session   gorm.Config // how the app opens GORM
	settings  string      // of the DSN
	// noWAL leaves SQLite's journal as it is in a new file. To ask for that mode
	// takes a lock at every connection, and fails where another writes.
	noWAL bool
}

// main are the three databases, opened in the usual way; ways are others.
var (
	mainKinds = []kind{
		{name: "sqlite", server: "sqlite", connector: sqliteConnector},
		{name: "postgres", server: "postgres", connector: pgxConnector},
		{name: "mysql", server: "mysql", connector: mysqlConnector},
	}
	ways = []kind{
		{name: "sqlite PrepareStmt", server: "sqlite", connector: sqliteConnector, session: gorm.Config{PrepareStmt: true}},
		{name: "sqlite without WAL", server: "sqlite", connector: sqliteConnector, noWAL: true},
		{name: "postgres PrepareStmt", server: "postgres", connector: pgxConnector, session: gorm.Config{PrepareStmt: true, SkipDefaultTransaction: true}},
		{name: "postgres simple protocol", server: "postgres", connector: pgxConnector, settings: "&default_query_exec_mode=simple_protocol"},
		{name: "postgres exec mode", server: "postgres", connector: pgxConnector, settings: "&default_query_exec_mode=exec"},
		{name: "postgres serializable", server: "postgres", connector: pgxConnector, settings: "&default_transaction_isolation=serializable&timezone=Pacific/Chatham"},
		{name: "postgres lib/pq", server: "postgres", connector: pqConnector},
		{name: "mysql clientFoundRows", server: "mysql", connector: mysqlConnector, settings: "&clientFoundRows=true"},
		{name: "mysql interpolateParams", server: "mysql", connector: mysqlConnector, settings: "&interpolateParams=true&parseTime=true&loc=Local"},
		{name: "mysql time zone", server: "mysql", connector: mysqlConnector, settings: "&time_zone=%27-11:30%27&clientFoundRows=true&interpolateParams=true"},
		{name: "mysql PrepareStmt", server: "mysql", connector: mysqlConnector, session: gorm.Config{PrepareStmt: true, SkipDefaultTransaction: true}},
		{name: "mysql serializable", server: "mysql", connector: mysqlConnector, settings: "&{isolation}=%27SERIALIZABLE%27"},
		{name: "mysql not strict", server: "mysql", connector: mysqlConnector, settings: "&sql_mode=%27%27&charset=latin1"},
	}
)

// A database is one of the test's own, which is dropped after it.
type database struct {
	kind
	dsn       string
	isolation string // what MySQL or MariaDB calls this setting
}

func newDatabase(t testing.TB, k kind) *database {
	t.Helper()
	d := &database{kind: k}
	switch k.server {
	case "sqlite":
		file := filepath.Join(t.TempDir(), "app.db")
		if !k.noWAL && !strings.Contains(k.settings, "journal_mode") {
			setWAL(t, file)
		}
		d.dsn = "file:" + file + "?_pragma=busy_timeout(50)&_pragma=synchronous(OFF)" + k.settings
	case "postgres":
		d.dsn = newSchema(t) + k.settings
	case "mysql":
		dsn, isolation := newMySQLDatabase(t)
		d.isolation = isolation
		d.dsn = dsn + strings.ReplaceAll(k.settings, "{isolation}", isolation)
	}
	return d
}

// setWAL makes a file of SQLite one with a write-ahead log, once: a connection that
// asks for it takes a lock, which others then wait for. The file stays open, since who
// closes it last takes one, too.
func setWAL(t testing.TB, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = db.ExecContext(t.Context(), "PRAGMA journal_mode = WAL")
	must(t, err)
}

// newSchema returns the address of a schema of the test's own.
func newSchema(t testing.TB) string {
	t.Helper()
	address := os.Getenv("POWGIN_TEST_POSTGRES")
	if address == "" {
		address = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	admin, err := sql.Open("pgx", address)
	must(t, err)
	if err := admin.PingContext(t.Context()); err != nil {
		_ = admin.Close()
		absent(t, "PostgreSQL", "POWGIN_TEST_POSTGRES", err)
	}
	schema := "sqlstores_" + strings.ToLower(rand.Text())
	_, err = admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema)
	must(t, err)
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Errorf("dropping the test's schema: %v", err)
		}
		_ = admin.Close()
	})
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + "search_path=" + schema + ",pg_catalog"
}

// newMySQLDatabase returns the DSN of a database of the test's own, and the
// server's name for the isolation level.
func newMySQLDatabase(t testing.TB) (dsn, isolation string) {
	t.Helper()
	dsn = os.Getenv("POWGIN_TEST_MYSQL")
	if dsn == "" {
		dsn = "root@tcp(127.0.0.1:3306)/"
	}
	config, err := mysqldriver.ParseDSN(dsn)
	must(t, err)
	connector, err := mysqldriver.NewConnector(config)
	must(t, err)
	admin := sql.OpenDB(connector)
	if err := admin.PingContext(t.Context()); err != nil {
		_ = admin.Close()
		absent(t, "MySQL or MariaDB", "POWGIN_TEST_MYSQL", err)
	}
	name := "sqlstores_" + strings.ToLower(rand.Text())
	_, err = admin.ExecContext(t.Context(), "CREATE DATABASE "+name)
	must(t, err)
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name); err != nil {
			t.Errorf("dropping the test's database: %v", err)
		}
		_ = admin.Close()
	})
	must(t, admin.QueryRowContext(t.Context(), "SHOW VARIABLES WHERE Variable_name IN ('tx_isolation', 'transaction_isolation')").Scan(&isolation, new(string)))
	config.DBName = name
	dsn = config.FormatDSN()
	if !strings.Contains(dsn, "?") {
		dsn += "?timeout=5s"
	}
	return dsn, isolation
}

// absent ends a test whose server does not answer.
func absent(t testing.TB, what, variable string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("no %s answers (%s names another one): %v", what, variable, err)
	}
	t.Skipf("no %s answers (%s names another one): %v", what, variable, err)
}

// dsnConnector connects through a driver that knows no connectors.
type dsnConnector struct {
	driver driver.Driver
	dsn    string
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

func sqliteConnector(_ testing.TB, dsn string) driver.Connector {
	return dsnConnector{&sqlitedriver.Driver{}, dsn}
}

func pgxConnector(t testing.TB, dsn string) driver.Connector {
	config, err := pgx.ParseConfig(dsn)
	must(t, err)
	return stdlib.GetConnector(*config)
}

func pqConnector(t testing.TB, dsn string) driver.Connector {
	connector, err := pq.NewConnector(dsn)
	must(t, err)
	return connector
}

func mysqlConnector(t testing.TB, dsn string) driver.Connector {
	config, err := mysqldriver.ParseDSN(dsn)
	must(t, err)
	config.Logger = &mysqldriver.NopLogger{} // connections that a test breaks
	connector, err := mysqldriver.NewConnector(config)
	must(t, err)
	return connector
}

// open opens a pool of its own on the database, as an app does.
func (d *database) open(t testing.TB) *gorm.DB {
	t.Helper()
	db, _ := d.openSpied(t)
	return db
}

// openSpied opens the database with a spy in between.
func (d *database) openSpied(t testing.TB) (*gorm.DB, *spy) {
	t.Helper()
	return d.openConfig(t, "", d.session)
}

func (d *database) openConfig(t testing.TB, settings string, config gorm.Config) (*gorm.DB, *spy) {
	t.Helper()
	s := &spy{Connector: d.connector(t, d.dsn+settings)}
	pool := sql.OpenDB(s)
	pool.SetMaxOpenConns(4)
	pool.SetMaxIdleConns(4)
	t.Cleanup(func() { _ = pool.Close() })
	if config.Logger == nil {
		config.Logger = logger.Discard
	}
	db, err := gorm.Open(d.dialector(pool), &config)
	must(t, err)
	return db, s
}

// openUnasked opens a database that nobody has looked for.
func (d *database) openUnasked(t testing.TB) *gorm.DB {
	t.Helper()
	pool := sql.OpenDB(d.connector(t, d.dsn))
	t.Cleanup(func() { _ = pool.Close() })
	dialector := d.dialector(pool)
	if d.server == "mysql" {
		dialector = mysql.New(mysql.Config{Conn: pool, SkipInitializeWithVersion: true})
	}
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard, DisableAutomaticPing: true})
	must(t, err)
	return db
}

func (d *database) dialector(pool gorm.ConnPool) gorm.Dialector {
	switch d.server {
	case "sqlite":
		return sqlite.Dialector{Conn: pool}
	case "postgres":
		return postgres.New(postgres.Config{Conn: pool})
	default:
		return mysql.New(mysql.Config{Conn: pool})
	}
}

// store returns a Store on the database, with a pool of its own.
func (d *database) store(t testing.TB) *gormstore.Store {
	t.Helper()
	return storeOn(t, d.open(t))
}

func storeOn(t testing.TB, db *gorm.DB, opts ...gormstore.Option) *gormstore.Store {
	t.Helper()
	s, err := gormstore.New(db, append(opts, gormstore.Migrate())...)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	return s
}

// each runs a test on the three databases.
func each(t *testing.T, test func(t *testing.T, d *database)) {
	t.Helper()
	for _, k := range mainKinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			test(t, newDatabase(t, k))
		})
	}
}

// run runs statements of the test's own.
func run(t testing.TB, db *gorm.DB, format string, args ...any) {
	t.Helper()
	statement := fmt.Sprintf(format, args...)
	if err := db.Exec(statement).Error; err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
