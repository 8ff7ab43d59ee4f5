package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A member is a user of ten fields.
type member struct {
	ID        uint
	CreatedAt time.Time
	UpdatedAt time.Time
	Email     string
	Name      string
	Plan      string
	Role      string
	Locked    bool
	Credits   int64
	LastSeen  time.Time
}

// members are users whom nobody keeps: Find makes each anew, as a driver does of
// a row. So the texts of a cached user are the cache's, and counted as such.
type members struct{}

func (members) Key(m member) string { return strconv.FormatUint(uint64(m.ID), 10) }

func (members) Find(_ context.Context, key string) (member, bool, error) {
	id, err := strconv.ParseUint(key, 10, 64)
	then := time.Unix(1e9, 0)
	return member{
		ID: uint(id), CreatedAt: then, UpdatedAt: then, LastSeen: then,
		Email: "user" + key + "@example.com", Name: "User " + key, Plan: "free", Role: "member",
	}, err == nil, err
}

// A site is an app with its routes.
type site struct {
	auth   *powgin.Auth[member]
	router *gin.Engine
}

// newSite returns a site where nothing is renewed and nothing grows old by
// itself; change, which may be nil, sets it up otherwise.
func newSite(change func(*powgin.Config[member])) (*site, error) {
	cfg := powgin.Config[member]{
		Users: members{}, IdleTimeout: 24 * time.Hour, MaxAge: powgin.NoMaxAge, MaxAccounts: 4_000_000,
	}
	if change != nil {
		change(&cfg)
	}
	auth, err := powgin.New(cfg)
	if err != nil {
		return nil, err
	}
	s := &site{auth, gin.New()}
	s.router.Use(auth.Session())
	s.router.GET("/", powgin.Handle(func(c *powgin.Context[member]) {
		if _, ok := c.User(); !ok {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	}))
	s.router.POST("/signin/:id", powgin.Handle(func(c *powgin.Context[member]) {
		m, _, err := members{}.Find(c, c.Param("id"))
		answer(c.Context, err, func() error { return c.SignIn(m) })
	}))
	s.router.POST("/sync", powgin.Handle(func(c *powgin.Context[member]) {
		m, ok := c.User()
		if !ok {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		answer(c.Context, nil, func() error { return c.SyncUser(m, powgin.Grace(0)) })
	}))
	return s, nil
}

// answer does what the route is for and answers its error.
func answer(c *gin.Context, err error, do func() error) {
	if err == nil {
		err = do()
	}
	if err != nil {
		powgin.Abort(c, err)
	}
}

// bareRouter is a route with nothing at all.
func bareRouter() *gin.Engine {
	router := gin.New()
	router.GET("/", func(*gin.Context) {})
	return router
}

// A sink is a response that keeps its header and its status.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// A client sends one request after another and allocates nothing for them. It is
// for one goroutine.
type client struct {
	server   http.Handler
	sink     sink
	request  http.Request
	cookie   []string // what the request's header holds
	with     http.Header
	without  http.Header
	received []string // the last answer's cookies
}

func newClient(server http.Handler) *client {
	c := &client{server: server, sink: sink{header: http.Header{}}, cookie: []string{""}, without: http.Header{}}
	c.with = http.Header{"Cookie": c.cookie}
	r := http.Request{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "localhost",
		RemoteAddr: "192.0.2.1:1234", URL: &url.URL{Path: "/"}, Body: http.NoBody,
	}
	// A server's requests can be cancelled, which costs whoever waits for one.
	ctx, cancel := context.WithCancel(context.Background())
	runtime.AddCleanup(c, func(cancel context.CancelFunc) { cancel() }, cancel)
	c.request = *r.WithContext(ctx)
	return c
}

// get asks for the page and returns the status.
func (c *client) get(cookie string) int { return c.send(http.MethodGet, "/", cookie) }

// post sends a request that is answered with a cookie and returns that, as the
// next request is to carry it.
func (c *client) post(path, cookie string) (string, error) {
	clear(c.sink.header)
	status := c.send(http.MethodPost, path, cookie)
	c.received = c.sink.header["Set-Cookie"]
	if status != http.StatusOK || len(c.received) != 1 {
		return "", fmt.Errorf("POST %s = %d with %d cookies; want 200 and one", path, status, len(c.received))
	}
	next, _, _ := strings.Cut(c.received[0], ";")
	return next, nil
}

func (c *client) send(method, path, cookie string) int {
	c.request.Method, c.request.URL.Path = method, path
	c.request.Header = c.without
	if cookie != "" {
		c.cookie[0] = cookie
		c.request.Header = c.with
	}
	c.sink.status = 0
	c.server.ServeHTTP(&c.sink, &c.request)
	return c.sink.status
}

func signInPath(user int) string { return "/signin/" + keyOf(user) }

// keyOf returns the key of a user by their place; keys begin with 1.
func keyOf(user int) string { return strconv.Itoa(user + 1) }
