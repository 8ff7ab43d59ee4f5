// Package cachetest holds the contract of [cache.Store] as a test suite. A
// store's own test is a few lines:
//
//	func TestContract(t *testing.T) {
//		cachetest.Exercise(t, func(t *testing.T) cache.Store {
//			return mystore.New(testDatabase(t))
//		})
//	}
//
// A fault that is found in one store becomes a case here, for all of them.
package cachetest

import (
	"bytes"
	"encoding/hex"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin/cache"
)

// Exercise runs the contract against stores that newStore makes, one for each
// subtest; the subtests run in parallel. newStore may return stores that share
// their database, or the same store each time: every subtest keeps to spaces
// of its own, which nothing else has used before. What it starts it should end
// with t.Cleanup.
//
// Records that the suite makes expire within an hour, or are left to the
// store's own ways of giving memory back. The suite waits for some expiries,
// none further off than a fraction of a second. It is meant for a store that
// answers: faults of the network and of the database are for the store's own
// tests.
func Exercise(t *testing.T, newStore func(t *testing.T) cache.Store) {
	t.Helper()
	for _, c := range contract {
		t.Run(c.promise, func(t *testing.T) {
			t.Parallel()
			c.check(newKit(t, newStore))
		})
	}
}

// ExerciseInBubble is [Exercise] with each subtest in a bubble of
// testing/synctest, where time passes only while everybody waits: expiry is
// then checked to the nanosecond. It is for stores that keep the process's own
// time and wait for nothing outside of it.
func ExerciseInBubble(t *testing.T, newStore func(t *testing.T) cache.Store) {
	t.Helper()
	for _, c := range contract {
		t.Run(c.promise, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { c.check(newKit(t, newStore)) })
		})
	}
}

// contract is every promise of a store, in the order of its documentation.
var contract = []struct {
	promise string
	check   func(k *kit)
}{
	{"an absent record has the zero version", absentHasZeroVersion},
	{"a swap from the zero version creates", swapCreates},
	{"a swap replaces the version it names", swapReplaces},
	{"a swap of another version changes nothing", swapOfAnotherVersion},
	{"a swap to the zero version deletes", swapDeletes},
	{"of swaps from one version one lands", oneSwapLands},
	{"no update is lost", noUpdateIsLost},
	{"own writes are read back at once", ownWrites},
	{"a cancelled context gives an error", cancelledContext},

	{"a record expires to the moment", expiryIsExact},
	{"an expired record is absent for swaps", expiredIsAbsent},
	{"a swap moves the expiry", swapMovesExpiry},
	{"a record that is expired already is absent", expiredAlready},
	{"time never goes back", timeNeverGoesBack},

	{"the epoch's keys are few and stable", epochKeys},
	{"a load of an account brings the epoch", epochComesWithAccounts},
	{"a swap that loses brings the epoch", epochComesWithSwaps},
	{"the epoch is a record", epochIsARecord},
	{"the epoch expires", epochExpires},

	{"bytes come back as they were", anyBytes},
	{"a record may be large", largeRecord},
	{"a version is any 16 bytes", anyVersion},
	{"an id is any 16 bytes", anyID},
	{"what was loaded stays as it was", loadedStays},
	{"spaces are apart", spacesAreApart},
	{"a space may have any name", anySpace},
	{"there may be many records", manyRecords},
	{"the versions of many records come at once", versionsOfMany},
}

// A kit is a store with a space of its own.
type kit struct {
	*testing.T
	store cache.Store
	space string
}

func newKit(t *testing.T, newStore func(t *testing.T) cache.Store) *kit {
	t.Helper()
	return &kit{T: t, store: newStore(t), space: newSpace()}
}

// newSpace returns the name of a space that was never used before.
func newSpace() string {
	id := cache.NewID()
	return "app" + hex.EncodeToString(id[:]) + "/users/main.User"
}

// key returns the space's n-th account.
func (k *kit) key(n int) cache.Key {
	return cache.Key{Space: k.space, ID: cache.AccountID{0: 0xac, 14: byte(n >> 8), 15: byte(n)}}
}

// record returns a record of a new version that lives for an hour and some
// odd nanoseconds.
func (k *kit) record(data string) cache.Record {
	k.Helper()
	return cache.Record{Version: cache.NewID(), Data: []byte(data), Expires: k.now().Add(time.Hour + 12_345_679)}
}

// now asks for the store's time.
func (k *kit) now() cache.Time {
	k.Helper()
	return k.load(k.key(0xffff)).Now
}

func (k *kit) load(key cache.Key) cache.Loaded {
	k.Helper()
	l, err := k.store.Load(k.Context(), key)
	if err != nil {
		k.Fatalf("Load = %v", err)
	}
	return l
}

func (k *kit) swap(key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool) {
	k.Helper()
	l, ok, err := k.store.Swap(k.Context(), key, old, next)
	if err != nil {
		k.Fatalf("Swap = %v", err)
	}
	return l, ok
}

// land makes a swap that must be made.
func (k *kit) land(key cache.Key, old cache.ID, next cache.Record) {
	k.Helper()
	if l, ok := k.swap(key, old, next); !ok {
		k.Fatalf("Swap from version %x = false, with version %x there; want true", old, l.Record.Version)
	}
}

// put creates a record and returns it.
func (k *kit) put(key cache.Key, data string) cache.Record {
	k.Helper()
	r := k.record(data)
	k.land(key, cache.ID{}, r)
	return r
}

// want checks what is stored under key.
func (k *kit) want(key cache.Key, want cache.Record) {
	k.Helper()
	k.wantRecord("Load", k.load(key).Record, want)
}

func (k *kit) wantAbsent(key cache.Key) {
	k.Helper()
	if got := k.load(key).Record.Version; got != (cache.ID{}) {
		k.Errorf("Load of an absent record = version %x; want the zero version", got)
	}
}

// wantRecord compares records. An absent one is told by its version alone.
func (k *kit) wantRecord(what string, got, want cache.Record) {
	k.Helper()
	switch {
	case got.Version != want.Version:
		k.Errorf("%s = version %x; want %x", what, got.Version, want.Version)
	case want.Version == (cache.ID{}):
	case !bytes.Equal(got.Data, want.Data):
		k.Errorf("%s = %d bytes, %.40q; want %d bytes, %.40q", what, len(got.Data), got.Data, len(want.Data), want.Data)
	case got.Expires != want.Expires:
		k.Errorf("%s expires at %d; want %d", what, got.Expires, want.Expires)
	}
}
