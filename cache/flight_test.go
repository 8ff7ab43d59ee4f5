package cache

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sharers are the ways in which reads are shared.
var sharers = []struct {
	name  string
	share func(fs *flights, ctx context.Context, w work) (reading, error)
}{
	{"alone", (*flights).alone},
	{"miss", func(fs *flights, ctx context.Context, w work) (reading, error) {
		return fs.shareMiss(ctx, missKey{lease: ID{1}}, w)
	}},
	{"newest", func(fs *flights, ctx context.Context, w work) (reading, error) {
		return fs.shareNewest(ctx, newestKey{fill: true}, w)
	}},
}

func overSharers(t *testing.T, f func(t *testing.T, share func(ctx context.Context, w work) (reading, error), fs *flights)) {
	t.Helper()
	for _, s := range sharers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fs := new(flights)
				f(t, func(ctx context.Context, w work) (reading, error) { return s.share(fs, ctx, w) }, fs)
				fs.close()
				if len(fs.miss)+len(fs.newest) != 0 {
					t.Errorf("%d and %d reads are remembered after they ended", len(fs.miss), len(fs.newest))
				}
			})
		})
	}
}

func brings(user any) work {
	return func(context.Context) (reading, error) { return reading{user: user}, nil }
}

func TestAFlightBringsWhatItsWorkBrings(t *testing.T) {
	t.Parallel()
	overSharers(t, func(t *testing.T, share func(context.Context, work) (reading, error), _ *flights) {
		for n := range 3 {
			if r, err := share(t.Context(), brings(n)); err != nil || r.user != n {
				t.Errorf("read %d = %v, %v", n, r.user, err)
			}
		}
		if _, err := share(t.Context(), func(context.Context) (reading, error) { return reading{}, errTable }); !errors.Is(err, errTable) {
			t.Errorf("a read that failed = %v", err)
		}
	})
}

// Work runs on a context of its own: the values are the caller's, the deadline
// and the cancellation are not.
func TestAFlightHasAContextOfItsOwn(t *testing.T) {
	t.Parallel()
	type key struct{}
	overSharers(t, func(t *testing.T, share func(context.Context, work) (reading, error), _ *flights) {
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		cancel()
		_, err := share(ctx, func(ctx context.Context) (reading, error) {
			if ctx.Value(key{}) != "value" {
				t.Error("the caller's values are lost")
			}
			d, ok := ctx.Deadline()
			if got := time.Until(d); !ok || got != Budget {
				t.Errorf("the read has %v; want %v", got, Budget)
			}
			return reading{}, ctx.Err()
		})
		if err != nil {
			t.Errorf("the read was canceled with its caller: %v", err)
		}
	})
}

// A caller with little time left waits no longer than it has, and the read
// goes on beside it.
func TestAFlightOutlivesACallerInAHurry(t *testing.T) {
	t.Parallel()
	overSharers(t, func(t *testing.T, share func(context.Context, work) (reading, error), fs *flights) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var ended atomic.Bool
		begin := time.Now()
		_, err := share(ctx, func(ctx context.Context) (reading, error) {
			time.Sleep(2 * time.Second)
			ended.Store(ctx.Err() == nil)
			return reading{}, nil
		})
		wantErr(t, "the caller", err, ErrUnavailable)
		wantErr(t, "the caller", err, context.DeadlineExceeded)
		if d := time.Since(begin); d != time.Second {
			t.Errorf("the caller waited %v; want 1s", d)
		}
		fs.close()
		if !ended.Load() {
			t.Error("the read was canceled, or close did not wait for it")
		}
	})
}

// A panic in the app's code is an error for everyone who waits, and says
// nothing of what it held. Work that ends its goroutine brings nobody either.
func TestAFlightThatCrashes(t *testing.T) {
	t.Parallel()
	for name, crash := range map[string]func(){
		"panic with text":     func() { panic("secret") },
		"panic with an error": func() { panic(errors.New("secret")) },
		"panic with nil":      func() { panic(nil) }, //nolint:govet // apps may
		"exit":                runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			overSharers(t, func(t *testing.T, share func(context.Context, work) (reading, error), fs *flights) {
				led, joined := errors.New("the goroutine ended"), error(nil)
				go func() {
					_, led = share(t.Context(), func(context.Context) (reading, error) {
						time.Sleep(time.Second)
						crash()
						return reading{user: "nobody"}, nil
					})
				}()
				synctest.Wait()
				if len(fs.miss) == 1 { // somebody may wait for the same read
					_, joined = share(t.Context(), brings("nobody"))
					wantErr(t, "one who waits", joined, ErrUnavailable)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if led == nil || strings.Contains(errors.Join(led, joined).Error(), "secret") {
					t.Errorf("err = %v, %v; want one that holds nothing of the panic", led, joined)
				}
				if r, err := share(t.Context(), brings("ann")); err != nil || r.user != "ann" {
					t.Errorf("the next read = %v, %v", r.user, err)
				}
			})
		})
	}
}

// One read runs and one waits to follow it, however many come.
func TestNewestRunsOneAndKeepsOneWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fs := new(flights)
		var runs atomic.Int64
		w := func(context.Context) (reading, error) {
			n := runs.Add(1)
			time.Sleep(time.Second)
			return reading{user: n}, nil
		}
		got := make(chan int64, 100)
		ask := func() {
			r, err := fs.shareNewest(t.Context(), newestKey{}, w)
			if err != nil {
				t.Error(err)
			}
			got <- r.user.(int64)
		}
		go ask()
		synctest.Wait()
		for range 10 {
			go ask()
		}
		synctest.Wait()
		if n := runs.Load(); n != 1 {
			t.Errorf("%d reads run at once; want 1", n)
		}
		if first := <-got; first != 1 {
			t.Errorf("read %d came first; want 1", first)
		}
		synctest.Wait()
		go ask() // while the second one runs: it needs a third
		for range 10 {
			if n := <-got; n != 2 {
				t.Errorf("one who came while read 1 ran got read %d; want 2", n)
			}
		}
		if n := <-got; n != 3 {
			t.Errorf("one who came while read 2 ran got read %d; want 3", n)
		}
		// Another account, or another kind, is another read.
		begin := time.Now()
		go ask()
		if _, err := fs.shareNewest(t.Context(), newestKey{fill: true}, w); err != nil {
			t.Error(err)
		}
		<-got
		if d := time.Since(begin); d != time.Second {
			t.Errorf("two reads of two kinds took %v; want 1s", d)
		}
		fs.close()
	})
}

// close waits for what runs and for what waits to run, and lets nothing new
// begin.
func TestCloseWaitsForReads(t *testing.T) {
	t.Parallel()
	overSharers(t, func(t *testing.T, share func(context.Context, work) (reading, error), fs *flights) {
		var ended atomic.Int64
		w := func(context.Context) (reading, error) {
			time.Sleep(time.Second)
			ended.Add(1)
			return reading{user: "ann"}, nil
		}
		got := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := share(t.Context(), w)
				got <- err
			}()
			synctest.Wait()
		}
		closed := make(chan bool)
		go func() { fs.close(); close(closed) }()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("close did not wait")
		default:
		}
		<-closed
		if ended.Load() == 0 {
			t.Error("close returned before the read had ended")
		}
		for range 3 {
			if err := <-got; err != nil {
				t.Errorf("a read that had begun before close = %v", err)
			}
		}
		_, err := share(t.Context(), w)
		wantErr(t, "a read after close", err, ErrUnavailable)
		fs.close()
	})
}
