package cache

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// wantExpired checks of which sessions it was told that their time was over,
// once each, in any order.
func (k *kit) wantExpired(want ...*Opened) {
	k.t.Helper()
	var hs []Handle
	for _, o := range want {
		hs = append(hs, o.Handle())
	}
	var got []Handle
	for _, e := range k.events.named(EventExpired) {
		got = append(got, e.Session)
		if e.UserKey == "" {
			k.t.Errorf("event %v names no user", e)
		}
	}
	order := func(a, b Handle) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(hs, order)
	slices.SortFunc(got, order)
	if !slices.Equal(got, hs) {
		k.t.Errorf("told of %v; want %v", got, hs)
	}
}

// Beside a session that lives, the next change of the account finds it.
func TestASessionThatRanOutIsToldOfByTheNextChange(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(k *kit, other *Opened)
	}{
		{"a sign-in", func(k *kit, _ *Opened) { k.signInAs("ann") }},
		{"a renewal", func(k *kit, other *Opened) { k.open(*other.Successor) }},
		{"a sync", func(k *kit, other *Opened) { k.syncNow(k.peek(*other.Successor)) }},
		{"a sync from the background", func(k *kit, _ *Opened) {
			wantErr(k.t, "SyncUser", k.cache.SyncUser(k.t.Context(), "", "ann", BackgroundSync{}), nil)
		}},
		{"a write", func(k *kit, _ *Opened) { k.end(k.write("ann")) }},
		{"the other one's sign-out", func(k *kit, other *Opened) { k.signOut(other) }},
		{"the end of all", func(k *kit, _ *Opened) {
			wantErr(k.t, "RevokeUser", k.cache.RevokeUser(k.t.Context(), "", "ann"), nil)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				first, second := k.signInAs("ann"), k.signInAs("ann")
				time.Sleep(20 * time.Minute)
				other := k.rememberAnn(Cookie)
				time.Sleep(20 * time.Minute)
				k.sessions("ann") // a look changes nothing
				k.open(*first.Successor)
				k.wantExpired()
				row.change(k, other)
				k.wantExpired(first, second)
				k.signInAs("ann")
				k.wantExpired(first, second)
				k.wantEvents(EventEvicted, 0)
			})
		})
	}
}

func TestASessionThatRanOutAtItsAbsoluteEnd(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		sleeper := k.rememberAnn(Cookie)
		time.Sleep(24*time.Hour - 1)
		other := k.rememberAnn(Cookie)
		k.wantExpired() // asleep is not over
		time.Sleep(time.Nanosecond)
		k.syncNow(k.open(*other.Successor))
		k.wantExpired(sleeper)
	})
}

// One that was taken back is told of by no change that finds it not.
func TestAChangeThatIsNotMadeTellsNothing(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		first := k.signInAs("ann")
		time.Sleep(20 * time.Minute)
		k.signInAs("ann")
		time.Sleep(20 * time.Minute)
		store.before = func(int64) error { return errStore }
		_, _, err := k.signIn(SignIn{UserKey: "ann"})
		wantErr(t, "SignIn", err, errStore)
		k.wantExpired()
		store.before = nil
		k.signInAs("ann")
		k.wantExpired(first)
	})
}

// Two nodes find it at the same time, and one tells.
func TestOneOfTwoNodesTellsOfASessionThatRanOut(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		first := k.signInAs("ann")
		other := k.anotherNode(store)
		time.Sleep(20 * time.Minute)
		k.signInAs("ann")
		time.Sleep(20 * time.Minute)
		done := false
		store.before = func(int64) error {
			if !done {
				done = true
				other.signInAs("ann")
			}
			return nil
		}
		k.signInAs("ann")
		k.wantExpired(first)
	})
}

// In the process's own store an account whose time is over is told of by
// whoever finds it.
func TestAnAccountThatRanOutIsToldOf(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		find func(k *kit)
	}{
		{"by a sweep", func(k *kit) { time.Sleep(2 * time.Second); k.signInAs("bob") }},
		{"by a write's sweep", func(k *kit) { time.Sleep(2 * time.Second); k.end(k.write("bob")) }},
		{"by the sign-in that takes its place", func(k *kit) { k.signInAs("ann") }},
		{"by a write in its place", func(k *kit) { k.end(k.write("ann")) }},
		{"by a sign-in at the bound", func(k *kit) {
			for _, key := range k.hired(3) {
				k.signInAs(key)
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := setup(t, NewMemory(3))
				first, second := k.signInAs("ann"), k.signInAs("ann")
				time.Sleep(30 * time.Minute)
				k.open(*first.Successor)
				k.wantExpired()
				row.find(k)
				k.wantExpired(first, second)
				time.Sleep(2 * time.Second)
				k.end(k.write("ann"))
				k.wantExpired(first, second)
			})
		})
	}
}

// Nothing is told twice, or left out, by two who look at the same time.
func TestManyFindAccountsThatRanOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 40
		k := setup(t, NewMemory(n))
		keys := k.hired(n)
		var all []*Opened
		for _, key := range keys {
			all = append(all, k.signInAs(key), k.signInAs(key))
		}
		time.Sleep(31 * time.Minute)
		k.many(n, func() { k.signInAs(keys[n-1]) })
		k.signInAs(keys[0])
		time.Sleep(2 * time.Second)
		k.cache.memory.memory.sweep(k.cache.backend.now(), -1)
		k.wantExpired(all...)
	})
}

// Sessions that were ended are not told of again when their time is over.
func TestWhatWasEndedDoesNotRunOut(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		end  func(k *kit, o *Opened)
	}{
		{"signed out", func(k *kit, o *Opened) { k.signOut(o) }},
		{"revoked", func(k *kit, _ *Opened) {
			wantErr(k.t, "RevokeUser", k.cache.RevokeUser(k.t.Context(), "", "ann"), nil)
		}},
		{"revoked with all", func(k *kit, _ *Opened) { k.revokeAll(0) }},
		{"evicted", func(k *kit, _ *Opened) { k.cache.rules.MaxSessions = 1; k.rememberAnn(Cookie) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o := k.signInAs("ann")
				time.Sleep(time.Second)
				row.end(k, o)
				other := k.rememberAnn(Cookie)
				time.Sleep(31 * time.Minute)
				k.syncNow(k.peek(*other.Successor))
				k.wantExpired()
			})
			synctest.Test(t, func(t *testing.T) { // and where the whole account is forgotten
				k := setup(t, NewMemory(0))
				o := k.signInAs("ann")
				time.Sleep(time.Second)
				row.end(k, o)
				time.Sleep(25 * time.Hour)
				before := len(k.events.named(EventExpired))
				k.signInAs("bob")
				k.cache.memory.memory.sweep(k.cache.backend.now(), -1)
				for _, e := range k.events.named(EventExpired)[before:] {
					if e.Session == o.Handle() {
						t.Error("told that its time was over; want nothing")
					}
				}
			})
		})
	}
}

// Two caches of one space share the store's word: one of them is told, and the
// other once that one is closed.
func TestTwoCachesOfAMemoryTellOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(0)
		one, two := setup(t, m), setup(t, m)
		told := func(first, second int) {
			t.Helper()
			a, b := len(one.events.named(EventExpired)), len(two.events.named(EventExpired))
			if a != first || b != second {
				t.Errorf("the caches were told of %d and %d sessions; want %d and %d", a, b, first, second)
			}
		}
		runOut := func(by *kit) {
			by.signInAs("ann")
			time.Sleep(31 * time.Minute)
			m.sweep(m.clock.now(), -1)
		}
		runOut(one)
		told(1, 0)
		runOut(two)
		told(2, 0)
		closeAll(t, one.cache)
		runOut(two)
		told(2, 1)
		three := setup(t, m)
		runOut(three)
		told(2, 2)
		closeAll(t, three.cache, two.cache)
		four := setup(t, m, func(cfg *Config) { cfg.Event = nil })
		runOut(four)
		told(2, 2)
		closeAll(t, four.cache)
		if n := len(three.events.named(EventExpired)); n != 0 || len(m.space(testSpace.Name()).observers) != 0 {
			t.Errorf("the third cache was told of %d sessions, and somebody listens still; want neither", n)
		}
	})
}

func TestAClosedCacheIsToldOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(0)
		k := setup(t, m)
		k.signInAs("ann")
		time.Sleep(31 * time.Minute)
		closeAll(t, k.cache)
		m.sweep(m.clock.now(), -1)
		k.wantExpired()
		if got := m.Len(); got != 0 {
			t.Errorf("%d accounts are left; want 0", got)
		}
	})
}

// Nor are those that RevokeAll ended, beside one that it left.
func TestWhatWasRevokedForAllDoesNotRunOut(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.signInAs("ann")
		time.Sleep(time.Minute)
		second := k.signInAs("ann")
		other := k.rememberAnn(Cookie)
		k.revokeAll(second.session.signedIn)
		time.Sleep(31 * time.Minute) // and nobody has looked meanwhile
		k.syncNow(k.peek(*other.Successor))
		k.wantExpired(second)
	})
}
