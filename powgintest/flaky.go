package powgintest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/powgin/powgin/cache"
)

// ErrInjected is what a [FlakyStore] answers where it was told to fail. Where a
// call's context ended it wraps the context's error too.
var ErrInjected = errors.New("powgintest: the store fails as it was told to")

// A FlakyStore is a [cache.Store] that misbehaves when it is told to, so that a
// test can see what an app does then. Until told it only counts.
//
//	store := powgintest.NewFlakyStore(cache.NewMemory(0))
//	auth, err := powgin.New(powgin.Config[User]{Store: store, …})
//	…
//	store.Down(true) // every request that carries a token is answered with 503
//	store.Heal()     // and everybody is signed in as before
//
// Faults may be switched while requests run; a call meets those that are set
// when it begins, several at once where several are. It takes its time from
// package time, so in a bubble of testing/synctest waiting costs nothing. A
// [cache.Memory] behind it keeps its accounts as bytes, as a store outside the
// process does.
//
// Make one with [NewFlakyStore]. It is safe for concurrent use.
type FlakyStore struct {
	inner        cache.Store
	loads, swaps atomic.Int64

	mu     sync.Mutex
	faults faults // guarded by mu
}

// faults is how a store misbehaves. The zero value is a store that works.
type faults struct {
	down, hang bool
	slow       time.Duration
	fail       int                      // calls up to the one that fails, 0 for none
	lose       int                      // answers of Swaps yet to be lost
	script     func() fate              // says what becomes of the next call, nil for nothing
	fate       fate                     // what the script has said of this call
	alter      func(data []byte) []byte // what becomes of loaded bytes, nil for nothing
}

// NewFlakyStore returns a FlakyStore over inner, which works until it is told
// otherwise. inner must not be nil.
func NewFlakyStore(inner cache.Store) *FlakyStore { return &FlakyStore{inner: inner} }

// Down has every call fail at once, before it has done anything, for as long
// as on is true: a store that cannot be reached.
func (s *FlakyStore) Down(on bool) { s.set(func(f *faults) { f.down = on }) }

// Hang has every call wait until its context ends, and fail then without
// having done anything. A call that waits already goes on waiting when Hang is
// turned off.
func (s *FlakyStore) Hang(on bool) { s.set(func(f *faults) { f.hang = on }) }

// Slow has every call take d longer, before anything is done. Where its context
// ends meanwhile the call fails and nothing is done. Zero and less is no delay.
func (s *FlakyStore) Slow(d time.Duration) { s.set(func(f *faults) { f.slow = d }) }

// FailCall has the n-th call from now on fail, once and before it has done
// anything; 1 is the next. Loads and Swaps count alike. Zero and less takes back
// what was asked for before.
func (s *FlakyStore) FailCall(n int) { s.set(func(f *faults) { f.fail = max(0, n) }) }

// LoseAnswers has the next n Swaps carried out and then answered with an error,
// so that their caller cannot know what became of them: a connection that broke
// too late. Zero and less takes back what was asked for before.
func (s *FlakyStore) LoseAnswers(n int) { s.set(func(f *faults) { f.lose = max(0, n) }) }

// A fate is what becomes of one call.
type fate int

const (
	carriedOut fate = iota
	refused         // nothing is done
	answerLost      // it is carried out, and answered with an error
)

// failFrom gives the n-th call from now on its fate, once, or with onwards all
// that follow it too; 1 is the next. Loads and Swaps count alike.
func (s *FlakyStore) failFrom(n int, what fate, onwards bool) {
	calls := 0 // guarded by mu, as the script runs
	s.set(func(f *faults) {
		f.script = func() fate {
			if calls++; calls == n || onwards && calls > n {
				return what
			}
			return carriedOut
		}
	})
}

// Corrupt has the bytes of every record that is loaded come back altered beyond
// reading, under the version and expiry they have, for as long as on is true.
// That is so for epoch records too, and for what a Swap that loses returns. What
// the store holds stays as it is.
func (s *FlakyStore) Corrupt(on bool) {
	if on {
		s.alterLoaded(inverted)
	} else {
		s.alterLoaded(nil)
	}
}

// alterLoaded is Corrupt with another way to alter bytes, nil for none. alter
// must not change those that it is given.
func (s *FlakyStore) alterLoaded(alter func([]byte) []byte) {
	s.set(func(f *faults) { f.alter = alter })
}

// Heal ends all faults. Calls that wait already go on waiting.
func (s *FlakyStore) Heal() { s.set(func(f *faults) { *f = faults{} }) }

func (s *FlakyStore) set(change func(*faults)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.faults)
}

// Loads returns how many Loads have begun, those that failed included.
func (s *FlakyStore) Loads() int { return int(s.loads.Load()) }

// Swaps returns how many Swaps have begun, those that failed included.
func (s *FlakyStore) Swaps() int { return int(s.swaps.Load()) }

// Load implements [cache.Store]: it fails, waits or alters as it was told to,
// and is the inner store's otherwise.
func (s *FlakyStore) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	s.loads.Add(1)
	f := s.begin(false)
	if err := f.delay(ctx); err != nil {
		return cache.Loaded{}, err
	}
	l, err := s.inner.Load(ctx, key)
	if err == nil && f.fate == answerLost {
		return cache.Loaded{}, ErrInjected
	}
	return f.loaded(l), err
}

// LoadNear implements [cache.NearStore]: it is the inner store's where that is
// one too, and never has a copy while a fault is set.
func (s *FlakyStore) LoadNear(key cache.Key) (cache.Loaded, bool) {
	near, ok := s.inner.(cache.NearStore)
	if !ok || s.faulty() {
		return cache.Loaded{}, false
	}
	return near.LoadNear(key)
}

func (s *FlakyStore) faulty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &s.faults
	return f.down || f.hang || f.slow > 0 || f.fail > 0 || f.lose > 0 || f.alter != nil
}

// Swap implements [cache.Store]: it fails, waits or loses its answer as it was
// told to, and is the inner store's otherwise.
func (s *FlakyStore) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	s.swaps.Add(1)
	f := s.begin(true)
	if err := f.delay(ctx); err != nil {
		return cache.Loaded{}, false, err
	}
	l, ok, err := s.inner.Swap(ctx, key, old, next)
	if err == nil && (f.lose > 0 || f.fate == answerLost) {
		return cache.Loaded{}, false, ErrInjected
	}
	return f.loaded(l), ok, err
}

// Epochs implements [cache.Store]. It is the inner store's: it asks nobody, so
// it cannot fail.
func (s *FlakyStore) Epochs(space string) []cache.Key { return s.inner.Epochs(space) }

// begin returns the faults that one call meets, and counts it where they are
// for a number of calls.
func (s *FlakyStore) begin(swap bool) faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.faults
	if f.fail > 0 {
		s.faults.fail--
	}
	if f.script != nil {
		f.fate = f.script()
	}
	fails := f.down || f.hang || f.fail == 1 || f.fate == refused
	if swap && !fails && f.lose > 0 {
		s.faults.lose-- // a call that fails has no answer to lose
	}
	return f
}

// delay lets the time pass that a call takes, and reports its failure where it
// does not come to be carried out.
func (f *faults) delay(ctx context.Context) error {
	switch {
	case f.down, f.fail == 1, f.fate == refused:
		return ErrInjected
	case f.hang:
		<-ctx.Done()
		return cutShort(ctx)
	case f.slow <= 0:
		return nil
	}
	timer := time.NewTimer(f.slow)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return cutShort(ctx)
	}
}

func cutShort(ctx context.Context) error { return fmt.Errorf("%w: %w", ErrInjected, ctx.Err()) }

// loaded returns what was loaded as the faults leave it.
func (f *faults) loaded(l cache.Loaded) cache.Loaded {
	if f.alter != nil {
		l.Record.Data, l.Epoch.Data = f.alter(l.Record.Data), f.alter(l.Epoch.Data)
	}
	return l
}

// inverted returns the bytes with every bit turned over: the first one, which
// names the format, can then never be a format's.
func inverted(data []byte) []byte {
	out := make([]byte, len(data))
	for i, b := range data {
		out[i] = ^b
	}
	return out
}
