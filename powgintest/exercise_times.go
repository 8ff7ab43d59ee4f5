package powgintest

import (
	"net/http"
	"time"

	"github.com/powgin/powgin"
)

// The promises here count on the Config of a cluster: sessions end after 30
// minutes without use, and an hour after their sign-in; tokens are renewed after
// 15 minutes.

// instant is the least time that there is.
const instant = time.Nanosecond

func idleEnds(t *proof) {
	c := t.cluster()
	alice, other, bob := c.signIn(left, "alice"), c.signIn(left, "alice"), c.signIn(right, "bob")
	time.Sleep(30*time.Minute - instant)
	alice.get(right + "/member").want(http.StatusOK).wantCookie(true)
	c.wantSessions("bob", 1)
	time.Sleep(instant)
	bob.wantNobody("a session that was idle for 30 minutes")
	c.wantSessions("bob", 0)
	other.wantNobody("a session that was idle while another of its user was not")
	alice.wantUser("alice")
	c.wantSessions("alice", 1)
}

func absoluteEnds(t *proof) {
	c := t.cluster()
	alice := c.signIn(left, "alice")
	for i := range 6 {
		wait := 10 * time.Minute
		if i == 5 {
			wait -= instant // that much before the end
		}
		time.Sleep(wait)
		alice.wantUser("alice")
	}
	time.Sleep(instant)
	alice.wantNobody("a session an hour after its sign-in")
	c.wantSessions("alice", 0)
}

func renewedWhenDue(t *proof) {
	c := t.cluster(withGrace(5 * time.Second))
	alice := c.signIn(left, "alice")
	time.Sleep(15*time.Minute - instant)
	alice.get(right + "/member").want(http.StatusOK).wantCookie(false)
	time.Sleep(instant)
	first, tab := alice.token(), alice.clone()
	tab.get(left + "/member").want(http.StatusOK).wantCookie(true)
	alice.get(right + "/member").want(http.StatusOK).wantCookie(true)
	if alice.token() != tab.token() || alice.token() == first {
		t.Error("two requests with a token that is due get two tokens, or the one they have; want one that is new")
	}
	time.Sleep(time.Minute)
	c.with(first).wantUser("alice") // until the new token is used
	alice.get(left + "/member").want(http.StatusOK).wantCookie(false)
	time.Sleep(5*time.Second - instant)
	c.with(first).wantUser("alice") // and for Grace
	time.Sleep(instant)
	c.with(first).wantNobody("a renewed token after its grace")
	alice.wantUser("alice")
	c.wantSessions("alice", 1)
}

func withGrace(d time.Duration) func(*residentConfig) {
	return func(cfg *residentConfig) { cfg.Grace = d }
}

func graceEnds(t *proof) {
	c := t.cluster(withGrace(5 * time.Second))
	alice := c.signIn(left, "alice")
	before := alice.clone()
	alice.post(right + "/sync").want(http.StatusOK).wantCookie(true)
	time.Sleep(5*time.Second - instant)
	before.wantUser("alice")
	time.Sleep(instant)
	before.wantNobody("a replaced token after its grace")
	alice.wantUser("alice")
}

func unannouncedShows(t *proof) {
	c := t.cluster()
	alice := c.signIn(left, "alice")
	alice.wantUser("alice")
	c.users.setPlan("pro") // and nobody is told
	time.Sleep(time.Minute + instant)
	alice.wantUser("alice")
}

func leastRecentlyRenewed(t *proof) {
	c := t.cluster(maxSessions(2, powgin.Evict))
	first := c.signIn(left, "alice")
	time.Sleep(time.Second)
	second := c.signIn(right, "alice")
	time.Sleep(time.Second)
	first.post(right + "/sync").want(http.StatusOK).wantCookie(true)
	time.Sleep(time.Second)
	third := c.signIn(left, "alice")
	second.wantNobody("the session that was renewed least recently")
	first.wantUser("alice")
	third.wantUser("alice")
}

func hangingStore(t *proof) {
	c, store := t.flaky()
	alice := c.signIn(left, "alice")
	store.Hang(true)
	for _, send := range []func() answered{
		func() answered { return alice.get(left + "/member") },
		func() answered { return alice.get(right + "/reload") },
		func() answered { return alice.post(left + "/signout") },
		func() answered { return c.visitor().post(right+"/signin", "user", "alice") },
	} {
		begun := time.Now()
		a := send().want(http.StatusServiceUnavailable).wantCookie(false)
		if took := time.Since(begun); took > 2500*time.Millisecond {
			t.Errorf("%s took %v with a store that hangs; want 2.5s at most", a.what, took)
		}
	}
	store.Heal()
	alice.wantUser("alice")
	c.wantSessions("alice", 1)
}
