package nodes

import (
	"log/slog"
	"os"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // stores that are taken away are logged
	if where := os.Getenv(childVariable); where != "" {
		beChild(where)
		return
	}
	os.Exit(m.Run())
}

// must ends a test that cannot go on.
func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// without ends a test that has no server: it is skipped, but in CI.
func without(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
