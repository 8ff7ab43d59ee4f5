package sqlstores

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/powgin/powgin/cache"
)

// first fails the first n statements that begin with a word.
func first(n int, word string, err error) func(string) error {
	return func(query string) error {
		if n == 0 || !strings.HasPrefix(query, word) {
			return nil
		}
		n--
		return err
	}
}

// othersFirst is what each database says where others were at it and nothing
// has happened, and forgotten what it says of a statement that it knows no more.
var (
	othersFirst = map[string][]error{
		"sqlite":   {errors.New("database is locked (5) (SQLITE_BUSY)"), errors.New("database table is locked (6)")},
		"postgres": {&pgconn.PgError{Code: "40001"}, &pgconn.PgError{Code: "40P01"}},
		"mysql":    {&mysqldriver.MySQLError{Number: 1213}, &mysqldriver.MySQLError{Number: 1205}, &mysqldriver.MySQLError{Number: 1020}},
	}
	forgotten = map[string]error{
		"postgres": &pgconn.PgError{Code: "26000"},
		"mysql":    &mysqldriver.MySQLError{Number: 1243},
	}
	errBroken = errors.New("the connection broke")
)

func TestWhatMetOthersIsTriedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db, faulty := d.openSpied(t)
		s := storeOn(t, db)
		for _, fault := range othersFirst[d.server] {
			r := record(t, s, "made")
			faulty.fail(first(3, "INSERT", fault), nil)
			land(t, s, key(1), cache.ID{}, r)
			faulty.fail(first(3, "SELECT", fault), nil)
			want(t, s, key(1), r)
			faulty.fail(first(3, "DELETE", fault), nil)
			land(t, s, key(1), r.Version, cache.Record{})
			faulty.fail(first(1, "DELETE", fault), nil)
			if _, err := s.Sweep(t.Context()); err != nil {
				t.Errorf("Sweep after %v = %v; want none", fault, err)
			}
		}
	})
}

func TestWhatMeetsOthersForEverIsErrBusy(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db, faulty := d.openSpied(t)
		s := storeOn(t, db)
		r := record(t, s, "made")
		fault := othersFirst[d.server][0]
		faulty.fail(first(-1, "INSERT", fault), nil)
		ctx, cancel := context.WithTimeout(t.Context(), 60*time.Millisecond)
		defer cancel()
		_, ok, err := s.Swap(ctx, key(1), cache.ID{}, r)
		if ok || !errors.Is(err, cache.ErrBusy) || !errors.Is(err, fault) {
			t.Errorf("Swap = %v, %v; want cache.ErrBusy and the database's error", ok, err)
		}
		faulty.fail(nil, nil)
		want(t, s, key(1), cache.Record{})
	})
}

// A change whose answer is lost may have been made. It is not sent again: the
// cache decides anew on what is there.
func TestLostAnswerIsAnError(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db, faulty := d.openSpied(t)
		s := storeOn(t, db)
		made, next := record(t, s, "made"), record(t, s, "next")
		for _, step := range []struct {
			sends     string
			old       cache.ID
			next      cache.Record
			afterward cache.Record
		}{
			{"INSERT", cache.ID{}, made, made},
			{"UPDATE", made.Version, next, next},
			{"DELETE", next.Version, cache.Record{}, cache.Record{}},
		} {
			faulty.take()
			faulty.fail(nil, first(1, step.sends, errBroken))
			_, ok, err := s.Swap(t.Context(), key(1), step.old, step.next)
			wantError(t, "Swap whose answer is lost", err, "gormstore: changing powgin_accounts: the connection broke")
			if ok {
				t.Error("Swap whose answer is lost = true")
			}
			if got := faulty.take(); got != step.sends {
				t.Errorf("sent: %s; want %s once", got, step.sends)
			}
			faulty.fail(nil, nil)
			want(t, s, key(1), step.afterward)
		}
	})
}

// A read may be sent again, whatever came of it.
func TestReadThatFailsOncePreparedIsSentPlain(t *testing.T) {
	t.Parallel()
	for _, k := range []kind{mainKinds[0], mainKinds[2]} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			db, faulty := newDatabase(t, k).openSpied(t)
			s := storeOn(t, db)
			r := put(t, s, key(1), "there")
			faulty.fail(first(1, "SELECT", errBroken), nil)
			want(t, s, key(1), r)
			faulty.fail(first(2, "SELECT", errBroken), nil)
			_, err := s.Load(t.Context(), key(1))
			wantError(t, "Load that fails twice", err, "gormstore: reading powgin_accounts: the connection broke")
			want(t, s, key(1), r)
		})
	}
}

// A server that was restarted, or a pooler between, knows no statement that was
// prepared before.
func TestForgottenStatementsAreSentAgain(t *testing.T) {
	t.Parallel()
	for _, k := range mainKinds[1:] {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			db, faulty := newDatabase(t, k).openSpied(t)
			s := storeOn(t, db)
			fault := forgotten[k.server]
			made, next := record(t, s, "made"), record(t, s, "next")
			faulty.fail(first(1, "INSERT", fault), nil)
			land(t, s, key(1), cache.ID{}, made)
			faulty.fail(first(1, "UPDATE", fault), nil)
			land(t, s, key(1), made.Version, next)
			faulty.fail(first(1, "SELECT", fault), nil)
			want(t, s, key(1), next)
			faulty.fail(first(1, "DELETE", fault), nil)
			land(t, s, key(1), next.Version, cache.Record{})
			faulty.fail(first(-1, "INSERT", fault), nil)
			_, ok, err := s.Swap(t.Context(), key(1), cache.ID{}, made)
			if ok || !errors.Is(err, fault) {
				t.Errorf("Swap that is forgotten for ever = %v, %v; want the error", ok, err)
			}
		})
	}
}

func TestNoFreeConnection(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db := d.open(t)
		s := storeOn(t, db)
		r := put(t, s, key(1), "there")
		pool, err := db.DB()
		must(t, err)
		pool.SetMaxOpenConns(1)
		conn, err := pool.Conn(t.Context())
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = s.Load(ctx, key(1))
		_, ok, errSwap := s.Swap(ctx, key(1), r.Version, cache.Record{})
		must(t, conn.Close())
		if !errors.Is(err, cache.ErrBusy) || !errors.Is(errSwap, cache.ErrBusy) || ok {
			t.Errorf("with no connection free Load = %v, Swap = %v, %v; want cache.ErrBusy", err, ok, errSwap)
		}
		want(t, s, key(1), r)
	})
}

func TestEndedContextsAndClosedPools(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db := d.open(t)
		s := storeOn(t, db)
		r := put(t, s, key(1), "there")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Load(ctx, key(1))
		_, _, errSwap := s.Swap(ctx, key(1), r.Version, cache.Record{})
		_, errSweep := s.Sweep(ctx)
		for what, err := range map[string]error{"Load": err, "Swap": errSwap, "Sweep": errSweep} {
			if !errors.Is(err, context.Canceled) || errors.Is(err, cache.ErrBusy) {
				t.Errorf("%s with a cancelled context = %v; want context.Canceled", what, err)
			}
		}
		want(t, s, key(1), r)
		pool, err := db.DB()
		must(t, err)
		must(t, pool.Close())
		_, err = s.Load(t.Context(), key(1))
		wantError(t, "Load of a closed pool", err, "gormstore: reading powgin_accounts: sql: database is closed")
		_, _, err = s.Swap(t.Context(), key(1), r.Version, cache.Record{})
		wantError(t, "Swap of a closed pool", err, "gormstore: changing powgin_accounts: sql: database is closed")
	})
}

// Connections that the server has ended are replaced.
func TestConnectionsThatTheServerEnds(t *testing.T) {
	t.Parallel()
	for _, k := range mainKinds[1:] {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t, k)
			db, admin := d.open(t), d.open(t)
			s := storeOn(t, db)
			r := put(t, s, key(1), "there")
			pool, err := db.DB()
			must(t, err)
			pool.SetMaxOpenConns(1)
			pool.SetMaxIdleConns(1)
			var id int64
			if k.server == "postgres" {
				must(t, db.Raw("SELECT pg_backend_pid()").Scan(&id).Error)
				run(t, admin, "SELECT pg_terminate_backend(%d)", id)
			} else {
				must(t, db.Raw("SELECT connection_id()").Scan(&id).Error)
				run(t, admin, "KILL %d", id)
			}
			if _, err := s.Load(t.Context(), key(1)); err != nil {
				t.Logf("Load over the connection that was ended = %v", err) // or the driver has noticed
			}
			want(t, s, key(1), r)
			land(t, s, key(1), r.Version, record(t, s, "next"))
		})
	}
}

// Neither what is kept nor a password shows in errors.
func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db := d.open(t)
		s := storeOn(t, db)
		r := record(t, s, strings.Repeat("hunter2 ", 100))
		run(t, db, "ALTER TABLE powgin_accounts RENAME TO elsewhere")
		_, err := s.Load(t.Context(), key(1))
		_, _, errSwap := s.Swap(t.Context(), key(1), cache.ID{}, r)
		_, errSweep := s.Sweep(t.Context())
		for what, err := range map[string]error{"Load": err, "Swap": errSwap, "Sweep": errSweep} {
			wantError(t, what+" without the table", err, "powgin_accounts")
			for _, secret := range []string{"hunter2", "127.0.0.1", "root@", "postgres@", string(r.Version[:])} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("%s = %v; want no %q in it", what, err, secret)
				}
			}
		}
	})
}
