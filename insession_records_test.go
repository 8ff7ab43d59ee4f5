package powgin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"

	"github.com/powgin/powgin"
)

func TestASignInMovesTheSessionOfItsToken(t *testing.T) {
	t.Parallel()
	t.Run("to a new ID, and the old record goes at once", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.withCart()
			planted := b.clone()
			s.store.took()
			b.post("/signin/1").want(http.StatusOK).wantLines(inLine("id2"))
			s.wantAsked(3, "to load, save and delete")
			s.wantRecords("id2", "after the sign-in")
			b.wantKept("cart=apples", "after the sign-in")
			b.wantIn("alice", "after the sign-in")
			planted.wantIn("", "under the old cookie")
			planted.wantKept("", "under the old cookie")
			s.wantErrors()
		})
	})
	t.Run("that is the browser's first", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.browser()
			b.post("/signin/1").want(http.StatusOK).wantLines(inLine("id1"))
			s.wantAsked(1, "to save")
			s.wantRecords("id1", "after the sign-in")
			if len(b.cookies) != 1 {
				t.Errorf("the browser has the cookies %v; want the session's alone", b.cookies)
			}
		})
	})
	t.Run("that middleware ahead has just made", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.mountIn(sessions.Sessions("shop", s.shelf), ahead(s, sessions.Options{Path: "/"}))
			s.browser().post("/put/cart/apples").want(http.StatusOK).wantLines(inLine("id1"))
			s.wantRecords("id1", "after two Saves in one request")
			s.browser().post("/signin/1").want(http.StatusOK).wantLines(inLine("id3"))
			s.wantRecords("id1 id3", "after a Save and a sign-in in one request")
		})
	})
	t.Run("whose ID somebody has planted", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.browser()
			b.cookies["shop"] = "known"
			b.post("/put/cart/apples").want(http.StatusOK).wantLines(inLine("id1"))
			s.wantRecords("id1", "after a Save")
			b.cookies["shop"] = "known"
			b.post("/signin/1").want(http.StatusOK).wantLines(inLine("id2"))
			s.wantRecords("id1 id2", "after the sign-in")
		})
	})
	t.Run("where somebody is signed in, whose session it ends", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			before := b.clone()
			b.post("/signin/1").want(http.StatusOK).wantLines(inLine("id2"))
			b.wantKept("cart=apples", "after alice's second sign-in")
			b.post("/signin/2").want(http.StatusOK).wantLines(inLine("id3"))
			s.wantRecords("id3", "after bob's sign-in")
			b.wantKept("", "after bob's sign-in")
			b.wantIn("bob", "after bob's sign-in")
			before.wantIn("", "under the first cookie")
			if n := s.count("1"); n != 0 {
				t.Errorf("alice has %d sessions; want none", n)
			}
		})
	})
	t.Run("twice in one request", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.handle("POST", "/twice", func(c *Context) {
				if err := c.SignIn(person(2)); err != nil {
					t.Error(err)
				}
				answer(c, c.SignIn(person(1)))
			})
			b := s.withCart()
			b.post("/twice").want(http.StatusOK).wantLines(inLine("id3"))
			s.wantRecords("id3", "after both")
			b.wantIn("alice", "after both")
		})
	})
}

func TestSyncUserMovesTheSessionOfItsToken(t *testing.T) {
	t.Parallel()
	t.Run("and the old record stays while its token works", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			old := b.clone()
			s.store.took()
			b.post("/sync").want(http.StatusOK).wantLines(inLine("id2"))
			s.wantAsked(2, "to load and save")
			s.wantRecords("id1 id2", "after the sync")
			b.wantKept("cart=apples", "after the sync")
			time.Sleep(grace - 1)
			old.wantIn("alice", "in grace").wantLines()
			old.wantKept("cart=apples", "in grace")
			s.wantRecords("id1 id2", "in grace")
			time.Sleep(time.Nanosecond)
			s.store.took()
			old.wantIn("", "after the grace").wantLines()
			s.wantAsked(2, "to load and delete")
			s.wantRecords("id2", "once somebody has come with the old cookie")
			b.wantIn("alice", "under the new cookie")
			s.wantErrors()
		})
	})
	t.Run("and the next move after the grace deletes the old record", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.post("/sync").want(http.StatusOK).wantLines(inLine("id2"))
			time.Sleep(grace)
			s.store.took()
			b.post("/sync").want(http.StatusOK).wantLines(inLine("id3"))
			s.wantAsked(3, "to load, save and delete")
			s.wantRecords("id2 id3", "after the second sync")
		})
	})
	t.Run("and with Grace(0) all old records go at once", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			first := b.clone()
			b.post("/sync").want(http.StatusOK)
			second := b.clone()
			b.post("/sync/0").want(http.StatusOK).wantLines(inLine("id3"))
			s.wantRecords("id3", "after Grace(0)")
			if got := s.tokenIn(b, "powgin.replaced"); got != nil {
				t.Errorf("after Grace(0) the session remembers %q; want no record", got)
			}
			first.wantIn("", "under the first cookie")
			second.wantIn("", "under the second cookie")
			b.wantIn("alice", "under the third")
		})
	})
	t.Run("and with NoGrace they go at once", func(t *testing.T) {
		shopBubble(t, func(c *powgin.Config[User]) { c.Grace = powgin.NoGrace }, func(s *inShop) {
			b := s.arrive()
			old := b.clone()
			b.post("/sync").want(http.StatusOK).wantLines(inLine("id2"))
			s.wantRecords("id2", "after the sync")
			old.wantIn("", "under the old cookie")
			time.Sleep(renew)
			old = b.clone()
			b.get("/me").want(http.StatusOK).wantLines(inLine("id3"))
			s.wantRecords("id2 id3", "after a renewal, which nobody may have heard of")
			b.wantIn("alice", "under the new cookie")
			old.wantIn("", "under the old cookie")
			s.wantRecords("id3", "once somebody has come with the old cookie")
		})
	})
	t.Run("but not with KeepSession, nor in grace", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.syncs("/keep", powgin.KeepSession())
			b := s.arrive()
			late := b.clone()
			b.post("/keep").want(http.StatusOK).wantLines()
			s.wantRecords("id1", "after KeepSession")
			b.post("/sync").want(http.StatusOK)
			late.post("/sync").want(http.StatusOK).wantLines()
			late.post("/sync/0").want(http.StatusConflict).wantLines()
			s.wantRecords("id1 id2", "after those in grace")
			b.wantIn("alice", "after all")
		})
	})
	t.Run("and the last four are remembered", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			for range 20 {
				b.post("/sync").want(http.StatusOK)
			}
			s.wantRecords("id17 id18 id19 id20 id21", "after 20 syncs in a row")
			time.Sleep(grace)
			b.post("/sync").want(http.StatusOK)
			s.wantRecords("id21 id22", "after another one, later")
			b.wantIn("alice", "after all")
			s.wantErrors()
		})
	})
}

func TestARenewalMovesTheSessionOfItsToken(t *testing.T) {
	t.Parallel()
	t.Run("and the old record stays while its token works", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			old := b.clone()
			time.Sleep(renew)
			s.store.took()
			b.get("/me").want(http.StatusOK).wantLines(inLine("id2")).wantNoStore()
			s.wantAsked(2, "to load and save")
			s.wantRecords("id1 id2", "after the renewal")
			b.wantKept("cart=apples", "after the renewal") // the first use of the new token
			time.Sleep(grace - 1)
			old.wantIn("alice", "in grace").wantLines()
			time.Sleep(time.Nanosecond)
			old.wantIn("", "after the grace").wantLines()
			s.wantRecords("id2", "once somebody has come with the old cookie")
		})
	})
	t.Run("where every request reads the database", func(t *testing.T) {
		shopBubble(t, func(c *powgin.Config[User]) { c.Reload = true }, func(s *inShop) {
			b := s.arrive()
			time.Sleep(renew)
			b.get("/me").want(http.StatusOK).wantLines(inLine("id2"))
			b.get("/me").want(http.StatusOK).wantLines()
			s.wantRecords("id1 id2", "after the renewal")
		})
	})
	t.Run("and the next one deletes the old record", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			for n, want := range []string{"id1 id2", "id2 id3", "id3 id4", "id4 id5"} {
				time.Sleep(renew)
				b.get("/me").want(http.StatusOK)
				b.get("/me").want(http.StatusOK).wantLines()
				if got := s.store.ids(); got != want {
					t.Errorf("after renewal %d the store has the records %q; want %q", n+1, got, want)
				}
			}
		})
	})
	t.Run("and a sync in the same request leaves both", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			old := b.clone()
			time.Sleep(renew)
			b.post("/sync").want(http.StatusOK).wantLines(inLine("id3"))
			s.wantRecords("id1 id2 id3", "after the renewal and the sync")
			time.Sleep(grace - 1)
			old.wantIn("alice", "in grace").wantLines()
			time.Sleep(time.Nanosecond)
			b.post("/sync").want(http.StatusOK).wantLines(inLine("id4"))
			s.wantRecords("id3 id4", "after the next sync")
		})
	})
}

func TestASignOutDeletesTheRecordsOfItsToken(t *testing.T) {
	t.Parallel()
	t.Run("those that are kept in grace too", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			first := b.clone()
			b.post("/sync").want(http.StatusOK)
			b.post("/sync").want(http.StatusOK)
			stolen := b.clone()
			s.store.took()
			b.post("/signout").want(http.StatusOK).wantLines(inDeleted)
			s.wantAsked(4, "to load and delete three")
			s.wantRecords("", "after the sign-out")
			first.wantIn("", "under the first cookie")
			stolen.wantIn("", "under the last cookie")
			if n := s.count("1"); n != 0 || len(b.cookies) != 0 {
				t.Errorf("alice has %d sessions and her browser the cookies %v; want none", n, b.cookies)
			}
		})
	})
	t.Run("in the request of a renewal too", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			time.Sleep(renew)
			b.post("/signout").want(http.StatusOK).wantLines(inDeleted)
			s.wantRecords("", "after the sign-out")
		})
	})
	t.Run("and what is saved behind it begins anew", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			r, _ := b.does(func(c *Context) error {
				err := c.SignOut()
				s.put(c.Context, "bye", "alice")
				return err
			})
			r.want(http.StatusOK).wantLines(inLine("id2"))
			s.wantRecords("id2", "after the sign-out")
			b.wantKept("bye=alice", "after the sign-out")
			b.wantIn("", "after the sign-out")
		})
	})
	t.Run("but not where the session cannot be ended", func(t *testing.T) {
		spy := newSpyStore()
		shopBubble(t, func(c *powgin.Config[User]) { c.Store = spy }, func(s *inShop) {
			b := s.arrive()
			spy.failingSwap.Store(true)
			b.post("/signout").want(http.StatusServiceUnavailable).wantLines()
			s.wantRecords("id1", "after the sign-out that failed")
			b.wantIn("alice", "after the sign-out that failed")
		})
	})
}

func TestRequestsThatOnlyLookChangeNothing(t *testing.T) {
	t.Parallel()
	inBoth(t, "signed in or not", nil, func(s *inShop) {
		b := s.arrive()
		for _, path := range []string{"/", "/me", "/reload", "/refresh", "/sessions", "/kept"} {
			s.store.took()
			b.get(path).want(http.StatusOK).wantLines()
			s.store.mu.Lock()
			if s.store.asked > 1 {
				t.Errorf("for GET %s the store was asked %d times; want once at most", path, s.store.asked)
			}
			s.store.mu.Unlock()
		}
		s.store.took()
		s.browser().get("/").want(http.StatusOK).wantLines()
		s.browser().post("/signout").want(http.StatusOK).wantLines()
		s.wantAsked(0, "for browsers without a cookie")
	})
}
