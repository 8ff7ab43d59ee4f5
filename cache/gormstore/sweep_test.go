package gormstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
)

// putExpired creates n records that have expired already, from the n-th
// account on.
func putExpired(t testing.TB, s *gormstore.Store, from, n int) {
	t.Helper()
	for i := range n {
		r := record("expired")
		r.Expires = cache.TimeOf(time.Now().Add(-time.Minute))
		put(t, s, key(from+i), r)
	}
}

func TestSweepDeletesAllThatHasExpired(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	s.SweepAfter(1 << 30)
	forEver := record("for ever")
	forEver.Expires = 0
	live, never := put(t, s, key(1), record("live")), put(t, s, key(2), forEver)
	before := record("from before 1970")
	before.Expires = -1
	put(t, s, key(3), before)
	putExpired(t, s, 100, 200)
	if n, err := s.Sweep(t.Context()); n != 201 || err != nil {
		t.Errorf("Sweep = %d, %v; want 201", n, err)
	}
	if got := rows(t, db); got != 2 {
		t.Errorf("after Sweep there are %d rows; want 2", got)
	}
	wantLoad(t, s, key(1), live)
	wantLoad(t, s, key(2), never)
	if n, err := s.Sweep(t.Context()); n != 0 || err != nil {
		t.Errorf("Sweep of nothing = %d, %v; want 0", n, err)
	}
}

func TestSweepTellsHowFarItCame(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n, err := s.Sweep(ctx)
	wantError(t, "Sweep with a cancelled context", err, "gormstore: sweeping powgin_accounts", "canceled")
	if n != 0 {
		t.Errorf("Sweep with a cancelled context = %d", n)
	}
}

func TestSwapsSweepNowAndThen(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	if got := s.SweepDue(); got < 1 || got > 256 {
		t.Errorf("the first sweep is due after %d swaps; want 1 to 256", got)
	}
	s.SweepAfter(1 << 30)
	putExpired(t, s, 100, 70)
	r := put(t, s, key(1), record("0"))
	step := func() {
		t.Helper()
		next := record("next")
		if _, ok, err := s.Swap(t.Context(), key(1), r.Version, next); !ok || err != nil {
			t.Fatalf("Swap = %v, %v; want true", ok, err)
		}
		r = next
	}
	want := func(what string, left int, due int64) {
		t.Helper()
		if got := rows(t, db); got != left {
			t.Errorf("%s there are %d rows; want %d", what, got, left)
		}
		if got := s.SweepDue(); got != due {
			t.Errorf("%s the next sweep is due after %d swaps; want %d", what, got, due)
		}
	}
	s.SweepAfter(3)
	step()
	step()
	want("after two swaps of three", 71, 1)
	if _, ok, err := s.Swap(t.Context(), key(1), cache.NewID(), record("lost")); ok || err != nil {
		t.Fatalf("Swap from another version = %v, %v; want false", ok, err)
	}
	want("after a swap that did not land", 71, 1)
	step()
	want("after the third", 7, 32) // 64 of 70 are gone, and the rest is due soon
	for range 32 {
		step()
	}
	want("after 32 more", 1, 256)
	wantLoad(t, s, key(1), r)
}

func TestSwapDoesNotSweepWhereThePoolIsUsedUp(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	s.SweepAfter(1)
	free := holdAll(t, pool(t, db))
	s.SweepSome(t.Context())
	if got := s.SweepDue(); got != 32 {
		t.Errorf("with no connection free the next sweep is due after %d swaps; want 32", got)
	}
	free()
	s.SweepAfter(1)
	s.SweepSome(t.Context())
	if got := s.SweepDue(); got != 256 {
		t.Errorf("with one free the next sweep is due after %d swaps; want 256", got)
	}
	s.SweepAfter(0)
	s.SweepSome(t.Context())
	if got := s.SweepDue(); got != -1 {
		t.Errorf("while another sweeps the next is due after %d swaps; want -1, since nobody else begins", got)
	}
}

func TestSweepThatFailsIsNobodysError(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	s.SweepAfter(1 << 30)
	putExpired(t, s, 100, 5)
	run(t, db, "CREATE TRIGGER keep BEFORE DELETE ON powgin_accounts BEGIN SELECT RAISE(ABORT, 'kept'); END")
	s.SweepAfter(1)
	put(t, s, key(1), record("there"))
	if got := s.SweepDue(); got != 256 {
		t.Errorf("after a sweep that failed the next is due after %d swaps; want 256", got)
	}
	run(t, db, "DROP TRIGGER keep")
	s.SweepAfter(1)
	put(t, s, key(2), record("there"))
	if got := rows(t, db); got != 2 {
		t.Errorf("after the next sweep there are %d rows; want 2", got)
	}
}

// An expired row is absent, whether it was swept or not.
func TestExpiredRowIsReplaced(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	s := storeOn(t, db)
	s.SweepAfter(1 << 30)
	putExpired(t, s, 1, 1)
	wantLoad(t, s, key(1), cache.Record{})
	r := put(t, s, key(1), record("in its place"))
	wantLoad(t, s, key(1), r)
	if got := rows(t, db); got != 1 {
		t.Errorf("there are %d rows; want the one that was replaced", got)
	}
}

func TestDeletingWhatIsAbsent(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	l, ok, err := s.Swap(t.Context(), key(1), cache.ID{}, cache.Record{})
	if !ok || err != nil || l.Now == 0 {
		t.Errorf("Swap of nothing by nothing = %v, %v, time %d; want true", ok, err, l.Now)
	}
	r := put(t, s, key(1), record("there"))
	l, ok, err = s.Swap(t.Context(), key(1), cache.ID{}, cache.Record{})
	if ok || err != nil || l.Record.Version != r.Version {
		t.Errorf("Swap of nothing by nothing over a record = %v, %v, version %x; want false, and the record", ok, err, l.Record.Version)
	}
}
