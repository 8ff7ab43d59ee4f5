package cache

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sick is a health, and the events it told of.
func sick() (*health, *eventLog, *atomic.Uint64) {
	log, failures := new(eventLog), new(atomic.Uint64)
	return &health{down: EventStoreDown, up: EventStoreUp, failures: failures, event: log.add}, log, failures
}

func wantTold(t *testing.T, log *eventLog, what string, downs, ups int) {
	t.Helper()
	if d, u := len(log.named(EventStoreDown)), len(log.named(EventStoreUp)); d != downs || u != ups {
		t.Errorf("%s: told %d times that it is down and %d that it is up; want %d and %d", what, d, u, downs, ups)
	}
}

func TestAnOutageIsToldOnceAndItsEndToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, log, failures := sick()
		h.saw(nil)
		wantTold(t, log, "while it answers", 0, 0)
		for range 100 {
			h.saw(errStore)
			time.Sleep(10 * time.Second)
		}
		wantTold(t, log, "while it is down, for however long", 1, 0)
		for range 100 {
			h.saw(nil)
		}
		wantTold(t, log, "when it answers", 1, 1)
		if got := failures.Load(); got != 100 {
			t.Errorf("%d failures; want 100", got)
		}
	})
}

// What says more of the caller than of who was called tells of no outage, nor
// of the end of one.
func TestWhatIsNoOutage(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		err      error
		failures uint64
	}{
		{ErrFull, 0},
		{fmt.Errorf("change an account: %w", ErrFull), 0},
		{ErrBusy, 1},
		{context.Canceled, 1},
		{fmt.Errorf("load an account: %w", context.Canceled), 1},
	} {
		t.Run(row.err.Error(), func(t *testing.T) {
			t.Parallel()
			h, log, failures := sick()
			h.saw(row.err)
			wantTold(t, log, "at first", 0, 0)
			if got := failures.Load(); got != row.failures {
				t.Errorf("%d failures; want %d", got, row.failures)
			}
			h.saw(context.DeadlineExceeded)
			h.saw(row.err)
			wantTold(t, log, "in an outage", 1, 0)
		})
	}
}

// A store that comes and goes is told of once a minute, in pairs.
func TestAStoreThatFlapsIsToldOfOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, log, _ := sick()
		for second := range 300 {
			h.saw(errStore)
			h.saw(nil)
			if want := second/60 + 1; second%60 == 0 || second%60 == 59 {
				wantTold(t, log, fmt.Sprint("after ", second, " seconds"), want, want)
			}
			time.Sleep(time.Second)
		}
	})
}

// An outage that begins right after another is told of once the minute is
// over: the last that was told is never that it answers while it does not.
func TestAnOutageRightAfterAnotherIsToldOf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, log, _ := sick()
		h.saw(errStore)
		h.saw(nil)
		time.Sleep(10 * time.Second)
		h.saw(errStore)
		wantTold(t, log, "within the minute", 1, 1)
		time.Sleep(50*time.Second - 1)
		h.saw(errStore)
		wantTold(t, log, "just within the minute", 1, 1)
		time.Sleep(time.Nanosecond)
		h.saw(errStore)
		wantTold(t, log, "after the minute", 2, 1)
		time.Sleep(time.Hour)
		h.saw(errStore)
		h.saw(nil)
		wantTold(t, log, "when it answers", 2, 2)
	})
}

func TestManyWhoSeeAnOutageTellOnce(t *testing.T) {
	t.Parallel()
	h, log, failures := sick()
	var wg sync.WaitGroup
	all := func(err error) {
		for range 50 {
			wg.Go(func() {
				for range 20 {
					h.saw(err)
				}
			})
		}
		wg.Wait()
	}
	all(errStore)
	wantTold(t, log, "down", 1, 0)
	all(nil)
	wantTold(t, log, "up", 1, 1)
	if got := failures.Load(); got != 1000 {
		t.Errorf("%d failures; want 1000", got)
	}
	// Some see it fail while others see it answer.
	for range 50 {
		wg.Go(func() { h.saw(errStore) })
		wg.Go(func() { h.saw(nil) })
	}
	wg.Wait()
	wantTold(t, log, "within the minute", 1, 1)
}

func TestTheStoresOutageIsTold(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		fail func(store *watchedStore, err error)
		call func(k *kit) error
		ups  int // while it fails: what is loaded between two tries is an answer
	}{
		{"a load", failLoads, func(k *kit) error { return k.cache.RevokeUser(k.t.Context(), "", "ann") }, 0},
		{"a swap", failSwaps, func(k *kit) error { return k.cache.RevokeUser(k.t.Context(), "", "ann") }, 1},
		{"a load of the epoch", failLoads, func(k *kit) error { return k.cache.RevokeAll(k.t.Context(), 0) }, 0},
		{"a swap of the epoch", failSwaps, func(k *kit) error { time.Sleep(time.Nanosecond); return k.cache.RevokeAll(k.t.Context(), 0) }, 1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
				k.signInAs("ann")
				row.fail(store, errStore)
				for range 3 {
					wantErr(t, row.name, row.call(k), errStore)
				}
				k.wantEvents(EventStoreDown, 1)
				k.wantEvents(EventStoreUp, row.ups)
				row.fail(store, nil)
				for range 3 {
					wantErr(t, row.name, row.call(k), nil)
				}
				k.wantEvents(EventStoreDown, 1)
				k.wantEvents(EventStoreUp, 1)
				k.wantEvents(EventDatabaseDown, 0)
				if e := k.events.named(EventStoreDown)[0]; e != (Event{Name: EventStoreDown}) {
					t.Errorf("event %v; want one that names nobody", e)
				}
			})
		})
	}
}

func failLoads(store *watchedStore, err error) {
	store.load = func(int64) error { return err }
}

func failSwaps(store *watchedStore, err error) {
	store.before = func(int64) error { return err }
}

func TestTheDatabasesOutageIsTold(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.signInAs("ann")
		fail := func(err error) {
			k.people.with(func() { k.people.fail = err })
			for range 3 {
				_, got := k.cache.Newest(t.Context(), &o.Access, true)
				wantErr(t, "Newest", got, err)
			}
		}
		fail(ErrBusy)
		k.wantEvents(EventDatabaseDown, 0)
		fail(errTable)
		k.wantEvents(EventDatabaseDown, 1)
		fail(nil)
		k.wantEvents(EventDatabaseDown, 1)
		k.wantEvents(EventDatabaseUp, 1)
		k.wantEvents(EventStoreDown, 0)
		k.people.remove("ann") // an answer
		k.newest(o, true)
		k.wantEvents(EventDatabaseDown, 1)
	})
}
