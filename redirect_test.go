package powgin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

func TestLocalPath(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"/", "/profile", "/profile/", "/a/b/c", "/a//b", "/a/", "/?q=1", "/#top",
		"/search?q=a%2Fb&next=//evil.example", "/go?to=https://evil.example/", "/#//evil.example",
		"/a/../b", "/./a", "/..", "/%2e%2e/a", "/a:b", "/@evil.example", "/https://evil.example",
		"/%2Fevil.example", "/%5Cevil.example", "/caffè", "/a b", "/%zz", "/" + strings.Repeat("a", 2047),
	} {
		if got, ok := powgin.LocalPath(s); !ok || got != s {
			t.Errorf("LocalPath(%q) = %q, %v; want it as it is", s, got, ok)
		}
	}
	for _, s := range []string{
		// elsewhere, or relative to where one happens to be
		"", " ", "profile", "?q=1", "#top", ".", "../admin", "https://evil.example/", "https:evil.example",
		"//evil.example", "///evil.example", "javascript:alert(1)", "data:text/html,x", " /profile",
		// what browsers read as slashes, or drop
		`\evil.example`, `/\evil.example`, `\/evil.example`, `/\/evil.example`, `/a\b`, "/\t/evil.example",
		"/\n/evil.example", "/\r/evil.example", "\t//evil.example", "/\x00/evil.example", "/a\x7fb", "/a\r\nSet-Cookie: x=y",
		// what is another site once somebody has cleaned it
		"/.//evil.example", "/..//evil.example", "/a/..//evil.example", "/%2e%2e//evil.example", "/%2E//evil.example", "/.%2e//evil.example",
		"/a//../..//evil.example", "/a//..",
		// more than a next parameter needs
		"/" + strings.Repeat("a", 2048),
	} {
		if got, ok := powgin.LocalPath(s); ok || got != "" {
			t.Errorf("LocalPath(%q) = %q, %v; want it refused", s, got, ok)
		}
	}
}

// newRedirectApp starts an app with pages to sign in and to come home to.
func newRedirectApp(t testing.TB) *app {
	t.Helper()
	a, _ := newRosterApp(t, func(c *powgin.Config[User]) { c.SignInPath, c.HomePath = "/login", "/home" })
	a.router.NoRoute(a.auth.RequireUser(), func(c *gin.Context) { c.Status(http.StatusNoContent) })
	return a
}

func TestBrowsersAreSentToSignInAndScriptsAreTold(t *testing.T) {
	t.Parallel()
	const browsers = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	a := newRedirectApp(t)
	for _, tt := range []struct {
		what     string
		headers  []string
		redirect bool
	}{
		{"a browser", []string{"Accept", browsers}, true},
		{"a browser that navigates", []string{"Accept", browsers, "Sec-Fetch-Mode", "navigate"}, true},
		{"a page that a script fetches as HTML", []string{"Accept", "text/html", "Sec-Fetch-Mode", "cors"}, true},
		{"a client that takes JSON last", []string{"Accept", "text/html, application/json"}, true},
		{"a client that says nothing", nil, true},
		{"a client that takes anything", []string{"Accept", "*/*"}, true},
		{"a client in capitals", []string{"Accept", "TEXT/HTML"}, true},
		{"an API client", []string{"Accept", "application/json"}, false},
		{"a client that takes HTML last", []string{"Accept", "application/json, text/html"}, false},
		{"a client of problem details", []string{"Accept", "application/problem+json"}, false},
		{"a script that says nothing", []string{"Accept", "*/*", "Sec-Fetch-Mode", "cors"}, false},
		{"a script on the same site", []string{"Accept", "*/*", "Sec-Fetch-Mode", "same-origin"}, false},
	} {
		r := a.browser().get("/me", tt.headers...)
		if tt.redirect {
			r.wantRedirect("/login?next=%2Fme")
			continue
		}
		r.want(http.StatusUnauthorized)
		if got := r.Header().Get("Content-Type"); got != "application/problem+json; charset=utf-8" {
			t.Errorf("%s gets %q; want problem details", tt.what, got)
		}
	}
}

func TestOnlyWhatCanBeRepeatedGetsAWayBack(t *testing.T) {
	t.Parallel()
	a := newRedirectApp(t)
	for _, tt := range []struct{ method, path, want string }{
		{"GET", "/me", "/login?next=%2Fme"},
		{"HEAD", "/page", "/login?next=%2Fpage"},
		{"GET", "/page?a=1&b=%2F", "/login?next=%2Fpage%3Fa%3D1%26b%3D%252F"},
		{"POST", "/sync", "/login"},
		{"GET", "//evil.example", "/login"},
		{"GET", "/..//evil.example", "/login"},
		{"GET", "/" + strings.Repeat("a", 2048), "/login"},
	} {
		a.browser().do(tt.method, tt.path, "Accept", "text/html").wantRedirect(tt.want)
	}
}

func TestGuestsOnlyPagesSendUsersHome(t *testing.T) {
	t.Parallel()
	a := newRedirectApp(t)
	alice := a.signIn(1)
	alice.get("/guest", "Accept", "text/html").wantRedirect("/home")
	alice.get("/guest", "Accept", "application/json").want(http.StatusForbidden)
	a.browser().get("/guest", "Accept", "text/html").want(http.StatusOK)
}

func TestASignInPathWithAQueryKeepsIt(t *testing.T) {
	t.Parallel()
	a, _ := newRosterApp(t, func(c *powgin.Config[User]) { c.SignInPath = "/login?lang=de" })
	a.browser().get("/me").wantRedirect("/login?lang=de&next=%2Fme")
	a.browser().post("/sync").wantRedirect("/login?lang=de")
}

// wantRedirect fails the test where the answer does not lead to that path, or
// may be kept.
func (r *response) wantRedirect(to string) {
	r.b.Helper()
	r.want(http.StatusSeeOther)
	if got := r.Header().Get("Location"); got != to {
		r.b.Errorf("%s leads to %s; want %s", r.what, got, to)
	}
	if got := r.Header().Get("Cache-Control"); got != "no-store" {
		r.b.Errorf("%s: Cache-Control is %q; want no-store", r.what, got)
	}
	if len(r.setCookies()) > 0 {
		r.b.Errorf("%s sets %q; want no cookie", r.what, r.setCookies())
	}
	if u, err := url.Parse(r.Header().Get("Location")); err != nil || u.Host != "" {
		r.b.Errorf("%s leads to the host %q, %v", r.what, u.Host, err)
	}
}
