package powgin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

func TestSignInAlwaysMakesANewSession(t *testing.T) {
	t.Parallel()
	t.Run("whatever cookie the browser has", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			signedOut, idled, replaced := a.signIn(1), a.signIn(1), a.signIn(1)
			time.Sleep(idle / 2)
			signedOut.post("/signout").want(http.StatusOK)
			dead := signedOut.with(idled.token()).token()
			time.Sleep(idle / 2)
			rotated := replaced.clone()
			rotated.post("/signin/1").want(http.StatusOK)
			for name, planted := range map[string]string{
				"none":                                       "",
				"one that is no token":                       "planted",
				"one that nobody has":                        madeUp(),
				"one of a session idle out":                  dead,
				"one of a session replaced":                  replaced.token(),
				"one of a live session":                      a.signIn(1).token(),
				"one of a live session, with another secret": otherSecret(a.signIn(1).token()),
			} {
				b := a.with(planted)
				token := b.post("/signin/1").want(http.StatusOK).sent()
				if token == "" || token == planted {
					t.Errorf("cookie %s: the sign-in sends a new token = %t; want true", name, token != "")
				}
				b.get("/me").want(http.StatusOK)
				a.with(planted).get("/me").want(http.StatusUnauthorized)
			}
		})
	})
	t.Run("and ends the one that the browser had, nobody else's", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice, phone := a.signIn(1), a.signIn(1)
			old := alice.clone()
			first := alice.session()
			time.Sleep(time.Second)
			alice.post("/signin/1").want(http.StatusOK).wantCookie(true)
			second := alice.session()
			if first.ID == second.ID || first.Hint == second.Hint || !second.CreatedAt.After(first.CreatedAt) {
				t.Errorf("the session is %+v and was %+v; want another", second, first)
			}
			old.get("/me").want(http.StatusUnauthorized)
			phone.get("/me").want(http.StatusOK)
		})
	})
	t.Run("also for somebody else in the same browser", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			b := a.signIn(1)
			phone, old := a.signIn(1), b.clone()
			if got := b.post("/signin/2").identity().User.Name; got != "bob" {
				t.Errorf("the user after the sign-in = %q; want bob", got)
			}
			old.get("/me").want(http.StatusUnauthorized)
			phone.get("/me").want(http.StatusOK)
			if n := a.count("1"); n != 1 {
				t.Errorf("alice has %d sessions; want the one on her phone", n)
			}
		})
	})
	t.Run("or changes nothing where it fails", func(t *testing.T) {
		bubble(t, func(cfg *powgin.Config[User]) {
			silent(cfg)
			cfg.Active = func(u User) bool { return !u.Locked }
		}, func(a *app) {
			b := a.signIn(1)
			a.set(2, "locked", true)
			b.post("/signin/2").want(http.StatusForbidden).wantCookie(false)
			b.post("/signin/99").want(http.StatusForbidden).wantCookie(false)
			b.post("/signin/0").want(http.StatusInternalServerError).wantCookie(false)
			a.handle("POST", "/late", func(c *Context) {
				_, _ = c.Writer.WriteString("begun")
				b.wantErr("SignIn once the body has begun", c.SignIn(person(2)), powgin.ErrHeadersWritten)
				b.wantErr("SignIn in a copy", c.Copy().SignIn(person(2)), powgin.ErrHeadersWritten)
			})
			b.post("/late").want(http.StatusOK).wantCookie(false)
			if got := b.get("/me").identity().User.Name; got != "alice" {
				t.Errorf("signed in as %q; want alice", got)
			}
			if n := a.count("2"); n != 0 {
				t.Errorf("bob has %d sessions; want none", n)
			}
		})
	})
}

func TestMaxSessions(t *testing.T) {
	t.Parallel()
	const most = 3
	// devices returns browsers that signed in one after the other. The first has
	// been renewed since.
	devices := func(a *app) []*browser {
		var list []*browser
		for range most {
			list = append(list, a.signIn(1))
			time.Sleep(time.Minute)
		}
		time.Sleep(renew)
		for range 2 {
			list[0].get("/me").want(http.StatusOK)
		}
		return list
	}
	t.Run("evicts the session renewed least recently", func(t *testing.T) {
		events := &journal{}
		bubble(t, func(cfg *powgin.Config[User]) { cfg.MaxSessions, cfg.OnEvent = most, events.on }, func(a *app) {
			old := devices(a)
			evicted := old[0].sessions()[1].ID
			old[2].get("/me").want(http.StatusOK) // hands out a successor, used or not
			bob, fourth := a.signIn(2), a.signIn(1)
			old[1].get("/me").want(http.StatusUnauthorized)
			for _, b := range []*browser{old[0], old[2], fourth, bob} {
				b.get("/me").want(http.StatusOK)
			}
			if got := events.of("evicted"); len(got) != 1 || got[0].Session != evicted || got[0].UserKey != "1" {
				t.Errorf("evicted events = %+v; want one of session %s of user 1", got, evicted)
			}
		})
	})
	t.Run("lets those that have ended make room first", func(t *testing.T) {
		events := &journal{}
		bubble(t, func(cfg *powgin.Config[User]) {
			cfg.MaxSessions, cfg.AtMaxSessions, cfg.OnEvent = most, powgin.Deny, events.on
		}, func(a *app) {
			for range most {
				a.signIn(1)
			}
			time.Sleep(idle)
			for range most {
				a.signIn(1)
			}
			if n := a.count("1"); n != most || events.times("evicted") != 0 {
				t.Errorf("alice has %d sessions, %d were evicted; want %d and none", n, events.times("evicted"), most)
			}
		})
	})
	t.Run("denies a sign-in under Deny, but for its owner who ends the others", func(t *testing.T) {
		bubble(t, func(cfg *powgin.Config[User]) { cfg.MaxSessions, cfg.AtMaxSessions = most, powgin.Deny }, func(a *app) {
			a.handle("POST", "/only-me", func(c *Context) { answer(c, c.SignIn(person(1), powgin.EndOthers())) })
			old := devices(a)
			b := a.signIn(2)
			b.post("/signin/1").want(http.StatusTooManyRequests).wantCookie(false)
			if got := b.get("/me").identity().User.Name; got != "bob" {
				t.Errorf("signed in as %q; want bob, whom the denied sign-in leaves alone", got)
			}
			old[1].post("/signin/1").want(http.StatusOK) // takes its own session's place
			for _, b := range old {
				b.get("/me").want(http.StatusOK)
			}
			b.post("/only-me").want(http.StatusOK).wantCookie(true)
			b.get("/me").want(http.StatusOK)
			for _, b := range old {
				b.get("/me").want(http.StatusUnauthorized)
			}
		})
	})
}

// sessions returns the sessions that the app lists for this browser.
func (b *browser) sessions() (list []powgin.SessionInfo) {
	b.Helper()
	r := b.get("/sessions").want(http.StatusOK)
	if err := json.Unmarshal(r.Body.Bytes(), &list); err != nil {
		b.Fatalf("%s: %v in %s", r.what, err, r.Body)
	}
	return list
}

func TestTheListOfSessions(t *testing.T) {
	t.Parallel()
	t.Run("has the user's own, the oldest first, and none that has ended", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.signIn(1) // idles out
			time.Sleep(idle / 2)
			bob, first := a.signIn(2), a.signIn(1)
			time.Sleep(idle / 2)
			second := a.signIn(1)
			list := second.sessions()
			if len(list) != 2 || list[0].ID != first.session().ID || list[1].ID != second.session().ID {
				t.Fatalf("the list is %+v; want the first and the second session", list)
			}
			if list[0].Current || !list[1].Current {
				t.Errorf("Current = %t, %t; want false, true", list[0].Current, list[1].Current)
			}
			if got := bob.sessions(); len(got) != 1 || got[0].ID == list[0].ID || got[0].ID == list[1].ID {
				t.Errorf("bob's list is %+v; want his own session alone", got)
			}
			outside, err := a.auth.Sessions(context.Background(), "1")
			if err != nil || len(outside) != 2 || outside[0].Current || outside[1].Current {
				t.Errorf("Auth.Sessions = %+v, %v; want two, none of them current", outside, err)
			}
			if none, err := a.auth.Sessions(context.Background(), "99"); err != nil || len(none) != 0 {
				t.Errorf("Auth.Sessions of nobody = %+v, %v; want none", none, err)
			}
		})
	})
	t.Run("holds no credential", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			body := alice.get("/sessions").Body.String()
			if token := alice.token(); strings.Contains(body, token) || strings.Contains(body, token[len(token)/2:]) {
				t.Error("the list contains the token")
			}
			for _, s := range alice.sessions() {
				for _, name := range []string{s.ID, s.Hint} {
					a.with(name).get("/me").want(http.StatusUnauthorized)
				}
			}
		})
	})
}

func TestSessionsAreRevoked(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("one by one, at once and with every token", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice, phone := a.signIn(1), a.signIn(1)
			old, id := phone.clone(), phone.session().ID
			phone.post("/plan/pro").want(http.StatusOK)
			alice.post("/revoke/" + id).want(http.StatusOK).wantCookie(false)
			phone.get("/me").want(http.StatusUnauthorized)
			old.get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK)
			alice.post("/revoke/" + id).want(http.StatusNotFound)
		})
	})
	t.Run("but never somebody else's", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice, bob := a.signIn(1), a.signIn(2)
			id := bob.session().ID
			for _, id := range []string{id, "nonsense", strings.Repeat("A", len(id)), id + "A"} {
				alice.post("/revoke/" + id).want(http.StatusNotFound).wantCookie(false)
				alice.wantErr("Auth.Revoke of "+id, a.auth.Revoke(ctx, "1", id), powgin.ErrNoSession)
			}
			bob.get("/me").want(http.StatusOK)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("the request's own as a sign-out", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			r := alice.post("/revoke/" + alice.session().ID)
			if r.identity().User != nil {
				t.Error("somebody is still signed in on this request")
			}
			if got, want := r.setCookies(), "powgin=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"; len(got) != 1 || got[0] != want {
				t.Errorf("the answer sets %q; want %q", got, want)
			}
			a.browser().get("/sessions").want(http.StatusUnauthorized)
		})
	})
	t.Run("all others, or all", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice, phone, tablet, bob := a.signIn(1), a.signIn(1), a.signIn(1), a.signIn(2)
			alice.post("/revoke-others").want(http.StatusOK).wantCookie(false)
			for _, b := range []*browser{phone, tablet} {
				b.get("/me").want(http.StatusUnauthorized)
			}
			alice.get("/me").want(http.StatusOK)
			alice.post("/revoke-others").want(http.StatusOK) // there are none: no error
			alice.wantErr("RevokeUser", a.auth.RevokeUser(ctx, "1"), nil)
			alice.get("/me").want(http.StatusUnauthorized)
			alice.wantErr("RevokeUser of nobody", a.auth.RevokeUser(ctx, "1"), nil)
			bob.get("/me").want(http.StatusOK)
		})
	})
	t.Run("from outside by id", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice, phone := a.signIn(1), a.signIn(1)
			alice.wantErr("Auth.Revoke", a.auth.Revoke(ctx, "1", phone.session().ID), nil)
			phone.get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK)
		})
	})
}

func TestASessionRemembersWhatMetadataSaysOfItsSignIn(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(c *powgin.Config[User]) {
		c.Metadata = func(c *gin.Context) map[string]string {
			return map[string]string{"agent": c.Request.UserAgent()}
		}
	})
	b := a.browser()
	b.post("/signin/1", "User-Agent", "Browser\t1.0 "+strings.Repeat("x", 300)).want(http.StatusOK)
	b.post("/plan/pro", "User-Agent", "other").want(http.StatusOK)
	got := b.get("/me").identity().Session.Metadata["agent"]
	if want := "Browser1.0 " + strings.Repeat("x", 245); got != want {
		t.Errorf("metadata = %q; want %q: cleaned, cut, and that of the sign-in", got, want)
	}
}

func TestTheEventsOfASession(t *testing.T) {
	t.Parallel()
	t.Run("name it and its user, and nothing that proves it", func(t *testing.T) {
		events := &journal{}
		bubble(t, func(cfg *powgin.Config[User]) { cfg.OnEvent = events.on }, func(a *app) {
			alice := a.signIn(1)
			first := alice.session().ID
			alice.post("/plan/pro").want(http.StatusOK)
			time.Sleep(renew)
			alice.get("/me").want(http.StatusOK)
			alice.get("/me").want(http.StatusOK)
			alice.post("/signout").want(http.StatusOK)
			alice.post("/signin/1").want(http.StatusOK)
			second := alice.session().ID
			phone := a.signIn(1)
			third := phone.session().ID
			phone.post("/revoke-others").want(http.StatusOK)
			phone.post("/signin/2").want(http.StatusOK)
			want := []powgin.Event{
				{Name: "signed_in", UserKey: "1", Session: first},
				{Name: "synced", UserKey: "1", Session: first},
				{Name: "renewed", UserKey: "1", Session: first},
				{Name: "signed_out", UserKey: "1", Session: first},
				{Name: "signed_in", UserKey: "1", Session: second},
				{Name: "signed_in", UserKey: "1", Session: third},
				{Name: "revoked", UserKey: "1", Session: second},
				{Name: "signed_out", UserKey: "1", Session: third},
				{Name: "signed_in", UserKey: "2", Session: phone.session().ID},
			}
			if got := events.all(); !slices.Equal(got, want) {
				t.Errorf("the events are\n\t%v; want\n\t%v", got, want)
			}
		})
	})
}
