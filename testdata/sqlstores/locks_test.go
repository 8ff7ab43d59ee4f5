package sqlstores

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
)

// holdRow has a transaction hold the row of an account, until the returned
// function is called.
func holdRow(t *testing.T, db *gorm.DB, data string) (release func()) {
	t.Helper()
	var id []byte
	must(t, db.Raw("SELECT id FROM powgin_accounts WHERE data = ?", []byte(data)).Row().Scan(&id))
	tx := db.Begin()
	must(t, tx.Error)
	res := tx.Exec("UPDATE powgin_accounts SET expires = expires + 1 WHERE id = ?", id) // no other row is locked
	must(t, res.Error)
	if res.RowsAffected != 1 {
		t.Fatalf("%d rows are held; want 1", res.RowsAffected)
	}
	return func() {
		t.Helper()
		must(t, tx.Rollback().Error)
	}
}

func TestRowThatIsLocked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		s := d.store(t)
		r := put(t, s, key(1), "held")
		release := holdRow(t, d.open(t), "held")
		want(t, s, key(1), r) // readers do not wait

		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		_, ok, err := s.Swap(ctx, key(1), r.Version, record(t, s, "next"))
		// SQLite refuses, and the others let wait.
		reason := context.DeadlineExceeded
		if d.server == "sqlite" {
			reason = cache.ErrBusy
		}
		if ok || !errors.Is(err, reason) {
			t.Errorf("Swap of a locked row = %v, %v; want %v", ok, err, reason)
		}
		release()
		// The change that was given up may have been made in the end.
		there := load(t, s, key(1)).Record
		next := record(t, s, "after the lock")
		l, ok, err := s.Swap(t.Context(), key(1), there.Version, next)
		for !ok && err == nil {
			l, ok, err = s.Swap(t.Context(), key(1), l.Record.Version, next)
		}
		must(t, err)
		want(t, s, key(1), next)
	})
}

func fillExpired(t *testing.T, s cache.Store, from, n int) {
	t.Helper()
	r := expired(t, s, "expired")
	for i := range n {
		r.Version = cache.NewID()
		land(t, s, key(from+i), cache.ID{}, r)
	}
}

func rows(t testing.TB, db *gorm.DB) (n int) {
	t.Helper()
	must(t, db.Raw("SELECT count(*) FROM powgin_accounts").Scan(&n).Error)
	return n
}

func TestSweep(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db, sent := d.openSpied(t)
		s := storeOn(t, db)
		passSweep(t, s, sent)
		live, forEver := put(t, s, key(1), "live"), record(t, s, "for ever")
		forEver.Expires = 0
		land(t, s, key(2), cache.ID{}, forEver)
		fillExpired(t, s, 100, 130)
		sent.take()
		if removed, err := s.Sweep(t.Context()); err != nil || removed != 130 {
			t.Errorf("Sweep = %d, %v; want 130", removed, err)
		}
		some := "SELECT" + strings.Repeat(" DELETE", 64) + " "
		statements := map[string]string{
			"sqlite": "DELETE DELETE DELETE DELETE", "postgres": "WITH WITH WITH WITH",
			"mysql": some + some + "SELECT DELETE DELETE SELECT",
		}[d.server]
		if got := sent.take(); got != statements {
			t.Errorf("Sweep sends %s; want %s", got, statements)
		}
		if got := rows(t, db); got != 3 { // and the one that passSweep has made
			t.Errorf("after Sweep there are %d rows; want 3", got)
		}
		want(t, s, key(1), live)
		want(t, s, key(2), forEver)
	})
}

// Whoever changes records sweeps now and then, and does not wait for a row that
// somebody holds.
func TestSwapsSweepBesideALock(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db, sent := d.openSpied(t)
		s := storeOn(t, db)
		passSweep(t, s, sent)
		fillExpired(t, s, 100, 20)
		release := func() {}
		if d.server != "sqlite" { // which has one lock for all
			held := expired(t, s, "held")
			held.Expires -= cache.Time(time.Hour) // the first to be swept
			land(t, s, key(99), cache.ID{}, held)
			release = holdRow(t, d.open(t), "held")
		}
		began := time.Now()
		r := put(t, s, key(1), "0")
		for range 300 {
			next := r
			next.Version = cache.NewID()
			land(t, s, key(1), r.Version, next)
			r = next
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("300 swaps beside a lock took %v", took)
		}
		release()
		removed, err := s.Sweep(t.Context())
		if err != nil || removed > 21 {
			t.Errorf("Sweep = %d, %v", removed, err)
		}
		if d.server == "postgres" && removed != 1 { // SKIP LOCKED
			t.Errorf("Sweep after 300 swaps = %d; want the row that was held", removed)
		}
		if d.server == "sqlite" && removed != 0 {
			t.Errorf("Sweep after 300 swaps = %d; want nothing left", removed)
		}
		if got := rows(t, db); got != 2 { // and the one that passSweep has made
			t.Errorf("after Sweep there are %d rows; want 2", got)
		}
	})
}

// Sweeps that run side by side, with swaps, leave nothing and take nothing.
func TestSweepsSideBySide(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		nodes := []*gormstore.Store{d.store(t), d.store(t), d.store(t)}
		live := put(t, nodes[0], key(1), "live")
		fillExpired(t, nodes[0], 100, 200)
		done := make(chan error, len(nodes))
		for _, node := range nodes {
			go func() {
				_, err := node.Sweep(t.Context())
				done <- err
			}()
		}
		for i := range 20 { // an expired row is made anew meanwhile
			put(t, nodes[0], key(100+i), "anew")
		}
		for range nodes {
			if err := <-done; err != nil {
				t.Errorf("Sweep = %v", err)
			}
		}
		_, err := nodes[0].Sweep(t.Context())
		must(t, err)
		want(t, nodes[1], key(1), live)
		for i := range 200 {
			if got := string(load(t, nodes[2], key(100+i)).Record.Data); i < 20 && got != "anew" || i >= 20 && got != "" {
				t.Errorf("record %d holds %q", i, got)
			}
		}
	})
}
