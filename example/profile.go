package main

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/powgin/powgin"
)

// profile shows the cached user. As JSON it leaves a pending flash for the page.
func (s *site) profile(c *Context) {
	user := c.MustUser()
	session, _ := c.Session()
	if wantsJSON(c.Context) {
		c.JSON(http.StatusOK, profileJSON(user, session))
		return
	}
	p := s.member(c, "Profile", false, session)
	p.Flash = takeFlash(c.Context)
	render(c.Context, http.StatusOK, "profile.html", p)
}

func profileJSON(user User, session powgin.SessionInfo) gin.H {
	return gin.H{
		"id":    user.ID,
		"email": user.Email,
		"plan":  user.Plan,
		"session": gin.H{
			"id_hint":    session.Hint,
			"created_at": session.CreatedAt.UTC().Format(time.RFC3339Nano),
			"renewed_at": session.RenewedAt.UTC().Format(time.RFC3339Nano),
		},
	}
}

// proPage is open to users whose plan in the database is pro.
func (s *site) proPage(c *Context) {
	render(c.Context, http.StatusOK, "pro.html", s.member(c, "Pro", true, nil))
}
