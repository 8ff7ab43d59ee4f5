package powgin_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin"
)

// withEachCommit has a write whose COMMIT is altered run once in each manner.
func withEachCommit(t *testing.T, commits map[string]func(committer) error, story func(f *followed, name string, write func(string) error)) {
	t.Helper()
	for name, commit := range commits {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inEveryManner(t, nil, func(f *followed, write func(string) error) {
				f.opened.conns.onCommit(commit)
				story(f, name, write)
			})
		})
	}
}

// TestACommitThatFailsMayHaveHappened holds that readers see the row as it is for
// as long as nobody knows what became of the COMMIT.
func TestACommitThatFailsMayHaveHappened(t *testing.T) {
	t.Parallel()
	withEachCommit(t, map[string]func(committer) error{
		"committed":   func(tx committer) error { return errors.Join(errCommit, tx.Commit()) },
		"rolled back": func(tx committer) error { return errors.Join(errCommit, tx.Rollback()) },
		"committed ten seconds later": func(tx committer) error {
			time.AfterFunc(10*time.Second, func() { _ = tx.Commit() })
			return errCommit
		},
		"rolled back ten seconds later": func(tx committer) error {
			time.AfterFunc(10*time.Second, func() { _ = tx.Rollback() })
			return errCommit
		},
	}, func(f *followed, name string, write func(string) error) {
		if err := write("pro"); !errors.Is(err, errCommit) {
			f.Errorf("the write = %v; want the error of its COMMIT", err)
		}
		f.opened.conns.onCommit(nil)
		for after := 0; after < 30; after += 2 {
			f.wantLook(name, f.alice, false, f.row(1))
			f.wantLook(name, f.bob, true, "free")
			time.Sleep(2 * time.Second)
			synctest.Wait()
		}
		time.Sleep(time.Second)
		f.wantLook(name+", after 31 seconds", f.alice, false, f.row(1))
		f.wantLook(name+", after that", f.alice, true, f.row(1))
		if want := map[string]string{"committed": "pro", "committed ten seconds later": "pro"}[name]; want != "" {
			f.wantRow(name, 1, want)
		}
		noError(f, write("again"))
		f.wantLook("the next write", f.alice, false, "again")
		f.wantCached("the next write", f.alice)
	})
}

// TestASlowCommitStaysAnnounced holds that no reader sees the old user once the
// new one is there, however long the COMMIT takes.
func TestASlowCommitStaysAnnounced(t *testing.T) {
	t.Parallel()
	const long = 100 * time.Second
	withEachCommit(t, map[string]func(committer) error{
		"applied late": func(tx committer) error {
			time.Sleep(long)
			return tx.Commit()
		},
		"applied early, answered late": func(tx committer) error {
			defer time.Sleep(long)
			return tx.Commit()
		},
	}, func(f *followed, name string, write func(string) error) {
		done := make(chan error, 1)
		go func() { done <- write("pro") }()
		synctest.Wait()
		swaps := f.store.Swaps()
		for range 19 {
			time.Sleep(5 * time.Second)
			f.wantLook(name+", under way", f.alice, false, f.row(1))
			f.wantLook(name+", under way", f.bob, true, "free")
		}
		if n := f.store.Swaps() - swaps; n < 3 {
			f.Errorf("in 95 seconds the announcement was made again %d times; want 3 at least", n)
		}
		noError(f, <-done)
		f.wantRow(name, 1, "pro")
		f.wantLook(name+", once it is over", f.alice, false, "pro")
		f.wantLook(name+", after that", f.alice, true, "pro")
		synctest.Wait()
		swaps = f.store.Swaps()
		time.Sleep(time.Minute)
		if n := f.store.Swaps() - swaps; n > 0 {
			f.Errorf("the announcement was made again %d times once it was over; want none", n)
		}
	})
}

// commitsSlowly begins a write whose COMMIT takes a minute, and returns what brings
// its outcome.
func (f *followed) commitsSlowly(write func(string) error) <-chan error {
	f.opened.conns.onCommit(func(tx committer) error {
		time.Sleep(time.Minute)
		return tx.Commit()
	})
	done := make(chan error, 1)
	go func() { done <- write("pro") }()
	return done
}

// TestASlowCommitWhoseAnnouncementLapsesIsSeenAfterIt has the store fail for
// longer than an announcement counts.
func TestASlowCommitWhoseAnnouncementLapsesIsSeenAfterIt(t *testing.T) {
	t.Parallel()
	inEveryManner(t, nil, func(f *followed, write func(string) error) {
		done := f.commitsSlowly(write)
		time.Sleep(5 * time.Second)
		f.store.Down(true)
		time.Sleep(40 * time.Second)
		f.store.Heal()
		if _, errs := f.told.take(); len(errs) != 1 || !errors.Is(errs[0], powgin.ErrUnavailable) {
			f.Errorf("OnError was told %v; want once that the announcement could not be kept up", errs)
		}
		f.wantCached("forgotten by the store", f.alice)
		noError(f, <-done)
		f.wantLook("once it is over", f.alice, false, "pro")
		f.wantCached("once it is over", f.alice)
	})
}

// TestABriefOutageDuringACommitIsBridged has the store fail just when the
// announcement is made again.
func TestABriefOutageDuringACommitIsBridged(t *testing.T) {
	t.Parallel()
	inEveryManner(t, nil, func(f *followed, write func(string) error) {
		done := f.commitsSlowly(write)
		time.Sleep(9 * time.Second)
		f.store.Down(true)
		time.Sleep(8 * time.Second)
		f.store.Heal()
		for range 8 {
			time.Sleep(5 * time.Second)
			f.wantLook("after the outage", f.alice, false, "free")
		}
		noError(f, <-done)
		f.wantLook("once it is over", f.alice, false, "pro")
		f.told.wantTold(f, 0, "a brief outage")
	})
}
