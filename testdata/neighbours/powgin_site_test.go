package neighbours

import (
	"net/http"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A powginSite has its users from powgin. Flash messages stay in a session of
// gin-contrib/sessions.
type powginSite struct{ *site }

func newPowginSite(t *testing.T) *site {
	s := powginSite{newSite(t)}
	s.asItComes = func() http.Handler { return s.handler }
	s.setUp()
	s.routes()
	return s.site
}

func (s powginSite) setUp() {
	db, router := s.db, s.router
	store := cookie.NewStore(signingKey)

	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB:         db,
		SignInPath: "/login",
		HomePath:   "/plan",
	}))
	store.Options(sessions.Options{
		Path: "/", MaxAge: 10 * 60,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	router.Use(sessions.Sessions("flashes", store), auth.Session())

	s.adopt(auth)
}

// adopt makes auth the site's.
func (s powginSite) adopt(auth *powgin.Auth[User]) {
	s.auth, s.handler = auth, s.router
	s.Cleanup(func() { _ = auth.Close() })
}

func (s powginSite) routes() {
	s.router.POST("/login", powgin.Handle(s.signIn))
	s.router.POST("/logout", powgin.Handle(s.signOut))
	s.more(s.changePlan, s.profile)
}

// more has the routes whose handlers know nothing of signing in. The two given
// show flashes, which are kept here or there.
func (s powginSite) more(changePlan, profile func(*Context)) {
	router, auth := s.router, s.auth
	router.GET("/", func(c *gin.Context) { c.String(http.StatusOK, "welcome") })
	router.GET("/me", powgin.Handle(func(c *Context) {
		user, _ := c.User()
		c.String(http.StatusOK, user.Email)
	}))

	router.GET("/plan", auth.RequireUser(), powgin.Handle(s.showPlan))
	router.POST("/plan", auth.RequireUser(), powgin.Handle(changePlan))

	router.GET("/checkout", auth.Reload(), auth.RequireUser(), powgin.Handle(s.showPlan))
	router.GET("/report", auth.RequireUser(), s.held.hold, powgin.Handle(s.showPlan))
	router.POST("/slow", auth.RequireUser(), s.held.hold, powgin.Handle(changePlan))
	router.GET("/profile", auth.RequireUser(), powgin.Handle(profile))
	s.sessionRoutes()
	router.POST("/late", powgin.Handle(func(c *Context) {
		c.String(http.StatusOK, "begun ")
		c.String(http.StatusOK, "%v", c.SyncUser(c.MustUser()))
	}))
	router.POST("/twice", powgin.Handle(func(c *Context) {
		for range 2 {
			if err := c.SyncUser(c.MustUser()); err != nil {
				powgin.Abort(c.Context, err)
			}
		}
	}))
}

func (s powginSite) sessionRoutes() {
	router, auth := s.router, s.auth

	own := router.Group("/sessions")
	own.GET("", auth.SessionsHandler())
	own.DELETE("/:id", auth.RevokeHandler("id"))
	own.DELETE("", auth.RevokeOthersHandler())
}

func (s powginSite) signIn(c *Context) {
	user, err := s.authenticate(c.Context)
	if err != nil {
		fail(c.Context, err)
		return
	}
	if err := c.SignIn(user); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/plan")
}

func (s powginSite) showPlan(c *Context) {
	user := c.MustUser()
	c.String(http.StatusOK, user.Plan)
}

func (s powginSite) changePlan(c *Context) {
	user := c.MustUser()
	err := s.db.WithContext(c.Request.Context()).Model(&user).Update("plan", c.PostForm("plan")).Error
	if err == nil {
		err = c.SyncUser(user)
	}
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	session := sessions.Default(c.Context)
	session.AddFlash("Your plan is changed.")
	if err := session.Save(); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/plan")
}

func (s powginSite) profile(c *Context) {
	session := sessions.Default(c.Context)
	text := c.MustUser().Email
	if flashes := session.Flashes(); len(flashes) > 0 {
		text += ": " + flashes[0].(string)
		if err := session.Save(); err != nil {
			powgin.Abort(c.Context, err)
			return
		}
	}
	c.String(http.StatusOK, text)
}

func (s powginSite) signOut(c *Context) {
	if err := c.SignOut(); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	c.Redirect(http.StatusSeeOther, "/")
}
