package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// A world holds what contenders live in: files in a directory, a schema in
// PostgreSQL, keys in Redis, all of it this run's own. It is for one goroutine.
type world struct {
	ctx    context.Context // of every request; it ends with the world
	dir    string
	name   string                           // of the schema, and in front of all keys
	schema func() (dsn string, err error)   // made where somebody asks for it
	server func() (redis string, err error) // its address
	ends   []func() error
}

// absent tells why a contender is left out.
type absent struct{ why string }

func (a absent) Error() string { return a.why }

func newWorld(ctx context.Context) (*world, error) {
	dir, err := os.MkdirTemp("", "powgin-bench-")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &world{ctx: ctx, dir: dir, name: "powgin_bench_" + strings.ToLower(rand.Text()[:10])}
	w.schema, w.server = sync.OnceValues(w.newSchema), sync.OnceValues(w.findRedis)
	w.end(func() error { cancel(); return os.RemoveAll(dir) })
	return w, nil
}

// end has f called by close, after those of later calls.
func (w *world) end(f func() error) { w.ends = append(w.ends, f) }

// close ends everything that was opened.
func (w *world) close() error {
	var errs []error
	for len(w.ends) > 0 {
		last := len(w.ends) - 1
		errs = append(errs, w.ends[last]())
		w.ends = w.ends[:last]
	}
	return errors.Join(errs...)
}

// sqlite opens a database in a file of its own with alice in it.
func (w *world) sqlite(config gorm.Config) (*gorm.DB, error) {
	return w.withAlice(w.file(), config)
}

// file returns where a new SQLite database is to be: in WAL mode, with the
// synchronous setting that goes with it.
func (w *world) file() gorm.Dialector {
	return sqlite.Dialector{DriverName: "sqlite", DSN: "file:" + filepath.Join(w.dir, rand.Text()+".db") +
		"?_pragma=busy_timeout(1000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"}
}

// postgres opens the schema, with alice in it.
func (w *world) postgres(config gorm.Config) (*gorm.DB, error) {
	dsn, err := w.schema()
	if err != nil {
		return nil, err
	}
	return w.withAlice(postgres.Open(dsn), config)
}

func (w *world) withAlice(d gorm.Dialector, config gorm.Config) (*gorm.DB, error) {
	db, err := w.open(d, config)
	if err != nil {
		return nil, err
	}
	u := alice
	err = errors.Join(db.AutoMigrate(&User{}), db.Where("id = ?", u.ID).FirstOrCreate(&u).Error)
	return db, err
}

// open opens a database, with a pool that is large enough for every connection of
// the loopback client.
func (w *world) open(d gorm.Dialector, config gorm.Config) (*gorm.DB, error) {
	config.Logger = logger.Discard
	db, err := gorm.Open(d, &config)
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxIdleConns(8)
	pool.SetMaxOpenConns(8)
	w.end(pool.Close)
	return db, nil
}

// newSchema makes a schema, and drops it in the end.
func (w *world) newSchema() (string, error) {
	dsn := setting("POWGIN_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")
	address, err := url.Parse(dsn)
	if err != nil {
		return "", fmt.Errorf("POWGIN_TEST_POSTGRES: %w", err)
	}
	admin, err := sql.Open("pgx", dsn)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(w.ctx, 3*time.Second)
	defer cancel()
	if err := admin.PingContext(ctx); err != nil {
		_ = admin.Close()
		return "", absent{"no PostgreSQL server answers (POWGIN_TEST_POSTGRES names another one)"}
	}
	w.end(admin.Close)
	if _, err := admin.ExecContext(ctx, "CREATE SCHEMA "+w.name); err != nil {
		return "", err
	}
	w.end(func() error {
		_, err := admin.ExecContext(context.WithoutCancel(w.ctx), "DROP SCHEMA "+w.name+" CASCADE")
		return err
	})
	query := address.Query()
	query.Set("search_path", w.name)
	address.RawQuery = query.Encode()
	return address.String(), nil
}

// findRedis returns where a server listens, and has the run's keys deleted in the
// end.
func (w *world) findRedis() (string, error) {
	address := setting("POWGIN_TEST_REDIS", "127.0.0.1:6379")
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(w.ctx, "tcp", address)
	if err != nil {
		return "", absent{"no Redis server answers (POWGIN_TEST_REDIS names another one)"}
	}
	_ = conn.Close()
	client, err := w.redisClient(address)
	if err != nil {
		return "", err
	}
	w.end(func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), 3*time.Second)
		defer cancel()
		keys, err := w.keys(ctx, client, "")
		if err != nil || len(keys) == 0 {
			return err
		}
		return client.Do(ctx, client.B().Del().Key(keys...).Build()).Error()
	})
	return address, nil
}

// redisClient opens a connection with the settings of redisstore's.
func (w *world) redisClient(address string) (rueidis.Client, error) {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{address}, DisableCache: true, ConnWriteTimeout: 3 * time.Second,
	})
	if err == nil {
		w.end(func() error { client.Close(); return nil })
	}
	return client, err
}

// keys returns the run's keys that contain a word, wherever prefixes put it.
func (w *world) keys(ctx context.Context, client rueidis.Client, word string) ([]string, error) {
	return client.Do(ctx, client.B().Keys().Pattern("*"+w.name+"*"+word+"*").Build()).AsStrSlice()
}

func setting(variable, usual string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return usual
}
