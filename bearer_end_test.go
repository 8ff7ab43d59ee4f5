package powgin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// bearerEndings are the ways in which a program's session ends. phone is another
// session of the same user.
var bearerEndings = map[string]func(a *app, alice, phone *client) error{
	"SignOut": func(_ *app, alice, _ *client) error {
		alice.clone().post("/signout").want(http.StatusOK)
		return nil
	},
	"Revoke of its own": func(_ *app, alice, _ *client) error {
		alice.clone().post("/revoke/" + alice.session().ID).want(http.StatusOK)
		return nil
	},
	"Revoke elsewhere": func(_ *app, alice, phone *client) error {
		phone.post("/revoke/" + alice.session().ID).want(http.StatusOK)
		return nil
	},
	"RevokeOthers elsewhere": func(_ *app, _, phone *client) error {
		phone.post("/revoke-others").want(http.StatusOK)
		return nil
	},
	"SyncUser with EndOthers elsewhere": func(_ *app, _, phone *client) error {
		phone.synced(powgin.EndOthers())
		return nil
	},
	"SignIn with EndOthers elsewhere": func(_ *app, _, phone *client) error {
		phone.signsIn(1, powgin.EndOthers())
		return nil
	},
	"Auth.Revoke": func(a *app, alice, _ *client) error {
		return a.auth.Revoke(context.Background(), "1", alice.session().ID)
	},
	"RevokeUser": func(a *app, _, _ *client) error { return a.auth.RevokeUser(context.Background(), "1") },
	"RevokeAll":  func(a *app, _, _ *client) error { return a.auth.RevokeAll(context.Background(), time.Time{}) },
	"Sync with RevokeSessions": func(a *app, _, _ *client) error {
		return a.auth.Sync(context.Background(), person(1), powgin.RevokeSessions())
	},
}

// Whatever ends a session ends it at once, for the token in grace as well.
func TestABearerSessionEndsWithEveryToken(t *testing.T) {
	t.Parallel()
	for what, end := range bearerEndings {
		bearers(t, what, nil, func(a *app, _ *people, w *way) {
			alice, phone, bob := a.arrives(w, 1), a.arrives(w, 1), a.arrives(w, 2)
			old := alice.clone()
			alice.synced(powgin.Rotate(), powgin.Grace(time.Minute))
			old.wantUser("alice", "in grace")
			time.Sleep(time.Second)
			if err := end(a, alice, phone); err != nil {
				a.Fatalf("%s = %v; want no error", what, err)
			}
			alice.wantNobody("after " + what)
			old.wantNobody("in grace, after " + what)
			if what != "RevokeAll" {
				bob.wantUser("bob", "after "+what)
			}
		})
	}
}

func TestAReplacedBearerTokenThatComesBack(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		change func(*powgin.Config[User])
		lives  bool
	}{
		"is reported":      {nil, true},
		"ends the session": {endAtReuse, false},
	} {
		for _, w := range []*way{bearerWay, bearerWithKeys} {
			events := &journal{}
			t.Run(what+", "+w.name, func(t *testing.T) {
				wayBubble(t, w, func(c *powgin.Config[User]) {
					c.OnEvent = events.on
					if tt.change != nil {
						tt.change(c)
					}
				}, func(a *app, _ *people) {
					alice, phone := a.arrives(w, 1), a.arrives(w, 1)
					thief := alice.clone()
					alice.synced(powgin.Rotate())
					time.Sleep(grace - 1)
					thief.wantUser("alice", "in grace")
					if n := events.times("reuse"); n != 0 {
						t.Errorf("%d reuse events in grace; want none", n)
					}
					time.Sleep(time.Nanosecond)
					thief.get("/me").want(http.StatusUnauthorized).wantChallenge(`Bearer error="invalid_token"`)
					thief.get("/me").want(http.StatusUnauthorized)
					if n := events.times("reuse"); n != 1 {
						t.Errorf("%d reuse events; want 1", n)
					}
					phone.wantUser("alice", "in another session")
					if tt.lives {
						alice.wantUser("alice", "with the new token")
					} else {
						alice.wantNobody("with the new token")
					}
				})
			})
		}
	}
}

func TestBearerSessionsAreBounded(t *testing.T) {
	t.Parallel()
	bearers(t, "and Deny refuses", atMost(powgin.Deny), func(a *app, _ *people, w *way) {
		list := []*client{a.arrives(w, 1), a.arrives(w, 1), a.arrives(w, 1)}
		r, err := a.client(w).does(func(c *Context) error { return c.SignIn(person(1)) })
		a.browser().wantErr("SignIn", err, powgin.ErrTooManySessions)
		if r.wantProblem(http.StatusTooManyRequests).wantChallenge(""); w.handed(r) != "" {
			a.Error("a sign-in that was refused hands out a token")
		}
		for _, c := range list {
			c.wantUser("alice", "after the refused sign-in")
		}
		a.arrives(w, 1, powgin.EndOthers()).wantUser("alice", "with EndOthers")
		list[0].wantNobody("after EndOthers")
	})
}

func TestBearerSessionsAreListed(t *testing.T) {
	t.Parallel()
	bearers(t, "to their user, who may end them", nil, func(a *app, _ *people, w *way) {
		a.endpoints()
		first := a.arrives(w, 1)
		time.Sleep(time.Second)
		second := a.arrives(w, 1)
		a.arrives(w, 2)
		var list []powgin.SessionInfo
		r := second.get("/api/sessions").want(http.StatusOK).wantNoStore().wantNoCookie()
		if err := json.Unmarshal(r.Body.Bytes(), &list); err != nil || len(list) != 2 {
			a.Fatalf("GET /api/sessions = %s, %v; want alice's two", r.Body, err)
		}
		if list[0].ID != first.session().ID || list[0].Current || list[1].ID != second.session().ID || !list[1].Current {
			a.Errorf("GET /api/sessions = %s; want the older one and the current one", r.Body)
		}
		a.client(w).get("/api/sessions").wantProblem(http.StatusUnauthorized).wantChallenge("Bearer")
		second.do("DELETE", "/api/sessions/"+list[0].ID).want(http.StatusNoContent)
		first.wantNobody("after being ended")
		second.do("DELETE", "/api/sessions/"+list[1].ID).want(http.StatusNoContent).wantNoCookie()
		second.wantNobody("after ending itself")
	})
}

// Guests' routes are for those who bring no token that counts.
func TestBearerGuests(t *testing.T) {
	t.Parallel()
	bearers(t, "pass, others do not", withEveryPage, func(a *app, _ *people, w *way) {
		alice := a.arrives(w, 1)
		a.client(w).get("/guest").want(http.StatusOK)
		alice.shows("junk").get("/guest").want(http.StatusOK)
		alice.get("/guest", "Accept", page).wantProblem(http.StatusForbidden).wantChallenge("")
	})
}
