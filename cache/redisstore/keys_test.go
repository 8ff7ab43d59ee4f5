package redisstore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/redisstore"
)

// What stands in braces is what Redis Cluster goes by.
func TestAccountAndItsEpochAreInOneSlot(t *testing.T) {
	t.Parallel()
	s := newStore(t, shared(t), redisstore.Strict(), redisstore.Prefix("test"))
	tagOf := func(key string) string {
		_, rest, _ := strings.Cut(key, "{")
		tag, _, ok := strings.Cut(rest, "}")
		if !ok || tag == "" {
			t.Errorf("the key %q has nothing in braces", key)
		}
		return tag
	}
	epochs := map[string]bool{}
	for i := range 256 {
		account, epoch := s.Keys(cache.Key{Space: app, ID: cache.AccountID{0: byte(i), 9: 1}})
		if tagOf(account) != tagOf(epoch) || account == epoch {
			t.Errorf("the keys of account %x.. are %q and %q; want two with the same in braces", i, account, epoch)
		}
		epochs[epoch] = true
	}
	if len(epochs) != redisstore.Shards {
		t.Errorf("256 accounts go with %d epochs; want %d", len(epochs), redisstore.Shards)
	}
	for _, key := range s.Epochs(app) {
		record, epoch := s.Keys(key)
		if record != epoch || !epochs[record] {
			t.Errorf("the epoch %x has the keys %q and %q; want one that accounts go with", key.ID, record, epoch)
		}
	}
}

// Braces in a name would move the key to another slot.
func TestKeysHoldNothingOfASpacesName(t *testing.T) {
	t.Parallel()
	s := newStore(t, shared(t), redisstore.Strict(), redisstore.Prefix("test"))
	for _, name := range []string{"", "a}b", "{}", "a:b", "}:epoch", "café\r\n"} {
		key, _ := s.Keys(cache.Key{Space: name, ID: cache.AccountID{0: 0xff, 3: 1}})
		if len(key) != len("{test:0123456789abcdef:63}:0123456789abcdefghijkl") || !strings.HasPrefix(key, "{test:") ||
			strings.Count(key, "{")+strings.Count(key, "}") != 2 {
			t.Errorf("the key in the space %q is %q", name, key)
		}
	}
}

func TestChangedKeysArePlaced(t *testing.T) {
	t.Parallel()
	s := newStore(t, shared(t), redisstore.Strict(), redisstore.Prefix("test"))
	keys := append(s.Epochs(app), account(0), account(77), cache.Key{Space: app, ID: cache.AccountID{0: 0xff, 15: 0xff}})
	for _, key := range keys {
		name, _ := s.Keys(key)
		if id, ok := s.Place(name); !ok || id != key.ID {
			t.Errorf("Place(%q) = %x, %v; want %x, true", name, id, ok, key.ID)
		}
	}
	good, _ := s.Keys(account(1))
	epoch, _ := s.Keys(s.Epochs(app)[1])
	for _, name := range []string{
		"", "{", "x", good[1:], good[:len(good)-1], good + "A", strings.Replace(good, "test", "other", 1),
		strings.Replace(good, "}", "", 1), good[:len(good)-1] + "!", "{test:0123456789abcdef:01}:" + good[len(good)-22:],
		strings.Replace(epoch, ":01}", ":64}", 1), strings.Replace(epoch, ":01}", ":-1}", 1), strings.Replace(epoch, ":01}", ":}", 1),
	} {
		if id, ok := s.Place(name); ok {
			t.Errorf("Place(%q) = %x, true; want false", name, id)
		}
	}
}

// A key without an end would stay for good where its account never comes back.
func TestEveryKeyEnds(t *testing.T) {
	t.Parallel()
	addr := shared(t)
	s, client := newStore(t, addr, redisstore.Strict()), newClient(t, addr)
	ttl := func(key cache.Key) time.Duration {
		name, _ := s.Keys(key)
		ms, err := client.Do(t.Context(), client.B().Pttl().Key(name).Build()).AsInt64()
		if err != nil {
			t.Fatalf("PTTL = %v", err)
		}
		return time.Duration(ms) * time.Millisecond
	}
	const day = 24 * time.Hour
	for i, key := range slices.Concat([]cache.Key{account(1)}, s.Epochs(app)[3:4]) {
		first := s.put(key, "an hour")
		if got := ttl(key); got < time.Hour-time.Minute || got > time.Hour+redisstore.Skew+time.Second {
			t.Errorf("the key of a record that lives for an hour ends in %v; want a little more than that", got)
		}
		never := cache.Record{Version: cache.NewID(), Data: []byte("never")}
		s.land(key, first.Version, never)
		if got := ttl(key); got < 399*day || got > 400*day {
			t.Errorf("the key of a record that never expires ends in %v; want 400 days", got)
		}
		if got := s.load(key).Record; got.Version != never.Version || got.Expires != 0 {
			t.Errorf("Load of record %d brings version %x that expires at %d; want %x, 0", i, got.Version, got.Expires, never.Version)
		}
		far := cache.Record{Version: cache.NewID(), Expires: 1<<63 - 1}
		s.land(key, never.Version, far)
		if got := ttl(key); got < 1000*day {
			t.Errorf("the key of a record that expires in 2262 ends in %v", got)
		}
		s.land(key, far.Version, cache.Record{Version: cache.NewID(), Expires: -5})
		if got := ttl(key); got > 0 {
			t.Errorf("the key of a record that expired before 1970 ends in %v; want none", got)
		}
	}
}

// What others left under a key is no record, and is written over.
func TestForeignBytesAreAbsent(t *testing.T) {
	t.Parallel()
	addr := shared(t)
	s, client := newStore(t, addr, redisstore.Strict()), newClient(t, addr)
	for i, bytes := range []string{"", "x", strings.Repeat("x", 23)} {
		name, _ := s.Keys(account(i))
		if err := client.Do(t.Context(), client.B().Set().Key(name).Value(bytes).ExSeconds(60).Build()).Error(); err != nil {
			t.Fatalf("SET = %v", err)
		}
		if got := s.load(account(i)).Record.Version; got != (cache.ID{}) {
			t.Errorf("Load of %d foreign bytes brings version %x; want the zero version", len(bytes), got)
		}
		s.put(account(i), "mine")
	}
	name, _ := s.Keys(account(9))
	if err := client.Do(t.Context(), client.B().Rpush().Key(name).Element("x").Build()).Error(); err != nil {
		t.Fatalf("RPUSH = %v", err)
	}
	if _, err := s.Nearest(t.Context(), account(9)); err == nil {
		t.Error("Load of a list = nil error")
	}
	client.Do(t.Context(), client.B().Del().Key(name).Build())
}
