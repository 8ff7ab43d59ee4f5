package handlers

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// bearer is the transport of programs: the token travels in the Authorization
// header (RFC 6750, section 2.1), in no other place, and the app hands it out.
type bearer struct{}

func (bearer) name() string { return "Authorization" }

func (bearer) read(_ *State, c *gin.Context) (text string, found int, err error) {
	text, found = bearerText(c.Request)
	return text, found, nil
}

func (bearer) carries(_ *State, c *gin.Context) bool {
	_, found := bearerText(c.Request)
	return found > 0
}

// bearerText takes exactly one header: of two it cannot be told which of those
// on the way looks at which.
func bearerText(r *http.Request) (text string, found int) {
	lines := r.Header["Authorization"]
	if len(lines) != 1 {
		return "", len(lines)
	}
	scheme, text, ok := strings.Cut(lines[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", 0
	}
	return strings.TrimLeft(text, " "), 1
}

func (bearer) vary(h http.Header) { addVary(h, "Authorization") }

// challenge tells the client of a 401 what is missing (RFC 6750, section 3; for
// a sign-in that is too old RFC 9470, section 3).
func challenge(r *http.Request, again bool) string {
	_, found := bearerText(r)
	switch {
	case again:
		return `Bearer error="insufficient_user_authentication"`
	case found > 0:
		return `Bearer error="invalid_token"`
	}
	return "Bearer"
}
