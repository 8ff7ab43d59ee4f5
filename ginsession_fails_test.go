package powgin_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

func TestAMountedSessionThatCannotBeSaved(t *testing.T) {
	t.Parallel()
	t.Run("has SignIn fail, and nothing changed", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.withCart()
		s.store.fails(true, false)
		r, err := b.does(func(c *Context) error {
			err := c.SignIn(person(1))
			s.store.fails(false, false)
			s.put(c.Context, "note", "later")
			return err
		})
		if !errors.Is(err, powgin.ErrUnavailable) || !errors.Is(err, errGinStore) || strings.Contains(err.Error(), "apples") {
			t.Errorf("SignIn = %v; want ErrUnavailable and its cause, without what is in the session", err)
		}
		r.want(http.StatusServiceUnavailable).wantLines(shopLine("id1"))
		s.wantRecords("id1", "after the sign-in that failed")
		b.wantValues("cart=apples note=later", "after the sign-in that failed")
		b.get("/me").want(http.StatusUnauthorized)
		if n := s.count("1"); n != 0 {
			t.Errorf("alice has %d sessions; want none", n)
		}
	})
	t.Run("has those before it undone", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil, "blog", "shop")
		b := s.browser()
		b.post("/put/draft/hello?in=blog").want(http.StatusOK)
		s.store.savesToFail = "shop"
		s.store.fails(true, false)
		b.post("/signin/1").want(http.StatusServiceUnavailable).wantLines()
		s.wantRecords("id1", "after the sign-in that failed")
		if got := b.values("in=blog"); got != "draft=hello" {
			t.Errorf("the other session keeps %q; want what it had", got)
		}
	})
	t.Run("has SyncUser fail, and the cached user dropped all the same", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.withCart()
		b.post("/signin/1").want(http.StatusOK)
		b.get("/me").want(http.StatusOK)
		s.people.setPlan("1", "pro")
		s.store.fails(true, false)
		r, err := b.syncUser()
		b.wantErr("SyncUser", err, powgin.ErrUnavailable)
		r.want(http.StatusServiceUnavailable).wantLines()
		b.wantPlan("/me", "pro", "after the sync that failed")
		b.wantValues("cart=apples", "after the sync that failed")
		s.wantRecords("id2", "after the sync that failed")
	})
}

func TestAMountedSessionWhereOursCannotBegin(t *testing.T) {
	t.Parallel()
	t.Run("stays under its old ID", func(t *testing.T) {
		t.Parallel()
		spy := newSpyStore()
		s := newGinShop(t, func(c *powgin.Config[User]) { c.Store = spy })
		b := s.withCart()
		spy.failingSwap.Store(true)
		r, err := b.does(func(c *Context) error {
			err := c.SignIn(person(1))
			s.put(c.Context, "note", "later")
			return err
		})
		b.wantErr("SignIn", err, powgin.ErrUnavailable)
		r.wantLines(shopLine("id1"))
		s.wantRecords("id1", "after the sign-in that failed")
		b.wantValues("cart=apples note=later", "after the sign-in that failed")
	})
	t.Run("stays where a sync finds the session ended", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.withCart()
		b.post("/signin/1").want(http.StatusOK)
		r, err := b.does(func(c *Context) error {
			if err := s.auth.RevokeUser(c, "1"); err != nil {
				t.Error(err)
			}
			return c.SyncUser(person(1))
		})
		b.wantErr("SyncUser", err, powgin.ErrNotSignedIn)
		r.wantLines()
		s.wantRecords("id2", "after the sync that found nobody")
		b.wantValues("cart=apples", "after the sync that found nobody")
	})
	t.Run("stays where the user is refused", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.withCart()
		b.post("/signin/7").want(http.StatusForbidden).wantLines()
		s.wantRecords("id1", "after the sign-in that was refused")
		b.wantValues("cart=apples", "after the sign-in that was refused")
	})
}

func TestARecordThatCannotBeDeleted(t *testing.T) {
	t.Parallel()
	s := newGinShop(t, nil)
	b := s.withCart()
	s.store.fails(false, true)
	b.post("/signin/1").want(http.StatusOK).wantLines(shopLine("id2"), plainLine)
	s.wantErrors(undeleted)
	b.post("/signout").want(http.StatusOK).wantLines(shopDeleted, deletedLine)
	s.wantErrors(undeleted)
	s.wantRecords("id1 id2", "that deletes nothing")
	b.wantValues("", "after the sign-out")
}

func TestAMountedSessionIsLeftAlone(t *testing.T) {
	t.Parallel()
	t.Run("by requests that only look", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.withCart()
		b.post("/signin/1").want(http.StatusOK)
		s.store.took()
		for _, path := range []string{"/", "/me", "/reload", "/refresh", "/sessions"} {
			b.get(path).want(http.StatusOK)
		}
		s.wantAsked(0, "for pages that do not use it")
	})
	t.Run("once the response has begun", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		for path, late := range map[string]func(c *Context) error{
			"/late/signin":  func(c *Context) error { return c.SignIn(person(2)) },
			"/late/sync":    func(c *Context) error { return c.SyncUser(person(1)) },
			"/late/signout": func(c *Context) error { return c.SignOut() },
		} {
			s.handle("POST", path, func(c *Context) {
				_, _ = c.Writer.WriteString("begun")
				_ = late(c)
			})
		}
		b := s.withCart()
		b.post("/signin/1").want(http.StatusOK)
		s.store.took()
		for _, path := range []string{"/late/signin", "/late/sync", "/late/signout"} {
			r := b.post(path).want(http.StatusOK)
			if lines := r.setCookies(); strings.Contains(strings.Join(lines, "\n"), "shop=") {
				t.Errorf("%s sets %q; want the gin session left alone", r.what, lines)
			}
			s.wantAsked(0, "by POST "+path)
		}
		b.get("/me").want(http.StatusUnauthorized)
		b.wantValues("cart=apples", "after all that")
	})
	t.Run("where it is none of this library's", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		s.mount(func(c *gin.Context) { c.Set(sessions.DefaultKey, "something else") })
		b := s.browser()
		b.post("/signin/1").want(http.StatusOK).wantLines(plainLine)
		b.post("/signout").want(http.StatusOK).wantLines(deletedLine)
	})
}
