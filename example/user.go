package main

import (
	"slices"

	"github.com/powgin/powgin"
	"gorm.io/gorm"
)

// User is the signed-in user, an ordinary GORM model.
//
// The tag on PasswordHash keeps the hash out of powgin: it never reads the
// column, so the hash is in no cache, no request and no page. Only the sign-in
// form reads it, by its own query.
type User struct {
	gorm.Model
	Email        string `gorm:"uniqueIndex;not null"`
	Plan         string `gorm:"not null"`
	Admin        bool   `gorm:"not null"`
	PasswordHash string `gorm:"not null" powgin:"-"`
}

// Context is the handlers' gin.Context: it knows the type of the user.
type Context = powgin.Context[User]

// plan is something that a user can subscribe to.
type plan struct {
	ID, Name, Price, About string
}

var plans = []plan{
	{"free", "Free", "0", "A look around, for as long as you like."},
	{"basic", "Basic", "5", "For one person with one project."},
	{"pro", "Pro", "12", "Opens the pro page, and all that comes with it."},
	{"team", "Team", "30", "Five seats and a shared bill."},
	{"enterprise", "Enterprise", "99", "For those who need it in writing."},
}

func isPlan(id string) bool {
	return slices.ContainsFunc(plans, func(p plan) bool { return p.ID == id })
}
