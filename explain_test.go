package powgin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// explainedApp runs a story, in a bubble, on an app whose admins, alice among
// them, may ask for explanations at /explain and below it.
func explainedApp(t *testing.T, change func(*powgin.Config[User]), story func(t *testing.T, a *app, p *people)) {
	t.Helper()
	agedApp(t, func(c *powgin.Config[User]) {
		c.WhenDown = powgin.ServeStale(mostStale)
		if change != nil {
			change(c)
		}
	}, func(t *testing.T, a *app, p *people) {
		p.change("1", func(u *User) { u.Role = "admin" })
		h := a.auth.ExplainHandler(func(u User) bool { return u.Role == "admin" })
		a.router.GET("/explain", h)
		a.router.GET("/explain/reload", a.auth.Reload(), h)
		a.router.GET("/explain/refresh", a.auth.Refresh(), h)
		a.router.GET("/explain/maxage", a.auth.MaxAge(10*time.Second), h)
		a.router.GET("/explain/strictest", a.auth.MaxAge(10*time.Second), a.auth.MaxAge(5*time.Second), a.auth.MaxAge(20*time.Second), h)
		a.router.GET("/explain/both", a.auth.Reload(), a.auth.MaxAge(10*time.Second), h)
		a.handleSync("/sync")
		story(t, a, p)
	})
}

// explain returns what the handler at path tells this browser.
func (b *browser) explain(path string) (x powgin.Explanation) {
	b.Helper()
	res := b.get(path).want(http.StatusOK).wantNoStore()
	if err := json.Unmarshal(res.Body.Bytes(), &x); err != nil {
		b.Fatalf("GET %s: %v in %s", path, err, res.Body)
	}
	return x
}

// wantSummary fails the test where the summary lacks a sentence.
func wantSummary(t *testing.T, x *powgin.Explanation, sentences ...string) {
	t.Helper()
	if want := strings.Join(sentences, " "); x.Summary != want {
		t.Errorf("the summary is\n\t%s; want\n\t%s", x.Summary, want)
	}
}

const (
	takesAMinute  = "The route takes a cached copy of up to 1m0s."
	readsAlways   = "The route reads the user at every request."
	nobodySummary = "Nobody is signed in on this request."
)

func until(at string) string {
	return "Unless a change is announced, the cached copy is served until 2000-01-01T" + at + "Z."
}

func TestExplainTellsWhereTheUserCameFrom(t *testing.T) {
	t.Parallel()
	explainedApp(t, nil, func(t *testing.T, a *app, p *people) {
		alice := a.reader()
		for _, tt := range []struct {
			name, path  string
			before      func()
			source      string
			age         float64
			demand      string
			maxAge      float64
			summary     string
			readsAt     string // when the copy is read again, of the bubble's first day
			otherLoaded bool   // the cached copy is another than the request's
		}{
			{"a young copy", "/explain", func() { time.Sleep(5 * time.Second) }, "cache", 5, "cached", 60,
				"The user is the cached copy, read 5s ago. " + takesAMinute, "00:01:00", false},
			{"MaxAge that it meets", "/explain/maxage", nil, "cache", 5, "max_age", 10,
				"The user is the cached copy, read 5s ago. The route wants one not older than 10s.", "00:01:00", false},
			{"several of them", "/explain/strictest", nil, "cache", 5, "max_age", 5,
				"The user is the cached copy, read 5s ago. The route wants one not older than 5s.", "00:01:00", false},
			{"Reload", "/explain/reload", nil, "database", 0, "reload", 0,
				"The user was read for this request, 0s ago. " + readsAlways, "00:01:00", true},
			{"Reload, and then MaxAge", "/explain/both", nil, "database", 0, "reload", 0,
				"The user was read for this request, 0s ago. " + readsAlways, "00:01:00", true},
			{"MaxAge that it does not meet", "/explain/maxage", func() { time.Sleep(6 * time.Second) }, "database", 0, "max_age", 10,
				"The user was read for this request, 0s ago. The route wants one not older than 10s.", "00:01:11", false},
			{"Refresh", "/explain/refresh", func() { time.Sleep(4 * time.Second) }, "database", 0, "refresh", 0,
				"The user was read for this request, 0s ago. " + readsAlways, "00:01:15", false},
			{"no copy", "/explain", func() { a.forget(t) }, "database", 0, "cached", 60,
				"The user was read for this request, 0s ago. " + takesAMinute, "00:01:15", false},
			{"a slow read", "/explain/reload", func() {
				p.onFind(func(context.Context, string) error { time.Sleep(time.Second); return nil })
			}, "database", 1, "reload", 0, "The user was read for this request, 1s ago. " + readsAlways, "00:01:15", false},
		} {
			if tt.before != nil {
				tt.before()
			}
			x := alice.explain(tt.path)
			p.onFind(nil)
			if x.Source != tt.source || x.AgeSeconds != tt.age || x.Demand != tt.demand || x.MaxAgeSeconds != tt.maxAge || x.UserKey != "1" || x.Token != "current" || x.Failure != "" {
				t.Errorf("%s: explained as %+v; want source %s, %vs old, %s within %vs, of user 1 by a current token", tt.name, x, tt.source, tt.age, tt.demand, tt.maxAge)
			}
			wantSummary(t, &x, tt.summary, until(tt.readsAt))
			if got := x.Account.ReadAgainAt.Format("15:04:05"); got != tt.readsAt || !x.Account.Cached {
				t.Errorf("%s: read again at %s (cached: %t); want %s", tt.name, got, x.Account.Cached, tt.readsAt)
			}
			if tt.name != "a slow read" && x.LoadedAt.Equal(x.Account.LoadedAt) == tt.otherLoaded {
				t.Errorf("%s: the user was loaded at %v, the cached copy at %v", tt.name, x.LoadedAt, x.Account.LoadedAt)
			}
		}
	})
}

// told answers with the explanation of the request as it is by then.
func (b *browser) told(h func(c *Context) error) (x powgin.Explanation) {
	b.Helper()
	if _, err := b.does(func(c *Context) (err error) {
		if err = h(c); err == nil {
			x, err = b.auth.Explain(c.Context)
		}
		return err
	}); err != nil {
		b.Errorf("Explain = %v; want nil", err)
	}
	return x
}

func TestExplainFollowsWhatTheRequestDoes(t *testing.T) {
	t.Parallel()
	explainedApp(t, nil, func(t *testing.T, a *app, _ *people) {
		alice := a.reader()
		time.Sleep(10 * time.Second)
		for _, tt := range []struct {
			name, source, summary string
			h                     func(c *Context) error
		}{
			{"AssignUser", "assigned", "The user was put in place by AssignUser; the session's own was read 10s ago. " + takesAMinute + " " + until("00:01:00"),
				func(c *Context) error { c.AssignUser(person(7)); return nil }},
			{"SyncUser", "sync", "The user was read again by SyncUser in this request, 0s ago. " + takesAMinute + " " + until("00:01:10"),
				func(c *Context) error { return c.SyncUser(person(1)) }},
			{"SignIn", "sign_in", "The user was read at this request's sign-in, 0s ago. " + takesAMinute + " " + until("00:01:10"),
				func(c *Context) error { return c.SignIn(person(1)) }},
			{"SignOut", "nobody", nobodySummary, func(c *Context) error { return c.SignOut() }},
		} {
			x := alice.told(tt.h)
			if x.Source != tt.source {
				t.Errorf("after %s the source is %q; want %q", tt.name, x.Source, tt.source)
			}
			wantSummary(t, &x, tt.summary)
		}
		x := a.browser().told(func(*Context) error { return nil })
		if x.Source != "nobody" || x.UserKey != "" || x.Token != "" || !x.LoadedAt.IsZero() {
			t.Errorf("nobody is explained as %+v; want nobody", x)
		}
		wantSummary(t, &x, nobodySummary)
	})
}

func TestExplainTellsOfAnOutage(t *testing.T) {
	t.Parallel()
	const failure = "the store or the database could not answer"
	t.Run("a stale copy", func(t *testing.T) {
		t.Parallel()
		explainedApp(t, nil, func(t *testing.T, a *app, p *people) {
			alice := a.reader()
			p.fail(true)
			time.Sleep(2 * time.Minute)
			x := alice.explain("/explain")
			if x.Source != "stale" || x.AgeSeconds != 120 || x.Failure != failure {
				t.Errorf("explained as %+v; want a stale copy of 120s and the failure", x)
			}
			wantSummary(t, &x, "The user is an old cached copy, served because the database did not answer, and read 2m0s ago.",
				takesAMinute, "The copy has come of age: the next request reads the user.")
			p.fail(false)
			if x = alice.explain("/explain"); x.Source != "database" || x.Failure != "" {
				t.Errorf("after the outage explained as %+v; want a read of the database and no failure", x)
			}
		})
	})
	t.Run("nobody can tell", func(t *testing.T) {
		t.Parallel()
		explainedApp(t, func(c *powgin.Config[User]) { c.WhenDown = powgin.Anonymous }, func(t *testing.T, a *app, p *people) {
			alice := a.reader()
			p.fail(true)
			a.forget(t)
			x := alice.told(func(*Context) error { return nil })
			if x.Source != "unknown" || x.UserKey != "" || x.Failure != failure {
				t.Errorf("explained as %+v; want unknown, no user and the failure", x)
			}
			wantSummary(t, &x, "Nobody can tell who is signed in: the store or the database did not answer, and the set-up lets the request pass as anonymous.")
			alice.get("/explain").wantProblem(http.StatusServiceUnavailable)
		})
	})
	t.Run("the store does not answer Explain itself", func(t *testing.T) {
		t.Parallel()
		store := newSpyStore()
		explainedApp(t, func(c *powgin.Config[User]) { c.Store = store }, func(t *testing.T, a *app, _ *people) {
			alice := a.reader()
			var x powgin.Explanation
			_, err := alice.does(func(c *Context) (err error) {
				store.failLoads.Store(true)
				x, err = a.auth.Explain(c.Context)
				return err
			})
			alice.wantErr("Explain", err, powgin.ErrUnavailable)
			if x.UserKey != "1" || x.Source != "cache" {
				t.Errorf("explained as %+v; want what is known of the request all the same", x)
			}
			wantSummary(t, &x, "The user is the cached copy, read 0s ago.", takesAMinute,
				"What the store holds now is not known: it did not answer.")
		})
	})
}

func TestExplainHandlerIsItsOwnGuard(t *testing.T) {
	t.Parallel()
	explained := func(u User) bool { return u.Role == "admin" }
	a, p := newPeopleApp(t, nil)
	p.change("1", func(u *User) { u.Role = "admin" })
	a.router.GET("/explain", a.auth.ExplainHandler(explained))
	bare := &app{TB: t, router: gin.New()}
	bare.router.GET("/explain", a.auth.ExplainHandler(explained))
	clerks := newClerks(t, nil)
	other := &app{TB: t, router: gin.New()}
	other.router.GET("/explain", clerks.Session(), a.auth.ExplainHandler(explained))
	alice, bob := a.signIn(1), a.signIn(2)
	for _, path := range []string{"/explain", "/explain?user=1", "/explain?user=2", "/explain?user=nobody"} {
		a.browser().get(path).wantProblem(http.StatusUnauthorized)
		bob.get(path).wantProblem(http.StatusForbidden)
		bare.browser().get(path).wantProblem(http.StatusInternalServerError)
		other.browser().get(path).wantProblem(http.StatusInternalServerError)
		alice.get(path).want(http.StatusOK).wantNoStore()
	}
	if _, err := a.auth.Explain(ginContext()); err == nil || !strings.Contains(err.Error(), "add router.Use(auth.Session())") {
		t.Errorf("Explain without Session = %v; want what to add", err)
	}
	p.change("1", func(u *User) { u.Role = "member" })
	a.forget(t)
	alice.get("/explain").wantProblem(http.StatusForbidden)
	p.fail(true)
	a.forget(t)
	alice.get("/explain").wantProblem(http.StatusServiceUnavailable)
}
