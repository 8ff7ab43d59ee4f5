package cachetest

import (
	"context"
	"slices"

	"github.com/powgin/powgin/cache"
)

// versionsOfMany is what stores that tell the versions of many records at once have to hold.
func versionsOfMany(k *kit) {
	s, ok := k.store.(cache.VersionStore)
	if !ok {
		k.Skip("this store tells no versions")
	}
	const many = 1203 // more than a database takes parameters
	var keys []cache.Key
	var want []cache.ID
	for i := range many {
		keys, want = append(keys, k.key(i)), append(want, cache.ID{})
		if i%100 == 0 {
			want[i] = k.put(keys[i], "some").Version
		}
	}
	keys[5], want[5] = keys[0], want[0] // asked for twice
	for _, key := range s.Epochs(k.space) {
		keys, want = append(keys, key), append(want, k.put(key, "epoch").Version)
	}
	k.wantVersions(s, keys, want)

	k.land(keys[100], want[100], cache.Record{})
	next := k.record("next")
	k.land(keys[200], want[200], next)
	want[100], want[200] = cache.ID{}, next.Version
	short := k.putShort(k.key(many))
	k.sleepUntil(short.Expires)
	k.wantVersions(s, append(keys, k.key(many)), append(want, cache.ID{}))

	if got, err := s.Versions(k.Context(), nil); err != nil || len(got) != 0 {
		k.Errorf("Versions of no keys = %v, %v; want none", got, err)
	}
	ctx, cancel := context.WithCancel(k.Context())
	cancel()
	if _, err := s.Versions(ctx, keys[:1]); err == nil {
		k.Error("Versions with a context that has ended = nil; want an error")
	}
}

func (k *kit) wantVersions(s cache.VersionStore, keys []cache.Key, want []cache.ID) {
	k.Helper()
	got, err := s.Versions(k.Context(), keys)
	if err != nil {
		k.Fatalf("Versions of %d keys: %v", len(keys), err)
	}
	if slices.Equal(got, want) {
		return
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			k.Fatalf("Versions: that of key %d is not what was swapped in", i)
		}
	}
	k.Fatalf("Versions of %d keys are %d", len(keys), len(got))
}
