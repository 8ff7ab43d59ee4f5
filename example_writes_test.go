package powgin_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gin-gonic/gin"

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
