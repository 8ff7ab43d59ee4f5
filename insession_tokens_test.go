package powgin_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

func TestTwoCookiesOfTheSessionsName(t *testing.T) {
	t.Parallel()
	both := func(first, second *browser) string {
		return "shop=" + first.cookies["shop"] + "; shop=" + second.cookies["shop"]
	}
	inBoth(t, "are nobody's", nil, func(s *inShop) {
		alice, mallory := s.arrive(), s.browser()
		alice.post("/put/cart/apples").want(http.StatusOK)
		mallory.post("/signin/2").want(http.StatusOK)
		mallory.post("/put/cart/worms").want(http.StatusOK)
		ids := s.store.ids()
		for _, line := range []string{both(alice, mallory), both(mallory, alice), both(alice, mallory) + "; shop=" + alice.cookies["shop"]} {
			if u := s.browser().get("/", "Cookie", line).want(http.StatusOK).wantLines().shows(); u != nil {
				t.Errorf("of two cookies GET / shows %s; want nobody", u.Name)
			}
			if got := s.browser().get("/kept", "Cookie", line).Body.String(); got != "" {
				t.Errorf("of two cookies the session keeps %q; want nothing of either", got)
			}
			s.browser().post("/put/cart/pears", "Cookie", line).want(http.StatusOK).wantLines()
			s.browser().get("/me", "Cookie", line).want(http.StatusUnauthorized).wantLines()
		}
		s.wantRecords(ids, "after them")
		alice.wantKept("cart=apples", "after them")
		alice.wantIn("alice", "after them")
		mallory.wantIn("bob", "after them")
		twice := "shop=" + alice.cookies["shop"] + "; theme=dark; shop=" + alice.cookies["shop"]
		if u := s.browser().get("/", "Cookie", twice).shows(); u == nil || u.Name != "alice" {
			t.Errorf("of the same cookie twice GET / shows %v; want alice", u)
		}
	})
	t.Run("and OnEvent is told", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			alice, mallory := s.arrive(), s.arrive()
			for range 3 {
				s.browser().get("/", "Cookie", both(mallory, alice)).want(http.StatusOK)
			}
			want := []powgin.Event{{Name: "duplicate_cookie"}}
			if got := s.events.of("duplicate_cookie"); !slices.Equal(got, want) {
				t.Errorf("the events are %+v; want %+v", got, want)
			}
		})
	})
	inBoth(t, "leave a sign-in possible", nil, func(s *inShop) {
		alice, mallory := s.arrive(), s.browser()
		mallory.post("/signin/2").want(http.StatusOK)
		b := s.browser()
		b.post("/signin/1", "Cookie", both(mallory, alice)).want(http.StatusOK)
		b.wantIn("alice", "after the sign-in")
		b.wantKept("", "after the sign-in")
		alice.wantIn("alice", "in the other browser")
		mallory.wantIn("bob", "in the other browser")
	})
	inBoth(t, "are deleted by a sign-out", nil, func(s *inShop) {
		alice, mallory := s.arrive(), s.browser()
		mallory.post("/signin/2").want(http.StatusOK)
		r := s.browser().post("/signout", "Cookie", both(mallory, alice)).want(http.StatusOK)
		if lines := r.setCookies(); len(lines) != 1 || !strings.HasPrefix(lines[0], "shop=; ") {
			t.Errorf("the sign-out sets %q; want the cookie's end", lines)
		}
		alice.wantIn("alice", "afterwards")
		mallory.wantIn("bob", "afterwards")
	})
}

func TestACookieThatTheStoreDoesNotKnow(t *testing.T) {
	t.Parallel()
	inBoth(t, "is nobody's", nil, func(s *inShop) {
		alice := s.arrive()
		for what, value := range map[string]string{
			"forged": alice.cookies["shop"] + "x", "empty": "", "a word": "junk", "an ID of nobody": "id99", "a token": madeUp(),
			"quoted": `"` + alice.cookies["shop"] + `x"`,
		} {
			b := s.browser()
			b.cookies["shop"] = value
			b.wantIn("", what).wantLines()
			b.get("/me").want(http.StatusUnauthorized).wantLines()
			b.post("/put/cart/apples").want(http.StatusOK)
			if b.cookies["shop"] == value {
				t.Errorf("%s: what was saved is under the cookie that came; want another", what)
			}
			b.wantKept("cart=apples", what+", after a Save")
			b.wantIn("", what+", after a Save")
		}
		alice.wantIn("alice", "after all")
		s.wantErrors()
	})
}

// tokenIn returns the text that the browser's session has under this key.
func (s *inShop) tokenIn(b *browser, key any) (text any) {
	s.Helper()
	_, _ = b.does(func(c *Context) error {
		text = sessions.Default(c.Context).Get(key)
		return nil
	})
	return text
}

// plants has the browser's session keep a value as if it were its token.
func (s *inShop) plants(b *browser, value any) (*response, error) {
	return b.does(func(c *Context) error {
		session := sessions.Default(c.Context)
		session.Set("powgin", value)
		return session.Save()
	})
}

func TestWhatElseIsInThePlaceOfTheToken(t *testing.T) {
	t.Parallel()
	for _, keys := range []bool{false, true} {
		signed := func(c *powgin.Config[User]) {
			if keys {
				c.Keys = signingKeys[:1]
			}
		}
		inBoth(t, map[bool]string{false: "proves nothing", true: "proves nothing, with Keys"}[keys], signed, func(s *inShop) {
			alice := s.arrive()
			token, _ := s.tokenIn(alice, "powgin").(string)
			if len(token) < 66 {
				t.Fatalf("the session has %q under the key powgin; want a token", token)
			}
			for what, value := range map[string]any{
				"a word": "junk", "nothing": "", "a number": 7, "bytes": []byte(token), "a token of nobody": madeUp(), "a cut one": token[:60],
				"another secret": otherSecret(token), "a longer one": token + "A", "the user's key": "1", "a NUL": "\x00",
			} {
				b := s.browser()
				r, err := s.plants(b, value)
				b.wantErr("Save of "+what, err, nil)
				r.want(http.StatusOK)
				b.wantIn("", what)
				b.get("/me").want(http.StatusUnauthorized).wantLines()
			}
			alice.wantIn("alice", "after all")
		})
	}
	inBoth(t, "is taken out by the next Save", nil, func(s *inShop) {
		b := s.browser()
		r, err := s.plants(b, "junk")
		b.wantErr("Save", err, nil)
		r.want(http.StatusOK)
		b.post("/put/cart/apples").want(http.StatusOK)
		if got := s.tokenIn(b, "powgin"); got != nil {
			t.Errorf("after a Save the session has %v under the key powgin; want nothing", got)
		}
	})
	inBoth(t, "may be a token that works, of who has it", nil, func(s *inShop) {
		alice, b := s.arrive(), s.browser()
		r, err := s.plants(b, s.tokenIn(alice, "powgin"))
		b.wantErr("Save", err, nil)
		r.want(http.StatusOK)
		b.wantIn("alice", "with her token") // it is a credential: only the app could put it there
	})
}

// A token of one transport in the place of another's.
func TestAnInSessionTokenIsBoundToItsTransport(t *testing.T) {
	t.Parallel()
	for _, keys := range []bool{false, true} {
		store := cache.NewMemory(0)
		with := func(c *powgin.Config[User]) {
			c.Store = store
			if keys {
				c.Keys = signingKeys[:1]
			}
		}
		t.Run(map[bool]string{false: "unsigned", true: "signed"}[keys], func(t *testing.T) {
			shopBubble(t, with, func(s *inShop) {
				site, _ := newPeopleApp(s.TB, func(c *powgin.Config[User]) { with(c); c.Transport = powgin.Cookie{Insecure: true} })
				api := newBearerWay("Bearer", keys)
				service, _ := newPeopleApp(s.TB, func(c *powgin.Config[User]) { with(c); api.config(c) })
				other, program, alice := site.signIn(1), service.arrives(api, 1), s.arrive()
				token, _ := s.tokenIn(alice, "powgin").(string)
				for what, text := range map[string]string{"the cookie's": other.token(), "the header's": program.token} {
					b := s.browser()
					r, err := s.plants(b, text)
					b.wantErr("Save", err, nil)
					r.want(http.StatusOK)
					b.wantIn("", what+" token in the session")
				}
				site.with(token).get("/me").want(http.StatusUnauthorized)
				service.client(api).shows(token).wantNobody("the session's token in the header")
				alice.wantIn("alice", "afterwards")
				other.wantIn("alice", "afterwards, by the cookie")
				program.wantUser("alice", "afterwards, by the header")
				if n := s.count("1"); n != 3 {
					t.Errorf("alice has %d sessions; want three, which one account holds", n)
				}
			})
		})
	}
}

func TestTheKeyOfTheToken(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		transport powgin.InSession
		namespace string
		want      string
	}{
		"by default":                    {powgin.InSession{}, "", "powgin"},
		"with a Namespace":              {powgin.InSession{}, "site", "powgin-site"},
		"named":                         {powgin.InSession{Key: "user token"}, "", "user token"},
		"named, whatever the Namespace": {powgin.InSession{Key: "user token"}, "site", "user token"},
	} {
		inBoth(t, what, func(c *powgin.Config[User]) { c.Transport, c.Namespace = tt.transport, tt.namespace }, func(s *inShop) {
			b := s.arrive()
			b.post("/sync").want(http.StatusOK)
			var keys []string
			_, _ = b.does(func(c *Context) error {
				for key := range gorillaOf(c).Values {
					keys = append(keys, key.(string))
				}
				return nil
			})
			slices.Sort(keys)
			want := []string{tt.want, "powgin.user"}
			if s.atServer {
				want = append(want, tt.want+".replaced")
			}
			slices.Sort(want)
			if !slices.Equal(keys, want) {
				t.Errorf("the session has values under %q; want %q", keys, want)
			}
			time.Sleep(renew)
			b.get("/me").want(http.StatusOK)
			b.wantIn("alice", "after a renewal")
		})
	}
	wantFaults(t, powgin.Config[User]{Users: &people{}, Transport: powgin.InSession{Key: "powgin.user"}},
		"Config.Transport.Key (powgin.user) is where a mounted session notes whose its values are")
	wantFaults(t, powgin.Config[User]{Users: &people{}, Transport: (*powgin.InSession)(nil)},
		"Config.Transport (*powgin.InSession) must be a Cookie, an InSession or a Bearer")
	wantFaults(t, powgin.Config[User]{Users: &people{}, Transport: &powgin.InSession{}})
}
