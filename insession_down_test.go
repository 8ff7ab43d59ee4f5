package powgin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"

	"github.com/powgin/powgin"
)

// serverErrors are what a store says whose server cannot be asked.
var serverErrors = map[string]error{
	"the connection is refused":    errRefused,
	"the connection ended":         io.EOF,
	"the connection ended halfway": io.ErrUnexpectedEOF,
	"the name is not known":        &net.DNSError{Err: "no such host", Name: "redis"},
	"the server takes too long":    context.DeadlineExceeded,
	"it says so in its own words":  fmt.Errorf("load the session: %w", errRefused),
}

func TestASessionThatCannotBeLoaded(t *testing.T) {
	t.Parallel()
	for what, failing := range serverErrors {
		for name, policy := range map[string]powgin.DownPolicy{"Unavailable": powgin.Unavailable, "ServeStale": powgin.ServeStale(mostStale)} {
			t.Run(what+", under "+name, func(t *testing.T) {
				shopBubble(t, under(policy), func(s *inShop) {
					b := s.arrive()
					b.post("/put/cart/apples").want(http.StatusOK)
					b.wantIn("alice", "at first") // from here on she is cached
					s.shelf.fail(failing)
					for _, request := range []string{"GET /", "GET /me", "GET /guest", "POST /put/cart/pears", "POST /signin/2", "POST /signout", "POST /sync"} {
						var method, path string
						_, _ = fmt.Sscan(request, &method, &path)
						b.do(method, path).wantProblem(http.StatusServiceUnavailable).wantLines()
						s.wantErrors("powgin: the store or the database cannot answer: load the mounted session: " + failing.Error())
					}
					s.browser().get("/").want(http.StatusOK) // who has no cookie is nobody for sure
					s.shelf.fail(nil)
					s.wantRecords("id1", "afterwards")
					b.wantIn("alice", "afterwards")
					b.wantKept("cart=apples", "afterwards")
				})
			})
		}
		t.Run(what+", under Anonymous", func(t *testing.T) {
			shopBubble(t, under(powgin.Anonymous), func(s *inShop) {
				s.handle("GET", "/unknown", func(c *Context) { c.String(http.StatusOK, "%v", powgin.Unknown(c)) })
				b := s.arrive()
				b.post("/put/cart/apples").want(http.StatusOK)
				s.shelf.fail(failing)
				b.wantIn("", "while nobody can tell").wantNoStore().wantLines()
				s.wantErrors("powgin: the store or the database cannot answer: load the mounted session: " + failing.Error())
				if got := b.get("/unknown").want(http.StatusOK).Body.String(); got != "true" {
					t.Errorf("Unknown = %s; want true", got)
				}
				for _, path := range []string{"/me", "/guest"} {
					b.get(path).wantProblem(http.StatusServiceUnavailable).wantLines()
				}
				for _, path := range []string{"/signin/2", "/signout", "/sync"} {
					b.post(path).wantProblem(http.StatusServiceUnavailable).wantLines()
				}
				s.shelf.fail(nil)
				s.wantRecords("id1", "afterwards")
				b.wantIn("alice", "afterwards")
				b.wantKept("cart=apples", "afterwards")
			})
		})
	}
}

// What could not be loaded is not saved over what there is.
func TestASaveOfASessionThatCouldNotBeLoaded(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(sessions.Session){
		"a value":                func(session sessions.Session) { session.Set("cart", "pears") },
		"Clear":                  func(session sessions.Session) { session.Clear() },
		"options that delete it": func(session sessions.Session) { session.Options(sessions.Options{MaxAge: -1}) },
	} {
		t.Run(what, func(t *testing.T) {
			shopBubble(t, under(powgin.Anonymous), func(s *inShop) {
				b := s.arrive()
				b.post("/put/cart/apples").want(http.StatusOK)
				var got error
				s.handle("POST", "/save", func(c *Context) {
					s.shelf.fail(nil) // the server is back
					session := sessions.Default(c.Context)
					change(session)
					session.Set("seen", "yes")
					got = session.Save()
				})
				s.shelf.fail(errRefused)
				b.post("/save").want(http.StatusOK).wantLines()
				if !errors.Is(got, powgin.ErrUnavailable) || !errors.Is(got, errRefused) {
					t.Errorf("Save = %v; want ErrUnavailable and its cause", got)
				}
				s.wantRecords("id1", "afterwards")
				b.wantIn("alice", "afterwards")
				b.wantKept("cart=apples", "afterwards")
			})
		})
	}
}

// That there is no such record, or that somebody has forged the cookie, are
// errors of some stores too: then it is known that nobody is signed in.
func TestASessionThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, policy := range policies {
		t.Run(fmt.Sprint("under ", policy), func(t *testing.T) {
			shopBubble(t, under(policy), func(s *inShop) {
				b := s.arrive()
				s.shelf.fail(errors.New("memcache: cache miss"))
				b.wantIn("", "with an error of another kind").wantLines()
				b.get("/me").want(http.StatusUnauthorized).wantLines()
				b.get("/guest").want(http.StatusOK)
				s.wantErrors()
				b.post("/signin/2").want(http.StatusOK).wantLines(inLine("id2"))
				s.shelf.fail(nil)
				b.wantIn("bob", "after the sign-in")
			})
		})
	}
}

func TestInSessionWhenPowginsStoreIsDown(t *testing.T) {
	t.Parallel()
	for name, policy := range policies {
		inBoth(t, name, func(c *powgin.Config[User]) { c.Store, c.WhenDown = newSpyStore(), policy }, func(s *inShop) {
			store := s.config.Store.(*spyStore)
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			b.wantIn("alice", "at first")
			time.Sleep(renew) // a renewal is due
			store.failLoads.Store(true)
			store.failingSwap.Store(true)
			switch policy {
			case powgin.Anonymous:
				b.wantIn("", "with the store down").wantLines()
				b.post("/put/cart/pears").want(http.StatusOK) // values are not powgin's
			default:
				b.get("/").wantProblem(http.StatusServiceUnavailable).wantLines()
				b.post("/put/cart/pears").wantProblem(http.StatusServiceUnavailable).wantLines()
			}
			b.get("/me").wantProblem(http.StatusServiceUnavailable).wantLines()
			b.post("/signout").wantProblem(http.StatusServiceUnavailable).wantLines()
			store.failLoads.Store(false)
			store.failingSwap.Store(false)
			if s.atServer {
				s.wantRecords("id1", "with the store down")
			}
			b.wantIn("alice", "afterwards")
			want := map[bool]string{true: "cart=pears", false: "cart=apples"}[policy == powgin.Anonymous]
			b.wantKept(want, "afterwards")
		})
	}
}

func TestInSessionWhenUsersAreOutOfReach(t *testing.T) {
	t.Parallel()
	for name, policy := range policies {
		inBoth(t, name, under(policy), func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			b.wantIn("alice", "at first")
			cookie := b.cookies["shop"]
			time.Sleep(renew)
			s.people.fail(true)
			want := map[powgin.DownPolicy]int{powgin.Anonymous: http.StatusOK}[policy]
			if want == 0 {
				want = http.StatusServiceUnavailable
			}
			b.get("/").want(want).wantLines()
			b.get("/reload").wantProblem(http.StatusServiceUnavailable).wantLines()
			b.post("/signout").want(http.StatusServiceUnavailable).wantLines()
			s.people.fail(false)
			if b.cookies["shop"] != cookie {
				t.Error("the cookie has changed with nobody there to tell whose it is")
			}
			if s.atServer {
				s.wantRecords("id1", "with the users out of reach")
			}
			time.Sleep(2 * time.Second)
			b.wantIn("alice", "afterwards")
			b.wantKept("cart=apples", "afterwards")
		})
	}
	inBoth(t, "a renewal that was sent is taken back", nil, func(s *inShop) {
		b := s.arrive()
		b.wantIn("alice", "at first")
		time.Sleep(renew - time.Minute)
		b.get("/refresh").want(http.StatusOK) // she is cached
		time.Sleep(time.Minute)
		s.people.fail(true)
		b.get("/reload").wantProblem(http.StatusServiceUnavailable).wantLines()
		s.people.fail(false)
		if s.atServer {
			s.wantRecords("id1", "after the renewal that was taken back")
		}
		time.Sleep(2 * time.Second)
		if r := b.wantIn("alice", "afterwards"); len(r.setCookies()) != 1 {
			t.Errorf("the next request sets %q; want the new token", r.setCookies())
		}
	})
	inBoth(t, "but not with what came after it", nil, func(s *inShop) {
		s.handle("POST", "/sync-fails", func(c *Context) {
			s.people.fail(true)
			err := c.SyncUser(person(1))
			s.people.fail(false)
			answer(c, err)
		})
		s.handle("POST", "/fails-behind", func(c *Context) {
			if err := c.SignIn(person(2)); err != nil {
				t.Error(err)
			}
			powgin.Abort(c.Context, errDown)
		})
		s.handle("POST", "/fails-at-the-end", func(c *Context) {
			if err := c.SignOut(); err != nil {
				t.Error(err)
			}
			powgin.Abort(c.Context, errDown)
		})
		b := s.arrive()
		for _, tt := range []struct {
			path   string
			status int
			user   string
		}{
			{"/sync-fails", http.StatusServiceUnavailable, "alice"},
			{"/fails-behind", http.StatusInternalServerError, "bob"},
			{"/fails-at-the-end", http.StatusInternalServerError, ""},
		} {
			time.Sleep(renew)
			if r := b.post(tt.path).want(tt.status); len(r.setCookies()) != 1 {
				t.Errorf("POST %s sets %q; want what has landed", tt.path, r.setCookies())
			}
			time.Sleep(grace)
			b.wantIn(tt.user, "after POST "+tt.path)
		}
		if s.atServer {
			s.wantRecords("", "after all")
		}
	})
}

func TestARenewalThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	const renews = "powgin: renew a session: powgin: the store or the database cannot answer: save a mounted session: the gin store is down"
	t.Run("leaves all as it was, and comes later", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			time.Sleep(renew)
			s.store.fails(true, false)
			b.get("/me").want(http.StatusOK).wantLines()
			s.wantErrors(renews)
			b.get("/me").want(http.StatusOK).wantLines() // as if another request had it
			s.wantErrors()
			s.store.fails(false, false)
			s.wantRecords("id1", "after the renewal that failed")
			time.Sleep(2 * time.Second)
			b.get("/me").want(http.StatusOK).wantLines(inLine("id2"))
			b.wantIn("alice", "after the next renewal")
			b.wantKept("cart=apples", "after the next renewal")
			s.wantErrors()
		})
	})
	t.Run("has a handler that saves go on", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.handle("POST", "/save", func(c *Context) {
				s.store.fails(false, false)
				s.put(c.Context, "cart", "pears")
			})
			b := s.arrive()
			time.Sleep(renew)
			s.store.fails(true, false)
			b.post("/save").want(http.StatusOK).wantLines()
			s.wantErrors(renews)
			b.wantKept("cart=pears", "afterwards")
			b.wantIn("alice", "afterwards")
		})
	})
}

func TestASyncThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	t.Run("replaces no token, and drops the cached user", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.wantIn("alice", "at first")
			s.people.setPlan("1", "pro")
			s.store.fails(true, false)
			b.post("/sync").wantProblem(http.StatusServiceUnavailable).wantLines()
			s.store.fails(false, false)
			s.wantRecords("id1", "after the sync that failed")
			b.wantPlan("/me", "pro", "after the sync that failed")
			if x, err := s.auth.ExplainUser(s.Context(), "1"); err != nil || len(x.Sessions) != 1 || len(x.Sessions[0].Grace) != 0 {
				t.Errorf("ExplainUser = %+v, %v; want one session without tokens in grace", x.Sessions, err)
			}
		})
	})
}
