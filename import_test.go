package powgin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

func TestADeploymentLogsNobodyOut(t *testing.T) {
	t.Parallel()
	moves(t, "whoever was signed in still is", nil, func(m *mover) {
		alice, bob := m.before(1), m.before(2)
		r := alice.get("/me").wantNoStore()
		id := r.identity()
		if id.User.Name != "alice" || id.Session == nil || !id.Session.Current {
			m.Errorf("GET /me is answered with %s; want alice and her session", r.Body)
		}
		lines := r.headers()["Set-Cookie"]
		if len(lines) != 2 || !slices.Contains(lines, plainLine) || !strings.HasPrefix(lines[1], "old=") && !strings.HasPrefix(lines[0], "old=") {
			m.Errorf("GET /me sets %q; want our cookie, and the old one's end", lines)
		}
		if got := r.Header().Values("Vary"); !slices.Contains(got, "Cookie") {
			m.Errorf("Vary = %q; want Cookie", got)
		}
		m.wantAsked(1, "the first request")
		m.wantEnded(1, "the first request")
		if _, kept := alice.cookies["old"]; kept {
			m.Error("the browser still has the old cookie")
		}
		for range 2 {
			again := alice.get("/me").wantNoCookie().identity()
			if again.User.Name != "alice" || again.Session.ID != id.Session.ID {
				m.Errorf("the next request is %s's, of session %s; want alice's %s", again.User.Name, again.Session.ID, id.Session.ID)
			}
		}
		m.wantAsked(0, "the requests after it")
		want := []powgin.Event{{Name: "signed_in", UserKey: "1", Session: id.Session.ID}}
		if got := m.events.all(); !slices.Equal(got, want) {
			m.Errorf("the events are %+v; want %+v", got, want)
		}
		if got := bob.get("/me").identity().User.Name; got != "bob" {
			m.Errorf("bob's browser is %s's; want his", got)
		}
		if errs := m.errors.took(); len(errs) > 0 {
			m.Errorf("OnError was told %v; want nothing", errs)
		}
	})
	moves(t, "whatever they do first", nil, func(m *mover) {
		m.handle("POST", "/sync", func(c *Context) { answer(c, c.SyncUser(c.MustUser())) })
		alice := m.before(1)
		m.people.setPlan("1", "pro")
		r := alice.post("/sync")
		if got := r.identity().User; got.Name != "alice" || got.Plan != "pro" {
			m.Errorf("POST /sync is of %s with plan %s; want alice with pro", got.Name, got.Plan)
		}
		alice.get("/me").want(http.StatusOK)
		m.wantAsked(1, "a sync as the first request")
		if n := m.count("1"); n != 1 {
			m.Errorf("alice has %d sessions; want 1", n)
		}
	})
	moves(t, "also with every read from the database", func(c *powgin.Config[User]) { c.Reload = true }, func(m *mover) {
		alice := m.before(1)
		alice.get("/me").want(http.StatusOK)
		alice.get("/me").want(http.StatusOK)
		m.wantAsked(1, "two requests")
	})
	moves(t, "and pages for guests send them home", func(c *powgin.Config[User]) { c.HomePath = "/home" }, func(m *mover) {
		m.before(1).get("/guest", "Accept", page).wantSentTo("/home")
	})
	moves(t, "and the session tells of its sign-in", func(c *powgin.Config[User]) {
		c.Metadata = func(c *gin.Context) map[string]string { return map[string]string{"agent": c.Request.UserAgent()} }
	}, func(m *mover) {
		s := m.before(1).get("/me", "User-Agent", "Phone").identity().Session
		if s.Metadata["agent"] != "Phone" || s.Methods != nil {
			m.Errorf("the session has metadata %v and methods %v; want the agent Phone and no method", s.Metadata, s.Methods)
		}
	})
}

func TestASignInOrSignOutInTheFirstRequest(t *testing.T) {
	t.Parallel()
	moves(t, "takes the place of the session that was taken over", nil, func(m *mover) {
		b := m.before(1)
		if got := b.post("/signin/2").identity().User.Name; got != "bob" {
			m.Errorf("POST /signin/2 is of %s; want bob", got)
		}
		if got := b.get("/me").identity().User.Name; got != "bob" {
			m.Errorf("GET /me is of %s; want bob", got)
		}
		if n := m.count("1"); n != 0 {
			m.Errorf("alice has %d sessions; want none", n)
		}
		m.wantEnded(1, "the sign-in")
	})
	moves(t, "ends both", nil, func(m *mover) {
		b := m.before(1)
		b.post("/signout").want(http.StatusOK)
		b.get("/me").want(http.StatusUnauthorized)
		if n := m.count("1"); n != 0 || len(b.cookies) != 0 {
			m.Errorf("alice has %d sessions and her browser %d cookies; want none", n, len(b.cookies))
		}
		m.wantEnded(1, "the sign-out")
	})
}

func TestFirstRequestsAtOnce(t *testing.T) {
	t.Parallel()
	moves(t, "are all alice's", nil, func(m *mover) {
		const n = 6
		alice := m.before(1)
		release := m.people.hold() // all have asked the old library before any ends its session
		var waits []func() *response
		var browsers []*browser
		for range n {
			b := alice.clone()
			browsers, waits = append(browsers, b), append(waits, b.later("GET", "/me"))
		}
		synctest.Wait()
		release()
		for _, wait := range waits {
			if u := wait().shows(); u == nil || u.Name != "alice" {
				m.Errorf("a request is of %v; want alice", u)
			}
		}
		m.people.onFind(nil)
		m.wantAsked(n, "at once")
		for _, b := range browsers { // the browser keeps any one of these
			b.get("/me").want(http.StatusOK)
		}
		m.wantAsked(0, "with their cookies")
	})
	moves(t, "are within MaxSessions", func(c *powgin.Config[User]) { c.MaxSessions = 2 }, func(m *mover) {
		alice := m.before(1)
		release := m.people.hold()
		var waits []func() *response
		for range 5 {
			waits = append(waits, alice.clone().later("GET", "/me"))
		}
		synctest.Wait()
		release()
		for _, wait := range waits {
			wait().want(http.StatusOK)
		}
		if n := m.count("1"); n != 2 {
			m.Errorf("alice has %d sessions; want 2", n)
		}
	})
	t.Run("leave one that comes late as it was, once the old session is gone at the server", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			m := newMover(t, serverLibrary(), nil)
			alice := m.before(1)
			late := alice.clone()
			alice.get("/me").want(http.StatusOK)
			late.get("/me").want(http.StatusUnauthorized).wantNoCookie()
			alice.get("/me").want(http.StatusOK)
		})
	})
}

func TestNoImportWhereThereIsASession(t *testing.T) {
	t.Parallel()
	moves(t, "live, in grace or handed a successor", nil, func(m *mover) {
		alice := m.before(2)
		alice.post("/signin/1").want(http.StatusOK)
		alice.cookies["old"] = m.before(2).cookies["old"]
		m.asked.Store(0)
		m.ended.Store(0)
		wantAlice := func(b *browser) {
			m.Helper()
			if got := b.get("/me").identity().User.Name; got != "alice" {
				m.Errorf("GET /me is of %s; want alice", got)
			}
		}
		wantAlice(alice)
		replaced := alice.clone()
		_, err := alice.syncUser()
		alice.wantErr("SyncUser", err, nil)
		wantAlice(replaced)
		time.Sleep(renew)
		for range 3 {
			wantAlice(alice)
		}
		m.wantAsked(0, "a session of powgin's")
	})
	moves(t, "nor of two tokens in one request", nil, func(m *mover) {
		b := m.before(1)
		line := "old=" + b.cookies["old"] + "; powgin=" + madeUp() + "; powgin=" + madeUp()
		r := m.browser().get("/me", "Cookie", line).want(http.StatusUnauthorized)
		m.wantAsked(0, "two tokens")
		m.wantUntouched(r)
		twice := madeUp()
		m.browser().get("/me", "Cookie", "powgin="+twice+"; old="+b.cookies["old"]+"; powgin="+twice).want(http.StatusOK)
		m.wantAsked(1, "one token, twice")
	})
	moves(t, "nor from another site", nil, func(m *mover) {
		b := m.before(1)
		for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
			r := b.post("/signin/2", headers...).wantProblem(http.StatusForbidden)
			m.wantAsked(0, "from another site")
			m.wantUntouched(r)
		}
		b.get("/me").want(http.StatusOK)
	})
	moves(t, "but where a cookie of ours proves nothing", nil, func(m *mover) {
		for what, value := range map[string]string{"no token": "nonsense", "a made-up one": madeUp(), "empty": ""} {
			b := m.before(1)
			b.cookies[cookieName] = value
			b.get("/me").want(http.StatusOK)
			m.wantAsked(1, what)
			b.get("/me").want(http.StatusOK)
			m.wantAsked(0, what+", afterwards")
		}
	})
	moves(t, "nor in the request that finds the user gone", nil, func(m *mover) {
		alice := m.before(1)
		alice.get("/me").want(http.StatusOK)
		alice.cookies["old"] = m.before(2).cookies["old"]
		m.asked.Store(0)
		m.people.change("1", nil)
		alice.get("/refresh").want(http.StatusUnauthorized)
		m.wantAsked(0, "a user who is gone")
	})
}

func TestAfterASignOutNobodyIsSignedInAgain(t *testing.T) {
	t.Parallel()
	for what, leave := range map[string]func(m *mover, alice *browser){
		"SignOut":    func(_ *mover, alice *browser) { alice.post("/signout").want(http.StatusOK) },
		"RevokeUser": func(m *mover, _ *browser) { _ = m.auth.RevokeUser(m.Context(), "1") },
		"RevokeAll":  func(m *mover, _ *browser) { time.Sleep(time.Nanosecond); m.revokeAll(time.Time{}) },
		"the time":   func(*mover, *browser) { time.Sleep(idle) },
	} {
		moves(t, "by "+what, nil, func(m *mover) {
			alice := m.before(1)
			alice.get("/me").want(http.StatusOK)
			leave(m, alice)
			for range 3 {
				alice.get("/me").want(http.StatusUnauthorized)
			}
			if n := m.count("1"); n != 0 {
				m.Errorf("alice has %d sessions; want none", n)
			}
		})
	}
	t.Run("also not by a copy of the old cookie, where its session was at the server", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			m := newMover(t, serverLibrary(), nil)
			alice := m.before(1)
			copied := alice.clone()
			alice.get("/me").want(http.StatusOK)
			alice.post("/signout").want(http.StatusOK)
			copied.get("/me").want(http.StatusUnauthorized)
		})
	})
}

func TestAnImportedSessionIsNoRecentSignIn(t *testing.T) {
	t.Parallel()
	moves(t, "until there is one", func(c *powgin.Config[User]) { c.ReauthPath = "/confirm" }, func(m *mover) {
		alice := m.before(1)
		confirm := func(when string) {
			m.Helper()
			if got := alice.get("/recent", "Accept", page).want(http.StatusSeeOther).Header().Get("Location"); got != "/confirm?next=%2Frecent" {
				m.Errorf("%s: GET /recent leads to %s; want /confirm", when, got)
			}
			alice.get("/recent", "Accept", "application/json").wantProblem(http.StatusUnauthorized)
		}
		confirm("in the first request")
		alice.get("/me").want(http.StatusOK)
		confirm("afterwards")
		_, err := alice.syncUser()
		alice.wantErr("SyncUser", err, nil)
		confirm("after a sync")
		time.Sleep(renew)
		alice.get("/me").want(http.StatusOK)
		alice.get("/me").want(http.StatusOK)
		confirm("after a renewal")
		alice.post("/signin/1").want(http.StatusOK)
		alice.get("/recent").want(http.StatusOK)
	})
}
