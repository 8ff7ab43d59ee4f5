package powgintest

import (
	"errors"
	"net/http"

	"github.com/powgin/powgin"
)

func goneIsSignedOut(t *proof) {
	for what, lose := range map[string]func(*residents){
		"deleted":    func(r *residents) { r.remove("alice") },
		"not active": func(r *residents) { r.put(resident{ID: "alice", Locked: true}) },
	} {
		c := t.cluster()
		alice, other, bob := c.signIn(left, "alice"), c.signIn(right, "alice"), c.signIn(left, "bob")
		before := alice.clone()
		lose(c.users)
		alice.get(right + "/reload").want(http.StatusOK).wantCookie(true)
		if alice.token() != "" {
			t.Errorf("the browser of a user who is %s keeps its cookie", what)
		}
		other.wantNobody("another session of a user who is " + what)
		other.post(left+"/signin", "user", "alice").want(http.StatusForbidden).wantCookie(false)
		bob.wantUser("bob")
		c.wantSessions("alice", 0)

		c.users.setPlan("free")
		before.wantNobody("a session that was ended, with its user back")
		other.wantNobody("a session that was ended, with its user back")
		alice.signIn(left, "alice")
		alice.wantUser("alice")
	}
}

func usersOutOfReach(t *proof) {
	c := t.cluster()
	alice, bob, stranger := c.signIn(left, "alice"), c.signIn(right, "bob"), c.visitor()
	c.users.outOfReach(true)
	for _, node := range []string{left, right} {
		alice.get(node + "/reload").want(http.StatusServiceUnavailable).wantCookie(false)
		bob.post(node+"/signin", "user", "alice").want(http.StatusServiceUnavailable).wantCookie(false)
		stranger.post(node+"/signin", "user", "alice").want(http.StatusServiceUnavailable).wantCookie(false)
		stranger.wantNobody("with the users out of reach")
		// A user who is cached is served, and one who is not cannot be told.
		if a := bob.get(node + "/member").wantCookie(false); a.Status != http.StatusServiceUnavailable {
			a.want(http.StatusOK)
		}
	}
	alice.post(left + "/sync").want(http.StatusServiceUnavailable)
	alice.get(left + "/member").want(http.StatusServiceUnavailable).wantCookie(false)
	c.users.outOfReach(false)
	alice.wantUser("alice")
	bob.wantUser("bob")
	c.wantSessions("alice", 1)
	c.wantSessions("bob", 1)
}

func storeOutOfReach(t *proof) {
	c, store := t.flaky()
	alice, bob, stranger := c.signIn(left, "alice"), c.signIn(right, "bob"), c.visitor()
	store.Down(true)
	for _, node := range []string{left, right} {
		for _, a := range []answered{
			alice.get(node + "/who"), alice.get(node + "/member"), alice.get(node + "/reload"),
			alice.post(node + "/signout"), alice.post(node + "/sync"), alice.post(node+"/signin", "user", "bob"),
			stranger.post(node+"/signin", "user", "alice"),
		} {
			a.want(http.StatusServiceUnavailable).wantCookie(false)
		}
		stranger.wantNobody("with the store out of reach")
	}
	_, list := c.left.Sessions(t.Context(), "alice")
	for what, err := range map[string]error{
		"Sync":       c.left.Sync(t.Context(), resident{ID: "alice"}),
		"RevokeUser": c.right.RevokeUser(t.Context(), "alice"),
		"Sessions":   list,
	} {
		if !errors.Is(err, powgin.ErrUnavailable) {
			t.Errorf("%s with the store out of reach = %v; want an ErrUnavailable", what, err)
		}
	}
	store.Heal()
	alice.wantUser("alice")
	bob.wantUser("bob")
	c.wantSessions("alice", 1)
	c.wantSessions("bob", 1)
}

func lostAnswers(t *proof) {
	for lost := 1; lost <= 2; lost++ {
		c, store := t.flaky()
		losing := func(request func() answered) answered {
			store.LoseAnswers(lost)
			defer store.Heal()
			return request()
		}
		alice, other := c.visitor(), c.visitor()
		for _, v := range []*visitor{alice, other} { // the first sign-in of all writes more
			losing(func() answered { return v.post(left+"/signin", "user", "alice") }).want(http.StatusOK).wantCookie(true)
			v.wantUser("alice")
		}
		c.wantSessions("alice", 2)

		before := alice.clone()
		c.users.setPlan("pro")
		losing(func() answered { return alice.post(right + "/sync") }).want(http.StatusOK).wantCookie(true)
		alice.wantUser("alice")
		other.wantUser("alice")
		losing(func() answered { return alice.post(left + "/sync/nograce") }).want(http.StatusOK).wantCookie(true)
		before.wantNobody("a token that Grace(0) has ended")
		alice.wantUser("alice")
		c.wantSessions("alice", 2)

		losing(func() answered { return other.post(left + "/revoke/others") }).want(http.StatusOK)
		alice.wantNobody("a revoked session")
		after := other.clone()
		losing(func() answered { return other.post(left + "/signout") }).want(http.StatusOK)
		after.wantNobody("a session that was signed out")
		c.wantSessions("alice", 0)
	}
}

// mostCalls is more than any request makes to the store.
const mostCalls = 10

func answerTellsTheTruth(t *proof) {
	c, store := t.flaky()
	for n := 1; n <= mostCalls; n++ {
		failing := func(request func() answered) (ok bool) {
			store.FailCall(n)
			a := request()
			store.Heal()
			if a.Status != http.StatusServiceUnavailable {
				a.want(http.StatusOK)
			}
			return a.Status == http.StatusOK
		}
		alice := c.visitor()
		if !failing(func() answered { return alice.post(left+"/signin", "user", "alice") }) {
			alice.wantNobody("after a sign-in that failed")
			alice.signIn(left, "alice")
		}
		alice.wantUser("alice")

		c.users.setPlan("pro")
		before := alice.clone()
		if failing(func() answered { return alice.post(right + "/sync/nograce") }) {
			before.wantNobody("a token that Grace(0) has ended")
		} else {
			alice.post(right + "/sync/nograce").want(http.StatusOK)
		}
		alice.wantUser("alice")

		before = alice.clone()
		if failing(func() answered { return alice.post(left + "/signout") }) {
			before.wantNobody("after a sign-out")
		} else {
			before.wantUser("alice")
			alice.post(left + "/signout").want(http.StatusOK)
		}
		c.wantSessions("alice", 0)
	}
}

// nothingRevives ends a session while one of its requests is under way, which
// has seen it alive, would renew it, and writes last.
func nothingRevives(t *proof) {
	c := t.cluster()
	for name, send := range map[string]func(*visitor) answered{
		"a renewal":   func(v *visitor) answered { return v.get(left + "/who") },
		"a SyncUser":  func(v *visitor) answered { return v.post(left + "/sync") },
		"a reload":    func(v *visitor) answered { return v.get(left + "/reload") },
		"its sign-in": func(v *visitor) answered { return v.post(left+"/signin", "user", "bob") },
	} {
		alice := c.signIn(left, "alice")
		c.must("Sync", c.right.Sync(t.Context(), resident{ID: "alice"}, powgin.Regenerate()))
		slow := alice.clone()
		seen := alice.clone()
		c.held(func() answered { return send(slow) }, func() { alice.post(right + "/signout").want(http.StatusOK) })
		seen.wantNobody("a session that was signed out during " + name)
		c.wantSessions("alice", 0)
		if slow.get(right+"/who").shows().User.ID == "alice" {
			t.Errorf("%s that was under way brings back a session that was signed out", name)
		}
	}
	for range 4 {
		renewalsBesideASignOut(t)
	}
}

func renewalsBesideASignOut(t *proof) {
	c := t.cluster()
	alice := c.signIn(left, "alice")
	tabs := []*visitor{alice.clone(), alice.clone(), alice.clone(), alice.clone(), alice}
	c.must("Sync", c.left.Sync(t.Context(), resident{ID: "alice"}, powgin.Regenerate()))
	atOnce(len(tabs), func(i int) {
		if tabs[i] == alice {
			alice.post(right + "/signout")
		} else {
			tabs[i].get([]string{left, right}[i%2] + "/who")
		}
	})
	for _, tab := range tabs {
		tab.wantNobody("after renewals beside a sign-out")
	}
	c.wantSessions("alice", 0)
}
