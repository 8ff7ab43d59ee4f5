package cachetest

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/powgin/powgin/cache"
)

func absentHasZeroVersion(k *kit) {
	k.wantAbsent(k.key(1))
	if now := k.load(k.key(1)).Now; now == 0 {
		k.Error("Load of an absent record brings no time")
	}
}

func swapCreates(k *kit) {
	made := k.put(k.key(1), "made")
	k.want(k.key(1), made)
	k.wantAbsent(k.key(2))

	l, ok := k.swap(k.key(1), cache.ID{}, k.record("made again"))
	if ok {
		k.Error("Swap from the zero version over a record = true; want false")
	}
	k.wantRecord("that Swap", l.Record, made)
	k.want(k.key(1), made)
}

func swapReplaces(k *kit) {
	first := k.put(k.key(1), "first")
	second := k.record("second")
	k.land(k.key(1), first.Version, second)
	k.want(k.key(1), second)
	third := k.record("third")
	k.land(k.key(1), second.Version, third)
	k.want(k.key(1), third)
}

func swapOfAnotherVersion(k *kit) {
	first := k.put(k.key(1), "first")
	second := k.record("second")
	k.land(k.key(1), first.Version, second)
	for _, row := range []struct {
		what string
		old  cache.ID
		next cache.Record
	}{
		{"Swap from a version that never was", cache.NewID(), k.record("other")},
		{"Swap from a version that is no more", first.Version, k.record("other")},
		{"Swap from the zero version", cache.ID{}, k.record("other")},
		{"deleting a version that is no more", first.Version, cache.Record{}},
		{"deleting the zero version", cache.ID{}, cache.Record{}},
	} {
		l, ok := k.swap(k.key(1), row.old, row.next)
		if ok {
			k.Errorf("%s = true; want false", row.what)
		}
		k.wantRecord(row.what, l.Record, second)
		if l.Now == 0 {
			k.Errorf("%s brings no time", row.what)
		}
		k.want(k.key(1), second)
	}

	l, ok := k.swap(k.key(2), cache.NewID(), k.record("other"))
	if ok {
		k.Error("Swap from a version where there is no record = true; want false")
	}
	k.wantRecord("that Swap", l.Record, cache.Record{})
	k.wantAbsent(k.key(2))
}

func swapDeletes(k *kit) {
	first := k.put(k.key(1), "first")
	k.land(k.key(1), first.Version, cache.Record{})
	k.wantAbsent(k.key(1))

	if _, ok := k.swap(k.key(1), first.Version, k.record("other")); ok {
		k.Error("Swap from the version of a deleted record = true; want false")
	}
	k.wantAbsent(k.key(1))
	again := k.put(k.key(1), "again")
	k.want(k.key(1), again)
}

// racers is how many goroutines try at once.
const racers = 8

func oneSwapLands(k *kit) {
	old := cache.Record{}
	for round := range 20 {
		next := make([]cache.Record, racers)
		for i := range next {
			next[i] = k.record("by " + strconv.Itoa(i))
		}
		landed := k.race(old.Version, next)
		if len(landed) != 1 {
			k.Fatalf("round %d: %d of %d swaps from one version landed; want 1", round, len(landed), racers)
		}
		old = landed[0]
		k.want(k.key(1), old)
	}
}

// race swaps all of next in from the same version, at once, and returns those
// that landed.
func (k *kit) race(old cache.ID, next []cache.Record) (landed []cache.Record) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	start := make(chan struct{})
	for _, r := range next {
		wait.Go(func() {
			<-start
			_, ok, err := k.store.Swap(k.Context(), k.key(1), old, r)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				k.Errorf("Swap = %v", err)
			} else if ok {
				landed = append(landed, r)
			}
		})
	}
	close(start)
	wait.Wait()
	return landed
}

func noUpdateIsLost(k *kit) {
	const each = 20
	k.put(k.key(1), "0")
	expires := k.now().Add(time.Hour)
	var wait sync.WaitGroup
	for range racers {
		wait.Go(func() {
			for range each {
				if err := k.increment(k.key(1), expires); err != nil {
					k.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	if got, want := string(k.load(k.key(1)).Record.Data), strconv.Itoa(racers*each); got != want {
		k.Errorf("after %s increments the record holds %s", want, got)
	}
}

// increment adds one to the number in the record, as the cache changes its
// records: it swaps what it loaded, or what the last swap found.
func (k *kit) increment(key cache.Key, expires cache.Time) error {
	l, err := k.store.Load(k.Context(), key)
	for ok := false; !ok && err == nil; {
		n, bad := strconv.Atoi(string(l.Record.Data))
		if bad != nil {
			return bad
		}
		next := cache.Record{Version: cache.NewID(), Data: []byte(strconv.Itoa(n + 1)), Expires: expires}
		l, ok, err = k.store.Swap(k.Context(), key, l.Record.Version, next)
	}
	return err
}

func ownWrites(k *kit) {
	r := k.put(k.key(1), "0")
	for i := range 50 {
		next := k.record(strconv.Itoa(i))
		k.land(k.key(1), r.Version, next)
		k.want(k.key(1), next)
		r = next
	}
}

func cancelledContext(k *kit) {
	ctx, cancel := context.WithCancel(k.Context())
	cancel()
	r := k.put(k.key(1), "first")
	if _, err := k.store.Load(ctx, k.key(1)); err == nil {
		k.Error("Load with a cancelled context = nil error")
	}
	next := k.record("second")
	_, ok, err := k.store.Swap(ctx, k.key(1), r.Version, next)
	if err == nil {
		k.Error("Swap with a cancelled context = nil error")
	}
	if ok {
		k.Error("Swap with a cancelled context = true; want false beside an error")
	}
	// The outcome of a swap that failed is one of two, and stays what it is.
	after := k.load(k.key(1)).Record
	if after.Version != next.Version {
		next = r
	}
	k.wantRecord("Load after that Swap", after, next)
	k.want(k.key(1), after)
	k.land(k.key(1), after.Version, k.record("third"))
}
