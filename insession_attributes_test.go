package powgin_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"

	"github.com/powgin/powgin"
)

// optionsSet are options that apps set, and what InSession leaves of them in the
// line of a session that ends with the browser's, or does not.
var optionsSet = []struct {
	what      string
	transport powgin.InSession
	options   sessions.Options
	want      string // after shop=ID
}{
	{"none", powgin.InSession{}, sessions.Options{}, "; Path=/; HttpOnly; Secure; SameSite=Lax"},
	{"another Path", powgin.InSession{}, sessions.Options{Path: "/shop"}, "; Path=/; HttpOnly; Secure; SameSite=Lax"},
	{"a Domain", powgin.InSession{}, sessions.Options{Path: "/", Domain: "example.com"}, "; Path=/; HttpOnly; Secure; SameSite=Lax"},
	{"a Domain that is allowed", powgin.InSession{AllowDomain: true}, sessions.Options{Path: "/", Domain: "example.com"},
		"; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax"},
	{"no Domain where one is allowed", powgin.InSession{AllowDomain: true}, sessions.Options{Path: "/"}, "; Path=/; HttpOnly; Secure; SameSite=Lax"},
	{"all that protects", powgin.InSession{}, sessions.Options{Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode},
		"; Path=/; HttpOnly; Secure; SameSite=Strict"},
	{"SameSite=Lax", powgin.InSession{}, sessions.Options{Path: "/", SameSite: http.SameSiteLaxMode}, "; Path=/; HttpOnly; Secure; SameSite=Lax"},
	{"SameSite=None", powgin.InSession{}, sessions.Options{Path: "/", Secure: true, SameSite: http.SameSiteNoneMode},
		"; Path=/; HttpOnly; Secure; SameSite=Lax"},
	{"SameSite without a mode", powgin.InSession{}, sessions.Options{Path: "/", SameSite: http.SameSiteDefaultMode},
		"; Path=/; HttpOnly; Secure; SameSite=Lax"},
	{"none, insecure", powgin.InSession{Insecure: true}, sessions.Options{}, "; Path=/; HttpOnly; SameSite=Lax"},
	{"Secure, insecure", powgin.InSession{Insecure: true}, sessions.Options{Secure: true}, "; Path=/; HttpOnly; Secure; SameSite=Lax"},
	{"a MaxAge of an idle time", powgin.InSession{}, sessions.Options{MaxAge: 1800},
		"; Path=/; Expires=Sat, 01 Jan 2000 00:30:00 GMT; Max-Age=1800; HttpOnly; Secure; SameSite=Lax"},
	{"a shorter MaxAge", powgin.InSession{}, sessions.Options{MaxAge: 60},
		"; Path=/; Expires=Sat, 01 Jan 2000 00:30:00 GMT; Max-Age=1800; HttpOnly; Secure; SameSite=Lax"},
	{"a longer MaxAge", powgin.InSession{}, sessions.Options{MaxAge: 7200},
		"; Path=/; Expires=Sat, 01 Jan 2000 02:00:00 GMT; Max-Age=7200; HttpOnly; Secure; SameSite=Lax"},
	{"a huge MaxAge", powgin.InSession{}, sessions.Options{MaxAge: 100 * 365 * 86400},
		"; Path=/; Expires=Mon, 07 Dec 2099 00:00:00 GMT; Max-Age=3153600000; HttpOnly; Secure; SameSite=Lax"},
}

// setters are who sets a session's options, and then has its cookie set.
var setters = map[string]func(s *inShop, o sessions.Options) (path string){
	"the store": func(s *inShop, o sessions.Options) string {
		s.shelf.Options(o)
		return "/signin/1"
	},
	"the handler that saves": func(s *inShop, o sessions.Options) string {
		s.handle("POST", "/save", func(c *Context) {
			sessions.Default(c.Context).Options(o)
			s.put(c.Context, "note", "text")
		})
		return "/save"
	},
	"the handler that signs in": func(s *inShop, o sessions.Options) string {
		s.handle("POST", "/in", func(c *Context) {
			sessions.Default(c.Context).Options(o)
			answer(c, c.SignIn(person(1)))
		})
		return "/in"
	},
	"the handler that syncs": func(s *inShop, o sessions.Options) string {
		s.handle("POST", "/sync-so", func(c *Context) {
			if err := c.SignIn(person(1)); err != nil {
				s.Error(err)
			}
			sessions.Default(c.Context).Options(o)
			answer(c, c.SyncUser(person(1)))
		})
		return "/sync-so"
	},
	"middleware ahead that saves": func(s *inShop, o sessions.Options) string {
		s.mountIn(sessions.Sessions("shop", s.shelf), ahead(s, o))
		return "/signout/not"
	},
	"middleware ahead that saves, and then a sign-in": func(s *inShop, o sessions.Options) string {
		s.mountIn(sessions.Sessions("shop", s.shelf), ahead(s, o))
		return "/signin/1"
	},
}

func TestTheAttributesOfTheSessionsCookie(t *testing.T) {
	t.Parallel()
	for who, set := range setters {
		for _, tt := range optionsSet {
			t.Run(fmt.Sprintf("%s sets %s", who, tt.what), func(t *testing.T) {
				shopBubble(t, func(c *powgin.Config[User]) { c.Transport = tt.transport }, func(s *inShop) {
					b := s.browser()
					r := b.post(set(s, tt.options))
					r.wantLines("shop=" + b.cookies["shop"] + tt.want)
					r.wantKeptToItself()
				})
			})
		}
	}
}

// wantKeptToItself fails the test where somebody on the way could keep the
// answer.
func (r *response) wantKeptToItself() *response {
	r.b.Helper()
	r.wantNoStore()
	if got := strings.Join(r.Result().Header.Values("Vary"), ", "); !slices.Contains(strings.Split(got, ", "), "Cookie") {
		r.b.Errorf("%s has Vary %q; want Cookie in it", r.what, got)
	}
	return r
}

func TestOptionsThatDeleteTheSession(t *testing.T) {
	t.Parallel()
	for _, domain := range []string{"", "example.com"} {
		t.Run("with Domain "+domain, func(t *testing.T) {
			shopBubble(t, nil, func(s *inShop) {
				s.handle("POST", "/delete", func(c *Context) {
					session := sessions.Default(c.Context)
					session.Options(sessions.Options{Path: "/shop", Domain: domain, MaxAge: -1})
					s.put(c.Context, "note", "text")
				})
				s.arrive().post("/delete").want(http.StatusOK).wantLines(inDeleted).wantKeptToItself()
				s.wantRecords("", "after it")
			})
		})
	}
}

// sessionText is the value of a session in the cookie.
var sessionText = regexp.MustCompile(`^shop=[^;]{40,};`)

func TestTheAttributesOfGinContribsOwnCookie(t *testing.T) {
	t.Parallel()
	t.Run("which has neither HttpOnly nor SameSite by itself", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.inCookies()
			const want = "shop=VALUE; Path=/; Expires=Mon, 31 Jan 2000 00:00:00 GMT; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax"
			b := s.browser()
			for _, path := range []string{"/put/cart/apples", "/signin/1", "/sync", "/put/cart/pears"} {
				r := b.post(path).want(http.StatusOK).wantKeptToItself()
				lines := r.setCookies()
				if len(lines) != 1 || sessionText.ReplaceAllString(lines[0], "shop=VALUE;") != want {
					t.Errorf("POST %s sets %q; want %q", path, lines, want)
				}
			}
			b.post("/signout").want(http.StatusOK).
				wantLines("shop=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
		})
	})
}

func TestWhatElseTheHandlerSays(t *testing.T) {
	t.Parallel()
	t.Run("of caching and of other cookies", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.handle("POST", "/page", func(c *Context) {
				c.Header("Cache-Control", "public, max-age=3600")
				c.Header("Vary", "Accept-Encoding")
				for _, line := range []string{"theme=dark; Path=/theme", "shop=by-hand", "shopping=1; SameSite=None", "Shop=2"} {
					c.Writer.Header().Add("Set-Cookie", line)
				}
				if err := c.SignIn(person(1)); err != nil {
					t.Error(err)
				}
				c.String(http.StatusOK, "text")
			})
			r := s.browser().post("/page").want(http.StatusOK)
			r.wantLines("theme=dark; Path=/theme", "shopping=1; SameSite=None", "Shop=2", inLine("id1"))
			r.wantKeptToItself()
			if got := r.Result().Header.Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("the first Vary is %q; want the handler's own", got)
			}
		})
	})
	t.Run("of the session's cookie, by hand", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.handle("GET", "/hand", func(c *Context) {
				c.Writer.Header().Add("Set-Cookie", "shop=one")
				c.Writer.Header().Add("Set-Cookie", "shop=two; Domain=example.com; SameSite=None")
			})
			s.browser().get("/hand").want(http.StatusOK).wantLines(inLine("two")).wantKeptToItself()
		})
	})
	t.Run("and pages without a cookie may be kept", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.handle("GET", "/public", func(c *Context) {
				c.Header("Cache-Control", "public, max-age=3600")
				c.String(http.StatusOK, "text")
			})
			r := s.browser().get("/public").want(http.StatusOK).wantLines()
			if got := r.Result().Header; got.Get("Cache-Control") != "public, max-age=3600" || got.Get("Vary") != "" {
				t.Errorf("GET /public has Cache-Control %q and Vary %q; want the handler's own and none", got.Get("Cache-Control"), got.Get("Vary"))
			}
		})
	})
}
