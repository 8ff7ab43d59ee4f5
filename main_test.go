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
	goleak.VerifyTestMain(m)
}
