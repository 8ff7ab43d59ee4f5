package handlers

import (
	"net/http"
	"time"

	"github.com/powgin/powgin/cache"
)

// A carrier is how the text of a token travels between client and server.
type carrier interface {
	// name tells two carriers apart that a request could carry at once.
	name() string
	// read returns the text, and how many there are where one would be in its
	// place: with more than one it cannot be told whose they are.
	read(r *http.Request) (text string, found int)
	// vary says in a response's header that it depends on the token.
	vary(h http.Header)
}

// newCarrier returns the carrier of a set-up.
func newCarrier(cfg *Config) carrier {
	if cfg.Kind == cache.Bearer {
		return bearer{}
	}
	w := newCookieWriter(cfg.Cookie)
	return &w
}

// A sender is a carrier that puts tokens into responses by itself, and renews
// them.
type sender interface {
	carrier
	// put has the response carry the text, in place of what it has carried so
	// far; an empty one has the client forget its token. maxAge is how long the
	// client is to keep it beyond its own session; 0 stands for no longer than
	// that.
	put(h http.Header, text string, maxAge time.Duration)
	// remove takes that back.
	remove(h http.Header)
}
