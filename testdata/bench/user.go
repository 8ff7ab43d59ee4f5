package main

import (
	"encoding/gob"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// A User has ten fields, as the models of apps have them.
type User struct {
	ID        uint
	CreatedAt time.Time
	UpdatedAt time.Time
	Email     string `gorm:"uniqueIndex"`
	Name      string
	Plan      string
	Role      string
	Locked    bool
	Credits   int64
	LastSeen  time.Time
}

// alice is the user whom every request is about.
var alice = User{
	ID: 1, CreatedAt: moment, UpdatedAt: moment, Email: "alice@example.com", Name: "Alice Example",
	Plan: "team", Role: "member", Credits: 1000, LastSeen: moment,
}

var moment = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func init() { gob.Register(User{}) }

// A request whose query is tell is answered with who its handler has seen.
const tell = "tell"

// What such a request is answered with, by handlers that have the whole user, or
// only a number.
const (
	saysUser = "user 1 on the plan team"
	saysID   = "user 1"
)

// seen is the end of every handler that has found a user: it refuses anybody but
// alice.
func seen(c *gin.Context, u *User) {
	if u.ID != alice.ID || u.Plan != alice.Plan {
		c.AbortWithStatus(http.StatusUnauthorized)
		return
	}
	if c.Request.URL.RawQuery == tell {
		c.String(http.StatusOK, "user %d on the plan %s", u.ID, u.Plan)
	}
}

// seenID is the end of every handler that knows no more than a number.
func seenID(c *gin.Context, id uint) {
	if id != alice.ID {
		c.AbortWithStatus(http.StatusUnauthorized)
		return
	}
	if c.Request.URL.RawQuery == tell {
		c.String(http.StatusOK, "user %d", id)
	}
}
