package cache

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
)

// overBytes runs f on a cache over bytes and on the store below it.
func overBytes(t *testing.T, f func(t *testing.T, k *kit, store *watchedStore), opts ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		store := &watchedStore{Store: NewMemory(0), t: t}
		f(t, setup(t, store, opts...), store)
	})
}

// rewrite puts bytes in the place of a record's.
func rewrite(t *testing.T, store Store, key Key, data []byte) {
	t.Helper()
	t.Helper()
	l, err := store.Load(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	next := Record{Version: NewID(), Data: data, Expires: l.Record.Expires}
	if next.Expires == 0 {
		next.Expires = l.Now.Add(testRules().AbsoluteTimeout)
	}
	if _, ok, err := store.Swap(context.Background(), key, l.Record.Version, next); !ok || err != nil {
		t.Fatalf("rewrite: %v, %v", ok, err)
	}
}

func (k *kit) recordKey(user string) Key { return Key{testSpace.Name(), k.cache.Account("", user)} }

func stored(t *testing.T, store Store, key Key) []byte {
	t.Helper()
	t.Helper()
	l, err := store.Load(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(l.Record.Data)
}

// A record that cannot be read is as good as none: its sessions are lost, and
// a sign-in starts anew. It is never an error, and never guessed at.
func TestABrokenRecordIsAbsent(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		spoil func(b []byte) []byte
	}{
		{"of another version", func(b []byte) []byte { b[0]++; return b }},
		{"cut short", func(b []byte) []byte { return b[:len(b)-1] }},
		{"too long", func(b []byte) []byte { return append(b, 0) }},
		{"empty", func([]byte) []byte { return nil }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
				o := k.signInAs("ann")
				rewrite(t, store, k.recordKey("ann"), row.spoil(stored(t, store, k.recordKey("ann"))))
				k.wantUser(k.open(*o.Successor), "")
				k.wantEvents(EventCorruptRecord, 1)
				if err := k.cache.Sync(t.Context(), o, Sync{Grace: -1}); !errors.Is(err, ErrNoSession) {
					t.Errorf("Sync = %v; want ErrNoSession", err)
				}
				k.signOut(o)
				if err := k.cache.SyncUser(t.Context(), "", "ann", BackgroundSync{Revoke: true}); err != nil {
					t.Errorf("SyncUser = %v", err)
				}
				fresh := k.signInAs("ann")
				k.wantUser(k.open(*fresh.Successor), "Ann")
				k.wantSessions("ann", fresh)
				k.end(k.write("ann"))
			})
		})
	}
}

// An epoch that cannot be read is a lost one: nothing cached counts, nobody is
// signed out.
func TestABrokenEpochIsLost(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.wantUser(k.open(token), "Ann")
		rewrite(t, store, EpochKey(testSpace.Name()), []byte("nonsense"))
		k.wantUser(k.open(token), "Anna")
		reads := int(k.people.reads.Load())
		k.wantUser(k.open(token), "Anna")
		k.wantReads(reads)
	})
}

// A record of somebody else under a user's id is never served, whatever it
// holds, and says nothing about who is signed in.
func TestARecordOfSomebodyElseIsAnError(t *testing.T) {
	t.Parallel()
	other := func(change func(*Account)) func(*testing.T, *kit, Store) []byte {
		return func(t *testing.T, k *kit, store Store) []byte {
			a, user, err := decodeAccount(stored(t, store, k.recordKey("ann")))
			if err != nil {
				t.Fatal(err)
			}
			change(a)
			return encodeAccount(a, user)
		}
	}
	space := func(change func(*Space)) func(*Account) {
		return func(a *Account) { s := *a.space; change(&s); a.space = &s }
	}
	for _, row := range []struct {
		name   string
		record func(*testing.T, *kit, Store) []byte
	}{
		{"of another user", func(t *testing.T, k *kit, store Store) []byte { return stored(t, store, k.recordKey("bob")) }},
		{"of another key", other(func(a *Account) { a.key = "ann2" })},
		{"of another tenant", other(func(a *Account) { a.tenant = "north" })},
		{"of another namespace", other(space(func(s *Space) { s.Namespace = "app2" }))},
		{"of another table", other(space(func(s *Space) { s.Table = "robots" }))},
		{"of another type", other(space(func(s *Space) { s.Type = "robot" }))},
		{"with another user in it", func(t *testing.T, k *kit, store Store) []byte {
			a, _, err := decodeAccount(stored(t, store, k.recordKey("ann")))
			if err != nil {
				t.Fatal(err)
			}
			return encodeAccount(a, []byte(`{"Key":"bob","Name":"Bob"}`))
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
				store.t = nil // what this test writes is meant to be wrong
				o := k.signInAs("ann")
				k.open(*k.signInAs("bob").Successor)
				k.open(*o.Successor)
				rewrite(t, store, k.recordKey("ann"), row.record(t, k, store))
				_, err := k.tryOpen(*o.Successor)
				wantErr(t, "Open", err, ErrWrongUser)
				wantErr(t, "Open", err, ErrUnavailable)
				wantErr(t, "Sync", k.cache.Sync(t.Context(), o, Sync{Grace: -1}), ErrWrongUser)
				_, _, err = k.signIn(SignIn{UserKey: "ann"})
				wantErr(t, "SignIn", err, ErrWrongUser)
				wantErr(t, "RevokeUser", k.cache.RevokeUser(t.Context(), "", "ann"), ErrWrongUser)
				if len(k.events.named(EventKeyMismatch)) == 0 {
					t.Error("no event key_mismatch")
				}
			})
		})
	}
}

// The ids of the epoch's records are no accounts', whoever puts them into a
// token.
func TestATokenThatNamesTheEpochProvesNothing(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		k.signInAs("ann")
		for _, key := range store.Epochs(testSpace.Name()) {
			k.wantUser(k.open(NewToken(key.ID)), "")
			// Not even where the epoch's bytes happen to read as an account's.
			rewrite(t, store, key, encodeAccount(anAccount(), nil))
			k.wantUser(k.open(NewToken(key.ID)), "")
		}
		k.wantEvents(EventKeyMismatch, 0)
	})
}

type spoiltCodec struct {
	personCodec
	encode, decode error
}

func (c spoiltCodec) Encode(user any) ([]byte, error) {
	b, _ := c.personCodec.Encode(user)
	return b, c.encode
}

func (c spoiltCodec) Decode(b []byte) (any, error) {
	p, _ := c.personCodec.Decode(b)
	return p, c.decode
}

// Whatever a codec cannot do costs a read of the database, and no more.
func TestACodecThatFailsCostsReads(t *testing.T) {
	t.Parallel()
	errShape := errors.New("of another shape")
	for _, row := range []struct {
		name  string
		codec Codec
		reads int
	}{
		{"none", nil, 4},
		{"one that cannot encode", spoiltCodec{encode: errShape}, 4},
		{"one that cannot decode", spoiltCodec{decode: errShape}, 2}, // this node remembers what it wrote
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, _ *watchedStore) {
				token := *k.signInAs("ann").Successor
				for range 3 {
					k.wantUser(k.open(token), "Ann")
				}
				k.wantReads(row.reads)
				k.syncNow(k.open(token))
			}, func(cfg *Config) { cfg.Codec = row.codec })
		})
	}
}

// A user that does not fit is not cached, and the sessions are kept.
func TestAUserTooLargeIsNotCached(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		huge := strings.Repeat("x", maxEncoded)
		k.people.write(person{Key: "ann", Name: huge})
		token := *k.signInAs("ann").Successor
		for range 2 {
			if o := k.open(token); o.User.(person).Name != huge {
				t.Error("the request sees another user")
			}
		}
		k.wantReads(3)
		if got := k.events.named(EventTooLarge); len(got) == 0 || got[0].UserKey != "ann" {
			t.Errorf("events too_large = %v", got)
		}
		if n := len(stored(t, store, k.recordKey("ann"))); n > maxEncoded {
			t.Errorf("the record has %d bytes; want at most %d", n, maxEncoded)
		}
	})
}

// What is stored holds no token: who reads the store cannot sign in.
func TestTheStoreHoldsNoSecret(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		first := *k.signInAs("ann").Successor
		o := k.open(first)
		k.syncNow(o)
		for _, token := range []Token{first, *o.Successor} {
			if bytes.Contains(stored(t, store, k.recordKey("ann")), token.secret[:]) {
				t.Error("the record holds a token's secret")
			}
		}
	})
}
