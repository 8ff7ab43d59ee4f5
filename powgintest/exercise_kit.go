package powgintest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// A proof finds out whether a promise is kept over a store.
type proof struct {
	testing.TB
	store cache.Store
}

func newProof(t testing.TB, store cache.Store) *proof { return &proof{t, store} }

// newNamespace returns a Namespace that was never used before.
func newNamespace() string { return "powgintest-" + rand.Text() }

// The nodes of a cluster, as the first part of a path.
const (
	left  = "/left"
	right = "/right"
)

// A cluster is one site on two nodes, which have a store and users in common
// and nothing else.
type cluster struct {
	*proof
	namespace   string
	users       *residents
	left, right *powgin.Auth[resident]
	site        *http.ServeMux
}

type residentConfig = powgin.Config[resident]

// cluster starts a site over the proof's store. change may alter its Config.
func (t *proof) cluster(change ...func(*residentConfig)) *cluster {
	t.Helper()
	return t.clusterOver(t.store, change...)
}

// flaky starts a site over a store that can be told to fail.
func (t *proof) flaky() (*cluster, *FlakyStore) {
	t.Helper()
	store := NewFlakyStore(t.store)
	return t.clusterOver(store), store
}

func (t *proof) clusterOver(store cache.Store, change ...func(*residentConfig)) *cluster {
	t.Helper()
	quietGin()
	c := &cluster{proof: t, namespace: newNamespace(), users: newResidents(), site: http.NewServeMux()}
	cfg := residentConfig{
		Users: c.users, Store: store, Namespace: c.namespace,
		Active:  func(u resident) bool { return !u.Locked },
		OnError: func(context.Context, error) {}, // many requests are meant to fail
		// So that what is left behind is not left for long.
		AbsoluteTimeout: time.Hour,
		// So that no test is too slow for a token in grace.
		Grace: time.Minute,
	}
	for _, f := range change {
		f(&cfg)
	}
	c.left, c.right = c.node(left, cfg), c.node(right, cfg)
	return c
}

func (c *cluster) node(path string, cfg residentConfig) *powgin.Auth[resident] {
	c.Helper()
	auth := newAuth(c, cfg)
	router := gin.New()
	router.Use(auth.Session())
	residentRoutes(router, auth)
	c.site.Handle(path+"/", http.StripPrefix(path, router))
	return auth
}

func newAuth[U any](t testing.TB, cfg powgin.Config[U]) *powgin.Auth[U] {
	t.Helper()
	auth, err := powgin.New(cfg)
	if err != nil {
		t.Fatalf("New = %v", err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	return auth
}

// residentContext is what the site's handlers get.
type residentContext = powgin.Context[resident]

func residentRoutes(r *gin.Engine, auth *powgin.Auth[resident]) {
	r.GET("/who", powgin.Handle(showIdentity))
	r.GET("/reload", auth.Reload(), powgin.Handle(showIdentity))
	r.GET("/member", auth.RequireUser(), powgin.Handle(showIdentity))
	r.POST("/signin", does(func(c *residentContext) error {
		if c.PostForm("ending") == "others" {
			return c.SignIn(resident{ID: c.PostForm("user")}, powgin.EndOthers())
		}
		return c.SignIn(resident{ID: c.PostForm("user")})
	}))
	r.POST("/signout", does((*residentContext).SignOut))
	r.POST("/sync", auth.RequireUser(), does(func(c *residentContext) error { return c.SyncUser(c.MustUser()) }))
	r.POST("/sync/others", auth.RequireUser(), does(func(c *residentContext) error {
		return c.SyncUser(c.MustUser(), powgin.EndOthers())
	}))
	r.POST("/sync/nograce", auth.RequireUser(), does(func(c *residentContext) error {
		return c.SyncUser(c.MustUser(), powgin.Grace(0))
	}))
	r.POST("/sync/keep", auth.RequireUser(), does(func(c *residentContext) error {
		return c.SyncUser(c.MustUser(), powgin.KeepSession())
	}))
	r.POST("/sync/forged", auth.RequireUser(), does(func(c *residentContext) error {
		u := c.MustUser()
		u.Plan = "forged"
		return c.SyncUser(u)
	}))
	r.POST("/revoke", auth.RequireUser(), does(func(c *residentContext) error { return c.Revoke(c.PostForm("id")) }))
	r.POST("/revoke/others", auth.RequireUser(), does((*residentContext).RevokeOthers))
}

// identity is what the site tells of the user and the session of a request.
type identity struct {
	User    resident           // the zero one for nobody
	Session powgin.SessionInfo // the zero one for none
}

func showIdentity(c *residentContext) {
	var id identity
	id.User, _ = c.User()
	id.Session, _ = c.Session()
	c.JSON(http.StatusOK, id)
}

// does handles a request by f, and answers with who it is from then on, or as
// f's error is due.
func does(f func(*residentContext) error) gin.HandlerFunc {
	return powgin.Handle(func(c *residentContext) {
		if err := f(c); err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		showIdentity(c)
	})
}

// wantSessions checks that a user has n live sessions, whichever node is asked.
func (c *cluster) wantSessions(key string, n int) {
	c.Helper()
	for node, auth := range map[string]*powgin.Auth[resident]{left: c.left, right: c.right} {
		list, err := auth.Sessions(c.Context(), key)
		if err != nil || len(list) != n {
			c.Errorf("Sessions(%q) on the node %s = %d of them, %v; want %d, nil", key, node, len(list), err, n)
		}
	}
}

// must fails the proof where something is an error that has to work.
func (c *cluster) must(what string, err error) {
	c.Helper()
	if err != nil {
		c.Fatalf("%s = %v; want nil", what, err)
	}
}

// read returns what an answer says, and false where it is no answer of the
// site's. It may be called on every goroutine.
func (r *Response) read() (id identity, ok bool) {
	ok = r.Status == http.StatusOK && json.Unmarshal([]byte(r.Body), &id) == nil
	return id, ok
}

// setsCookie reports whether the answer sets a cookie or deletes one.
func (r *Response) setsCookie() bool { return len(r.Header.Values("Set-Cookie")) > 0 }

// cookieName is the name of the site's cookie.
func (c *cluster) cookieName() string { return "__Host-powgin-" + c.namespace }
