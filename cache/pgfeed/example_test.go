package pgfeed_test

import (
	"context"
	"fmt"
	"log"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/pgfeed"
)

func ExampleStart() {
	auth := powgin.Must(powgin.New(powgin.Config[user]{DB: db}))
	defer auth.Close()

	feed, err := pgfeed.Start(context.Background(), "postgres://app@localhost/shop", auth, "users",
		pgfeed.Columns("plan"), // whatever else changes, the model does not hold it
		pgfeed.Migrate())
	if err != nil {
		log.Fatal(err)
	}
	defer feed.Close()
}

// The migration is run by hand, as one who owns the table.
func ExampleSchema() {
	schema, err := pgfeed.Schema("users", pgfeed.Columns("plan"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(schema)
}

var db *gorm.DB
