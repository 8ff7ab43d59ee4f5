package powgin_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"

	"github.com/powgin/powgin"
)

// A way is a transport as a client sees it. What is a promise of all transports
// is tested over each of them, in transports_test.go: another is one more entry
// of ways.
type way struct {
	name   string
	config func(*powgin.Config[User])
	// store makes what the session is kept in that the token travels in; nil for
	// transports that need none.
	store func() sessions.Store
	// show returns the header in which a request carries the token.
	show func(token string) (name, value string)
	// handed returns the token that an answer gives to the client, "" for none.
	handed func(r *response) string
	// stays tells that a token is replaced only where the app asks for it.
	stays bool
}

// ways are the transports there are.
var ways = []*way{
	cookieWay("Cookie", powgin.Cookie{}, "__Host-powgin", false),
	cookieWay("Cookie, insecure", powgin.Cookie{Insecure: true}, "powgin", false),
	cookieWay("Cookie, with Keys", powgin.Cookie{}, "__Host-powgin", true),
	sessionWay("InSession, values at the server", false, func() sessions.Store {
		s := newGinStore()
		s.prefix = "ID"
		return s
	}),
	sessionWay("InSession, values in the cookie, with Keys", true, func() sessions.Store { return cookie.NewStore(signingKeys[0]) }),
	bearerWay,
	bearerWithKeys,
}

var (
	bearerWay      = newBearerWay("Bearer", false)
	bearerWithKeys = newBearerWay("Bearer, with Keys", true)
)

func cookieWay(name string, transport powgin.Cookie, cookie string, keys bool) *way {
	return &way{
		name:   name,
		config: travels(transport, keys),
		show:   func(token string) (string, string) { return "Cookie", cookie + "=" + token },
		handed: func(r *response) string {
			for _, c := range r.Result().Cookies() {
				if c.Name == cookie {
					return c.Value
				}
			}
			return ""
		},
	}
}

// sessionWay is InSession in the session "shop". What the client carries, and
// the stories take for its token, is that session's cookie.
func sessionWay(name string, keys bool, store func() sessions.Store) *way {
	w := cookieWay(name, powgin.Cookie{}, "shop", keys)
	w.config, w.store = travels(powgin.InSession{}, keys), store
	return w
}

// tokenHeader is where the routes of the tests hand bearer tokens out, so that
// their bodies are the same over every transport.
const tokenHeader = "New-Token"

func newBearerWay(name string, keys bool) *way {
	return &way{
		name:   name,
		config: travels(powgin.Bearer{}, keys),
		show:   func(token string) (string, string) { return "Authorization", "Bearer " + token },
		handed: func(r *response) string { return r.Result().Header.Get(tokenHeader) },
		stays:  true,
	}
}

// travels has a Config's tokens travel by this transport, signed or not.
func travels(by powgin.Transport, keys bool) func(*powgin.Config[User]) {
	return func(c *powgin.Config[User]) {
		c.Transport = by
		if keys {
			c.Keys = signingKeys[:1]
		}
	}
}

// A client carries its token as its transport does. It is one goroutine's own;
// others take a clone.
type client struct {
	*app
	way   *way
	token string
}

// client returns one without a token.
func (a *app) client(w *way) *client { return &client{app: a, way: w} }

// shows returns a client that shows this token.
func (c *client) shows(token string) *client { return &client{c.app, c.way, token} }

// clone returns another client with the same token.
func (c *client) clone() *client { return c.shows(c.token) }

func (c *client) get(path string, headers ...string) *response { return c.do("GET", path, headers...) }
func (c *client) post(path string, headers ...string) *response {
	return c.do("POST", path, headers...)
}

// do sends a request with the client's token, and keeps the one of the answer.
func (c *client) do(method, path string, headers ...string) *response {
	c.Helper()
	if c.token != "" {
		name, value := c.way.show(c.token)
		headers = append([]string{name, value}, headers...)
	}
	r := c.browser().do(method, path, headers...)
	if token := c.way.handed(r); token != "" {
		c.token = token
	}
	return r
}

// route adds a route whose handler does h and hands out the token that is due,
// whatever h returns.
func (a *app) route(method, path string, h func(*Context) error) {
	a.handle(method, path, func(c *Context) {
		err := h(c)
		if token := c.Token(); token != "" {
			c.Header(tokenHeader, token)
		}
		answer(c, err)
	})
}

// does has h handle one POST of the client. It returns the answer and what h
// returned. It adds a route, so no other request may arrive meanwhile.
func (c *client) does(h func(*Context) error) (*response, error) {
	path := fmt.Sprintf("/does/%d", len(c.router.Routes()))
	var got error
	c.route("POST", path, func(ctx *Context) error {
		got = h(ctx)
		return got
	})
	return c.post(path), got
}

// signsIn has the client sign in the user with this id.
func (c *client) signsIn(id uint, opts ...powgin.SignInOption) *client {
	c.Helper()
	before := c.token
	if _, err := c.does(func(ctx *Context) error { return ctx.SignIn(person(id), opts...) }); err != nil {
		c.Fatalf("SignIn = %v; want no error", err)
	}
	if c.token == "" || c.token == before {
		c.Fatal("SignIn hands out no new token")
	}
	return c
}

// arrives returns a client in which the user with this id has just signed in.
func (a *app) arrives(w *way, id uint, opts ...powgin.SignInOption) *client {
	a.Helper()
	return a.client(w).signsIn(id, opts...)
}

// syncs has the client sync alice.
func (c *client) syncs(opts ...powgin.SyncOption) (*response, error) {
	c.Helper()
	return c.does(func(ctx *Context) error { return ctx.SyncUser(person(1), opts...) })
}

// synced is syncs for those that are to succeed.
func (c *client) synced(opts ...powgin.SyncOption) *client {
	c.Helper()
	if _, err := c.syncs(opts...); err != nil {
		c.Fatalf("SyncUser = %v; want no error", err)
	}
	return c
}

// wantUser fails the test unless the client is signed in as this user.
func (c *client) wantUser(name, when string) {
	c.Helper()
	if u := c.get("/").want(http.StatusOK).shows(); u == nil || u.Name != name {
		c.Errorf("%s: GET / shows %v; want %s", when, u, name)
	}
	if got := c.get("/me").Code; got != http.StatusOK {
		c.Errorf("%s: GET /me = %d; want 200", when, got)
	}
}

// wantNobody fails the test unless the client is not signed in.
func (c *client) wantNobody(when string) {
	c.Helper()
	if u := c.get("/").want(http.StatusOK).shows(); u != nil {
		c.Errorf("%s: GET / shows %s; want nobody", when, u.Name)
	}
	if got := c.get("/me").Code; got != http.StatusUnauthorized {
		c.Errorf("%s: GET /me = %d; want 401", when, got)
	}
}

// wantPlan fails the test unless the client's user has this plan.
func (c *client) wantPlan(want, when string) {
	c.Helper()
	if u := c.get("/").shows(); u == nil || u.Plan != want {
		c.Errorf("%s: GET / shows %+v; want the plan %s", when, u, want)
	}
}

// session returns the session that the app tells this client of.
func (c *client) session() powgin.SessionInfo {
	c.Helper()
	id := c.get("/me").identity()
	if id.Session == nil {
		c.Fatal("GET /me tells of no session")
	}
	return *id.Session
}

// wayBubble runs a story on an app of this transport whose users are in memory,
// in a bubble of its own.
func wayBubble(t *testing.T, w *way, change func(*powgin.Config[User]), story func(a *app, p *people)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, users := newPeopleApp(t, func(c *powgin.Config[User]) {
			w.config(c)
			if change != nil {
				change(c)
			}
		})
		if w.store != nil {
			a.ahead = sessions.Sessions("shop", w.store())
			a.mount()
		}
		story(a, users)
	})
}

// bearers runs a story over Bearer, with Keys and without.
func bearers(t *testing.T, what string, change func(*powgin.Config[User]), story func(a *app, p *people, w *way)) {
	t.Helper()
	for _, w := range []*way{bearerWay, bearerWithKeys} {
		t.Run(what+", "+w.name, func(t *testing.T) {
			wayBubble(t, w, change, func(a *app, p *people) { story(a, p, w) })
		})
	}
}
