package powgintest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// flakyKit is a flaky store with one record in it.
type flakyKit struct {
	testing.TB
	*powgintest.FlakyStore
	inner *cache.Memory
	key   cache.Key
	first cache.Record
}

// inFlakyBubble runs a story in a bubble of its own.
func inFlakyBubble(t *testing.T, story func(k *flakyKit)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		inner := cache.NewMemory(0)
		k := &flakyKit{
			TB: t, inner: inner, FlakyStore: powgintest.NewFlakyStore(inner),
			key: cache.Key{Space: "space", ID: cache.AccountID{1}}, first: newRecord("first"),
		}
		if _, ok, err := inner.Swap(t.Context(), k.key, cache.ID{}, k.first); !ok || err != nil {
			t.Fatalf("Swap = %t, %v; want true, nil", ok, err)
		}
		story(k)
	})
}

func newRecord(data string) cache.Record {
	return cache.Record{Version: cache.NewID(), Data: []byte(data), Expires: cache.TimeOf(time.Now().Add(time.Hour))}
}

// load returns what a Load of the record brings.
func (k *flakyKit) load(ctx context.Context) error {
	l, err := k.Load(ctx, k.key)
	if err == nil && l.Record.Version == (cache.ID{}) {
		k.Error("Load finds no record")
	}
	return err
}

// swap puts a new record in the place of what the inner store has.
func (k *flakyKit) swap(ctx context.Context) error {
	next := newRecord("next")
	_, ok, err := k.Swap(ctx, k.key, k.stored().Version, next)
	if ok != (err == nil) || ok && k.stored().Version != next.Version {
		k.Errorf("Swap = %t, %v, and the store holds %q", ok, err, k.stored().Data)
	}
	return err
}

// stored is what the inner store has.
func (k *flakyKit) stored() cache.Record {
	l, err := k.inner.Load(k.Context(), k.key)
	if err != nil {
		k.Fatal(err)
	}
	return l.Record
}

func (k *flakyKit) wantWorking() {
	k.Helper()
	if err := errors.Join(k.load(k.Context()), k.swap(k.Context())); err != nil {
		k.Errorf("a store that nobody told to fail = %v; want nil", err)
	}
}

func (k *flakyKit) wantInjected(what string, err error) {
	k.Helper()
	if !errors.Is(err, powgintest.ErrInjected) {
		k.Errorf("%s = %v; want ErrInjected", what, err)
	}
}

// wantUnchanged checks that the inner store still has its first record.
func (k *flakyKit) wantUnchanged() {
	k.Helper()
	if got := k.stored(); got.Version != k.first.Version {
		k.Errorf("the store holds %q; want the record from before", got.Data)
	}
}
