package powgintest_test

import (
	"log/slog"
	"testing"

	"github.com/gin-gonic/gin"
	"go.uber.org/goleak"
)

func init() { gin.SetMode(gin.TestMode) }

// TestMain checks that no goroutine outlives its test: a request that is held
// back is let go, whatever the app did.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler)) // some apps are refused on purpose
	goleak.VerifyTestMain(m)
}
