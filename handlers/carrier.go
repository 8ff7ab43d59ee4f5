package handlers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// A carrier is how the text of a token travels between client and server.
type carrier interface {
	// name tells two carriers apart that a request could carry at once.
	name() string
	// read returns the text, and how many there are where one would be in its
	// place: with more than one it cannot be told whose they are. An error means
	// that it could not look, or that the chain lacks what it needs. It runs
	// once, before anybody else knows the state.
	read(s *State, c *gin.Context) (text string, found int, err error)
	// carries reports whether the request has anything that a sign-out should
	// have the client forget.
	carries(s *State, c *gin.Context) bool
	// vary says in a response's header that it depends on the token.
	vary(h http.Header)
}

// newCarrier returns the carrier of a set-up.
func newCarrier(cfg *Config) carrier {
	switch cfg.Kind {
	case cache.Bearer:
		return bearer{}
	case cache.InSession:
		return &inSession{cfg.InSession}
	}
	w := newCookieWriter(cfg.Cookie)
	return &w
}

// A sender is a carrier that puts tokens into responses by itself, and renews
// them. Send and forget are called like State.sendToken, finish with mu held,
// withdraw without.
type sender interface {
	carrier
	// send has the response carry the token of what was opened.
	send(s *State, c *gin.Context, o *cache.Opened, kind outgoing)
	// forget has the client forget its token.
	forget(s *State, c *gin.Context)
	// withdraw takes back a renewal, and nothing else.
	withdraw(s *State, c *gin.Context)
	// finish runs just before the response's first byte.
	finish(s *State, h http.Header)
}
