package powgintest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// SignIn makes the request one of a browser in which the user has just signed
// in: it starts a session through auth's own middleware and gives the request
// its cookie, in place of one that it may have, or with the transport Bearer its
// Authorization header. The user must exist where auth
// reads users from, and be active; otherwise the test fails.
//
//	r := httptest.NewRequest("GET", "/profile", nil)
//	powgintest.SignIn(t, auth, r, alice)
//	router.ServeHTTP(w, r)
//
// The request's context and host are those of the sign-in, for Config.Tenant.
// Where Gin is in its debug mode it is put into its test mode.
func SignIn[U any](t testing.TB, auth *powgin.Auth[U], r *http.Request, user U, opts ...powgin.SignInOption) {
	t.Helper()
	quietGin()
	var err error
	engine := gin.New()
	engine.Use(auth.Session())
	var token string
	engine.POST("/", powgin.Handle(func(c *powgin.Context[U]) {
		err = c.SignIn(user, opts...)
		token = c.Token()
	}))
	post := httptest.NewRequestWithContext(r.Context(), http.MethodPost, "/", nil)
	post.Host, post.RemoteAddr = r.Host, r.RemoteAddr
	post.Header.Set("User-Agent", r.UserAgent())
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, post)
	answer := w.Result()
	defer answer.Body.Close()
	switch {
	case answer.StatusCode != http.StatusOK:
		t.Fatalf("powgintest.SignIn: Session refused the request with %d: %s", answer.StatusCode, w.Body)
	case err != nil:
		t.Fatalf("powgintest.SignIn of the user with the key %q: %v (users are read from Config.DB or Config.Users, in the tenant of the request's context)", auth.Key(user), err)
	}
	for _, c := range answer.Cookies() {
		setCookie(r, c)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
}

// setCookie makes c the one cookie of its name that the request has: of two
// tokens neither would count.
func setCookie(r *http.Request, c *http.Cookie) {
	others := r.Cookies()
	r.Header.Del("Cookie")
	for _, other := range others {
		if other.Name != c.Name {
			r.AddCookie(other)
		}
	}
	r.AddCookie(c)
}

// quietGin puts Gin into its test mode where it is in its debug mode, in which
// it prints every route. Gin itself decides before it can know of a test.
func quietGin() {
	if gin.IsDebugging() {
		gin.SetMode(gin.TestMode)
	}
}
