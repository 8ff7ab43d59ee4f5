package powgintest

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/powgin/powgin/cache"
)

// A keyLog is a store that remembers which records were written.
type keyLog struct {
	cache.Store
	mu   sync.Mutex
	keys map[cache.Key]bool // guarded by mu
}

func (s *keyLog) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	s.mu.Lock()
	s.keys[key] = true
	s.mu.Unlock()
	return s.Store.Swap(ctx, key, old, next)
}

// logged starts a site whose store remembers its keys.
func (t *proof) logged() (*cluster, *keyLog) {
	t.Helper()
	store := &keyLog{Store: t.store, keys: make(map[cache.Key]bool)}
	return t.clusterOver(store), store
}

// wantRecords checks how many accounts the store has records of.
func (s *keyLog) wantRecords(t *proof, when string, want int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := 0
	for key := range s.keys {
		l, err := s.Load(t.Context(), key)
		if err != nil {
			t.Fatalf("Load = %v", err)
		}
		if l.Record.Version != (cache.ID{}) && !slices.Contains(s.Epochs(key.Space), key) {
			got++
		}
	}
	if got != want {
		t.Errorf("%s the store has records of %d accounts; want %d", when, got, want)
	}
}

func endedSessionLeavesNoRecord(t *proof) {
	c, store := t.logged()
	alice, bob := c.signIn(left, "alice"), c.signIn(right, "bob")
	store.wantRecords(t, "with two users signed in", 2)
	alice.post(right + "/signout").want(http.StatusOK)
	store.wantRecords(t, "after one of them signed out", 1)
	bob.wantUser("bob")
	c.must("RevokeUser", c.left.RevokeUser(t.Context(), "bob"))
	store.wantRecords(t, "after the other was revoked", 0)
}

func expiredLeavesNoRecord(t *proof) {
	c, store := t.logged()
	c.signIn(left, "alice")
	time.Sleep(10 * time.Minute)
	bob := c.signIn(right, "bob")
	time.Sleep(20*time.Minute - instant)
	store.wantRecords(t, "a moment before a session's end", 2)
	time.Sleep(instant)
	store.wantRecords(t, "at a session's end", 1)
	bob.wantUser("bob")
}
