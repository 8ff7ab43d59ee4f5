package powgin_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"

	"github.com/powgin/powgin"
)

// User is a model as apps have them.
type User struct {
	gorm.Model
	Email        string `gorm:"uniqueIndex"`
	Name         string
	Plan         string
	Role         string
	Locked       bool
	Credits      int64
	PasswordHash string `powgin:"-"`
}

// Context is what the tests' handlers get.
type Context = powgin.Context[User]

func init() { gin.SetMode(gin.TestMode) }

// openDB returns a database of the test's own, in a file, with alice (1) and
// bob (2) in it.
func openDB(t testing.TB) *gorm.DB {
	t.Helper()
	dsn := "file:" + filepath.Join(t.TempDir(), "app.db") + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: dsn}, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	if err := db.AutoMigrate(&User{}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob"} {
		u := User{Email: name + "@example.com", Name: name, Plan: "free", Role: "member", PasswordHash: "secret-of-" + name}
		if err := db.Create(&u).Error; err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// app is a small app, with routes for what a test may want of it.
type app struct {
	testing.TB
	db     *gorm.DB
	auth   *powgin.Auth[User]
	router *gin.Engine
	config powgin.Config[User]
	ahead  gin.HandlerFunc // mounted ahead of everything; nil for none
}

// newApp starts an app over plain HTTP cookies. change may alter its Config.
func newApp(t testing.TB, change func(*powgin.Config[User])) *app {
	t.Helper()
	a := &app{TB: t, db: openDB(t)}
	a.config = powgin.Config[User]{DB: a.db, Transport: powgin.Cookie{Insecure: true}}
	if change != nil {
		change(&a.config)
	}
	auth, err := powgin.New(a.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	a.auth, a.router = auth, gin.New()
	a.router.Use(auth.Session())
	a.routes()
	return a
}

func (a *app) routes() {
	r, auth := a.router, a.auth
	r.GET("/", powgin.Handle(whoami))
	r.GET("/me", auth.RequireUser(), powgin.Handle(whoami))
	r.GET("/reload", auth.Reload(), auth.RequireUser(), powgin.Handle(whoami))
	r.GET("/require-reload", auth.RequireUser(), auth.Reload(), powgin.Handle(whoami))
	r.GET("/refresh", auth.Refresh(), auth.RequireUser(), powgin.Handle(whoami))
	r.GET("/maxage", auth.MaxAge(10*time.Second), auth.RequireUser(), powgin.Handle(whoami))
	r.GET("/pro", auth.Reload(), auth.Require(func(u User) bool { return u.Plan == "pro" }), powgin.Handle(whoami))
	r.GET("/guest", auth.RequireGuest(), func(c *gin.Context) { c.String(http.StatusOK, "guest") })
	r.POST("/signin/:id", powgin.Handle(func(c *Context) {
		var u User
		if _, err := fmt.Sscan(c.Param("id"), &u.ID); err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		answer(c, c.SignIn(u))
	}))
	r.POST("/signout", powgin.Handle(func(c *Context) { answer(c, c.SignOut()) }))
	r.POST("/plan/:plan", auth.RequireUser(), powgin.Handle(func(c *Context) {
		u := c.MustUser()
		if err := a.db.WithContext(c.Request.Context()).Model(&User{}).Where("id = ?", u.ID).Update("plan", c.Param("plan")).Error; err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		answer(c, c.SyncUser(u))
	}))
	r.GET("/sessions", auth.RequireUser(), powgin.Handle(func(c *Context) {
		list, err := c.Sessions()
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.JSON(http.StatusOK, list)
	}))
	r.POST("/revoke/:id", auth.RequireUser(), powgin.Handle(func(c *Context) { answer(c, c.Revoke(c.Param("id"))) }))
	r.POST("/revoke-others", auth.RequireUser(), powgin.Handle(func(c *Context) { answer(c, c.RevokeOthers()) }))
}

// identity is what the app tells of the user and session of a request.
type identity struct {
	User    *User
	Session *powgin.SessionInfo
}

func whoami(c *Context) {
	var id identity
	if u, ok := c.User(); ok {
		id.User = &u
	}
	if s, ok := c.Session(); ok {
		id.Session = &s
	}
	c.JSON(http.StatusOK, id)
}

// answer answers with the identity, or as err is due.
func answer(c *Context, err error) {
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	whoami(c)
}

// set changes columns of a user behind powgin's back.
func (a *app) set(id uint, column string, value any) {
	a.Helper()
	if err := a.db.Exec("UPDATE users SET "+column+" = ? WHERE id = ?", value, id).Error; err != nil {
		a.Fatal(err)
	}
}

// A browser keeps cookies as browsers do, one a name.
type browser struct {
	*app
	mu      sync.Mutex
	cookies map[string]string
}

func (a *app) browser() *browser { return &browser{app: a, cookies: map[string]string{}} }

// signIn returns a browser with a session of the user with this id.
func (a *app) signIn(id uint) *browser {
	a.Helper()
	b := a.browser()
	b.post(fmt.Sprintf("/signin/%d", id)).want(http.StatusOK)
	return b
}

// clone returns another browser with the same cookies.
func (b *browser) clone() *browser {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.browser()
	maps.Copy(c.cookies, b.cookies)
	return c
}

// token returns the value of the session cookie.
func (b *browser) token() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, v := range b.cookies {
		if strings.Contains(k, "powgin") {
			return v
		}
	}
	return ""
}

// A response is an answer as it left the app.
type response struct {
	*httptest.ResponseRecorder
	b    *browser
	what string
}

func (b *browser) get(path string, headers ...string) *response { return b.do("GET", path, headers...) }
func (b *browser) post(path string, headers ...string) *response {
	return b.do("POST", path, headers...)
}

// do sends a request with the browser's cookies and keeps those of the answer.
// headers are pairs of name and value.
func (b *browser) do(method, path string, headers ...string) *response {
	b.Helper()
	r := httptest.NewRequest(method, "http://app.example"+path, nil)
	b.mu.Lock()
	for k, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	b.mu.Unlock()
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.router.ServeHTTP(w, r)
	b.keep(w.Result().Cookies())
	return &response{w, b, method + " " + path}
}

func (b *browser) keep(set []*http.Cookie) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range set {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
}

// want fails the test where the answer has another status.
func (r *response) want(status int) *response {
	r.b.Helper()
	if r.Code != status {
		r.b.Fatalf("%s = %d %s; want %d", r.what, r.Code, r.Body, status)
	}
	return r
}

// identity reads the user and session of an answer with status 200.
func (r *response) identity() (id identity) {
	r.b.Helper()
	r.want(http.StatusOK)
	if err := json.Unmarshal(r.Body.Bytes(), &id); err != nil {
		r.b.Fatalf("%s: %v in %s", r.what, err, r.Body)
	}
	return id
}

// setCookies returns the Set-Cookie lines of the answer.
func (r *response) setCookies() []string { return r.Result().Header.Values("Set-Cookie") }

// plan returns the plan that the page shows, "" for nobody.
func (b *browser) plan(path string) string {
	b.Helper()
	if u := b.get(path).identity().User; u != nil {
		return u.Plan
	}
	return ""
}
