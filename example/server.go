package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"gorm.io/gorm"
)

// site is the app: what its handlers share. Nothing in it changes after
// newSite, so that any number of requests may use it at once.
type site struct {
	cfg       config
	users     users
	passwords *passwords
	auth      *powgin.Auth[User]
	flashes   sessions.Store
	endFlash  func()
	endFeed   func()
	endCache  func()

	stopping chan struct{} // closed by endLive, once the server stops
	endLive  func()
}

func newSite(cfg config, db *gorm.DB) (*site, error) {
	s := &site{cfg: cfg, users: users{db}, stopping: make(chan struct{})}
	s.endLive = sync.OnceFunc(func() { close(s.stopping) })
	var err error
	if s.passwords, err = newPasswords(cfg.hashCost); err != nil {
		return nil, err
	}
	accounts, endCache, err := openCache(cfg, db)
	if err != nil {
		return nil, err
	}
	s.endCache = endCache
	if s.auth, err = s.newAuth(db, accounts); err != nil {
		endCache()
		return nil, err
	}
	// With it no handler has to call SyncUser or Sync for the cache's sake: every
	// write to the table of users that goes through db is told to the cache before
	// its COMMIT. They still give sessions new tokens.
	if cfg.autosync {
		if err := db.Use(s.auth); err != nil {
			_ = s.auth.Close()
			endCache()
			return nil, fmt.Errorf("AUTOSYNC: %w", err)
		}
	}
	if s.endFeed, err = s.openFeed(); err != nil {
		_ = s.auth.Close()
		endCache()
		return nil, err
	}
	if s.flashes, s.endFlash, err = newFlashStore(cfg, db); err != nil {
		s.endFeed()
		_ = s.auth.Close()
		endCache()
		return nil, err
	}
	return s, nil
}

// newAuth sets powgin up. Whatever is left out has its default.
func (s *site) newAuth(db *gorm.DB, accounts cache.Store) (*powgin.Auth[User], error) {
	key, err := s.cfg.key("tokens")
	if err != nil {
		return nil, err
	}
	auth, err := powgin.New(powgin.Config[User]{
		DB:     db,
		Store:  accounts,
		Reload: s.cfg.reload,
		MaxAge: s.cfg.maxAge,

		Transport: s.cfg.transport(),
		// With keys a forged token is known without asking the store.
		Keys:            [][]byte{key},
		IdleTimeout:     s.cfg.idle,
		RenewAfter:      s.cfg.renew,
		AbsoluteTimeout: s.cfg.absolute,
		Grace:           s.cfg.grace,

		SignInPath: "/login",
		HomePath:   "/profile",
		ReauthPath: "/confirm",
		Refuse:     s.refuse,
		// A message that is left from before the sign-in was for somebody else.
		DropAtSignIn: []any{flashKey},
		// What helps users to recognise their sessions.
		Metadata: func(c *gin.Context) map[string]string {
			return map[string]string{"browser": c.Request.UserAgent()}
		},
		// An audit log: who signed in, what ended a session, what looks wrong.
		OnEvent: func(e powgin.Event) {
			slog.Info("session", "event", e.Name, "user", e.UserKey, "session", e.Session)
		},
		OnError: func(ctx context.Context, err error) {
			slog.ErrorContext(ctx, "powgin", "err", err)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("powgin does not take these settings (TTL is its IdleTimeout, RENEW its RenewAfter, ABSOLUTE its AbsoluteTimeout): %w", err)
	}
	return auth, nil
}

// transport is how tokens travel: with browsers in a cookie of their own, or in
// the one of the gin session; with programs in the Authorization header. A site
// that is reached over HTTPS leaves Insecure out.
func (cfg config) transport() powgin.Transport {
	switch cfg.tokens {
	case "bearer":
		return powgin.Bearer{}
	case "insession":
		return powgin.InSession{Insecure: !cfg.secure}
	}
	return powgin.Cookie{Insecure: !cfg.secure}
}

func (s *site) close() {
	s.endFlash()
	s.endFeed()
	_ = s.auth.Close()
	s.endCache()
}

// handler builds the routes. A GET is answered from the cache unless its group
// says otherwise, and changes nothing; whatever changes something is a POST,
// which powgin refuses when it comes from another site.
func (s *site) handler() http.Handler {
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	// No proxy is trusted to tell the client's address. With nil this cannot fail.
	_ = engine.SetTrustedProxies(nil)
	engine.Use(recovery, securityHeaders(s.cfg.secure))
	engine.NoRoute(func(c *gin.Context) { showError(c, http.StatusNotFound) })
	engine.NoMethod(func(c *gin.Context) { showError(c, http.StatusMethodNotAllowed) })
	get(engine, "/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	get(engine, "/static/:file", staticFile)

	web := engine.Group("/", sessions.Sessions(flashCookie(s.cfg.secure), s.flashes), s.auth.Session())
	get(web, "/", func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/profile") })
	get(web, "/login", s.auth.RequireGuest(), s.signInPage)
	web.POST("/login", parseSignIn, powgin.Handle(s.signIn))
	web.POST("/logout", powgin.Handle(s.signOut))

	member := web.Group("/", s.auth.RequireUser())
	member.POST("/logout-all", powgin.Handle(s.signOutEverywhere))
	get(member, "/profile", powgin.Handle(s.profile))
	get(member, "/plan", powgin.Handle(s.planPage))
	member.POST("/plan", parseForm, powgin.Handle(s.changePlan))
	get(member, "/live", powgin.Handle(s.livePage))
	get(member, "/live/events", powgin.Handle(s.liveEvents))
	get(member, "/sessions", powgin.Handle(s.sessions))
	member.POST("/sessions/:id/revoke", powgin.Handle(s.revokeSession))
	member.POST("/sessions/others/revoke", powgin.Handle(s.revokeOthers))
	get(member, "/confirm", powgin.Handle(s.confirmPage))
	member.POST("/confirm", parseForm, powgin.Handle(s.confirm))

	// A browser that was left open must not be enough to take the account over.
	recent := member.Group("/password", s.auth.RequireRecentSignIn(s.cfg.recent))
	get(recent, "", powgin.Handle(s.passwordPage))
	recent.POST("", parseForm, powgin.Handle(s.changePassword))

	// The same for programs: powgin has these handlers ready.
	api := web.Group("/api/sessions")
	get(api, "", s.auth.SessionsHandler())
	api.DELETE("/:id", s.auth.RevokeHandler("id"))
	api.DELETE("", s.auth.RevokeOthersHandler())

	// Reload reads the user from the database for these routes alone. A cached
	// copy may be up to MaxAge old where a row is changed behind powgin's back,
	// in plain SQL; who has paid and who may rule must not be decided on that.
	pro := web.Group("/pro", s.auth.Reload(), s.auth.Require(func(u User) bool { return u.Plan == "pro" }))
	get(pro, "", powgin.Handle(s.proPage))

	admin := web.Group("/admin", s.auth.Reload(), s.auth.Require(func(u User) bool { return u.Admin }))
	get(admin, "/users", powgin.Handle(s.adminPage))
	admin.POST("/users/:id/plan", parseForm, powgin.Handle(s.changeUserPlan))
	get(admin, "/explain", powgin.Handle(s.explainPage))
	get(admin, "/users/:id/explain", powgin.Handle(s.explainUserPage))
	return engine
}

// get registers a page for GET, and for HEAD, which Gin does not add.
func get(r gin.IRoutes, path string, handlers ...gin.HandlerFunc) {
	r.GET(path, handlers...)
	r.HEAD(path, handlers...)
}

// serve answers requests until ctx ends, then lets those in flight finish. Live
// pages would not by themselves, so that they are told to.
func (s *site) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       time.Minute,
	}
	server.RegisterOnShutdown(s.endLive)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(ctx)
	<-ended
	return err
}
