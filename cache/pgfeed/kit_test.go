package pgfeed_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/powgin/powgin/cache/pgfeed"
)

// A database is a schema of the test's own, which is dropped after it.
type database struct {
	testing.TB
	dsn, schema string

	mu   sync.Mutex
	conn *pgx.Conn // guarded by mu: psql, so to speak
}

func newDatabase(t testing.TB) *database {
	t.Helper()
	address := os.Getenv("POWGIN_TEST_POSTGRES")
	if address == "" {
		address = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	d := &database{TB: t, schema: "pgfeed_" + strings.ToLower(rand.Text())}
	u, err := url.Parse(address)
	must(t, err)
	q := u.Query()
	q.Set("search_path", d.schema)
	q.Set("application_name", d.schema)
	u.RawQuery = q.Encode()
	d.dsn = u.String()
	if d.conn, err = pgx.Connect(t.Context(), address); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no PostgreSQL answers (POWGIN_TEST_POSTGRES names another one): %v", err)
		}
		t.Skipf("no PostgreSQL answers (POWGIN_TEST_POSTGRES names another one): %v", err)
	}
	t.Cleanup(func() {
		if _, err := d.conn.Exec(context.Background(), "DROP SCHEMA "+d.schema+" CASCADE"); err != nil {
			t.Errorf("dropping the test's schema: %v", err)
		}
		_ = d.conn.Close(context.Background())
	})
	d.sql("CREATE SCHEMA " + d.schema)
	d.sql("SET search_path = " + d.schema)
	return d
}

// sql runs plain statements of SQL, as psql does.
func (d *database) sql(statements string) {
	d.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.conn.PgConn().Exec(context.Background(), statements).ReadAll(); err != nil {
		d.Fatalf("%s: %v", statements, err)
	}
}

// users makes a table of users with these ids.
func (d *database) users() {
	d.Helper()
	d.sql("CREATE TABLE users (id int PRIMARY KEY, plan text, seen int); INSERT INTO users SELECT n, 'free', 0 FROM generate_series(1, 300) n")
}

// feed starts a feed, with a channel of the test's own.
func (d *database) feed(c pgfeed.Cache, table string, opts ...pgfeed.Option) *pgfeed.Feed {
	d.Helper()
	return d.feedBy(d.dsn, c, table, opts...)
}

func (d *database) feedBy(dsn string, c pgfeed.Cache, table string, opts ...pgfeed.Option) *pgfeed.Feed {
	d.Helper()
	f, err := pgfeed.Start(d.Context(), dsn, c, table, append([]pgfeed.Option{pgfeed.Channel(d.schema), pgfeed.Migrate(), quiet}, opts...)...)
	if err != nil {
		d.Fatalf("Start = %v", err)
	}
	d.Cleanup(func() { _ = f.Close() })
	if !f.Alive() {
		d.Error("the feed is not alive after Start")
	}
	return f
}

var quiet = pgfeed.Logger(slog.New(slog.DiscardHandler))

// everybody is what a recorder notes of InvalidateAll.
const everybody = "(all)"

// A recorder is a cache that notes what it is told, and fails while it is told to.
type recorder struct {
	mu    sync.Mutex
	told  []string // guarded by mu
	fails bool     // guarded by mu
	tries int      // guarded by mu: calls that failed
}

func (r *recorder) Invalidate(_ context.Context, keys ...string) error { return r.take(keys...) }
func (r *recorder) InvalidateAll(context.Context) error                { return r.take(everybody) }

func (r *recorder) take(keys ...string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails {
		r.tries++
		return errors.New("the store is down")
	}
	r.told = append(r.told, keys...)
	return nil
}

func (r *recorder) fail(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fails = on
}

func (r *recorder) failed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tries
}

func (r *recorder) has(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.told, key)
}

// since returns what was told since the last call, in order and once, when the
// mark was told: payloads arrive in the order of the commits.
func (r *recorder) since(t testing.TB, mark string) []string {
	t.Helper()
	eventually(t, mark+" is told", func() bool { return r.has(mark) })
	r.mu.Lock()
	defer r.mu.Unlock()
	told := slices.DeleteFunc(r.told, func(s string) bool { return s == mark })
	r.told = nil
	slices.Sort(told)
	return slices.Compact(told)
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 seconds: %s", what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newConn is another connection.
func newConn(t testing.TB, dsn string) *database {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &database{TB: t, dsn: dsn, conn: conn}
}

// quoted is a string of SQL.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
