package powgintest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

type guest struct{ Name, Plan string }

// anyone is a Config.Users in which everyone exists.
type anyone struct{}

func (anyone) Key(m guest) string { return m.Name }

func (anyone) Find(_ context.Context, key string) (guest, bool, error) {
	return guest{Name: key, Plan: "free"}, true, nil
}

// A session lives by the clock's time, and by no other.
func TestClockMovesSessions(t *testing.T) {
	t.Parallel()
	clock := powgintest.NewClock()
	auth, err := powgin.New(powgin.Config[guest]{Users: anyone{}, Store: clock.Store()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	router := gin.New()
	router.Use(auth.Session())
	router.GET("/", auth.RequireUser(), func(c *gin.Context) { c.String(http.StatusOK, "in") })
	router.POST("/", func(c *gin.Context) {
		if err := powgin.SignIn(c, guest{Name: "ann"}); err != nil {
			powgin.Abort(c, err)
		}
	})
	b := powgintest.NewBrowser(t, router)
	b.PostForm("/")
	for _, step := range []struct {
		after time.Duration
		want  int
	}{
		{0, http.StatusOK},
		{14 * time.Minute, http.StatusOK},
		{30*time.Minute - time.Nanosecond, http.StatusUnauthorized}, // 44 minutes after sign-in, and nothing has renewed it
	} {
		clock.Advance(step.after)
		if got := b.Get("/").Status; got != step.want {
			t.Errorf("%v later GET / = %d; want %d", step.after, got, step.want)
		}
	}
	b.PostForm("/")
	for range 4 {
		clock.Advance(20 * time.Minute)
		if got := b.Get("/").Status; got != http.StatusOK {
			t.Fatalf("20 minutes after the last renewal GET / = %d; want 200", got)
		}
	}
}

func TestClockNeverGoesBack(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("Advance(-1s) went back; want a panic")
		}
	}()
	powgintest.NewClock().Advance(-time.Second)
}
