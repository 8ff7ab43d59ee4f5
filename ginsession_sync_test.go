package powgin_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-contrib/sessions"

	"github.com/powgin/powgin"
)

func TestSyncUserMovesAMountedSession(t *testing.T) {
	t.Parallel()
	t.Run("with its values to a new ID", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.withCart()
		b.post("/signin/1").want(http.StatusOK)
		before := b.clone()
		r, _ := b.does(func(c *Context) error {
			sessions.Default(c.Context).AddFlash("changed")
			return c.SyncUser(person(1))
		})
		r.want(http.StatusOK).wantLines(shopLine("id3"), plainLine)
		s.wantRecords("id3", "after the sync")
		b.wantValues("_flash=[changed] cart=apples", "after the sync")
		before.wantValues("", "under the old cookie")
	})
	t.Run("but none that holds nothing", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.browser()
		b.post("/signin/1").want(http.StatusOK)
		b.cookies["shop"] = "known"
		r, _ := b.syncUser()
		r.want(http.StatusOK).wantLines(plainLine)
		r, _ = b.does(func(c *Context) error {
			err := c.SyncUser(person(1))
			s.put(c.Context, "cart", "apples")
			return err
		})
		r.want(http.StatusOK).wantLines(shopLine("id2"), plainLine) // an ID that nobody has planted
	})
	for what, call := range map[string]func(c *Context) error{
		"but not with KeepSession": func(c *Context) error { return c.SyncUser(person(1), powgin.KeepSession()) },
		"but not from a copy of the context": func(c *Context) error {
			copied := c.Context.Copy()
			return powgin.SyncUser(copied, person(1))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newGinShop(t, nil)
			b := s.withCart()
			b.post("/signin/1").want(http.StatusOK)
			s.store.took()
			r, _ := b.does(call)
			r.want(http.StatusOK).wantLines()
			s.wantAsked(0, "by the sync")
			b.wantValues("cart=apples", "after the sync")
		})
	}
	t.Run("but not in grace", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := newGinShop(t, nil)
			b := s.withCart()
			b.post("/signin/1").want(http.StatusOK)
			late := b.clone()
			r, _ := b.syncUser()
			r.want(http.StatusOK)
			time.Sleep(time.Second)
			s.store.took()
			r, _ = late.syncUser()
			r.want(http.StatusOK).wantLines()
			s.wantAsked(0, "in grace")
			b.wantValues("cart=apples", "after the late sync")
		})
	})
}

func TestSignOutEndsAMountedSession(t *testing.T) {
	t.Parallel()
	t.Run("with its values, its record and its cookie", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.withCart()
		b.post("/signin/1").want(http.StatusOK)
		before := b.clone()
		b.post("/signout").want(http.StatusOK).wantLines(shopDeleted, deletedLine)
		s.wantRecords("", "after the sign-out")
		before.wantValues("", "under the old cookie")
	})
	t.Run("whoever's it is", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		s.withCart().post("/signout").want(http.StatusOK).wantLines(shopDeleted)
		s.wantRecords("", "after the sign-out")
		s.browser().post("/signout").want(http.StatusOK).wantLines()
	})
	t.Run("and a Save behind it begins another, which lands", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.withCart()
		b.post("/signin/1").want(http.StatusOK)
		r, _ := b.does(func(c *Context) error {
			err := c.SignOut()
			s.put(c.Context, "bye", "alice")
			return err
		})
		r.want(http.StatusOK).wantLines(shopLine("id3"), deletedLine)
		s.wantRecords("id3", "after the sign-out")
		b.wantValues("bye=alice", "after the sign-out")
	})
	t.Run("but not where ours cannot be ended", func(t *testing.T) {
		t.Parallel()
		spy := newSpyStore()
		s := newGinShop(t, func(c *powgin.Config[User]) { c.Store = spy })
		b := s.withCart()
		b.post("/signin/1").want(http.StatusOK)
		spy.failingSwap.Store(true)
		b.post("/signout").want(http.StatusServiceUnavailable).wantLines()
		b.wantValues("cart=apples", "after the sign-out that failed")
	})
}

// A request that has read the session before, and saves it after, brings back
// its values at most: who is signed in does not depend on them.
func TestALateSaveOfAMountedSessionGrantsNothing(t *testing.T) {
	t.Parallel()
	for what, meanwhile := range map[string]string{"a sign-out": "/signout", "a sign-in as bob": "/signin/2"} {
		t.Run(what+" meanwhile", func(t *testing.T) {
			t.Parallel()
			s := newGinShop(t, nil)
			gate := &gate{make(chan struct{}), make(chan struct{})}
			s.handle("POST", "/slow", func(c *Context) {
				session := sessions.Default(c.Context)
				session.Set("note", "slow")
				gate.entered <- struct{}{}
				<-gate.open
				if err := session.Save(); err != nil {
					t.Error(err)
				}
			})
			alice := s.withCart()
			alice.post("/signin/1").want(http.StatusOK)
			slow := alice.clone()
			finish := gate.start(slow, "POST", "/slow")
			alice.post(meanwhile).want(http.StatusOK)
			finish().want(http.StatusOK)
			slow.get("/me").want(http.StatusUnauthorized)
			alice.cookies["shop"] = slow.cookies["shop"] // as a browser has it, where that answer comes last
			if u := alice.get("/").identity().User; u != nil && u.Name == "alice" {
				t.Error("the late Save has signed alice in")
			}
			alice.post("/signin/2").want(http.StatusOK)
			alice.wantValues("", "after bob's sign-in on what came back")
		})
	}
}
