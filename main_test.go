package powgin_test

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks that no goroutine outlives its test: Close waits for what an
// Auth has started, and nothing runs in the background besides.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // many tests make requests fail
	// GORM's own store of prepared statements, which a benchmark uses, has a
	// goroutine that nothing ends. Ours are ended by Close.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1"))
}
