package neighbours

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// A handler changes the session once the body has begun: what it is told, and
// how many cookies leave.
func TestWhatAHandlerIsToldOnceTheBodyHasBegun(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "begun <nil>, 0 cookies", "memstore": "begun <nil>, 0 cookies", "gorm": "begun <nil>, 0 cookies",
		"scs":    "begun , 0 cookies", // Put returns nothing
		"powgin": fmt.Sprintf("begun %v, 0 cookies", powgin.ErrHeadersWritten),
	}, func(s *site) string {
		r := s.signIn(alice).PostForm("/late")
		return fmt.Sprintf("%s, %d cookies", r.Body, len(r.Header.Values("Set-Cookie")))
	})
}

// A handler changes the session twice. What counts are the lines of one name:
// the browser keeps the last of them.
func TestHowManyCookiesTwoChangesSet(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "2 cookies", "memstore": "2 cookies", "gorm": "2 cookies", "scs": "1 cookies", "powgin": "1 cookies",
	}, func(s *site) string {
		r := s.signIn(alice).PostForm("/twice")
		if r.Status != http.StatusOK {
			s.Errorf("POST /twice = %d; want 200", r.Status)
		}
		most, lines := 0, map[string]int{}
		for _, line := range r.Header.Values("Set-Cookie") {
			name, _, _ := strings.Cut(line, "=")
			lines[name]++
			most = max(most, lines[name])
		}
		return fmt.Sprintf("%d cookies", most)
	})
}

// What a cookie has where nothing was said of it.
func TestTheCookieAsItComes(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie":   "app; Path; Expires; Max-Age; Secure; SameSite=None",
		"memstore": "app; Path; Expires; Max-Age",
		"gorm":     "app; Path; Expires; Max-Age",
		"scs":      "session; Path; Expires; Max-Age; HttpOnly; SameSite=Lax",
		"powgin":   "__Host-powgin; Path; HttpOnly; Secure; SameSite=Lax",
	}, func(s *site) string {
		b := powgintest.NewBrowser(s.T, s.asItComes())
		return attributes(s, b.PostForm("/login", "email", alice))
	})
}

// Options replace all of the store's own, those of the cookie store too.
func TestTheCookieOfTheCookieStoreWithOptions(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "app; Path; Expires; Max-Age", "memstore": notThere, "gorm": notThere, "scs": notThere, "powgin": notThere,
	}, func(s *site) string {
		store := cookie.NewStore(signingKey)
		store.Options(sessions.Options{Path: "/", MaxAge: 60})
		b := powgintest.NewBrowser(s.T, ginSite{s}.withoutOptions(store))
		return attributes(s, b.PostForm("/login", "email", alice))
	})
}

// attributes returns the name and attributes of the one cookie that is set,
// with the values of those alone that take few. The session for flashes beside
// powgin has a cookie of its own, of which nothing is said here.
func attributes(s *site, r *powgintest.Response) string {
	lines := slices.DeleteFunc(slices.Clone(r.Header.Values("Set-Cookie")), func(line string) bool {
		return strings.HasPrefix(line, "flashes=")
	})
	if len(lines) != 1 {
		s.Fatalf("the sign-in sets %d cookies; want 1", len(lines))
	}
	parts := strings.Split(lines[0], "; ")
	for i, part := range parts {
		if name, _, _ := strings.Cut(part, "="); name != "SameSite" {
			parts[i] = name
		}
	}
	return strings.Join(parts, "; ")
}
