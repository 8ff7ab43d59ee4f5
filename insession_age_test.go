package powgin_test

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	gorilla "github.com/gorilla/sessions"

	"github.com/powgin/powgin"
)

// wantLasts fails the test where the record of the browser's session is kept for
// another time from now.
func (s *inShop) wantLasts(b *browser, want time.Duration, when string) {
	s.Helper()
	if got := s.shelf.lasts(b.cookies["shop"]); got != want {
		s.Errorf("%s the record %s is kept for %v; want %v", when, b.cookies["shop"], got, want)
	}
}

func TestTheRecordLastsAsLongAsItsToken(t *testing.T) {
	t.Parallel()
	for _, age := range []int{0, 1, 60, 1799, 1800, 7200} {
		want := max(idle, time.Duration(age)*time.Second)
		t.Run(fmt.Sprintf("whose store says MaxAge %d", age), func(t *testing.T) {
			shopBubble(t, nil, func(s *inShop) {
				s.shelf.Options(sessions.Options{MaxAge: age})
				b := s.withCart()
				s.wantLasts(b, want, "after a Save")
				b.post("/signin/1").want(http.StatusOK)
				s.wantLasts(b, want, "after the sign-in")
				time.Sleep(time.Minute)
				b.post("/put/cart/pears").want(http.StatusOK)
				s.wantLasts(b, want, "after another Save")
				b.post("/sync").want(http.StatusOK)
				s.wantLasts(b, want, "after the sync")
				time.Sleep(idle - 1)
				b.wantIn("alice", "shortly before its end")
				s.wantLasts(b, want, "after the renewal")
			})
		})
		t.Run(fmt.Sprintf("whose handler says MaxAge %d", age), func(t *testing.T) {
			shopBubble(t, nil, func(s *inShop) {
				says := func(c *Context) { sessions.Default(c.Context).Options(sessions.Options{MaxAge: age}) }
				s.handle("POST", "/in", func(c *Context) { says(c); answer(c, c.SignIn(person(1))) })
				s.handle("POST", "/save", func(c *Context) { says(c); s.put(c.Context, "cart", "apples") })
				s.handle("POST", "/sync-so", func(c *Context) { says(c); answer(c, c.SyncUser(person(1))) })
				b := s.browser()
				for _, path := range []string{"/in", "/save", "/sync-so"} {
					b.post(path).want(http.StatusOK)
					s.wantLasts(b, want, "after POST "+path)
				}
			})
		})
	}
}

// The app's last word on the age counts, not what the store has said before.
func TestOptionsOfOneRequest(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		store, handler int
		want           string
	}{
		"make the cookie stay":       {0, 7200, "shop=id1; Path=/; Expires=Sat, 01 Jan 2000 02:00:00 GMT; Max-Age=7200; HttpOnly; Secure; SameSite=Lax"},
		"let it go with the browser": {7200, 0, inLine("id1")},
	} {
		t.Run(what, func(t *testing.T) {
			shopBubble(t, nil, func(s *inShop) {
				s.shelf.Options(sessions.Options{MaxAge: tt.store})
				r, _ := s.browser().does(func(c *Context) error {
					sessions.Default(c.Context).Options(sessions.Options{MaxAge: tt.handler})
					return c.SignIn(person(1))
				})
				r.want(http.StatusOK).wantLines(tt.want)
			})
		})
	}
}

const monthly = "; Path=/; Expires=Mon, 31 Jan 2000 00:00:00 GMT; Max-Age=2592000; HttpOnly; Secure; SameSite=Lax"

func TestARememberedSession(t *testing.T) {
	t.Parallel()
	for _, age := range []int{0, 60, 7200} {
		t.Run(fmt.Sprintf("lasts, whatever is done with it, under MaxAge %d", age), func(t *testing.T) {
			shopBubble(t, nil, func(s *inShop) {
				s.shelf.Options(sessions.Options{MaxAge: age})
				b := s.browser()
				b.signInAgain(powgin.Remember(30 * day)).wantLines("shop=id1" + monthly)
				s.wantLasts(b, 30*day, "after the sign-in")
				b.post("/put/cart/apples").want(http.StatusOK).wantLines("shop=id1" + monthly)
				s.wantLasts(b, 30*day, "after a Save")
				b.post("/sync").want(http.StatusOK).wantLines("shop=id2" + monthly)
				s.wantLasts(b, 30*day, "after the sync")
				r, _ := b.does(func(c *Context) error {
					sessions.Default(c.Context).Options(sessions.Options{MaxAge: 60})
					s.put(c.Context, "cart", "pears")
					return nil
				})
				r.want(http.StatusOK).wantLines("shop=id2" + monthly)
				s.wantLasts(b, 30*day, "after a Save with options")
				time.Sleep(29 * day)
				b.wantIn("alice", "a month later").
					wantLines("shop=id3; Path=/; Expires=Mon, 31 Jan 2000 00:00:00 GMT; Max-Age=86400; HttpOnly; Secure; SameSite=Lax")
				b.wantKept("cart=pears", "a month later")
				s.wantLasts(b, day, "after the renewal")
				time.Sleep(day - 1)
				b.wantIn("alice", "shortly before its end")
				time.Sleep(time.Nanosecond)
				b.wantIn("", "at its end")
			})
		})
	}
	t.Run("and one after it that is not", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.browser()
			b.signInAgain(powgin.Remember(30 * day))
			b.signInAgain().wantLines(inLine("id2"))
			s.wantLasts(b, idle, "after the second sign-in")
		})
	})
	t.Run("for less than the idle time", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.browser()
			b.signInAgain(powgin.Remember(90 * time.Second)).
				wantLines("shop=id1; Path=/; Expires=Sat, 01 Jan 2000 00:30:00 GMT; Max-Age=1800; HttpOnly; Secure; SameSite=Lax")
			time.Sleep(90 * time.Second)
			b.wantIn("", "at its end")
		})
	})
}

// gorillaOf returns the session that a wrapper has.
func gorillaOf(c *Context) *gorilla.Session {
	return sessions.Default(c.Context).(interface{ Session() *gorilla.Session }).Session()
}

// whole is all that a request knows of its session.
type whole struct {
	ID, cookie string
	isNew      bool
	options    gorilla.Options
	values     map[any]any
}

func wholeOf(c *Context) whole {
	session := gorillaOf(c)
	return whole{session.ID, c.GetHeader("Cookie"), session.IsNew, *session.Options, maps.Clone(session.Values)}
}

func TestASignInThatFailsLeavesTheSessionAsItWas(t *testing.T) {
	t.Parallel()
	month := []powgin.SignInOption{powgin.Remember(30 * day)}
	for what, fails := range map[string]struct {
		before, after func(s *inShop, spy *spyStore, c *Context)
		user          uint
		status        int
	}{
		"since the gin store is down": {
			func(s *inShop, _ *spyStore, _ *Context) { s.store.fails(true, false) },
			func(s *inShop, _ *spyStore, _ *Context) { s.store.fails(false, false) }, 1, http.StatusServiceUnavailable,
		},
		"since powgin's store is down": {
			func(_ *inShop, spy *spyStore, _ *Context) { spy.failingSwap.Store(true) },
			func(_ *inShop, spy *spyStore, _ *Context) { spy.failingSwap.Store(false) }, 1, http.StatusServiceUnavailable,
		},
		"since the users are out of reach": {
			func(s *inShop, _ *spyStore, _ *Context) { s.people.fail(true) },
			func(s *inShop, _ *spyStore, _ *Context) { s.people.fail(false) }, 1, http.StatusServiceUnavailable,
		},
		"since there is no such user": {nil, nil, 7, http.StatusForbidden},
		"since the options have the session deleted": {
			func(_ *inShop, _ *spyStore, c *Context) {
				sessions.Default(c.Context).Options(sessions.Options{MaxAge: -1, Path: "/shop"})
			},
			func(_ *inShop, _ *spyStore, _ *Context) {}, 1, http.StatusServiceUnavailable,
		},
	} {
		for who, signedIn := range map[string]bool{"nobody": false, "bob": true} {
			t.Run(what+", for "+who, func(t *testing.T) {
				spy := newSpyStore()
				shopBubble(t, func(c *powgin.Config[User]) { c.Store = spy }, func(s *inShop) {
					b := s.withCart()
					if signedIn {
						b.post("/signin/2").want(http.StatusOK)
					}
					ids := s.store.ids()
					r, err := b.does(func(c *Context) error {
						if fails.before != nil {
							fails.before(s, spy, c)
						}
						before := wholeOf(c)
						err := c.SignIn(person(fails.user), month...)
						if after := wholeOf(c); fmt.Sprint(after) != fmt.Sprint(before) {
							t.Errorf("after SignIn = %v the session is\n%+v; want it as it was,\n%+v", err, after, before)
						}
						if fails.after != nil {
							fails.after(s, spy, c)
						}
						return err
					})
					if err == nil {
						t.Error("SignIn = nil; want an error")
					}
					r.want(fails.status).wantLines()
					s.wantRecords(ids, "after it")
					b.wantKept("cart=apples", "after it")
					b.wantIn(map[bool]string{true: "bob"}[signedIn], "after it")
					if n := s.count("1"); n != 0 {
						t.Errorf("alice has %d sessions; want none", n)
					}
				})
			})
		}
	}
}

// Where the user's other session had to go before the new one could begin, the
// session has no token left, and can be saved all the same.
func TestASignInThatFailsLast(t *testing.T) {
	t.Parallel()
	t.Run("leaves a session without a token", func(t *testing.T) {
		spy := newSpyStore()
		shopBubble(t, func(c *powgin.Config[User]) { c.Store = &secondSwapFails{spyStore: spy} }, func(s *inShop) {
			b := s.withCart()
			b.post("/signin/2").want(http.StatusOK)
			failing := s.config.Store.(*secondSwapFails)
			r, err := b.does(func(c *Context) error {
				failing.armed.Store(1)
				err := c.SignIn(person(1))
				failing.armed.Store(0)
				s.put(c.Context, "note", "later")
				return err
			})
			b.wantErr("SignIn", err, powgin.ErrUnavailable)
			r.want(http.StatusServiceUnavailable).wantLines(inLine("id2"))
			if n := s.count("2"); n != 0 {
				t.Errorf("bob has %d sessions; want none, or the store has not failed where it should", n)
			}
			b.wantIn("", "after it")
			b.wantKept("cart=apples note=later", "after it")
			s.wantRecords("id2", "after it")
		})
	})
}
