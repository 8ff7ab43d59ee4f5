package ginstores

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // gin-contrib/sessions logs what it swallows
	os.Exit(m.Run())
}

// User is somebody with an account.
type User struct{ Name string }

// users are alice and bob.
type users struct{}

func (users) Key(u User) string { return u.Name }

func (users) Find(_ context.Context, key string) (User, bool, error) {
	return User{key}, key == "alice" || key == "bob", nil
}

// Context is what the site's handlers get.
type Context = powgin.Context[User]

// A mounting is a way to mount sessions.
type mounting struct {
	names []string // nil for Sessions, else SessionsMany
}

var mountings = map[string]mounting{
	"Sessions":     {},
	"SessionsMany": {[]string{"app", "other"}},
}

// A site keeps values in the session "app" of a store, beside powgin.
type site struct {
	*testing.T
	mounting

	store  store
	router *gin.Engine
	errors []error // what OnError was told

	entered, open chan struct{} // where the handler of /slow waits

	// Where the token is a value of the session "app", nil elsewhere.
	auth  *powgin.Auth[User]
	clock *powgintest.Clock
}

func newSite(t *testing.T, m mounting, s store) *site {
	t.Helper()
	w := &site{T: t, mounting: m, store: s, router: gin.New(), entered: make(chan struct{}), open: make(chan struct{})}
	s.Options(sessions.Options{Path: "/", MaxAge: 600, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	w.mount()
	auth := powgin.Must(powgin.New(powgin.Config[User]{
		Users:        users{},
		DropAtSignIn: []any{"attempts"},
		OnError:      func(_ context.Context, err error) { w.errors = append(w.errors, err) },
	}))
	t.Cleanup(func() { _ = auth.Close() })
	w.router.Use(auth.Session())
	w.routes()
	return w
}

func (w *site) mount() {
	if w.names == nil {
		w.router.Use(sessions.Sessions("app", w.store.Store))
	} else {
		w.router.Use(sessions.SessionsMany(w.names, w.store.Store))
	}
}

func (w *site) routes() {
	r := w.router
	w.sessionRoutes()
	r.GET("/me", powgin.Handle(func(c *Context) {
		u, _ := c.User()
		c.String(http.StatusOK, "%s", u.Name)
	}))
	r.POST("/signin", powgin.Handle(func(c *Context) { w.answer(c, c.SignIn(User{c.PostForm("user")})) }))
	r.POST("/sync", powgin.Handle(func(c *Context) { w.answer(c, syncUser(c)) }))
	r.POST("/signout", powgin.Handle(func(c *Context) { w.answer(c, c.SignOut()) }))
}

// syncUser syncs the current user; nobody is answered with an error.
func syncUser(c *Context, options ...powgin.SyncOption) error {
	user, _ := c.User()
	return c.SyncUser(user, options...)
}

// sessionRoutes are those that know nothing of powgin.
func (w *site) sessionRoutes() {
	r := w.router
	r.POST("/put", func(c *gin.Context) { w.put(c, c.PostForm("key"), c.PostForm("value")) })
	r.POST("/flash", func(c *gin.Context) {
		s := w.session(c)
		s.AddFlash(c.PostForm("text"))
		w.save(s)
	})
	r.GET("/values", func(c *gin.Context) { c.String(http.StatusOK, "%s", text(w.session(c))) })
	r.POST("/slow", func(c *gin.Context) {
		s := w.session(c)
		s.Set("note", "slow")
		w.entered <- struct{}{}
		<-w.open
		w.save(s)
	})
	r.POST("/brief", func(c *gin.Context) { // a session that ends with the browser's
		w.session(c).Options(sessions.Options{Path: "/"})
		w.put(c, "cart", "apples")
	})
}

// answer answers as err is due. Where the form says so a value is put into the
// session first.
func (w *site) answer(c *Context, err error) {
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	if value := c.PostForm("put"); value != "" {
		w.put(c.Context, "put", value)
	}
}

// session returns the session that the query names, "app" for none.
func (w *site) session(c *gin.Context) sessions.Session {
	if w.names == nil {
		return sessions.Default(c)
	}
	return sessions.DefaultMany(c, c.DefaultQuery("in", "app"))
}

func (w *site) put(c *gin.Context, key, value string) {
	s := w.session(c)
	s.Set(key, value)
	w.save(s)
}

func (w *site) save(s sessions.Session) {
	if err := s.Save(); err != nil {
		w.Errorf("saving a session: %v", err)
	}
}

// text returns what a session keeps, without what powgin has put there.
func text(s sessions.Session) string {
	values := maps.Clone(s.(interface{ Session() *gorilla.Session }).Session().Values)
	for _, key := range [...]string{"powgin", "powgin.replaced", "powgin.user"} {
		delete(values, key)
	}
	return valuesText(values)
}

func valuesText(values map[any]any) string {
	var list []string
	for key, value := range values {
		list = append(list, fmt.Sprintf("%v=%v", key, value))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// A browser of the site.
type browser struct {
	*powgintest.Browser
	site *site
}

func (w *site) browser() *browser {
	return &browser{powgintest.NewBrowser(w.T, w.router), w}
}

func (b *browser) clone() *browser { return &browser{b.Clone(), b.site} }

// post sends a form, and fails the test where it is not answered with 200.
func (b *browser) post(path string, fields ...string) *powgintest.Response {
	b.site.Helper()
	r := b.PostForm(path, fields...)
	if r.Status != http.StatusOK {
		b.site.Fatalf("POST %s = %d %s; want 200", path, r.Status, r.Body)
	}
	return r
}

// wantValues fails the test where the session keeps anything else.
func (b *browser) wantValues(want, when string) {
	b.site.Helper()
	if got := b.Get("/values").Body; got != want {
		b.site.Errorf("%s the session keeps %q; want %q", when, got, want)
	}
}

// wantUser fails the test where powgin knows somebody else, "" for nobody.
func (b *browser) wantUser(want, when string) {
	b.site.Helper()
	if got := b.Get("/me").Body; got != want {
		b.site.Errorf("%s GET /me shows %q; want %q", when, got, want)
	}
}

// cookie returns the value of a cookie, "" for none.
func (b *browser) cookie(name string) string {
	for _, c := range b.Cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// lines returns the names of the cookies that an answer sets, in order, with
// their attributes less Expires.
func lines(r *powgintest.Response) []string {
	var list []string
	for _, line := range r.Header.Values("Set-Cookie") {
		parts := strings.Split(line, "; ")
		parts[0], _, _ = strings.Cut(parts[0], "=")
		parts = slices.DeleteFunc(parts, func(p string) bool { return strings.HasPrefix(p, "Expires=") })
		list = append(list, strings.Join(parts, "; "))
	}
	slices.Sort(list)
	return list
}
