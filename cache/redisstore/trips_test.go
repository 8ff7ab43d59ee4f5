package redisstore_test

import (
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/redisstore"
)

// undisturbed asks for no signs of life, which would be counted.
func undisturbed() redisstore.Option { return redisstore.Pace(time.Hour, 2*time.Hour) }

// wantTrips checks how often f waits for the server.
func (p *proxy) wantTrips(t *testing.T, what string, want int64, f func()) {
	t.Helper()
	before := p.trips.Load()
	f()
	if got := p.trips.Load() - before; got != want {
		t.Errorf("%s takes %d round trips; want %d", what, got, want)
	}
}

func TestRoundTrips(t *testing.T) {
	t.Parallel()
	p := newProxy(t, shared(t))
	s := newStore(t, p.address(), redisstore.Strict(), undisturbed())
	r := s.put(account(1), "one")
	s.put(s.Epochs(app)[1], "epoch")
	p.wantTrips(t, "Load of an account", 1, func() { s.load(account(1)) })
	p.wantTrips(t, "Load of an absent account", 1, func() { s.load(account(2)) })
	p.wantTrips(t, "Load of an epoch", 1, func() { s.load(s.Epochs(app)[1]) })
	next := record(s.load(account(1)).Now, "two")
	p.wantTrips(t, "Swap", 1, func() { s.land(account(1), r.Version, next) })
	p.wantTrips(t, "Swap that loses", 1, func() { _, _, _ = s.Swap(t.Context(), account(1), r.Version, r) })
	p.wantTrips(t, "Swap that deletes", 1, func() { s.land(account(1), next.Version, cache.Record{}) })
}

func TestRoundTripsOfTheLocalTier(t *testing.T) {
	t.Parallel()
	p := newProxy(t, shared(t))
	s := newStore(t, p.address(), undisturbed())
	r := s.hold(account(1), "one")
	p.wantTrips(t, "Load of an account that is held", 0, func() {
		for range 100 {
			if got := s.load(account(1)).Record.Version; got != r.Version {
				t.Errorf("Load = version %x; want %x", got, r.Version)
			}
		}
	})
	p.wantTrips(t, "Load of it", 1, func() { s.loadFresh(account(1)) })
	p.wantTrips(t, "two Loads of an absent account", 2, func() {
		s.load(account(2))
		s.load(account(2))
	})
}
