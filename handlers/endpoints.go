package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// SessionsHandler answers with the sessions of the request's user as JSON.
func SessionsHandler(which Which) gin.HandlerFunc {
	return with(which, func(c *gin.Context, s *State) error {
		list, err := s.Sessions(c)
		if err == nil {
			c.JSON(http.StatusOK, list)
		}
		return err
	})
}

// RevokeHandler ends the session that the route's parameter names.
func RevokeHandler(which Which, param string) gin.HandlerFunc {
	return done(which, func(c *gin.Context, s *State) error { return s.Revoke(c, c.Param(param)) })
}

// RevokeOthersHandler ends all sessions of the request's user but its own.
func RevokeOthersHandler(which Which) gin.HandlerFunc {
	return done(which, func(c *gin.Context, s *State) error { return s.RevokeOthers(c) })
}

// done answers 204 where step succeeds.
func done(which Which, step func(*gin.Context, *State) error) gin.HandlerFunc {
	return with(which, func(c *gin.Context, s *State) error {
		err := step(c, s)
		if err == nil {
			c.Status(http.StatusNoContent)
		}
		return err
	})
}
