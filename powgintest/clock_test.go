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

type member struct{ Name, Plan string }

// members is a Config.Users in which everyone exists.
type members struct{}

func (members) Key(m member) string { return m.Name }

func (members) Find(_ context.Context, key string) (member, bool, error) {
	return member{Name: key, Plan: "free"}, true, nil
}

// A session lives by the clock's time, and by no other.
func TestClockMovesSessions(t *testing.T) {
	t.Parallel()
	clock := powgintest.NewClock()
	auth, err := powgin.New(powgin.Config[member]{Users: members{}, Store: clock.Store()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	router := gin.New()
	router.Use(auth.Session())
	router.GET("/", auth.RequireUser(), func(c *gin.Context) { c.String(http.StatusOK, "in") })
	router.POST("/", func(c *gin.Context) {
		if err := powgin.SignIn(c, member{Name: "ann"}); err != nil {
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
