package nodes

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// jumps are what a clock does in the middle of use.
var jumps = []time.Duration{time.Hour, 0, -time.Hour, 0, 24 * time.Hour, -24 * time.Hour, time.Hour, 0}

// TestClocksDecideNothing holds that sessions go by the store's clock alone:
// nodes whose clocks are wrong, or jump, share them as if all were right.
func TestClocksDecideNothing(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("a node with a clock of its own takes a build of its own")
	}
	program := buildClockNode(t)
	for _, hour := range []time.Duration{time.Hour, -time.Hour} {
		for _, tier := range tiers {
			t.Run(fmt.Sprintf("%s, by %v and %v", tier.name, hour, 24*hour), func(t *testing.T) {
				t.Parallel()
				h := newHall(t, program, tier.late == 0, 0, hour, 24*hour)
				for i, n := range h.nodes {
					h.users.add(fmt.Sprintf("user%d", i))
					h.users.add(fmt.Sprintf("keeper%d", i))
					h.stays(n, fmt.Sprintf("keeper%d", i))
				}
				var all []*guest
				for i, n := range h.nodes {
					all = append(all, h.arrive(n, fmt.Sprintf("user%d", i)))
				}
				h.steady("at first", all)
				for _, offset := range jumps {
					h.jump(h.nodes[0], offset)
					h.steady(fmt.Sprintf("after a jump to %v", offset), all)
				}
				for i, n := range h.nodes {
					h.changes(n, all[i])
				}
				h.jump(h.nodes[0], -24*time.Hour)
				h.steady("after changes and a jump", all)
				for i, n := range h.nodes[:2] {
					h.leaves(n, all[i])
				}
				h.ends(all[2])
			})
		}
	}
}

// A guest is somebody who is signed in, and what is known of the session.
type guest struct {
	name    string
	token   string
	value   int
	session powgin.SessionInfo
}

// about is how far times may be apart that were taken one after the other.
const about = time.Second

// within fails the test where a time is none of those between two moments.
func (h *hall) within(what string, at, from, till time.Time) {
	h.Helper()
	if at.Before(from.Add(-about)) || at.After(till.Add(about)) {
		h.Errorf("%s is %v; want it between %v and %v", what, at, from, till)
	}
}

// arrive signs a guest in at a node, and looks at the times that this makes.
func (h *hall) arrive(n *clockNode, name string) *guest {
	h.Helper()
	from := h.now()
	a := h.ask(n, http.MethodPost, "/signin/"+name, "")
	till := h.now()
	if a.status != http.StatusOK || a.cookie == nil {
		h.Fatalf("POST /signin where the clock is off by %v = %d with the cookie %v; want 200 with one", n.offset, a.status, a.cookie)
	}
	if a.cookie.MaxAge != 0 || !a.cookie.Expires.IsZero() {
		h.Errorf("the cookie of a node that is off by %v ends with %v, %v; want it to end with the browser", n.offset, a.cookie.MaxAge, a.cookie.Expires)
	}
	h.within("CreatedAt", a.Session.CreatedAt, from, till)
	h.within("RenewedAt", a.Session.RenewedAt, from, till)
	h.within("SignedInAt", a.Session.SignedInAt, from, till)
	h.within("ExpiresAt", a.Session.ExpiresAt, from.Add(idle), till.Add(idle))
	g := &guest{name: name, token: a.cookie.Value, value: a.User.Value}
	g.session = h.settle(g)
	return g
}

// settle has a guest's user cached, and returns the session as it is then.
func (h *hall) settle(g *guest) powgin.SessionInfo {
	h.Helper()
	from := h.now()
	a := h.ask(h.nodes[0], http.MethodGet, "/me", g.token)
	if a.status != http.StatusOK {
		h.Fatalf("the first GET /me of %s = %d; want 200", g.name, a.status)
	}
	h.within("LoadedAt", a.Session.LoadedAt, from.Add(-about), h.now())
	return a.Session
}

// stays signs somebody in who wants to be remembered.
func (h *hall) stays(n *clockNode, name string) {
	h.Helper()
	from := h.now()
	a := h.ask(n, http.MethodPost, "/remember/"+name, "")
	if a.status != http.StatusOK || a.cookie == nil {
		h.Fatalf("POST /remember = %d with the cookie %v; want 200 with one", a.status, a.cookie)
	}
	h.within("ExpiresAt of who is remembered", a.Session.ExpiresAt, from.Add(remembered), h.now().Add(remembered))
	if got := time.Duration(a.cookie.MaxAge) * time.Second; (remembered-got).Abs() > about || !a.cookie.Expires.IsZero() {
		h.Errorf("the cookie of who is remembered, from a node that is off by %v, lives for %v and until %v; want %v and no date",
			n.offset, got, a.cookie.Expires, remembered)
	}
	if a := h.ask(h.nodes[0], http.MethodGet, "/me", a.cookie.Value); a.status != http.StatusOK || a.cookie != nil {
		h.Errorf("GET /me of who is remembered = %d with the cookie %v; want 200 without", a.status, a.cookie)
	}
	// Nobody else has an account yet, or one that lives for longer.
	if got := h.lives(); got < remembered-about || got > remembered+2*time.Minute {
		h.Errorf("Redis keeps an account for %v; want %v, and a minute more at most", got, remembered)
	}
	if a := h.ask(h.nodes[2], http.MethodPost, "/signout", a.cookie.Value); a.status != http.StatusOK {
		h.Errorf("POST /signout of who is remembered = %d; want 200", a.status)
	}
}

// steady holds that all guests are signed in on each node, with the times that
// they were told, and that nothing was renewed or read again.
func (h *hall) steady(when string, all []*guest) {
	h.Helper()
	finds := h.finds.Load()
	for _, g := range all {
		for _, n := range h.nodes {
			a := h.ask(n, http.MethodGet, "/recent", g.token)
			if a.status != http.StatusOK || a.User != (User{g.name, g.value}) {
				h.Errorf("%s GET /recent of %s where the clock is off by %v = %d %v; want 200 and %d", when, g.name, n.offset, a.status, a.User, g.value)
				continue
			}
			if a.cookie != nil {
				h.Errorf("%s the session of %s is renewed where the clock is off by %v; want it left alone", when, g.name, n.offset)
			}
			if s, want := a.Session, g.session; !s.ExpiresAt.Equal(want.ExpiresAt) || !s.RenewedAt.Equal(want.RenewedAt) ||
				!s.CreatedAt.Equal(want.CreatedAt) || !s.SignedInAt.Equal(want.SignedInAt) || !s.LoadedAt.Equal(want.LoadedAt) {
				h.Errorf("%s the session of %s where the clock is off by %v is %+v; want %+v", when, g.name, n.offset, s, want)
			}
			if a.Age < 0 || a.Age > idle/2 {
				h.Errorf("%s the copy of %s is %v old where the clock is off by %v; want some seconds", when, g.name, a.Age, n.offset)
			}
		}
	}
	if read := h.finds.Load() - finds; read > 0 {
		h.Errorf("%s %d rows are read again; want none", when, read)
	}
	if got := h.lives(); got < idle-time.Minute || got > idle+2*time.Minute {
		h.Errorf("%s Redis keeps an account for %v; want about %v", when, got, idle)
	}
}

// shows asks a node until it gives this answer, which it has to do in time.
func (h *hall) shows(what string, n *clockNode, token string, status, value int) {
	h.Helper()
	for done := time.Now(); ; {
		asked := time.Now()
		a := h.ask(n, http.MethodGet, "/me", token)
		if a.status == status && a.User.Value == value {
			return
		}
		if asked.Sub(done) > h.late {
			h.Errorf("GET /me %s, where the clock is off by %v = %d with the value %d; want %d with %d", what, n.offset, a.status, a.User.Value, status, value)
			return
		}
	}
}

// changes has a guest's user changed at a node, and looks for that on all.
func (h *hall) changes(n *clockNode, g *guest) {
	h.Helper()
	g.value = h.users.change(g.name).Value
	old, from := g.token, h.now()
	a := h.ask(n, http.MethodPost, "/sync", old)
	if a.status != http.StatusOK || a.cookie == nil {
		h.Fatalf("POST /sync where the clock is off by %v = %d with the cookie %v; want 200 with one", n.offset, a.status, a.cookie)
	}
	g.token = a.cookie.Value
	h.within("RenewedAt after SyncUser", a.Session.RenewedAt, from, h.now())
	h.within("ExpiresAt after SyncUser", a.Session.ExpiresAt, from.Add(idle), h.now().Add(idle))
	for _, other := range h.nodes {
		h.shows("after SyncUser", other, g.token, http.StatusOK, g.value)
		h.shows("with the token in grace", other, old, http.StatusOK, g.value)
	}
	g.session = h.settle(g)
}

// leaves signs a guest out at a node, and looks for that on all.
func (h *hall) leaves(n *clockNode, g *guest) {
	h.Helper()
	if a := h.ask(n, http.MethodPost, "/signout", g.token); a.status != http.StatusOK {
		h.Errorf("POST /signout where the clock is off by %v = %d; want 200", n.offset, a.status)
	}
	for _, other := range h.nodes {
		h.shows("after SignOut", other, g.token, http.StatusUnauthorized, 0)
	}
}

// ends has each node end everybody's sessions, and nobody's that begins after
// that on another one.
func (h *hall) ends(g *guest) {
	h.Helper()
	for i, n := range h.nodes {
		if a := h.ask(n, http.MethodPost, "/revokeall", ""); a.status != http.StatusOK {
			h.Errorf("POST /revokeall where the clock is off by %v = %d; want 200", n.offset, a.status)
		}
		for _, other := range h.nodes {
			h.shows("after RevokeAll", other, g.token, http.StatusUnauthorized, 0)
		}
		g = h.arrive(h.nodes[(i+1)%3], g.name)
		for _, other := range h.nodes {
			h.shows("signed in after RevokeAll", other, g.token, http.StatusOK, h.users.rows[g.name])
		}
	}
}
