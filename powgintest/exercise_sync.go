package powgintest

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/powgin/powgin"
)

func syncShowsAndReplaces(t *proof) {
	c := t.cluster()
	alice, other, bob := c.signIn(left, "alice"), c.signIn(right, "alice"), c.signIn(right, "bob")
	for _, v := range []*visitor{alice, other, bob} {
		v.wantUser(v.get(left + "/who").shows().User.ID) // whoever caches users has them by now
	}
	before, otherToken, bobToken := alice.clone(), other.token(), bob.token()
	c.users.setPlan("pro")
	a := alice.post(left + "/sync").want(http.StatusOK).wantCookie(true)
	if got := a.shows().User.Plan; got != "pro" {
		t.Errorf("the request that called SyncUser shows plan %q; want pro", got)
	}
	alice.wantUser("alice")
	other.wantUser("alice")
	bob.wantUser("bob")
	if alice.token() == before.token() || other.token() != otherToken || bob.token() != bobToken {
		t.Error("SyncUser replaced other tokens than that of its own session")
	}

	// The replaced token is in grace: it sees what is new, and changes nothing.
	before.wantUser("alice")
	before.post(right + "/sync").want(http.StatusOK).wantCookie(false)
	before.post(right + "/sync/nograce").want(http.StatusConflict).wantCookie(false)
	before.post(right + "/revoke/others").want(http.StatusConflict).wantCookie(false)
	alice.wantUser("alice")
	other.wantUser("alice")
	c.wantSessions("alice", 2)
}

func syncKeepsNoArgument(t *proof) {
	c := t.cluster()
	alice, other := c.signIn(left, "alice"), c.signIn(right, "alice")
	if got := alice.post(left + "/sync/forged").shows().User.Plan; got != "free" {
		t.Errorf("SyncUser of a user with a plan of their own makes the plan %q; want the row's", got)
	}
	alice.wantUser("alice")
	other.wantUser("alice")
}

func syncEndsWhatItIsAsked(t *proof) {
	c := t.cluster()
	alice, other, bob := c.signIn(left, "alice"), c.signIn(right, "alice"), c.signIn(right, "bob")
	first := alice.clone()
	alice.post(left + "/sync/others").want(http.StatusOK).wantCookie(true)
	other.wantNobody("the other session, after EndOthers")
	first.wantUser("alice") // in grace
	second := alice.clone()
	alice.post(right + "/sync/nograce").want(http.StatusOK).wantCookie(true)
	second.wantNobody("the replaced token, after Grace(0)")
	first.wantNobody("the token before that, after Grace(0)")
	alice.wantUser("alice")
	bob.wantUser("bob")

	token := alice.token()
	c.users.setPlan("pro")
	alice.post(left + "/sync/keep").want(http.StatusOK).wantCookie(false)
	alice.wantUser("alice")
	if alice.token() != token {
		t.Error("SyncUser with KeepSession was followed by another token")
	}
	c.wantSessions("alice", 1)
}

func announcedElsewhere(t *proof) {
	c := t.cluster()
	alice, other, bob := c.signIn(left, "alice"), c.signIn(right, "alice"), c.signIn(left, "bob")
	user := resident{ID: "alice", Plan: "forged"} // of which only the key counts
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for what, announce := range map[string]func() error{
		"Sync":                  func() error { return c.right.Sync(t.Context(), user) },
		"Sync, hung up on":      func() error { return c.right.Sync(cancelled, user) },
		"Invalidate":            func() error { return c.right.Invalidate(t.Context(), "bob", "alice") },
		"Sync, with Regenerate": func() error { return c.right.Sync(t.Context(), user, powgin.Regenerate()) },
	} {
		alice.wantUser("alice") // as it was: whoever caches users has them by now
		token := alice.token()
		c.users.setPlan(what)
		c.must(what, announce())
		a := alice.get(left + "/who")
		if got := a.shows().User.Plan; got != what {
			t.Errorf("after %s by the other node %s shows plan %q; want %q", what, a.what, got, what)
		}
		if regenerated := what == "Sync, with Regenerate"; (alice.token() != token) != regenerated {
			t.Errorf("after %s the next request gives a new token: %t; want %t", what, !regenerated, regenerated)
		}
		alice.wantUser("alice")
		other.wantUser("alice")
	}
	c.must("Sync, with RevokeSessions", c.right.Sync(t.Context(), user, powgin.RevokeSessions()))
	alice.wantNobody("after RevokeSessions by the other node")
	other.wantNobody("after RevokeSessions")
	bob.wantUser("bob")
}

func neverLessThanAnnounced(t *proof) {
	c := t.cluster()
	c.users.setPlan("0")
	paths := []string{left + "/who", right + "/who", left + "/reload", right + "/reload"}
	visitors := []*visitor{c.signIn(left, "alice"), c.signIn(right, "alice"), c.signIn(left, "alice"), c.signIn(right, "alice")}
	var announced atomic.Int64
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i, path := range paths {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				least := announced.Load()
				a := visitors[i].get(path)
				id, _ := a.read()
				if n, err := strconv.ParseInt(id.User.Plan, 10, 64); err != nil || n < least {
					t.Errorf("%s = %d %s; want a plan of %d at least", a.what, a.Status, a.Body, least)
					return
				}
			}
		})
	}
	for n := range int64(50) {
		c.users.setPlan(strconv.FormatInt(n, 10))
		auth := []*powgin.Auth[resident]{c.left, c.right}[n%2]
		if err := auth.Sync(t.Context(), resident{ID: "alice"}); err != nil {
			t.Errorf("Sync = %v; want nil", err)
			break
		}
		announced.Store(n)
	}
	close(stop)
	readers.Wait()
}

// many is how often a session is synced at once.
const many = 50

func syncAtOnce(t *proof) {
	c := t.cluster()
	alice := c.signIn(left, "alice")
	before := alice.clone()
	c.users.setPlan("pro")
	tabs := make([]*visitor, many) // which begin with the same token
	for i := range tabs {
		tabs[i] = alice.clone()
	}
	answers := make([]answered, many)
	atOnce(many, func(i int) { answers[i] = tabs[i].post([]string{left, right}[i%2] + "/sync") })
	var renewed []*visitor
	for _, a := range answers {
		// A slow store may use up the 2.5 seconds that a request has.
		if a.Status != http.StatusServiceUnavailable {
			a.want(http.StatusOK)
		}
		if a.v.token() != before.token() {
			renewed = append(renewed, a.v)
		}
	}
	if len(renewed) != 1 {
		t.Fatalf("%d of %d SyncUsers with one token give a new one; want 1", len(renewed), many)
	}
	alice = renewed[0]
	alice.wantUser("alice")
	c.wantSessions("alice", 1)

	// One browser, whose later requests may have the token of earlier answers.
	// One that is overtaken by many others is nobody's: of replaced tokens a
	// few are remembered.
	atOnce(many, func(i int) { alice.post([]string{left, right}[i%2] + "/sync") })
	alice.wantUser("alice")
	c.wantSessions("alice", 1)
	alice.post(right + "/sync/nograce").want(http.StatusOK).wantCookie(true)
	before.wantNobody("the token from before")
	alice.wantUser("alice")
}

func reloadSeesNow(t *proof) {
	c := t.cluster()
	alice, other := c.signIn(left, "alice"), c.signIn(right, "alice")
	for i := range 4 {
		alice.get(left + "/who").want(http.StatusOK)
		other.get(right + "/who").want(http.StatusOK)
		plan := "plan " + strconv.Itoa(i)
		c.users.setPlan(plan) // and nobody is told
		for _, a := range []answered{alice.get(left + "/reload"), alice.get(right + "/reload"), other.get(left + "/reload")} {
			if got := a.shows().User.Plan; got != plan {
				t.Errorf("%s shows plan %q; want %q, as the row has it", a.what, got, plan)
			}
		}
	}
}
