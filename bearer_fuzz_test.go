package powgin_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// exactly is the one form in which a header proves who is signed in: RFC 6750,
// section 2.1, and RFC 9110, section 11.1, on the scheme.
var exactly = regexp.MustCompile(`^(?i:Bearer) +(\S+)$`)

// FuzzBearerHeader sends Authorization headers, a line for each line of the
// input. None of them fails or changes anything, and only the live token, in the
// one header, proves who is signed in.
func FuzzBearerHeader(f *testing.F) {
	for _, seed := range []string{
		"", " ", "Bearer", "Bearer ", "Bearer LIVE", "bearer LIVE", "BEARER   LIVE", "Bearer DEAD", "Bearer LIVE ", " Bearer LIVE",
		"Bearer\tLIVE", "Bearer \tLIVE", "Bearer\u00a0LIVE", "Bearer LIVE\x00", "Bearer LIVE=", "Bearer LIVE\nBearer LIVE", "Bearer LIVE\nBearer DEAD",
		"\nBearer LIVE", "Bearer LIVE\n", "Basic LIVE", "Basic YTpi\nBearer LIVE", "Bearer LIVE, Bearer LIVE", "Bearer LIVELIVE", `Bearer "LIVE"`,
		"Bearer token=LIVE", "LIVE", "\xff\xfe LIVE", "Bearer LIV", "Bea\u212aer LIVE", "Bearer " + strings.Repeat("A", 66),
		"Bearer " + strings.Repeat("LIVE ", 100), strings.Repeat("Bearer ", 100) + "LIVE", "Bearer " + strings.Repeat("x", 10000),
	} {
		f.Add(seed)
	}
	// No session moves however long the fuzzing lasts.
	const ages = 1000 * time.Hour
	a, _ := newRosterApp(f, func(c *powgin.Config[User]) {
		c.Transport, c.IdleTimeout, c.RenewAfter, c.AbsoluteTimeout, c.MaxAge = powgin.Bearer{}, 2*ages, ages, 2*ages, ages
	})
	alice, gone := a.arrives(bearerWay, 1), a.arrives(bearerWay, 1)
	live := alice.token
	gone.post("/signout").want(http.StatusOK)
	tokens := strings.NewReplacer(liveWord, live, deadWord, gone.token)
	f.Fuzz(func(t *testing.T, input string) {
		lines := strings.Split(tokens.Replace(input), "\n")
		m := exactly.FindStringSubmatch(lines[0])
		proves := len(lines) == 1 && m != nil && m[1] == live
		for path, refused := range map[string]int{"/": http.StatusOK, "/me": http.StatusUnauthorized} {
			w := a.asks(path, lines)
			if signedIn := strings.Contains(w.Body.String(), "alice@example.com"); signedIn != proves {
				t.Errorf("GET %s with %q is signed in = %t; want %t", path, lines, signedIn, proves)
			}
			if !proves && w.Code != refused {
				t.Errorf("GET %s with %q = %d; want %d", path, lines, w.Code, refused)
			}
			challenge := w.Header().Get("WWW-Authenticate")
			if w.Code == http.StatusUnauthorized && challenge != "Bearer" && challenge != `Bearer error="invalid_token"` {
				t.Errorf("GET %s with %q is challenged with %q; want what has nothing of the request", path, lines, challenge)
			}
			if set := w.setCookies(); len(set) > 0 {
				t.Errorf("GET %s with %q sets %q; want no cookie", path, lines, set)
			}
		}
		if w := a.asks("/me", []string{"Bearer " + live}); w.Code != http.StatusOK {
			t.Errorf("after %q GET /me with the live token = %d; want 200", lines, w.Code)
		}
	})
}
