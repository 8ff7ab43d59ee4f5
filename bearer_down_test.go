package powgin_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// under is a Config with this policy.
func under(policy powgin.DownPolicy) func(*powgin.Config[User]) {
	return func(c *powgin.Config[User]) { c.WhenDown = policy }
}

// overAge is longer than a cached user is served by itself.
const overAge = 2 * time.Minute

func TestBearerWhenUsersAreOutOfReach(t *testing.T) {
	t.Parallel()
	bearers(t, "Unavailable", nil, func(a *app, p *people, w *way) {
		alice := a.arrives(w, 1)
		time.Sleep(renew)
		p.fail(true)
		for _, path := range []string{"/", "/me", "/guest"} {
			alice.get(path).wantProblem(http.StatusServiceUnavailable).wantNoCookie().wantChallenge("")
		}
		p.fail(false)
		alice.wantUser("alice", "afterwards")
	})
	bearers(t, "Anonymous", under(powgin.Anonymous), func(a *app, p *people, w *way) {
		alice := a.arrives(w, 1)
		time.Sleep(renew)
		p.fail(true)
		if u := alice.get("/").want(http.StatusOK).wantNoStore().wantNoCookie().shows(); u != nil {
			a.Errorf("GET / shows %s; want nobody", u.Name)
		}
		for _, path := range []string{"/me", "/guest", "/reload"} {
			alice.get(path).wantProblem(http.StatusServiceUnavailable).wantNoCookie().wantChallenge("")
		}
		if r, err := alice.does(func(c *Context) error { return c.SignIn(person(2)) }); w.handed(r) != "" {
			a.Errorf("SignIn of who cannot be told = %v and hands out a token; want none", err)
		}
		alice.post("/signout").wantProblem(http.StatusServiceUnavailable)
		a.client(w).get("/me").wantProblem(http.StatusUnauthorized).wantChallenge("Bearer")
		p.fail(false)
		alice.wantUser("alice", "afterwards")
	})
	bearers(t, "ServeStale", under(powgin.ServeStale(mostStale)), func(a *app, p *people, w *way) {
		alice := a.arrives(w, 1)
		alice.wantUser("alice", "at first") // from here on she is cached
		p.setPlan("1", "pro")
		time.Sleep(overAge)
		p.fail(true)
		if u := alice.get("/me").want(http.StatusOK).wantNoStore().wantNoCookie().shows(); u == nil || u.Plan != "free" {
			a.Errorf("GET /me shows %+v; want the old copy", u)
		}
		alice.get("/reload").wantProblem(http.StatusServiceUnavailable).wantChallenge("")
		alice.shows("junk").get("/me").wantProblem(http.StatusUnauthorized)
		p.fail(false)
		alice.wantPlan("pro", "afterwards")
	})
}

// With the store down nobody can tell, and whose token it is counts again later.
func TestBearerWhenTheStoreIsDown(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		policy powgin.DownPolicy
		status int // of GET /
	}{
		"Unavailable": {powgin.Unavailable, http.StatusServiceUnavailable},
		"Anonymous":   {powgin.Anonymous, http.StatusOK},
		"ServeStale":  {powgin.ServeStale(mostStale), http.StatusServiceUnavailable},
	} {
		t.Run(what, func(t *testing.T) {
			store := newSpyStore()
			wayBubble(t, bearerWithKeys, func(c *powgin.Config[User]) { c.Store, c.WhenDown = store, tt.policy }, func(a *app, _ *people) {
				alice := a.arrives(bearerWithKeys, 1)
				alice.wantUser("alice", "at first")
				store.failLoads.Store(true)
				store.failingSwap.Store(true)
				if r := alice.get("/").want(tt.status); r.shows() != nil {
					t.Errorf("GET / shows %v; want nobody", r.shows())
				}
				alice.get("/me").wantProblem(http.StatusServiceUnavailable).wantChallenge("")
				alice.shows(madeUp()).get("/me").wantProblem(http.StatusUnauthorized) // it is signed by nobody
				store.failLoads.Store(false)
				store.failingSwap.Store(false)
				time.Sleep(time.Minute)
				alice.wantUser("alice", "afterwards")
			})
		})
	}
}

// Nothing that an app is told holds a token, nor what one could be guessed from.
func TestNothingThatIsToldHoldsABearerToken(t *testing.T) {
	t.Parallel()
	for what, outside := range map[string]bool{"with a store in the process": false, "with a store outside of it": true} {
		t.Run(what, func(t *testing.T) {
			l := newTelltale()
			wayBubble(t, bearerWithKeys, func(c *powgin.Config[User]) {
				var store cache.Store = cache.NewMemory(0)
				if outside {
					store = &storyStore{Store: store}
				}
				l.config(store)(c)
				c.MaxSessions = 3
			}, func(a *app, p *people) {
				l.explains(t, a)
				l.bearerLife(a, p)
				l.want(t)
				for _, name := range []string{"signed_in", "signed_out", "synced", "revoked", "evicted", "expired", "reuse", "duplicate_cookie"} {
					if !l.names[name] {
						t.Errorf("the story has no %s event", name)
					}
				}
			})
		})
	}
}

// bearerLife has happen to programs what there are events of.
func (l *telltale) bearerLife(a *app, p *people) {
	look := func(c *client) {
		l.note(c.token)
		c.get("/explained")
		c.get("/me")
	}
	var list []*client
	for range 5 { // two of them evict
		time.Sleep(time.Second)
		list = append(list, a.arrives(bearerWithKeys, 1))
		look(list[len(list)-1])
	}
	alice, phone := list[4], list[3]
	for range 5 {
		before := alice.clone()
		alice.synced(powgin.Rotate())
		look(alice)
		look(before) // in grace
		time.Sleep(renew)
		look(alice)
		look(before) // reuse
	}
	a.asks("/explained", []string{"Bearer " + alice.token, "Bearer " + phone.token})
	for _, fail := range []func(context.Context, string) error{
		func(context.Context, string) error { return errDown },
		func(context.Context, string) error { panic(alice.token) },
	} {
		p.onFind(fail)
		alice.get("/reload").want(http.StatusServiceUnavailable)
		_, _ = alice.syncs(powgin.Rotate())
		look(alice)
		p.onFind(nil)
		look(alice)
	}
	a.arrives(bearerWithKeys, 1)
	alice.post("/revoke-others").want(http.StatusOK)
	alice.post("/signout").want(http.StatusOK)
	a.arrives(bearerWithKeys, 1)
	time.Sleep(idle)
	look(a.arrives(bearerWithKeys, 1))
}

// note has the token looked for.
func (l *telltale) note(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens[token] = true
}
