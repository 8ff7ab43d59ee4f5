package powgin_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

func TestSyncUserOfABearerSession(t *testing.T) {
	t.Parallel()
	bearers(t, "keeps the token and drops the copy", nil, func(a *app, p *people, w *way) {
		alice, phone := a.arrives(w, 1), a.arrives(w, 1)
		before := alice.session() // from here on she is cached
		p.setPlan("1", "pro")
		p.took()
		if r, err := alice.syncs(); err != nil || w.handed(r) != "" || r.shows() == nil || r.shows().Plan != "pro" {
			a.Errorf("SyncUser = %v, and shows %+v with the token %q; want the plan pro and none", err, r.shows(), w.handed(r))
		}
		p.wantReads(a, 1, "SyncUser")
		phone.wantPlan("pro", "in another session")
		if now := alice.session(); now.Hint != before.Hint || !now.RenewedAt.Equal(before.RenewedAt) {
			a.Errorf("the session is %+v; want it as it was, %+v", now, before)
		}
		time.Sleep(grace)
		alice.wantUser("alice", "after the grace")
	})
	bearers(t, "ends the others where it is asked to", nil, func(a *app, _ *people, w *way) {
		alice, phone := a.arrives(w, 1), a.arrives(w, 1)
		alice.synced(powgin.EndOthers())
		phone.wantNobody("after EndOthers")
		alice.wantUser("alice", "after EndOthers")
	})
	bearers(t, "replaces the token under Rotate, for Grace", nil, func(a *app, _ *people, w *way) {
		alice := a.arrives(w, 1)
		before := alice.session()
		first := alice.clone()
		alice.synced(powgin.Rotate(), powgin.Grace(20*time.Second))
		if now := alice.session(); alice.token == first.token || now.ID != before.ID || now.Hint == before.Hint {
			a.Errorf("the session is %+v; want %+v with another token", now, before)
		}
		time.Sleep(20*time.Second - 1)
		first.wantUser("alice", "in grace")
		time.Sleep(time.Nanosecond)
		first.wantNobody("after the grace")
		alice.wantUser("alice", "with the new token")
	})
	bearers(t, "ends all that were replaced under Grace(0)", nil, func(a *app, _ *people, w *way) {
		alice := a.arrives(w, 1)
		first := alice.clone()
		alice.synced(powgin.Rotate(), powgin.Grace(time.Minute))
		second := alice.clone()
		alice.synced(powgin.Rotate(), powgin.Grace(0))
		first.wantNobody("after Grace(0)")
		second.wantNobody("after Grace(0)")
		alice.wantUser("alice", "with the new token")
	})
	bearers(t, "refuses Rotate with KeepSession, and changes nothing", silent, func(a *app, p *people, w *way) {
		alice := a.arrives(w, 1)
		alice.wantUser("alice", "at first") // from here on she is cached
		p.took()
		r, err := alice.syncs(powgin.Rotate(), powgin.KeepSession())
		a.browser().wantErr("SyncUser", err, powgin.ErrOption)
		if w.handed(r) != "" {
			a.Error("it hands out a token all the same")
		}
		p.wantReads(a, 0, "a refused SyncUser")
		a.browser().wantErr("Auth.Sync with Rotate", a.auth.Sync(context.Background(), person(1), powgin.Rotate()), powgin.ErrOption)
		alice.wantUser("alice", "after both")
	})
	bearers(t, "hands out the new token although the user could not be read", nil, func(a *app, p *people, w *way) {
		alice := a.arrives(w, 1)
		alice.wantUser("alice", "at first") // from here on she is cached
		old := alice.clone()
		p.fail(true)
		r, err := alice.syncs(powgin.Rotate(), powgin.Grace(0))
		a.browser().wantErr("SyncUser", err, powgin.ErrUnavailable)
		r.want(http.StatusServiceUnavailable).wantChallenge("")
		p.fail(false)
		if alice.token == old.token {
			a.Error("it hands out no new token, and the old one is dead")
		}
		old.wantNobody("after Grace(0)")
		alice.wantUser("alice", "with the new token")
	})
	bearers(t, "rotates nothing for a token in grace", nil, func(a *app, _ *people, w *way) {
		alice := a.arrives(w, 1)
		old := alice.clone()
		alice.synced(powgin.Rotate())
		r, err := old.syncs(powgin.Rotate())
		a.browser().wantErr("SyncUser in grace", err, nil)
		if w.handed(r) != "" {
			a.Error("a token in grace is handed another")
		}
		_, err = old.syncs(powgin.Rotate(), powgin.Grace(0))
		a.browser().wantErr("SyncUser in grace with Grace(0)", err, powgin.ErrInGrace)
		time.Sleep(grace)
		old.wantNobody("after the grace")
		alice.wantUser("alice", "with the new token")
	})
}

func TestABearerSyncThatComesLate(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		opts []powgin.SyncOption
		want error
	}{
		"plain":            {nil, nil},
		"with KeepSession": {[]powgin.SyncOption{powgin.KeepSession()}, nil},
		"with EndOthers":   {[]powgin.SyncOption{powgin.EndOthers()}, nil},
		"with Rotate":      {[]powgin.SyncOption{powgin.Rotate()}, powgin.ErrHeadersWritten},
		"with Rotate, now": {[]powgin.SyncOption{powgin.Rotate(), powgin.Grace(0)}, powgin.ErrHeadersWritten},
	} {
		bearers(t, what, nil, func(a *app, p *people, w *way) {
			token := "not asked"
			var got error
			a.handle("POST", "/late", func(c *Context) {
				_, _ = c.Writer.WriteString("begun")
				got, token = c.SyncUser(person(1), tt.opts...), c.Token()
			})
			alice := a.arrives(w, 1)
			p.setPlan("1", "pro")
			alice.post("/late").want(http.StatusOK).wantNoCookie()
			a.browser().wantErr("SyncUser", got, tt.want)
			if token != "" {
				a.Errorf("Token() = %q; want none", token)
			}
			alice.wantPlan("pro", "after it")
			time.Sleep(grace)
			alice.wantUser("alice", "after the grace")
		})
	}
}

// There is a token to hand out where there is a new one, and nowhere else.
func TestTheTokenToHandOut(t *testing.T) {
	t.Parallel()
	signIn := func(c *Context) error { return c.SignIn(person(1)) }
	signOut := func(c *Context) error { return c.SignOut() }
	plain := func(c *Context) error { return c.SyncUser(person(1)) }
	rotate := func(c *Context) error { return c.SyncUser(person(1), powgin.Rotate()) }
	for what, tt := range map[string]struct {
		steps []func(*Context) error
		want  bool
	}{
		"nothing":                         {nil, false},
		"SignIn":                          {[]func(*Context) error{signIn}, true},
		"SignIn twice":                    {[]func(*Context) error{signIn, signIn}, true},
		"SignIn and a sync":               {[]func(*Context) error{signIn, plain}, true},
		"SignIn and Rotate":               {[]func(*Context) error{signIn, rotate}, true},
		"a sync":                          {[]func(*Context) error{plain}, false},
		"Rotate":                          {[]func(*Context) error{rotate}, true},
		"Rotate and a sync":               {[]func(*Context) error{rotate, plain}, true},
		"Rotate twice":                    {[]func(*Context) error{rotate, rotate}, true},
		"SignOut":                         {[]func(*Context) error{signOut}, false},
		"SignIn and SignOut":              {[]func(*Context) error{signIn, signOut}, false},
		"Rotate and SignOut":              {[]func(*Context) error{rotate, signOut}, false},
		"SignOut and SignIn":              {[]func(*Context) error{signOut, signIn}, true},
		"SignIn and Revoke of its own":    {[]func(*Context) error{signIn, revokeOwn}, false},
		"SignIn and RevokeOthers":         {[]func(*Context) error{signIn, func(c *Context) error { return c.RevokeOthers() }}, true},
		"SignIn and a SignIn that failed": {[]func(*Context) error{signIn, signInOfNobody}, true},
	} {
		bearers(t, what, nil, func(a *app, _ *people, w *way) {
			alice := a.arrives(w, 1)
			old := alice.token
			r, err := alice.does(func(c *Context) error {
				for _, step := range tt.steps {
					if err := step(c); err != nil {
						return err
					}
				}
				return nil
			})
			a.browser().wantErr("the steps", err, nil)
			if got := w.handed(r.wantNoCookie()); (got != "") != tt.want || got == old {
				a.Errorf("a token is handed out = %t, the old one = %t; want %t and a new one", got != "", got == old, tt.want)
			}
			if tt.want {
				alice.wantUser("alice", "with the token handed out")
			}
			if got := w.handed(alice.get("/")); got != "" {
				a.Errorf("the next request hands out %q; want nothing", got)
			}
		})
	}
	for what, w := range map[string]*way{"Cookie": ways[0], "Cookie with Keys": ways[2]} {
		t.Run("none with "+what, func(t *testing.T) {
			wayBubble(t, w, nil, func(a *app, _ *people) {
				alice := a.client(w)
				for _, step := range []func(*Context) error{signIn, plain, rotate} {
					if r, err := alice.does(step); err != nil || r.Result().Header.Get(tokenHeader) != "" {
						t.Errorf("a step = %v, and Token() is not empty = %t; want neither", err, r.Result().Header.Get(tokenHeader) != "")
					}
				}
			})
		})
	}
}

func revokeOwn(c *Context) error {
	s, _ := c.Session()
	return c.Revoke(s.ID)
}

// signInOfNobody succeeds where SignIn of somebody who does not exist fails.
func signInOfNobody(c *Context) error {
	if c.SignIn(person(9)) == nil {
		return powgin.ErrForbidden
	}
	return nil
}

// Nobody could hand a new token to the clients of sessions elsewhere.
func TestRegenerateLeavesBearerSessionsAsTheyAre(t *testing.T) {
	t.Parallel()
	bearers(t, "and drops the copy", nil, func(a *app, p *people, w *way) {
		alice := a.arrives(w, 1)
		before := alice.session()
		p.setPlan("1", "pro")
		a.browser().wantErr("Sync", a.auth.Sync(context.Background(), person(1), powgin.Regenerate()), nil)
		x, err := a.auth.ExplainUser(context.Background(), "1")
		if err != nil || len(x.Sessions) != 1 || x.Sessions[0].Marked {
			a.Errorf("ExplainUser = %+v, %v; want one session that is not marked", x.Sessions, err)
		}
		alice.wantPlan("pro", "after the sync")
		if now := alice.session(); now.Hint != before.Hint || !now.RenewedAt.Equal(before.RenewedAt) {
			a.Errorf("the session is %+v; want it as it was, %+v", now, before)
		}
	})
}

// Without Rotate the token stays, and Grace(0) still ends what was replaced
// before.
func TestGraceZeroWithoutRotateEndsTokensInGrace(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, bearer)
	a.handle("POST", "/token", func(c *Context) {
		err := c.SignIn(person(1))
		handOut(c, err)
	})
	a.handle("POST", "/rotate", func(c *Context) { handOut(c, c.SyncUser(person(1), powgin.Rotate())) })
	a.handle("POST", "/strict", func(c *Context) { handOut(c, c.SyncUser(person(1), powgin.Grace(0))) })
	first := a.browser().post("/token").tokens().Token
	second := a.browser().post("/rotate", "Authorization", "Bearer "+first).tokens().Token
	a.wantAccess(first, true, "in grace")
	if got := a.browser().post("/strict", "Authorization", "Bearer "+second).tokens().Token; got != "" {
		t.Errorf("SyncUser without Rotate hands out %q; want nothing", got)
	}
	a.wantAccess(first, false, "after Grace(0)")
	a.wantAccess(second, true, "the token that stays")
}
