package nodes

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// User is somebody with an account. Each change of theirs has the next value.
type User struct {
	Name  string
	Value int
}

// table is where all nodes have their users from.
type table struct {
	mu   sync.Mutex
	rows map[string]int // guarded by mu
	held func(User)     // guarded by mu; is called with what was read, nil for nothing
}

// Key implements [powgin.Users].
func (*table) Key(u User) string { return u.Name }

// Find implements [powgin.Users].
func (t *table) Find(_ context.Context, key string) (User, bool, error) {
	t.mu.Lock()
	value, found := t.rows[key]
	held := t.held
	t.mu.Unlock()
	u := User{key, value}
	if held != nil {
		held(u)
	}
	return u, found, nil
}

// hold has f called in each Find from now on, when the row has been read.
func (t *table) hold(f func(User)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held = f
}

// add makes a user with the value 0.
func (t *table) add(name string) User {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[name] = 0
	return User{Name: name}
}

func (t *table) value(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rows[name]
}

// change gives the user the next value.
func (t *table) change(name string) User {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[name]++
	return User{name, t.rows[name]}
}

// A site is an app on several nodes.
type site struct {
	testing.TB
	users *table
	nodes []*node
}

// A node is what a process would be: it shares nothing with the others but the
// store's server and the table.
type node struct {
	auth    *powgin.Auth[User]
	handler http.Handler
}

// newSite returns a site with a node for each store.
func newSite(t testing.TB, stores ...cache.Store) *site {
	t.Helper()
	s := &site{TB: t, users: &table{rows: make(map[string]int)}}
	for _, store := range stores {
		auth, err := powgin.New(powgin.Config[User]{Users: s.users, Store: store})
		must(t, "powgin.New", err)
		t.Cleanup(func() { _ = auth.Close() })
		router := gin.New()
		router.Use(auth.Session())
		s.routes(router, auth)
		s.nodes = append(s.nodes, &node{auth, router})
	}
	return s
}

// routes are those of each node. A client reads an answer's value in its body.
func (s *site) routes(r *gin.Engine, auth *powgin.Auth[User]) {
	show := func(c *powgin.Context[User], u User, err error) {
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.String(http.StatusOK, "%s %d", u.Name, u.Value)
	}
	r.POST("/signin/:name", powgin.Handle(func(c *powgin.Context[User]) {
		u, _, _ := s.users.Find(c, c.Param("name"))
		show(c, u, c.SignIn(u))
	}))
	in := r.Group("", auth.RequireUser())
	in.GET("/me", powgin.Handle(func(c *powgin.Context[User]) { show(c, c.MustUser(), nil) }))
	in.POST("/change", powgin.Handle(func(c *powgin.Context[User]) {
		u := s.users.change(c.MustUser().Name)
		show(c, u, c.SyncUser(u))
	}))
	in.POST("/signout", powgin.Handle(func(c *powgin.Context[User]) {
		u := c.MustUser()
		show(c, u, c.SignOut())
	}))
	in.POST("/revoke/:id", powgin.Handle(func(c *powgin.Context[User]) { show(c, c.MustUser(), c.Revoke(c.Param("id"))) }))
	in.POST("/revokeothers", powgin.Handle(func(c *powgin.Context[User]) { show(c, c.MustUser(), c.RevokeOthers()) }))
}

// A client is a browser of one user's, whose requests go to any node. It is for
// one goroutine.
type client struct {
	*site
	name   string
	cookie string // the value, "" for none
}

// client returns one that is signed in, at the node.
func (s *site) client(n *node, name string) *client {
	s.Helper()
	c := &client{site: s, name: name}
	c.signIn(n)
	return c
}

func (c *client) signIn(n *node) {
	c.Helper()
	if a := c.post(n, "/signin/"+c.name); a.status != http.StatusOK {
		c.Fatalf("POST /signin of %s = %d; want 200", c.name, a.status)
	}
}

// An answer is what a node said: with the status 200 also whom it took for the
// client's user, and the value that it showed.
type answer struct {
	status int
	name   string
	value  int
}

func (a answer) String() string { return fmt.Sprintf("%d %s %d", a.status, a.name, a.value) }

const cookieName = "__Host-powgin"

func (c *client) me(n *node) answer                { return c.do(n, http.MethodGet, "/me") }
func (c *client) post(n *node, path string) answer { return c.do(n, http.MethodPost, path) }

func (c *client) do(n *node, method, path string) answer {
	r := httptest.NewRequest(method, "https://example.com"+path, nil)
	if c.cookie != "" {
		r.AddCookie(&http.Cookie{Name: cookieName, Value: c.cookie})
	}
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, r)
	response := w.Result()
	defer response.Body.Close()
	for _, got := range response.Cookies() {
		if got.Name == cookieName {
			c.cookie = got.Value
		}
	}
	body, _ := io.ReadAll(response.Body)
	a := answer{status: response.StatusCode}
	if a.status != http.StatusOK {
		return a
	}
	var value string
	a.name, value, _ = strings.Cut(string(body), " ")
	a.value, _ = strconv.Atoi(value)
	if a.name != c.name {
		c.Errorf("%s %s of %s shows %q: somebody else", method, path, c.name, body)
	}
	return a
}

// wantMe fails the test where the node shows anything else.
func (c *client) wantMe(n *node, status, value int, when string) {
	c.Helper()
	if a := c.me(n); a.status != status || a.value != value {
		c.Errorf("%s GET /me of %s = %v; want %d with the value %d", when, c.name, a, status, value)
	}
}
