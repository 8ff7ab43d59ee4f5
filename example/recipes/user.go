package recipes

import (
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// User is the signed-in user. The site and every program beside it import this
// one type: an account is found by Namespace, table, and the type's import path
// and name, so that an Auth of a copy of the type would reach nobody.
type User struct {
	ID      uint
	Email   string `gorm:"uniqueIndex;size:200"`
	Plan    string
	Credits int
	Locked  bool
}

// Settings are what the site and the programs beside it have in common: which
// accounts they mean, and when sessions are over. A nil store stands for one in the
// process, which no other program reaches.
func Settings(db *gorm.DB, store cache.Store) powgin.Config[User] {
	return powgin.Config[User]{
		DB:        db,
		Store:     store,
		Namespace: "shop",
		Active:    func(user User) bool { return !user.Locked },
	}
}
