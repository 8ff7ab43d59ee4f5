package powgin_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// The cache follows the app's writes: nobody calls SyncUser or Sync for its sake.
func ExampleAuth_Initialize() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	if err := db.Use(auth); err != nil { // before dbresolver, on what gorm.Open returned
		log.Fatal(err)
	}
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/plan")
	fmt.Println("upgrade:", db.Model(&User{}).Where("email = ?", "alice@example.com").Update("plan", "pro").Error)
	browser.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free
	// upgrade: <nil>
	// GET /plan: 200 pro
}

// A write that GORM does not see.
func ExampleAuth_Write() {
	db, done := exampleDB()
	defer done()

	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db}))
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", aliceSignsIn)
	router.GET("/plan", auth.RequireUser(), showPlan)
	pool, err := db.DB()
	if err != nil {
		log.Fatal(err)
	}
	upgrade := func(ctx context.Context, id, plan string) error {
		return auth.Write(ctx, []string{id}, func(ctx context.Context) error {
			_, err := pool.ExecContext(ctx, "UPDATE users SET plan = ? WHERE id = ?", plan, id)
			return err
		})
	}

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/plan")
	fmt.Println("upgrade:", upgrade(context.Background(), "1", "pro"))
	browser.get("/plan")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /plan: 200 free
	// upgrade: <nil>
	// GET /plan: 200 pro
}

// An Author is a user whose role is in another table.
type Author struct {
	ID   uint
	Name string
	Role string `gorm:"-"`
}

// AfterFind is GORM's hook: it reads the role.
func (a *Author) AfterFind(tx *gorm.DB) error {
	return tx.Session(&gorm.Session{NewDB: true}).Table("memberships").Select("role").Where("author_id = ?", a.ID).Scan(&a.Role).Error
}

// Users who are made of several tables.
func ExampleWatchTable() {
	db, done := exampleDB()
	defer done()
	for _, text := range []string{
		"CREATE TABLE authors (id integer PRIMARY KEY, name text)", "INSERT INTO authors VALUES (1, 'alice')",
		"CREATE TABLE memberships (author_id integer, role text)", "INSERT INTO memberships VALUES (1, 'reader')",
	} {
		if err := db.Exec(text).Error; err != nil {
			log.Fatal(err)
		}
	}

	auth := powgin.Must(powgin.New(powgin.Config[Author]{DB: db, WatchTables: map[string]powgin.WatchTable{
		"memberships": {Columns: []string{"author_id"}}, // a row concerns this user
		"prices":      {},                               // each row concerns everybody
	}}))
	if err := db.Use(auth); err != nil {
		log.Fatal(err)
	}

	router := gin.New()
	router.Use(auth.Session())
	router.POST("/login", powgin.Handle(func(c *powgin.Context[Author]) {
		if err := c.SignIn(Author{ID: 1}); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	router.GET("/role", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[Author]) { c.String(200, c.MustUser().Role) }))

	browser := visit(router)
	browser.post("/login", "")
	browser.get("/role")
	fmt.Println("promote:", db.Table("memberships").Where("author_id = ?", 1).Update("role", "editor").Error)
	browser.get("/role")

	// Output:
	// POST /login: 200 (new cookie)
	// GET /role: 200 reader
	// promote: <nil>
	// GET /role: 200 editor
}
