package cachetest

import (
	"slices"

	"github.com/powgin/powgin/cache"
)

func epochKeys(k *kit) {
	keys := k.store.Epochs(k.space)
	if len(keys) == 0 || len(keys) > 1024 {
		k.Fatalf("Epochs names %d keys; want one, or one a shard", len(keys))
	}
	if again := k.store.Epochs(k.space); !slices.Equal(again, keys) {
		k.Error("Epochs of the same space named other keys the second time")
	}
	others := k.store.Epochs(newSpace())
	for i, key := range keys {
		if slices.Contains(keys[:i], key) {
			k.Errorf("Epochs names %v twice", key)
		}
		if slices.Contains(others, key) {
			k.Errorf("Epochs of two spaces name %v", key)
		}
	}
}

// putEpochs swaps a new record into each copy of the epoch and returns them.
func (k *kit) putEpochs(data string) map[cache.ID]cache.Record {
	k.Helper()
	put := make(map[cache.ID]cache.Record)
	for _, key := range k.store.Epochs(k.space) {
		r := k.record(data)
		k.land(key, k.load(key).Record.Version, r)
		k.want(key, r)
		put[r.Version] = r
	}
	return put
}

// wantEpoch checks that an epoch record which came along is one of these.
func (k *kit) wantEpoch(what string, got cache.Record, want map[cache.ID]cache.Record) {
	k.Helper()
	if r, ok := want[got.Version]; ok {
		k.wantRecord("the epoch of "+what, got, r)
	} else {
		k.Errorf("%s brings an epoch of version %x, which is none of its copies'", what, got.Version)
	}
}

func epochComesWithAccounts(k *kit) {
	const accounts = 100
	for i := range accounts {
		if got := k.load(k.key(i)).Epoch.Version; got != (cache.ID{}) {
			k.Fatalf("Load brings an epoch of version %x before there is one", got)
		}
	}
	r := k.put(k.key(1), "there")
	for _, data := range []string{"one", "two"} {
		put := k.putEpochs(data)
		for i := range accounts { // all absent but one
			k.wantEpoch("Load", k.load(k.key(i)).Epoch, put)
		}
	}
	k.want(k.key(1), r)
	// Each account goes with one copy.
	for i := range accounts {
		if a, b := k.load(k.key(i)).Epoch.Version, k.load(k.key(i)).Epoch.Version; a != b {
			k.Fatalf("two loads of one account brought epochs of versions %x and %x", a, b)
		}
	}
	other := &kit{T: k.T, store: k.store, space: newSpace()}
	if got := other.load(other.key(1)).Epoch.Version; got != (cache.ID{}) {
		k.Errorf("Load in another space brings an epoch of version %x", got)
	}
}

func epochComesWithSwaps(k *kit) {
	put := k.putEpochs("one")
	k.put(k.key(1), "there")
	for _, key := range []cache.Key{k.key(1), k.key(2)} {
		l, _ := k.swap(key, cache.NewID(), k.record("other"))
		k.wantEpoch("Swap that loses", l.Epoch, put)
	}
}

func epochIsARecord(k *kit) {
	for _, key := range k.store.Epochs(k.space) {
		k.wantAbsent(key)
		first := k.put(key, "first")
		if l, ok := k.swap(key, cache.ID{}, k.record("other")); ok {
			k.Error("Swap of an epoch from the zero version over one = true; want false")
		} else {
			k.wantRecord("that Swap", l.Record, first)
		}
		if _, ok := k.swap(key, cache.NewID(), k.record("other")); ok {
			k.Error("Swap of an epoch from another version = true; want false")
		}
		second := k.record("second")
		k.land(key, first.Version, second)
		k.want(key, second)
		k.land(key, second.Version, cache.Record{})
		k.wantAbsent(key)
	}
	for i := range 10 {
		if got := k.load(k.key(i)).Epoch.Version; got != (cache.ID{}) {
			k.Errorf("Load brings an epoch of version %x after all were deleted", got)
		}
	}
}

func epochExpires(k *kit) {
	var last cache.Time
	keys := k.store.Epochs(k.space)
	for _, key := range keys {
		last = max(last, k.putShort(key).Expires)
	}
	k.sleepUntil(last)
	for _, key := range keys {
		k.wantAbsent(key)
	}
	for i := range 10 {
		if got := k.load(k.key(i)).Epoch.Version; got != (cache.ID{}) {
			k.Errorf("Load brings an epoch of version %x that has expired", got)
		}
	}
	for _, key := range keys {
		k.want(key, k.put(key, "again"))
	}
}
