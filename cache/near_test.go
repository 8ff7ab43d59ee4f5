package cache

import (
	"context"
	"sync"
	"testing"
	"time"
)

// A nearStore keeps a copy of every record that it has been asked for, and
// believes it until it is told otherwise.
type nearStore struct {
	*watchedStore

	mu     sync.Mutex
	copies map[Key]Loaded // guarded by mu
	behind bool           // guarded by mu; what others change does not reach the copies
	told   bool           // what others change is told at once
}

func (s *nearStore) Load(ctx context.Context, key Key) (Loaded, error) {
	l, err := s.watchedStore.Load(ctx, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && !s.behind {
		s.copies[key] = l
	}
	return l, err
}

func (s *nearStore) LoadNear(key Key) (Loaded, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok := s.copies[key]
	now, _ := s.Store.Load(context.Background(), key)
	l.Now = now.Now
	if s.told && (l.Record.Version != now.Record.Version || l.Epoch.Version != now.Epoch.Version) {
		delete(s.copies, key)
		return l, false
	}
	return l, ok
}

func (s *nearStore) Swap(ctx context.Context, key Key, old ID, next Record) (Loaded, bool, error) {
	s.mu.Lock()
	delete(s.copies, key)
	s.mu.Unlock()
	return s.watchedStore.Swap(ctx, key, old, next)
}

// freeze has the copies stay what they are.
func (s *nearStore) freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = true
}

// near runs f over a store that keeps copies near, beside another node that has
// none.
func near(t *testing.T, f func(t *testing.T, k, other *kit, store *nearStore)) {
	t.Helper()
	overBytes(t, func(t *testing.T, k *kit, watched *watchedStore) {
		store := &nearStore{watchedStore: watched, copies: map[Key]Loaded{}}
		node := setup(t, store, func(cfg *Config) { cfg.Source, cfg.Event = k.people, k.events.add })
		node.people, node.events = k.people, k.events
		f(t, node, k.anotherNode(watched), store)
	})
}

// asks returns how often the store is asked while f runs.
func (s *watchedStore) asks(f func()) int64 {
	before := s.loads.Load() + s.swaps.Load()
	f()
	return s.loads.Load() + s.swaps.Load() - before
}

func TestANearCopySaysYes(t *testing.T) {
	t.Parallel()
	near(t, func(t *testing.T, k, _ *kit, store *nearStore) {
		token := *k.signInAs("ann").Successor
		for range 2 { // the first fills the cache, which changes the record
			k.wantUser(k.open(token), "Ann")
		}
		if n := store.asks(func() { k.wantUser(k.open(token), "Ann") }); n != 0 {
			t.Errorf("a request that the copy is enough for asks the store %d times; want 0", n)
		}
	})
}

// What a copy does not show may be there all the same.
func TestANearCopyNeverSaysNo(t *testing.T) {
	t.Parallel()
	t.Run("to a token that it does not know", func(t *testing.T) {
		t.Parallel()
		near(t, func(_ *testing.T, k, other *kit, store *nearStore) {
			k.wantUser(k.open(*k.signInAs("ann").Successor), "Ann")
			store.freeze()
			k.wantUser(k.open(*other.signInAs("ann").Successor), "Ann")
		})
	})
	t.Run("to an account that it says is absent", func(t *testing.T) {
		t.Parallel()
		near(t, func(_ *testing.T, k, other *kit, store *nearStore) {
			_, _ = store.Load(t.Context(), k.recordKey("ann"))
			store.freeze()
			k.wantUser(k.open(*other.signInAs("ann").Successor), "Ann")
		})
	})
	t.Run("to a session that was renewed elsewhere", func(t *testing.T) {
		t.Parallel()
		near(t, func(_ *testing.T, k, other *kit, store *nearStore) {
			token := *k.signInAs("ann").Successor
			k.wantUser(k.open(token), "Ann")
			store.freeze()
			time.Sleep(15 * time.Minute)
			next := *other.open(token).Successor
			k.wantUser(k.open(next), "Ann")
			time.Sleep(10 * time.Minute)
			k.wantUser(k.open(next), "Ann")
		})
	})
	t.Run("with a session that its time is over for", func(t *testing.T) {
		t.Parallel()
		near(t, func(t *testing.T, k, _ *kit, store *nearStore) {
			token := *k.signInAs("ann").Successor
			k.wantUser(k.open(token), "Ann")
			store.freeze()
			time.Sleep(30 * time.Minute)
			if k.open(token).Live() {
				t.Error("a session lives on in the copy")
			}
		})
	})
	t.Run("with a user who is too old, or not active", func(t *testing.T) {
		t.Parallel()
		near(t, func(_ *testing.T, k, other *kit, store *nearStore) {
			token := *k.signInAs("ann").Successor
			k.wantUser(k.open(token), "Ann")
			store.freeze()
			time.Sleep(time.Minute + 1)
			k.people.write(person{Key: "ann", Name: "Anna"})
			other.wantUser(other.open(token), "Anna")
			k.wantUser(k.open(token), "Anna")
		})
	})
}

// How often the store is asked, with nobody else there: what each costs over a
// network.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		k.signInAs("bob") // makes the epoch
		var o *Opened
		for _, step := range []struct {
			what string
			most int64
			do   func()
		}{
			{"a sign-in", 2, func() { o = k.signInAs("ann") }},
			{"the first request, which fills the cache", 2, func() { o = k.open(*o.Successor) }},
			{"a request", 1, func() { o = k.open(o.token) }},
			{"a sync", 3, func() { k.syncNow(o) }},
			{"a request after it", 1, func() { o = k.open(*o.Successor) }},
			{"a renewal", 2, func() {
				time.Sleep(15 * time.Minute)
				o = k.open(o.token)
				k.cache.IsNewest(o.Successor)
			}},
			{"a confirmation", 2, func() { o = k.open(*o.Successor) }},
			{"a sign-out", 2, func() { k.signOut(o) }},
			{"the end of all of a user's sessions", 2, func() { _ = k.cache.RevokeUser(t.Context(), "", "bob") }},
			{"the end of everyone's sessions", 2, func() { _ = k.cache.RevokeAll(t.Context(), 0) }},
		} {
			if n := store.asks(step.do); n > step.most {
				t.Errorf("%s asks the store %d times; want at most %d", step.what, n, step.most)
			}
		}
	})
}
