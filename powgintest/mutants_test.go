package powgintest_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A mutant is a site with one mistake, and the assertion that finds it.
type mutant struct {
	name  string
	start func(t testing.TB) *site
	check assertion
	says  []string // what the assertion says of it, in part
}

// broken has a site with powgin do something wrong in its handlers.
func broken(change func(*powginSite)) func(testing.TB) *site {
	return func(t testing.TB) *site { return newPowginSite(t, nil, change) }
}

// configured has a site with powgin promise what its Config does not keep.
func configured(change func(*powgin.Config[member])) func(testing.TB) *site {
	return func(t testing.TB) *site { return newPowginSite(t, change, nil) }
}

// own has a site with sessions of its own make a mistake.
func own(change func(*homemade)) func(testing.TB) *site {
	return func(testing.TB) *site { return newHomemade(change) }
}

func cookieStore(testing.TB) *site { return newCookieStoreSite() }

// syncs is a handler that changes the plan and then calls SyncUser as told.
func syncs(p *powginSite, sync func(c *memberContext) error) gin.HandlerFunc {
	return powgin.Handle(func(c *memberContext) {
		p.write(c)
		done(c, sync(c))
	})
}

var powginMutants = []mutant{
	{"the plan form keeps the session", broken(func(p *powginSite) {
		p.plan = syncs(p, func(c *memberContext) error { return c.SyncUser(c.MustUser(), powgin.KeepSession()) })
	}), planRotates, []string{"no new cookie"}},
	{"the plan form does not sync", broken(func(p *powginSite) {
		p.plan = syncs(p, func(*memberContext) error { return nil })
	}), planRotates, []string{"no new cookie"}},
	{"the plan form syncs the cache alone", broken(func(p *powginSite) {
		p.plan = syncs(p, func(c *memberContext) error { return p.auth.Sync(c.Request.Context(), c.MustUser()) })
	}), planRotates, []string{"no new cookie"}},
	{"the plan form syncs after the body has begun", broken(func(p *powginSite) {
		p.plan = syncs(p, func(c *memberContext) error {
			c.String(http.StatusOK, "changed")
			c.Writer.Flush()
			return c.SyncUser(c.MustUser())
		})
	}), planRotates, []string{"after the body had begun"}},
	{"the plan form signs out", broken(func(p *powginSite) {
		p.plan = syncs(p, func(c *memberContext) error { return c.SignOut() })
	}), planRotates, []string{"after the step the site takes the browser of alice for nobody"}},
	{"the password form ends everybody's sessions", broken(func(p *powginSite) {
		p.password = powgin.Handle(func(c *memberContext) {
			_ = p.auth.RevokeUser(c.Request.Context(), "bob")
			done(c, c.SyncUser(c.MustUser()))
		})
	}), passwordRotates, []string{"takes the browser of bob for nobody"}},
	{"replaced tokens work for longer than promised", configured(func(c *powgin.Config[member]) {
		c.Grace = 30 * time.Second
	}), planRotates, []string{"when App.Grace (5s) has passed"}},
	{"replaced tokens have a grace where none is promised", broken(func(p *powginSite) {
		p.grace = -1
	}), planRotates, []string{"whoever copied the browser's cookies before the step is signed in as alice"}},
	{"the sign-in comes after the body has begun", broken(func(p *powginSite) {
		p.signIn = powgin.Handle(func(c *memberContext) {
			c.String(http.StatusOK, "hello")
			c.Writer.Flush()
			done(c, c.SignIn(member{Name: c.PostForm("name")}))
		})
	}), noFixation, []string{"App.SignIn"}},
	{"the sign-in refuses those who are signed in", broken(func(p *powginSite) {
		signIn, guest := p.signIn, p.auth.RequireGuest()
		p.signIn = func(c *gin.Context) {
			if guest(c); !c.IsAborted() {
				signIn(c)
			}
		}
	}), noFixation, []string{"alice signs in there and is bob afterwards"}},
	{"the sign-out deletes the cookie alone", broken(func(p *powginSite) {
		p.signOut = powgin.Handle(func(c *memberContext) {
			c.SetCookieData(&http.Cookie{Name: "__Host-powgin", Path: "/", MaxAge: -1, Secure: true})
		})
	}), noFixation, []string{"after its sign-out"}},
	{"the sign-out is forgotten", broken(func(p *powginSite) {
		p.signOut = func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/") }
	}), noFixation, []string{"whoever sits down at a browser after its sign-out"}},
	{"the live page is served from the cache", broken(func(p *powginSite) {
		p.guardLive = func(*gin.Context) {}
	}), liveIsFresh, []string{"the page shows \"free\" as before it"}},
	{"the live page may lag by a second", broken(func(p *powginSite) {
		p.guardLive = p.auth.MaxAge(time.Second)
	}), liveIsFresh, []string{"the page shows \"free\" as before it"}},
	{"the profile shows members as they first were", broken(func(p *powginSite) {
		var seen sync.Map
		p.profile = powgin.Handle(func(c *memberContext) {
			plan, _ := seen.LoadOrStore(c.MustUser().Name, c.MustUser().Plan)
			c.String(http.StatusOK, plan.(string))
		})
	}), profileIsRecent, []string{"1m0s after the change"}},
	{"the profile keeps members for as long as somebody asks", broken(func(p *powginSite) {
		var plan string
		var until time.Time
		p.profile = powgin.Handle(func(c *memberContext) {
			if !time.Now().Before(until) {
				plan = c.MustUser().Plan
			}
			until = time.Now().Add(30 * time.Second)
			c.String(http.StatusOK, plan)
		})
	}), profileIsRecent, []string{"1m0s after the change"}},
	{"the plan form syncs before it writes", broken(func(p *powginSite) {
		p.plan = powgin.Handle(func(c *memberContext) {
			err := c.SyncUser(c.MustUser())
			p.write(c)
			done(c, err)
		})
	}), planShowsAtOnce, []string{"0s after the change"}},
	{"the plan form tells nobody", broken(func(p *powginSite) {
		p.plan = syncs(p, func(*memberContext) error { return nil })
	}), planShowsAtOnce, []string{"0s after the change"}},
	{"the cache keeps members for longer than promised", configured(func(c *powgin.Config[member]) {
		c.MaxAge = 2 * time.Minute
	}), profileIsRecent, []string{"1m0s after the change"}},
	{"members with a new plan are signed out", configured(func(c *powgin.Config[member]) {
		c.Active = func(m member) bool { return m.Plan != "overdue" }
	}), profileIsRecent, []string{"takes the browser of alice for nobody"}},
	{"the plan form signs in again", broken(func(p *powginSite) {
		p.plan = syncs(p, func(c *memberContext) error { return c.SignIn(c.MustUser()) })
	}), noRevival, []string{"is signed in as alice once that is answered"}},
	{"a second cookie remembers the member", broken(rememberMember), noFixation, []string{"after its sign-out"}},
}

// rememberMember has the site trust a cookie that holds the member's name.
func rememberMember(p *powginSite) {
	signIn := p.signIn
	p.signIn = func(c *gin.Context) {
		c.SetCookieData(&http.Cookie{Name: "remember", Value: c.PostForm("name"), Path: "/"})
		signIn(c)
	}
	p.me = powgin.Handle(func(c *memberContext) {
		user, _ := c.User()
		if name, err := c.Cookie("remember"); err == nil && p.roll.plan(name) != "" {
			user.Name = name
		}
		c.String(http.StatusOK, user.Name)
	})
}

var otherMutants = []mutant{
	{"a visitor's session is signed in under its own id", own(func(h *homemade) {
		h.visitors, h.keepsID = true, true
	}), noFixation, []string{
		"plants the cookies of an anonymous visit", "session fixation",
		"plants cookies that were signed out", "plants the cookies that a sign-out left",
	}},
	{"the session of the sign-in form is signed in under its own id", own(func(h *homemade) {
		h.atForm = true
	}), noFixation, []string{"plants the cookies of an anonymous visit"}},
	{"a second sign-in of one user keeps the id", own(func(h *homemade) {
		h.keepsOwn = true
	}), noFixation, []string{"after alice has signed in there anew"}},
	{"ids that were never given out are somebody's", own(func(h *homemade) {
		h.guesses = true
	}), noFixation, []string{"an attacker who invents values"}},
	{"an id of no session is taken for one", own(func(h *homemade) {
		h.visitors, h.adopts, h.keepsID = true, true, true
	}), noFixation, []string{"plants cookies with invented values"}},
	{"a signed-in session becomes another user's", own(func(h *homemade) {
		h.keepsID = true
	}), noFixation, []string{"plants the cookies of their own session"}},
	{"a sign-in over another's session leaves that", own(func(h *homemade) {
		h.keepsOther = true
	}), noFixation, []string{"it is alice there"}},
	{"a sign-out deletes the cookie of its own session alone", own(func(h *homemade) {
		h.forgetsOnly = true
	}), noFixation, []string{"has to end the session"}},
	{"a slow request saves the session that was signed out", own(func(h *homemade) {
		h.savesLate = true
	}), noRevival, []string{
		"with them once a request has finished that was under way at its sign-out",
		"whoever copied alice's cookies before bob signed in", "whoever copied alice's cookies before alice signed in",
		"whoever replays cookies of a browser that signed out during a slow request",
		"whoever replays cookies of a browser that signed in anew",
	}},
	{"a slow change makes a new session of one that has ended", own(func(h *homemade) {
		h.mintsDead = true
	}), noRevival, []string{
		"whoever sits down at it has the account", "once that is answered the browser is alice's",
		"whoever copied alice's cookies before bob signed in",
	}},
	{"a slow change brings its session back, unseen by its own browser", own(func(h *homemade) {
		h.revives = true
	}), noRevival, []string{"whoever copied alice's cookies before bob signed in"}},
	{"the new session ends with the old one", own(func(h *homemade) {
		h.endsNew, h.grace = true, 5*time.Second
	}), passwordRotates, []string{"once the old cookies have ended the site takes the browser of alice for nobody"}},
	{"the old id stays after a change of password", own(func(h *homemade) {
		h.keepsOld = true
	}), passwordRotates, []string{"whoever copied the browser's cookies before the step"}},
	{"old ids lead to the new session", own(func(h *homemade) {
		h.follows = true
	}), passwordRotates, []string{"is answered with a new sid"}},
	{"the change sends the old cookie and the new one", own(func(h *homemade) {
		h.sendsBoth = true
	}), passwordRotates, []string{"sets the cookie \"sid\" more than once"}},
	{"gin-contrib's cookies can be sent again after a sign-out", cookieStore, noFixation, []string{"after its sign-out"}},
	{"gin-contrib's cookies can be sent again after a change", cookieStore, passwordRotates, []string{"whoever copied the browser's cookies before the step"}},
	{"a slow request's cookie undoes a sign-out of gin-contrib's", cookieStore, noRevival, []string{"whoever sits down at it has the account"}},
	{"gin-contrib's cookies keep the plan of the sign-in", cookieStore, profileIsRecent, []string{"1m0s after the change"}},
}

func TestEveryMutantIsFound(t *testing.T) {
	t.Parallel()
	for _, m := range append(powginMutants, otherMutants...) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := record(t, func(t testing.TB) { m.check(t, m.start(t)) })
				if !r.Failed() {
					t.Fatal("the assertion finds nothing; want a failure")
				}
				for _, part := range m.says {
					if !strings.Contains(r.text(), part) {
						t.Errorf("the assertion says:\n%s\nwant %q in it", r.text(), part)
					}
				}
			})
		})
	}
}
