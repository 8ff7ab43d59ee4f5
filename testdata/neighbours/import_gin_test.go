package neighbours

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// importFromGin returns the Config.Import that finds sessions of
// gin-contrib/sessions.
func importFromGin(db *gorm.DB) func(*gin.Context) (powgin.Imported, error) {
	return func(c *gin.Context) (powgin.Imported, error) {
		session := sessions.Default(c)
		id, ok := session.Get("user_id").(uint)
		if !ok {
			return powgin.Imported{}, nil
		}
		key := strconv.FormatUint(uint64(id), 10)
		closed, err := importClosed(c.Request.Context(), db, key)
		if err != nil || closed {
			return powgin.Imported{}, err
		}
		return powgin.Imported{UserKey: key, End: func() error {
			session.Delete("user_id")
			return session.Save()
		}}, nil
	}
}

func moveFromGin(t *testing.T, kind string) change {
	before := ginSite{newSite(t)}
	store := before.newStore(kind)
	before.useStore(store)
	before.routes()
	after := before.moved()
	after.importGin(store)
	return change{before.site, after.site}
}

func (s powginSite) importGin(store sessions.Store) {
	db, router := s.db, s.router
	importFromGin := func(db *gorm.DB) func(*gin.Context) (powgin.Imported, error) {
		return s.holdImports(importFromGin(db))
	}

	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB:         db,
		SignInPath: "/login",
		HomePath:   "/plan",
		Import:     importFromGin(db),
	}))
	store.Options(sessions.Options{
		Path: "/", MaxAge: 24 * 60 * 60,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	router.Use(sessions.Sessions("app", store), auth.Session())

	s.adopt(auth)
	s.importRoutes(s.changePlan, s.profile)
}

// importRoutes are the site's, with the sign-out that closes the import.
func (s powginSite) importRoutes(changePlan, profile func(*Context)) {
	s.router.POST("/login", powgin.Handle(s.signIn))
	s.router.POST("/logout", powgin.Handle(s.signOutForGood))
	s.router.GET("/secret", s.auth.RequireRecentSignIn(time.Hour), func(*gin.Context) {})
	s.router.GET("/importing", powgin.Handle(func(c *Context) {
		user, _ := c.User()
		c.String(http.StatusOK, user.Email)
	}))
	s.more(changePlan, profile)
}
