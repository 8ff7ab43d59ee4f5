package powgintest_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/cachetest"
	"github.com/powgin/powgin/powgintest"
)

func TestAFlakyStoreThatIsNotToldToFailKeepsTheContract(t *testing.T) {
	t.Parallel()
	cachetest.ExerciseInBubble(t, func(*testing.T) cache.Store { return powgintest.NewFlakyStore(cache.NewMemory(0)) })
}

func TestDown(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		k.Down(true)
		for range 2 {
			k.wantInjected("Load", k.load(k.Context()))
			k.wantInjected("Swap", k.swap(k.Context()))
		}
		k.wantUnchanged()
		if got := len(k.Epochs("space")); got != 1 {
			k.Errorf("Epochs names %d keys; want what the inner store says, 1", got)
		}
		k.Down(false)
		k.wantWorking()
	})
}

func TestSlow(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		k.Slow(time.Second)
		begun := time.Now()
		k.wantWorking()
		if took := time.Since(begun); took != 2*time.Second {
			k.Errorf("two slow calls take %v; want 2s", took)
		}
		k.Slow(0)
		begun = time.Now()
		k.wantWorking()
		if took := time.Since(begun); took != 0 {
			k.Errorf("two calls take %v; want none", took)
		}
	})
}

func TestSlowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		k.Slow(time.Minute)
		k.wantHeldUntilTheEnd()
	})
}

func TestHang(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		k.Hang(true)
		k.wantHeldUntilTheEnd()
		k.Hang(false)
		k.wantWorking()
	})
}

// wantHeldUntilTheEnd checks that calls end with their context, having done
// nothing.
func (k *flakyKit) wantHeldUntilTheEnd() {
	k.Helper()
	for what, call := range map[string]func(context.Context) error{"Load": k.load, "Swap": k.swap} {
		ctx, cancel := context.WithTimeout(k.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		err := call(ctx)
		k.wantInjected(what, err)
		if took := time.Since(begun); took != 3*time.Second || !errors.Is(err, context.DeadlineExceeded) {
			k.Errorf("%s ends after %v with %v; want its context's end after 3s", what, took, err)
		}
	}
	k.wantUnchanged()
}

func TestAFaultMayBeSwitchedWhileCallsWait(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		ctx, cancel := context.WithCancel(k.Context())
		k.Hang(true)
		var hung sync.WaitGroup
		hung.Go(func() { k.wantInjected("Swap that hangs", k.swap(ctx)) })
		synctest.Wait()
		k.Heal()
		k.Slow(time.Second)
		k.wantWorking() // calls that begin now
		synctest.Wait()
		k.Down(true)
		k.wantInjected("Load", k.load(k.Context()))
		cancel() // and not before does the first one end
		hung.Wait()
	})
}

func TestFailCall(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		k.FailCall(1)
		k.wantInjected("Swap, the first call", k.swap(k.Context()))
		k.wantUnchanged()
		k.wantWorking()

		k.FailCall(3)
		k.wantWorking() // two calls
		k.wantInjected("Load, the third call", k.load(k.Context()))
		k.wantWorking()

		for _, takeBack := range []func(){k.Heal, func() { k.FailCall(0) }, func() { k.FailCall(-1) }} {
			k.FailCall(1)
			takeBack()
			k.wantWorking()
		}
	})
}

func TestLoseAnswers(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		k.LoseAnswers(2)
		if err := k.load(k.Context()); err != nil {
			k.Errorf("Load = %v; want nil, since Swaps alone lose their answers", err)
		}
		second, third := newRecord("second"), newRecord("third")
		_, ok, err := k.Swap(k.Context(), k.key, k.first.Version, second)
		k.wantInjected("Swap whose answer is lost", err)
		if got := k.stored(); ok || got.Version != second.Version {
			k.Errorf("Swap whose answer is lost = %t, and the store holds %q; want false and what it wrote", ok, got.Data)
		}
		_, _, err = k.Swap(k.Context(), k.key, k.first.Version, third) // which changes nothing
		k.wantInjected("the second Swap", err)
		if got := k.stored(); got.Version != second.Version {
			k.Errorf("a Swap from another version wrote %q", got.Data)
		}
		k.wantWorking()

		k.LoseAnswers(1)
		k.FailCall(1)
		k.wantInjected("Swap that fails", k.swap(k.Context()))
		k.wantInjected("the Swap after it, which has an answer to lose", loses(k))
		for _, takeBack := range []func(){k.Heal, func() { k.LoseAnswers(0) }, func() { k.LoseAnswers(-1) }} {
			k.LoseAnswers(1)
			takeBack()
			k.wantWorking()
		}
	})
}

// loses makes a Swap and returns its error alone.
func loses(k *flakyKit) error {
	_, _, err := k.Swap(k.Context(), k.key, k.stored().Version, newRecord("other"))
	return err
}

func TestCorrupt(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		epoch := newRecord("epoch")
		if _, ok, err := k.Swap(k.Context(), k.Epochs("space")[0], cache.ID{}, epoch); !ok || err != nil {
			k.Fatalf("Swap = %t, %v; want true, nil", ok, err)
		}
		k.Corrupt(true)
		loaded, err := k.Load(k.Context(), k.key)
		if err != nil {
			k.Fatalf("Load = %v; want nil", err)
		}
		lost, ok, err := k.Swap(k.Context(), k.key, cache.NewID(), newRecord("other"))
		if ok || err != nil {
			k.Fatalf("Swap from another version = %t, %v; want false, nil", ok, err)
		}
		for what, got := range map[string]cache.Loaded{"Load": loaded, "a Swap that loses": lost} {
			k.wantAltered(what, got.Record, k.first)
			k.wantAltered(what+", the epoch", got.Epoch, epoch)
		}
		if got := k.stored(); !bytes.Equal(got.Data, []byte("first")) {
			k.Errorf("the store itself holds %q; want what was written", got.Data)
		}
		absent, err := k.Load(k.Context(), cache.Key{Space: "space", ID: cache.AccountID{2}})
		if err != nil || absent.Record.Version != (cache.ID{}) {
			k.Errorf("Load of an absent record = version %x, %v; want none", absent.Record.Version, err)
		}
		k.Corrupt(false)
		if l, err := k.Load(k.Context(), k.key); err != nil || !bytes.Equal(l.Record.Data, k.first.Data) {
			k.Errorf("Load = %q, %v; want %q, nil", l.Record.Data, err, k.first.Data)
		}
	})
}

func (k *flakyKit) wantAltered(what string, got, of cache.Record) {
	k.Helper()
	if got.Version != of.Version || got.Expires != of.Expires {
		k.Errorf("%s brings version %x, which expires at %d; want %x and %d", what, got.Version, got.Expires, of.Version, of.Expires)
	}
	if len(got.Data) == 0 || got.Data[0] == of.Data[0] || bytes.Equal(got.Data, of.Data) {
		k.Errorf("%s brings %q; want other bytes than %q", what, got.Data, of.Data)
	}
}

func TestHeal(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		k.Down(true)
		k.Hang(true)
		k.Slow(time.Hour)
		k.FailCall(1)
		k.LoseAnswers(1)
		k.Corrupt(true)
		k.Heal()
		begun := time.Now()
		k.wantWorking()
		l, err := k.Load(k.Context(), k.key)
		if err != nil || string(l.Record.Data) != "next" || time.Since(begun) != 0 {
			k.Errorf("after Heal Load = %q, %v after %v; want next, nil at once", l.Record.Data, err, time.Since(begun))
		}
	})
}

func TestCounts(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		k.wantWorking()
		k.Down(true)
		for range 2 {
			k.wantInjected("Swap", k.swap(k.Context()))
		}
		k.wantInjected("Load", k.load(k.Context()))
		if k.Loads() != 2 || k.Swaps() != 3 {
			k.Errorf("%d Loads and %d Swaps were counted; want 2 and 3", k.Loads(), k.Swaps())
		}
	})
}

func TestFaultsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	inFlakyBubble(t, func(k *flakyKit) {
		k.FailCall(50)
		var mu sync.Mutex
		var calls sync.WaitGroup
		failed := 0
		for range 100 {
			calls.Go(func() {
				k.Slow(time.Millisecond)
				if k.load(k.Context()) != nil {
					mu.Lock()
					defer mu.Unlock()
					failed++
				}
			})
		}
		calls.Wait()
		if failed != 1 || k.Loads() != 100 {
			k.Errorf("%d of %d calls failed; want 1 of 100", failed, k.Loads())
		}
	})
}
