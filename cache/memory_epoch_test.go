package cache

import (
	"sync"
	"testing"
)

func TestASwapOfAnOldEpochLoses(t *testing.T) {
	t.Parallel()
	b := memoryBackend{NewMemory(0).space("app")}
	old, err := b.loadEpoch(t.Context(), 0)
	if err != nil || old.epoch != nil {
		t.Fatalf("loadEpoch = %v, %v; want none", old.epoch, err)
	}
	first, second := &Epoch{stamp: numberedID(1)}, &Epoch{stamp: numberedID(2)}
	if v, ok, err := b.swapEpoch(t.Context(), 0, old, first); !ok || err != nil || v.epoch != first {
		t.Fatalf("swapEpoch = %v, %v", ok, err)
	}
	v, ok, err := b.swapEpoch(t.Context(), 0, old, second)
	if ok || err != nil {
		t.Errorf("swapEpoch in the place of one that is no more = %v, %v; want false, nil", ok, err)
	}
	if v.epoch != first {
		t.Error("the swap that lost does not bring the epoch that is there")
	}
}

// Writers of all users meet in one record. None may undo what another has
// announced.
func TestWritersOfAllUsersAtOnce(t *testing.T) {
	t.Parallel()
	m := NewMemory(0)
	k := setup(t, m)
	open := k.write() // stays
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 50 {
				w := k.cache.NewWrite("")
				if err := w.Begin(t.Context()); err != nil {
					t.Errorf("Begin = %v", err)
				}
				if err := w.End(t.Context()); err != nil {
					t.Errorf("End = %v", err)
				}
			}
		})
	}
	wait.Wait()
	e := m.space(testSpace.Name()).epoch.Load()
	if len(e.writers) != 1 || e.writers[0].id != open.id {
		t.Errorf("%d writers are announced; want the one that is open", len(e.writers))
	}
	k.end(open)
	if e = m.space(testSpace.Name()).epoch.Load(); len(e.writers) != 0 {
		t.Errorf("%d writers are announced after all have concluded", len(e.writers))
	}
}
