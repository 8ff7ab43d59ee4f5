package cache

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// hired adds users to the table and returns their keys.
func (k *kit) hired(n int) (keys []string) {
	k.t.Helper()
	for i := range n {
		key := fmt.Sprint("user ", i)
		k.people.write(person{Key: key, Name: key})
		keys = append(keys, key)
	}
	return keys
}

func (k *kit) wantLen(m *Memory, want int) {
	k.t.Helper()
	if got := m.Len(); got != want {
		k.t.Errorf("Len = %d; want %d", got, want)
	}
	if got := m.counted(); got != want {
		k.t.Errorf("%d accounts with sessions are stored; want %d", got, want)
	}
}

// counted counts what Len is to be.
func (m *Memory) counted() (n int) {
	for _, s := range m.spaces {
		for _, a := range s.accounts.All() {
			if a.counted() {
				n++
			}
		}
	}
	return n
}

func TestAFullMemorySignsNobodyElseOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(2)
		k := setup(t, m)
		keys := k.hired(4)
		first, second := k.signInAs(keys[0]), k.signInAs(keys[1])
		for range 3 {
			_, _, err := k.signIn(SignIn{UserKey: keys[2]})
			wantErr(t, "the sign-in that is one too many", err, ErrFull)
			wantErr(t, "the sign-in that is one too many", err, ErrUnavailable)
		}
		k.wantLen(m, 2)
		k.wantUser(k.open(*first.Successor), keys[0])
		k.wantUser(k.open(*second.Successor), keys[1])

		again := k.signInAs(keys[0]) // has an account
		k.wantLen(m, 2)
		k.signOut(first)
		k.wantLen(m, 2)
		k.signOut(again)
		k.wantLen(m, 1)
		k.wantUser(k.open(*k.signInAs(keys[2]).Successor), keys[2])
		k.wantLen(m, 2)
	})
}

func TestExpiredAccountsMakeRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(3)
		k := setup(t, m)
		keys := k.hired(6)
		k.signInAs(keys[0])
		k.signInAs(keys[1])
		time.Sleep(time.Second)
		lives := k.signInAs(keys[2])
		time.Sleep(testRules().IdleTimeout - time.Second - 1)
		_, _, err := k.signIn(SignIn{UserKey: keys[3]})
		wantErr(t, "a sign-in a moment before others expire", err, ErrFull)
		time.Sleep(time.Nanosecond)
		k.signInAs(keys[3])
		k.wantUser(k.open(*lives.Successor), keys[2])
		k.signInAs(keys[4])
		k.wantLen(m, 3)
		_, _, err = k.signIn(SignIn{UserKey: keys[5]})
		wantErr(t, "a sign-in into a store that is full again", err, ErrFull)
	})
}

// The bound must never stop a write, nor may writes use up the room for
// sign-ins.
func TestAnnouncementsNeedNoRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(1)
		k := setup(t, m)
		keys := k.hired(10)
		w := k.write(keys...)
		k.wantLen(m, 0)
		o := k.signInAs(keys[0])
		k.wantLen(m, 1)
		_, _, err := k.signIn(SignIn{UserKey: keys[1]})
		wantErr(t, "a sign-in into a full store, of a user who is being written", err, ErrFull)
		if a := k.record(keys[1]); a == nil || len(a.writers) != 1 {
			t.Error("the sign-in that was refused has taken the announcement away")
		}
		more := k.write(keys...)
		k.end(w)
		k.end(more)
		k.wantLen(m, 1)
		k.wantUser(k.open(*o.Successor), keys[0])

		w = k.write(keys[0])
		k.signOut(o) // leaves the announcement
		k.wantLen(m, 0)
		k.end(w)
		if n := m.space(testSpace.Name()).accounts.Size(); n != 0 {
			t.Errorf("%d accounts are left; want none", n)
		}
	})
}

func TestTheBoundHoldsAmongMany(t *testing.T) {
	t.Parallel()
	const bound, users = 20, 100
	m := NewMemory(bound)
	k := setup(t, m)
	var in, full atomic.Int32
	var wait sync.WaitGroup
	for _, key := range k.hired(users) {
		wait.Go(func() {
			switch _, _, err := k.signIn(SignIn{UserKey: key}); {
			case err == nil:
				in.Add(1)
			case errors.Is(err, ErrFull):
				full.Add(1)
			default:
				t.Errorf("SignIn = %v", err)
			}
		})
	}
	wait.Wait()
	if in.Load() != bound || full.Load() != users-bound {
		t.Errorf("%d users signed in and %d were refused; want %d and %d", in.Load(), full.Load(), bound, users-bound)
	}
	k.wantLen(m, bound)
}

// The count stays right whatever comes and goes at once: accounts with and
// without sessions, expired or not, under a bound that is always met.
func TestLenCountsAmongMany(t *testing.T) {
	t.Parallel()
	m := NewMemory(50)
	s := m.space("app")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 2000 {
				id := AccountID{byte(rand.IntN(100))}
				now := m.clock.now()
				next := &Account{space: &testSpace, expires: now.Add(time.Duration(rand.IntN(2e6) - 1e5))}
				switch rand.IntN(4) {
				case 0:
					next = nil
				case 1:
					next.writers = []Writer{{deadline: next.expires}}
				default:
					next.sessions = []Session{{ends: next.expires}}
				}
				if _, err := s.swap(id, s.load(id, now), next); err != nil && !errors.Is(err, ErrFull) {
					t.Errorf("swap = %v", err)
				}
			}
		})
	}
	wait.Wait()
	if got, want := m.Len(), m.counted(); got != want || got > 50 {
		t.Errorf("Len = %d; want %d, and at most 50", got, want)
	}
}

func TestMemoryHasADefaultBound(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, -1} {
		if got := NewMemory(n).max; got != DefaultMaxAccounts {
			t.Errorf("NewMemory(%d) holds %d accounts; want %d", n, got, DefaultMaxAccounts)
		}
	}
}

// Size returns how many accounts there are, those included that have expired.
func (m *accountMap) Size() (n int) {
	for _, shard := range m {
		n += shard.Size()
	}
	return n
}
