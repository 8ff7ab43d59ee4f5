package cache

import (
	"fmt"
	"math"
	"reflect"
	"sync"
	"testing"
	"time"
)

// since returns what the counters have moved by, with the users served instead
// of their ages.
func (k *kit) since(before Stats) (moved Stats, served uint64) {
	now := k.cache.Stats()
	for i := range now.Ages {
		served += now.Ages[i].Count - before.Ages[i].Count
	}
	return Stats{
		Hits: now.Hits - before.Hits, Misses: now.Misses - before.Misses, Reloads: now.Reloads - before.Reloads,
		SharedLoads: now.SharedLoads - before.SharedLoads, Stale: now.Stale - before.Stale,
		Syncs: now.Syncs - before.Syncs, Renewals: now.Renewals - before.Renewals,
		GraceUses: now.GraceUses - before.GraceUses, ReuseAlarms: now.ReuseAlarms - before.ReuseAlarms,
		Errors: now.Errors - before.Errors,
	}, served
}

func (k *kit) wantMoved(what string, before, want Stats, served uint64) {
	k.t.Helper()
	if got, n := k.since(before); !reflect.DeepEqual(got, want) || n != served {
		k.t.Errorf("%s moved %+v and %d users served; want %+v and %d", what, got, n, want, served)
	}
}

// countedRequests are requests, and what each moves.
var countedRequests = []struct {
	name   string
	wait   time.Duration // after the sign-in
	do     func(k *kit, o *Opened)
	moved  Stats
	served uint64
}{
	{"nothing", 0, func(*kit, *Opened) {}, Stats{}, 0},
	{"a hit", 0, func(k *kit, o *Opened) { k.open(*o.Successor) }, Stats{Hits: 1}, 1},
	{"a request that wants no user", 0, func(k *kit, o *Opened) {
		in := &Opening{Transport: Cookie, Token: *o.Successor, NoUser: true}
		wantErr(k.t, "Open", k.cache.Open(k.t.Context(), in, new(Opened)), nil)
	}, Stats{}, 0},
	{"a renewal that wants no user", 16 * time.Minute, func(k *kit, o *Opened) {
		in := &Opening{Transport: Cookie, Token: *o.Successor, NoUser: true}
		wantErr(k.t, "Open", k.cache.Open(k.t.Context(), in, new(Opened)), nil)
	}, Stats{Renewals: 1}, 0},
	{"a token of nobody", 0, func(k *kit, o *Opened) { k.open(NewToken(o.Account())) }, Stats{}, 0},
	{"a miss", 2 * time.Minute, func(k *kit, o *Opened) { k.open(*o.Successor) }, Stats{Misses: 1}, 1},
	{"a miss that renews", 16 * time.Minute, func(k *kit, o *Opened) { k.open(*o.Successor) }, Stats{Misses: 1, Renewals: 1}, 1},
	{"a successor that is handed out again, then used", 16 * time.Minute, func(k *kit, o *Opened) {
		k.open(*o.Successor)
		k.open(*k.open(*o.Successor).Successor)
	}, Stats{Misses: 1, Hits: 2, Renewals: 1}, 3},
	{"a sign-in", 0, func(k *kit, _ *Opened) { k.signInAs("ann") }, Stats{}, 0},
	{"a copy that says inactive, of a user who is not", 0, func(k *kit, o *Opened) {
		k.people.write(person{Key: "ann", Name: "Ann", Locked: true})
		k.cache.active = func(user any) bool { return k.people.reads.Load() > 1 }
		k.open(*o.Successor)
	}, Stats{Misses: 1}, 1},
	{"a user who is gone", 2 * time.Minute, func(k *kit, o *Opened) {
		k.people.remove("ann")
		k.open(*o.Successor)
	}, Stats{Misses: 1}, 0},
	{"a reload", 0, func(k *kit, o *Opened) { k.newest(o, false) }, Stats{Reloads: 1}, 1},
	{"a refresh", 0, func(k *kit, o *Opened) { k.newest(o, true) }, Stats{Reloads: 1}, 1},
	{"a reload that finds nobody", 0, func(k *kit, o *Opened) {
		k.people.remove("ann")
		k.newest(o, false)
	}, Stats{Reloads: 1}, 0},
	{"a sync", 0, func(k *kit, o *Opened) { k.syncNow(o) }, Stats{Syncs: 1}, 0},
	{"a sync from the background", 0, func(k *kit, _ *Opened) {
		wantErr(k.t, "SyncUser", k.cache.SyncUser(k.t.Context(), "", "ann", BackgroundSync{}), nil)
	}, Stats{Syncs: 1}, 0},
	{"a token in grace", 0, func(k *kit, o *Opened) {
		k.syncNow(o)
		old := *o.Successor
		o = k.open(old)
		k.syncNow(o)
		k.open(old)
	}, Stats{Syncs: 2, Hits: 2, GraceUses: 1}, 2},
	{"a token that came back", 0, func(k *kit, o *Opened) {
		old := *o.Successor
		k.syncNow(o)
		time.Sleep(5 * time.Second)
		k.open(old)
		k.open(old)
	}, Stats{Syncs: 1, ReuseAlarms: 2}, 0},
	{"a read that fails", 2 * time.Minute, func(k *kit, o *Opened) {
		k.people.with(func() { k.people.fail = errTable })
		_, err := k.tryOpen(*o.Successor)
		wantErr(k.t, "Open", err, errTable)
	}, Stats{Misses: 1, Errors: 1}, 0},
	{"a read that fails, and a copy instead", 2 * time.Minute, func(k *kit, o *Opened) {
		k.people.with(func() { k.people.fail = errTable })
		o, err := k.tryOpen(*o.Successor)
		if !k.cache.Stale(o, err, time.Hour) || k.cache.Stale(o, err, time.Second) {
			k.t.Error("the copy is not served, or is served to one who wants a younger one")
		}
	}, Stats{Misses: 1, Errors: 1, Stale: 1}, 1},
	{"a reload that fails", 0, func(k *kit, o *Opened) {
		k.people.with(func() { k.people.fail = errTable })
		_, err := k.cache.Newest(k.t.Context(), &o.Access, true)
		wantErr(k.t, "Newest", err, errTable)
	}, Stats{Reloads: 1, Errors: 1}, 0},
	{"a reload while the database is busy", 0, func(k *kit, o *Opened) {
		k.people.with(func() { k.people.fail = ErrBusy })
		_, err := k.cache.Newest(k.t.Context(), &o.Access, true)
		wantErr(k.t, "Newest", err, ErrBusy)
	}, Stats{Reloads: 1, Errors: 1}, 0},
}

func TestEachCounterMovesWithWhatItCounts(t *testing.T) {
	t.Parallel()
	for _, row := range countedRequests {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o := k.signInAs("ann")
				k.wantUser(k.open(*k.signInAs("ann").Successor), "Ann") // there is a copy
				time.Sleep(row.wait)
				k.people.reads.Store(1)
				before := k.cache.Stats()
				row.do(k, o)
				k.wantMoved(row.name, before, row.moved, row.served)
			})
		})
	}
}

func TestABearerTokensMovesAreNoRenewals(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.rememberAnn(Bearer).Successor
		time.Sleep(16 * time.Minute)
		before := k.cache.Stats()
		k.by(Bearer, token)
		k.wantMoved("a bearer token that is old", before, Stats{Misses: 1}, 1)
	})
}

// Parallel requests count each their own, and share what is read once.
func TestSharedReadsAreCounted(t *testing.T) {
	t.Parallel()
	const n = 20
	for _, row := range []struct {
		name   string
		wait   time.Duration
		do     func(k *kit, o *Opened)
		moved  Stats
		served uint64
	}{
		{"misses", 2 * time.Minute, func(k *kit, o *Opened) { k.wantUser(k.open(o.token), "Ann") },
			Stats{Misses: n, SharedLoads: n - 1}, n},
		{"renewals", 16 * time.Minute, func(k *kit, o *Opened) { wantSuccessor(k.t, k.open(o.token), true) },
			Stats{Misses: n, SharedLoads: n - 1, Renewals: 1}, n},
		{"reloads, of which one runs and one follows", 0, func(k *kit, o *Opened) { wantFresh(k.t, k.newest(o, true), "Ann") },
			Stats{Reloads: n, SharedLoads: n - 2}, n},
		{"syncs, which are no loads", 0, func(k *kit, o *Opened) {
			own := *o
			if err := k.cache.Sync(k.t.Context(), &own, Sync{Grace: -1, Keep: true}); err != nil {
				k.t.Errorf("Sync = %v", err)
			}
		}, Stats{Syncs: n}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o := k.open(*k.signInAs("ann").Successor)
				k.open(o.token)
				time.Sleep(row.wait)
				before := k.cache.Stats()
				k.many(n, func() { row.do(k, o) })
				k.wantMoved(fmt.Sprint(n, " ", row.name), before, row.moved, row.served)
			})
		})
	}
}

// Calls to the store that fail are counted one by one; that it is full is an
// answer.
func TestFailuresOfTheStoreAreCounted(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		before := k.cache.Stats()
		store.load = func(int64) error { return errStore }
		_, err := k.tryOpen(token)
		wantErr(t, "Open", err, errStore)
		wantErr(t, "RevokeAll", k.cache.RevokeAll(t.Context(), 0), errStore)
		k.wantMoved("two loads that failed", before, Stats{Errors: 2}, 0)

		store.load, store.before = nil, func(int64) error { return errStore }
		before = k.cache.Stats()
		wantErr(t, "RevokeUser", k.cache.RevokeUser(t.Context(), "", "ann"), errStore)
		k.wantMoved("a swap that was tried three times", before, Stats{Errors: 1 + maxRetries}, 0)

		store.before = func(int64) error { return ErrFull }
		before = k.cache.Stats()
		_, _, err = k.signIn(SignIn{UserKey: "bob"})
		wantErr(t, "SignIn", err, ErrFull)
		k.wantMoved("a store that is full", before, Stats{}, 0)
	})
}

// A renewal that landed unheard is one renewal.
func TestARenewalOfUnknownOutcomeIsCountedOnce(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		time.Sleep(16 * time.Minute)
		before := k.cache.Stats()
		at := store.swaps.Load() + 1
		store.after = func(n int64) error {
			if n == at {
				return errStore
			}
			return nil
		}
		k.open(token)
		k.wantMoved("a renewal", before, Stats{Misses: 1, Renewals: 1, Errors: 1}, 1)
	})
}

func TestTheAgesOfUsersServed(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.signInAs("ann") // the copy is of now
		k.open(*k.signInAs("ann").Successor)
		start := k.cache.Stats()
		var slept time.Duration
		for _, bound := range ageBounds {
			time.Sleep(bound - slept)
			k.open(*o.Successor)
			time.Sleep(time.Nanosecond)
			slept = bound + 1
			k.open(*o.Successor)
			k.open(*o.Successor)
		}
		want := []uint64{1, 3, 3, 3, 3, 3, 3, 3, 2}
		ages := k.cache.Stats().Ages
		if len(ages) != len(want) {
			t.Fatalf("%d ages; want %d", len(ages), len(want))
		}
		for i, age := range ages {
			bound := time.Duration(math.MaxInt64)
			if i < len(ageBounds) {
				bound = ageBounds[i]
			}
			if got := age.Count - start.Ages[i].Count; age.AtMost != bound || got != want[i] {
				t.Errorf("age %d: %d users of at most %v; want %d of at most %v", i, got, age.AtMost, want[i], bound)
			}
		}
		k.wantMoved("looking at the user", start, Stats{Hits: 24}, 24)
	}, rules(func(r *Rules) {
		r.IdleTimeout, r.RenewAfter, r.MaxAge = 4*time.Hour, 2*time.Hour, 2*time.Hour
	}))
}

// None is lost among many, whatever stripe it is counted in.
func TestHitsAreCountedAmongMany(t *testing.T) {
	t.Parallel()
	inRealTime(t, func(t *testing.T, k, _ *kit) {
		const workers, each = 16, 500
		token := *k.signInAs("ann").Successor
		k.open(token)
		before := k.cache.Stats()
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for n := range each {
					k.open(token)
					if n%100 == 0 {
						k.cache.Stats()
					}
				}
			})
		}
		wg.Wait()
		k.wantMoved("looking at the user", before, Stats{Hits: workers * each}, workers*each)
	})
}

func TestHitsOfDifferentStacksAreStriped(t *testing.T) {
	t.Parallel()
	var n counters
	opened := make([]Opened, 4096) // stands for many stacks
	for i := range opened {
		n.hit(&opened[i], 0)
	}
	used := 0
	for i := range n.hits {
		if n.hits[i].ages[0].Load() > 0 {
			used++
		}
	}
	if used < len(n.hits)/2 {
		t.Errorf("%d of %d stripes were used; want most", used, len(n.hits))
	}
}
