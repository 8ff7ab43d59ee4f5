package powgintest

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/powgin/powgin/cache"
)

// A spoiler is a store that writes other bytes than it is given, once it is
// told how.
type spoiler struct {
	cache.Store
	alter atomic.Pointer[func([]byte) []byte]
}

func (s *spoiler) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if alter := s.alter.Load(); alter != nil {
		next.Data = (*alter)(next.Data)
	}
	return s.Store.Swap(ctx, key, old, next)
}

// alterations are what may become of a record's bytes.
var alterations = map[string]func([]byte) []byte{
	"inverted":  inverted,
	"cut short": func(b []byte) []byte { return b[:len(b)/2] },
	"empty":     func([]byte) []byte { return nil },
	"too long":  func(b []byte) []byte { return append(slices.Clip(b), 0) },
}

func corruptRecords(t *proof) {
	for name, alter := range alterations {
		corruptWhenLoaded(t, name, alter)
		corruptInTheStore(t, name, alter)
	}
}

func corruptWhenLoaded(t *proof, name string, alter func([]byte) []byte) {
	c, store := t.flaky()
	alice, bob := c.signIn(left, "alice"), c.signIn(right, "bob")
	store.alterLoaded(alter)
	alice.wantNobody("with a record that is " + name)
	bob.wantNobody("with a record that is " + name)
	store.Heal()
	alice.wantUser("alice")
	bob.wantUser("bob")
}

func corruptInTheStore(t *proof, name string, alter func([]byte) []byte) {
	store := &spoiler{Store: t.store}
	c := t.clusterOver(store)
	alice, bob := c.signIn(left, "alice"), c.signIn(right, "bob")
	store.alter.Store(&alter)
	c.must("Sync", c.left.Sync(t.Context(), resident{ID: "alice"})) // writes the record
	store.alter.Store(nil)
	alice.wantNobody("with a record that is " + name)
	bob.wantUser("bob")
	c.wantSessions("alice", 0)
	before := alice.clone()
	alice.signIn(right, "alice")
	alice.wantUser("alice")
	before.wantNobody("a session whose record was " + name)
	c.wantSessions("alice", 1)
}
