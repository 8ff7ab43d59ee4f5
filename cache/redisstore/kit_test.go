package redisstore_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/redisstore"
)

const app = "app/users/main.User"

// account returns the key of the n-th account, each in another shard than the
// one before.
func account(n int) cache.Key {
	return cache.Key{Space: app, ID: cache.AccountID{0: byte(n << 2), 1: byte(n), 14: byte(n >> 8), 15: 0xac}}
}

// A store is a Store in a test: what has to work fails the test where it does
// not.
type store struct {
	*redisstore.Store
	testing.TB
}

func (s *store) load(key cache.Key) cache.Loaded {
	s.Helper()
	l, err := s.Nearest(s.Context(), key)
	if err != nil {
		s.Fatalf("Load = %v", err)
	}
	return l
}

func (s *store) loadFresh(key cache.Key) cache.Loaded {
	s.Helper()
	l, err := s.Load(s.Context(), key)
	if err != nil {
		s.Fatalf("Load = %v", err)
	}
	return l
}

// put makes data what the record holds, whatever it held.
func (s *store) put(key cache.Key, data string) cache.Record {
	s.Helper()
	l := s.loadFresh(key)
	r := record(l.Now, data)
	s.land(key, l.Record.Version, r)
	return r
}

func record(now cache.Time, data string) cache.Record {
	return cache.Record{Version: cache.NewID(), Data: []byte(data), Expires: now.Add(time.Hour)}
}

func (s *store) land(key cache.Key, old cache.ID, next cache.Record) {
	s.Helper()
	if _, ok, err := s.Swap(s.Context(), key, old, next); err != nil || !ok {
		s.Fatalf("Swap = %v, %v; want true, nil", ok, err)
	}
}

// hold has the local tier hold a new record, and returns it.
func (s *store) hold(key cache.Key, data string) cache.Record {
	s.Helper()
	r := s.put(key, data)
	s.wantHeld(key)
	return r
}

// wantHeld waits until the record is held: its change may have to be told of
// first.
func (s *store) wantHeld(key cache.Key) {
	s.Helper()
	eventually(s, "the record is held", func() bool {
		s.load(key)
		return s.Holds(key)
	})
}

// within runs f with a context that ends after d, and checks that f ends with
// it. Machines that do much else are given time to notice.
func within(t testing.TB, d time.Duration, what string, f func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	start := time.Now()
	f(ctx)
	if took := time.Since(start); took > d+2*time.Second {
		t.Errorf("%s took %v; want it to end with its context, after %v", what, took, d)
	}
}

// A logbook is a logger that remembers.
type logbook struct {
	mu    sync.Mutex
	lines []string // guarded by mu
}

func (b *logbook) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, string(line))
	return len(line), nil
}

func (b *logbook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// holding returns the lines that hold a text.
func (b *logbook) holding(text string) (found []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.lines {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
