package neighbours

import (
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// User is the user of every site.
type User struct {
	gorm.Model
	Email string `gorm:"uniqueIndex"`
	Plan  string
}

// Context is what the handlers of the powgin site get.
type Context = powgin.Context[User]

// The two users of every site.
const (
	alice = "alice@example.com"
	bob   = "bob@example.com"
)

// signingKey signs the cookies of gin-contrib/sessions.
var signingKey = []byte("thirty-two bytes, random ones...")

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // many tests make requests fail
	m.Run()
}

// A site is the same small app, whatever keeps its sessions. It answers
//
//	GET  /         to everyone
//	GET  /me       with the user's address, and with nothing for nobody
//	GET  /plan     with the user's plan
//	POST /plan     by changing it; it reads the form before it writes
//	GET  /report   as GET /plan does, and
//	POST /slow     as POST /plan does, once held lets it go on
//	POST /login, /logout
//
// and more where a test asks for it.
type site struct {
	*testing.T
	db      *gorm.DB
	router  *gin.Engine
	handler http.Handler // router, and what the library wraps around it
	held    gate
	auth    *powgin.Auth[User] // powgin's; nil with the others
	down    func()             // has the store of sessions fail; nil where there is none to fail
	up      func()             // has it work again

	// stored returns what somebody who can read the store would try as the value
	// of a cookie like this one; nil where nobody can look.
	stored func(cookie string) []string
	// asItComes is a site that only signs in and leaves the cookie's attributes
	// to the library.
	asItComes func() http.Handler
}

func newSite(t *testing.T) *site {
	t.Helper()
	return &site{T: t, db: openDB(t), router: gin.New(), held: newGate()}
}

// openDB returns a database with alice and bob in it.
func openDB(t *testing.T) *gorm.DB {
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
	err = errors.Join(db.AutoMigrate(&User{}),
		db.Create(&User{Email: alice, Plan: "free"}).Error, db.Create(&User{Email: bob, Plan: "free"}).Error)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// app describes the site to powgintest.
func (s *site) app() powgintest.App {
	return powgintest.App{
		Handler: s.handler,
		Users:   [2]string{alice, bob},
		SignIn:  func(b *powgintest.Browser, user string) { b.PostForm("/login", "email", user) },
		SignOut: func(b *powgintest.Browser) { b.PostForm("/logout") },
		WhoAmI:  func(b *powgintest.Browser) string { return b.Get("/me").Body },
		Change:  func(b *powgintest.Browser) { b.PostForm("/plan", "plan", "pro") },
	}
}

func (s *site) browser() *powgintest.Browser { return powgintest.NewBrowser(s.T, s.handler) }

// signIn returns a browser in which the user has signed in.
func (s *site) signIn(user string) *powgintest.Browser {
	s.Helper()
	b := s.browser()
	s.app().SignIn(b, user)
	if got := who(b); got != user {
		s.Fatalf("after the sign-in of %s GET /me = %q", user, got)
	}
	return b
}

// copied returns a browser that sends the cookies b has now, and for ever: what
// somebody has who copied them.
func (s *site) copied(b *powgintest.Browser) *powgintest.Browser {
	c := s.browser()
	c.SetCookies(b.Cookies()...)
	return c
}

// sql changes the database as another service would.
func (s *site) sql(statement string) {
	s.Helper()
	if err := s.db.Exec(statement).Error; err != nil {
		s.Fatal(err)
	}
}

// who tells whom the site takes the browser for.
func who(b *powgintest.Browser) string {
	switch r := b.Get("/me"); {
	case r.Status != http.StatusOK:
		return http.StatusText(r.Status)
	case r.Body == "":
		return "nobody"
	default:
		return r.Body
	}
}

func plan(b *powgintest.Browser) string { return b.Get("/plan").Body }

var errPassword = errors.New("no user has this address and password")

// authenticate returns the user whom the sign-in form names. Passwords are not
// what is compared here, so the form has none.
func (s *site) authenticate(c *gin.Context) (User, error) {
	var user User
	err := s.db.WithContext(c.Request.Context()).Where("email = ?", c.PostForm("email")).Limit(1).Find(&user).Error
	if err == nil && user.ID == 0 {
		err = errPassword
	}
	return user, err
}

// keyOf returns the user's key as text, which is what powgin calls it too.
func keyOf(user User) string { return strconv.FormatUint(uint64(user.ID), 10) }

// fail answers an error at the sites that are not powgin's.
func fail(c *gin.Context, err error) {
	status := http.StatusInternalServerError
	if errors.Is(err, errPassword) {
		status = http.StatusUnprocessableEntity
	}
	c.AbortWithStatus(status)
}

// A gate holds requests in their handler until it is opened.
type gate struct {
	reached chan struct{}
	open    func()
	opened  chan struct{}
}

func newGate() gate {
	opened := make(chan struct{})
	return gate{reached: make(chan struct{}, 8), open: sync.OnceFunc(func() { close(opened) }), opened: opened}
}

func (g gate) hold(*gin.Context) {
	g.reached <- struct{}{}
	<-g.opened
}

// during sends a request to a handler that is held, calls f, and has the
// request answered then.
func (s *site) during(request, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		request()
	}()
	<-s.held.reached
	f()
	s.held.open()
	<-done
}
