package powgin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// agedApp runs a story on an app whose users are in memory, in a bubble.
func agedApp(t *testing.T, change func(*powgin.Config[User]), story func(t *testing.T, a *app, p *people)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, change)
		story(t, a, p)
	})
}

// wantAge fails the test where the request's copy has another age, or where
// LoadedAt says otherwise.
func wantAge(t *testing.T, c *Context, want time.Duration, when string) {
	t.Helper()
	age, ok := powgin.Age(c)
	if !ok || age != want {
		t.Errorf("%s: Age = %v, %t; want %v", when, age, ok, want)
	}
	s, ok := c.Session()
	if got := time.Since(s.LoadedAt); !ok || got != want {
		t.Errorf("%s: LoadedAt is %v ago (a session: %t); want %v", when, got, ok, want)
	}
}

func TestAgeIsThatOfTheCopyTheRequestHas(t *testing.T) {
	t.Parallel()
	agedApp(t, func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(mostStale) }, func(t *testing.T, a *app, p *people) {
		var want time.Duration
		when := ""
		shows := func(c *Context) { wantAge(t, c, want, when); whoami(c) }
		a.handle("GET", "/age", shows)
		a.router.GET("/age/reload", a.auth.Reload(), powgin.Handle(shows))
		a.router.GET("/age/refresh", a.auth.Refresh(), powgin.Handle(shows))
		a.router.GET("/age/maxage", a.auth.MaxAge(10*time.Second), powgin.Handle(shows))
		see := func(b *browser, path string, age time.Duration, at string) {
			t.Helper()
			want, when = age, at
			b.get(path).want(http.StatusOK)
		}
		alice := a.reader()
		see(alice, "/age", 0, "just read")
		time.Sleep(10 * time.Second)
		see(alice, "/age", 10*time.Second, "after 10s")
		see(alice, "/age/maxage", 10*time.Second, "a copy that the route takes")
		see(alice, "/age/reload", 0, "Reload")
		see(alice, "/age", 10*time.Second, "after the Reload of another request")
		time.Sleep(time.Nanosecond)
		see(alice, "/age/maxage", 0, "a copy that the route does not take")
		see(alice, "/age", 0, "after it")
		time.Sleep(20 * time.Second)
		see(a.signIn(1), "/age", 0, "another session, whose sign-in read the user")
		see(alice, "/age", 0, "the first one after it: it is one copy")
		time.Sleep(30 * time.Second)
		see(alice, "/age/refresh", 0, "Refresh")
		time.Sleep(time.Minute)
		see(alice, "/age", time.Minute, "at MaxAge")
		time.Sleep(time.Nanosecond)
		see(alice, "/age", 0, "beyond MaxAge")
		p.fail(true)
		time.Sleep(5 * time.Minute)
		see(alice, "/age", 5*time.Minute, "a stale copy")
	})
}

// A copy is as old as the row that it shows: the age counts from before the
// query, not from when its answer came.
func TestAgeCountsFromBeforeTheRead(t *testing.T) {
	t.Parallel()
	agedApp(t, nil, func(t *testing.T, a *app, p *people) {
		a.router.GET("/age", a.auth.Reload(), powgin.Handle(func(c *Context) { wantAge(t, c, time.Second, "after a read of a second") }))
		alice := a.reader()
		p.onFind(func(context.Context, string) error { time.Sleep(time.Second); return nil })
		alice.get("/age").want(http.StatusOK)
	})
}

func TestAgeFollowsWhatTheRequestDoes(t *testing.T) {
	t.Parallel()
	agedApp(t, nil, func(t *testing.T, a *app, _ *people) {
		alice := a.reader()
		time.Sleep(30 * time.Second)
		_, err := alice.does(func(c *Context) error {
			wantAge(t, c, 30*time.Second, "at first")
			c.AssignUser(person(7))
			wantAge(t, c, 30*time.Second, "after AssignUser, which touches no session")
			if err := c.SyncUser(person(1)); err != nil {
				return err
			}
			wantAge(t, c, 0, "after SyncUser")
			time.Sleep(time.Second)
			wantAge(t, c, time.Second, "a second later")
			if err := c.SignIn(person(2)); err != nil {
				return err
			}
			wantAge(t, c, 0, "after SignIn")
			if err := c.SignOut(); err != nil {
				return err
			}
			if age, ok := powgin.Age(c); ok || age != 0 {
				t.Errorf("Age after SignOut = %v, %t; want none", age, ok)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAgeIsToldByEveryContextOfTheRequest(t *testing.T) {
	t.Parallel()
	agedApp(t, nil, func(t *testing.T, a *app, _ *people) {
		type key struct{}
		var kept *Context
		a.handle("GET", "/contexts", func(c *Context) {
			kept = c.Copy()
			for name, ctx := range map[string]context.Context{
				"gin.Context": c.Context, "powgin.Context": c, "the request's": c.Request.Context(), "a copy": kept,
				"a derived one": context.WithValue(c.Request.Context(), key{}, 1),
			} {
				if age, ok := powgin.Age(ctx); !ok || age != time.Minute {
					t.Errorf("Age of %s = %v, %t; want 1m", name, age, ok)
				}
			}
		})
		nobody := a.browser()
		a.handle("GET", "/nobody", func(c *Context) {
			if age, ok := powgin.Age(c); ok || age != 0 {
				t.Errorf("Age of nobody = %v, %t; want none", age, ok)
			}
		})
		alice := a.reader()
		time.Sleep(time.Minute)
		alice.get("/contexts").want(http.StatusOK)
		nobody.get("/nobody").want(http.StatusOK)
		time.Sleep(time.Hour)
		if age, ok := powgin.Age(kept); !ok || age != time.Hour+time.Minute {
			t.Errorf("Age of a kept context = %v, %t; want 1h1m: the copy grows older", age, ok)
		}
		bare, _ := gin.CreateTestContext(httptest.NewRecorder())
		for _, ctx := range []context.Context{bare, context.Background()} {
			if age, ok := powgin.Age(ctx); ok || age != 0 {
				t.Errorf("Age without Session = %v, %t; want none", age, ok)
			}
		}
	})
}
