package handlers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/powgin/powgin/cache"
)

// EventUnannounced is the name of the event of a write that the cache could not
// be told of, and that was made all the same.
const EventUnannounced = "unannounced"

// An announcement is what the cache is told of changes that are about to be
// committed. It is made again for as long as they take.
type announcement struct {
	auth   *Auth
	writes []*cache.Write
	lapse  func() // called once it can no longer be kept up; nil: nothing is done

	mu    sync.Mutex
	over  bool        // guarded by mu
	until time.Time   // guarded by mu; when it is forgotten
	timer *time.Timer // guarded by mu
}

const (
	// announceAfter is how much of its deadline is gone when it is made again,
	// and announceRetry how soon it is tried once more where that fails.
	announceAfter = cache.WriterDeadline / 3
	announceRetry = time.Second
	// announceMargin is how long before its deadline an announcement lapses: a
	// COMMIT that is on its way by then may still take so long.
	announceMargin = 5 * time.Second
)

// announce tells the cache of the writes. After an error none of them may be
// committed, and none is announced.
func (a *Auth) announce(ctx context.Context, writes []*cache.Write, lapse func()) (*announcement, error) {
	n := &announcement{auth: a, writes: writes, lapse: lapse, until: time.Now().Add(cache.WriterDeadline)}
	for i, w := range writes {
		if err := begin(ctx, w); err != nil {
			n.writes = writes[:i+1] // the outcome of the last one is not known
			n.conclude(ctx)
			return nil, fmt.Errorf("powgin: announce a change of users: %w", err)
		}
	}
	n.mu.Lock()
	n.timer = time.AfterFunc(announceAfter, n.again)
	n.mu.Unlock()
	return n, nil
}

func begin(ctx context.Context, w *cache.Write) error {
	ctx, cancel := cache.Bounded(ctx, cache.Budget)
	defer cancel()
	return w.Begin(ctx)
}

// again moves the deadline.
func (n *announcement) again() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over {
		return
	}
	now := time.Now()
	var failed error
	for _, w := range n.writes {
		if err := begin(context.Background(), w); err != nil {
			failed = err
		}
	}
	switch {
	case failed == nil:
		n.until = now.Add(cache.WriterDeadline)
		n.timer.Reset(announceAfter)
	case time.Until(n.until) > announceMargin:
		n.timer.Reset(announceRetry)
	default:
		n.over = true
		n.auth.OnError(context.Background(), fmt.Errorf("powgin: keep up the announcement of a change of users: %w", failed))
		if n.lapse != nil {
			n.lapse()
		}
	}
}

// leave stops making it again. What was announced counts until its deadline.
func (n *announcement) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.over = true
	if n.timer != nil {
		n.timer.Stop()
	}
}

// conclude tells the cache that the changes are committed, or definitely are not.
// Where that fails some readers stay on the database until the deadline.
func (n *announcement) conclude(ctx context.Context) {
	n.leave()
	for _, w := range n.writes {
		ctx, cancel := cache.Bounded(ctx, cache.Budget)
		err := w.End(ctx)
		cancel()
		if err != nil {
			n.auth.OnError(ctx, fmt.Errorf("powgin: conclude the announcement of a change of users: %w", err))
		}
	}
}

// errLapsed ends the context of a function that outlives its announcement.
var errLapsed = errors.New("powgin: the store cannot be told that this change of users is still under way")

// Write runs fn, which changes these users, between the announcement of that and
// its conclusion.
func (a *Auth) Write(ctx context.Context, keys []string, fn func(context.Context) error) error {
	tenant, known := a.tenantOf(ctx)
	if !known {
		keys = nil
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	writes := []*cache.Write{a.Cache.NewWrite(tenant, keys...)}
	n, err := a.announce(ctx, writes, func() { cancel(errLapsed) })
	if err != nil {
		return err
	}
	defer n.leave()
	if err := fn(inner); err != nil {
		// Its COMMIT may have failed on the way back, and happen yet.
		return err
	}
	n.conclude(ctx)
	return nil
}

// InvalidateAll drops the cached copies of all users.
func (a *Auth) InvalidateAll(ctx context.Context) error {
	w := a.Cache.NewWrite("")
	n, err := a.announce(ctx, []*cache.Write{w}, nil)
	if err != nil {
		return err
	}
	n.conclude(ctx)
	return nil
}
