package main

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	_ "modernc.org/sqlite" // the driver "sqlite", in pure Go
)

const inMemory = ":memory:"

// connectTimeout bounds how long a server may take to let the app in, so that an
// answer is out within 3 s although it is gone.
const connectTimeout = 2 * time.Second

// dialect tells GORM how to speak to the database that DATABASE names.
func dialect(database string) (gorm.Dialector, error) {
	switch scheme, _, _ := strings.Cut(database, "://"); {
	case scheme == "postgres" || scheme == "postgresql":
		return postgres.Open(withSetting(database, "connect_timeout", "2")), nil
	case scheme == "mysql":
		dsn, err := mysqlDSN(database)
		return mysql.Open(dsn), err
	}
	return sqlite.Dialector{DriverName: "sqlite", DSN: sqliteDSN(database)}, nil
}

// withSetting adds a parameter that the URL does not have.
func withSetting(database, name, value string) string {
	u, err := url.Parse(database)
	if err != nil {
		return database // the driver says what is wrong with it
	}
	q := u.Query()
	if !q.Has(name) {
		q.Set(name, value)
		u.RawQuery = q.Encode()
	}
	return u.String()
}

// mysqlDSN turns mysql://user:password@host:port/database into what the driver
// reads. Times are UTC on both sides.
func mysqlDSN(database string) (string, error) {
	u, err := url.Parse(database)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") == "" {
		return "", errors.New("it is not mysql://user:password@host:port/database")
	}
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	cfg := mysqldriver.NewConfig()
	cfg.User = u.User.Username()
	cfg.Passwd, _ = u.User.Password()
	cfg.Net, cfg.Addr, cfg.DBName = "tcp", net.JoinHostPort(u.Hostname(), port), strings.Trim(u.Path, "/")
	cfg.ParseTime, cfg.Loc, cfg.Timeout = true, time.UTC, connectTimeout
	return cfg.FormatDSN(), nil
}

// sqliteDSN adds the settings that every connection needs. With the write-ahead
// log readers and the writer do not wait for each other. A writer waits for
// another at most 2 s, so that an answer is out within 3; it takes its lock when
// its transaction begins, where waiting still helps.
func sqliteDSN(path string) string {
	settings := url.Values{
		"_pragma": {"busy_timeout(2000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)"},
		"_txlock": {"immediate"},
	}
	if path != inMemory {
		path = "file:" + (&url.URL{Path: path}).EscapedPath()
	}
	return path + "?" + settings.Encode()
}

// redacted is a DATABASE as it may be shown: without a password.
func redacted(database string) string {
	scheme, _, ok := strings.Cut(database, "://")
	if !ok {
		return database
	}
	u, err := url.Parse(database)
	if err != nil {
		return scheme + "://…"
	}
	u.RawQuery = ""
	return u.Redacted()
}
