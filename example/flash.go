package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	gormsessions "github.com/gin-contrib/sessions/gorm"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
)

// flashAge is how long a message waits for the page that shows it. It is not
// zero: some stores read a zero age as "expired at once".
const flashAge = 10 * time.Minute

// sessionAge is as long as users may ask to stay signed in.
const sessionAge = 30 * 24 * time.Hour

// flashKey is where AddFlash keeps messages.
const flashKey = "_flash"

// newFlashStore makes the gin-contrib store that holds flash messages, and
// nothing else: who is signed in is powgin's business, which also sees to it that
// nobody gets the messages of who was signed in before. The function it returns
// ends the store's background work, or closes its connections.
func newFlashStore(cfg config, db *gorm.DB) (sessions.Store, func(), error) {
	key, err := cfg.key("gin session")
	if err != nil {
		return nil, nil, err
	}
	store, stop, err := openFlashStore(cfg, db, key)
	if err != nil {
		return nil, nil, err
	}
	store.Options(sessions.Options{
		Path:     "/",
		MaxAge:   int(cfg.sessionAge().Seconds()),
		HttpOnly: true,
		Secure:   cfg.secure,
		SameSite: http.SameSiteLaxMode,
	})
	return store, stop, nil
}

// sessionAge is how long a gin session is kept. With a token in it that must not
// be less than what powgin gives the token: some stores refuse an older cookie.
func (cfg config) sessionAge() time.Duration {
	if cfg.tokens == "insession" {
		return max(sessionAge, cfg.idle)
	}
	return flashAge
}

func openFlashStore(cfg config, db *gorm.DB, key []byte) (sessions.Store, func(), error) {
	switch cfg.sessions {
	case "cookie":
		return cookie.NewStore(key), func() {}, nil
	case "memstore":
		return memstore.NewStore(key), func() {}, nil
	case "gorm":
		return openGORMStore(db, key)
	case "redis":
		return openRedisStore(cfg.redis, key)
	}
	return nil, nil, fmt.Errorf("SESSIONS=%s: no such store", cfg.sessions)
}

// openGORMStore sweeps expired rows itself: the goroutine that NewStore would
// start for that has no end.
func openGORMStore(db *gorm.DB, key []byte) (sessions.Store, func(), error) {
	store := gormsessions.NewStore(db, false, key)
	// The store ignores it when it cannot create its table.
	if !db.Migrator().HasTable("sessions") {
		return nil, nil, fmt.Errorf("SESSIONS=gorm: the table sessions could not be created")
	}
	sweeper, ok := store.(interface {
		PeriodicCleanup(time.Duration, <-chan struct{})
	})
	if !ok {
		return store, func() {}, nil
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		sweeper.PeriodicCleanup(time.Hour, quit)
	}()
	return store, func() { close(quit); <-done }, nil
}

// flashCookie names the cookie of the gin session. The prefix makes browsers
// refuse one that was set by another host or without Secure.
func flashCookie(secure bool) string {
	if secure {
		return "__Host-example"
	}
	return "example"
}

// setFlash leaves a message for the next page. What it reports is done already,
// so a store that fails costs the message, not the request.
func setFlash(c *gin.Context, message string) {
	session := sessions.Default(c)
	// The newest message replaces those not yet seen: AddFlash appends, and the
	// whole session has to fit into a cookie.
	session.Flashes()
	session.AddFlash(message)
	if err := session.Save(); err != nil {
		slog.ErrorContext(c.Request.Context(), "flash not saved", "err", err)
	}
}

// takeFlash returns the pending message, if there is one, and removes it. It
// sets a cookie only then. A HEAD request leaves the message for the page.
func takeFlash(c *gin.Context) string {
	if c.Request.Method == http.MethodHead {
		return ""
	}
	session := sessions.Default(c)
	pending := session.Flashes()
	if len(pending) == 0 {
		return ""
	}
	if err := session.Save(); err != nil {
		slog.ErrorContext(c.Request.Context(), "flash not removed", "err", err)
	}
	message, _ := pending[len(pending)-1].(string)
	return message
}
