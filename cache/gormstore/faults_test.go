package gormstore_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/powgin/powgin/cache"
)

// both calls a store's two methods on an account that is there.
func both(ctx context.Context, t *testing.T, s cache.Store, r cache.Record, check func(what string, err error)) {
	t.Helper()
	l, err := s.Load(ctx, key(1))
	check("Load", err)
	if l.Now != 0 || l.Record.Version != (cache.ID{}) {
		t.Errorf("Load that failed = %+v; want nothing", l)
	}
	_, ok, err := s.Swap(ctx, key(1), r.Version, record("next"))
	check("Swap", err)
	if ok {
		t.Error("Swap that failed = true")
	}
}

// lock has another connection hold SQLite's one lock for writing, until the
// returned function is called.
func lock(t *testing.T, dsn string) (unlock func()) {
	t.Helper()
	db := open(t, strings.Replace(dsn, "busy_timeout(20)", "busy_timeout(10000)", 1))
	conn, err := pool(t, db).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(context.WithoutCancel(t.Context()), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	}
}

func TestLockedDatabaseIsWaitedFor(t *testing.T) {
	t.Parallel()
	dsn := strings.Replace(newFile(t), "busy_timeout(20)", "busy_timeout(0)", 1)
	s := storeOn(t, open(t, dsn))
	prepared := s.Prepared()
	unlock := lock(t, dsn)
	type outcome struct {
		ok  bool
		err error
	}
	landed, r := make(chan outcome, 1), record("made")
	go func() {
		_, ok, err := s.Swap(t.Context(), key(1), cache.ID{}, r)
		landed <- outcome{ok, err}
	}()
	select {
	case o := <-landed:
		t.Fatalf("Swap of a locked database = %v, %v; want it to wait", o.ok, o.err)
	case <-time.After(50 * time.Millisecond):
	}
	unlock()
	if o := <-landed; !o.ok || o.err != nil {
		t.Fatalf("Swap after the lock = %v, %v; want true", o.ok, o.err)
	}
	if got := s.Prepared(); got != prepared || got != 4 {
		t.Errorf("%d statements are prepared after the lock, and %d before; want 4", got, prepared)
	}
	wantLoad(t, s, key(1), r)
}

func TestLockedDatabaseIsErrBusy(t *testing.T) {
	t.Parallel()
	dsn := strings.Replace(newFile(t), "busy_timeout(20)", "busy_timeout(0)", 1)
	s := storeOn(t, open(t, dsn))
	r := put(t, s, key(1), record("there"))
	unlock := lock(t, dsn)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, ok, err := s.Swap(ctx, key(1), r.Version, record("next"))
	wantError(t, "Swap of a locked database", err, "gormstore: changing powgin_accounts", "database is locked")
	if ok || !errors.Is(err, cache.ErrBusy) {
		t.Errorf("Swap of a locked database = %v, %v; want cache.ErrBusy", ok, err)
	}
	wantLoad(t, s, key(1), r) // with WAL readers go on
	unlock()
	put(t, s, key(2), record("afterwards"))
	wantLoad(t, s, key(1), r)
}

func TestContextThatHasEnded(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	r := put(t, s, key(1), record("there"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	both(ctx, t, s, r, func(what string, err error) {
		wantError(t, what, err, "gormstore: ", "powgin_accounts")
		if !errors.Is(err, context.Canceled) || errors.Is(err, cache.ErrBusy) {
			t.Errorf("%s with a cancelled context = %v; want context.Canceled", what, err)
		}
	})
	wantLoad(t, s, key(1), r)
}

// holdAll uses all connections of a pool, until the returned function is called.
func holdAll(t *testing.T, p *sql.DB) (free func()) {
	t.Helper()
	p.SetMaxOpenConns(2)
	var held []*sql.Conn
	for range 2 {
		conn, err := p.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	free = func() {
		for _, conn := range held {
			_ = conn.Close()
		}
	}
	t.Cleanup(free)
	return free
}

func TestNoFreeConnectionIsErrBusy(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	r := put(t, s, key(1), record("there"))
	holdAll(t, pool(t, db))
	for _, prepared := range []bool{true, false} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		both(ctx, t, s, r, func(what string, err error) {
			if !errors.Is(err, cache.ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s (prepared: %v) with no connection free = %v; want cache.ErrBusy", what, prepared, err)
			}
		})
		cancel()
		s = s.Fresh()
	}
}

func TestNoFreeConnectionAndACancelledContext(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	holdAll(t, pool(t, db))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err := s.Load(ctx, key(1))
	if !errors.Is(err, context.Canceled) || errors.Is(err, cache.ErrBusy) {
		t.Errorf("Load that its caller has given up = %v; want context.Canceled, which is not ErrBusy", err)
	}
}

// plainPool is a pool of the app's own making, which tells nothing of itself.
type plainPool struct{ gorm.ConnPool }

func TestPoolThatTellsNothing(t *testing.T) {
	t.Parallel()
	inner := pool(t, open(t, newFile(t)))
	db, err := gorm.Open(sqlite.Dialector{Conn: plainPool{inner}}, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	s := storeOn(t, db)
	r := put(t, s, key(1), record("there"))
	free := holdAll(t, inner)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Load(ctx, key(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Load with no connection free = %v; want the deadline's error", err)
	}
	free()
	wantLoad(t, s, key(1), r)
}

func TestClosedDatabase(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	r := put(t, s, key(1), record("there"))
	if err := pool(t, db).Close(); err != nil {
		t.Fatal(err)
	}
	both(t.Context(), t, s, r, func(what string, err error) {
		wantError(t, what+" of a closed database", err, "gormstore: ", "database is closed")
	})
	if n, err := s.Sweep(t.Context()); n != 0 || err == nil {
		t.Errorf("Sweep of a closed database = %d, %v; want an error", n, err)
	}
}

func TestTableThatIsGone(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	r := put(t, s, key(1), record("there"))
	run(t, db, "DROP TABLE powgin_accounts")
	both(t.Context(), t, s, r, func(what string, err error) {
		wantError(t, what+" without the table", err, "no such table: powgin_accounts")
	})
	run(t, db, s.Schema())
	put(t, s, key(1), record("anew"))
}

func TestTableThatIsAltered(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	r := put(t, s, key(1), record("there"))
	run(t, db, "ALTER TABLE powgin_accounts ADD COLUMN note TEXT")
	wantLoad(t, s, key(1), r)
	next := record("next")
	if _, ok, err := s.Swap(t.Context(), key(1), r.Version, next); !ok || err != nil {
		t.Errorf("Swap after an ALTER TABLE = %v, %v; want true", ok, err)
	}
	wantLoad(t, s, key(1), next)
}

func TestRecordThatIsTooLarge(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	r := record("")
	r.Data = make([]byte, 1<<24)
	_, ok, err := s.Swap(t.Context(), key(1), cache.ID{}, r)
	wantError(t, "Swap of 16 MiB", err, "a record of 16777216 bytes is too large for powgin_accounts")
	if ok {
		t.Error("Swap of 16 MiB = true")
	}
	wantLoad(t, s, key(1), cache.Record{})
	r.Data = r.Data[1:]
	put(t, s, key(1), r)
}

// Somebody else wrote into the table.
func TestRowsOfOthers(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	put(t, s, key(1), record("the secret"))
	run(t, db, "UPDATE powgin_accounts SET version = x'0102'")
	_, err := s.Load(t.Context(), key(1))
	wantError(t, "Load of a short version", err, "the column version holds 2 bytes in place of 16")
	run(t, db, "UPDATE powgin_accounts SET version = 7")
	_, err = s.Load(t.Context(), key(1))
	wantError(t, "Load of a number", err, "the column version holds a int64 in place of bytes")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("Load = %v; want nothing of the record in it", err)
	}
}

// A swap that does not land although nothing stands against it ends all the same.
func TestSwapThatNeverLands(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	r := put(t, s, key(1), record("there"))
	run(t, db, "CREATE TRIGGER ignore BEFORE UPDATE ON powgin_accounts BEGIN SELECT RAISE(IGNORE); END")
	l, ok, err := s.Swap(t.Context(), key(1), r.Version, record("next"))
	if ok || err != nil || l.Record.Version != r.Version {
		t.Errorf("Swap = %v, %v, with version %x there; want false, with %x", ok, err, l.Record.Version, r.Version)
	}
}
