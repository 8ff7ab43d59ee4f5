package cache

import (
	"context"
	"sync"
	"testing"
	"time"
)

func wantSuccessor(t testing.TB, o *Opened, want bool) {
	t.Helper()
	if got := o.Successor != nil; got != want {
		t.Errorf("a successor was handed out: %v; want %v", got, want)
	}
}

func TestARequestAfterRenewAfterRenews(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old := *k.signInAs("ann").Successor
		time.Sleep(15*time.Minute - 1)
		wantSuccessor(t, k.open(old), false)
		time.Sleep(time.Nanosecond)
		first := k.open(old)
		wantSuccessor(t, first, true)
		k.wantUser(first, "Ann")
		if *first.Successor == old {
			t.Fatal("the successor is the token itself")
		}
		// Until the successor is used the old token works and is handed the
		// same one: a response that was lost signs nobody out.
		time.Sleep(10 * time.Minute)
		again := k.open(old)
		if again.Successor == nil || *again.Successor != *first.Successor {
			t.Error("the old token was handed another successor")
		}
		next := *first.Successor
		confirmed := k.open(next)
		k.wantUser(confirmed, "Ann")
		wantSuccessor(t, confirmed, false)
		if confirmed.InGrace() || confirmed.Handle() != first.Handle() {
			t.Error("the successor is in grace, or of another session")
		}
		// Now the old one works for the grace, without a cookie.
		time.Sleep(5*time.Second - 1)
		late := k.open(old)
		k.wantUser(late, "Ann")
		wantSuccessor(t, late, false)
		if !late.InGrace() {
			t.Error("the replaced token is not in grace")
		}
		k.wantEvents(EventReuse, 0)
		time.Sleep(time.Nanosecond)
		k.wantUser(k.open(old), "")
		if got := k.events.named(EventReuse); len(got) != 1 || got[0].UserKey != "ann" || got[0].Session != first.Handle() {
			t.Errorf("events of reuse: %v; want one that names the session", got)
		}
		k.wantUser(k.open(next), "Ann")
		k.wantEvents(EventRenewed, 1)
	})
}

func TestParallelRequestsRenewOnce(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old := *k.signInAs("ann").Successor
		k.open(old)
		time.Sleep(15 * time.Minute)
		opened := make([]*Opened, 30)
		var wg sync.WaitGroup
		for i := range opened {
			wg.Go(func() { opened[i] = k.open(old) })
		}
		wg.Wait()
		for _, o := range opened {
			k.wantUser(o, "Ann")
			if o.Successor == nil || *o.Successor != *opened[0].Successor {
				t.Fatal("two requests were handed two successors")
			}
		}
		k.wantEvents(EventRenewed, 1)
		// And parallel first uses of the successor confirm it once.
		for i := range opened {
			wg.Go(func() { opened[i] = k.open(*opened[i].Successor) })
		}
		wg.Wait()
		for _, o := range opened {
			k.wantUser(o, "Ann")
			wantSuccessor(t, o, false)
		}
		if s := k.record("ann").sessions[0]; len(s.retired) != 1 || s.pending != nil {
			t.Errorf("%d retired tokens, pending %v; want the old one, and nothing pending", len(s.retired), s.pending != nil)
		}
	})
}

// A successor that lay for longer than RenewAfter before its first use is
// confirmed and replaced in one swap.
func TestAnOverdueSuccessorIsReplacedAtItsFirstUse(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		time.Sleep(16 * time.Minute)
		token = *k.open(token).Successor
		time.Sleep(16 * time.Minute)
		o := k.open(token)
		wantSuccessor(t, o, true)
		time.Sleep(30*time.Minute - 1) // the idle time counts from now
		k.wantUser(k.open(*o.Successor), "Ann")
	})
}

// A successor that nobody ever uses moves the idle time once.
func TestAnUnconfirmedRenewalMovesTheIdleTimeOnce(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		for range 3 {
			time.Sleep(15*time.Minute - 1)
			k.wantUser(k.open(token), "Ann")
		}
		time.Sleep(3 * time.Nanosecond) // 45 minutes after sign-in
		k.open(token)
		time.Sleep(15 * time.Minute)
		k.wantUser(k.open(token), "")
	})
}

func TestABearerTokenStays(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o, _, err := k.signIn(SignIn{UserKey: "ann", Transport: Bearer})
		if err != nil {
			t.Fatal(err)
		}
		in := Opening{Transport: Bearer, Token: *o.Successor}
		if err := k.cache.SyncUser(t.Context(), "", "ann", BackgroundSync{Regenerate: true}); err != nil {
			t.Fatal(err)
		}
		for range 8 {
			time.Sleep(20 * time.Minute)
			var o Opened
			if err := k.cache.Open(t.Context(), &in, &o); err != nil || o.User == nil || o.Successor != nil {
				t.Fatalf("Open = %v, user %v, successor %v", err, o.User, o.Successor != nil)
			}
		}
		time.Sleep(30 * time.Minute)
		var dead Opened
		if err := k.cache.Open(t.Context(), &in, &dead); err != nil || dead.Live() {
			t.Errorf("after 30 idle minutes: %v, live %v", err, dead.Live())
		}
	})
}

func TestAMarkedSessionIsRenewedAtItsNextRequest(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		mark := func() {
			t.Helper()
			if err := k.cache.SyncUser(t.Context(), "", "ann", BackgroundSync{Regenerate: true}); err != nil {
				t.Fatal(err)
			}
		}
		mark()
		o := k.open(token)
		wantSuccessor(t, o, true)
		// A mark set while a successor is on its way is cleared only by the
		// one that is made after it.
		mark()
		second := k.open(*o.Successor)
		wantSuccessor(t, second, true)
		if *second.Successor == *o.Successor {
			t.Error("the mark was cleared by a successor that was made before it")
		}
		wantSuccessor(t, k.open(*second.Successor), false)
	})
}

// A read may take its time. What is decided after it counts from then.
func TestGraceCountsFromTheConfirmation(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old := *k.signInAs("ann").Successor
		time.Sleep(15 * time.Minute)
		next := *k.open(old).Successor
		stale()
		k.people.with(func() {
			k.people.after = func(context.Context, any) error { time.Sleep(2 * time.Second); return nil }
		})
		k.wantUser(k.open(next), "Ann")
		time.Sleep(5*time.Second - 1)
		k.wantUser(k.open(old), "Ann")
		time.Sleep(time.Nanosecond)
		k.wantUser(k.open(old), "")
	})
}

// The first request after a while reads the user and renews the token with
// one load, one query and one swap.
func TestAReadAndARenewalAreOneSwap(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		for _, what := range []string{"renewal", "confirmation"} {
			time.Sleep(2 * time.Minute)
			if what == "renewal" {
				time.Sleep(15 * time.Minute)
			}
			reads := int(k.people.reads.Load())
			loads, swaps := store.loads.Load(), store.swaps.Load()
			o := k.open(token)
			k.wantReads(reads + 1)
			if l, s := store.loads.Load()-loads, store.swaps.Load()-swaps; l != 1 || s != 1 {
				t.Errorf("a read and a %s cost %d loads and %d swaps; want 1 and 1", what, l, s)
			}
			if o.Successor != nil {
				token = *o.Successor
			}
		}
	})
}

// Once a request has read the user it knows what is stored: a sync loads only
// for its own read, and swaps twice.
func TestASyncThatNobodyDisturbsIsThreeRoundTrips(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		wait time.Duration
	}{{"after a hit", 0}, {"after a miss", 2 * time.Minute}, {"after a miss and a renewal", 16 * time.Minute}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
				token := *k.signInAs("ann").Successor
				k.open(token)
				time.Sleep(row.wait)
				o := k.open(token)
				loads, swaps := store.loads.Load(), store.swaps.Load()
				k.syncNow(o)
				if l, s := store.loads.Load()-loads, store.swaps.Load()-swaps; l != 1 || s != 2 {
					t.Errorf("a sync costs %d loads and %d swaps; want 1 and 2", l, s)
				}
			})
		})
	}
}

// A store that cannot be written renews nothing and fails no request.
func TestARenewalThatFailsIsNotTheRequests(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		time.Sleep(15 * time.Minute)
		store.before = func(int64) error { return errStore }
		o := k.open(token) // reads as well, and cannot fill
		k.wantUser(o, "Ann")
		wantSuccessor(t, o, false)
		store.before = nil
		o = k.open(token)
		wantSuccessor(t, o, true)
		store.before = func(int64) error { return errStore }
		o = k.open(*o.Successor) // a confirmation
		k.wantUser(o, "Ann")
		store.before = nil
		k.wantUser(k.open(token), "Ann")
		k.wantEvents(EventRenewed, 1)
	})
}

// overGraces runs f with a request on a token in grace, and one on the token
// that replaced it: by a sync, or by the first use of a successor.
func overGraces(t *testing.T, f func(t *testing.T, k *kit, late, current *Opened)) {
	t.Helper()
	t.Run("after a sync", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			old := *k.signInAs("ann").Successor
			o := k.open(old)
			k.syncNow(o)
			f(t, k, k.open(old), k.open(*o.Successor))
		})
	})
	t.Run("after a renewal", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			old := *k.signInAs("ann").Successor
			time.Sleep(15 * time.Minute)
			current := k.open(*k.open(old).Successor)
			f(t, k, k.open(old), current)
		})
	})
}

func TestARequestInGraceChangesNothing(t *testing.T) {
	t.Parallel()
	overGraces(t, func(t *testing.T, k *kit, late, _ *Opened) {
		old := late.token
		if err := k.cache.SyncUser(t.Context(), "", "ann", BackgroundSync{Regenerate: true}); err != nil {
			t.Fatal(err)
		}
		k.open(old)
		before := k.record("ann")
		o := k.open(old)
		k.wantUser(o, "Ann")
		wantSuccessor(t, o, false)
		if !o.InGrace() || !sameAccount(before, k.record("ann")) {
			t.Error("a request in grace changed the account, or is not told to be in grace")
		}
	})
}
