package main

import (
	"net/http"

	"github.com/powgin/powgin"
)

// sessions lists where the user is signed in.
func (s *site) sessions(c *Context) {
	if wantsJSON(c.Context) {
		// A session's id stays the same for its life and proves nothing, so that
		// it may be shown, logged and put into addresses.
		s.auth.SessionsHandler()(c.Context)
		return
	}
	all, err := c.Sessions()
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	p := s.member(c, "Sessions", false, all)
	p.Flash = takeFlash(c.Context)
	render(c.Context, http.StatusOK, "sessions.html", p)
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

// revokeOthers ends every session of the user but this one.
func (s *site) revokeOthers(c *Context) {
	if err := c.RevokeOthers(); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	setFlash(c.Context, "All other sessions are signed out.")
	c.Redirect(http.StatusSeeOther, "/sessions")
}
