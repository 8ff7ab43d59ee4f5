package sqlstores

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// A site is an app that has its users, their sessions and the cached users in
// one database.
type site struct {
	testing.TB
	db     *gorm.DB
	auth   *powgin.Auth[user]
	router *gin.Engine
	// patience is how long a request may wait for the database.
	patience time.Duration
}

// twoKB is what each session remembers, so that a sign-in takes room.
var twoKB = func() map[string]string {
	m := make(map[string]string)
	for i := range 8 {
		m[strconv.Itoa(i)] = strings.Repeat("x", 256)
	}
	return m
}()

// newSite returns a site with five users, whose IDs are 1 to 5.
func newSite(t testing.TB, d *database) *site {
	t.Helper()
	s := &site{TB: t, db: d.open(t), router: gin.New(), patience: 3 * time.Second}
	must(t, s.db.AutoMigrate(&user{}))
	for id := range 5 {
		must(t, s.db.Create(&user{id + 1, "free"}).Error)
	}
	auth, err := powgin.New(powgin.Config[user]{
		DB: s.db, Store: storeOn(t, s.db),
		OnError:  func(context.Context, error) {}, // many requests are meant to fail
		Metadata: func(*gin.Context) map[string]string { return twoKB },
	})
	must(t, err)
	t.Cleanup(func() { _ = auth.Close() })
	s.auth = auth
	s.router.Use(auth.Session())
	s.router.GET("/who", powgin.Handle(show))
	s.router.GET("/reload", auth.Reload(), powgin.Handle(show))
	s.router.POST("/signin", answers(func(c *powgin.Context[user]) error {
		id, _ := strconv.Atoi(c.PostForm("id"))
		return c.SignIn(user{ID: id})
	}))
	s.router.POST("/sync", auth.RequireUser(), answers(func(c *powgin.Context[user]) error { return c.SyncUser(c.MustUser()) }))
	s.router.POST("/signout", answers((*powgin.Context[user]).SignOut))
	return s
}

// show answers with the user's ID and plan, or with nobody.
func show(c *powgin.Context[user]) {
	u, ok := c.User()
	if !ok {
		c.String(http.StatusOK, "nobody")
		return
	}
	c.String(http.StatusOK, "%d %s", u.ID, u.Plan)
}

func answers(f func(*powgin.Context[user]) error) gin.HandlerFunc {
	return powgin.Handle(func(c *powgin.Context[user]) {
		if err := f(c); err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		show(c)
	})
}

// A visitor is somebody with a browser at the site.
type visitor struct {
	*site
	*powgintest.Browser
	id int // of the user whom they are
}

func (s *site) visitor(id int) *visitor {
	return &visitor{s, powgintest.NewBrowser(s.TB, s.router), id}
}

// signedIn returns a visitor who has signed in, and whom the site has cached.
func (s *site) signedIn(id int) *visitor {
	s.Helper()
	v := s.visitor(id)
	v.works(v.signIn)
	v.works(v.who)
	return v
}

// A request of a visitor's, and the answer to it.
type request func() *answer

type answer struct {
	*powgintest.Response
	what string
	took time.Duration
}

func (v *visitor) timed(what string, send func() *powgintest.Response) *answer {
	began := time.Now()
	r := send()
	return &answer{r, fmt.Sprintf("%s of user %d", what, v.id), time.Since(began)}
}

func (v *visitor) get(path string) *answer {
	return v.timed("GET "+path, func() *powgintest.Response { return v.Get(path) })
}

func (v *visitor) post(path string, fields ...string) *answer {
	return v.timed("POST "+path, func() *powgintest.Response { return v.PostForm(path, fields...) })
}

func (v *visitor) who() *answer     { return v.get("/who") }
func (v *visitor) reload() *answer  { return v.get("/reload") }
func (v *visitor) signIn() *answer  { return v.post("/signin", "id", strconv.Itoa(v.id)) }
func (v *visitor) sync() *answer    { return v.post("/sync") }
func (v *visitor) signOut() *answer { return v.post("/signout") }

// seen is what the visitor is shown of the user who they are.
func (v *visitor) seen(plan string) string { return fmt.Sprintf("%d %s", v.id, plan) }

// works sends a request that must be answered with the visitor's user.
func (v *visitor) works(send request) { v.Helper(); v.shows(send(), v.seen("free")) }

// nobody checks that the visitor is not signed in.
func (v *visitor) nobody() { v.Helper(); v.shows(v.who(), "nobody") }

func (s *site) shows(a *answer, body string) {
	s.Helper()
	if a.Status != http.StatusOK || a.Body != body {
		s.Errorf("%s = %d %.40q; want 200 %.40q", a.what, a.Status, a.Body, body)
	}
}

// refused sends a request of which nobody can tell what should become of it.
func (v *visitor) refused(send request) {
	v.Helper()
	a := send()
	if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
		v.Errorf("%s = %d %.40q, with Retry-After %q; want 503, and when to try again", a.what, a.Status, a.Body, a.Header.Get("Retry-After"))
	}
	if set := a.Header.Values("Set-Cookie"); len(set) > 0 {
		v.Errorf("%s sets %d cookies; want none", a.what, len(set))
	}
	v.inTime(a)
}

func (s *site) inTime(a *answer) {
	s.Helper()
	if a.took > s.patience {
		s.Errorf("%s took %v; want %v at most", a.what, a.took, s.patience)
	}
}

// worksOrRefused sends a request that may get either answer, and no other.
func (v *visitor) worksOrRefused(send request) (worked bool) {
	v.Helper()
	a := send()
	if a.Status == http.StatusServiceUnavailable {
		v.refused(func() *answer { return a })
		return false
	}
	v.works(func() *answer { return a })
	v.inTime(a)
	return true
}

// soonWorks sends a request until it is answered with the visitor's user, which
// it must be within a second.
func (v *visitor) soonWorks(send request) {
	v.Helper()
	for began := time.Now(); !v.worksOrRefused(send); {
		if waited := time.Since(began); waited > time.Second {
			v.Fatalf("user %d is still refused after %v; want a second at most", v.id, waited)
		}
	}
}

// leaves signs the visitor out.
func (v *visitor) leaves() {
	v.Helper()
	v.shows(v.signOut(), "nobody")
	v.nobody()
}

// wantSessions checks how many sessions users have, by their IDs.
func (s *site) wantSessions(counts map[int]int) {
	s.Helper()
	for id, n := range counts {
		list, err := s.auth.Sessions(s.Context(), strconv.Itoa(id))
		if err != nil || len(list) != n {
			s.Errorf("Sessions of user %d = %d of them, %v; want %d", id, len(list), err, n)
		}
	}
}

// atOnce runs functions side by side, and waits for all.
func atOnce(functions ...func()) {
	var wait sync.WaitGroup
	for _, f := range functions {
		wait.Go(f)
	}
	wait.Wait()
}
