package powgin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// atMost is a Config with a bound of three sessions.
func atMost(policy powgin.AtMaxSessions) func(*powgin.Config[User]) {
	return func(c *powgin.Config[User]) { c.MaxSessions, c.AtMaxSessions = 3, policy }
}

// live returns how many of the browsers are signed in.
func live(browsers ...*browser) (n int) {
	for _, b := range browsers {
		if b.get("/me").Code == http.StatusOK {
			n++
		}
	}
	return n
}

func TestDenyNeverLocksTheOwnerOut(t *testing.T) {
	t.Parallel()
	month := powgin.Remember(30 * day)
	backed(t, "whose sessions are on devices that were lost", atMost(powgin.Deny), func(a *app) {
		lost := []*browser{a.signInWith(month), a.signInWith(month), a.signInWith(month)}
		time.Sleep(10 * day) // remembered sessions count, asleep or not
		owner := a.browser()
		owner.post("/signin/1").wantProblem(http.StatusTooManyRequests).wantNoCookie()
		owner.get("/me").want(http.StatusUnauthorized)
		owner.signInAgain(powgin.EndOthers()).wantLines(plainLine)
		owner.get("/me").want(http.StatusOK)
		if n := live(lost...); n != 0 {
			t.Errorf("%d lost devices are signed in; want none", n)
		}
		for range 2 {
			a.browser().post("/signin/1").want(http.StatusOK)
		}
	})
	backed(t, "who signs in again where they are", atMost(powgin.Deny), func(a *app) {
		list := []*browser{a.signIn(1), a.signIn(1), a.signIn(1)}
		for _, b := range list {
			b.post("/signin/1").want(http.StatusOK)
		}
		if n := live(list...); n != 3 {
			t.Errorf("%d devices are signed in; want all 3", n)
		}
	})
	backed(t, "by sessions that have ended", atMost(powgin.Deny), func(a *app) {
		a.signInWith(powgin.For(time.Minute))
		a.signInWith(powgin.Remember(time.Minute))
		a.signIn(1)
		owner := a.browser()
		owner.post("/signin/1").want(http.StatusTooManyRequests)
		time.Sleep(time.Minute)
		for range 2 {
			a.browser().post("/signin/1").want(http.StatusOK)
		}
		owner.post("/signin/1").want(http.StatusTooManyRequests)
		time.Sleep(idle - time.Minute)
		owner.post("/signin/1").want(http.StatusOK)
	})
	backed(t, "nor anybody by the sessions of another", atMost(powgin.Deny), func(a *app) {
		for range 3 {
			a.signIn(1)
		}
		a.browser().post("/signin/2").want(http.StatusOK)
	})
}

func TestTheBoundHoldsForSignInsAtOnce(t *testing.T) {
	t.Parallel()
	const n = 12
	backed(t, "under Deny, where three get in", atMost(powgin.Deny), func(a *app) {
		in := 0
		for _, r := range a.browser().all(n, "POST", "/signin/1") {
			if r.Code == http.StatusOK {
				in++
			} else {
				r.wantProblem(http.StatusTooManyRequests).wantNoCookie()
			}
		}
		if in != 3 || a.count("1") != 3 {
			t.Errorf("%d sign-ins succeeded and alice has %d sessions; want 3 and 3", in, a.count("1"))
		}
	})
	backed(t, "under Evict, where all get in and three stay", atMost(powgin.Evict), func(a *app) {
		var browsers []*browser
		for _, r := range a.browser().all(n, "POST", "/signin/1") {
			r.want(http.StatusOK)
			browsers = append(browsers, r.b)
		}
		if got := live(browsers...); got != 3 || a.count("1") != 3 {
			t.Errorf("%d browsers are signed in and alice has %d sessions; want 3 and 3", got, a.count("1"))
		}
	})
}

func TestEvictTakesTheLeastRecentlyRenewed(t *testing.T) {
	t.Parallel()
	month := powgin.Remember(30 * day)
	backed(t, "which is no matter of when it began", atMost(powgin.Evict), func(a *app) {
		oldest, middle := a.signInWith(month), a.signInWith(month)
		time.Sleep(day)
		newest := a.signIn(1)
		oldest.get("/me").want(http.StatusOK).wantCookie(true) // awake again
		oldest.get("/me").want(http.StatusOK)
		a.signIn(1)
		middle.get("/me").want(http.StatusUnauthorized)
		if n := live(oldest, newest); n != 2 {
			t.Errorf("%d of the other two are signed in; want both", n)
		}
	})
	backed(t, "nor of reading, which renews nothing", atMost(powgin.Evict), func(a *app) {
		first := a.signIn(1)
		time.Sleep(time.Minute)
		second, third := a.signIn(1), a.signIn(1)
		time.Sleep(time.Minute)
		first.get("/me").want(http.StatusOK)
		a.signIn(1)
		first.get("/me").want(http.StatusUnauthorized)
		if n := live(second, third); n != 2 {
			t.Errorf("%d of the other two are signed in; want both", n)
		}
	})
	backed(t, "and SyncUser renews", atMost(powgin.Evict), func(a *app) {
		first := a.signIn(1)
		time.Sleep(time.Minute)
		second := a.signIn(1)
		time.Sleep(time.Minute)
		third := a.signIn(1)
		first.post("/plan/pro").want(http.StatusOK)
		a.signIn(1)
		second.get("/me").want(http.StatusUnauthorized)
		if n := live(first, third); n != 2 {
			t.Errorf("%d of the other two are signed in; want both", n)
		}
	})
	backed(t, "and a successor renews, though its answer was lost", atMost(powgin.Evict), func(a *app) {
		first := a.signIn(1)
		time.Sleep(time.Minute)
		second, third := a.signIn(1), a.signIn(1)
		time.Sleep(renew - time.Minute)
		first.clone().get("/me").want(http.StatusOK).wantCookie(true)
		a.signIn(1)
		if n := live(second, third); n != 1 {
			t.Errorf("%d of the other two are signed in; want one, since the first was renewed last", n)
		}
		first.get("/me").want(http.StatusOK)
	})
	backed(t, "and none where one has ended", atMost(powgin.Evict), func(a *app) {
		kept := []*browser{a.signIn(1), a.signIn(1)}
		a.signInWith(powgin.For(time.Minute))
		time.Sleep(time.Minute)
		kept = append(kept, a.signIn(1))
		if n := live(kept...); n != 3 {
			t.Errorf("%d devices are signed in; want 3", n)
		}
	})
	backed(t, "and none of anybody else", atMost(powgin.Evict), func(a *app) {
		bob := a.signIn(2)
		time.Sleep(time.Minute)
		for range 9 {
			a.signIn(1)
		}
		bob.get("/me").want(http.StatusOK)
	})
}
