package cache

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAnAccountExpiresToTheNanosecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := setup(t, NewMemory(0))
		token := *k.signInAs("ann").Successor
		time.Sleep(testRules().IdleTimeout - 1)
		if k.record("ann") == nil {
			t.Error("the account is absent before it expires")
		}
		k.wantSessions("ann", k.open(token)) // which renews it
		time.Sleep(testRules().IdleTimeout - 1)
		if k.record("ann") == nil {
			t.Error("the account that was renewed is absent before it expires")
		}
		time.Sleep(time.Nanosecond)
		if k.record("ann") != nil {
			t.Error("the account is there when it has expired")
		}
		k.wantUser(k.open(token), "")

		w := k.write("bob")
		time.Sleep(WriterDeadline - 1)
		if k.record("bob") == nil {
			t.Error("the announcement is absent before its deadline")
		}
		time.Sleep(time.Nanosecond)
		if k.record("bob") != nil {
			t.Error("the announcement is there at its deadline")
		}
		k.end(w)
	})
}

// crowd puts n accounts into the space, so many in each second of expiry from
// now on.
func crowd(t *testing.T, s *memorySpace, n, eachSecond int, first Time) {
	t.Helper()
	for i := range n {
		at := first.Add(time.Duration(i/eachSecond)*time.Second + time.Duration(i%eachSecond))
		a := &Account{space: &testSpace, expires: at, sessions: []Session{{ends: at}}}
		if ok, err := s.swap(AccountID{1, byte(i), byte(i >> 8), byte(i >> 16)}, nil, a); !ok || err != nil {
			t.Fatalf("swap that creates account %d = %v, %v", i, ok, err)
		}
	}
}

// touch changes an account that lives on, as any write in the store would.
func touch(t *testing.T, s *memorySpace) {
	t.Helper()
	now := s.memory.clock.now()
	at := now.Add(time.Hour)
	id := AccountID{2}
	if ok, err := s.swap(id, s.load(id, now), &Account{space: &testSpace, expires: at, sessions: []Session{{ends: at}}}); !ok || err != nil {
		t.Fatalf("swap = %v, %v", ok, err)
	}
}

// After a storm of expiries memory comes back in small batches, as the store
// is written to; no write pays for all of them.
func TestAStormOfExpiriesIsClearedInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n, eachSecond = 20_000, 2_000
		m := NewMemory(n + 1)
		s := m.space("app")
		crowd(t, s, n, eachSecond, m.clock.now().Add(time.Minute))
		time.Sleep(59 * time.Second)
		touch(t, s)
		if got := m.Len(); got != n+1 {
			t.Fatalf("Len = %d before anything expired; want %d", got, n+1)
		}
		time.Sleep(time.Minute)

		batch := len(expiry{}.refs)
		writes := 0
		for last := m.Len(); m.Len() > 1; writes++ {
			touch(t, s)
			if freed := last - m.Len(); freed > batch {
				t.Fatalf("one write freed %d accounts; want %d at most", freed, batch)
			}
			last = m.Len()
			if writes > n {
				t.Fatalf("%d accounts are left after %d writes", last, writes)
			}
		}
		// Each second's last batch may be a small one.
		if most := n/batch + n/eachSecond + 2; writes > most {
			t.Errorf("%d writes cleared %d accounts; want %d at most", writes, n, most)
		}
		if got := s.accounts.Size(); got != 1 {
			t.Errorf("%d accounts are stored; want 1", got)
		}
		if got := len(m.due.seconds); got != 1 || len(m.due.due) != 1 {
			t.Errorf("%d seconds are queued; want that of the account which lives", got)
		}
	})
}

// queued counts the queue's entries of an account, and those of them that are
// of the account as it is now.
func queued(s *memorySpace, id AccountID) (all, live int) {
	a, _ := s.accounts.Load(id)
	for _, head := range s.memory.due.due {
		for ; head != nil; head = head.older {
			for _, ref := range head.refs[:head.n] {
				if ref.space == s && ref.id == id {
					all++
					if a != nil && a.serial == ref.serial {
						live++
					}
				}
			}
		}
	}
	return all, live
}

func TestALiveAccountIsQueuedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(0)
		k := setup(t, m)
		s, id := m.space(testSpace.Name()), k.cache.Account("", "ann")
		want := func(when string, wantAll int) {
			t.Helper()
			if all, live := queued(s, id); live != 1 || all != wantAll {
				t.Errorf("%s: %d entries are queued, %d of them of the live account; want %d and 1", when, all, live, wantAll)
			}
		}
		o := k.signInAs("ann")
		want("signed in", 1)
		for range 100 {
			time.Sleep(time.Second)
			k.syncNow(o)
		}
		want("after a hundred syncs", 1)

		// At its first expiry it lives on, and is put back for the next.
		time.Sleep(testRules().IdleTimeout - 10*time.Second)
		k.syncNow(o)
		time.Sleep(20 * time.Second)
		k.syncNow(o)
		want("past its first expiry", 1)

		const again = 10
		for range again {
			k.signOut(o)
			o = k.signInAs("ann")
		}
		want("signed in again and again", again+1)
		time.Sleep(testRules().IdleTimeout / 2)
		k.syncNow(o)
		time.Sleep(testRules().IdleTimeout/2 + 2*time.Second)
		for range again {
			k.syncNow(o)
		}
		want("once the former ones are due", 1)
	})
}
