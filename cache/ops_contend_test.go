package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// inRealTime runs f on a cache over decoded accounts, on one over bytes, and on
// one of two nodes: goroutines that spin would never let a bubble's clock move.
// The second cache is the one that others write through.
func inRealTime(t *testing.T, f func(t *testing.T, k, other *kit)) {
	t.Helper()
	t.Run("decoded", func(t *testing.T) {
		t.Parallel()
		k := setup(t, NewMemory(0))
		f(t, k, k)
	})
	t.Run("bytes", func(t *testing.T) {
		t.Parallel()
		k := setup(t, byteStore{NewMemory(0)})
		f(t, k, k)
	})
	t.Run("two nodes", func(t *testing.T) {
		t.Parallel()
		store := &watchedStore{Store: NewMemory(0), t: t}
		k := setup(t, store)
		f(t, k, k.anotherNode(store))
	})
}

// spin lets 64 writers announce and conclude changes of ann as fast as they
// can. It returns once all of them are at it.
func (k *kit) spin() (stop func()) {
	var done atomic.Bool
	var wg, begun sync.WaitGroup
	for range 64 {
		begun.Add(1)
		wg.Go(func() {
			w := k.cache.NewWrite("", "ann")
			for n := 0; !done.Load(); n++ {
				if err := w.Begin(context.Background()); err != nil {
					k.t.Errorf("Begin = %v", err)
				}
				if n == 0 {
					begun.Done()
				}
				if err := w.End(context.Background()); err != nil {
					k.t.Errorf("End = %v", err)
				}
			}
		})
	}
	begun.Wait()
	return func() { done.Store(true); wg.Wait() }
}

// No change starves, however many others there are.
func TestChangesWinAgainstSpinningWriters(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(ctx context.Context, k *kit, o *Opened) error{
		"sign-out": func(ctx context.Context, k *kit, o *Opened) error {
			return k.cache.EndSession(ctx, o.Account(), o.Handle())
		},
		"revoke": func(ctx context.Context, k *kit, o *Opened) error { return k.cache.Revoke(ctx, o, o.Handle()) },
		"revoke of the user": func(ctx context.Context, k *kit, _ *Opened) error {
			return k.cache.RevokeUser(ctx, "", "ann")
		},
		"sync": func(ctx context.Context, k *kit, o *Opened) error {
			return k.cache.Sync(ctx, o, Sync{Grace: 0})
		},
		"sync from the background": func(ctx context.Context, k *kit, _ *Opened) error {
			return k.cache.SyncUser(ctx, "", "ann", BackgroundSync{Revoke: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inRealTime(t, func(t *testing.T, k, other *kit) {
				for range 5 {
					o := k.signInAs("ann")
					token := *o.Successor
					stop := other.spin()
					ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
					err := change(ctx, k, o)
					cancel()
					stop()
					if err != nil {
						t.Fatalf("the change = %v", err)
					}
					k.wantUser(k.open(token), "")
				}
				if a := k.record("ann"); a != nil && len(a.writers) != 0 {
					t.Errorf("%d writers are left", len(a.writers))
				}
			})
		})
	}
}

// Requests go on under them too: each sees the user, none an error.
func TestRequestsGoOnUnderSpinningWriters(t *testing.T) {
	t.Parallel()
	inRealTime(t, func(t *testing.T, k, other *kit) {
		token := *k.signInAs("ann").Successor
		stop := other.spin()
		for range 50 {
			k.wantUser(k.open(token), "Ann")
		}
		k.signInAs("ann")
		stop()
		k.open(token)
		reads := int(k.people.reads.Load())
		k.wantUser(k.open(token), "Ann")
		k.wantReads(reads)
	})
}

// Two hundred requests with one token sync at once: one rotates, the others
// find themselves in grace, one session is left, and it takes about one swap
// each.
func TestManySyncsOfOneSession(t *testing.T) {
	t.Parallel()
	const n = 200
	run := func(t *testing.T, k, other *kit) {
		token := *k.signInAs("ann").Successor
		var opened []*Opened
		for range n {
			opened = append(opened, k.open(token))
		}
		k.people.write(person{Key: "ann", Name: "Anna"})
		var wg sync.WaitGroup
		for i, o := range opened {
			node := k
			if i%2 == 0 {
				node = other
			}
			wg.Go(func() {
				if err := node.cache.Sync(context.Background(), o, Sync{Grace: time.Hour}); err != nil {
					t.Errorf("Sync = %v", err)
				}
				k.wantUser(o, "Anna")
			})
		}
		wg.Wait()
		var successors []Token
		for _, o := range opened {
			if o.Successor != nil {
				successors = append(successors, *o.Successor)
			}
		}
		if len(successors) != 1 {
			t.Fatalf("%d requests rotated; want 1", len(successors))
		}
		k.wantUser(k.open(successors[0]), "Anna")
		if o := k.open(token); !o.InGrace() {
			t.Error("the old token is not in grace")
		}
		if got := k.sessions("ann"); len(got) != 1 {
			t.Errorf("%d sessions; want 1", len(got))
		}
	}
	inRealTime(t, run)
	t.Run("counted", func(t *testing.T) {
		t.Parallel()
		overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
			k.people.with(func() {
				k.people.before = func(context.Context) error { time.Sleep(5 * time.Millisecond); return nil }
			})
			run(t, k, k)
			// A sync tries the account that its request knows, and then the
			// one that is there: nobody else on this node comes between.
			if landed, tried := store.landed.Load(), store.swaps.Load(); landed > n*11/10 || tried > n*21/10 {
				t.Errorf("%d syncs took %d swaps, of which %d landed", n, tried, landed)
			}
		})
	})
}

// Each session of a user may sync at the same time; every one gets its token.
func TestManySyncsOfManySessions(t *testing.T) {
	t.Parallel()
	inRealTime(t, func(t *testing.T, k, _ *kit) {
		var opened []*Opened
		for range 50 {
			opened = append(opened, k.open(*k.signInAs("ann").Successor))
		}
		var wg sync.WaitGroup
		for _, o := range opened {
			wg.Go(func() {
				if err := k.cache.Sync(context.Background(), o, Sync{Grace: -1}); err != nil {
					t.Errorf("Sync = %v", err)
				}
			})
		}
		wg.Wait()
		for _, o := range opened {
			wantSuccessor(t, o, true)
			k.wantUser(k.open(*o.Successor), "Ann")
		}
	})
}

// Sign-ins, syncs, renewals, sign-outs and writes of one account at once: what
// was ended stays ended, and what lives sees the newest user.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	inRealTime(t, func(t *testing.T, k, other *kit) {
		stop := other.spin()
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				o := k.signInAs("ann")
				token := *o.Successor
				for range 5 {
					o = k.open(token)
					if err := k.cache.Sync(context.Background(), o, Sync{Grace: -1}); err != nil {
						t.Errorf("Sync = %v", err)
						return
					}
					token = *o.Successor
				}
				if i%2 == 0 {
					k.signOut(o)
					k.wantUser(k.open(token), "")
				}
			})
		}
		wg.Wait()
		stop()
		if n := len(k.sessions("ann")); n != 15 {
			t.Errorf("%d sessions are left; want 15", n)
		}
	})
}
