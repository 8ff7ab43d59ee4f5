package neighbours

import (
	"net/http"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	gormsessions "github.com/gin-contrib/sessions/gorm"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
)

// A ginSite keeps the user's key in a session of gin-contrib/sessions, and
// reads the user at every request.
type ginSite struct{ *site }

// newGinSite returns a function that starts a site whose sessions are in such
// a store.
func newGinSite(kind string) func(t *testing.T) *site {
	return func(t *testing.T) *site {
		s := ginSite{newSite(t)}
		s.asItComes = func() http.Handler { return s.withoutOptions(s.newStore(kind)) }
		s.useStore(s.newStore(kind))
		s.routes()
		return s.site
	}
}

func (s ginSite) newStore(kind string) sessions.Store {
	switch kind {
	case "cookie":
		return cookie.NewStore(signingKey)
	case "memstore":
		return memstore.NewStore(signingKey)
	default:
		s.down = func() { s.sql("ALTER TABLE sessions RENAME TO away") }
		s.up = func() { s.sql("ALTER TABLE away RENAME TO sessions") }
		s.stored = func(string) (ids []string) {
			s.db.Table("sessions").Pluck("id", &ids)
			return ids
		}
		// With true it starts a goroutine that nothing ends.
		return gormsessions.NewStore(s.db, false, signingKey)
	}
}

func (s ginSite) useStore(store sessions.Store) {
	router := s.router

	store.Options(sessions.Options{
		Path: "/", MaxAge: 24 * 60 * 60,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	router.Use(sessions.Sessions("app", store), s.currentUser)
	s.handler = router
}

func (s ginSite) routes() {
	s.router.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "welcome") })
	s.router.POST("/login", s.signIn)
	s.router.POST("/logout", s.signOut)
	s.more()
}

// more has the routes that take a current user, whatever found it.
func (s ginSite) more() {
	router := s.router
	router.GET("/me", func(c *gin.Context) { c.String(http.StatusOK, userOf(c).Email) })

	router.GET("/plan", requireUser, s.showPlan)
	router.POST("/plan", requireUser, s.changePlan)

	router.GET("/report", requireUser, s.held.hold, s.showPlan)
	router.POST("/slow", requireUser, s.held.hold, s.changePlan)
	router.GET("/profile", requireUser, s.profile)
	router.POST("/late", func(c *gin.Context) {
		c.String(http.StatusOK, "begun ")
		session := sessions.Default(c)
		session.Set("seen", true)
		c.String(http.StatusOK, "%v", session.Save())
	})
	router.POST("/twice", func(c *gin.Context) {
		for n := range 2 {
			session := sessions.Default(c)
			session.Set("n", n)
			if err := session.Save(); err != nil {
				fail(c, err)
			}
		}
	})
	router.POST("/slow/basket", func(c *gin.Context) {
		sessions.Default(c).Get("loads it")
	}, s.held.hold, s.fillBasket)
	router.POST("/basket", s.fillBasket)
	router.GET("/basket/:item", func(c *gin.Context) {
		text, _ := sessions.Default(c).Get(c.Param("item")).(string)
		c.String(http.StatusOK, text)
	})
}

func (s ginSite) fillBasket(c *gin.Context) {
	session := sessions.Default(c)
	session.Set(c.PostForm("item"), c.PostForm("text"))
	if err := session.Save(); err != nil {
		fail(c, err)
	}
}

func (s ginSite) withoutOptions(store sessions.Store) http.Handler {
	r := gin.New()
	r.Use(sessions.Sessions("app", store))
	r.POST("/login", s.signIn)
	return r
}

func (s ginSite) signIn(c *gin.Context) {
	user, err := s.authenticate(c)
	if err != nil {
		fail(c, err)
		return
	}
	session := sessions.Default(c)
	session.Clear()
	session.Set("user_id", user.ID)
	if err := session.Save(); err != nil {
		fail(c, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/plan")
}

// currentUser is middleware that reads the user of each request.
func (s ginSite) currentUser(c *gin.Context) {
	id, ok := sessions.Default(c).Get("user_id").(uint)
	if !ok {
		return
	}
	var user User
	if err := s.db.WithContext(c.Request.Context()).Limit(1).Find(&user, id).Error; err != nil {
		fail(c, err)
		return
	}
	if user.ID != 0 {
		c.Set("current_user", user)
	}
}

func requireUser(c *gin.Context) {
	if _, ok := c.Get("current_user"); !ok {
		c.Redirect(http.StatusSeeOther, "/login")
		c.Abort()
	}
}

// userOf returns the current user, with zero fields for nobody.
func userOf(c *gin.Context) User {
	user, _ := c.Get("current_user")
	u, _ := user.(User)
	return u
}

func (s ginSite) showPlan(c *gin.Context) {
	user := c.MustGet("current_user").(User)
	c.String(http.StatusOK, user.Plan)
}

func (s ginSite) changePlan(c *gin.Context) {
	user := c.MustGet("current_user").(User)
	err := s.db.WithContext(c.Request.Context()).Model(&user).Update("plan", c.PostForm("plan")).Error
	if err != nil {
		fail(c, err)
		return
	}
	session := sessions.Default(c)
	session.AddFlash("Your plan is changed.")
	if err := session.Save(); err != nil {
		fail(c, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/plan")
}

func (s ginSite) profile(c *gin.Context) {
	session := sessions.Default(c)
	text := userOf(c).Email
	if flashes := session.Flashes(); len(flashes) > 0 {
		text += ": " + flashes[0].(string)
		if err := session.Save(); err != nil {
			fail(c, err)
			return
		}
	}
	c.String(http.StatusOK, text)
}

func (s ginSite) signOut(c *gin.Context) {
	session := sessions.Default(c)
	session.Clear()
	session.Options(sessions.Options{Path: "/", MaxAge: -1})
	if err := session.Save(); err != nil {
		fail(c, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/")
}
