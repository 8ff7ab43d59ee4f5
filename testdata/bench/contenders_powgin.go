package main

import (
	"fmt"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// The contenders of powgin that others are held against.
const (
	powginCached   = "powgin, cached"
	powginReloaded = "powgin, Reload"
)

func powginMemory() []contender {
	return []contender{
		{name: powginCached, kind: powgins, chart: true, loopback: true, open: powginApp(setup{}), against: []string{
			theFloor, "golang-jwt, id only", "gin-contrib cookie store, id only",
			"gin-contrib cookie store, user in the session", "scs memstore, user in the session",
			"gin-contrib cookie store + db.First", "scs memstore + db.First",
		}},
		{name: "powgin, Keys", kind: powgins, chart: true, against: []string{powginCached}, open: powginApp(setup{
			config: func(c *powgin.Config[User]) { c.Keys = [][]byte{signingKey} },
		})},
		{name: "powgin, Bearer", kind: powgins, chart: true, against: []string{powginCached, "golang-jwt, id only"}, open: powginApp(setup{
			config: func(c *powgin.Config[User]) { c.Transport = powgin.Bearer{} },
		})},
		{name: "powgin, InSession over the cookie store", kind: powgins, chart: true,
			against: []string{powginCached, ginSame, "gin-contrib cookie store, id only"}, open: powginApp(setup{
				sessions: ginCookie,
				config:   func(c *powgin.Config[User]) { c.Transport = powgin.InSession{} },
			})},
		{name: "powgin, MaxAge that is never exceeded", kind: powgins, against: []string{powginCached}, open: powginApp(setup{
			route: func(auth *powgin.Auth[User]) gin.HandlerFunc { return auth.MaxAge(12 * time.Hour) },
		})},
	}
}

func powginReads() []contender {
	fastest := fastestRead("SQLite")
	reload := func(auth *powgin.Auth[User]) gin.HandlerFunc { return auth.Reload() }
	return []contender{
		{name: "powgin, Refresh", kind: powgins, chart: true, against: []string{fastest}, open: powginApp(setup{
			route: func(auth *powgin.Auth[User]) gin.HandlerFunc { return auth.Refresh() },
		})},
		{name: powginReloaded, kind: powgins, chart: true, loopback: true, open: powginApp(setup{route: reload}), against: []string{
			fastest, "db.First on SQLite", "gin-contrib cookie store + db.First",
		}},
		{name: "powgin, Reload, with the GORM plugin", kind: powgins, against: []string{powginReloaded}, open: powginApp(setup{
			plugin: true, route: reload,
		})},
	}
}

func powginPostgres() []contender {
	return []contender{
		{name: "powgin, Reload on PostgreSQL", kind: powgins, chart: true,
			against: []string{fastestRead("PostgreSQL"), "gin-contrib cookie store + db.First on PostgreSQL"}, open: powginApp(setup{
				open:  (*world).postgres,
				route: func(auth *powgin.Auth[User]) gin.HandlerFunc { return auth.Reload() },
			})},
	}
}

// A setup is how an app has powgin. The zero value is powgin as it comes, with
// users on SQLite and times that no run exceeds.
type setup struct {
	open     opens
	config   func(c *powgin.Config[User])                  // nil: nothing else is set
	store    func(w *world, c *powgin.Config[User]) error  // sets the store; nil: in-process
	sessions ginStore                                      // mounted ahead of powgin; nil: none
	plugin   bool                                          // GORM's writes are followed
	route    func(auth *powgin.Auth[User]) gin.HandlerFunc // of the measured route; nil: none
}

// powginApp is an app whose user comes from powgin.
func powginApp(s setup) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		auth, _, err := s.auth(w)
		if err != nil {
			return nil, err
		}
		var ahead, chain []gin.HandlerFunc
		if s.sessions != nil {
			store, err := s.sessions(w)
			if err != nil {
				return nil, err
			}
			ahead = append(ahead, sessions.Sessions("app", store))
		}
		if s.route != nil {
			chain = append(chain, s.route(auth))
		}
		return powginOver(w, auth, ahead, chain)
	}
}

// powginOver is an app with handlers ahead of powgin's, and others in the measured
// route.
func powginOver(w *world, auth *powgin.Auth[User], ahead, chain []gin.HandlerFunc) (*app, error) {
	router := gin.New()
	router.Use(append(ahead, auth.Session())...)
	router.POST("/signin", powgin.Handle(signInPowgin))
	router.GET("/", append(chain, powgin.Handle(func(c *powgin.Context[User]) {
		u, _ := c.User()
		seen(c.Context, &u)
	}))...)
	return (&app{handler: router, says: saysUser}).signIn(w)
}

func signInPowgin(c *powgin.Context[User]) {
	if err := c.SignIn(alice); err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	c.Header("Token", c.Token())
}

// auth opens the database, and powgin over it.
func (s setup) auth(w *world) (*powgin.Auth[User], *gorm.DB, error) {
	if s.open == nil {
		s.open = (*world).sqlite
	}
	db, err := s.open(w, gorm.Config{})
	if err != nil {
		return nil, nil, err
	}
	cfg := powgin.Config[User]{DB: db, IdleTimeout: 24 * time.Hour, MaxAge: powgin.NoMaxAge}
	if s.config != nil {
		s.config(&cfg)
	}
	if s.store != nil {
		if err := s.store(w, &cfg); err != nil {
			return nil, nil, err
		}
	}
	auth, err := powgin.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	w.end(auth.Close)
	if s.plugin {
		if err := db.Use(auth); err != nil {
			return nil, nil, fmt.Errorf("db.Use: %w", err)
		}
	}
	return auth, db, nil
}
