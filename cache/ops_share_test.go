package cache

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// many runs f on n goroutines that all stand at the same point once the first
// read has seen its row, then lets the reads answer.
func (k *kit) many(n int, f func()) {
	k.t.Helper()
	_, release := k.holdReads()
	var wg sync.WaitGroup
	for range n {
		wg.Go(f)
	}
	synctest.Wait()
	k.people.with(func() { k.people.after = nil })
	release()
	wg.Wait()
}

func TestPlainMissesShareOneRead(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		k.many(1000, func() { k.wantUser(k.open(token), "Ann") })
		k.wantReads(2)
		stale()
		k.many(1000, func() { k.wantUser(k.open(token), "Ann") })
		k.wantReads(3)
		k.wantUser(k.open(token), "Ann")
		k.wantReads(3)
	})
}

// They share what goes wrong as well.
func TestPlainMissesShareOneFailure(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		k.people.with(func() { k.people.fail = errTable })
		k.many(100, func() {
			_, err := k.tryOpen(token)
			wantErr(t, "Open", err, errTable)
		})
		k.wantReads(2)
		k.people.with(func() {
			k.people.fail = nil
			k.people.alter = func(person, bool) (person, bool) { panic("boom") }
		})
		k.many(100, func() {
			_, err := k.tryOpen(token)
			wantErr(t, "Open", err, ErrUnavailable)
		})
		k.people.with(func() { k.people.alter = nil })
		k.wantUser(k.open(token), "Ann")
	})
}

// Misses of sessions that renew at the same time share the read, and each
// session gets its own successor.
func TestMissesThatRenewShareOneRead(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		var tokens []Token
		for range 10 {
			tokens = append(tokens, *k.signInAs("ann").Successor)
		}
		reads := int(k.people.reads.Load())
		time.Sleep(16 * time.Minute)
		_, release := k.holdReads()
		opened := make([]*Opened, 3*len(tokens))
		var wg sync.WaitGroup
		for i := range opened {
			wg.Go(func() { opened[i] = k.open(tokens[i%len(tokens)]) })
		}
		synctest.Wait()
		release()
		wg.Wait()
		k.wantReads(reads + 1)
		successors := map[Token]int{}
		for i, o := range opened {
			k.wantUser(o, "Ann")
			if o.Successor == nil {
				t.Fatalf("request %d was handed no successor", i)
			}
			successors[*o.Successor]++
		}
		if len(successors) != len(tokens) {
			t.Errorf("%d successors for %d sessions", len(successors), len(tokens))
		}
		k.wantEvents(EventRenewed, len(tokens))
	})
}

// A read that another lease or epoch began is not the same read.
func TestAMissOfAnotherLeaseReadsByItself(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				token := *k.signInAs("ann").Successor
				k.open(token)
				stale()
				read, release := k.holdReads()
				old, fresh := make(chan *Opened), make(chan *Opened)
				go func() { old <- k.open(token) }()
				<-read
				k.people.write(person{Key: "ann", Name: "Anna"})
				w := k.write(way.keys...)
				go func() { fresh <- k.open(token) }() // under a writer: never shared
				<-read
				go func() { fresh <- k.open(token) }()
				<-read
				k.end(w)
				go func() { fresh <- k.open(token) }() // under the new lease
				<-read
				release()
				for range 3 {
					k.wantUser(<-fresh, "Anna")
				}
				// It gives way to what the last one has filled, where that was first.
				if u := (<-old).User.(person); u.Name != "Ann" && u.Name != "Anna" {
					t.Errorf("the first request sees %q; want the row as it was or is", u.Name)
				}
				k.wantUser(k.open(token), "Anna")
			})
		})
	}
}

// newest reads the user as Refresh does, or as Reload does without fill.
func (k *kit) newest(o *Opened, fill bool) Fresh {
	k.t.Helper()
	f, err := k.cache.Newest(k.t.Context(), &o.Access, fill)
	if err != nil {
		k.t.Errorf("Newest = %v", err)
	}
	return f
}

func wantFresh(t testing.TB, f Fresh, name string) {
	t.Helper()
	if p, _ := f.User.(person); p.Name != name {
		t.Errorf("read %q; want %q", p.Name, name)
	}
}

func overFills(t *testing.T, f func(t *testing.T, k *kit, fill bool)) {
	t.Helper()
	for name, fill := range map[string]bool{"for this request": false, "for all": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) { f(t, k, fill) })
		})
	}
}

func TestNewestReadsTheDatabase(t *testing.T) {
	t.Parallel()
	overFills(t, func(t *testing.T, k *kit, fill bool) {
		o := k.open(*k.signInAs("ann").Successor)
		k.people.write(person{Key: "ann", Name: "Anna"}) // unannounced
		time.Sleep(time.Second)
		f := k.newest(o, fill)
		wantFresh(t, f, "Anna")
		if age := k.cache.Age(f.ReadAt); age != 0 {
			t.Errorf("the read is %v old; want 0s", age)
		}
		// Only with fill others see it too.
		k.wantUser(k.open(o.token), map[bool]string{true: "Anna", false: "Ann"}[fill])
		k.wantReads(3)
	})
}

// Reload, Refresh and SyncUser join only a read that begins after they came:
// one runs, and one follows it for all who wait.
func TestNewestJoinsOnlyReadsThatBeginLater(t *testing.T) {
	t.Parallel()
	overFills(t, func(t *testing.T, k *kit, fill bool) {
		o := k.open(*k.signInAs("ann").Successor)
		read, release := k.holdReads()
		first := make(chan Fresh)
		go func() { first <- k.newest(o, fill) }()
		<-read
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.people.with(func() { k.people.after = nil })
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { wantFresh(t, k.newest(o, fill), "Anna") })
		}
		synctest.Wait()
		k.wantReads(3)
		release()
		wantFresh(t, <-first, "Ann")
		wg.Wait()
		k.wantReads(4)
		if fill {
			k.wantUser(k.open(o.token), "Anna")
			k.wantReads(4)
		}
	})
}

// A plain miss that is under way is no newer read.
func TestNewestDoesNotJoinAMiss(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.signInAs("ann").Successor)
		stale()
		read, release := k.holdReads()
		missed := make(chan *Opened)
		go func() { missed <- k.open(o.token) }()
		<-read
		k.people.with(func() { k.people.after = nil })
		k.people.write(person{Key: "ann", Name: "Anna"})
		wantFresh(t, k.newest(o, true), "Anna")
		release()
		// Of two reads under one lease one fills, and both requests see that.
		k.wantUser(<-missed, "Anna")
		k.wantUser(k.open(o.token), "Anna")
	})
}

// A refresh whose fill loses reads once more, and drops the copy where it
// loses again: others must not see an older user than this request has seen.
func TestARefreshThatLosesItsLease(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		times int
		reads int
	}{{"once fills with its second read", 1, 2}, {"twice leaves nobody cached", 2, 2}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o := k.open(*k.signInAs("ann").Successor)
				reads := int(k.people.reads.Load())
				n := 0
				k.people.with(func() {
					k.people.after = func(context.Context, any) error {
						if n++; n <= row.times {
							k.end(k.write("ann"))
						}
						return nil
					}
				})
				wantFresh(t, k.newest(o, true), "Ann")
				k.wantReads(reads + row.reads)
				if cached := k.record("ann").user != nil; cached != (row.times == 1) {
					t.Errorf("somebody is cached: %v", cached)
				}
			})
		})
	}
}

// A refresh that loses to reads which are older than its own must not leave
// theirs in the cache.
func TestARefreshThatLosesToOlderReads(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.signInAs("ann").Successor)
		k.people.write(person{Key: "ann", Name: "Anna"}) // unannounced
		k.people.with(func() {
			k.people.after = func(ctx context.Context, _ any) error {
				_, err := k.cache.update(ctx, o.Account(), nil, func(v view) (*Account, error) {
					p := permitFill(v.account, v.epoch, v.now)
					return fillUser(v.account, v.epoch, p, person{Key: "ann", Name: "Ann"}, NewID()), nil
				})
				return err
			}
		})
		wantFresh(t, k.newest(o, true), "Anna")
		k.people.with(func() { k.people.after = nil })
		k.wantUser(k.open(o.token), "Anna")
	})
}

// While the row is being changed there is nothing to win by reading twice.
func TestARefreshDuringAWriteReadsOnce(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.signInAs("ann").Successor)
		w := k.write("ann")
		reads := int(k.people.reads.Load())
		wantFresh(t, k.newest(o, true), "Ann")
		k.wantReads(reads + 1)
		k.end(w)
	})
}

// Reload finds a user gone as a miss does.
func TestNewestOfAUserWhoIsGone(t *testing.T) {
	t.Parallel()
	overFills(t, func(t *testing.T, k *kit, fill bool) {
		o := k.open(*k.signInAs("ann").Successor)
		w := k.write("ann")
		k.people.remove("ann")
		if f := k.newest(o, fill); f.User != nil || f.Ended {
			t.Errorf("during a write: user %v, ended %v; want nobody and the session left", f.User, f.Ended)
		}
		k.end(w)
		if f := k.newest(o, fill); f.User != nil || !f.Ended {
			t.Errorf("user %v, ended %v; want nobody and the session ended", f.User, f.Ended)
		}
		if k.record("ann") != nil {
			t.Error("the record is still there")
		}
		// A request that is still under way finds nobody.
		if f := k.newest(o, fill); f.User != nil || f.Ended {
			t.Errorf("once more: user %v, ended %v", f.User, f.Ended)
		}
	})
}

// A refresh of a session that has ended meanwhile reads the user for the
// request that is under way, and keeps nobody.
func TestNewestOfASessionThatEnded(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.signInAs("ann").Successor)
		k.signOut(o)
		wantFresh(t, k.newest(o, true), "Ann")
		if k.record("ann") != nil {
			t.Error("the read made an account")
		}
	})
}
