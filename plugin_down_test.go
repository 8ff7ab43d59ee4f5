package powgin_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin"
)

// inEveryManner runs a story once for each manner of writing, in a bubble of its
// own.
func inEveryManner(t *testing.T, change func(*powgin.Config[User]), story func(f *followed, write func(plan string) error)) {
	t.Helper()
	for _, m := range manners {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			o := openFollowed(t, m.config)
			synctest.Test(t, func(t *testing.T) {
				f := follow(t, o, change)
				story(f, func(plan string) error { return m.write(f.db.WithContext(t.Context()), plan) })
			})
		})
	}
}

func TestAWriteThatCannotBeAnnouncedIsRolledBack(t *testing.T) {
	t.Parallel()
	inEveryManner(t, nil, func(f *followed, write func(string) error) {
		for name, fault := range map[string]func(bool){"down": f.store.Down, "hanging": f.store.Hang} {
			before := f.row(1)
			fault(true)
			start := time.Now()
			if err := write("lost"); !errors.Is(err, powgin.ErrUnavailable) {
				f.Errorf("the write with the store %s = %v; want an ErrUnavailable", name, err)
			}
			if took := time.Since(start); took > 6*time.Second {
				f.Errorf("the write with the store %s took %v; want a few seconds at most", name, took)
			}
			f.store.Heal()
			f.wantRow("with the store "+name, 1, before)
			if n := f.emitted("unannounced"); n > 0 {
				f.Errorf("%d events tell of a write that was not announced; want none, since it was not made", n)
			}
			time.Sleep(time.Minute)
			noError(f, write("after "+name))
			f.wantLook("after the store is back", f.alice, false, "after "+name)
			f.wantCached("after the store is back", f.alice, f.bob)
		}
	})
}

func TestAWriteThatCannotBeAnnouncedIsMadeWhereThatIsLax(t *testing.T) {
	t.Parallel()
	inEveryManner(t, func(c *powgin.Config[User]) {
		c.Writes, c.MaxAge = powgin.LaxWrites, time.Minute
	}, func(f *followed, write func(string) error) {
		f.store.Down(true)
		if err := write("pro"); err != nil {
			f.Errorf("the write with the store down = %v; want nil", err)
		}
		f.store.Heal()
		f.wantRow("with the store down", 1, "pro")
		_, errs := f.told.take()
		if len(errs) == 0 {
			f.Error("OnError was told nothing; want that a change was not announced")
		}
		for _, err := range errs {
			if !errors.Is(err, powgin.ErrUnavailable) {
				f.Errorf("OnError was told %v; want an ErrUnavailable", err)
			}
		}
		if n := f.emitted("unannounced"); n != 1 {
			f.Errorf("%d events tell of a write that was not announced; want 1", n)
		}
		f.wantLook("right after it", f.alice, true, "free")
		time.Sleep(59 * time.Second)
		f.wantLook("within MaxAge", f.alice, true, "free")
		time.Sleep(2 * time.Second)
		f.wantLook("after MaxAge", f.alice, false, "pro")
		noError(f, write("back"))
		f.wantLook("after the store is back", f.alice, false, "back")
		f.wantCached("after the store is back", f.alice)
	})
}

// TestAConclusionThatFailsIsNoError has the store fail once the COMMIT is made.
func TestAConclusionThatFailsIsNoError(t *testing.T) {
	t.Parallel()
	inEveryManner(t, nil, func(f *followed, write func(string) error) {
		f.opened.conns.onCommit(func(tx committer) error {
			err := tx.Commit()
			f.store.Down(true)
			return err
		})
		if err := write("pro"); err != nil {
			f.Errorf("the write = %v; want nil, since it is committed", err)
		}
		f.opened.conns.onCommit(nil)
		f.store.Heal()
		f.told.wantTold(f, 1, "the conclusion")
		f.wantRow("after it", 1, "pro")
		for range 2 {
			f.wantLook("right after it", f.alice, false, "pro")
		}
		f.wantLook("right after it", f.bob, true, "free")
		time.Sleep(29 * time.Second)
		f.wantLook("after 29 seconds", f.alice, false, "pro")
		time.Sleep(2 * time.Second)
		f.wantLook("after 31 seconds", f.alice, false, "pro")
		f.wantLook("after that", f.alice, true, "pro")
	})
}
