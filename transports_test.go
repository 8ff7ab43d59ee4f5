package powgin_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// A promise is what powgin says of sessions whatever their tokens travel by.
type promise struct {
	what   string
	change func(*powgin.Config[User])
	story  func(a *app, p *people, w *way)
}

func TestEveryTransport(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range promises {
				t.Run(p.what, func(t *testing.T) {
					wayBubble(t, w, p.change, func(a *app, users *people) { p.story(a, users, w) })
				})
			}
		})
	}
}

var promises = []promise{
	{"a sign-in shows its user, here and nowhere else", nil, signInShows},
	{"a sign-in ends the session that the request carried", nil, signInReplaces},
	{"a token that nobody has is nobody's", nil, unknownTokens},
	{"a sign-out ends the session for whoever has its token", nil, signOutEnds},
	{"a session is revoked by its id", nil, revokedByID},
	{"the other sessions are revoked", nil, othersRevoked},
	{"all sessions of a user are revoked", nil, userRevoked},
	{"RevokeAll ends everyone's", nil, allRevoked},
	{"SyncUser shows the new row in all sessions", nil, syncShows},
	{"SyncUser with Rotate replaces the token", nil, syncRotates},
	{"parallel SyncUser signs nobody out", nil, parallelSyncs},
	{"a deleted user is signed out", nil, deletedUser},
	{"users out of reach are 503, and nobody is signed out", nil, usersFail},
	{"idle sessions end to the moment", nil, idleEnds},
	{"busy sessions end to the moment", nil, absoluteEnds},
	{"RequireRecentSignIn counts from SignIn", nil, recentCounts},
	{"beyond MaxSessions the least recently used ends", atMost(powgin.Evict), evicts},
	{"tenants are apart", func(c *powgin.Config[User]) {
		c.Users, c.Tenant = tenants{c.Users.(*people)}, tenantOf
	}, tenantsApart},
}

func signInShows(a *app, _ *people, w *way) {
	alice := a.client(w)
	alice.wantNobody("before the sign-in")
	alice.signsIn(1).wantUser("alice", "after the sign-in")
	bob := a.arrives(w, 2)
	bob.wantUser("bob", "after another's sign-in")
	alice.wantUser("alice", "after another's sign-in")
	a.client(w).wantNobody("without a token")
	if s := alice.session(); !s.Current || !s.SignedInAt.Equal(time.Now()) {
		a.Errorf("the session is %+v; want the current one, signed in now", s)
	}
}

func signInReplaces(a *app, _ *people, w *way) {
	client := a.arrives(w, 1)
	stolen := client.clone()
	client.signsIn(2).wantUser("bob", "after the second sign-in")
	stolen.wantNobody("with the token of the first sign-in")
	if n := a.count("1"); n != 0 {
		a.Errorf("alice has %d sessions; want none", n)
	}
}

func unknownTokens(a *app, _ *people, w *way) {
	alice := a.arrives(w, 1)
	token := alice.token
	for what, text := range map[string]string{
		"an account that does not exist": madeUp(), "another secret": otherSecret(token), "a cut token": token[:len(token)-1],
		"a longer token": token + "A", "the token twice": token + token, "a word": "junk", "an id": alice.session().ID,
		"another version": "AA" + token[2:], "a NUL": "\x00", "another case": strings.ToLower(token),
	} {
		alice.shows(text).wantNobody(what)
	}
	alice.wantUser("alice", "after all of them")
}

func signOutEnds(a *app, _ *people, w *way) {
	alice, phone := a.arrives(w, 1), a.arrives(w, 1)
	stolen := alice.clone()
	alice.post("/signout").want(http.StatusOK)
	stolen.wantNobody("after the sign-out")
	phone.wantUser("alice", "with another session")
	alice.signsIn(1).wantUser("alice", "after another sign-in")
	stolen.wantNobody("after another sign-in")
}

func revokedByID(a *app, _ *people, w *way) {
	laptop, phone, bob := a.arrives(w, 1), a.arrives(w, 1), a.arrives(w, 2)
	laptop.post("/revoke/" + bob.session().ID).want(http.StatusNotFound)
	bob.wantUser("bob", "after alice tried")
	laptop.post("/revoke/" + phone.session().ID).want(http.StatusOK)
	phone.wantNobody("after being revoked")
	laptop.wantUser("alice", "after revoking another session")
	own := laptop.session().ID
	if err := a.auth.Revoke(context.Background(), "1", own); err != nil {
		a.Errorf("Auth.Revoke = %v; want no error", err)
	}
	laptop.wantNobody("after Auth.Revoke")
}

func othersRevoked(a *app, _ *people, w *way) {
	laptop, phone, tablet, bob := a.arrives(w, 1), a.arrives(w, 1), a.arrives(w, 1), a.arrives(w, 2)
	laptop.post("/revoke-others").want(http.StatusOK)
	phone.wantNobody("after RevokeOthers")
	tablet.wantNobody("after RevokeOthers")
	laptop.wantUser("alice", "after RevokeOthers")
	bob.wantUser("bob", "after alice's RevokeOthers")
}

func userRevoked(a *app, _ *people, w *way) {
	for what, revoke := range map[string]func() error{
		"RevokeUser":               func() error { return a.auth.RevokeUser(context.Background(), "1") },
		"Sync with RevokeSessions": func() error { return a.auth.Sync(context.Background(), person(1), powgin.RevokeSessions()) },
	} {
		laptop, phone, bob := a.arrives(w, 1), a.arrives(w, 1), a.arrives(w, 2)
		if err := revoke(); err != nil {
			a.Errorf("%s = %v; want no error", what, err)
		}
		laptop.wantNobody("after " + what)
		phone.wantNobody("after " + what)
		bob.wantUser("bob", "after "+what+" of alice")
	}
}

func allRevoked(a *app, _ *people, w *way) {
	alice, bob := a.arrives(w, 1), a.arrives(w, 2)
	time.Sleep(time.Minute)
	a.revokeAll(time.Time{})
	alice.wantNobody("after RevokeAll")
	bob.wantNobody("after RevokeAll")
	time.Sleep(time.Nanosecond)
	a.arrives(w, 1).wantUser("alice", "after another sign-in")
}

func syncShows(a *app, p *people, w *way) {
	laptop, phone := a.arrives(w, 1), a.arrives(w, 1)
	laptop.wantPlan("free", "at first")
	phone.wantPlan("free", "at first")
	p.setPlan("1", "pro")
	phone.wantPlan("free", "before the sync")
	r, err := laptop.syncs()
	if u := r.shows(); err != nil || u == nil || u.Plan != "pro" {
		a.Errorf("SyncUser = %v, and shows %+v; want the plan pro", err, u)
	}
	laptop.wantPlan("pro", "after the sync")
	phone.wantPlan("pro", "after the sync")
	if got := w.handed(r) == ""; got != w.stays {
		a.Errorf("SyncUser leaves the token as it is = %t; want %t", got, w.stays)
	}
	if _, err := laptop.does(func(c *Context) error { return c.SyncUser(person(2)) }); err == nil {
		a.Error("SyncUser of another user is no error")
	}
}

func syncRotates(a *app, p *people, w *way) {
	alice := a.arrives(w, 1)
	old := alice.clone()
	p.setPlan("1", "pro")
	alice.synced(powgin.Rotate())
	if alice.token == old.token {
		a.Fatal("SyncUser with Rotate hands out no new token")
	}
	alice.wantPlan("pro", "with the new token")
	time.Sleep(grace - 1)
	old.clone().wantPlan("pro", "in grace")
	time.Sleep(time.Nanosecond)
	old.wantNobody("after the grace")
	stolen := alice.clone()
	alice.synced(powgin.Rotate(), powgin.Grace(0))
	stolen.wantNobody("after Grace(0)")
	alice.wantUser("alice", "after Grace(0)")
	if n := a.count("1"); n != 1 {
		a.Errorf("alice has %d sessions; want 1", n)
	}
}

// at sends n requests at once from clones of the client, and returns the
// different tokens that they are handed.
func (c *client) at(n int, method, path string) (handed []string) {
	c.Helper()
	clones := make([]*client, n)
	codes := make([]int, n)
	var wg sync.WaitGroup
	for i := range clones {
		clones[i] = c.clone()
		wg.Go(func() { codes[i] = clones[i].do(method, path).Code })
	}
	wg.Wait()
	seen := map[string]bool{c.token: true}
	for i, d := range clones {
		if codes[i] != http.StatusOK {
			c.Errorf("%s %s at once = %d; want 200", method, path, codes[i])
		}
		if !seen[d.token] {
			handed = append(handed, d.token)
		}
		seen[d.token] = true
	}
	return handed
}

func parallelSyncs(a *app, _ *people, w *way) {
	a.route("POST", "/sync", func(c *Context) error { return c.SyncUser(person(1)) })
	a.route("POST", "/rotate", func(c *Context) error { return c.SyncUser(person(1), powgin.Rotate()) })
	alice := a.arrives(w, 1)
	for path, tokens := range map[string]int{"/sync": 1, "/rotate": 1} {
		if w.stays && path == "/sync" {
			tokens = 0
		}
		handed := alice.at(20, "POST", path)
		if len(handed) != tokens {
			a.Fatalf("20 times POST %s at once hand out %d tokens; want %d", path, len(handed), tokens)
		}
		if tokens == 1 {
			alice.token = handed[0]
		}
		time.Sleep(grace)
		alice.wantUser("alice", "after POST "+path+" at once")
	}
	if n := a.count("1"); n != 1 {
		a.Errorf("alice has %d sessions; want 1", n)
	}
}

func deletedUser(a *app, p *people, w *way) {
	laptop, phone, bob := a.arrives(w, 1), a.arrives(w, 1), a.arrives(w, 2)
	p.change("1", nil)
	stolen := laptop.clone()
	if r, err := laptop.syncs(); r.Code != http.StatusForbidden || w.handed(r) != "" {
		a.Errorf("SyncUser of a deleted user = %v, answered with %d; want 403 and no token", err, r.Code)
	}
	stolen.wantNobody("after the deletion")
	phone.wantNobody("with another session")
	bob.wantUser("bob", "after alice's deletion")
	if _, err := phone.does(func(c *Context) error { return c.SignIn(person(1)) }); err == nil {
		a.Error("SignIn of a deleted user is no error")
	}
}

func usersFail(a *app, p *people, w *way) {
	alice, phone := a.arrives(w, 1), a.arrives(w, 1)
	for _, wait := range []time.Duration{0, renew} {
		time.Sleep(wait)
		before := alice.token
		p.fail(true)
		alice.get("/reload").wantProblem(http.StatusServiceUnavailable)
		if r, err := a.client(w).does(func(c *Context) error { return c.SignIn(person(1)) }); r.Code != http.StatusServiceUnavailable || w.handed(r) != "" {
			a.Errorf("SignIn = %v, answered with %d; want 503 and no token", err, r.Code)
		}
		if alice.token != before {
			a.Errorf("an answer with 503 hands out a token")
		}
		p.fail(false)
		alice.wantUser("alice", "once users can be read again")
		phone.wantUser("alice", "once users can be read again")
	}
}

func idleEnds(a *app, _ *people, w *way) {
	used, idling := a.arrives(w, 1), a.arrives(w, 1)
	time.Sleep(idle - 1)
	used.get("/me").want(http.StatusOK)
	time.Sleep(time.Nanosecond)
	idling.wantNobody("after IdleTimeout")
	time.Sleep(idle - 2)
	used.wantUser("alice", "shortly before IdleTimeout from the last move")
	time.Sleep(idle)
	used.wantNobody("after IdleTimeout from the last move")
}

func absoluteEnds(a *app, _ *people, w *way) {
	alice := a.arrives(w, 1)
	for range int(absolute/(10*time.Minute)) - 1 {
		time.Sleep(10 * time.Minute)
		alice.get("/me").want(http.StatusOK)
	}
	time.Sleep(10*time.Minute - 1)
	alice.wantUser("alice", "shortly before AbsoluteTimeout")
	time.Sleep(time.Nanosecond)
	alice.wantNobody("after AbsoluteTimeout")
}

func recentCounts(a *app, _ *people, w *way) {
	a.recent()
	alice := a.arrives(w, 1)
	time.Sleep(renew)
	alice.get("/me").want(http.StatusOK)
	alice.get("/me").want(http.StatusOK)
	alice.synced(powgin.Rotate())
	time.Sleep(recently - renew)
	alice.get("/recent").want(http.StatusOK)
	time.Sleep(time.Nanosecond)
	alice.get("/recent").wantProblem(http.StatusUnauthorized)
	alice.wantUser("alice", "where a recent sign-in is not needed")
	alice.signsIn(1).get("/recent").want(http.StatusOK)
}

func evicts(a *app, _ *people, w *way) {
	list := make([]*client, 4)
	for i := range list {
		list[i] = a.arrives(w, 1)
		time.Sleep(time.Second)
	}
	list[0].wantNobody("beyond MaxSessions")
	for _, c := range list[1:] {
		c.wantUser("alice", "within MaxSessions")
	}
	time.Sleep(renew)
	list[1].get("/me").want(http.StatusOK)
	list[1].get("/me").want(http.StatusOK)
	a.arrives(w, 1)
	list[1].wantUser("alice", "as the one that was renewed last")
	list[2].wantNobody("as the one that was not renewed for longest")
}

func tenantsApart(a *app, _ *people, w *way) {
	a.mount(tenantByHeader)
	a.route("POST", "/in", func(c *Context) error { return c.SignIn(person(1)) })
	red := a.client(w)
	red.post("/in", "Tenant", "red").want(http.StatusOK)
	if u := red.get("/me", "Tenant", "red").identity().User; u == nil || u.Name != "alice of red" {
		a.Errorf("red's user is %+v; want red's alice", u)
	}
	for _, tenant := range []string{"blue", ""} {
		red.clone().get("/me", "Tenant", tenant).want(http.StatusUnauthorized)
		if w.store == nil { // a sign-out ends what is mounted, whoever put it there
			red.clone().post("/signout", "Tenant", tenant).want(http.StatusOK)
		}
	}
	red.get("/me", "Tenant", "red").want(http.StatusOK)
}
