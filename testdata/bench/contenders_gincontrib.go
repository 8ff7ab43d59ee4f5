package main

import (
	"net/http"
	"strings"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	gormsessions "github.com/gin-contrib/sessions/gorm"
	"github.com/gin-contrib/sessions/memstore"
	"github.com/gin-contrib/sessions/redis"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
)

// signingKey signs the cookies and tokens of all who want such a key.
var signingKey = []byte("thirty-two bytes, random ones...")

// A ginStore opens a store of gin-contrib/sessions.
type ginStore func(w *world) (sessions.Store, error)

func ginCookie(*world) (sessions.Store, error) { return cookie.NewStore(signingKey), nil }
func ginMemstore(*world) (sessions.Store, error) {
	return memstore.NewStore(signingKey), nil
}

func ginGORM(w *world) (sessions.Store, error) {
	db, err := w.open(w.file(), gorm.Config{})
	if err != nil {
		return nil, err
	}
	return gormsessions.NewStore(db, false, signingKey), nil
}

func ginRedis(w *world) (sessions.Store, error) {
	address, err := w.server()
	if err != nil {
		return nil, err
	}
	store, err := redis.NewStore(8, "tcp", address, "", "", signingKey)
	if err != nil {
		return nil, err
	}
	inner, err := redis.GetRedisStore(store)
	if err != nil {
		return nil, err
	}
	w.end(inner.Close)
	return store, redis.SetKeyPrefix(store, w.name+":gin:")
}

// ginSame is what InSession is held against: it decodes the same session, which has
// more in it than a number.
const ginSame = "gin-contrib cookie store, what InSession keeps"

func ginMemory() []contender {
	return []contender{
		{name: "gin-contrib cookie store, id only", chart: true, loopback: true, open: ginID(ginCookie, nil)},
		{name: ginSame, open: ginValues(ginCookie)},
		{name: "gin-contrib memstore, id only", open: ginID(ginMemstore, nil)},
		{name: "gin-contrib cookie store, user in the session", chart: true, loopback: true, open: ginUser(ginCookie)},
		{name: "gin-contrib memstore, user in the session", chart: true, open: ginUser(ginMemstore)},
	}
}

func ginReads() []contender {
	return []contender{
		{name: "gin-contrib cookie store + db.First", chart: true, loopback: true, open: ginID(ginCookie, (*world).sqlite)},
		{name: "gin-contrib memstore + db.First", open: ginID(ginMemstore, (*world).sqlite)},
	}
}

func ginPostgres() []contender {
	return []contender{
		{name: "gin-contrib cookie store + db.First on PostgreSQL", chart: true, open: ginID(ginCookie, (*world).postgres)},
	}
}

func ginStores() []contender {
	return []contender{
		{name: "gin-contrib gorm store on SQLite, id only", chart: true, open: ginID(ginGORM, nil)},
		{name: "gin-contrib gorm store on SQLite + db.First", chart: true, open: ginID(ginGORM, (*world).sqlite)},
		{name: "gin-contrib redis store, id only", chart: true, open: ginID(ginRedis, nil)},
		{name: "gin-contrib redis store + db.First on SQLite", chart: true, open: ginID(ginRedis, (*world).sqlite)},
	}
}

// ginID is an app that keeps the user's id in a session, and reads the user where
// there is somewhere to read from.
func ginID(newStore ginStore, open opens) func(w *world) (*app, error) {
	return ginApp(newStore, user(alice.ID), func(c *gin.Context) uint {
		id, _ := sessions.Default(c).Get("user").(uint)
		return id
	}, open)
}

// ginValues is an app that keeps values in a session as InSession does, a token and
// whose it is: they have its keys and lengths, and are looked up and compared.
func ginValues(newStore ginStore) func(w *world) (*app, error) {
	token, whose := strings.Repeat("t", 66), strings.Repeat("w", 22)
	fill := func(s sessions.Session) {
		s.Set("powgin", token)
		s.Set("powgin.user", whose)
	}
	return ginApp(newStore, fill, func(c *gin.Context) uint {
		if s := sessions.Default(c); s.Get("powgin") != token || s.Get("powgin.user") != whose {
			return 0
		}
		return alice.ID
	}, nil)
}

// ginApp is an app that finds the user's id by what its sign-in has filled a session
// with.
func ginApp(newStore ginStore, fill func(sessions.Session), id hasID, open opens) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		router, err := ginRouter(w, newStore, fill)
		if err != nil {
			return nil, err
		}
		says, err := id.serve(w, router, open)
		if err != nil {
			return nil, err
		}
		return (&app{handler: router, says: says}).signIn(w)
	}
}

// ginUser is an app that keeps the user itself in a session.
func ginUser(newStore ginStore) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		router, err := ginRouter(w, newStore, user(alice))
		if err != nil {
			return nil, err
		}
		router.GET("/", func(c *gin.Context) {
			u, _ := sessions.Default(c).Get("user").(User)
			seen(c, &u)
		})
		return (&app{handler: router, says: saysUser}).signIn(w)
	}
}

// ginRouter returns a router whose sign-in fills a session.
func ginRouter(w *world, newStore ginStore, fill func(sessions.Session)) (*gin.Engine, error) {
	store, err := newStore(w)
	if err != nil {
		return nil, err
	}
	router := gin.New()
	router.Use(sessions.Sessions("app", store))
	router.POST("/signin", func(c *gin.Context) {
		s := sessions.Default(c)
		fill(s)
		if err := s.Save(); err != nil {
			c.String(http.StatusInternalServerError, "saving the session: %v", err)
		}
	})
	return router, nil
}

// user has a session hold the value as its user.
func user(value any) func(sessions.Session) {
	return func(s sessions.Session) { s.Set("user", value) }
}
