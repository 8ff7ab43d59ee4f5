package powgintest

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

func signInGivesASession(t *proof) {
	c := t.cluster()
	stranger := c.visitor()
	stranger.wantNobody("before anybody signs in")
	alice := c.signIn(left, "alice")
	alice.wantUser("alice")
	alice.get(right + "/member").want(http.StatusOK).wantCookie(false)
	stranger.wantNobody("while somebody else is signed in")
	c.wantSessions("alice", 1)
	c.wantSessions("bob", 0)

	first := alice.clone()
	alice.signIn(right, "alice")
	if alice.token() == first.token() {
		t.Error("a second sign-in of one browser gives the token that it had")
	}
	first.wantNobody("after the browser signed in again")
	alice.wantUser("alice")
	c.wantSessions("alice", 1)

	second := alice.clone()
	alice.signIn(left, "bob")
	second.wantNobody("after the browser signed in as another user")
	alice.wantUser("bob")
	c.wantSessions("alice", 0)
	c.wantSessions("bob", 1)
}

func unknownTokens(t *proof) {
	c, store := t.flaky()
	alice := c.signIn(left, "alice")
	swaps := store.Swaps()
	good := alice.token()
	for what, token := range map[string]string{
		"an empty one":          "",
		"a word":                "x",
		"a truncated one":       good[:len(good)-1],
		"one that is too long":  good + "A",
		"one with another end":  flipped(good, 5),
		"one of another user":   flipped(good, len(good)-10),
		"one of another format": flipped(good, len(good)),
	} {
		forger := c.with(token)
		forger.wantNobody(what)
		forger.post(left + "/signout").want(http.StatusOK)
		forger.post(right + "/sync").want(http.StatusUnauthorized)
	}
	if got := store.Swaps() - swaps; got != 0 {
		t.Errorf("unknown tokens made %d writes to the store; want none", got)
	}
	alice.wantUser("alice")
	c.wantSessions("alice", 1)
}

// flipped returns the token with another character at a place that is counted
// from its end.
func flipped(token string, fromEnd int) string {
	b := []byte(token)
	if i := len(b) - fromEnd; b[i] == 'B' {
		b[i] = 'C'
	} else {
		b[i] = 'B'
	}
	return string(b)
}

func signOutEndsEveryToken(t *proof) {
	c := t.cluster()
	alice, other := c.signIn(left, "alice"), c.signIn(right, "alice")
	replaced := alice.clone()
	alice.post(left + "/sync").want(http.StatusOK).wantCookie(true)
	replaced.wantUser("alice") // in grace
	thief := alice.clone()
	alice.post(right + "/signout").want(http.StatusOK).wantCookie(true)
	if alice.token() != "" {
		t.Error("the browser keeps its cookie after a sign-out")
	}
	thief.wantNobody("the token that was signed out")
	replaced.wantNobody("the token before that, which was in grace")
	other.wantUser("alice")
	c.wantSessions("alice", 1)
	thief.post(left + "/signout").want(http.StatusOK)
	other.wantUser("alice")
	thief = other.clone()
	other.post(left + "/signout").want(http.StatusOK)
	thief.wantNobody("the user's last session, after its sign-out")
	c.wantSessions("alice", 0)
}

func revokedSessionEnds(t *proof) {
	c := t.cluster()
	alice, lost, bob := c.signIn(left, "alice"), c.signIn(right, "alice"), c.signIn(left, "bob")
	id := lost.get(left + "/who").shows().Session.ID
	alice.post(left+"/revoke", "id", bob.get(left+"/who").shows().Session.ID).want(http.StatusNotFound)
	lost.wantUser("alice")
	alice.post(left+"/revoke", "id", id).want(http.StatusOK)
	lost.wantNobody("a revoked session")
	alice.post(right+"/revoke", "id", id).want(http.StatusNotFound)
	c.wantSessions("alice", 1)

	another := c.signIn(right, "alice")
	c.must("Revoke", c.left.Revoke(t.Context(), "alice", another.get(right+"/who").shows().Session.ID))
	another.wantNobody("a session that the other node has revoked")
	alice.wantUser("alice")
	bob.wantUser("bob")
}

func revokeOthers(t *proof) {
	c := t.cluster()
	alice, bob := c.signIn(left, "alice"), c.signIn(right, "bob")
	others := []*visitor{c.signIn(left, "alice"), c.signIn(right, "alice"), c.signIn(right, "alice")}
	alice.post(left + "/revoke/others").want(http.StatusOK)
	for _, other := range others {
		other.wantNobody("one of the others")
	}
	alice.wantUser("alice")
	bob.wantUser("bob")
	c.wantSessions("alice", 1)

	other := c.signIn(left, "alice")
	alice.post(right+"/signin", "user", "alice", "ending", "others").want(http.StatusOK)
	other.wantNobody("one of the others, after a sign-in with EndOthers")
	alice.wantUser("alice")
	c.wantSessions("alice", 1)
}

func revokeUser(t *proof) {
	c := t.cluster()
	one, two, bob := c.signIn(left, "alice"), c.signIn(right, "alice"), c.signIn(right, "bob")
	c.must("RevokeUser", c.left.RevokeUser(t.Context(), "alice"))
	one.wantNobody("a session of a revoked user")
	two.wantNobody("a session of a revoked user")
	bob.wantUser("bob")
	c.must("RevokeUser of somebody without sessions", c.right.RevokeUser(t.Context(), "alice"))
	one.signIn(right, "alice")
	one.wantUser("alice")
}

func revokeEveryone(t *proof) {
	c := t.cluster()
	alice, bob := c.signIn(left, "alice"), c.signIn(right, "bob")
	copied := alice.clone()
	alice.post(right + "/sync").want(http.StatusOK)
	c.must("RevokeAll", c.left.RevokeAll(t.Context(), time.Time{}))
	for _, v := range []*visitor{alice, copied, bob} {
		v.wantNobody("a session from before RevokeAll")
	}
	c.wantSessions("alice", 0)
	alice.signIn(right, "alice")
	alice.wantUser("alice")
	c.must("RevokeAll of what was before", c.right.RevokeAll(t.Context(), time.Unix(1, 0)))
	alice.wantUser("alice")
}

func signInsAtTheSameTime(t *proof) {
	c := t.cluster()
	const n = 20
	visitors := make([]*visitor, n)
	for i := range visitors {
		visitors[i] = c.visitor()
	}
	atOnce(n, func(i int) { visitors[i].post([]string{left, right}[i%2]+"/signin", "user", "alice") })
	for _, v := range visitors {
		v.wantUser("alice")
	}
	c.wantSessions("alice", n)
}

func signInsThatCross(t *proof) {
	c := t.cluster()
	for _, node := range []string{left, right} {
		first, second := c.visitor(), c.visitor()
		c.held(
			func() answered { return first.post(left+"/signin", "user", "alice") },
			func() { second.signIn(node, "alice") },
		).want(http.StatusOK)
		first.wantUser("alice")
		second.wantUser("alice")
	}
	c.wantSessions("alice", 4)
}

func maxSessions(n int, at powgin.AtMaxSessions) func(*residentConfig) {
	return func(cfg *residentConfig) { cfg.MaxSessions, cfg.AtMaxSessions = n, at }
}

func oneSessionTooMany(t *proof) {
	c := t.cluster(maxSessions(2, powgin.Evict))
	bob := c.signIn(left, "bob")
	var all []*visitor
	for i := range 4 {
		all = append(all, c.signIn([]string{left, right}[i%2], "alice"))
		all[i].wantUser("alice")
		c.wantSessions("alice", min(i+1, 2))
	}
	live := 0
	for _, v := range all {
		if v.get(left+"/member").Status == http.StatusOK {
			live++
		}
	}
	if live != 2 {
		t.Errorf("%d of 4 browsers are signed in, with MaxSessions 2", live)
	}
	bob.wantUser("bob")
}

func oneSessionDenied(t *proof) {
	c := t.cluster(maxSessions(2, powgin.Deny))
	one, two, third := c.signIn(left, "alice"), c.signIn(right, "alice"), c.visitor()
	for _, node := range []string{left, right} {
		third.post(node+"/signin", "user", "alice").want(http.StatusTooManyRequests).wantCookie(false)
	}
	third.wantNobody("who was denied a session")
	one.wantUser("alice")
	two.wantUser("alice")
	two.post(left + "/signout").want(http.StatusOK)
	third.signIn(right, "alice")
	two.post(left+"/signin", "user", "alice", "ending", "others").want(http.StatusOK)
	third.wantNobody("one of the others")
	one.wantNobody("one of the others")
	two.wantUser("alice")
}

func sessionKeepsItsName(t *proof) {
	c := t.cluster(func(cfg *residentConfig) {
		cfg.Metadata = func(c *gin.Context) map[string]string { return map[string]string{"path": c.FullPath()} }
	})
	alice := c.signIn(left, "alice")
	first := alice.get(left + "/who").shows().Session
	if first.ID == "" || first.Metadata["path"] != "/signin" {
		t.Errorf("the session is %+v; want one with an ID, and the metadata of its sign-in", first)
	}
	hints := map[string]bool{first.Hint: true}
	for i, node := range []string{right, left, right} {
		if i == 1 {
			c.must("Sync", c.right.Sync(t.Context(), resident{ID: "alice"}, powgin.Regenerate()))
			alice.get(node + "/who").want(http.StatusOK).wantCookie(true)
		} else {
			alice.post(node + "/sync").want(http.StatusOK).wantCookie(true)
		}
		for _, at := range []string{left, right} {
			got := alice.get(at + "/who").shows().Session
			if got.ID != first.ID || !got.CreatedAt.Equal(first.CreatedAt) || got.Metadata["path"] != "/signin" {
				t.Errorf("with another token the session is %+v; want ID, CreatedAt and Metadata as in %+v", got, first)
			}
			hints[got.Hint] = true
		}
	}
	if len(hints) != 4 {
		t.Errorf("4 tokens have %d Hints; want one each", len(hints))
	}
}
