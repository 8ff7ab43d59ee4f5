package powgin_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// What clients send is fuzzed through the whole router. Tokens differ from one
// process to the next, so inputs hold words in their place.
const (
	liveWord = "LIVE" // the token of a session
	deadWord = "DEAD" // the token of a session that has ended
)

// FuzzCookieHeader sends Cookie headers, a line for each line of the input.
// None of them fails or changes anything, and only the live token, once,
// proves who is signed in.
func FuzzCookieHeader(f *testing.F) {
	for _, seed := range []string{
		"", ";", "=", "powgin", "powgin=", "powgin=LIVE", "powgin=DEAD", `powgin="LIVE"`, "powgin=LIVE; powgin=LIVE",
		"powgin=LIVE; powgin=DEAD", "powgin=x; powgin=LIVE", "powgin=LIVE; powgin=", "powgin=LIVE\npowgin=DEAD", "a=b; powgin=LIVE; c",
		"POWGIN=LIVE", "__Host-powgin=LIVE", "powgin =LIVE", " powgin= LIVE ", "powgin==LIVE", "powgin=LIVE=", "powgin=LIVE,powgin=LIVE",
		"powgin=\xff\x00LIVE", "powgin=LIVE\x00", "$Version=1; powgin=LIVE; $Path=/", "powgin=" + strings.Repeat("A", 66),
		strings.Repeat("powgin=LIVE; ", 50), strings.Repeat("a=b; ", 4000) + "powgin=LIVE", "powgin=" + strings.Repeat("x", 10000),
	} {
		f.Add(seed)
	}
	// No token is due for renewal however long the fuzzing lasts.
	const ages = 1000 * time.Hour
	a, _ := newRosterApp(f, func(c *powgin.Config[User]) {
		c.IdleTimeout, c.RenewAfter, c.AbsoluteTimeout, c.MaxAge = 2*ages, ages, 2*ages, ages
	})
	alice, gone := a.signIn(1), a.signIn(1)
	live, dead := alice.token(), gone.token()
	gone.post("/signout").want(http.StatusOK)
	tokens := strings.NewReplacer(liveWord, live, deadWord, dead)
	get := func(path string, cookies []string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "http://app.example"+path, nil)
		r.Header["Cookie"] = cookies
		w := httptest.NewRecorder()
		a.router.ServeHTTP(w, r)
		return w
	}
	f.Fuzz(func(t *testing.T, input string) {
		lines := strings.Split(tokens.Replace(input), "\n")
		for path, refused := range map[string]int{"/": http.StatusOK, "/me": http.StatusUnauthorized} {
			w := get(path, lines)
			signedIn := strings.Contains(w.Body.String(), "alice@example.com")
			if signedIn && !proves(lines, live) {
				t.Errorf("GET %s with %q is signed in; want the live token alone to prove that", path, lines)
			}
			if w.Code != http.StatusOK && w.Code != refused {
				t.Errorf("GET %s with %q = %d; want 200 or %d", path, lines, w.Code, refused)
			}
			if set := w.Header()["Set-Cookie"]; len(set) > 0 {
				t.Errorf("GET %s with %q sets %q; want no cookie", path, lines, set)
			}
		}
		if w := get("/me", []string{"powgin=" + live}); w.Code != http.StatusOK {
			t.Errorf("after %q GET /me with the live token = %d; want 200", lines, w.Code)
		}
	})
}

// cookiePair is a cookie of our name whose value is beyond doubt one: RFC 6265,
// section 4.1.1.
var cookiePair = regexp.MustCompile(`^[ \t\r]*powgin[ \t\r]*=("?)([!#-+\--:<-[\]-~]*)("?)[ \t\r]*$`)

// proves reports whether the lines hold the token under our name, and no other
// value beside it that a client would send.
func proves(lines []string, token string) bool {
	var values []string
	for part := range strings.SplitSeq(strings.Join(lines, ";"), ";") {
		if m := cookiePair.FindStringSubmatch(part); m != nil && m[1] == m[3] {
			values = append(values, m[2])
		}
	}
	other := func(v string) bool { return v != token }
	return slices.Contains(values, token) && !slices.ContainsFunc(values, other)
}

// site is where the fuzzed redirects start from.
var site = &url.URL{Scheme: "https", Host: "app.example", Path: "/"}

// landing returns where a browser goes that is sent from site to s. It does
// what browsers do before they look for a host, and some do without saying so:
// https://url.spec.whatwg.org/#concept-basic-url-parser.
func landing(s string) (*url.URL, error) {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(s)
	s = regexp.MustCompile(`(?i)%2e`).ReplaceAllString(s, ".")
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '%' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c) // url.Parse is stricter than browsers
		} else {
			b.WriteByte(c)
		}
	}
	u, err := url.Parse(b.String())
	if err != nil {
		return nil, err
	}
	return site.ResolveReference(u), nil
}

// staysHere reports whether s leads to a page of site, and not to a path that
// the next redirect would take for a host.
func staysHere(s string) bool {
	to, err := landing(s)
	return err == nil && to.Scheme == site.Scheme && to.Host == site.Host && to.User == nil &&
		strings.HasPrefix(to.Path, "/") && !strings.HasPrefix(to.Path, "//")
}

// plainPath is what every app has for paths.
var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_-]+)+/?$`)

// FuzzLocalPath checks that no path which LocalPath lets pass leads elsewhere.
func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{
		"/", "/profile?tab=1#x", "//evil.example", `/\evil.example`, "/\t/evil.example", "/.//evil.example", "/%2e%2e//evil.example",
		"/a/..//evil.example", "https://evil.example", "/a//b", "/%2f/evil.example", "/;//evil.example", "/ /evil.example", "/..;//evil.example",
		"/\u2028/evil.example", "/?//..//evil.example", "/a//.%2E/..//b", "/[", "/%", "/:@evil.example//.", "/a/%2e%2e%2fb//",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := powgin.LocalPath(s)
		switch {
		case !ok && got != "":
			t.Errorf("LocalPath(%q) = %q, false; want nothing", s, got)
		case !ok && len(s) < 2048 && plainPath.MatchString(s):
			t.Errorf("LocalPath(%q) refuses a plain path", s)
		case ok && got != s:
			t.Errorf("LocalPath(%q) = %q; want it as it is", s, got)
		case ok && !staysHere(s):
			to, err := landing(s)
			t.Errorf("LocalPath(%q) passes; a browser goes to %v, %v", s, to, err)
		}
	})
}

// FuzzNext sends request targets to a route that wants a user: the way to the
// sign-in page and the way back from it stay on this site.
func FuzzNext(f *testing.F) {
	for _, seed := range []string{
		"/", "/page?a=1&b=2", "//evil.example", "/..//evil.example", "/%2e%2e//evil.example", "http://evil.example//x", "*", "/a?next=//evil.example",
		"/%5cevil.example", "/%0d%0aSet-Cookie:x=y", "/a%00b", "/\xff", "/?%", "/%2Fevil.example", "/a;b=c", "/caf%C3%A8?è", "http:/x", "x:/y",
	} {
		f.Add(seed)
	}
	a := newRedirectApp(f)
	a.router.RedirectTrailingSlash = false // Gin's own redirect comes before any middleware
	f.Fuzz(func(t *testing.T, target string) {
		raw := "GET " + target + " HTTP/1.1\r\nHost: app.example\r\nAccept: text/html\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil || strings.ContainsAny(target, "\r\n") {
			return // no server passes it on, or it is another request
		}
		w := httptest.NewRecorder()
		a.router.ServeHTTP(w, r)
		if w.Code == http.StatusOK {
			return // a route that wants nobody
		}
		location := w.Header().Get("Location")
		to, err := url.Parse(location)
		if w.Code != http.StatusSeeOther || err != nil || to.Path != "/login" || !staysHere(location) {
			t.Fatalf("GET %q = %d to %q, %v; want 303 to /login", target, w.Code, location, err)
		}
		if next := to.Query().Get("next"); next != "" && (next != r.URL.RequestURI() || !staysHere(next)) {
			t.Errorf("GET %q: next is %q, which leads to %v; want %q", target, next, location, r.URL.RequestURI())
		}
	})
}
