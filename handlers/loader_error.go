package handlers

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
)

// readFailed says why a user could not be read.
func readFailed(ctx context.Context, tx *gorm.DB, table string, cause error) error {
	timedOut := errors.Is(cause, context.DeadlineExceeded) || errors.Is(ctx.Err(), context.DeadlineExceeded)
	switch {
	case timedOut && noFreeConnection(tx):
		return fmt.Errorf("%w: reading %s: %w", cache.ErrBusy, table, cause)
	case ctx.Err() == nil && tx.RowsAffected > 0:
		return fmt.Errorf("%w: reading a row of %s: %w", cache.ErrUnavailable, table, discreet{cause})
	}
	return fmt.Errorf("%w: reading %s: %w", cache.ErrUnavailable, table, cause)
}

// noFreeConnection tells whether the pool that was asked is used up, whoever
// uses it.
func noFreeConnection(tx *gorm.DB) bool {
	db, err := tx.DB()
	if err != nil || db == nil {
		return false
	}
	stats := db.Stats()
	return stats.MaxOpenConnections > 0 && stats.InUse >= stats.MaxOpenConnections
}

// panicked makes an error of a panic of the app's code.
func panicked(table string, v any) error {
	return fmt.Errorf("%w: reading a row of %s panicked: %w", cache.ErrUnavailable, table, panicCause(v))
}

// panicCause is what was thrown. What the runtime says is safe to show; what
// else was thrown may quote the row.
func panicCause(v any) error {
	switch cause := v.(type) {
	case runtime.Error:
		return cause
	case error:
		return discreet{cause}
	}
	return discreet{fmt.Errorf("%v", v)}
}

// discreet keeps the text of a cause out of messages: a scanner, a serializer
// or a hook that fails quotes the value it failed on, which may be a secret.
// errors.Is and errors.As see the cause, and GORM's own log has it.
type discreet struct{ cause error }

func (d discreet) Error() string {
	return "a scanner, serializer or hook of the model failed; its words may quote the row and are left out here"
}

func (d discreet) Unwrap() error { return d.cause }
