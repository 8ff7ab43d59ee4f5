package cache

import (
	"sync/atomic"
	"testing"
	"time"
)

// handClock is a clock that tests move by hand.
type handClock struct{ at atomic.Int64 }

func (c *handClock) now() time.Time { return time.Unix(0, c.at.Load()) }

func (c *handClock) pass(d time.Duration) { c.at.Add(int64(d)) }

// overHands runs f on a cache whose store's time f moves, in plain time.
func overHands(t *testing.T, f func(t *testing.T, k *kit, m *Memory, c *handClock)) {
	t.Helper()
	for name, wrap := range map[string]func(*Memory) Store{
		"decoded": func(m *Memory) Store { return m },
		"bytes":   func(m *Memory) Store { return byteStore{m} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := new(handClock)
			c.pass(1000 * time.Hour)
			m := NewMemoryWithClock(2, c.now)
			f(t, setup(t, wrap(m)), m, c)
		})
	}
}

func TestAMemoryGoesByTheClockItWasGiven(t *testing.T) {
	t.Parallel()
	overHands(t, func(t *testing.T, k *kit, m *Memory, c *handClock) {
		o := k.signInAs("ann")
		if got := o.session.signedIn.Std(); !got.Equal(c.now()) {
			t.Errorf("signed in at %v; want %v", got, c.now())
		}
		if l, err := m.Load(t.Context(), EpochKey("other")); err != nil || l.Now != TimeOf(c.now()) {
			t.Errorf("Load tells %v, %v; want %v", l.Now.Std(), err, c.now())
		}
		c.pass(29 * time.Minute)
		o = k.open(*o.Successor)
		k.wantUser(o, "Ann")
		wantSuccessor(t, o, true)
		c.pass(29 * time.Minute)
		k.wantUser(k.open(*o.Successor), "Ann")
		c.pass(time.Hour)
		k.wantUser(k.open(*o.Successor), "")
		k.signInAs("bob")
		if got := m.Len(); got > 2 {
			t.Errorf("%d accounts; want at most 2", got)
		}
	})
}

// A store's sense of time is its own: what bounds a call is not.
func TestAClockThatStandsStillHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	overHands(t, func(t *testing.T, k *kit, _ *Memory, _ *handClock) {
		token := *k.signInAs("ann").Successor
		for range 3 {
			k.wantUser(k.open(token), "Ann")
		}
		k.end(k.write("ann"))
		k.revokeAll(0) // of this very moment too
		k.wantUser(k.open(token), "")
		k.wantUser(k.open(*k.signInAs("ann").Successor), "Ann")
	})
}

func TestAMemoryWithAClockIsBounded(t *testing.T) {
	t.Parallel()
	c := new(handClock)
	for n, want := range map[int]int64{0: DefaultMaxAccounts, -1: DefaultMaxAccounts, 7: 7} {
		if got := NewMemoryWithClock(n, c.now).max; got != want {
			t.Errorf("NewMemoryWithClock(%d) holds %d accounts; want %d", n, got, want)
		}
	}
}

// The zero time.Time is no moment, as it is nowhere.
func TestAClockThatTellsNothing(t *testing.T) {
	t.Parallel()
	m := NewMemoryWithClock(1, func() time.Time { return time.Time{} })
	if got := m.clock.now(); got != 0 {
		t.Errorf("now = %v; want 0", got)
	}
}
