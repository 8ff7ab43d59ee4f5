package cache

import (
	"fmt"
	"testing"
	"time"
)

// ways are how a change of ann may be announced.
var ways = []struct {
	name string
	keys []string
}{
	{"one user", []string{"ann"}},
	{"two users", []string{"bob", "ann"}},
	{"all users", nil},
}

func overWays(t *testing.T, f func(t *testing.T, k *kit, keys []string)) {
	t.Helper()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) { f(t, k, way.keys) })
		})
	}
}

// From the announcement before a COMMIT to the conclusion after it every
// request sees the database, and none fills the cache.
func TestAWriteIsSeenAtOnceAndForGood(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, k *kit, keys []string) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		w := k.write(keys...)
		k.wantReads(2)
		k.wantUser(k.open(token), "Ann")
		k.people.write(person{Key: "ann", Name: "Anna"}) // the COMMIT
		k.wantUser(k.open(token), "Anna")
		k.wantReads(4)
		if k.record("ann").user != nil && keys != nil {
			t.Error("a read filled the cache while the row was changing")
		}
		k.end(w)
		k.wantUser(k.open(token), "Anna")
		k.wantUser(k.open(token), "Anna")
		k.wantReads(5)
	})
}

// A read that began before the announcement, or between it and the
// conclusion, fills nothing: it may have seen the old row.
func TestAReadThatMeetsAWriteFillsNothing(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before the announcement", "after the announcement"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			overWays(t, func(t *testing.T, k *kit, keys []string) {
				token := *k.signInAs("ann").Successor
				k.open(token)
				stale()
				read, release := k.holdReads()
				var w *Write
				if when == "after the announcement" {
					w = k.write(keys...)
				}
				done := make(chan *Opened)
				go func() { done <- k.open(token) }()
				<-read // it has seen the old row
				if w == nil {
					w = k.write(keys...)
				}
				k.people.write(person{Key: "ann", Name: "Anna"})
				k.people.with(func() { k.people.after = nil })
				k.end(w)
				release()
				k.wantUser(<-done, "Ann") // read before the change was committed
				k.wantUser(k.open(token), "Anna")
			})
		})
	}
}

// Of two writers in flight the end of one leaves readers on the database.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, k *kit, keys []string) {
		token := *k.signInAs("ann").Successor
		one, two := k.write(keys...), k.write("ann")
		k.end(one)
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.wantUser(k.open(token), "Anna")
		k.people.write(person{Key: "ann", Name: "Anne"})
		k.wantUser(k.open(token), "Anne")
		k.end(two)
		k.open(token)
		reads := int(k.people.reads.Load())
		k.wantUser(k.open(token), "Anne")
		k.wantReads(reads)
	})
}

// A writer that never concludes is forgotten at its deadline, and what was
// read meanwhile is not believed.
func TestAWriterThatCrashedIsForgotten(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, k *kit, keys []string) {
		token := *k.signInAs("ann").Successor
		k.write(keys...)
		time.Sleep(WriterDeadline - 1)
		k.open(token)
		reads := int(k.people.reads.Load())
		k.open(token)
		k.wantReads(reads + 1)
		read, release := k.holdReads()
		done := make(chan *Opened)
		go func() { done <- k.open(token) }()
		<-read // under the writer, with the old row
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.people.with(func() { k.people.after = nil })
		time.Sleep(time.Nanosecond)
		release()
		k.wantUser(<-done, "Ann")
		k.wantUser(k.open(token), "Anna")
		reads = int(k.people.reads.Load())
		k.wantUser(k.open(token), "Anna")
		k.wantReads(reads)
	})
}

// A read that may fill ends after the deadline of a writer that came and
// crashed meanwhile: forgetting the writer changes the lease.
func TestForgettingAWriterChangesTheLease(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, k *kit, keys []string) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		stale()
		read, release := k.holdReads()
		done := make(chan *Opened)
		go func() { done <- k.open(token) }()
		<-read
		k.people.with(func() { k.people.after = nil })
		k.write(keys...)
		k.people.write(person{Key: "ann", Name: "Anna"})
		time.Sleep(WriterDeadline)
		release()
		<-done
		k.wantUser(k.open(token), "Anna")
	})
}

// A writer may announce itself again to get more time.
func TestAWriterMayBeginAgain(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, k *kit, keys []string) {
		token := *k.signInAs("ann").Successor
		w := k.write(keys...)
		time.Sleep(WriterDeadline / 3)
		if err := w.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(WriterDeadline - 1)
		k.open(token)
		reads := int(k.people.reads.Load())
		k.open(token)
		k.wantReads(reads + 1)
		k.end(w)
		k.open(token)
		reads = int(k.people.reads.Load())
		k.open(token)
		k.wantReads(reads)
	})
}

// The end of a writer that was forgotten still changes the lease: its COMMIT
// happened somewhere between.
func TestTheEndOfAForgottenWriter(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, k *kit, keys []string) {
		token := *k.signInAs("ann").Successor
		w := k.write(keys...)
		time.Sleep(WriterDeadline)
		k.wantUser(k.open(token), "Ann")
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.end(w)
		k.wantUser(k.open(token), "Anna")
	})
}

// A user who has no account yet is announced too: whoever signs in meanwhile
// must know.
func TestAWriteOfAUserWithoutAnAccount(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, k *kit, keys []string) {
		w := k.write(keys...)
		o := k.signInAs("ann")
		token := *o.Successor
		k.wantUser(k.open(token), "Ann")
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.wantUser(k.open(token), "Anna")
		k.end(w)
		k.signOut(o)
		if k.record("ann") != nil || k.record("bob") != nil {
			t.Error("a write that is over left a record behind")
		}
	})
}

// An announcement of a user without an account is gone with its deadline.
func TestAnAnnouncementAloneExpires(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.write("ann")
		if k.record("ann") == nil {
			t.Fatal("nothing was announced")
		}
		time.Sleep(WriterDeadline)
		if k.record("ann") != nil {
			t.Error("the announcement is still there")
		}
	})
}

func TestManyUsersAreAllUsers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		n    int
		all  bool
	}{{"no user named", 0, true}, {"one", 1, false}, {"a hundred", 100, false}, {"a hundred and one", 101, true}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				token := *k.signInAs("ann").Successor
				k.open(token)
				var keys []string
				for n := range row.n {
					keys = append(keys, fmt.Sprint("user", n))
				}
				w := k.write(keys...)
				k.open(token)
				want := 2
				if row.all {
					want = 3
				}
				k.wantReads(want)
				if made := k.record("user0") != nil; made == row.all {
					t.Errorf("an account was made for a single user: %v", made)
				}
				k.end(w)
			})
		})
	}
}

// A write that ends never makes an account.
func TestAnEndMakesNoAccount(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.end(k.cache.NewWrite("", "ann"))
		if k.record("ann") != nil {
			t.Error("the end of a write made an account")
		}
	})
}

// Sixty-five writers at once are folded into one that only its deadline ends.
func TestManyWritersAreFolded(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		var writes []*Write
		for range maxWriters + 1 {
			time.Sleep(time.Millisecond)
			writes = append(writes, k.write("ann"))
		}
		if n := len(k.record("ann").writers); n != 1 {
			t.Fatalf("%d writers; want them folded into one", n)
		}
		for _, w := range writes {
			k.end(w)
		}
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.wantUser(k.open(token), "Anna")
		if k.record("ann").user != nil {
			t.Error("a read filled the cache under the folded writer")
		}
		time.Sleep(WriterDeadline)
		k.open(token)
		reads := int(k.people.reads.Load())
		k.wantUser(k.open(token), "Anna")
		k.wantReads(reads)
	})
}

func TestAWriteThatCannotBeAnnounced(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
				token := *k.signInAs("ann").Successor
				k.open(token)
				store.before = func(int64) error { return errStore }
				w := k.cache.NewWrite("", way.keys...)
				err := w.Begin(t.Context())
				wantErr(t, "Begin", err, ErrUnavailable)
				wantErr(t, "Begin", err, errStore)
				store.before = nil
				w = k.write(way.keys...)
				store.load = func(int64) error { return errStore }
				wantErr(t, "End", w.End(t.Context()), ErrUnavailable)
				wantErr(t, "Begin", k.cache.NewWrite("", way.keys...).Begin(t.Context()), ErrUnavailable)
				store.load = nil
				time.Sleep(WriterDeadline)
				k.people.write(person{Key: "ann", Name: "Anna"})
				k.wantUser(k.open(token), "Anna")
			})
		})
	}
}

// A lost epoch, by eviction or a restart, counts as a change of all users.
func TestALostEpochIsAChangeOfAllUsers(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		key := EpochKey(testSpace.Name())
		l, err := store.Load(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.wantUser(k.open(token), "Ann")
		if _, ok, err := store.Swap(t.Context(), key, l.Record.Version, Record{}); !ok || err != nil {
			t.Fatal(ok, err)
		}
		k.wantUser(k.open(token), "Anna")
		reads := int(k.people.reads.Load())
		k.wantUser(k.open(token), "Anna")
		k.wantReads(reads)
	})
}
