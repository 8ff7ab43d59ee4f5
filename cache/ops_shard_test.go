package cache

import (
	"context"
	"testing"
	"testing/synctest"
)

// A shardedStore keeps a copy of the epoch for each of four shards, beside the
// accounts of that shard, as a cluster has to.
type shardedStore struct{ *watchedStore }

const shards = 4

func (s shardedStore) Epochs(space string) []Key {
	var keys []Key
	for n := range byte(shards) {
		keys = append(keys, Key{space, AccountID{n, 0xee}})
	}
	return keys
}

func (s shardedStore) epochOf(key Key) Key {
	return s.Epochs(key.Space)[key.ID[0]%shards]
}

func (s shardedStore) Load(ctx context.Context, key Key) (Loaded, error) {
	l, err := s.watchedStore.Load(ctx, key)
	if err == nil {
		err = s.withEpoch(ctx, key, &l)
	}
	return l, err
}

func (s shardedStore) Swap(ctx context.Context, key Key, old ID, next Record) (Loaded, bool, error) {
	l, ok, err := s.watchedStore.Swap(ctx, key, old, next)
	if err == nil {
		err = s.withEpoch(ctx, key, &l)
	}
	return l, ok, err
}

func (s shardedStore) withEpoch(ctx context.Context, key Key, l *Loaded) error {
	e, err := s.Store.Load(ctx, s.epochOf(key))
	l.Epoch = e.Record
	return err
}

// overShards runs f on the tokens of two users who live on different shards.
func overShards(t *testing.T, f func(t *testing.T, k *kit, store shardedStore, tokens []Token)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := shardedStore{&watchedStore{Store: NewMemory(0), t: t}}
		k := setup(t, store)
		ann, bob := k.cache.Account("", "ann"), k.cache.Account("", "bob")
		if ann[0]%shards == bob[0]%shards {
			t.Fatal("both users live on one shard, so that this test shows nothing")
		}
		var tokens []Token
		for _, key := range []string{"ann", "bob"} {
			token := *k.signInAs(key).Successor
			k.open(token)
			tokens = append(tokens, token)
		}
		f(t, k, store, tokens)
	})
}

func (k *kit) writeAll(names ...string) {
	for i, key := range []string{"ann", "bob"} {
		k.people.write(person{Key: key, Name: names[i]})
	}
}

func TestAWriteOfAllUsersReachesEveryShard(t *testing.T) {
	t.Parallel()
	overShards(t, func(t *testing.T, k *kit, _ shardedStore, tokens []Token) {
		w := k.write()
		k.wantUser(k.open(tokens[0]), "Ann")
		k.wantUser(k.open(tokens[1]), "Bob")
		k.writeAll("Anna", "Bobby")
		k.end(w)
		for range 2 {
			k.wantUser(k.open(tokens[0]), "Anna")
			k.wantUser(k.open(tokens[1]), "Bobby")
		}
	})
}

func TestAnEpochLostOnOneShardIsMadeThere(t *testing.T) {
	t.Parallel()
	overShards(t, func(t *testing.T, k *kit, store shardedStore, tokens []Token) {
		key := store.epochOf(k.recordKey("ann"))
		l, err := store.Load(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := store.Swap(t.Context(), key, l.Record.Version, Record{}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		k.writeAll("Anna", "Bobby") // unannounced
		k.wantUser(k.open(tokens[0]), "Anna")
		k.wantUser(k.open(tokens[1]), "Bob") // this one's copy still counts
		reads := int(k.people.reads.Load())
		k.wantUser(k.open(tokens[0]), "Anna")
		k.wantReads(reads)
	})
}

// A change of all users that one shard does not hear of is not announced.
func TestAWriteThatOneShardDoesNotHearOf(t *testing.T) {
	t.Parallel()
	overShards(t, func(t *testing.T, k *kit, store shardedStore, _ []Token) {
		first := store.swaps.Load() + 1
		store.before = func(n int64) error {
			if n > first {
				return errStore
			}
			return nil
		}
		wantErr(t, "Begin", k.cache.NewWrite("").Begin(t.Context()), errStore)
	})
}

// Several nodes may change the epoch at once: each change is in it.
func TestTwoWritesOfAllUsersAtOnce(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		other := k.anotherNode(store)
		var second *Write
		store.before = func(int64) error {
			if second == nil { // it comes between the load and the swap
				second = other.cache.NewWrite("")
				return second.Begin(t.Context())
			}
			return nil
		}
		first := k.write()
		k.end(first)
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.wantUser(k.open(token), "Anna")
		k.people.write(person{Key: "ann", Name: "Anne"})
		k.wantUser(k.open(token), "Anne") // the second one is still in flight
		other.end(second)
		k.wantUser(k.open(token), "Anne")
	})
}

// Without an epoch nothing may be kept, and who is signed in stays unknown
// where it cannot be made.
func TestAnEpochThatCannotBeMade(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		key := EpochKey(testSpace.Name())
		rewrite(t, store, key, []byte("nonsense"))
		store.before = func(int64) error { return errStore }
		_, err := k.tryOpen(token)
		wantErr(t, "Open", err, ErrUnavailable)
		store.before = nil
		// The load that follows the making of the epoch may fail as well.
		loads := store.loads.Load()
		store.load = func(n int64) error {
			if n == loads+3 {
				return errStore
			}
			return nil
		}
		_, err = k.tryOpen(token)
		wantErr(t, "Open", err, ErrUnavailable)
		store.load = nil
		k.wantUser(k.open(token), "Ann")
	})
}
