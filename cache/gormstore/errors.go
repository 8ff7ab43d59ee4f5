package gormstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/powgin/powgin/cache"
)

// failed says what could not be done with the table, in the driver's words. Those
// hold nothing of a record: drivers quote a value where a column does not take
// it, and New has tried the columns out with bytes of its own.
func (s *Store) failed(ctx context.Context, what string, cause error) error {
	timedOut := errors.Is(cause, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded)
	if timedOut && s.pool.usedUp() {
		return fmt.Errorf("%w: gormstore: %s %s: %w", cache.ErrBusy, what, s.table, cause)
	}
	return fmt.Errorf("gormstore: %s %s: %w", what, s.table, cause)
}

// Pauses between two tries of a statement that met others, before chance is
// added: up to half of it, either way.
const (
	firstPause = time.Millisecond
	lastPause  = 50 * time.Millisecond
)

// try runs a statement, and runs it again while it fails for others being at
// it, until ctx ends, or would end before a statement that waits twice as long as
// the last one did: SQLite does not look at ctx meanwhile, and a new connection
// may wait once more.
func (s *Store) try(ctx context.Context, statement func() error) error {
	var met error
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		began := time.Now()
		err := statement()
		switch {
		case err == nil:
			return nil
		case s.dialect.contended(err):
			met = err
		case met == nil || ctx.Err() == nil:
			return err
		}
		took := time.Since(began)
		if end, ok := ctx.Deadline(); ok && time.Until(end) < 2*took || !sleep(ctx, pause/2+rand.N(pause)) {
			return fmt.Errorf("%w: %w", cache.ErrBusy, met)
		}
	}
}

// sleep waits, and reports whether ctx lasted for as long.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
