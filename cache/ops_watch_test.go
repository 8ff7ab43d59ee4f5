package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// soon is how long a Watch may take.
const soon = 200 * time.Millisecond

// A follower is a connection that notes what its Watch tells it.
type follower struct {
	t testing.TB

	mu   sync.Mutex
	told []string // guarded by mu: names, "ended", or "error"
}

// follow watches the session of a request until the test ends, or the session.
func (k *kit) follow(o *Opened) *follower {
	k.t.Helper()
	f := &follower{t: k.t}
	w := k.cache.Watch(&o.Access)
	ctx, cancel := context.WithCancel(k.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer w.Close()
		for {
			s, err := w.Next(ctx)
			switch {
			case ctx.Err() != nil:
				return
			case errors.Is(err, ErrUnavailable):
				f.note("error")
			case err != nil:
				f.note(err.Error())
			case s.Ended:
				f.note("ended")
				return
			default:
				f.note(s.User.(person).Name)
			}
		}
	}()
	k.t.Cleanup(func() { cancel(); <-done })
	return f
}

func (f *follower) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	// The same user again is nothing to tell: what is above drops it.
	if n := len(f.told); n == 0 || f.told[n-1] != what {
		f.told = append(f.told, what)
	}
}

// wants checks what has been told so far, a moment from now.
func (f *follower) wants(want ...string) {
	f.t.Helper()
	time.Sleep(soon)
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.told) != len(want) {
		f.t.Fatalf("it was told %q; want %q", f.told, want)
	}
	for i := range want {
		if f.told[i] != want[i] {
			f.t.Fatalf("it was told %q; want %q", f.told, want)
		}
	}
}

// everyNode runs f with two nodes: one that keeps accounts decoded is both, nodes
// over bytes share their store, with copies near or without.
func everyNode(t *testing.T, f func(t *testing.T, k, other *kit)) {
	t.Helper()
	t.Run("decoded", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			k := setup(t, NewMemory(0))
			f(t, k, k)
		})
	})
	t.Run("bytes", func(t *testing.T) {
		t.Parallel()
		overBytes(t, func(t *testing.T, k *kit, store *watchedStore) { f(t, k, k.anotherNode(store)) })
	})
	t.Run("versions", func(t *testing.T) {
		t.Parallel()
		overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
			node := setup(t, versionStore{store}, func(cfg *Config) { cfg.Source, cfg.Event = k.people, k.events.add })
			node.people, node.events = k.people, k.events
			f(t, node, k)
		})
	})
	t.Run("near", func(t *testing.T) {
		t.Parallel()
		near(t, func(t *testing.T, k, other *kit, store *nearStore) {
			store.told = true
			f(t, k, other)
		})
	})
}

// versionStore tells the versions of many records at once.
type versionStore struct{ *watchedStore }

func (s versionStore) Versions(ctx context.Context, keys []Key) (versions []ID, err error) {
	for _, key := range keys {
		l, err := s.Store.Load(ctx, key)
		if err != nil {
			return nil, err
		}
		versions = append(versions, l.Record.Version)
	}
	return versions, nil
}

func TestWatchTellsOfAChange(t *testing.T) {
	t.Parallel()
	everyNode(t, func(_ *testing.T, k, other *kit) {
		o, bob := k.signInAs("ann"), k.signInAs("bob")
		f, untouched := k.follow(o), k.follow(bob)
		f.wants("Ann")
		k.people.write(person{Key: "ann", Name: "Anna"})
		other.invalidate("ann")
		f.wants("Ann", "Anna")

		w := other.write("ann")
		f.wants("Ann", "Anna") // nothing is committed
		k.people.write(person{Key: "ann", Name: "Annie"})
		other.end(w)
		f.wants("Ann", "Anna", "Annie")

		all := other.write()
		k.people.write(person{Key: "ann", Name: "Anja"})
		other.end(all)
		f.wants("Ann", "Anna", "Annie", "Anja")
		untouched.wants("Bob")
	})
}

func (k *kit) invalidate(key string) {
	k.t.Helper()
	if err := k.cache.SyncUser(k.t.Context(), "", key, BackgroundSync{}); err != nil {
		k.t.Fatalf("SyncUser(%s) = %v", key, err)
	}
}

// What happens between the request's look-up and its Watch is told as well.
func TestWatchTellsOfWhatItHasMissed(t *testing.T) {
	t.Parallel()
	everyNode(t, func(_ *testing.T, k, other *kit) {
		o := k.signInAs("ann")
		k.people.write(person{Key: "ann", Name: "Anna"})
		other.invalidate("ann")
		k.follow(o).wants("Anna")
		other.signOut(o)
		k.follow(o).wants("ended")
	})
}

func TestWatchTellsThatTheSessionHasEnded(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(k, other *kit, o *Opened) error{
		"signed out": func(_, other *kit, o *Opened) error { other.signOut(o); return nil },
		"revoked": func(_, other *kit, o *Opened) error {
			return other.cache.RevokeSession(other.t.Context(), "", "ann", o.Handle())
		},
		"user revoked":     func(_, other *kit, _ *Opened) error { return other.cache.RevokeUser(other.t.Context(), "", "ann") },
		"everyone revoked": func(_, other *kit, _ *Opened) error { return other.cache.RevokeAll(other.t.Context(), 0) },
		"user gone": func(_, other *kit, _ *Opened) error {
			other.people.remove("ann")
			return other.cache.SyncUser(other.t.Context(), "", "ann", BackgroundSync{})
		},
		"user locked": func(_, other *kit, _ *Opened) error {
			other.people.write(person{Key: "ann", Name: "Ann", Locked: true})
			return other.cache.SyncUser(other.t.Context(), "", "ann", BackgroundSync{})
		},
		"token replaced without grace": func(k, other *kit, o *Opened) error {
			return k.cache.Sync(k.t.Context(), other.open(*o.Successor), Sync{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyNode(t, func(t *testing.T, k, other *kit) {
				o := k.signInAs("ann")
				f := k.follow(k.open(*o.Successor))
				f.wants("Ann")
				if err := end(k, other, o); err != nil {
					t.Fatal(err)
				}
				f.wants("Ann", "ended")
			})
		})
	}
}

func TestWatchEndsWithTheSessionsTime(t *testing.T) {
	t.Parallel()
	everyNode(t, func(_ *testing.T, k, _ *kit) {
		o := k.signInAs("ann")
		f := k.follow(o)
		f.wants("Ann")
		time.Sleep(testRules().IdleTimeout - 2*soon - time.Second)
		f.wants("Ann")
		time.Sleep(time.Second)
		f.wants("Ann", "ended")
	})
}

// An account that is deleted, made again and deleted looks as it did before to
// those who look now and then.
func TestWatchOfAnAccountThatComesBack(t *testing.T) {
	t.Parallel()
	everyNode(t, func(t *testing.T, k, other *kit) {
		k.follow(k.signInAs("bob")) // somebody is followed all the time
		for range 3 {
			f := k.follow(k.signInAs("ann"))
			time.Sleep(time.Millisecond)
			if err := other.cache.RevokeUser(t.Context(), "", "ann"); err != nil {
				t.Fatal(err)
			}
			f.ends()
		}
	})
}

// ends waits until it has ended, and no longer.
func (f *follower) ends() {
	f.t.Helper()
	for range soon / time.Millisecond {
		time.Sleep(time.Millisecond)
		synctest.Wait()
		f.mu.Lock()
		n := len(f.told)
		ended := n > 0 && f.told[n-1] == "ended"
		f.mu.Unlock()
		if ended {
			return
		}
	}
	f.t.Fatalf("it has not ended within %v", soon)
}

// Its client has the successor, whichever of its requests was handed it.
func TestWatchOutlivesItsToken(t *testing.T) {
	t.Parallel()
	everyNode(t, func(_ *testing.T, k, other *kit) {
		token := *k.signInAs("ann").Successor
		f := k.follow(k.open(token))
		f.wants("Ann")
		for range 3 {
			time.Sleep(testRules().RenewAfter + time.Second)
			next := *other.open(token).Successor
			other.open(next)
			token = next
		}
		other.syncNow(other.open(token))
		time.Sleep(2 * testRules().Grace)
		f.wants("Ann")
	})
}

// A token that was replaced already may be anybody's, and ends with its grace.
func TestWatchInGraceEndsWithIt(t *testing.T) {
	t.Parallel()
	everyNode(t, func(_ *testing.T, k, other *kit) {
		token := *k.signInAs("ann").Successor
		other.syncNow(other.open(token))
		f := k.follow(k.open(token))
		time.Sleep(testRules().Grace - 3*soon)
		f.wants("Ann")
		time.Sleep(3 * soon)
		f.wants("Ann", "ended")
	})
}

// A change that nobody announces shows as it does to requests.
func TestWatchKeepsMaxAge(t *testing.T) {
	t.Parallel()
	everyNode(t, func(_ *testing.T, k, _ *kit) {
		f := k.follow(k.signInAs("ann"))
		f.wants("Ann")
		k.people.write(person{Key: "ann", Name: "Anna"})
		time.Sleep(testRules().MaxAge - 3*soon)
		f.wants("Ann")
		time.Sleep(2 * soon)
		f.wants("Ann", "Anna")
	})
}

// A writer may die before it concludes, and its COMMIT be made at any moment.
func TestWatchReadsWhileAWriterIsUnderWay(t *testing.T) {
	t.Parallel()
	everyNode(t, func(t *testing.T, k, other *kit) {
		f := k.follow(k.signInAs("ann"))
		f.wants("Ann")
		other.write("ann")
		time.Sleep(5 * time.Second)
		k.people.write(person{Key: "ann", Name: "Anna"})
		time.Sleep(time.Second)
		f.wants("Ann", "Anna")
		if n := k.people.reads.Load(); n > 12 {
			t.Errorf("the row was read %d times in six seconds; want one a second", n)
		}
		time.Sleep(WriterDeadline - 6500*time.Millisecond)
		k.people.write(person{Key: "ann", Name: "Annie"})
		time.Sleep(soon)
		f.wants("Ann", "Anna", "Annie")
		n := k.people.reads.Load()
		time.Sleep(testRules().MaxAge / 2)
		if n = k.people.reads.Load() - n; n > 2 {
			t.Errorf("the row was read %d more times with no writer under way", n)
		}
	})
}

func TestWatchSaysWhenNobodyCanTell(t *testing.T) {
	t.Parallel()
	overBytes(t, func(_ *testing.T, k *kit, store *watchedStore) {
		var away atomic.Bool
		store.load = func(int64) error {
			if away.Load() {
				return errors.New("the store is away")
			}
			return nil
		}
		f := k.follow(k.signInAs("ann"))
		f.wants("Ann")
		away.Store(true)
		time.Sleep(time.Minute)
		f.wants("Ann", "error")
		away.Store(false)
		time.Sleep(time.Second)
		f.wants("Ann", "error", "Ann")
	})
}

func TestWatchSaysThatTheUserCannotBeRead(t *testing.T) {
	t.Parallel()
	everyNode(t, func(_ *testing.T, k, other *kit) {
		f := k.follow(k.signInAs("ann"))
		f.wants("Ann")
		k.people.with(func() { k.people.fail = errTable })
		other.invalidate("ann")
		f.wants("Ann", "error")
		k.people.with(func() { k.people.fail = nil })
		time.Sleep(time.Second)
		f.wants("Ann", "error", "Ann")
	})
}

// A user whom nobody can cache is read once a change, not once a look.
func TestWatchOfAUserWhoIsNotCached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := setup(t, byteStore{NewMemory(0)}, func(cfg *Config) { cfg.Codec = nil })
		f := k.follow(k.signInAs("ann"))
		f.wants("Ann")
		n := k.people.reads.Load()
		time.Sleep(testRules().MaxAge / 2)
		if got := k.people.reads.Load() - n; got != 0 {
			t.Errorf("the row was read %d times although nothing has changed", got)
		}
		k.invalidate("ann")
		f.wants("Ann")
		if got := k.people.reads.Load() - n; got != 1 {
			t.Errorf("the row was read %d times for one change; want 1", got)
		}
	})
}

// Nobody's access is not watched, and a Cache that is closed says so.
func TestWatchWithoutASessionAndAfterClose(t *testing.T) {
	t.Parallel()
	everyNode(t, func(t *testing.T, k, _ *kit) {
		if w := k.cache.Watch(new(Access)); w != nil {
			t.Error("nobody's access is watched")
		}
		f := k.follow(k.signInAs("ann"))
		f.wants("Ann")
		if err := k.cache.Close(); err != nil {
			t.Fatal(err)
		}
		f.wants("Ann", "error")
	})
}

// A node follows many accounts with as many questions as it must: one a round
// where the store tells versions.
func TestWhatAWatchCostsTheStore(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		k.people.with(func() {
			for _, key := range manyKeys {
				k.people.rows[key] = person{Key: key, Name: key}
			}
		})
		for _, key := range manyKeys {
			k.follow(k.signInAs(key))
		}
		if got := k.cache.Stats().Watches; got != len(manyKeys) {
			t.Errorf("Stats counts %d live connections; want %d", got, len(manyKeys))
		}
		time.Sleep(time.Second + pollEvery/2)
		synctest.Wait()
		loads := store.loads.Load()
		time.Sleep(10 * pollEvery)
		synctest.Wait()
		if got, want := store.loads.Load()-loads, int64(10*len(manyKeys)); got != want {
			t.Errorf("%d loads in ten rounds; want %d, one for each account that is followed", got, want)
		}
	})
}

var manyKeys = func() (keys []string) {
	for i := range 40 {
		keys = append(keys, string(rune('A'+i)))
	}
	return keys
}()
