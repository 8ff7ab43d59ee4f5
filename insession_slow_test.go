package powgin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
)

// slowSave adds a route that is held up between looking at its session and
// saving it.
func (s *inShop) slowSave(path string) *gate {
	g := &gate{make(chan struct{}), make(chan struct{})}
	s.handle("POST", path, func(c *Context) {
		session := sessions.Default(c.Context)
		session.Set("note", "slow")
		g.entered <- struct{}{}
		<-g.open
		if err := session.Save(); err != nil {
			s.Errorf("the late Save = %v; want no error", err)
		}
	})
	return g
}

// overtakers are what may happen in a session while another of its requests is
// held up: what of it the slow one's Save may still change, and who is signed in
// afterwards.
var overtakers = []struct {
	what      string
	meanwhile func(s *inShop, b *browser)
	records   string // afterwards
	user      string
	old       string // who is signed in under the old cookie
}{
	{"a sync", func(_ *inShop, b *browser) { b.post("/sync").want(http.StatusOK) }, "id1 id2", "alice", "alice"},
	{"a sync, and the grace is over", func(_ *inShop, b *browser) {
		b.post("/sync").want(http.StatusOK)
		time.Sleep(grace)
	}, "id1 id2", "alice", ""},
	{"a sync with Grace(0)", func(_ *inShop, b *browser) { b.post("/sync/0").want(http.StatusOK) }, "id2", "alice", ""},
	{"a renewal", func(_ *inShop, b *browser) {
		time.Sleep(renew)
		b.get("/me").want(http.StatusOK)
	}, "id1 id2", "alice", "alice"},
	{"a renewal that was confirmed, and the grace is over", func(_ *inShop, b *browser) {
		time.Sleep(renew)
		b.get("/me").want(http.StatusOK)
		b.get("/me").want(http.StatusOK)
		time.Sleep(grace)
	}, "id1 id2", "alice", ""},
	{"a sign-out", func(_ *inShop, b *browser) { b.post("/signout").want(http.StatusOK) }, "", "", ""},
	{"a sign-in as bob in another tab", func(_ *inShop, b *browser) { b.post("/signin/2").want(http.StatusOK) }, "id2", "bob", ""},
	{"a sign-in as alice in another tab", func(_ *inShop, b *browser) { b.post("/signin/1").want(http.StatusOK) }, "id2", "alice", ""},
	{"a sign-out, and a sign-in as bob", func(_ *inShop, b *browser) {
		b.post("/signout").want(http.StatusOK)
		b.post("/signin/2").want(http.StatusOK)
	}, "id2", "bob", ""},
	{"RevokeUser", func(s *inShop, _ *browser) {
		if err := s.auth.RevokeUser(s.Context(), "1"); err != nil {
			s.Error(err)
		}
	}, "id1", "", ""},
	{"RevokeAll", func(s *inShop, _ *browser) { s.revokeAll(time.Time{}) }, "id1", "", ""},
	{"the end of the idle time", func(_ *inShop, _ *browser) { time.Sleep(idle) }, "id1", "", ""},
}

func TestASlowSaveBringsNothingBack(t *testing.T) {
	t.Parallel()
	for _, tt := range overtakers {
		inBoth(t, "after "+tt.what, nil, func(s *inShop) {
			b := s.arrive()
			g := s.slowSave("/slow")
			slow := b.clone()
			finish := g.start(slow, "POST", "/slow")
			tt.meanwhile(s, b)
			s.store.took()
			finish().want(http.StatusOK).wantLines()
			if s.atServer {
				s.wantRecords(tt.records, "after the late Save")
			}
			old := slow.clone()
			b.wantIn(tt.user, "after the late Save")
			old.wantIn(tt.old, "under the cookie of the slow request")
			slow.post("/signin/2").want(http.StatusOK)
			slow.wantIn("bob", "after bob's sign-in on it")
		})
	}
}

// Under the old cookie what is saved in grace is kept; the new one never has it.
func TestASaveInGraceStaysWhereItIs(t *testing.T) {
	t.Parallel()
	t.Run("in the old record", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			old := b.clone()
			b.post("/sync").want(http.StatusOK)
			old.post("/put/cart/pears").want(http.StatusOK).wantLines()
			old.wantKept("cart=pears", "under the old cookie")
			b.wantKept("", "under the new cookie")
			old.wantIn("alice", "in grace")
		})
	})
	t.Run("and nowhere with Grace(0)", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			g := s.slowSave("/slow")
			finish := g.start(b.clone(), "POST", "/slow")
			b.post("/sync/0").want(http.StatusOK)
			s.store.took()
			finish().want(http.StatusOK).wantLines()
			s.wantAsked(0, "by the late Save")
		})
	})
}

// A request of nobody that is held up while its browser signs in has nothing
// that it could save to.
func TestASlowSaveOfNobody(t *testing.T) {
	t.Parallel()
	t.Run("does not bring the old cookie back", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.withCart()
			g := s.slowSave("/slow")
			slow := b.clone()
			finish := g.start(slow, "POST", "/slow")
			b.post("/signin/1").want(http.StatusOK)
			finish().want(http.StatusOK).wantLines()
			s.wantRecords("id2", "after the late Save")
			b.wantIn("alice", "after the late Save")
			b.wantKept("cart=apples", "after the late Save")
			slow.wantKept("", "under the old cookie")
		})
	})
	t.Run("lands where nothing is known to have happened", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.withCart()
			g := s.slowSave("/slow")
			finish := g.start(b, "POST", "/slow")
			s.shelf.fail(errRefused)
			finish().want(http.StatusOK).wantLines(inLine("id1"))
			s.shelf.fail(nil)
			b.wantKept("cart=apples note=slow", "afterwards")
		})
	})
	t.Run("lands where nothing has happened", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.withCart()
			g := s.slowSave("/slow")
			finish := g.start(b, "POST", "/slow")
			s.store.took()
			finish().want(http.StatusOK).wantLines(inLine("id1"))
			s.wantAsked(2, "to look whether the record is there, and to save it")
			b.wantKept("cart=apples note=slow", "afterwards")
		})
	})
}

// A request that was on its way with a token when that was replaced, and gets
// here when the token works no more.
func TestALateArrival(t *testing.T) {
	t.Parallel()
	t.Run("finds an empty session, and changes nothing by a Save", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			late := b.clone()
			b.post("/sync").want(http.StatusOK)
			time.Sleep(grace + time.Minute - 1)
			s.handle("POST", "/late", func(c *Context) {
				session := sessions.Default(c.Context)
				if got := kept(session); got != "" {
					t.Errorf("the late request finds %q; want an empty session", got)
				}
				if _, ok := c.User(); ok {
					t.Error("the late request has a user")
				}
				s.put(c.Context, "note", "late")
			})
			late.post("/late").want(http.StatusOK).wantLines()
			s.wantRecords("id2", "after the late request")
			b.wantIn("alice", "after the late request")
			b.wantKept("cart=apples", "after the late request")
		})
	})
	t.Run("of values in the cookie too", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.inCookies()
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			late := b.clone()
			b.post("/sync").want(http.StatusOK)
			time.Sleep(grace + time.Minute - 1)
			for range 2 {
				late.wantKept("", "of the late request")
				late.post("/put/note/late").want(http.StatusOK).wantLines()
			}
			time.Sleep(time.Nanosecond)
			late.wantKept("", "a minute later")
			late.post("/put/note/late").want(http.StatusOK)
			late.wantKept("note=late", "after a Save")
			late.wantIn("", "after a Save")
			b.wantIn("alice", "under the new cookie")
		})
	})
	t.Run("a minute later begins anew, under a new ID", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			late := b.clone()
			b.post("/sync").want(http.StatusOK)
			time.Sleep(grace)
			late.post("/put/note/late").want(http.StatusOK).wantLines()
			time.Sleep(time.Minute)
			late.post("/put/note/anew").want(http.StatusOK).wantLines(inLine("id3"))
			late.wantKept("note=anew", "afterwards")
			late.wantIn("", "afterwards")
			b.wantIn("alice", "afterwards")
			s.wantRecords("id2 id3", "afterwards")
		})
	})
	t.Run("is given no cookie by middleware ahead either", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			late := b.clone()
			b.post("/sync").want(http.StatusOK)
			time.Sleep(grace)
			s.mountIn(sessions.Sessions("shop", s.shelf), ahead(s, sessions.Options{Path: "/", MaxAge: 7200}))
			late.wantIn("", "of the late request").wantLines()
			s.wantRecords("id2", "after the late request")
			s.browser().get("/", "Cookie", "shop=id1; shop=id2").want(http.StatusOK).wantLines()
		})
	})
	t.Run("may sign in", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			late := b.clone()
			b.post("/sync").want(http.StatusOK)
			time.Sleep(grace)
			late.post("/signin/2").want(http.StatusOK).wantLines(inLine("id3"))
			late.wantIn("bob", "after the sign-in")
			late.wantKept("", "after the sign-in")
			b.wantIn("alice", "under her own cookie")
			s.wantRecords("id2 id3", "after the sign-in")
		})
	})
	t.Run("may sign out, and leaves the newer cookie alone", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			late := b.clone()
			b.post("/sync").want(http.StatusOK)
			time.Sleep(grace)
			late.post("/signout").want(http.StatusOK).wantLines()
			b.wantIn("alice", "under the newer cookie")
			s.wantRecords("id2", "afterwards")
		})
	})
}
