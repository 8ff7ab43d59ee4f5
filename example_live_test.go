package powgin_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A page that shows the plan as it changes, and closes when its session ends.
func ExampleContext_Watch() {
	db, done := exampleDB()
	defer done()
	auth := powgin.Must(powgin.New(powgin.Config[User]{DB: db, Transport: powgin.Bearer{}}))
	defer auth.Close()

	live := powgin.Handle(func(c *Context) {
		changes, err := c.Watch()
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.SSEvent("plan", c.MustUser().Plan)
		c.Writer.Flush()
		for change := range changes {
			switch {
			case change.Ended:
				return // EventSource connects anew, and is answered 401
			case change.Err != nil:
				c.SSEvent("plan", "unknown")
			default:
				c.SSEvent("plan", c.MustUser().Plan)
			}
			c.Writer.Flush()
		}
	})

	router := gin.New()
	router.Use(auth.Session())
	router.POST("/signin", powgin.Handle(func(c *Context) {
		if err := c.SignIn(userWith(1)); err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.String(http.StatusOK, "%s", c.Token())
	}))
	router.GET("/live", auth.RequireUser(), live)
	server := httptest.NewServer(router)
	defer server.Close()

	recorder := httptest.NewRecorder()
	router.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/signin", nil))
	r, _ := http.NewRequest(http.MethodGet, server.URL+"/live", nil)
	r.Header.Set("Authorization", "Bearer "+recorder.Body.String())
	page, err := server.Client().Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer page.Body.Close()

	ctx := context.Background()
	lines := bufio.NewScanner(page.Body)
	for lines.Scan() {
		plan, ok := strings.CutPrefix(lines.Text(), "data:")
		if !ok {
			continue
		}
		fmt.Println(plan)
		if plan == "free" { // a webhook, a moment later
			user := userWith(1)
			db.Model(&user).Update("plan", "pro")
			_ = auth.Sync(ctx, user)
		} else {
			_ = auth.RevokeUser(ctx, auth.Key(userWith(1)))
		}
	}
	fmt.Println("closed")
	// Output:
	// free
	// pro
	// closed
}
