package powgin_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

func TestSyncUserReplacesTheToken(t *testing.T) {
	t.Parallel()
	t.Run("and the old one works for Grace, sees the new user and gets no cookie", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			old := alice.clone()
			alice.post("/plan/pro").want(http.StatusOK).wantCookie(true)
			time.Sleep(grace - 1)
			if got := old.get("/me").wantCookie(false).identity().User.Plan; got != "pro" {
				t.Errorf("the plan seen in grace = %q; want pro", got)
			}
			time.Sleep(time.Nanosecond)
			old.get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK).wantCookie(false)
		})
	})
	t.Run("and Grace(d) sets how long the old one works", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.syncs("/long", powgin.Grace(20*time.Second))
			alice := a.signIn(1)
			old := alice.clone()
			alice.post("/long").want(http.StatusOK)
			time.Sleep(20*time.Second - 1)
			old.get("/me").want(http.StatusOK)
			time.Sleep(time.Nanosecond)
			old.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("and Grace(0) ends at once all that were replaced", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.syncs("/long", powgin.Grace(time.Minute))
			a.syncs("/now", powgin.Grace(0))
			alice := a.signIn(1)
			first := alice.clone()
			alice.post("/long").want(http.StatusOK)
			second := alice.clone()
			first.get("/me").want(http.StatusOK)
			alice.post("/now").want(http.StatusOK)
			first.get("/me").want(http.StatusUnauthorized)
			second.get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("and a token in grace never gets a later end", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.syncs("/long", powgin.Grace(time.Minute))
			alice := a.signIn(1)
			first := alice.clone()
			alice.post("/plan/pro").want(http.StatusOK)
			second := alice.clone()
			time.Sleep(grace - 1)
			alice.post("/long").want(http.StatusOK)
			first.get("/me").want(http.StatusOK)
			time.Sleep(time.Nanosecond)
			first.get("/me").want(http.StatusUnauthorized)
			second.get("/me").want(http.StatusOK)
		})
	})
	t.Run("and NoGrace ends the old one at once", func(t *testing.T) {
		bubble(t, func(cfg *powgin.Config[User]) { cfg.Grace = powgin.NoGrace }, func(a *app) {
			alice := a.signIn(1)
			old := alice.clone()
			alice.post("/plan/pro").want(http.StatusOK)
			old.get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("also the successor of a renewal that was never used", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			unused := alice.clone().get("/me").sent()
			alice.post("/plan/pro").want(http.StatusOK)
			time.Sleep(grace - 1)
			a.with(unused).get("/me").want(http.StatusOK).wantCookie(false)
			time.Sleep(time.Nanosecond)
			a.with(unused).get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("but KeepSession keeps it", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.syncs("/keep", powgin.KeepSession())
			alice := a.signIn(1)
			before := alice.session()
			a.set(1, "plan", "pro")
			id := alice.post("/keep").want(http.StatusOK).wantCookie(false).identity()
			if id.User.Plan != "pro" || id.Session.Hint != before.Hint {
				t.Errorf("plan %q with hint %s; want pro with %s", id.User.Plan, id.Session.Hint, before.Hint)
			}
			time.Sleep(grace)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("and EndOthers ends the user's other sessions, nobody else's", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.syncs("/only", powgin.EndOthers())
			alice, phone, bob := a.signIn(1), a.signIn(1), a.signIn(2)
			alice.post("/only").want(http.StatusOK).wantCookie(true)
			phone.get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK)
			bob.get("/me").want(http.StatusOK)
		})
	})
	t.Run("and a Grace beyond a minute is refused with nothing changed", func(t *testing.T) {
		bubble(t, silent, func(a *app) {
			a.syncs("/forever", powgin.Grace(time.Minute+1))
			alice := a.signIn(1)
			alice.post("/forever").want(http.StatusInternalServerError).wantCookie(false)
			alice.get("/me").want(http.StatusOK)
		})
	})
}

func TestATokenInGrace(t *testing.T) {
	t.Parallel()
	// inGrace returns a browser whose token has just been replaced, and the one
	// that has the new token.
	inGrace := func(a *app) (old, alice *browser) {
		alice = a.signIn(1)
		old = alice.clone()
		alice.post("/plan/pro").want(http.StatusOK)
		return old, alice
	}
	t.Run("syncs the user and rotates nothing", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			old, alice := inGrace(a)
			id := old.post("/plan/team").wantCookie(false).identity()
			if id.User.Plan != "team" || alice.plan("/me") != "team" {
				t.Errorf("the plan is %q there and %q here; want team", id.User.Plan, alice.plan("/me"))
			}
			time.Sleep(grace)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("is told where it cannot do what it was asked, and the user is synced all the same", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.syncs("/now", powgin.Grace(0))
			a.syncs("/only", powgin.EndOthers())
			old, alice := inGrace(a)
			phone := a.signIn(1)
			for i, path := range []string{"/now", "/only"} {
				credits := int64(i + 1)
				a.set(1, "credits", credits)
				old.post(path).want(http.StatusConflict).wantCookie(false)
				if got := alice.get("/me").identity().User.Credits; got != credits {
					t.Errorf("credits after POST %s = %d; want %d", path, got, credits)
				}
			}
			phone.get("/me").want(http.StatusOK)
		})
	})
	t.Run("rotates nothing either where a renewal has replaced it", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			old := alice.clone()
			alice.get("/me").want(http.StatusOK).wantCookie(true)
			alice.get("/me").want(http.StatusOK) // confirms
			old.post("/plan/pro").want(http.StatusOK).wantCookie(false)
			old.post("/revoke-others").want(http.StatusConflict)
			time.Sleep(grace)
			alice.wantPlan("/me", "pro", "with the new token")
		})
	})
	t.Run("has no new token to send, so a body that has begun is not in its way", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.handle("POST", "/late", func(c *Context) {
				_, _ = c.Writer.WriteString("begun")
				a.browser().wantErr("SyncUser", c.SyncUser(person(1)), nil)
				a.browser().wantErr("SyncUser with Grace(0)", c.SyncUser(person(1), powgin.Grace(0)), powgin.ErrInGrace)
			})
			old, alice := inGrace(a)
			a.set(1, "plan", "team")
			old.post("/late").want(http.StatusOK)
			alice.get("/me").wantCookie(false)
			alice.wantPlan("/me", "team", "after the sync")
		})
	})
	t.Run("ends no session but its own", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			old, alice := inGrace(a)
			phone := a.signIn(1)
			id := phone.session().ID
			old.clone().post("/revoke-others").want(http.StatusConflict)
			old.clone().post("/revoke/" + id).want(http.StatusConflict)
			phone.get("/me").want(http.StatusOK)
			old.post("/signout").want(http.StatusOK)
			alice.get("/me").want(http.StatusUnauthorized)
			phone.get("/me").want(http.StatusOK)
		})
	})
	t.Run("signs in as anybody may, and the session it was of ends", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			old, alice := inGrace(a)
			old.post("/signin/2").want(http.StatusOK).wantCookie(true)
			if got := old.get("/me").identity().User.Name; got != "bob" {
				t.Errorf("signed in as %q; want bob", got)
			}
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
}

func TestARequestOutlivesItsToken(t *testing.T) {
	t.Parallel()
	t.Run("and may still rotate and revoke after its own successor was confirmed", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			gate := a.slow("POST", "/late", func(c *Context) {
				if err := c.RevokeOthers(); err != nil {
					powgin.Abort(c.Context, err)
					return
				}
				answer(c, c.SyncUser(person(1)))
			})
			alice := a.signIn(1)
			time.Sleep(renew)
			phone, slow := a.signIn(1), alice.clone()
			finish := gate.start(slow, "POST", "/late")
			alice.get("/me").want(http.StatusOK).wantCookie(true)
			alice.get("/me").want(http.StatusOK) // confirms
			time.Sleep(grace)
			finish().want(http.StatusOK).wantCookie(true)
			phone.get("/me").want(http.StatusUnauthorized)
			slow.get("/me").want(http.StatusOK)
			time.Sleep(grace)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("but not after a sync of another request", func(t *testing.T) {
		for _, wait := range []time.Duration{0, grace} {
			bubbleIn(t, wait.String()+" later", func(a *app) {
				gate := a.slow("POST", "/late", func(c *Context) {
					a.browser().wantErr("RevokeOthers", c.RevokeOthers(), powgin.ErrInGrace)
					a.browser().wantErr("SyncUser with Grace(0)", c.SyncUser(person(1), powgin.Grace(0)), powgin.ErrInGrace)
					whoami(c)
				})
				alice, phone := a.signIn(1), a.signIn(1)
				slow := alice.clone()
				finish := gate.start(slow, "POST", "/late")
				alice.post("/plan/pro").want(http.StatusOK)
				time.Sleep(wait)
				finish().want(http.StatusOK).wantCookie(false)
				phone.get("/me").want(http.StatusOK)
				time.Sleep(grace)
				alice.get("/me").want(http.StatusOK)
			})
		}
	})
	t.Run("and speaks for the new token after its own rotation", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.handle("POST", "/twice", func(c *Context) {
				a.browser().wantErr("first SyncUser", c.SyncUser(person(1)), nil)
				first, _ := c.Session()
				a.browser().wantErr("second SyncUser", c.SyncUser(person(1), powgin.Grace(0)), nil)
				if second, _ := c.Session(); second.Hint == first.Hint {
					a.Error("the second SyncUser kept the token of the first")
				}
				answer(c, c.RevokeOthers())
			})
			alice, phone := a.signIn(1), a.signIn(1)
			old := alice.clone()
			alice.post("/twice").want(http.StatusOK).wantCookie(true)
			alice.get("/me").want(http.StatusOK)
			old.get("/me").want(http.StatusUnauthorized)
			phone.get("/me").want(http.StatusUnauthorized)
		})
	})
}

// bubbleIn runs a story as a subtest.
func bubbleIn(t *testing.T, name string, story func(a *app)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { bubble(t, nil, story) })
}

func TestConcurrentSyncsOfOneSession(t *testing.T) {
	t.Parallel()
	t.Run("rotate once, answer all, and sign nobody out", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			const n = 200
			entered, open := make(chan struct{}), make(chan struct{})
			a.handle("POST", "/sync", func(c *Context) {
				entered <- struct{}{}
				<-open
				answer(c, c.SyncUser(person(1)))
			})
			alice := a.signIn(1)
			old := alice.clone()
			answers := make(chan []*response)
			go func() { answers <- alice.all(n, "POST", "/sync") }()
			for range n {
				<-entered
			}
			a.set(1, "plan", "pro")
			close(open)
			var sent []string
			for _, r := range <-answers {
				if got := r.identity().User.Plan; got != "pro" {
					t.Fatalf("a synced plan = %q; want pro", got)
				}
				if token := r.sent(); token != "" {
					sent = append(sent, token)
				}
			}
			if len(sent) != 1 {
				t.Fatalf("%d of %d answers carry a cookie; want 1", len(sent), n)
			}
			old.get("/me").want(http.StatusOK)
			time.Sleep(grace)
			old.get("/me").want(http.StatusUnauthorized)
			a.with(sent[0]).get("/me").want(http.StatusOK)
			if got := a.count("1"); got != 1 {
				t.Errorf("alice has %d sessions; want 1", got)
			}
		})
	})
}

func TestSyncFromOutside(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("shows the new user and leaves sessions alone", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			before := alice.session()
			time.Sleep(time.Minute / 2)
			a.set(1, "plan", "pro")
			alice.wantErr("Sync", a.auth.Sync(ctx, person(1)), nil)
			id := alice.get("/me").wantCookie(false).identity()
			if id.User.Plan != "pro" || !sameInfo(*id.Session, before) {
				t.Errorf("plan %q in session %+v; want pro in %+v", id.User.Plan, *id.Session, before)
			}
		})
	})
	t.Run("with Regenerate gives each session a new token at its next request", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice, phone, bob := a.signIn(1), a.signIn(1), a.signIn(2)
			alice.wantErr("Sync", a.auth.Sync(ctx, person(1), powgin.Regenerate()), nil)
			for _, b := range []*browser{alice, phone} {
				old := b.clone()
				b.get("/me").want(http.StatusOK).wantCookie(true)
				b.get("/me").want(http.StatusOK).wantCookie(false)
				time.Sleep(grace)
				old.get("/me").want(http.StatusUnauthorized)
			}
			bob.get("/me").want(http.StatusOK).wantCookie(false)
		})
	})
	t.Run("with Regenerate after a renewal makes one more successor", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			alice.get("/me").wantCookie(true) // made before the mark
			alice.wantErr("Sync", a.auth.Sync(ctx, person(1), powgin.Regenerate()), nil)
			alice.get("/me").want(http.StatusOK).wantCookie(true)
			alice.get("/me").want(http.StatusOK).wantCookie(false)
		})
	})
	t.Run("with RevokeSessions ends all of the user's sessions, in grace too", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice, phone, bob := a.signIn(1), a.signIn(1), a.signIn(2)
			old := alice.clone()
			alice.post("/plan/pro").want(http.StatusOK)
			alice.wantErr("Sync", a.auth.Sync(ctx, person(1), powgin.RevokeSessions()), nil)
			for _, b := range []*browser{alice, phone, old} {
				b.get("/me").want(http.StatusUnauthorized)
			}
			bob.get("/me").want(http.StatusOK)
		})
	})
	t.Run("refuses what belongs to a request", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			for name, o := range map[string]powgin.SyncOption{"Grace": powgin.Grace(0), "KeepSession": powgin.KeepSession(), "EndOthers": powgin.EndOthers()} {
				a.browser().wantErr("Sync with "+name, a.auth.Sync(ctx, person(1), o), powgin.ErrOption)
			}
			a.browser().wantErr("Sync of nobody", a.auth.Sync(ctx, person(0)), powgin.ErrNoUserKey)
		})
	})
}
