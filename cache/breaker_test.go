package cache

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// refused is what a client gets where nobody listens.
var refused error = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

// callOf returns a call that answers err, and how often it was made.
func callOf(err error) (call func(context.Context) error, made *int) {
	made = new(int)
	return func(context.Context) error {
		*made++
		return err
	}, made
}

func TestAStoreThatIsDownIsAskedByOneProbeAtATime(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"nobody listens":        refused,
		"the connection ends":   fmt.Errorf("read: %w", io.EOF),
		"it was closed":         net.ErrClosed,
		"the driver gave it up": driver.ErrBadConn,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, _, _ := sick()
				call, made := callOf(err)
				for range 1000 {
					if got := h.call(t.Context(), call); got == nil {
						t.Fatal("a call to a store that is down = nil; want an error")
					}
					time.Sleep(10 * time.Millisecond)
				}
				if *made < 10 || *made > 42 {
					t.Errorf("in ten seconds it was asked %d times; want about four times a second", *made)
				}
				well, answered := callOf(nil)
				time.Sleep(probePause)
				if err := h.call(t.Context(), well); err != nil || *answered != 1 {
					t.Errorf("once it is back the next probe = %v", err)
				}
				if err := h.call(t.Context(), well); err != nil {
					t.Errorf("and the call after it = %v", err)
				}
			})
		})
	}
}

func TestOneSlowCallStopsNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, _ := sick()
		late, _ := callOf(context.DeadlineExceeded)
		well, _ := callOf(nil)
		for range 10 {
			for range maxLate - 1 {
				_ = h.call(t.Context(), late)
			}
			if err := h.call(t.Context(), well); err != nil {
				t.Fatalf("a call after %d that ran out of time = %v; want no error", maxLate-1, err)
			}
		}
		for range maxLate {
			_ = h.call(t.Context(), late)
		}
		_ = h.call(t.Context(), late) // the first probe
		if err := h.call(t.Context(), well); !errors.Is(err, errDown) {
			t.Errorf("a call after %d in a row = %v; want errDown", maxLate, err)
		}
	})
}

// What a server answers, and what callers do, says nothing of others' calls.
func TestWhatStopsNobody(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		ErrFull, ErrBusy, context.Canceled, errStore, errors.New("OOM command not allowed"), errCorrupt,
		&net.DNSError{IsTimeout: true},
	} {
		h, _, _ := sick()
		call, made := callOf(err)
		for range 10 {
			_ = h.call(t.Context(), call)
		}
		if *made != 10 {
			t.Errorf("%v: the store was asked %d times; want 10", err, *made)
		}
	}
}

func TestAProbeHasLittleTimeAndNoCompany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _, _ := sick()
		call, _ := callOf(refused)
		_ = h.call(t.Context(), call)
		start := time.Now()
		done := make(chan error)
		go func() {
			done <- h.call(t.Context(), func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		synctest.Wait()
		time.Sleep(probePause)
		well, made := callOf(nil)
		if err := h.call(t.Context(), well); !errors.Is(err, errDown) || *made != 0 {
			t.Errorf("beside a probe a call = %v, made %d times; want errDown, and none", err, *made)
		}
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != probeTime {
			t.Errorf("a probe that hangs = %v after %v; want the deadline after %v", err, time.Since(start), probeTime)
		}
		func() {
			defer func() { _ = recover() }()
			_ = h.call(t.Context(), func(context.Context) error { panic("in the store") })
		}()
		time.Sleep(probePause)
		if err := h.call(t.Context(), well); err != nil {
			t.Errorf("after a probe that panicked the next = %v; want no error", err)
		}
	})
}

func TestRequestsFailFastWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		store.load = func(int64) error { return refused }
		asked := store.asks(func() {
			for range 100 {
				var o Opened
				err := k.cache.Open(t.Context(), &Opening{Transport: Cookie, Token: token}, &o)
				if !errors.Is(err, ErrUnavailable) {
					t.Fatalf("Open = %v; want ErrUnavailable", err)
				}
			}
		})
		if asked > 2 {
			t.Errorf("100 requests at once ask a store that is down %d times; want 2", asked)
		}
		store.load = nil
		time.Sleep(time.Second)
		k.wantUser(k.open(token), "Ann")
	})
}
