package main

import (
	"net/http"
	"strings"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	"github.com/gin-gonic/gin"
	"github.com/redis/go-redis/v9"
)

// An scsStore opens a store of scs.
type scsStore func(w *world) (scs.Store, error)

func scsMemstore(*world) (scs.Store, error) { return memstore.NewWithCleanupInterval(0), nil }

func scsRedis(w *world) (scs.Store, error) {
	address, err := w.server()
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(&redis.Options{Addr: address})
	w.end(client.Close)
	return goredisstore.NewWithPrefix(client, w.name+":scs:"), nil
}

func scsMemory() []contender {
	return []contender{
		{name: "scs memstore, id only", chart: true, open: scsID(scsMemstore, nil)},
		{name: "scs memstore, user in the session", chart: true, loopback: true, open: scsUser(scsMemstore)},
	}
}

func scsReads() []contender {
	return []contender{
		{name: "scs memstore + db.First", chart: true, open: scsID(scsMemstore, (*world).sqlite)},
	}
}

func scsStores() []contender {
	return []contender{
		{name: "scs goredisstore, id only", chart: true, open: scsID(scsRedis, nil)},
		{name: "scs goredisstore, user in the session", chart: true, open: scsUser(scsRedis)},
	}
}

// scsID is an app that keeps the user's id in a session of scs, and reads the user
// where there is somewhere to read from.
func scsID(newStore scsStore, open opens) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		sm, router, err := scsRouter(w, newStore, int(alice.ID))
		if err != nil {
			return nil, err
		}
		id := hasID(func(c *gin.Context) uint { return uint(sm.GetInt(c.Request.Context(), "user")) })
		says, err := id.serve(w, router, open)
		if err != nil {
			return nil, err
		}
		return (&app{handler: sm.LoadAndSave(router), says: says}).signIn(w)
	}
}

// scsUser is an app that keeps the user itself in a session of scs.
func scsUser(newStore scsStore) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		sm, router, err := scsRouter(w, newStore, alice)
		if err != nil {
			return nil, err
		}
		router.GET("/", func(c *gin.Context) {
			u, _ := sm.Get(c.Request.Context(), "user").(User)
			seen(c, &u)
		})
		return (&app{handler: sm.LoadAndSave(router), says: saysUser}).signIn(w)
	}
}

// scsRouter returns a router whose sign-in keeps the value in a session.
func scsRouter(w *world, newStore scsStore, value any) (*scs.SessionManager, *gin.Engine, error) {
	store, err := newStore(w)
	if err != nil {
		return nil, nil, err
	}
	sm := scs.New() // the goroutine of the store that it begins with looks around once a minute, to the end of the program
	sm.Store = store
	sm.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, strings.TrimSpace(err.Error()), http.StatusInternalServerError)
	}
	router := gin.New()
	router.POST("/signin", func(c *gin.Context) {
		if err := sm.RenewToken(c.Request.Context()); err != nil {
			c.String(http.StatusInternalServerError, "RenewToken: %v", err)
			return
		}
		sm.Put(c.Request.Context(), "user", value)
	})
	return sm, router, nil
}
