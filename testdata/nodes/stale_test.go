package nodes

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
)

// TestHistoriesFindStaleReaders holds that the check above can fail.
func TestHistoriesFindStaleReaders(t *testing.T) {
	t.Parallel()
	t.Run("nobody calls Sync", func(t *testing.T) {
		t.Parallel()
		p := aShort(rand.Uint64())
		p.sync = nil
		store := cache.NewMemory(0)
		h := p.run(newSite(t, store, store))
		if stale(t, h) == nil || stale(t, shift(h, slack)) == nil {
			t.Errorf("seed %d: no stale read is found without Sync", p.seed)
		}
	})
	t.Run("a tier is told of nothing", func(t *testing.T) {
		t.Parallel()
		p := aShort(rand.Uint64())
		p.jobs, p.turns = true, 200
		store := cache.NewMemory(0)
		h := p.run(newSite(t, &deaf{Store: store}, &deaf{Store: store}))
		if stale(t, shift(h, slack)) == nil {
			t.Errorf("seed %d: no read of more than %v ago is found", p.seed, slack)
		}
	})
}

// A deaf store believes its copies for half a second, whatever others change.
type deaf struct {
	cache.Store
	copies sync.Map // of keys, to *hearsay
}

type hearsay struct {
	loaded cache.Loaded
	until  time.Time
}

// LoadNear implements [cache.NearStore].
func (d *deaf) LoadNear(key cache.Key) (cache.Loaded, bool) {
	held, _ := d.copies.Load(key)
	if h, ok := held.(*hearsay); ok && time.Now().Before(h.until) {
		return h.loaded, true
	}
	return cache.Loaded{}, false
}

// Load implements [cache.Store].
func (d *deaf) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	l, err := d.Store.Load(ctx, key)
	if err == nil {
		d.copies.Store(key, &hearsay{l, time.Now().Add(500 * time.Millisecond)})
	}
	return l, err
}

// TestValuesBeforeTheirSync holds that nodes agree on a value before Sync is
// called, whichever it is: who has cached the old one is followed by a node that
// has read the new one.
func TestValuesBeforeTheirSync(t *testing.T) {
	t.Parallel()
	store := cache.NewMemory(0)
	s := newSite(t, store, store)
	u := s.users.add("alice")
	first, second := s.client(s.nodes[0], "alice"), s.client(s.nodes[1], "alice")
	must(t, "Sync", s.nodes[0].auth.Sync(t.Context(), u)) // nothing is cached

	// Both nodes read the row, the second after the change, and the first is
	// the first to cache what it has read.
	entered, let := make(chan struct{}), [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	s.users.hold(func(u User) {
		entered <- struct{}{}
		<-let[u.Value]
	})
	old, changed := make(chan answer, 1), make(chan answer, 1)
	go func() { old <- first.me(s.nodes[0]) }()
	reads := func() {
		select {
		case <-entered:
		case <-time.After(10 * time.Second):
			t.Fatal("GET /me reads no row; want it read, since nothing is cached")
		}
	}
	reads()
	u = s.users.change("alice")
	go func() { changed <- second.me(s.nodes[1]) }()
	reads()
	s.users.hold(nil)
	close(let[0])
	if a := <-old; a.value != 0 {
		t.Errorf("GET /me that read the row before the change = %v; want the value 0", a)
	}
	close(let[1])
	a := <-changed
	if b := first.me(s.nodes[0]); b.value < a.value {
		t.Errorf("before Sync the second node shows %d, and then the first node %d; want nothing older", a.value, b.value)
	}

	must(t, "Sync", s.nodes[0].auth.Sync(t.Context(), u))
	first.wantMe(s.nodes[0], http.StatusOK, 1, "after Sync")
	second.wantMe(s.nodes[1], http.StatusOK, 1, "after Sync")
}
