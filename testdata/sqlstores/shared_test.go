package sqlstores

import (
	"strconv"
	"sync"
	"testing"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
)

// Two nodes of an app have a pool each.
func TestTwoNodesLoseNoUpdate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		const writers, times = 4, 15
		nodes := []cache.Store{d.store(t), d.store(t)}
		put(t, nodes[0], key(1), "0")
		var wait sync.WaitGroup
		for i := range writers {
			wait.Go(func() {
				for range times {
					increment(t, nodes[i%2], key(1))
				}
			})
		}
		wait.Wait()
		for i, node := range nodes {
			if got, want := string(load(t, node, key(1)).Record.Data), strconv.Itoa(writers*times); got != want {
				t.Errorf("node %d counts %s; want %s", i, got, want)
			}
		}
	})
}

// increment adds one to the number in the record, as the cache changes its
// records.
func increment(t *testing.T, s cache.Store, key cache.Key) {
	l, err := s.Load(t.Context(), key)
	for ok := false; !ok && err == nil; {
		n, _ := strconv.Atoi(string(l.Record.Data))
		next := cache.Record{Version: cache.NewID(), Data: []byte(strconv.Itoa(n + 1)), Expires: l.Record.Expires}
		l, ok, err = s.Swap(t.Context(), key, l.Record.Version, next)
	}
	if err != nil {
		t.Errorf("incrementing: %v", err)
	}
}

// Of many who make one record, one does, whether there was an expired one or
// none.
func TestTwoNodesMakeOneRecord(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		nodes := []cache.Store{d.store(t), d.store(t)}
		for round := range 10 {
			if round%2 == 1 {
				land(t, nodes[0], key(round), cache.ID{}, expired(t, nodes[0], "before"))
			}
			var wait sync.WaitGroup
			made := make([]cache.Record, 6)
			for i := range made {
				r := record(t, nodes[i%2], strconv.Itoa(i))
				wait.Go(func() {
					if _, ok, err := nodes[i%2].Swap(t.Context(), key(round), cache.ID{}, r); err != nil {
						t.Errorf("Swap = %v", err)
					} else if ok {
						made[i] = r
					}
				})
			}
			wait.Wait()
			landed := 0
			for _, r := range made {
				if r.Version != (cache.ID{}) {
					landed++
					want(t, nodes[0], key(round), r)
					want(t, nodes[1], key(round), r)
				}
			}
			if landed != 1 {
				t.Errorf("round %d: %d of %d who make one record do; want 1", round, landed, len(made))
			}
		}
	})
}

func TestManyNodesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		var wait sync.WaitGroup
		for range 5 {
			db := d.open(t)
			wait.Go(func() {
				if _, err := gormstore.New(db, gormstore.Migrate()); err != nil {
					t.Errorf("New = %v", err)
				}
			})
		}
		wait.Wait()
	})
}

func TestTablesAndSpacesAreApart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db := d.open(t)
		one, same, other := storeOn(t, db), storeOn(t, d.open(t), gormstore.Table("powgin_accounts")), storeOn(t, db, gormstore.Table("others"))
		mine := put(t, one, keyIn("app", 1), "mine")
		want(t, same, keyIn("app", 1), mine)
		want(t, same, keyIn("admin", 1), cache.Record{})
		want(t, other, keyIn("app", 1), cache.Record{})
		theirs := put(t, same, keyIn("admin", 1), "theirs")
		put(t, one, one.Epochs("app")[0], "the epoch of app")
		if got := string(load(t, same, keyIn("app", 1)).Epoch.Data); got != "the epoch of app" {
			t.Errorf("the epoch of app holds %q", got)
		}
		if got := load(t, same, keyIn("admin", 1)).Epoch; got.Version != (cache.ID{}) {
			t.Errorf("the epoch of app came with an account of admin: %q", got.Data)
		}
		want(t, one, keyIn("admin", 1), theirs)
	})
}

func TestTableNames(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db := d.open(t)
		var here string
		switch d.server {
		case "sqlite":
			here = "main"
		case "postgres":
			must(t, db.Raw("SELECT current_schema()").Scan(&here).Error)
		case "mysql":
			must(t, db.Raw("SELECT database()").Scan(&here).Error)
		}
		for _, name := range []string{"order", "Sessions_2", here + ".select"} {
			s := storeOn(t, db, gormstore.Table(name))
			r := put(t, s, key(1), name)
			want(t, storeOn(t, d.open(t), gormstore.Table(name)), key(1), r)
			run(t, db, "%s", s.Schema()) // it may be run again
			want(t, s, key(1), r)
			if n, err := s.Sweep(t.Context()); n != 0 || err != nil {
				t.Errorf("Sweep of %s = %d, %v; want 0", name, n, err)
			}
		}
		_, err := gormstore.New(db, gormstore.Table("nowhere.sessions"))
		wantError(t, "New with a table in a schema that is not there", err, "gormstore: reading nowhere.sessions")
	})
}
