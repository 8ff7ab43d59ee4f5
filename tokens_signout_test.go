package powgin_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// endings are the ways in which a session ends while one of its requests is
// still in its handler. other is a second session of the same user.
var endings = map[string]func(a *app, alice, other *browser) error{
	"sign-out": func(_ *app, alice, _ *browser) error {
		alice.post("/signout").want(http.StatusOK)
		return nil
	},
	"sign-in as somebody else": func(_ *app, alice, _ *browser) error {
		alice.post("/signin/2").want(http.StatusOK)
		return nil
	},
	"RevokeOthers elsewhere": func(_ *app, _, other *browser) error {
		other.post("/revoke-others").want(http.StatusOK)
		return nil
	},
	"RevokeUser": func(a *app, _, _ *browser) error { return a.auth.RevokeUser(context.Background(), "1") },
	"Sync with RevokeSessions": func(a *app, _, _ *browser) error {
		return a.auth.Sync(context.Background(), person(1), powgin.RevokeSessions())
	},
	"idling out": func(*app, *browser, *browser) error {
		time.Sleep(idle)
		return nil
	},
}

// latecomers are what the slow request does after that.
var latecomers = map[string]struct {
	do   func(c *Context) error
	want error
}{
	"finishes":                   {func(*Context) error { return nil }, nil},
	"syncs":                      {func(c *Context) error { return c.SyncUser(person(1)) }, powgin.ErrNotSignedIn},
	"syncs and keeps its token":  {func(c *Context) error { return c.SyncUser(person(1), powgin.KeepSession()) }, powgin.ErrNotSignedIn},
	"syncs once, and once again": {func(c *Context) error { _ = c.SyncUser(person(1)); return c.SyncUser(person(1)) }, powgin.ErrNotSignedIn},
	"revokes the others":         {func(c *Context) error { return c.RevokeOthers() }, powgin.ErrNoSession},
	"begins its body and syncs": {func(c *Context) error {
		_, _ = c.Writer.WriteString("{}\n")
		return c.SyncUser(person(1))
	}, powgin.ErrNotSignedIn},
}

func TestNothingRevivesASessionThatHasEnded(t *testing.T) {
	t.Parallel()
	for ending, end := range endings {
		for latecomer, late := range latecomers {
			t.Run(ending+", then a slow request "+latecomer, func(t *testing.T) {
				bubble(t, nil, func(a *app) {
					gate := a.slow("POST", "/slow", func(c *Context) {
						if err := late.do(c); !errors.Is(err, late.want) {
							a.Errorf("the slow request is told %v; want %v", err, late.want)
						}
						c.Status(http.StatusNoContent)
					})
					alice, other := a.signIn(1), a.signIn(1)
					time.Sleep(renew) // so that the slow request has a successor to send
					slow := alice.clone()
					finish := gate.start(slow, "POST", "/slow")
					if err := end(a, alice, other); err != nil {
						t.Fatal(err)
					}
					other.post("/signout").want(http.StatusOK)
					if lines := finish().setCookies(); len(lines) > 0 {
						t.Errorf("the slow answer carries %q; want no cookie", lines)
					}
					slow.get("/me").want(http.StatusUnauthorized)
					if n := a.count("1"); n != 0 {
						t.Errorf("alice has %d sessions; want none", n)
					}
				})
			})
		}
	}
}

func TestASlowSignOut(t *testing.T) {
	t.Parallel()
	t.Run("ends what the session has become meanwhile", func(t *testing.T) {
		for _, wait := range []time.Duration{0, grace, renew} {
			bubbleIn(t, wait.String()+" later", func(a *app) {
				gate := a.slow("POST", "/bye", func(c *Context) { answer(c, c.SignOut()) })
				alice := a.signIn(1)
				slow := alice.clone()
				finish := gate.start(slow, "POST", "/bye")
				alice.post("/plan/pro").want(http.StatusOK).wantCookie(true)
				time.Sleep(wait)
				alice.get("/me").want(http.StatusOK)
				finish().want(http.StatusOK)
				alice.get("/me").want(http.StatusUnauthorized)
				if n := a.count("1"); n != 0 {
					t.Errorf("alice has %d sessions; want none", n)
				}
			})
		}
	})
	t.Run("leaves alone the session of a later sign-in in the same browser", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			gate := a.slow("POST", "/bye", func(c *Context) { answer(c, c.SignOut()) })
			alice := a.signIn(1)
			finish := gate.start(alice.clone(), "POST", "/bye")
			alice.post("/signin/1").want(http.StatusOK)
			finish().want(http.StatusOK)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("and a renewal that arrives after it changes nothing", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			late, successor := alice.clone(), alice.clone()
			successor.get("/me").wantCookie(true)
			alice.post("/signout").want(http.StatusOK)
			for name, b := range map[string]*browser{"the old token": late, "its successor": successor} {
				if lines := b.get("/me").want(http.StatusUnauthorized).setCookies(); len(lines) > 0 {
					t.Errorf("%s is answered with %q; want no cookie", name, lines)
				}
			}
		})
	})
}

func TestSeveralChangesInOneRequestSendOneCookie(t *testing.T) {
	t.Parallel()
	signIn := func(c *Context) error { return c.SignIn(person(1)) }
	signOut := func(c *Context) error { return c.SignOut() }
	sync := func(c *Context) error { return c.SyncUser(person(1)) }
	const nobody, alice = false, true
	for name, tt := range map[string]struct {
		steps []func(*Context) error
		want  bool
	}{
		"sign-in, then sign-out":       {[]func(*Context) error{signIn, signOut}, nobody},
		"sign-out, then sign-in":       {[]func(*Context) error{signOut, signIn}, alice},
		"sign-in twice":                {[]func(*Context) error{signIn, signIn}, alice},
		"sign-in, then sync":           {[]func(*Context) error{signIn, sync}, alice},
		"sync, then sign-out":          {[]func(*Context) error{sync, signOut}, nobody},
		"sync twice, then sign-in":     {[]func(*Context) error{sync, sync, signIn}, alice},
		"all of it, ending signed out": {[]func(*Context) error{sync, signOut, signIn, sync, signOut}, nobody},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, nil, func(a *app) {
				a.handle("POST", "/steps", func(c *Context) {
					for i, step := range tt.steps {
						a.browser().wantErr("step "+string(rune('1'+i)), step(c), nil)
					}
					whoami(c)
				})
				b := a.signIn(1)
				time.Sleep(renew) // so that a renewal's cookie is in the way as well
				old := b.clone()
				r := b.post("/steps")
				r.sent() // at most one line
				if got := r.identity().User != nil; got != tt.want {
					t.Errorf("somebody is signed in at the end of the request = %t; want %t", got, tt.want)
				}
				if got := b.get("/").identity().User != nil; got != tt.want {
					t.Errorf("somebody is signed in afterwards = %t; want %t", got, tt.want)
				}
				if got := a.count("1"); got > 1 || got == 1 != tt.want {
					t.Errorf("alice has %d sessions", got)
				}
				time.Sleep(grace)
				old.get("/me").want(http.StatusUnauthorized)
			})
		})
	}
}
