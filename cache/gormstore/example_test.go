package gormstore_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/gormstore"
)

type User struct {
	gorm.Model
	Email string
}

// Sessions live in the app's own database: a restart ends none, and all nodes
// of the app share them.
func Example() {
	dir, err := os.MkdirTemp("", "powgin")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	dsn := "file:" + filepath.Join(dir, "app.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(1000)"
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: dsn})
	if err != nil {
		log.Fatal(err)
	}

	store := gormstore.Must(gormstore.New(db, gormstore.Migrate()))
	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Store: store}))
	defer func() { _ = auth.Close() }()

	fmt.Println(db.Migrator().HasTable("powgin_accounts"))
	if pool, err := db.DB(); err == nil {
		_ = pool.Close()
	}
	// Output: true
}

// An app that has migrations of its own takes the statement into them.
func ExampleSchema() {
	statement, err := gormstore.Schema("postgres", "auth.sessions")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(statement)
	// Output:
	// CREATE TABLE IF NOT EXISTS "auth"."sessions" (
	// 	id bytea NOT NULL PRIMARY KEY,
	// 	version bytea NOT NULL,
	// 	data bytea NOT NULL,
	// 	expires bigint NOT NULL
	// );
	// CREATE INDEX IF NOT EXISTS "sessions_expires" ON "auth"."sessions" (expires);
}
