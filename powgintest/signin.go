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
// its cookie. The user must exist where auth reads users from, and be active;
// otherwise the test fails.
//
//	r := httptest.NewRequest("GET", "/profile", nil)
//	powgintest.SignIn(t, auth, r, alice)
//	router.ServeHTTP(w, r)
//
// The request's context and host are those of the sign-in, for Config.Tenant.
func SignIn[U any](t testing.TB, auth *powgin.Auth[U], r *http.Request, user U, opts ...powgin.SignInOption) {
	t.Helper()
	var err error
	engine := gin.New()
	engine.Use(auth.Session())
	engine.POST("/", func(c *gin.Context) { err = powgin.SignIn(c, user, opts...) })
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
		t.Fatalf("powgintest.SignIn of the user with the key %q: %v", auth.Key(user), err)
	}
	for _, c := range answer.Cookies() {
		r.AddCookie(c)
	}
}
