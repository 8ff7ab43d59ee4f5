package sqlstores

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
)

// key returns the n-th account of the tests' space.
func key(n int) cache.Key { return keyIn("app/users/main.User", n) }

func keyIn(space string, n int) cache.Key {
	return cache.Key{Space: space, ID: cache.AccountID{1, 14: byte(n >> 8), 15: byte(n)}}
}

// record returns a record that lives for an hour from now on.
func record(t testing.TB, s cache.Store, data string) cache.Record {
	t.Helper()
	return cache.Record{Version: cache.NewID(), Data: []byte(data), Expires: load(t, s, key(0)).Now.Add(time.Hour)}
}

// expired returns a record whose time was over a minute ago.
func expired(t testing.TB, s cache.Store, data string) cache.Record {
	t.Helper()
	r := record(t, s, data)
	r.Expires = r.Expires.Add(-time.Hour - time.Minute)
	return r
}

func load(t testing.TB, s cache.Store, key cache.Key) cache.Loaded {
	t.Helper()
	l, err := s.Load(context.WithoutCancel(t.Context()), key)
	if err != nil {
		t.Fatalf("Load = %v", err)
	}
	return l
}

// want checks what is stored.
func want(t testing.TB, s cache.Store, key cache.Key, r cache.Record) {
	t.Helper()
	if got := load(t, s, key).Record; got.Version != r.Version || string(got.Data) != string(r.Data) {
		t.Errorf("Load = version %x, %.40q; want %x, %.40q", got.Version, got.Data, r.Version, r.Data)
	}
}

// land makes a swap that must be made.
func land(t testing.TB, s cache.Store, key cache.Key, old cache.ID, next cache.Record) {
	t.Helper()
	l, ok, err := s.Swap(t.Context(), key, old, next)
	if !ok || err != nil {
		t.Fatalf("Swap from version %x = %v, %v, with version %x there; want true", old, ok, err, l.Record.Version)
	}
}

// lose makes a swap that must not be made.
func lose(t testing.TB, s cache.Store, key cache.Key, old cache.ID, next, there cache.Record) {
	t.Helper()
	l, ok, err := s.Swap(t.Context(), key, old, next)
	if ok || err != nil || l.Record.Version != there.Version {
		t.Errorf("Swap from version %x = %v, %v, with version %x there; want false, with %x", old, ok, err, l.Record.Version, there.Version)
	}
}

// put creates a record, and returns it.
func put(t testing.TB, s cache.Store, key cache.Key, data string) cache.Record {
	t.Helper()
	r := record(t, s, data)
	land(t, s, key, cache.ID{}, r)
	return r
}

// wantError checks what an error says, and that there is one.
func wantError(t testing.TB, what string, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s = nil error; want one with %q", what, parts)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s = %v; want %q in it", what, err, part)
		}
	}
}
