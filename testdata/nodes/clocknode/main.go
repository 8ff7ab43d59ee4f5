// Command clocknode is a node whose wall clock can be set apart from the others',
// where it is built as clocks_test.go builds it. Its users are the test's, and its
// store is Redis. It ends when its standard input does.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/rueidis"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/redisstore"
)

// User is somebody with an account.
type User struct {
	Name  string
	Value int
}

// users are those that the test serves at this address.
type users string

// Key implements [powgin.Users].
func (users) Key(u User) string { return u.Name }

// Find implements [powgin.Users].
func (at users) Find(ctx context.Context, key string) (u User, found bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, string(at)+"/"+key, nil)
	if err != nil {
		return u, false, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return u, false, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return u, true, json.NewDecoder(answer.Body).Decode(&u)
	case http.StatusNotFound:
		return u, false, nil
	}
	return u, false, fmt.Errorf("the table answers %s", answer.Status)
}

func main() {
	gin.SetMode(gin.ReleaseMode)
	offset, err := time.ParseDuration(cmp.Or(os.Getenv("POWGIN_NODES_OFFSET"), "0s"))
	if err != nil {
		log.Fatal(err)
	}
	set(offset)
	router, err := newRouter()
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	go func() { log.Fatal(http.Serve(listener, router)) }()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func newRouter() (http.Handler, error) {
	var opts []redisstore.Option
	if os.Getenv("POWGIN_NODES_STRICT") != "" {
		opts = append(opts, redisstore.Strict())
	}
	server := rueidis.ClientOption{InitAddress: []string{os.Getenv("POWGIN_NODES_REDIS")}}
	store, err := redisstore.Open(context.Background(), server, opts...)
	if err != nil {
		return nil, err
	}
	// An hour ends a session, and a day one that is remembered, by a clock that
	// has jumped.
	auth, err := powgin.New(powgin.Config[User]{
		Users: users(os.Getenv("POWGIN_NODES_TABLE")), Store: store,
		RenewAfter: 2 * time.Minute, Grace: time.Minute, IdleTimeout: 30 * time.Minute, AbsoluteTimeout: 12 * time.Hour,
	})
	if err != nil {
		return nil, err
	}
	router := gin.New()
	router.Use(auth.Session())
	routes(router, auth)
	return router, nil
}

func routes(r *gin.Engine, auth *powgin.Auth[User]) {
	r.POST("/clock/:offset", func(c *gin.Context) {
		offset, err := time.ParseDuration(c.Param("offset"))
		set(offset)
		answer(c, nil, err)
	})
	r.POST("/signin/:name", powgin.Handle(func(c *powgin.Context[User]) {
		err := c.SignIn(User{Name: c.Param("name")})
		answer(c.Context, c, err)
	}))
	r.POST("/remember/:name", powgin.Handle(func(c *powgin.Context[User]) {
		err := c.SignIn(User{Name: c.Param("name")}, powgin.Remember(20*time.Hour))
		answer(c.Context, c, err)
	}))
	r.POST("/revokeall", func(c *gin.Context) {
		answer(c, nil, auth.RevokeAll(c.Request.Context(), time.Time{}))
	})
	in := r.Group("", auth.RequireUser())
	me := powgin.Handle(func(c *powgin.Context[User]) { answer(c.Context, c, nil) })
	in.GET("/me", me)
	in.GET("/recent", auth.RequireRecentSignIn(10*time.Minute), auth.MaxAge(10*time.Minute), me)
	in.POST("/sync", powgin.Handle(func(c *powgin.Context[User]) {
		err := c.SyncUser(c.MustUser())
		answer(c.Context, c, err)
	}))
	in.POST("/signout", powgin.Handle(func(c *powgin.Context[User]) { answer(c.Context, nil, c.SignOut()) }))
}

// answer tells whose request it was, and what time it is here.
func answer(c *gin.Context, who *powgin.Context[User], err error) {
	if err != nil {
		powgin.Abort(c, err)
		return
	}
	said := gin.H{"wall": time.Now()}
	if who != nil {
		said["user"] = who.MustUser()
		said["session"], _ = who.Session()
		said["age"], _ = powgin.Age(c)
	}
	c.JSON(http.StatusOK, said)
}
