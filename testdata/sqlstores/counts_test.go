package sqlstores

import (
	"slices"
	"testing"

	"github.com/powgin/powgin/cache"
)

// passSweep changes a record until a swap has swept, so that the next 255 do
// not.
func passSweep(t *testing.T, s cache.Store, sent *spy) {
	t.Helper()
	r := put(t, s, key(999), "changing")
	for range 256 {
		next := r
		next.Version = cache.NewID()
		sent.take()
		land(t, s, key(999), r.Version, next)
		if sent.take() != "UPDATE" {
			return
		}
		r = next
	}
	t.Error("256 swaps have swept nothing")
}

// What a read and a change cost is a promise: each is one statement, in no
// transaction, and prepared once.
func TestStatementsSent(t *testing.T) {
	t.Parallel()
	for _, k := range slices.Concat(mainKinds, ways) {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t, k)
			db, sent := d.openSpied(t)
			pool, err := db.DB()
			must(t, err)
			pool.SetMaxOpenConns(1)
			s := storeOn(t, db) // which has used every statement
			passSweep(t, s, sent)
			first, second, third := record(t, s, "first"), record(t, s, "second"), expired(t, s, "third")
			revive := "INSERT"
			if d.server == "mysql" {
				revive = "INSERT UPDATE"
			}
			sent.take()
			for _, step := range []struct {
				what, want string
				do         func()
			}{
				{"a read of nothing", "SELECT", func() { load(t, s, key(1)) }},
				{"a record is made", "INSERT", func() { land(t, s, key(1), cache.ID{}, first) }},
				{"a read of a record", "SELECT", func() { load(t, s, key(1)) }},
				{"a record is replaced", "UPDATE", func() { land(t, s, key(1), first.Version, second) }},
				{"a swap that loses", "UPDATE SELECT", func() { lose(t, s, key(1), first.Version, third, second) }},
				{"a deletion that loses", "DELETE SELECT", func() { lose(t, s, key(1), first.Version, cache.Record{}, second) }},
				{"making one that is there", revive + " SELECT", func() { lose(t, s, key(1), cache.ID{}, third, second) }},
				{"a record is deleted", "DELETE", func() { land(t, s, key(1), second.Version, cache.Record{}) }},
				{"an expired record is made", "INSERT", func() { land(t, s, key(1), cache.ID{}, third) }},
				{"a record in its place", revive, func() { land(t, s, key(1), cache.ID{}, first) }},
				{"nothing in the place of nothing", "SELECT", func() { land(t, s, key(2), cache.ID{}, cache.Record{}) }},
				{"an epoch is read", "SELECT", func() { load(t, s, s.Epochs("any")[0]) }},
			} {
				step.do()
				prepared := sent.preparations()
				if got := sent.take(); got != step.want {
					t.Errorf("%s: %s is sent; want %s", step.what, got, step.want)
				}
				// A driver that prepares by itself is not asked to.
				if prepared != 0 {
					t.Errorf("%s: %d statements are prepared; want all prepared before", step.what, prepared)
				}
			}
		})
	}
}
