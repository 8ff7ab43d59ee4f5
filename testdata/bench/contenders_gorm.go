package main

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
)

// opens opens a database that has alice in it.
type opens func(w *world, config gorm.Config) (*gorm.DB, error)

// Reads of the user alone, for whoever knows their id. The last is the fastest that
// heeds the request's context and goes through GORM.
func gormReads(on string, open opens) []contender {
	contenders := []contender{
		{name: "db.First", chart: true, loopback: true, open: readBy(open, gorm.Config{}, first)},
		{name: "db.First, PrepareStmt", chart: true, open: readBy(open, gorm.Config{PrepareStmt: true}, first)},
		{name: "prepared, SQL built once, Raw and Take", kind: floors, chart: true,
			open: readBy(open, gorm.Config{PrepareStmt: true}, take)},
	}
	for i := range contenders {
		contenders[i].name += " on " + on
		contenders[i].loopback = contenders[i].loopback && on == "SQLite"
	}
	return contenders
}

// fastestRead names the fastest well-behaved read of the user by GORM.
func fastestRead(on string) string { return "prepared, SQL built once, Raw and Take on " + on }

// A read returns a user.
type read func(ctx context.Context, db *gorm.DB, id uint) (User, error)

func first(ctx context.Context, db *gorm.DB, id uint) (u User, err error) {
	err = db.WithContext(ctx).First(&u, id).Error
	return u, err
}

const selectUser = "SELECT id, created_at, updated_at, email, name, plan, role, locked, credits, last_seen FROM users WHERE id = ? LIMIT 1"

func take(ctx context.Context, db *gorm.DB, id uint) (u User, err error) {
	err = db.WithContext(ctx).Raw(selectUser, id).Take(&u).Error
	return u, err
}

func readBy(open opens, config gorm.Config, read read) func(w *world) (*app, error) {
	return func(w *world) (*app, error) {
		db, err := open(w, config)
		if err != nil {
			return nil, err
		}
		router := gin.New()
		router.GET("/", func(c *gin.Context) { readUser(c, db, read, alice.ID) })
		return &app{router, newRequest(w, http.MethodGet, "/"), saysUser}, nil
	}
}

// readUser is the end of handlers that know an id and want the user.
func readUser(c *gin.Context, db *gorm.DB, read read, id uint) {
	u, err := read(c.Request.Context(), db, id)
	if err != nil {
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	seen(c, &u)
}

// hasID has a router find the id of whoever has signed in; 0 stands for nobody.
type hasID func(c *gin.Context) uint

// serve adds the route that is measured, and returns what it answers: where there is
// somewhere to read from it reads the user, else it is content with the id.
func (id hasID) serve(w *world, router gin.IRoutes, open opens) (says string, err error) {
	if open == nil {
		router.GET("/", func(c *gin.Context) { seenID(c, id(c)) })
		return saysID, nil
	}
	db, err := open(w, gorm.Config{})
	if err != nil {
		return "", err
	}
	router.GET("/", func(c *gin.Context) { readUser(c, db, first, id(c)) })
	return saysUser, nil
}
