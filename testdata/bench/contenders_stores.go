package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/redis/rueidis"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
	"github.com/powgin/powgin/cache/redisstore"
)

// Each store stands beside a bare read of the bytes that it keeps for alice, over a
// connection with the same settings, in the same route and with the same deadline.
func powginStores() []contender {
	const (
		bareSQLite   = "a bare prepared SELECT on SQLite"
		barePostgres = "a bare prepared SELECT on PostgreSQL"
		bareRedis    = "a bare GET by rueidis"
	)
	return []contender{
		{name: bareSQLite, kind: floors, chart: true, open: bareSelect(fileOf, "?")},
		{name: "powgin, gormstore on SQLite", kind: powgins, chart: true, open: powginApp(setup{store: sqlStore(fileOf)}),
			against: []string{bareSQLite, "gin-contrib gorm store on SQLite + db.First"}},
		{name: barePostgres, kind: floors, chart: true, open: bareSelect(schemaOf, "$1")},
		{name: "powgin, gormstore on PostgreSQL", kind: powgins, chart: true, open: powginApp(setup{store: sqlStore(schemaOf)}),
			against: []string{barePostgres}},
		{name: bareRedis, kind: floors, chart: true, open: bareGet},
		{name: "powgin, redisstore, Strict", kind: powgins, chart: true, open: powginApp(setup{store: redisStore("strict", redisstore.Strict())}),
			against: []string{bareRedis, "gin-contrib redis store, id only", "scs goredisstore, user in the session"}},
		{name: "powgin, redisstore, local tier", kind: powgins, chart: true, open: powginApp(setup{store: redisStore("local")}),
			against: []string{powginCached}},
	}
}

// A place is where a store keeps its table.
type place func(w *world) (gorm.Dialector, error)

func fileOf(w *world) (gorm.Dialector, error) { return w.file(), nil }

func schemaOf(w *world) (gorm.Dialector, error) {
	dsn, err := w.schema()
	return postgres.Open(dsn), err
}

// sqlStore has powgin keep accounts in a table of its own.
func sqlStore(place place) func(w *world, c *powgin.Config[User]) error {
	return func(w *world, c *powgin.Config[User]) error {
		_, err := keepAccounts(w, c, place, "powgin_accounts")
		return err
	}
}

func keepAccounts(w *world, c *powgin.Config[User], place place, table string) (*gorm.DB, error) {
	d, err := place(w)
	if err != nil {
		return nil, err
	}
	db, err := w.open(d, gorm.Config{})
	if err != nil {
		return nil, err
	}
	c.Store, err = gormstore.New(db, gormstore.Migrate(), gormstore.Table(table))
	return db, err
}

// bareSelect is an app that asks for the account of another app, whose user is
// cached, and reads nothing of what it is given.
func bareSelect(place place, parameter string) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		var db *gorm.DB
		err := fill(w, func(w *world, c *powgin.Config[User]) (err error) {
			db, err = keepAccounts(w, c, place, "powgin_bare")
			return err
		})
		if err != nil {
			return nil, err
		}
		var id []byte // the epoch's, which the other row is, ends in zeros
		if err := db.Raw("SELECT id FROM powgin_bare ORDER BY length(data) DESC LIMIT 1").Row().Scan(&id); err != nil {
			return nil, fmt.Errorf("looking for the account: %w", err)
		}
		pool, err := db.DB()
		if err != nil {
			return nil, err
		}
		read, err := pool.PrepareContext(w.ctx, "SELECT version, data, expires FROM powgin_bare WHERE id = "+parameter)
		if err != nil {
			return nil, err
		}
		w.end(func() error { return read.Close() })
		return bare(w, func(ctx context.Context) ([]byte, error) {
			var version, data []byte
			var expires int64
			err := read.QueryRowContext(ctx, id).Scan(&version, &data, &expires)
			return data, err
		}), nil
	}
}

// redisStore has powgin keep accounts in Redis, under a prefix of its own.
func redisStore(word string, opts ...redisstore.Option) func(w *world, c *powgin.Config[User]) error {
	return func(w *world, c *powgin.Config[User]) error {
		address, err := w.server()
		if err != nil {
			return err
		}
		options := append([]redisstore.Option{redisstore.Prefix(w.name + "-" + word)}, opts...)
		store, err := redisstore.Open(w.ctx, rueidis.ClientOption{InitAddress: []string{address}}, options...)
		if err != nil {
			return err
		}
		w.end(store.Close)
		c.Store = store
		return nil
	}
}

func bareGet(w *world) (*app, error) {
	if err := fill(w, redisStore("bare", redisstore.Strict())); err != nil {
		return nil, err
	}
	address, err := w.server()
	if err != nil {
		return nil, err
	}
	client, err := w.redisClient(address)
	if err != nil {
		return nil, err
	}
	keys, err := w.keys(w.ctx, client, "-bare")
	if err != nil {
		return nil, err
	}
	account := ""
	for _, key := range keys {
		if !strings.HasSuffix(key, ":epoch") {
			account = key
		}
	}
	return bare(w, func(ctx context.Context) ([]byte, error) {
		return client.Do(ctx, client.B().Get().Key(account).Build()).AsBytes()
	}), nil
}

// fill has alice's account be kept in a store, with her user.
func fill(w *world, store func(w *world, c *powgin.Config[User]) error) error {
	a, err := powginApp(setup{store: store})(w)
	if err != nil {
		return err
	}
	return a.ask()
}

var errShort = errors.New("a bare read has found no account")

// bare is an app that only reads, with the deadline of a request's calls.
func bare(w *world, read func(ctx context.Context) ([]byte, error)) *app {
	router := gin.New()
	router.GET("/", func(c *gin.Context) {
		ctx, cancel := context.WithTimeout(c.Request.Context(), cache.Budget)
		defer cancel()
		data, err := read(ctx)
		if err == nil && len(data) < 200 {
			err = errShort
		}
		if err != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
			return
		}
		seenID(c, alice.ID)
	})
	return &app{router, newRequest(w, http.MethodGet, "/"), saysID}
}
