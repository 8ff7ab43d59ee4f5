package powgin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// watched is a Config whose store is watched, and changed by no read of a user.
func watched(store **spyStore) func(*powgin.Config[User]) {
	return func(c *powgin.Config[User]) {
		*store = newSpyStore()
		c.Store, c.Reload = *store, true
	}
}

// wantSwaps fails the test unless f changes the store that often.
func (s *spyStore) wantSwaps(a *app, want int64, when string, f func()) {
	a.Helper()
	before := s.swaps.Load()
	f()
	if n := s.swaps.Load() - before; n != want {
		a.Errorf("%s: the store is changed %d times; want %d", when, n, want)
	}
}

func TestABearerTokenStaysWhileItIsUsed(t *testing.T) {
	t.Parallel()
	for _, w := range []*way{bearerWay, bearerWithKeys} {
		t.Run(w.name, func(t *testing.T) {
			var store *spyStore
			wayBubble(t, w, watched(&store), func(a *app, _ *people) {
				alice := a.arrives(w, 1)
				first := alice.session()
				look := func() { alice.get("/me").want(http.StatusOK).wantNoCookie() }
				for range 5 {
					store.wantSwaps(a, 0, "before RenewAfter", func() {
						look()
						time.Sleep(renew - 1)
						look()
					})
					time.Sleep(time.Nanosecond)
					store.wantSwaps(a, 1, "at RenewAfter", look)
					store.wantSwaps(a, 0, "after the move", look)
					now := alice.session()
					if now.ID != first.ID || now.Hint != first.Hint || !now.SignedInAt.Equal(first.SignedInAt) {
						t.Errorf("the session is %+v; want the token and sign-in of %+v", now, first)
					}
					if !now.RenewedAt.Equal(time.Now()) || !now.ExpiresAt.Equal(time.Now().Add(idle)) {
						t.Errorf("at %v the session is %+v; want it moved now", time.Now(), now)
					}
				}
				time.Sleep(idle - 1)
				list, err := a.auth.Sessions(t.Context(), "1")
				if err != nil || len(list) != 1 {
					t.Errorf("shortly before IdleTimeout there are %d sessions, %v; want 1", len(list), err)
				}
				time.Sleep(time.Nanosecond)
				alice.wantNobody("IdleTimeout after the last move")
			})
		})
	}
}

func TestParallelBearerRequestsAtAMove(t *testing.T) {
	t.Parallel()
	bearers(t, "all pass with the one token", nil, func(a *app, _ *people, w *way) {
		alice := a.arrives(w, 1)
		for range 3 {
			time.Sleep(renew)
			if handed := alice.at(50, "GET", "/me"); len(handed) != 0 {
				a.Errorf("requests at once are handed %d tokens; want none", len(handed))
			}
		}
		time.Sleep(idle - 1)
		alice.wantUser("alice", "shortly before IdleTimeout from the last move")
	})
}

// A move that fails costs nobody the session, nor the request.
func TestAMoveThatFails(t *testing.T) {
	t.Parallel()
	for _, w := range []*way{bearerWay, bearerWithKeys} {
		t.Run(w.name, func(t *testing.T) {
			var store *spyStore
			wayBubble(t, w, watched(&store), func(a *app, _ *people) {
				alice := a.arrives(w, 1)
				time.Sleep(renew)
				store.failingSwap.Store(true)
				alice.get("/me").want(http.StatusOK)
				store.failingSwap.Store(false)
				time.Sleep(renew - 1)
				alice.get("/me").want(http.StatusOK) // moves
				time.Sleep(idle - 1)
				alice.wantUser("alice", "shortly before IdleTimeout from the move that succeeded")
			})
		})
	}
}

func TestBearerLifetimes(t *testing.T) {
	t.Parallel()
	bearers(t, "For ends the session to the moment", nil, func(a *app, _ *people, w *way) {
		alice := a.arrives(w, 1, powgin.For(20*time.Minute))
		time.Sleep(20*time.Minute - 1)
		alice.wantUser("alice", "shortly before its end")
		time.Sleep(time.Nanosecond)
		alice.wantNobody("at its end")
	})
	bearers(t, "Remember wakes with the token it slept with", nil, func(a *app, p *people, w *way) {
		a.recent()
		alice := a.arrives(w, 1, powgin.Remember(30*day))
		before := alice.token
		for range 3 {
			p.setPlan("1", "pro "+time.Now().String())
			time.Sleep(9 * day)
			alice.wantPlan(p.row("1").Plan, "after a long sleep")
			alice.get("/recent/hours").want(http.StatusUnauthorized).wantChallenge(`Bearer error="insufficient_user_authentication"`)
		}
		if alice.token != before {
			a.Error("the session has another token; want the one it slept with")
		}
		time.Sleep(3*day - 1)
		alice.wantUser("alice", "shortly before it is forgotten")
		time.Sleep(time.Nanosecond)
		alice.wantNobody("once it is forgotten")
	})
	bearers(t, "Method is told", nil, func(a *app, _ *people, w *way) {
		got := a.arrives(w, 1, powgin.Method("api_key", "totp")).session().Methods
		if len(got) != 2 || got[0] != "api_key" || got[1] != "totp" {
			a.Errorf("Methods = %q; want api_key and totp", got)
		}
	})
}
