package writes

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// A Member is a user whose changes are counted.
type Member struct {
	ID   uint
	Team int
	N    int    // every change that is committed adds one
	Mark string // of changes that are rolled back; it is never committed
}

// AfterFind is run when GORM has read the row.
func (*Member) AfterFind(tx *gorm.DB) error {
	if found, ok := tx.Statement.Context.Value(foundKey{}).(func()); ok {
		found()
	}
	return nil
}

// A club is an app with four members in two teams.
type club struct {
	testing.TB
	db     *gorm.DB // followed by the plugin, with a heldPool below it
	beside *gorm.DB // followed by nobody
	auth   *powgin.Auth[Member]
	router *gin.Engine
}

const (
	members = 4
	teams   = 2
	day     = 24 * time.Hour
)

func newClub(t testing.TB, d gorm.Dialector, store cache.Store) *club {
	t.Helper()
	c := &club{TB: t, db: dial(t, d, gorm.Config{}), beside: dial(t, d, gorm.Config{}), router: gin.New()}
	must(t, c.beside.AutoMigrate(&Member{}))
	for id := range members {
		must(t, c.beside.Create(&Member{ID: uint(id + 1), Team: id % teams}).Error)
	}
	pool, err := c.db.DB()
	must(t, err)
	c.db.ConnPool = &heldPool{pool}
	c.db.Statement.ConnPool = c.db.ConnPool
	c.auth = powgin.Must(powgin.New(powgin.Config[Member]{
		DB: c.db, Store: store, MaxAge: powgin.NoMaxAge, Transport: powgin.Cookie{Insecure: true},
		IdleTimeout: 200 * day, AbsoluteTimeout: 300 * day, // the store's time is moved on
		OnError: func(context.Context, error) {},
	}))
	t.Cleanup(func() { _ = c.auth.Close() })
	must(t, c.db.Use(c.auth))
	c.router.Use(c.auth.Session())
	c.router.POST("/in/:id", func(g *gin.Context) {
		var m Member
		if err := c.beside.First(&m, g.Param("id")).Error; err != nil || powgin.SignIn(g, m) != nil {
			g.AbortWithStatus(http.StatusInternalServerError)
		}
	})
	c.router.GET("/me", powgin.Handle(func(g *powgin.Context[Member]) {
		m, ok := g.User()
		if !ok {
			g.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		g.JSON(http.StatusOK, m)
	}))
	return c
}

// browser returns one that the member is signed in with.
func (c *club) browser(id int) *powgintest.Browser {
	c.Helper()
	b := powgintest.NewBrowser(c, c.router)
	if r := b.PostForm(fmt.Sprintf("/in/%d", id)); r.Status != http.StatusOK {
		c.Fatalf("member %d cannot sign in: %d %s", id, r.Status, r.Body)
	}
	return b
}

// member is whom a page shows.
func member(r *powgintest.Response) (m Member, err error) {
	err = json.Unmarshal([]byte(r.Body), &m)
	return m, err
}

// row is what the database has.
func (c *club) row(id int) (m Member) {
	c.Helper()
	must(c, c.beside.First(&m, id).Error)
	return m
}
