package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

// A watchedStore counts what is asked of a store and lets a test stand in
// between. It hides the decoded form, as byteStore does.
type watchedStore struct {
	Store
	loads, swaps, landed atomic.Int64

	// before and after run around the n-th swap, counted from 1. The error of
	// before stands for a swap that did not happen; that of after for one
	// that did, though nobody was told.
	before func(n int64) error
	after  func(n int64) error
	load   func(n int64) error

	t    testing.TB
	mu   sync.Mutex
	last map[Key]ID  // guarded by mu; each record's lease or stamp
	seen map[ID]bool // guarded by mu; all of them, and all versions
}

// anotherNode returns a cache of its own over the same store and table. What
// it asks of the store is not counted.
func (k *kit) anotherNode(store *watchedStore) *kit {
	k.t.Helper()
	other := setup(k.t, watchedBeside{store}, func(cfg *Config) { cfg.Source, cfg.Event = k.people, k.events.add })
	other.people, other.events = k.people, k.events
	return other
}

// watchedBeside is the store below a watchedStore: what is asked of it is
// witnessed, and neither counted nor failed.
type watchedBeside struct{ *watchedStore }

func (s watchedBeside) Load(ctx context.Context, key Key) (Loaded, error) {
	return s.Store.Load(ctx, key)
}

func (s watchedBeside) Swap(ctx context.Context, key Key, old ID, next Record) (Loaded, bool, error) {
	return s.witnessed(ctx, key, old, next)
}

// witnessed swaps, and fails the test where a version is written again, or
// where a lease or a stamp returns once another has taken its place.
func (s *watchedStore) witnessed(ctx context.Context, key Key, old ID, r Record) (Loaded, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, ok, err := s.Store.Swap(ctx, key, old, r)
	if !ok || s.t == nil || r.Version == (ID{}) {
		return l, ok, err
	}
	var lease ID
	if a, _, err := decodeAccount(r.Data); err == nil {
		lease = a.lease
	} else if e, err := decodeEpoch(r.Data); err == nil {
		lease = e.stamp
	}
	if s.seen[r.Version] {
		s.t.Errorf("version %x was written twice", r.Version)
	}
	if s.last[key] != lease && s.seen[lease] {
		s.t.Errorf("lease or stamp %x came back", lease)
	}
	if s.last == nil {
		s.last, s.seen = make(map[Key]ID), make(map[ID]bool)
	}
	s.last[key], s.seen[lease], s.seen[r.Version] = lease, true, true
	return l, ok, err
}

var errStore = errors.New("the connection to the store was lost")

func (s *watchedStore) Load(ctx context.Context, key Key) (Loaded, error) {
	n := s.loads.Add(1)
	if s.load != nil {
		if err := s.load(n); err != nil {
			return Loaded{}, err
		}
	}
	return s.Store.Load(ctx, key)
}

func (s *watchedStore) Swap(ctx context.Context, key Key, old ID, next Record) (Loaded, bool, error) {
	n := s.swaps.Add(1)
	if s.before != nil {
		if err := s.before(n); err != nil {
			return Loaded{}, false, err
		}
	}
	l, ok, err := s.witnessed(ctx, key, old, next)
	if ok {
		s.landed.Add(1)
	}
	if s.after != nil {
		if err := s.after(n); err != nil {
			return Loaded{}, false, err
		}
	}
	return l, ok, err
}
