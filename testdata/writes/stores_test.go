package writes

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
	"github.com/powgin/powgin/cache/redisstore"
)

// A place is a database with a store for its users.
type place struct {
	name  string
	own   func(t testing.TB) gorm.Dialector
	store func(t testing.TB, d gorm.Dialector) cache.Store // nil: the in-process store
	slow  bool
}

var places = []place{
	{"SQLite, in the process", ownSQLite, nil, false},
	{"SQLite, gormstore in the same file", ownSQLite, ownTable, false},
	{"PostgreSQL, gormstore", ownPostgres, ownTable, true},
	{"MariaDB, in the process", ownMariaDB, nil, true},
	{"PostgreSQL, redisstore", ownPostgres, ownRedis, false},
}

// ownTable is a store in the app's database, with another pool.
func ownTable(t testing.TB, d gorm.Dialector) cache.Store {
	s, err := gormstore.New(dial(t, d, gorm.Config{}), gormstore.Migrate())
	must(t, err)
	return s
}

func ownRedis(t testing.TB, _ gorm.Dialector) cache.Store {
	prefix := ownName()
	options := rueidis.ClientOption{InitAddress: []string{setting("POWGIN_TEST_REDIS", "127.0.0.1:6379")}, DisableCache: true}
	client, err := rueidis.NewClient(options)
	if err != nil {
		without(t, "no Redis answers (POWGIN_TEST_REDIS names another): %v", err)
	}
	t.Cleanup(func() {
		defer client.Close()
		for cursor := uint64(0); ; {
			page, err := client.Do(context.Background(), client.B().Scan().Cursor(cursor).Match("{"+prefix+":*").Count(1000).Build()).AsScanEntry()
			must(t, err)
			if len(page.Elements) > 0 {
				must(t, client.Do(context.Background(), client.B().Del().Key(page.Elements...).Build()).Error())
			}
			if cursor = page.Cursor; cursor == 0 {
				return
			}
		}
	})
	s, err := redisstore.New(client, redisstore.Strict(), redisstore.Prefix(prefix))
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A mortal is a store that some calls do not reach, and whose time can be moved on.
type mortal struct {
	cache.Store
	*fate
}

// A fate is what a mortal is up to.
type fate struct {
	ahead atomic.Int64 // how far its time is ahead
	until atomic.Int64 // it cannot be reached until then, in nanoseconds
}

type deathKey struct{}

// A death is set once the writer with the context has died.
type death = atomic.Bool

func dying(ctx context.Context, d *death) context.Context {
	return context.WithValue(ctx, deathKey{}, d)
}

var (
	errDead = errors.New("the writer is dead")
	errAway = errors.New("the store is away")
)

func (f *fate) now() time.Time { return time.Now().Add(time.Duration(f.ahead.Load())) }

// pass moves the time on.
func (f *fate) pass(d time.Duration) { f.ahead.Add(int64(d)) }

// leave has the store away for so long.
func (f *fate) leave(d time.Duration) { f.until.Store(time.Now().Add(d).UnixNano()) }

func (f *fate) fault(ctx context.Context) error {
	if d, ok := ctx.Value(deathKey{}).(*death); ok && d.Load() {
		return errDead
	}
	if time.Now().UnixNano() < f.until.Load() {
		return errAway
	}
	return nil
}

func (s *mortal) moved(l cache.Loaded) cache.Loaded {
	l.Now = l.Now.Add(time.Duration(s.ahead.Load()))
	return l
}

func (s *mortal) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	if err := s.fault(ctx); err != nil {
		return cache.Loaded{}, err
	}
	l, err := s.Store.Load(ctx, key)
	return s.moved(l), err
}

func (s *mortal) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if err := s.fault(ctx); err != nil {
		return cache.Loaded{}, false, err
	}
	l, ok, err := s.Store.Swap(ctx, key, old, next)
	return s.moved(l), ok, err
}

// InTx implements cache.TxStore.
func (s *mortal) InTx(tx any) (cache.Store, bool) {
	if inner, ok := s.Store.(cache.TxStore); ok {
		if within, ok := inner.InTx(tx); ok {
			return &mortal{within, s.fate}, true
		}
	}
	return nil, false
}
