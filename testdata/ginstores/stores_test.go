package ginstores

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	gormsessions "github.com/gin-contrib/sessions/gorm"
	"github.com/gin-contrib/sessions/memcached"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-contrib/sessions/mongo/mongodriver"
	"github.com/gin-contrib/sessions/postgres"
	"github.com/gin-contrib/sessions/redis"
	_ "github.com/lib/pq"
	"github.com/memcachier/mc/v3"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"
)

// A store of gin-contrib/sessions, as the tests open it: each anew, with
// nothing in it.
type store struct {
	sessions.Store

	// down has the store's server refuse connections; nil where there is none.
	down func()
	// proxy stands between the two, nil where there is nothing to stand between.
	proxy *proxy
}

var signingKey = []byte("a secret of thirty-two bytes ...")

// stores are those that gin-contrib/sessions v1.0.4 has. Some of them write
// shared memory at every request (gorm, postgres, memcached binary): the tests
// send no two requests at once, so that the race detector has only powgin to
// judge.
var stores = map[string]func(t *testing.T) store{
	"cookie":           func(*testing.T) store { return store{Store: cookie.NewStore(signingKey)} },
	"memstore":         func(*testing.T) store { return store{Store: memstore.NewStore(signingKey)} },
	"gorm":             openGORM,
	"redis":            openRedis,
	"postgres":         openPostgres,
	"memcached text":   openMemcachedText,
	"memcached binary": openMemcachedBinary,
	"mongo":            openMongo,
}

func openGORM(t *testing.T) store {
	db := openDB(t)
	pool, err := db.DB()
	must(t, err)
	return store{gormsessions.NewStore(db, false, signingKey), func() { _ = pool.Close() }, nil}
}

// openDB opens an SQLite database in a file.
func openDB(t testing.TB) *gorm.DB {
	dsn := "file:" + filepath.Join(t.TempDir(), "sessions.db") + "?_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)"
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: dsn}, &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return db
}

func openRedis(t *testing.T) store {
	address := server(t, "POWGIN_TEST_REDIS", "127.0.0.1:6379")
	p, prefix := newProxy(t, address), "ginstores:"+rand.Text()+":"
	direct, err := redis.NewStore(1, "tcp", address, "", "", signingKey)
	must(t, err)
	t.Cleanup(func() { forgetAll(t, direct, prefix) })
	s, err := redis.NewStore(2, "tcp", p.address(), "", "", signingKey)
	must(t, err)
	must(t, redis.SetKeyPrefix(s, prefix))
	inner, err := redis.GetRedisStore(s)
	must(t, err)
	t.Cleanup(func() { _ = inner.Close() })
	return store{s, p.cut, p}
}

// forgetAll deletes the records of a test, some of which would last for weeks.
func forgetAll(t *testing.T, s redis.Store, prefix string) {
	inner, err := redis.GetRedisStore(s)
	must(t, err)
	conn := inner.Pool.Get()
	const script = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end"
	if _, err := conn.Do("EVAL", script, 0, prefix+"*"); err != nil {
		t.Errorf("deleting the test's records: %v", err)
	}
	_ = conn.Close()
	_ = inner.Close()
}

// openPostgres gives each test a schema of its own.
func openPostgres(t *testing.T) store {
	address := os.Getenv("POWGIN_TEST_POSTGRES")
	if address == "" {
		address = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
	}
	admin, err := sql.Open("postgres", address)
	must(t, err)
	if err := admin.PingContext(t.Context()); err != nil {
		_ = admin.Close()
		absent(t, "POWGIN_TEST_POSTGRES", err)
	}
	schema := "ginstores_" + strings.ToLower(rand.Text())
	_, err = admin.ExecContext(t.Context(), "CREATE SCHEMA "+schema)
	must(t, err)
	p, through := proxied(t, address, schema)
	db, err := sql.Open("postgres", through)
	must(t, err)
	t.Cleanup(func() {
		_ = db.Close()
		if _, err := admin.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
			t.Errorf("dropping the test's schema: %v", err)
		}
		_ = admin.Close()
	})
	s, err := postgres.NewStore(db, signingKey)
	must(t, err)
	return store{s, p.cut, p}
}

// proxied returns the address of a schema in a database, by way of a proxy.
func proxied(t *testing.T, address, schema string) (*proxy, string) {
	u, err := url.Parse(address)
	must(t, err)
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	p := newProxy(t, net.JoinHostPort(u.Hostname(), port))
	u.Host = p.address()
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return p, u.String()
}

func openMemcachedText(t *testing.T) store {
	p := newProxy(t, server(t, "POWGIN_TEST_MEMCACHED", "127.0.0.1:11211"))
	client := memcache.New(p.address())
	t.Cleanup(func() { _ = client.Close() })
	return store{memcached.NewStore(client, rand.Text(), signingKey), p.cut, p}
}

func openMemcachedBinary(t *testing.T) store {
	p := newProxy(t, server(t, "POWGIN_TEST_MEMCACHED", "127.0.0.1:11211"))
	client := mc.NewMC(p.address(), "", "")
	t.Cleanup(client.Quit)
	return store{memcached.NewMemcacheStore(client, rand.Text(), signingKey), p.cut, p}
}

func openMongo(t *testing.T) store {
	p := newProxy(t, server(t, "POWGIN_TEST_MONGO", "127.0.0.1:27017"))
	client, err := mongo.Connect(t.Context(), options.Client().ApplyURI(fmt.Sprintf("mongodb://%s/?directConnection=true", p.address())))
	must(t, err)
	collection := client.Database("ginstores").Collection(rand.Text())
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_ = collection.Drop(ctx)
		_ = client.Disconnect(ctx)
	})
	const month = 30 * 24 * 60 * 60 // how old its cookies may be; the site's options say nothing of that
	return store{Store: mongodriver.NewStore(collection, month, false, signingKey)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
