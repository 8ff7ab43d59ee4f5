package powgin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
)

// through sends a request of the browser through a handler that stands around
// the app's router. change may alter the request.
func (b *browser) through(h http.Handler, method, path string, change func(*http.Request) *http.Request) *response {
	b.Helper()
	r := httptest.NewRequest(method, "http://app.example"+path, nil)
	for k, v := range b.cookies {
		r.AddCookie(&http.Cookie{Name: k, Value: v})
	}
	if change != nil {
		r = change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b.keep(w.Result().Cookies())
	return &response{w, b, method + " " + path}
}

// mountAround makes the app's router anew, with middleware ahead of Session and
// after it.
func (a *app) mountAround(ahead, after []gin.HandlerFunc) {
	a.router = gin.New()
	a.router.Use(ahead...)
	a.router.Use(a.auth.Session())
	a.router.Use(after...)
	a.routes()
	a.handleSync("/sync")
}

// wantWhole has alice use everything that a session is for. The app has been
// given newPeopleApp's users and the route /sync.
func wantWhole(t *testing.T, a *app, p *people) {
	t.Helper()
	alice, other := a.signIn(1), a.signIn(1)
	for _, path := range []string{"/", "/me", "/reload", "/refresh", "/maxage"} {
		alice.wantPlan(path, p.row("1").Plan, "signed in")
	}
	alice.get("/guest").want(http.StatusForbidden)
	a.browser().get("/me").want(http.StatusUnauthorized)
	a.mark()
	old := alice.token()
	alice.get("/me").want(http.StatusOK).wantToken(old)
	alice.get("/me").want(http.StatusOK).wantNoCookie()
	p.setPlan("1", "pro")
	old = alice.token()
	alice.post("/sync").want(http.StatusOK).wantToken(old)
	alice.wantPlan("/me", "pro", "after a sync")
	p.setPlan("1", "free")
	alice.wantPlan("/reload", "free", "as it is now")
	alice.wantPlan("/me", "pro", "as it is cached")
	alice.post("/revoke-others").want(http.StatusOK)
	other.get("/me").want(http.StatusUnauthorized)
	alice.post("/signout").want(http.StatusOK)
	alice.get("/me").want(http.StatusUnauthorized)
}
