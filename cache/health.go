package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A health remembers whether the store, or the source of users, answers, and
// tells when that changes: at most once a minute that it does not, and that it
// does again only where the former was told.
type health struct {
	down, up string // the names of the events
	failures *atomic.Uint64
	event    func(Event)

	failing atomic.Bool // changed under mu; read without it, at every call that went well
	mu      sync.Mutex
	told    bool      // guarded by mu; that it is down, and not yet that it is up
	last    time.Time // guarded by mu; when it was last told that it is down
}

const healthPause = time.Minute

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
		h.failed()
	}
}

func (h *health) failed() {
	h.mu.Lock()
	h.failing.Store(true)
	now := time.Now()
	tell := !h.told && (h.last.IsZero() || now.Sub(h.last) >= healthPause)
	if tell {
		h.told, h.last = true, now
	}
	h.mu.Unlock()
	if tell {
		h.event(Event{Name: h.down})
	}
}

func (h *health) recovered() {
	h.mu.Lock()
	h.failing.Store(false)
	tell := h.told
	h.told = false
	h.mu.Unlock()
	if tell {
		h.event(Event{Name: h.up})
	}
}
