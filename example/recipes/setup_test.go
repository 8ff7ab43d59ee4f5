package recipes

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // some tests make requests fail
	os.Exit(m.Run())
}

// Each program has a secret of its own.
var (
	paymentSecret = []byte("known to the payment provider alone")
	workerSecret  = []byte("known to the worker alone")
)

// site is the app that the recipes are about: its users are alice (1) and bob (2).
// It never reads a cached user anew for their age alone.
type site struct {
	testing.TB
	db     *gorm.DB
	auth   *powgin.Auth[User]
	router *gin.Engine
}

// newSite starts a site. A nil store stands for one in the process.
func newSite(t testing.TB, db *gorm.DB, store cache.Store) *site {
	t.Helper()
	s := &site{t, db, newAuth(t, db, store), gin.New()}
	s.routes()
	return s
}

func newAuth(t testing.TB, db *gorm.DB, store cache.Store) *powgin.Auth[User] {
	t.Helper()
	cfg := Settings(db, store)
	cfg.MaxAge = powgin.NoMaxAge
	auth, err := powgin.New(cfg)
	must(t, err)
	t.Cleanup(func() { _ = auth.Close() })
	return auth
}

// sharedStore is the store in the database, as another process opens it too.
func sharedStore(t testing.TB, db *gorm.DB) cache.Store {
	t.Helper()
	store, err := gormstore.New(db, gormstore.Migrate())
	must(t, err)
	return store
}

func (s *site) routes() {
	router, db, auth := s.router, s.db, s.auth
	router.POST("/webhooks/payment", PaymentWebhook(db, auth, paymentSecret)) // no session here
	router.POST("/internal/changed-users", ChangedUsers(auth, workerSecret))

	web := router.Group("/", auth.Session())
	web.GET("/me", auth.RequireUser(), powgin.Handle(showUser))

	web.POST("/webhooks/in-session", PaymentWebhook(db, auth, paymentSecret))
	router.POST("/webhooks/followed", FollowedPaymentWebhook(db, paymentSecret))
	web.POST("/login/:id", powgin.Handle(func(c *powgin.Context[User]) {
		var user User
		if _, err := fmt.Sscan(c.Param("id"), &user.ID); err != nil {
			c.AbortWithStatus(http.StatusNotFound)
			return
		}
		if err := c.SignIn(user); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
}

func showUser(c *powgin.Context[User]) {
	user := c.MustUser()
	c.String(http.StatusOK, "%s %d", user.Plan, user.Credits)
}

// row is the user in the database, as showUser shows them.
func (s *site) row(id uint) string {
	s.Helper()
	var user User
	must(s, s.db.Take(&user, id).Error)
	return fmt.Sprint(user.Plan, " ", user.Credits)
}

// browser keeps cookies, and asks over HTTPS.
type browser struct {
	testing.TB
	app http.Handler
	jar *cookiejar.Jar
}

func newBrowser(t testing.TB, app http.Handler) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t, app, jar}
}

// signedIn is a browser in which the user has signed in and looked at a page, so
// that they are cached.
func (s *site) signedIn(id uint) *browser {
	s.Helper()
	b := newBrowser(s, s.router)
	if status, body := b.do(http.MethodPost, fmt.Sprint("/login/", id)); status != http.StatusOK {
		s.Fatalf("user %d cannot sign in: %d %s", id, status, body)
	}
	b.wantMe(s.row(id), "after the sign-in")
	return b
}

func (b *browser) do(method, path string) (status int, body string) {
	b.Helper()
	r := httptest.NewRequestWithContext(b.Context(), method, "https://shop.example"+path, nil)
	for _, c := range b.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	b.app.ServeHTTP(w, r)
	answer := w.Result()
	defer answer.Body.Close()
	b.jar.SetCookies(r.URL, answer.Cookies())
	return answer.StatusCode, w.Body.String()
}

// token is what the session's cookie holds.
func (b *browser) token() string {
	var all []string
	for _, c := range b.jar.Cookies(&url.URL{Scheme: "https", Host: "shop.example", Path: "/"}) {
		all = append(all, c.Value)
	}
	return strings.Join(all, " ")
}

// wantMe holds that the user's page shows this.
func (b *browser) wantMe(want, when string) {
	b.Helper()
	if status, body := b.do(http.MethodGet, "/me"); status != http.StatusOK || body != want {
		b.Errorf("%s: GET /me = %d %q; want 200 %q", when, status, body, want)
	}
}

func (b *browser) wantSignedOut(when string) {
	b.Helper()
	if status, body := b.do(http.MethodGet, "/me"); status != http.StatusUnauthorized {
		b.Errorf("%s: GET /me = %d %q; want 401", when, status, body)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
