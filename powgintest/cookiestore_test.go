package powgintest_test

import (
	"bytes"
	"net/http"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
)

// newCookieStoreSite starts a site whose sessions are gin-contrib's, kept
// whole in a signed cookie.
func newCookieStoreSite() *site {
	members := newRoll()
	r := gin.New()
	r.Use(sessions.Sessions("app", cookie.NewStore(bytes.Repeat([]byte("k"), 32))))
	r.GET("/", func(*gin.Context) {})
	r.GET("/me", func(c *gin.Context) { c.String(http.StatusOK, storedName(c)) })
	r.GET("/live", func(c *gin.Context) { c.String(http.StatusOK, members.plan(storedName(c))) })
	r.GET("/profile", func(c *gin.Context) {
		plan, _ := sessions.Default(c).Get("plan").(string)
		c.String(http.StatusOK, plan)
	})
	r.GET("/signin", func(*gin.Context) {})
	r.POST("/signin", func(c *gin.Context) {
		name := c.PostForm("name")
		store(c, "name", name, "plan", members.plan(name))
	})
	r.POST("/signout", func(c *gin.Context) {
		sessions.Default(c).Clear()
		store(c)
	})
	r.POST("/plan", func(c *gin.Context) {
		if name := storedName(c); name != "" {
			members.setPlan(name, c.PostForm("plan"))
			store(c, "plan", c.PostForm("plan"))
		}
	})
	r.POST("/password", func(c *gin.Context) { store(c, "changed", c.PostForm("password")) })
	return &site{roll: members, handler: r}
}

func storedName(c *gin.Context) string {
	name, _ := sessions.Default(c).Get("name").(string)
	return name
}

// store saves the session with these pairs of name and value in it.
func store(c *gin.Context, pairs ...string) {
	session := sessions.Default(c)
	for i := 0; i < len(pairs); i += 2 {
		session.Set(pairs[i], pairs[i+1])
	}
	if err := session.Save(); err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
	}
}
