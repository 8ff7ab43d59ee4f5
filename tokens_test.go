package powgin_test

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// The times of the Config that newApp gives.
const (
	idle     = 30 * time.Minute
	renew    = 15 * time.Minute
	absolute = 24 * time.Hour
	grace    = 5 * time.Second
)

func TestSessionsEndOnTime(t *testing.T) {
	t.Parallel()
	t.Run("IdleTimeout after the last renewal, to the moment", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			used, idling := a.signIn(1), a.signIn(1)
			time.Sleep(idle - 1)
			used.get("/me").want(http.StatusOK)
			time.Sleep(time.Nanosecond)
			idling.get("/me").want(http.StatusUnauthorized)
			used.get("/me").want(http.StatusOK)
		})
	})
	t.Run("AbsoluteTimeout after sign-in, however busy they are", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			for range int(absolute/(10*time.Minute)) - 1 {
				time.Sleep(10 * time.Minute)
				alice.get("/me").want(http.StatusOK)
			}
			signedIn := alice.session().SignedInAt
			if got, want := alice.session().ExpiresAt, signedIn.Add(absolute); !got.Equal(want) {
				t.Errorf("ExpiresAt = %v; want %v", got, want)
			}
			time.Sleep(time.Until(signedIn.Add(absolute)) - 1)
			alice.get("/me").want(http.StatusOK)
			time.Sleep(time.Nanosecond)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("never while they are used, though reading alone moves nothing", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			first := alice.session()
			time.Sleep(renew - 1)
			if got := alice.session(); !got.ExpiresAt.Equal(first.ExpiresAt) {
				t.Errorf("ExpiresAt moved from %v to %v without a renewal", first.ExpiresAt, got.ExpiresAt)
			}
			for range 60 {
				time.Sleep(renew - 1)
				alice.get("/me").want(http.StatusOK)
			}
		})
	})
}

func TestATokenIsRenewed(t *testing.T) {
	t.Parallel()
	t.Run("at the first request once it is RenewAfter old, and not before", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew - 1)
			alice.get("/me").wantCookie(false)
			time.Sleep(time.Nanosecond)
			alice.get("/me").want(http.StatusOK).wantCookie(true)
			alice.get("/me").want(http.StatusOK).wantCookie(false)
		})
	})
	t.Run("and the session stays the same one", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			first := alice.session()
			hints := map[string]bool{first.Hint: true}
			for i := range 4 {
				time.Sleep(renew)
				at := time.Now()
				handedOut, confirmed := alice.session(), alice.session()
				if !sameInfo(handedOut, confirmed) {
					t.Errorf("the session is %+v with the new token and was %+v before its first use", confirmed, handedOut)
				}
				if hints[confirmed.Hint] {
					t.Errorf("renewal %d kept the hint %s", i+1, confirmed.Hint)
				}
				hints[confirmed.Hint] = true
				if confirmed.ID != first.ID || !confirmed.CreatedAt.Equal(first.CreatedAt) || !confirmed.SignedInAt.Equal(first.SignedInAt) {
					t.Errorf("the session is %+v; want the ID, CreatedAt and SignedInAt of %+v", confirmed, first)
				}
				if !confirmed.RenewedAt.Equal(at) || !confirmed.ExpiresAt.Equal(at.Add(idle)) {
					t.Errorf("renewed at %v: RenewedAt = %v, ExpiresAt = %v", at, confirmed.RenewedAt, confirmed.ExpiresAt)
				}
			}
		})
	})
	t.Run("and a lost response signs nobody out", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			lost := alice.clone().get("/me").sent()
			time.Sleep(grace + renew/2)
			again := alice.clone().get("/me").want(http.StatusOK).sent()
			if lost == "" || again != lost {
				t.Errorf("the token handed out again equals the lost one = %t; want true", again == lost)
			}
			// The renewal moved the idle time, once: using the old token for
			// ever does not keep the session.
			time.Sleep(idle - grace - renew/2 - 1)
			alice.clone().get("/me").want(http.StatusOK)
			time.Sleep(time.Nanosecond)
			alice.clone().get("/me").want(http.StatusUnauthorized)
			a.with(lost).get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("and a successor that has itself grown old is replaced at its first use", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			second := alice.get("/me").sent()
			time.Sleep(renew)
			third := alice.get("/me").want(http.StatusOK).sent()
			if third == "" || third == second {
				t.Fatal("an old successor got none itself")
			}
			alice.get("/me").want(http.StatusOK).wantCookie(false)
			time.Sleep(grace)
			a.with(second).get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK)
		})
	})
}

// sameInfo reports whether two requests were told the same of their session.
func sameInfo(a, b powgin.SessionInfo) bool {
	a.LoadedAt, b.LoadedAt = time.Time{}, time.Time{} // when each one's user was read
	return reflect.DeepEqual(a, b)
}

func TestAReplacedTokenDies(t *testing.T) {
	t.Parallel()
	t.Run("Grace after the first use of its successor, and is reported then", func(t *testing.T) {
		events := &journal{}
		bubble(t, func(cfg *powgin.Config[User]) { cfg.OnEvent = events.on }, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			old := alice.clone()
			alice.get("/me")
			time.Sleep(time.Minute)
			old.clone().get("/me").want(http.StatusOK)
			alice.get("/me").want(http.StatusOK)
			time.Sleep(grace - 1)
			old.clone().get("/me").want(http.StatusOK).wantCookie(false)
			if n := events.times("reuse"); n != 0 {
				t.Errorf("%d reuse events during the grace; want none", n)
			}
			time.Sleep(time.Nanosecond)
			for range 3 {
				if lines := old.get("/me").want(http.StatusUnauthorized).setCookies(); len(lines) != 0 {
					t.Errorf("a dead token is answered with %q; want no Set-Cookie", lines)
				}
			}
			if n := events.times("reuse"); n != 1 {
				t.Errorf("%d reuse events within a minute; want 1", n)
			}
			time.Sleep(time.Minute)
			old.get("/me").want(http.StatusUnauthorized)
			if n := events.times("reuse"); n != 2 {
				t.Errorf("%d reuse events after a minute; want 2", n)
			}
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("with the first use of its successor under NoGrace", func(t *testing.T) {
		bubble(t, func(cfg *powgin.Config[User]) { cfg.Grace = powgin.NoGrace }, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			old := alice.clone()
			alice.get("/me").wantCookie(true)
			old.clone().get("/me").want(http.StatusOK)
			alice.get("/me").want(http.StatusOK)
			old.get("/me").want(http.StatusUnauthorized)
		})
	})
}

func TestParallelRequestsAtARenewal(t *testing.T) {
	t.Parallel()
	t.Run("are all handed the one successor", func(t *testing.T) {
		events := &journal{}
		bubble(t, func(cfg *powgin.Config[User]) { cfg.OnEvent = events.on }, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			successors := map[string]int{}
			for _, r := range alice.all(50, "GET", "/me") {
				successors[r.want(http.StatusOK).sent()]++
			}
			if len(successors) != 1 || successors[""] > 0 {
				t.Errorf("the answers carry %d different cookies, none in %d of 50; want the same in all", len(successors), successors[""])
			}
			if n := events.times("renewed"); n != 1 {
				t.Errorf("%d renewals; want 1", n)
			}
			if n := a.count("1"); n != 1 {
				t.Errorf("alice has %d sessions; want 1", n)
			}
		})
	})
	t.Run("sign nobody out when its successor is in use already", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			for range 8 {
				time.Sleep(renew)
				old := alice.clone()
				alice.get("/me").want(http.StatusOK)
				done := make(chan []*response)
				go func() { done <- old.all(25, "GET", "/me") }()
				wantAll(alice.all(25, "GET", "/me"), http.StatusOK)
				wantAll(<-done, http.StatusOK)
			}
			if n := a.count("1"); n != 1 {
				t.Errorf("alice has %d sessions; want 1", n)
			}
		})
	})
}
