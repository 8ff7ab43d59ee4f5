package powgintest_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// member is the user of the sample sites.
type member struct{ Name, Plan string }

// memberContext is what their handlers get.
type memberContext = powgin.Context[member]

// roll keeps the members in memory, as a Config.Users.
type roll struct {
	mu   sync.Mutex
	rows map[string]member // guarded by mu
}

func newRoll() *roll {
	return &roll{rows: map[string]member{"alice": {"alice", "free"}, "bob": {"bob", "free"}}}
}

func (r *roll) Key(m member) string { return m.Name }

func (r *roll) Find(_ context.Context, key string) (member, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m, found := r.rows[key]
	return m, found, nil
}

// plan returns a member's plan as it is now.
func (r *roll) plan(name string) string {
	m, _, _ := r.Find(context.Background(), name) // it never fails
	return m.Plan
}

// setPlan changes a row; a site is not told.
func (r *roll) setPlan(name, plan string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[name] = member{name, plan}
}

// A site is a sample app: GET /me says who one is, /live and /profile show the
// plan, now and at most a minute old, and forms are posted to /signin, /signout,
// /plan and /password.
type site struct {
	*roll
	handler http.Handler
	grace   time.Duration // for App.Grace
}

// app describes the site for an assertion.
func (s *site) app() powgintest.App {
	return powgintest.App{
		Handler: s.handler,
		Users:   [2]string{"alice", "bob"},
		SignIn: func(b *powgintest.Browser, user string) {
			b.Get("/signin")
			b.PostForm("/signin", "name", user)
		},
		SignOut: func(b *powgintest.Browser) { b.PostForm("/signout") },
		WhoAmI:  func(b *powgintest.Browser) string { return b.Get("/me").Body },
		Change:  changePlan,
		Grace:   s.grace,
	}
}

func changePlan(b *powgintest.Browser)     { b.PostForm("/plan", "plan", "pro") }
func changePassword(b *powgintest.Browser) { b.PostForm("/password", "password", "sesame") }

// An assertion is one that is held against the sample sites.
type assertion func(t testing.TB, s *site)

func noFixation(t testing.TB, s *site)      { powgintest.AssertNoFixation(t, s.app()) }
func planRotates(t testing.TB, s *site)     { powgintest.AssertRotates(t, s.app(), changePlan) }
func passwordRotates(t testing.TB, s *site) { powgintest.AssertRotates(t, s.app(), changePassword) }
func liveIsFresh(t testing.TB, s *site)     { s.staleAtMost(t, 0, "/live") }
func profileIsRecent(t testing.TB, s *site) { s.staleAtMost(t, time.Minute, "/profile") }

// planShowsAtOnce changes the plan by the site's own form, in another browser.
func planShowsAtOnce(t testing.TB, s *site) {
	app := s.app()
	elsewhere := powgintest.NewBrowser(t, s.handler)
	app.SignIn(elsewhere, "alice")
	powgintest.AssertStaleAtMost(t, app, 0,
		func() { app.Change(elsewhere) },
		func(b *powgintest.Browser) string { return b.Get("/profile").Body })
}

func noRevival(t testing.TB, s *site) { powgintest.AssertNoRevival(t, s.app()) }

func (s *site) staleAtMost(t testing.TB, limit time.Duration, path string) {
	t.Helper()
	powgintest.AssertStaleAtMost(t, s.app(), limit,
		func() { s.setPlan("alice", "overdue") },
		func(b *powgintest.Browser) string { return b.Get(path).Body })
}

// allAssertions are those that a whole site passes.
var allAssertions = map[string]assertion{
	"AssertNoFixation":                      noFixation,
	"AssertRotates, of the plan":            planRotates,
	"AssertRotates, of the password":        passwordRotates,
	"AssertStaleAtMost 0, of /live":         liveIsFresh,
	"AssertStaleAtMost a minute, /profile":  profileIsRecent,
	"AssertStaleAtMost 0, of the plan form": planShowsAtOnce,
	"AssertNoRevival":                       noRevival,
	"AssertNoRevival, of a password change": passwordNoRevival,
}

func passwordNoRevival(t testing.TB, s *site) {
	app := s.app()
	app.Change = changePassword
	powgintest.AssertNoRevival(t, app)
}

// A powginSite is a site with powgin, and its parts, which a test may replace.
type powginSite struct {
	*roll
	config                  powgin.Config[member]
	auth                    *powgin.Auth[member]
	me, live, profile       gin.HandlerFunc
	signIn, signOut         gin.HandlerFunc
	plan, password          gin.HandlerFunc
	guardLive, guardProfile gin.HandlerFunc
	grace                   time.Duration
}

// newPowginSite starts a site; change may replace its parts, after auth has
// been made of the Config, which changeConfig may alter.
func newPowginSite(t testing.TB, changeConfig func(*powgin.Config[member]), change func(*powginSite)) *site {
	t.Helper()
	p := &powginSite{roll: newRoll()}
	p.config = powgin.Config[member]{Users: p.roll}
	if changeConfig != nil {
		changeConfig(&p.config)
	}
	p.auth = powgin.Must(powgin.New(p.config))
	t.Cleanup(func() { _ = p.auth.Close() })
	p.whole()
	if change != nil {
		change(p)
	}
	return &site{p.roll, p.router(), p.grace}
}

// whole gives the site its parts as they ought to be.
func (p *powginSite) whole() {
	p.me = powgin.Handle(showName)
	p.live, p.profile = powgin.Handle(showPlan), powgin.Handle(showPlan)
	p.guardLive = p.auth.Reload()
	p.guardProfile = func(*gin.Context) {}
	p.signIn = powgin.Handle(func(c *memberContext) { done(c, c.SignIn(member{Name: c.PostForm("name")})) })
	p.signOut = powgin.Handle(func(c *memberContext) { done(c, c.SignOut()) })
	p.plan = powgin.Handle(func(c *memberContext) {
		p.write(c)
		done(c, c.SyncUser(c.MustUser()))
	})
	p.password = powgin.Handle(func(c *memberContext) {
		_ = c.PostForm("password")
		done(c, c.SyncUser(c.MustUser(), powgin.Grace(0), powgin.EndOthers()))
	})
}

func (p *powginSite) router() http.Handler {
	r := gin.New()
	r.Use(p.auth.Session())
	r.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "welcome") })
	r.GET("/me", p.me)
	r.GET("/live", p.guardLive, p.auth.RequireUser(), p.live)
	r.GET("/profile", p.guardProfile, p.auth.RequireUser(), p.profile)
	r.GET("/signin", func(c *gin.Context) { c.String(http.StatusOK, "your name?") })
	r.POST("/signin", p.signIn)
	r.POST("/signout", p.signOut)
	r.POST("/plan", p.auth.RequireUser(), p.plan)
	r.POST("/password", p.auth.RequireUser(), p.password)
	return r
}

// write stores the plan that the form asks for.
func (p *powginSite) write(c *memberContext) {
	p.setPlan(c.MustUser().Name, c.PostForm("plan"))
}

func showName(c *memberContext) {
	user, _ := c.User()
	c.String(http.StatusOK, user.Name)
}

func showPlan(c *memberContext) { c.String(http.StatusOK, c.MustUser().Plan) }

func done(c *memberContext, err error) {
	switch {
	case errors.Is(err, powgin.ErrHeadersWritten):
		// the answer is under way
	case err != nil:
		powgin.Abort(c.Context, err)
	default:
		c.Redirect(http.StatusSeeOther, "/me")
	}
}
