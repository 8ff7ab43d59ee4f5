package cache

import (
	"errors"
	"testing"
)

// claimConfig returns a Config that is complete for a test of who may have
// what in a store.
func claimConfig(store Store, space Space) Config {
	return Config{Store: store, Space: space, Rules: testRules(), Source: new(people), Key: func(any) string { return "" }}
}

func TestASpaceOfACacheIsNotSwapped(t *testing.T) {
	t.Parallel()
	m := NewMemory(0)
	k := setup(t, m)
	k.signInAs("ann")
	key := Key{testSpace.Name(), k.cache.Account("", "ann")}
	for _, key := range []Key{key, EpochKey(key.Space)} {
		l, err := m.Load(t.Context(), key)
		if err != nil || l.Record.Version == (ID{}) {
			t.Fatalf("Load = version %x, %v; want a record", l.Record.Version, err)
		}
		for _, next := range []Record{{}, {Version: NewID(), Data: []byte("mine"), Expires: l.Now.Add(1e9)}} {
			if _, ok, err := m.Swap(t.Context(), key, l.Record.Version, next); ok || !errors.Is(err, errSpaceTaken) {
				t.Errorf("Swap into a space of a Cache = %v, %v; want false, %v", ok, err, errSpaceTaken)
			}
		}
	}
	a, user, err := decodeAccount(k.stored(m, key).Data)
	if err != nil || a.key != "ann" || len(a.sessions) != 1 {
		t.Errorf("Load brings an account that decodes as %v, %v; want ann's", a, err)
	}
	if user != nil {
		t.Error("Load brings the user of an account that is kept decoded")
	}
}

// stored returns what a Store's callers see.
func (k *kit) stored(s Store, key Key) Record {
	k.t.Helper()
	l, err := s.Load(k.t.Context(), key)
	if err != nil {
		k.t.Fatalf("Load = %v", err)
	}
	return l.Record
}

func TestASpaceOfBytesIsNoCaches(t *testing.T) {
	t.Parallel()
	m := NewMemory(0)
	r := Record{Version: NewID(), Expires: m.clock.now().Add(1e9)}
	if _, ok, err := m.Swap(t.Context(), EpochKey(testSpace.Name()), ID{}, r); !ok || err != nil {
		t.Fatalf("Swap = %v, %v", ok, err)
	}
	if _, err := New(claimConfig(m, testSpace)); !errors.Is(err, errSpaceTaken) {
		t.Errorf("New on a space that holds bytes = %v; want %v", err, errSpaceTaken)
	}
	other := Space{Namespace: testSpace.Namespace, Table: "others", Type: "other"}
	c, err := New(claimConfig(m, other))
	if err != nil {
		t.Fatalf("New on another space = %v; what was refused still holds the namespace", err)
	}
	closeAll(t, c)
}

func TestWhoSharesAStore(t *testing.T) {
	t.Parallel()
	type cacheOf struct {
		store int
		space Space
	}
	people, others := testSpace, Space{Namespace: "app", Table: "others", Type: "other"}
	elsewhere := others
	elsewhere.Namespace = "elsewhere"
	for _, row := range []struct {
		name          string
		first, second cacheOf
		want          error
	}{
		{"two caches of one type", cacheOf{0, people}, cacheOf{0, people}, nil},
		{"two types in one namespace", cacheOf{0, people}, cacheOf{0, others}, ErrNamespaceTaken},
		{"two types in two namespaces", cacheOf{0, people}, cacheOf{0, elsewhere}, nil},
		{"two types in two stores", cacheOf{0, people}, cacheOf{1, others}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for form, stores := range map[string][2]Store{
				"decoded": {NewMemory(0), NewMemory(0)},
				"bytes":   {byteStore{NewMemory(0)}, byteStore{NewMemory(0)}},
			} {
				first, err := New(claimConfig(stores[row.first.store], row.first.space))
				if err != nil {
					t.Fatalf("%s: New = %v", form, err)
				}
				again := claimConfig(stores[row.second.store], row.second.space)
				second, err := New(again)
				if !errors.Is(err, row.want) {
					t.Errorf("%s: second New = %v; want %v", form, err, row.want)
				}
				closeAll(t, first, second)
				if second, err = New(again); err != nil {
					t.Errorf("%s: New after Close = %v", form, err)
				}
				closeAll(t, second)
			}
		})
	}
}

// closeAll closes each cache twice, which is fine.
func closeAll(t *testing.T, caches ...*Cache) {
	t.Helper()
	for _, c := range caches {
		if c == nil {
			continue
		}
		for range 2 {
			if err := c.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		}
	}
}

// A store that cannot be compared is a store of its own each time.
func TestAStoreThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	type listed struct {
		Store
		_ []int
	}
	s := listed{Store: NewMemory(0)}
	for _, table := range []string{"people", "others"} {
		c, err := New(claimConfig(s, Space{Namespace: "app", Table: table, Type: table}))
		if err != nil {
			t.Fatalf("New = %v", err)
		}
		closeAll(t, c)
	}
}
