package powgin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
)

func TestStatsCountTheWritersInFlight(t *testing.T) {
	t.Parallel()
	agedApp(t, nil, func(t *testing.T, a *app, _ *people) {
		want := func(when string, want int) {
			t.Helper()
			if got := a.auth.Stats().Writers; got != want {
				t.Errorf("%s: %d writers; want %d", when, got, want)
			}
		}
		writes := func(keys []string, failure error) {
			if err := a.auth.Write(t.Context(), keys, func(context.Context) error {
				want("inside Write", 1)
				time.Sleep(2 * cache.WriterDeadline)
				want("inside a Write that is announced again and again", 1)
				return failure
			}); !errors.Is(err, failure) {
				t.Errorf("Write = %v; want %v", err, failure)
			}
		}
		want("before", 0)
		writes([]string{"1", "2"}, nil)
		want("after a Write", 0)
		writes(nil, nil)
		want("after a Write of all users", 0)
		writes([]string{"1"}, errDown)
		want("after a Write whose outcome is not known", 1)
		time.Sleep(cache.WriterDeadline)
		want("at its deadline", 0)
	})
}
