package sqlstores

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/plugin/dbresolver"

	"github.com/powgin/powgin/cache"
)

// user is a model of the app's.
type user struct {
	ID   int
	Plan string
}

// The app has a transaction open, on the same pool, with a snapshot that stays
// as it is.
func TestAppsTransaction(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db := d.open(t)
		must(t, db.AutoMigrate(&user{}))
		s, other := storeOn(t, db), d.store(t)
		first := put(t, s, key(1), "first")
		options := &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
		if d.server == "sqlite" {
			options = nil
		}
		tx := db.Begin(options)
		must(t, tx.Error)
		var n int
		must(t, tx.Raw("SELECT count(*) FROM powgin_accounts").Scan(&n).Error) // the snapshot is taken

		second := record(t, s, "second")
		land(t, other, key(1), first.Version, second)
		want(t, s, key(1), second)
		third := record(t, s, "third")
		land(t, s, key(1), second.Version, third)
		want(t, other, key(1), third)
		made := put(t, s, key(2), "made")

		var seen []byte
		must(t, tx.Raw("SELECT data FROM powgin_accounts WHERE version = ?", first.Version[:]).Row().Scan(&seen))
		if string(seen) != "first" {
			t.Errorf("the app's transaction sees %q; want its snapshot", seen)
		}
		must(t, tx.Rollback().Error)
		want(t, s, key(1), third) // no rollback of the app's takes back a change
		want(t, other, key(2), made)
	})
}

// recorder is a GORM logger that keeps what it is told.
type recorder struct {
	mu   sync.Mutex
	told []string
}

func (r *recorder) LogMode(logger.LogLevel) logger.Interface    { return r }
func (r *recorder) Info(_ context.Context, s string, _ ...any)  { r.add(s) }
func (r *recorder) Warn(_ context.Context, s string, _ ...any)  { r.add(s) }
func (r *recorder) Error(_ context.Context, s string, _ ...any) { r.add(s) }
func (r *recorder) Trace(_ context.Context, _ time.Time, f func() (string, int64), _ error) {
	statement, _ := f()
	r.add(statement)
}

func (r *recorder) add(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Contains(s, "powgin_accounts") {
		r.told = append(r.told, s)
	}
}

// What the app has hung into GORM sees nothing of a Store: neither its logger,
// which would have records in it, nor its callbacks and plugins.
func TestAppsGORMSeesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		log := &recorder{}
		db, sent := d.openConfig(t, "", gorm.Config{
			Logger: log, PrepareStmt: true,
			NowFunc: func() time.Time { t.Error("NowFunc was asked"); return time.Time{} },
		})
		called := func(tx *gorm.DB) {
			if statement := tx.Statement.SQL.String(); strings.Contains(statement, "powgin") {
				t.Errorf("a callback saw %s", statement)
			}
		}
		callbacks := db.Callback()
		must(t, callbacks.Create().Before("*").Register("test:create", called))
		must(t, callbacks.Query().Before("*").Register("test:query", called))
		must(t, callbacks.Update().Before("*").Register("test:update", called))
		must(t, callbacks.Delete().Before("*").Register("test:delete", called))
		must(t, callbacks.Row().Before("*").Register("test:row", called))
		must(t, callbacks.Raw().Before("*").Register("test:raw", called))
		s := storeOn(t, db.WithContext(t.Context()).Where("1 = 0").Limit(0))
		r := put(t, s, key(1), "there")
		want(t, s, key(1), r)
		land(t, s, key(1), r.Version, cache.Record{})
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		_, _ = s.Load(canceled(t), key(1))
		log.mu.Lock()
		defer log.mu.Unlock()
		if len(log.told) > 0 {
			t.Errorf("GORM's logger was told %q; want nothing", log.told)
		}
		if got := sent.take(); strings.Contains(got, "BEGIN") {
			t.Errorf("sent: %s; want no transaction", got)
		}
	})
}

func canceled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// With replicas registered the Store keeps to the primary.
func TestReplicasAreNotRead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db, sent := d.openSpied(t)
		replica := newDatabase(t, d.kind)
		replicaDB, sentToReplica := replica.openSpied(t)
		pool, err := replicaDB.DB()
		must(t, err)
		must(t, db.AutoMigrate(&user{}))
		must(t, replicaDB.AutoMigrate(&user{}))
		must(t, db.Use(dbresolver.Register(dbresolver.Config{Replicas: []gorm.Dialector{replica.dialector(pool)}})))
		sent.take()
		sentToReplica.take()
		must(t, db.Find(&[]user{}).Error)
		if got := sentToReplica.take(); got != "SELECT" {
			t.Fatalf("the app's read sends %q to the replica; want SELECT", got)
		}
		s := storeOn(t, db)
		r := put(t, s, key(1), "there")
		want(t, s, key(1), r)
		land(t, s, key(1), r.Version, cache.Record{})
		if got := sentToReplica.take(); got != "" {
			t.Errorf("the Store sends %s to the replica; want nothing", got)
		}
	})
}
