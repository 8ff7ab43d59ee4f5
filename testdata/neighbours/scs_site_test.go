package neighbours

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/gin-gonic/gin"
)

// An scsSite keeps the user's key in a session of scs, and reads the user at
// every request. It renews tokens where the documentation of scs says so.
type scsSite struct {
	*site
	sm *scs.SessionManager
}

// newSCSSite returns a function that starts a site; change may alter how
// sessions are kept.
func newSCSSite(change func(sm *scs.SessionManager)) func(t *testing.T) *site {
	return func(t *testing.T) *site {
		s := newSCS(t, change)
		s.wrap()
		s.routes()
		return s.site
	}
}

func newSCS(t *testing.T, change func(sm *scs.SessionManager)) scsSite {
	s := scsSite{newSite(t), scs.New()}
	endSweeper(s.sm)
	store := &fallible{MemStore: memstore.NewWithCleanupInterval(0)}
	s.sm.Store = store
	s.down = func() { store.down.Store(true) }
	s.up = func() { store.down.Store(false) }
	s.stored = func(string) (tokens []string) {
		all, err := store.All()
		if err != nil {
			s.Fatal(err)
		}
		for token := range all {
			tokens = append(tokens, token)
		}
		return tokens
	}
	s.asItComes = func() http.Handler {
		sm := scs.New()
		endSweeper(sm)
		r := gin.New()
		r.POST("/login", scsSite{s.site, sm}.signIn)
		return sm.LoadAndSave(r)
	}
	if change != nil {
		change(s.sm)
	}
	return s
}

// endSweeper ends the goroutine that scs.New has started for a store of its
// own.
func endSweeper(sm *scs.SessionManager) {
	synctest.Wait() // it can be ended only once it runs
	sm.Store.(*memstore.MemStore).StopCleanup()
}

// fallible is a store that fails when told to.
type fallible struct {
	*memstore.MemStore
	down atomic.Bool
}

var errDown = errors.New("the store is down")

func (f *fallible) Find(token string) ([]byte, bool, error) {
	if f.down.Load() {
		return nil, false, errDown
	}
	return f.MemStore.Find(token)
}

func (s scsSite) wrap() {
	router, sm := s.router, s.sm

	sm.Lifetime = 24 * time.Hour
	sm.Cookie.Secure = true
	router.Use(s.currentUser)
	s.handler = sm.LoadAndSave(router) // the server's handler
}

func (s scsSite) routes() {
	s.router.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "welcome") })
	s.router.POST("/login", s.signIn)
	s.router.POST("/logout", s.signOut)
	s.more()
}

// more has the routes that take a current user, whatever found it.
func (s scsSite) more() {
	router, sm := s.router, s.sm
	router.GET("/me", func(c *gin.Context) { c.String(http.StatusOK, userOf(c).Email) })
	router.GET("/plan", requireUser, s.showPlan)
	router.POST("/plan", requireUser, s.changePlan)
	router.GET("/report", requireUser, s.held.hold, s.showPlan)
	router.POST("/slow", requireUser, s.held.hold, s.changePlan)
	router.GET("/profile", requireUser, s.profile)
	router.POST("/sessions/revoke-all", requireUser, s.revokeAll)
	router.POST("/late", func(c *gin.Context) {
		c.String(http.StatusOK, "begun ")
		sm.Put(c.Request.Context(), "seen", true)
	})
	router.POST("/twice", func(c *gin.Context) {
		sm.Put(c.Request.Context(), "n", 1)
		sm.Put(c.Request.Context(), "n", 2)
	})
	router.POST("/slow/basket", s.held.hold, s.fillBasket)
	router.POST("/basket", s.fillBasket)
	router.GET("/basket/:item", func(c *gin.Context) {
		c.String(http.StatusOK, sm.GetString(c.Request.Context(), c.Param("item")))
	})
}

func (s scsSite) fillBasket(c *gin.Context) {
	s.sm.Put(c.Request.Context(), c.PostForm("item"), c.PostForm("text"))
}

func (s scsSite) signIn(c *gin.Context) {
	user, err := s.authenticate(c)
	if err != nil {
		fail(c, err)
		return
	}
	ctx := c.Request.Context()
	if err := s.sm.RenewToken(ctx); err != nil {
		fail(c, err)
		return
	}
	s.sm.Put(ctx, "user_id", keyOf(user))
	c.Redirect(http.StatusSeeOther, "/plan")
}

// currentUser is middleware that reads the user of each request.
func (s scsSite) currentUser(c *gin.Context) {
	id := s.sm.GetString(c.Request.Context(), "user_id")
	if id == "" {
		return
	}
	var user User
	if err := s.db.WithContext(c.Request.Context()).Where("id = ?", id).Limit(1).Find(&user).Error; err != nil {
		fail(c, err)
		return
	}
	if user.ID != 0 {
		c.Set("current_user", user)
	}
}

func (s scsSite) showPlan(c *gin.Context) {
	user := c.MustGet("current_user").(User)
	c.String(http.StatusOK, user.Plan)
}

func (s scsSite) changePlan(c *gin.Context) {
	user := c.MustGet("current_user").(User)
	ctx := c.Request.Context()
	err := s.db.WithContext(ctx).Model(&user).Update("plan", c.PostForm("plan")).Error
	if err == nil {
		err = s.sm.RenewToken(ctx)
	}
	if err != nil {
		fail(c, err)
		return
	}
	s.sm.Put(ctx, "flash", "Your plan is changed.")
	c.Redirect(http.StatusSeeOther, "/plan")
}

func (s scsSite) profile(c *gin.Context) {
	text := userOf(c).Email
	if flash := s.sm.PopString(c.Request.Context(), "flash"); flash != "" {
		text += ": " + flash
	}
	c.String(http.StatusOK, text)
}

func (s scsSite) signOut(c *gin.Context) {
	if err := s.sm.Destroy(c.Request.Context()); err != nil {
		fail(c, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/")
}

// revokeAll ends all sessions of the user: scs looks at everybody's for it.
func (s scsSite) revokeAll(c *gin.Context) {
	id := s.sm.GetString(c.Request.Context(), "user_id")
	err := s.sm.Iterate(c.Request.Context(), func(ctx context.Context) error {
		if s.sm.GetString(ctx, "user_id") == id {
			return s.sm.Destroy(ctx)
		}
		return nil
	})
	if err != nil {
		fail(c, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/")
}
