package powgin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// live adds a page that stays open and shows the plan as it changes.
func (a *app) live() {
	a.router.GET("/live", a.auth.RequireUser(), powgin.Handle(func(c *Context) {
		changes, err := c.Watch()
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		show := func(what string) {
			c.SSEvent("plan", what)
			c.Writer.Flush()
		}
		show(c.MustUser().Plan)
		for change := range changes {
			switch u, _ := c.User(); {
			case change.Ended:
				show("signed out")
			case errors.Is(change.Err, powgin.ErrUnavailable):
				show("unknown")
			case change.Err != nil:
				a.Errorf("a change says %v", change.Err)
			default:
				show(u.Plan)
			}
		}
	}))
}

// nodes are ways to have another node do what a live connection is to see.
var nodes = map[string]func(t *testing.T) (own, other *app, p *people){
	"one process": func(t *testing.T) (own, other *app, p *people) {
		t.Helper()
		a, p := newPeopleApp(t, nil)
		return a, a, p
	},
	"two nodes": func(t *testing.T) (own, other *app, p *people) {
		t.Helper()
		store := powgintest.NewFlakyStore(cache.NewMemory(0))
		a, p := newPeopleApp(t, func(cfg *powgin.Config[User]) { cfg.Store = store })
		b := newApp(t, func(cfg *powgin.Config[User]) { *cfg = a.config })
		return a, b, p
	},
}

// at opens the page of a signed-in user.
func (b *browser) opens(t *testing.T) *feed {
	t.Helper()
	server := httptest.NewServer(b.router)
	t.Cleanup(server.Close)
	return b.listen(t, server, "/live")
}

func TestALivePageShowsWhatChangesElsewhere(t *testing.T) {
	t.Parallel()
	for name, start := range nodes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, other, p := start(t)
			a.live()
			other.handleSync("/sync")
			alice, bob := a.signIn(1), a.signIn(2)
			page, untouched := alice.opens(t), bob.opens(t)
			page.next("free", "at first")
			untouched.next("free", "at first")

			p.setPlan("1", "pro")
			alice.clone().at(other).post("/sync").want(http.StatusOK)
			page.next("pro", "after SyncUser in another tab")

			p.setPlan("1", "team")
			began := time.Now()
			noError(t, other.auth.Sync(t.Context(), person(1), powgin.Regenerate()))
			page.next("team", "after Auth.Sync")
			t.Logf("shown after %v", time.Since(began))

			noError(t, other.auth.Write(t.Context(), []string{"1"}, func(context.Context) error {
				p.setPlan("1", "basic")
				return nil
			}))
			page.next("basic", "after Auth.Write")

			p.setPlan("1", "enterprise")
			noError(t, other.auth.InvalidateAll(t.Context()))
			page.next("enterprise", "after InvalidateAll")

			noError(t, other.auth.RevokeUser(t.Context(), "1"))
			page.next("signed out", "after RevokeUser")
			page.next("", "after its end")
			noError(t, other.auth.RevokeAll(t.Context(), time.Time{}))
			untouched.next("signed out", "after RevokeAll, and nothing before it")
		})
	}
}

func TestALivePageClosesWhenItsSessionEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(a *app, p *people, b *browser) error{
		"signed out in another tab": func(_ *app, _ *people, b *browser) error { b.post("/signout").want(http.StatusOK); return nil },
		"revoked": func(a *app, _ *people, _ *browser) error {
			list, err := a.auth.Sessions(a.Context(), "1")
			return errors.Join(err, a.auth.Revoke(a.Context(), "1", list[0].ID))
		},
		"signed in as somebody else": func(_ *app, _ *people, b *browser) error {
			b.post("/signin/2").want(http.StatusOK)
			return nil
		},
		"user deleted": func(a *app, p *people, _ *browser) error {
			p.change("1", nil)
			return a.auth.Invalidate(a.Context(), "1")
		},
		"password changed": func(_ *app, _ *people, b *browser) error {
			_, err := b.syncUser(powgin.Grace(0), powgin.EndOthers())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := newPeopleApp(t, nil)
			a.live()
			alice := a.signIn(1)
			page := alice.opens(t)
			page.next("free", "at first")
			noError(t, end(a, p, alice))
			page.next("signed out", name)
			page.next("", "after its end")
		})
	}
}

// Nobody can tell is neither signed out nor as it was.
func TestALivePageSaysThatNobodyCanTell(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	a.live()
	page := a.signIn(1).opens(t)
	page.next("free", "at first")
	p.fail(true)
	noError(t, a.auth.Invalidate(t.Context(), "1"))
	page.next("unknown", "while the users cannot be read")
	p.fail(false)
	page.next("free", "once they can be read again, though nothing has changed")
}

// A WebSocket handshake is a GET, but what it opens may be written to.
func TestWatchRefusesHandshakesFromOtherSites(t *testing.T) {
	t.Parallel()
	const same, other = "http://app.example", "https://evil.example"
	for _, row := range []struct {
		name      string
		transport powgin.Transport
		headers   []string
		want      int
	}{
		{"from this site", nil, []string{"Upgrade", "websocket", "Origin", same}, http.StatusNoContent},
		{"from another site", nil, []string{"Upgrade", "websocket", "Origin", other}, http.StatusForbidden},
		{"whatever the case", nil, []string{"Upgrade", "h2c, WebSocket", "Origin", other}, http.StatusForbidden},
		{"from nowhere a browser knows", nil, []string{"Upgrade", "websocket", "Origin", "null"}, http.StatusForbidden},
		{"from a sibling", nil, []string{"Upgrade", "websocket", "Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		{"of a program", nil, []string{"Upgrade", "websocket"}, http.StatusNoContent},
		{"from a trusted site", nil, []string{"Upgrade", "websocket", "Origin", "https://trusted.example"}, http.StatusNoContent},
		{"a page elsewhere that listens", nil, []string{"Origin", other}, http.StatusNoContent},
		{"with a token in a header", powgin.Bearer{}, []string{"Upgrade", "websocket", "Origin", other}, http.StatusNoContent},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			refused := make(chan powgin.Event, 8)
			a, _ := newPeopleApp(t, func(cfg *powgin.Config[User]) {
				if row.transport != nil {
					cfg.Transport = row.transport
				}
				cfg.CrossOrigin = http.NewCrossOriginProtection()
				noError(t, cfg.CrossOrigin.AddTrustedOrigin("https://trusted.example"))
				cfg.OnEvent = func(e powgin.Event) {
					if e.Name == "cross_origin_refused" {
						refused <- e
					}
				}
			})
			a.router.GET("/ws", a.auth.RequireUser(), func(c *gin.Context) {
				if _, err := powgin.Watch(c); err != nil {
					powgin.Abort(c, err)
					return
				}
				c.Status(http.StatusNoContent)
			})
			b, headers := a.browser(), row.headers
			_, err := b.does(func(c *Context) error {
				err := c.SignIn(person(1))
				if token := c.Token(); token != "" {
					headers = append(headers, "Authorization", "Bearer "+token)
				}
				return err
			})
			noError(t, err)
			b.get("/ws", headers...).want(row.want)
			if got := len(refused) > 0; got != (row.want == http.StatusForbidden) {
				t.Errorf("the event cross_origin_refused was told: %v", got)
			}
		})
	}
}

func TestWatchNeedsASession(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.router.GET("/watch", func(c *gin.Context) {
		_, err := powgin.Watch(c)
		powgin.Abort(c, err)
	})
	a.browser().get("/watch").want(http.StatusUnauthorized)

	bare := gin.New()
	bare.GET("/watch", func(c *gin.Context) {
		if _, err := powgin.Watch(c); err == nil {
			t.Error("Watch without Session = nil; want an error")
		}
	})
	bare.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/watch", nil))
}

// A user whom the app has put in the place of the session's own stays.
func TestALivePageKeepsAnAssignedUser(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	a.router.GET("/as", powgin.Handle(func(c *Context) {
		c.AssignUser(User{Name: "guest of alice"})
		changes, err := c.Watch()
		if err != nil {
			t.Error(err)
		}
		p.setPlan("1", "pro")
		if err := a.auth.Invalidate(c.Request.Context(), "1"); err != nil {
			t.Error(err)
		}
		if change := <-changes; change != (powgin.Change{}) {
			t.Errorf("the change is %+v; want one of the user", change)
		}
		if u := c.MustUser(); u.Name != "guest of alice" {
			t.Errorf("the current user is %q; want the one who was assigned", u.Name)
		}
	}))
	a.signIn(1).get("/as").want(http.StatusOK)
}

// A handler that watches again has one channel, and one goroutine behind it.
func TestWatchAgainEndsTheFirst(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.router.GET("/twice", powgin.Handle(func(c *Context) {
		first, err := c.Watch()
		noError(t, err)
		second, err := c.Watch()
		noError(t, err)
		if change, open := <-first; open {
			t.Errorf("the first channel brings %+v; want it closed", change)
		}
		noError(t, a.auth.RevokeUser(c.Request.Context(), "1"))
		if change := <-second; !change.Ended {
			t.Errorf("the second channel brings %+v; want the end", change)
		}
	}))
	a.signIn(1).get("/twice")
	if got := a.auth.Stats().Watches; got > 1 {
		t.Errorf("Stats counts %d live connections after the request", got)
	}
}

// A panic of the app's own code ends no process.
func TestALivePageSurvivesAPanicOfTheApps(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, func(cfg *powgin.Config[User]) {
		cfg.Active = func(u User) bool {
			if u.Plan == "explode" {
				panic("the app's own")
			}
			return true
		}
	})
	a.live()
	page := a.signIn(1).opens(t)
	page.next("free", "at first")
	p.setPlan("1", "explode")
	noError(t, a.auth.Invalidate(t.Context(), "1"))
	page.next("unknown", "while the app's code panics")
	p.setPlan("1", "pro")
	noError(t, a.auth.Invalidate(t.Context(), "1"))
	page.next("pro", "once it does not")
}
