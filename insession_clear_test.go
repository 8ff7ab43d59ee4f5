package powgin_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gin-contrib/sessions"

	"github.com/powgin/powgin"
)

// leavings are the ways in which an app signs its user out by the session alone,
// and what is kept in it afterwards.
var leavings = map[string]struct {
	leave func(session sessions.Session)
	kept  string
}{
	"Clear":             {func(session sessions.Session) { session.Clear() }, ""},
	"Delete of its key": {func(session sessions.Session) { session.Delete("powgin") }, "cart=apples"},
	"options that delete it": {func(session sessions.Session) {
		session.Options(sessions.Options{Path: "/", MaxAge: -1})
	}, ""},
	"Clear, and options that delete it": {func(session sessions.Session) {
		session.Clear()
		session.Options(sessions.Options{Path: "/", MaxAge: -1})
	}, ""},
	"another text under its key": {func(session sessions.Session) { session.Set("powgin", "text") }, "cart=apples"},
}

func TestAnAppThatTakesTheTokenOutSignsOut(t *testing.T) {
	t.Parallel()
	for what, tt := range leavings {
		inBoth(t, "by "+what, nil, func(s *inShop) {
			b, phone := s.arrive(), s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			stolen := b.clone()
			b.post("/sync").want(http.StatusOK)
			newest := b.clone()
			r, err := b.does(func(c *Context) error {
				session := sessions.Default(c.Context)
				tt.leave(session)
				if _, ok := c.User(); !ok {
					t.Error("before the Save nobody is signed in; want alice")
				}
				err := session.Save()
				if u, ok := c.User(); ok {
					t.Errorf("after the Save %s is signed in; want nobody", u.Name)
				}
				if _, ok := c.Get("current_user"); ok && c.MustGet("current_user") != nil {
					t.Error("after the Save the user is there under their key")
				}
				return err
			})
			b.wantErr("Save", err, nil)
			if r.want(http.StatusOK); len(r.setCookies()) != 1 {
				t.Errorf("the answer sets %q; want the session's cookie", r.setCookies())
			}
			for name, browser := range map[string]*browser{"its own": b, "the last": newest, "the first, in grace": stolen} {
				browser.wantIn("", "under "+name+" cookie")
			}
			b.wantKept(tt.kept, "afterwards")
			phone.wantIn("alice", "in another browser")
			if n := s.count("1"); n != 1 {
				t.Errorf("alice has %d sessions; want the one of the other browser", n)
			}
		})
	}
	inBoth(t, "only when it saves", nil, func(s *inShop) {
		b := s.arrive()
		r, _ := b.does(func(c *Context) error {
			sessions.Default(c.Context).Clear()
			return nil
		})
		r.want(http.StatusOK).wantLines()
		b.wantIn("alice", "after a Clear without a Save")
	})
	inBoth(t, "also in grace", nil, func(s *inShop) {
		b := s.arrive()
		late := b.clone()
		b.post("/sync").want(http.StatusOK)
		_, err := late.does(func(c *Context) error {
			session := sessions.Default(c.Context)
			session.Clear()
			return session.Save()
		})
		b.wantErr("Save", err, nil)
		b.wantIn("", "under the newer cookie")
	})
}

func TestTheRecordsOfAnAppThatTakesTheTokenOut(t *testing.T) {
	t.Parallel()
	t.Run("by Clear", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			s.store.took()
			r, _ := b.does(func(c *Context) error {
				session := sessions.Default(c.Context)
				session.Clear()
				session.Set("bye", "alice")
				return session.Save()
			})
			r.want(http.StatusOK).wantLines(inLine("id1"))
			s.wantAsked(2, "to load and save")
			b.wantKept("bye=alice", "afterwards")
			if n := s.events.times("signed_out"); n != 1 {
				t.Errorf("%d signed_out events; want 1", n)
			}
			b.post("/signin/2").want(http.StatusOK).wantLines(inLine("id2"))
			s.wantRecords("id2", "after bob's sign-in")
		})
	})
	t.Run("by options that delete it", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			b := s.arrive()
			r, _ := b.does(func(c *Context) error {
				session := sessions.Default(c.Context)
				session.Options(sessions.Options{MaxAge: -1})
				return session.Save()
			})
			r.want(http.StatusOK).wantLines(inDeleted)
			s.wantRecords("", "afterwards")
		})
	})
}

func TestASignOutByTheSessionAloneThatFails(t *testing.T) {
	t.Parallel()
	for what, tt := range leavings {
		inBoth(t, "by "+what, func(c *powgin.Config[User]) { c.Store = newSpyStore() }, func(s *inShop) {
			spy := s.config.Store.(*spyStore)
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			s.store.took()
			r, err := b.does(func(c *Context) error {
				session := sessions.Default(c.Context)
				tt.leave(session)
				spy.failingSwap.Store(true)
				err := session.Save()
				spy.failingSwap.Store(false)
				if _, ok := c.User(); !ok {
					t.Error("after the Save that failed nobody is signed in; want alice")
				}
				return err
			})
			if !errors.Is(err, powgin.ErrUnavailable) || !errors.Is(err, errStoreDown) {
				t.Errorf("Save = %v; want ErrUnavailable and its cause", err)
			}
			r.want(http.StatusServiceUnavailable).wantLines()
			b.wantIn("alice", "after the Save that failed")
			b.wantKept("cart=apples", "after the Save that failed")
		})
	}
	t.Run("and asks the gin store nothing", func(t *testing.T) {
		spy := newSpyStore()
		shopBubble(t, func(c *powgin.Config[User]) { c.Store = spy }, func(s *inShop) {
			b := s.arrive()
			s.store.took()
			spy.failingSwap.Store(true)
			r, _ := b.does(func(c *Context) error {
				session := sessions.Default(c.Context)
				session.Clear()
				return session.Save()
			})
			r.want(http.StatusServiceUnavailable)
			s.wantAsked(1, "to load")
			s.wantRecords("id1", "afterwards")
		})
	})
}
