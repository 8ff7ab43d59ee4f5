package powgintest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/powgin/powgin/cache"
)

// blind writes whatever the version is that it finds.
type blind struct{ bytesOnly }

func (s blind) Swap(ctx context.Context, key cache.Key, _ cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	for {
		l, err := s.Load(ctx, key)
		if err != nil {
			return l, false, err
		}
		if l, ok, err := s.bytesOnly.Swap(ctx, key, l.Record.Version, next); ok || err != nil {
			return l, ok, err
		}
	}
}

// idle writes no account.
type idle struct{ bytesOnly }

func (s idle) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if s.isEpoch(key) {
		return s.bytesOnly.Swap(ctx, key, old, next)
	}
	l, err := s.Load(ctx, key)
	return l, err == nil, err
}

func (s bytesOnly) isEpoch(key cache.Key) bool { return slices.Contains(s.Epochs(key.Space), key) }

// stale loads the record from before a swap, three times after it.
type stale struct {
	bytesOnly
	mu     sync.Mutex
	before map[cache.Key]cache.Record // guarded by mu
	left   map[cache.Key]int          // guarded by mu
}

func (s *stale) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	l, err := s.bytesOnly.Load(ctx, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left[key] > 0 {
		s.left[key]--
		l.Record = s.before[key]
	}
	return l, err
}

func (s *stale) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	was, err := s.bytesOnly.Load(ctx, key)
	if err != nil {
		return was, false, err
	}
	l, ok, err := s.bytesOnly.Swap(ctx, key, old, next)
	if ok && !s.isEpoch(key) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.before[key], s.left[key] = was.Record, 3
	}
	return l, ok, err
}

// lossy reports changes of accounts, of which it does not make every third.
type lossy struct {
	bytesOnly
	changes *atomic.Int64
}

func (s lossy) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if !s.isEpoch(key) && old != (cache.ID{}) && s.changes.Add(1)%3 == 0 {
		l, err := s.Load(ctx, key)
		return l, err == nil, err
	}
	return s.bytesOnly.Swap(ctx, key, old, next)
}

// hoarder reports deletions that it does not make.
type hoarder struct{ bytesOnly }

func (s hoarder) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if next.Version == (cache.ID{}) {
		l, err := s.Load(ctx, key)
		return l, err == nil, err
	}
	return s.bytesOnly.Swap(ctx, key, old, next)
}

// timeless brings no epoch along with an account.
type timeless struct{ bytesOnly }

func (s timeless) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	l, err := s.bytesOnly.Load(ctx, key)
	l.Epoch = cache.Record{}
	return l, err
}

func (s timeless) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	l, ok, err := s.bytesOnly.Swap(ctx, key, old, next)
	l.Epoch = cache.Record{}
	return l, ok, err
}

// misplacing loads the first account of all for every other.
type misplacing struct {
	bytesOnly
	mu    sync.Mutex
	first cache.Key // guarded by mu
}

func (s *misplacing) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	l, err := s.bytesOnly.Load(ctx, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || s.first == (cache.Key{}) || s.isEpoch(key) {
		return l, err
	}
	other, err := s.bytesOnly.Load(ctx, s.first)
	l.Record = other.Record
	return l, err
}

func (s *misplacing) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	s.mu.Lock()
	if s.first == (cache.Key{}) && !s.isEpoch(key) {
		s.first = key
	}
	s.mu.Unlock()
	return s.bytesOnly.Swap(ctx, key, old, next)
}

// narrow keeps 255 bytes of a record.
type narrow struct{ bytesOnly }

func (s narrow) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	next.Data = next.Data[:min(len(next.Data), 255)]
	return s.bytesOnly.Swap(ctx, key, old, next)
}

// strict takes an absent record for a failure.
type strict struct{ bytesOnly }

func (s strict) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	l, err := s.bytesOnly.Load(ctx, key)
	if err == nil && l.Record.Version == (cache.ID{}) {
		err = errors.New("no such record")
	}
	return l, err
}

// immortal keeps records for longer than it is told.
type immortal struct{ bytesOnly }

const forLonger = 1000 * time.Hour

func (s immortal) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	l, err := s.bytesOnly.Load(ctx, key)
	return s.asTold(l), err
}

func (s immortal) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	next.Expires = next.Expires.Add(forLonger)
	l, ok, err := s.bytesOnly.Swap(ctx, key, old, next)
	return s.asTold(l), ok, err
}

func (immortal) asTold(l cache.Loaded) cache.Loaded {
	l.Record.Expires, l.Epoch.Expires = l.Record.Expires.Add(-forLonger), l.Epoch.Expires.Add(-forLonger)
	return l
}

// sluggish takes longer than a request may.
type sluggish struct{ bytesOnly }

func (s sluggish) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	select {
	case <-time.After(10 * time.Second):
		return s.bytesOnly.Load(ctx, key)
	case <-ctx.Done():
		return cache.Loaded{}, ctx.Err()
	}
}
