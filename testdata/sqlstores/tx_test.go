package sqlstores

import (
	"context"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
)

// A row is a user of these tests, in the database of the accounts.
type row struct {
	ID   int
	Plan string
}

func (row) TableName() string { return "plans" }

// A table reads them, beside any transaction.
type table struct {
	*gorm.DB
	asked chan<- string // told what was read, before the answer; nil for nobody
	wait  <-chan struct{}
}

func (r *table) Find(ctx context.Context, key string) (any, bool, error) {
	var u row
	res := r.WithContext(ctx).Where("id = ?", key).Limit(1).Find(&u)
	if r.asked != nil {
		r.asked <- u.Plan
		<-r.wait
	}
	return u, res.RowsAffected > 0, res.Error
}

// A txSite is an app whose users and accounts are in one SQLite file.
type txSite struct {
	testing.TB
	db    *gorm.DB
	store *gormstore.Store
	cache *cache.Cache
	rows  *table
	token cache.Token
}

func newTxSite(t testing.TB, settings string) *txSite {
	t.Helper()
	d := newDatabase(t, kind{name: "sqlite", server: "sqlite", connector: sqliteConnector, settings: settings})
	s := &txSite{TB: t, db: d.open(t)}
	must(t, s.db.AutoMigrate(row{}))
	must(t, s.db.Create(&[]row{{1, "free"}, {2, "free"}}).Error)
	s.store, s.rows = storeOn(t, s.db), &table{DB: d.open(t)}
	var err error
	s.cache, err = cache.New(cache.Config{
		Store: s.store, Source: s.rows, Space: cache.Space{Namespace: "tx", Table: "rows", Type: "row"},
		Key:   func(u any) string { return strconv.Itoa(u.(row).ID) },
		Codec: rowCodec{},
		Rules: cache.Rules{
			IdleTimeout: time.Hour, RenewAfter: time.Hour / 2, AbsoluteTimeout: time.Hour, Grace: time.Second,
			MaxAge: time.Hour, MaxSessions: 10,
		},
	})
	must(t, err)
	t.Cleanup(func() { _ = s.cache.Close() })
	var o cache.Opened
	_, err = s.cache.SignIn(t.Context(), &cache.SignIn{UserKey: "1"}, &o)
	must(t, err)
	s.token = *o.Successor
	s.sees("free", cache.FromDatabase)
	s.sees("free", cache.FromCache)
	return s
}

type rowCodec struct{}

func (rowCodec) Encode(u any) ([]byte, error) {
	return []byte(strconv.Itoa(u.(row).ID) + u.(row).Plan), nil
}
func (rowCodec) Decode(b []byte) (any, error) {
	id, err := strconv.Atoi(string(b[:1]))
	return row{id, string(b[1:])}, err
}

// sees is a request of user 1.
func (s *txSite) sees(plan string, from cache.Origin) {
	s.Helper()
	var o cache.Opened
	must(s, s.cache.Open(s.Context(), &cache.Opening{Token: s.token}, &o))
	if u, _ := o.User.(row); u.Plan != plan || o.From != from {
		s.Errorf("a request sees %+v, from %v; want %q from %v", o.User, o.From, plan, from)
	}
}

// change changes the plan of user 1 in a transaction that announces it, and then
// ends as said.
func (s *txSite) change(plan string, keys []string, end func(tx *gorm.DB) *gorm.DB, meanwhile func()) {
	s.Helper()
	tx := s.db.Begin()
	must(s, tx.Error)
	must(s, tx.Model(&row{ID: 1}).Update("plan", plan).Error)
	done, err := s.cache.NewWrite("", keys...).InTx(s.Context(), tx.Statement.ConnPool)
	must(s, err)
	if !done {
		s.Error("InTx = false; want it within the transaction")
	}
	meanwhile()
	must(s, end(tx).Error)
}

func TestAnnouncementWithinTheTransaction(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"one user": {"1"}, "all users": nil} {
		for _, settings := range []string{"&_pragma=journal_mode(WAL)", "&_pragma=journal_mode(WAL)&_txlock=immediate"} {
			t.Run(name+settings[len("&_pragma=journal_mode(WAL)"):], func(t *testing.T) {
				t.Parallel()
				s := newTxSite(t, settings)
				s.change("pro", keys, (*gorm.DB).Commit, func() { s.sees("free", cache.FromCache) })
				s.sees("pro", cache.FromDatabase)
				s.sees("pro", cache.FromCache)
				s.change("team", keys, (*gorm.DB).Rollback, func() {})
				s.sees("pro", cache.FromCache)
			})
		}
	}
}

// A row that was read before the COMMIT is not cached after it.
func TestReadBesideAnAnnouncementWithinTheTransaction(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"one user": {"1"}, "all users": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTxSite(t, "&_pragma=journal_mode(WAL)")
			s.change("free", keys, (*gorm.DB).Commit, func() {}) // nothing is cached
			asked, wait := make(chan string), make(chan struct{})
			s.rows.asked, s.rows.wait = asked, wait
			ended := make(chan struct{})
			go func() { defer close(ended); s.sees("free", cache.FromDatabase) }()
			<-asked
			s.change("pro", keys, (*gorm.DB).Commit, func() {})
			close(wait)
			<-ended
			s.rows.asked = nil
			s.sees("pro", cache.FromDatabase)
			s.sees("pro", cache.FromCache)
		})
	}
}

// Only a transaction on the store's own SQLite file is one to be part of.
func TestTransactionsToBeNoPartOf(t *testing.T) {
	t.Parallel()
	s := newTxSite(t, "&_pragma=journal_mode(WAL)")
	other := newDatabase(t, kind{name: "sqlite", server: "sqlite", connector: sqliteConnector}).open(t)
	again := *s.rows.DB // another pool on the same file
	for _, row := range []struct {
		name string
		db   *gorm.DB
		want bool
	}{{"the store's pool", s.db, true}, {"another pool on its file", &again, true}, {"another file", other, false}} {
		tx := row.db.Begin()
		must(t, tx.Error)
		if _, ok := s.store.InTx(tx.Statement.ConnPool); ok != row.want {
			t.Errorf("InTx of a transaction on %s = %v; want %v", row.name, ok, row.want)
		}
		must(t, tx.Rollback().Error)
	}
	if _, ok := s.store.InTx(filepath.Separator); ok {
		t.Error("InTx of something else = true; want false")
	}
	each(t, func(t *testing.T, d *database) {
		if d.server == "sqlite" {
			return
		}
		db := d.open(t)
		tx := db.Begin()
		must(t, tx.Error)
		if _, ok := storeOn(t, db).InTx(tx.Statement.ConnPool); ok {
			t.Error("InTx = true; want it made beside the transaction")
		}
		must(t, tx.Rollback().Error)
	})
}
