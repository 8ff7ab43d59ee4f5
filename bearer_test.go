package powgin_test

import (
	"net/http"
	"testing"

	"github.com/powgin/powgin"
)

// bearer has a Config's tokens travel in the Authorization header.
func bearer(c *powgin.Config[User]) { c.Transport = powgin.Bearer{} }

// The token is handed out once, by the handler that signs in; the header brings
// it back, and nothing sets a cookie.
func TestBearerTokenIsHandedOutOnce(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, bearer)
	a.handle(http.MethodPost, "/token", func(c *Context) {
		if err := c.SignIn(person(1)); err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		c.String(http.StatusOK, c.Token())
	})
	a.handle(http.MethodGet, "/token", func(c *Context) { c.String(http.StatusOK, c.Token()) })
	client := a.browser()
	token := client.post("/token").want(http.StatusOK).wantNoCookie().wantNoStore().Body.String()
	if token == "" {
		t.Fatal("SignIn hands out no token")
	}
	if got := client.get("/me", "Authorization", "Bearer "+token).wantNoCookie().shows(); got == nil || got.Name != "alice" {
		t.Errorf("GET /me with the token shows %v; want alice", got)
	}
	if again := client.get("/token", "Authorization", "Bearer "+token).Body.String(); again != "" {
		t.Errorf("a later request hands out %q; want nothing", again)
	}
	r := client.get("/me").want(http.StatusUnauthorized)
	if got := r.Header().Get("WWW-Authenticate"); got != "Bearer" {
		t.Errorf("without a token WWW-Authenticate is %q; want Bearer", got)
	}
}

// Whoever has a row of the real database signs in and stays so.
func TestBearerWithADatabase(t *testing.T) {
	t.Parallel()
	a := newApp(t, bearer)
	alice := a.arrives(bearerWay, 1)
	phone := a.arrives(bearerWay, 1)
	alice.post("/plan/pro").want(http.StatusOK)
	alice.wantPlan("pro", "after the change")
	phone.wantPlan("pro", "after the change")
	a.set(1, "plan", "team")
	if got := alice.get("/reload").shows(); got == nil || got.Plan != "team" {
		t.Errorf("GET /reload shows %+v; want the plan team", got)
	}
}

// wantChallenge fails the test unless this is the answer's one WWW-Authenticate,
// "" for none.
func (r *response) wantChallenge(want string) *response {
	r.b.Helper()
	got := r.Result().Header.Values("WWW-Authenticate")
	if len(got) > 1 || r.Result().Header.Get("WWW-Authenticate") != want {
		r.b.Errorf("%s has WWW-Authenticate %q; want %q", r.what, got, want)
	}
	return r
}
