package neighbours

import (
	"encoding/gob"
	"net/http"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
)

func init() { gob.Register(User{}) }

// newGinUserSite returns a function that starts a site which keeps the user
// itself in a session of gin-contrib/sessions, and reads it from there.
func newGinUserSite(kind string) func(t *testing.T) *site {
	return func(t *testing.T) *site {
		s := ginSite{newSite(t)}
		store := s.newStore(kind)
		store.Options(sessions.Options{Path: "/", MaxAge: 24 * 60 * 60, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		s.router.Use(sessions.Sessions("app", store), func(c *gin.Context) {
			if user, ok := sessions.Default(c).Get("user").(User); ok {
				c.Set("current_user", user)
			}
		})
		s.handler = s.router
		s.serveUsers(func(c *gin.Context, user User) error {
			session := sessions.Default(c)
			session.Set("user", user)
			return session.Save()
		}, s.showPlan)
		return s.site
	}
}

// newSCSUserSite starts a site which keeps the user itself in a session of
// scs.
func newSCSUserSite(t *testing.T) *site {
	s := newSCS(t, nil)
	s.router.Use(func(c *gin.Context) {
		if user, ok := s.sm.Get(c.Request.Context(), "user").(User); ok {
			c.Set("current_user", user)
		}
	})
	s.handler = s.sm.LoadAndSave(s.router)
	s.serveUsers(func(c *gin.Context, user User) error {
		err := s.sm.RenewToken(c.Request.Context())
		s.sm.Put(c.Request.Context(), "user", user)
		return err
	}, s.showPlan)
	return s.site
}

// serveUsers adds the routes of a site that keeps users in its sessions, by
// the function keep.
func (s *site) serveUsers(keep func(c *gin.Context, user User) error, showPlan gin.HandlerFunc) {
	s.router.GET("/me", func(c *gin.Context) { c.String(http.StatusOK, userOf(c).Email) })
	s.router.GET("/plan", requireUser, showPlan)
	s.router.POST("/login", func(c *gin.Context) {
		user, err := s.authenticate(c)
		if err == nil {
			err = keep(c, user)
		}
		if err != nil {
			fail(c, err)
		}
	})
	s.router.POST("/plan", requireUser, func(c *gin.Context) {
		user := userOf(c)
		err := s.db.WithContext(c.Request.Context()).Model(&user).Update("plan", c.PostForm("plan")).Error
		if err == nil {
			err = keep(c, user)
		}
		if err != nil {
			fail(c, err)
		}
	})
}
