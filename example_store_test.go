package powgin_test

import (
	"fmt"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/gormstore"
)

// Sessions and cached users in a table of the app's own database.
func ExampleConfig_store() {
	db, done := exampleDB()
	defer done()

	store := gormstore.Must(gormstore.New(db, gormstore.Migrate()))
	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Store: store}))
	defer auth.Close()

	fmt.Println(db.Migrator().HasTable("powgin_accounts"))
	// Output: true
}
