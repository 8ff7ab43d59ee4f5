package cache

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A health remembers whether the store, or the source of users, answers. Calls
// to one that does not are refused at once, but for one probe at a time, and it
// tells when that changes: at most once a minute that it does not, and that it
// does again only where the former was told.
type health struct {
	down, up string // the names of the events
	failures *atomic.Uint64
	event    func(Event)

	failing atomic.Bool // changed under mu; read without it, at every call that went well
	open    atomic.Bool // changed under mu; calls are refused
	mu      sync.Mutex
	told    bool      // guarded by mu; that it is down, and not yet that it is up
	last    time.Time // guarded by mu; when it was last told that it is down
	late    int       // guarded by mu; deadlines that passed since it last answered
	probing bool      // guarded by mu
	probed  time.Time // guarded by mu; when the last probe began
}

const (
	healthPause = time.Minute

	// maxLate is how many calls in a row may run out of time before it counts as
	// down: one may have been slow for reasons of its own.
	maxLate = 3
	// probePause is how long it is left alone between two probes, and probeTime
	// how long one may take: it is found again well within a second.
	probePause = 250 * time.Millisecond
	probeTime  = 500 * time.Millisecond
)

var errDown = errors.New("it has not answered lately, and is asked again in a moment")

// call makes a call, unless it is known that nobody will answer.
func (h *health) call(ctx context.Context, f func(context.Context) error) error {
	if !h.open.Load() {
		err := f(ctx)
		h.saw(err)
		return err
	}
	if !h.mayProbe() {
		return errDown
	}
	probe, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	ended := false
	defer func() {
		h.mu.Lock()
		h.probing = false
		h.mu.Unlock()
		if !ended {
			h.saw(errDown) // f panicked
		}
	}()
	err := f(probe)
	ended = true
	h.saw(err)
	return err
}

func (h *health) mayProbe() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.probing || now.Sub(h.probed) < probePause {
		return false
	}
	h.probing, h.probed = true, now
	return true
}

// saw notes the outcome of a call.
func (h *health) saw(err error) {
	switch {
	case err == nil:
		if h.failing.Load() {
			h.recovered()
		}
	case errors.Is(err, ErrFull):
		// It answers, and says no.
	case errors.Is(err, ErrBusy), errors.Is(err, context.Canceled):
		h.failures.Add(1) // which says more of the caller than of who was called
	default:
		h.failures.Add(1)
		h.failed(err)
	}
}

func (h *health) failed(err error) {
	h.mu.Lock()
	h.failing.Store(true)
	now := time.Now()
	switch {
	case unreachable(err):
		h.open.Store(true)
	case errors.Is(err, context.DeadlineExceeded):
		if h.late++; h.late >= maxLate {
			h.open.Store(true)
		}
	default: // it answers, with an error: what failed may be this call alone
		h.late = 0
		h.open.Store(false)
	}
	tell := !h.told && (h.last.IsZero() || now.Sub(h.last) >= healthPause)
	if tell {
		h.told, h.last = true, now
	}
	h.mu.Unlock()
	if tell {
		h.event(Event{Name: h.down})
	}
}

// unreachable reports whether err says that nobody is there, or that the
// connection was lost.
func unreachable(err error) bool {
	if e, ok := errors.AsType[net.Error](err); ok && !errors.Is(err, context.DeadlineExceeded) {
		return !e.Timeout()
	}
	for _, lost := range [...]error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, driver.ErrBadConn} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}

func (h *health) recovered() {
	h.mu.Lock()
	h.failing.Store(false)
	h.open.Store(false)
	h.late = 0
	tell := h.told
	h.told = false
	h.mu.Unlock()
	if tell {
		h.event(Event{Name: h.up})
	}
}
