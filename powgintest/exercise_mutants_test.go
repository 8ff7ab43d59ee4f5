package powgintest_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// The stores below each break the contract in one way. That Exercise notices
// shows that its promises could fail.

// brokenStores tells of a store that breaks the contract, and which promises are not
// kept over it.
var brokenStores = map[string]struct {
	store func(bytesOnly) cache.Store
	red   []string
}{
	"swaps without comparing": {
		func(s bytesOnly) cache.Store { return blind{s} },
		[]string{"sign-ins that cross both live", "nothing brings an ended session back"},
	},
	"reports swaps that it did not make": {
		func(s bytesOnly) cache.Store { return idle{s} },
		[]string{"a sign-in gives a session on every node"},
	},
	"loads what was there before, for a while": {
		func(s bytesOnly) cache.Store {
			return &stale{bytesOnly: s, before: make(map[cache.Key]cache.Record), left: make(map[cache.Key]int)}
		},
		[]string{
			"a sign-in gives a session on every node", "a sign-out ends every token at once",
			"a revoked session ends at once", "SyncUser ends what it is asked to end",
			"a renewal that fails signs nobody out",
		},
	},
	"does not make every third change": {
		func(s bytesOnly) cache.Store { return lossy{s, new(atomic.Int64)} },
		[]string{"a renewal that fails signs nobody out", "a renewal that is due and fails signs nobody out"},
	},
	"does not delete": {
		func(s bytesOnly) cache.Store { return hoarder{s} },
		[]string{"a sign-out ends every token at once", "revoking a user leaves none", "an ended session leaves no record"},
	},
	"brings no epoch": {
		func(s bytesOnly) cache.Store { return timeless{s} },
		[]string{"a user who is gone is signed out everywhere"},
	},
	"loads the record of another key": {
		func(s bytesOnly) cache.Store { return &misplacing{bytesOnly: s} },
		[]string{
			"a sign-in gives a session on every node", "SyncUser shows the new row and replaces the token",
			"a revoked session ends at once",
		},
	},
	"keeps 255 bytes": {
		func(s bytesOnly) cache.Store { return narrow{s} },
		[]string{"sign-ins at the same time all live", "SyncUser shows the new row and replaces the token"},
	},
	"fails where there is no record": {
		func(s bytesOnly) cache.Store { return strict{s} },
		[]string{"a sign-in gives a session on every node", "a token that nobody was given is nobody's"},
	},
	"never lets a record expire": {
		func(s bytesOnly) cache.Store { return immortal{s} },
		[]string{"an expired session leaves no record"},
	},
	"takes ten seconds": {
		func(s bytesOnly) cache.Store { return sluggish{s} },
		[]string{"a sign-in gives a session on every node"},
	},
}

func TestExerciseNoticesBrokenStores(t *testing.T) {
	t.Parallel()
	for name, b := range brokenStores {
		for _, promise := range b.red {
			t.Run(name+": "+promise, func(t *testing.T) {
				t.Parallel()
				check := theCheck(t, promise)
				synctest.Test(t, func(t *testing.T) {
					store := b.store(bytesOnly{cache.NewMemory(0)})
					if r := record(t, func(t testing.TB) { check(t, store) }); !r.Failed() {
						t.Errorf("over a store that %s the promise %q is kept; want it broken", name, promise)
					}
				})
			})
		}
	}
}

// TestTheRecorderTellsOfNothing guards the test above: a store that works keeps
// the same promises in the same way.
func TestTheRecorderTellsOfNothing(t *testing.T) {
	t.Parallel()
	for _, b := range brokenStores {
		for _, promise := range b.red {
			t.Run(promise, func(t *testing.T) {
				t.Parallel()
				check := theCheck(t, promise)
				synctest.Test(t, func(t *testing.T) {
					store := bytesOnly{cache.NewMemory(0)}
					if r := record(t, func(t testing.TB) { check(t, store) }); r.Failed() {
						t.Errorf("over a store that works the promise %q is broken: %s", promise, r.text())
					}
				})
			})
		}
	}
}

func theCheck(t *testing.T, promise string) func(testing.TB, cache.Store) {
	t.Helper()
	check := powgintest.Promises()[promise]
	if check == nil {
		t.Fatalf("there is no promise %q", promise)
	}
	return check
}
