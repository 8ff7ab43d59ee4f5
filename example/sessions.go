package main

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/powgin/powgin"
)

// sessions lists where the user is signed in.
func (s *site) sessions(c *Context) {
	all, err := c.Sessions()
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	if wantsJSON(c.Context) {
		c.JSON(http.StatusOK, sessionsJSON(all))
		return
	}
	p := s.member(c, "Sessions", false, all)
	p.Flash = takeFlash(c.Context)
	render(c.Context, http.StatusOK, "sessions.html", p)
}

// sessionsJSON shows a session's id, which stays the same for its life and
// proves nothing, so that it may be shown, logged and put into addresses.
func sessionsJSON(all []powgin.SessionInfo) []gin.H {
	list := make([]gin.H, 0, len(all))
	for _, session := range all {
		list = append(list, gin.H{
			"id":         session.ID,
			"current":    session.Current,
			"created_at": session.CreatedAt.UTC().Format(time.RFC3339Nano),
			"renewed_at": session.RenewedAt.UTC().Format(time.RFC3339Nano),
		})
	}
	return list
}

// revokeSession ends one of the user's own sessions: with any other id Revoke
// returns powgin.ErrNoSession, which is answered with 404.
func (s *site) revokeSession(c *Context) {
	if err := c.Revoke(c.Param("id")); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	setFlash(c.Context, "That session is signed out.")
	c.Redirect(http.StatusSeeOther, "/sessions")
}
