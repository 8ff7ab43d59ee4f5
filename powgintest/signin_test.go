package powgintest_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// newAuth starts an Auth and a router with GET /me for members.
func newAuth(t testing.TB, change func(*powgin.Config[member])) (*powgin.Auth[member], http.Handler) {
	t.Helper()
	config := powgin.Config[member]{Users: newRoll()}
	if change != nil {
		change(&config)
	}
	auth, err := powgin.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	r := gin.New()
	r.Use(auth.Session())
	r.GET("/me", auth.RequireUser(), powgin.Handle(showName))
	r.POST("/me", auth.RequireUser(), powgin.Handle(showName))
	return auth, r
}

type tenantKey struct{}

var signInConfigs = map[string]func(*powgin.Config[member]){
	"as it comes": nil,
	"Keys":        func(c *powgin.Config[member]) { c.Keys = [][]byte{bytes.Repeat([]byte("k"), 32)} },
	"Tenant": func(c *powgin.Config[member]) {
		c.Tenant = func(ctx context.Context) string {
			tenant, _ := ctx.Value(tenantKey{}).(string)
			return tenant
		}
	},
	"a cookie of its own name": func(c *powgin.Config[member]) {
		c.Transport, c.Namespace = powgin.Cookie{Name: "sid"}, "shop"
	},
	"cookies for plain HTTP": func(c *powgin.Config[member]) { c.Transport = powgin.Cookie{Insecure: true} },
	"Reload":                 func(c *powgin.Config[member]) { c.Reload = true },
	"NoGrace":                func(c *powgin.Config[member]) { c.Grace = powgin.NoGrace },
	"a sign-in path":         func(c *powgin.Config[member]) { c.SignInPath, c.HomePath = "/login", "/me" },
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	for name, change := range signInConfigs {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				auth, router := newAuth(t, change)
				ctx := context.WithValue(t.Context(), tenantKey{}, "acme")
				r := httptest.NewRequestWithContext(ctx, method, "/me", nil)
				powgintest.SignIn(t, auth, r, member{Name: "alice"})
				wantAnswer(t, router, r, http.StatusOK, "alice")
			})
		}
	}
}

func wantAnswer(t *testing.T, h http.Handler, r *http.Request, status int, body string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != status || body != "" && w.Body.String() != body {
		t.Errorf("%s %s = %d %s; want %d %s", r.Method, r.URL.Path, w.Code, w.Body, status, body)
	}
}

func TestSignInOfAnotherTenant(t *testing.T) {
	t.Parallel()
	auth, router := newAuth(t, signInConfigs["Tenant"])
	r := httptest.NewRequestWithContext(context.WithValue(t.Context(), tenantKey{}, "acme"), http.MethodGet, "/me", nil)
	powgintest.SignIn(t, auth, r, member{Name: "alice"})
	elsewhere := r.WithContext(context.WithValue(t.Context(), tenantKey{}, "other"))
	wantAnswer(t, router, elsewhere, http.StatusUnauthorized, "")
}

func TestSignInReplacesWhoTheRequestWas(t *testing.T) {
	t.Parallel()
	auth, router := newAuth(t, nil)
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	r.AddCookie(&http.Cookie{Name: "lang", Value: "de"})
	powgintest.SignIn(t, auth, r, member{Name: "alice"})
	powgintest.SignIn(t, auth, r, member{Name: "bob"})
	wantAnswer(t, router, r, http.StatusOK, "bob")
	if got := r.Cookies(); len(got) != 2 {
		t.Errorf("the request has %d cookies; want the language and one session", len(got))
	}
}

func TestSignInRemembersTheRequest(t *testing.T) {
	t.Parallel()
	auth, _ := newAuth(t, func(c *powgin.Config[member]) {
		c.Metadata = func(c *gin.Context) map[string]string {
			return map[string]string{"agent": c.Request.UserAgent(), "address": c.ClientIP(), "host": c.Request.Host}
		}
	})
	r := httptest.NewRequest(http.MethodGet, "https://app.example/me", nil)
	r.Header.Set("User-Agent", "a browser")
	powgintest.SignIn(t, auth, r, member{Name: "alice"})
	powgintest.SignIn(t, auth, httptest.NewRequest(http.MethodGet, "/me", nil), member{Name: "alice"}, powgin.EndOthers())
	powgintest.SignIn(t, auth, r, member{Name: "alice"}, powgin.EndOthers())
	list, err := auth.Sessions(t.Context(), "alice")
	if err != nil || len(list) != 1 {
		t.Fatalf("Sessions = %d of them, %v; want the last one, since the others were ended", len(list), err)
	}
	got := list[0].Metadata
	if got["agent"] != "a browser" || got["host"] != "app.example" || got["address"] != "192.0.2.1" {
		t.Errorf("the session remembers %v; want what the request tells", got)
	}
}

func TestSignInSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	auth, _ := newAuth(t, func(c *powgin.Config[member]) {
		c.Active = func(m member) bool { return m.Name != "bob" }
	})
	for _, tt := range []struct {
		name string
		who  member
		says []string
	}{
		{"an unknown user", member{Name: "carol"}, []string{`"carol"`, "does not exist", "Config.Users"}},
		{"a user who is not active", member{Name: "bob"}, []string{`"bob"`, "not active"}},
		{"a user without a key", member{}, []string{"no primary key"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/me", nil)
			wantFatal(t, func(t testing.TB) { powgintest.SignIn(t, auth, r, tt.who) }, tt.says...)
			if len(r.Cookies()) != 0 {
				t.Error("the request has got a cookie; want none")
			}
		})
	}
}

// unreachable is a Config.Users that cannot tell.
type unreachable struct{ *roll }

func (unreachable) Find(context.Context, string) (member, bool, error) {
	return member{}, false, errors.New("no route to the database")
}

func TestSignInWhileUsersAreOutOfReach(t *testing.T) {
	t.Parallel()
	auth, _ := newAuth(t, func(c *powgin.Config[member]) { c.Users = unreachable{newRoll()} })
	r := httptest.NewRequest(http.MethodGet, "/me", nil)
	wantFatal(t, func(t testing.TB) { powgintest.SignIn(t, auth, r, member{Name: "alice"}) }, "cannot answer")
}
