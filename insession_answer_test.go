package powgin_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// recovers ends a panic without a word.
func recovers(c *gin.Context) {
	defer func() {
		if recover() != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
		}
	}()
	c.Next()
}

// What a handler may do with its answer after what has changed the token.
var answersAfter = map[string]struct {
	answer func(c *Context)
	status int
}{
	"nothing":            {func(*Context) {}, http.StatusOK},
	"a status":           {func(c *Context) { c.Status(http.StatusNoContent) }, http.StatusNoContent},
	"a status at once":   {func(c *Context) { c.Status(http.StatusAccepted); c.Writer.WriteHeaderNow() }, http.StatusAccepted},
	"a text":             {func(c *Context) { c.String(http.StatusOK, "text") }, http.StatusOK},
	"a redirect":         {func(c *Context) { c.Redirect(http.StatusSeeOther, "/next") }, http.StatusSeeOther},
	"a stream of events": {func(c *Context) { c.SSEvent("tick", 1); c.Writer.Flush(); c.SSEvent("tick", 2) }, http.StatusOK},
	"a flush":            {func(c *Context) { c.Writer.Flush() }, http.StatusOK},
	"an abort":           {func(c *Context) { c.AbortWithStatus(http.StatusTeapot) }, http.StatusTeapot},
	"a panic":            {func(*Context) { panic("oh") }, http.StatusInternalServerError},
	"a Save, and a panic": {func(c *Context) {
		_ = sessions.Default(c.Context).Save()
		panic("oh")
	}, http.StatusInternalServerError},
}

func TestHoweverTheHandlerAnswers(t *testing.T) {
	t.Parallel()
	for what, tt := range answersAfter {
		t.Run("the cookie is sent with "+what, func(t *testing.T) {
			shopBubble(t, nil, func(s *inShop) {
				s.mountIn(recovers, sessions.Sessions("shop", s.shelf))
				does := func(path string, h func(*Context) error) {
					s.handle("POST", path, func(c *Context) {
						if err := h(c); err != nil {
							t.Errorf("POST %s: %v", path, err)
						}
						tt.answer(c)
					})
				}
				does("/x/in", func(c *Context) error { return c.SignIn(person(1)) })
				does("/x/sync", func(c *Context) error { return c.SyncUser(person(1)) })
				does("/x/out", func(c *Context) error { return c.SignOut() })
				does("/x/look", func(*Context) error { return nil })
				b := s.browser()
				b.post("/x/in").want(tt.status).wantLines(inLine("id1")).wantKeptToItself()
				b.wantIn("alice", "after the sign-in")
				b.post("/x/sync").want(tt.status).wantLines(inLine("id2")).wantKeptToItself()
				b.wantIn("alice", "after the sync")
				time.Sleep(renew)
				b.post("/x/look").want(tt.status).wantLines(inLine("id3")).wantKeptToItself()
				b.wantIn("alice", "after the renewal")
				b.post("/x/look").want(tt.status).wantLines()
				b.post("/x/out").want(tt.status).wantLines(inDeleted).wantKeptToItself()
				s.wantErrors()
			})
		})
	}
}

func TestOnceTheBodyHasBegun(t *testing.T) {
	t.Parallel()
	late := func(s *inShop, path string, h func(c *Context) error) {
		s.handle("POST", path, func(c *Context) {
			_, _ = c.Writer.WriteString("begun")
			_, _ = fmt.Fprintf(c.Writer, ": %v", h(c))
		})
	}
	inBoth(t, "SyncUser has the next request renew", nil, func(s *inShop) {
		late(s, "/late", func(c *Context) error { return c.SyncUser(person(1)) })
		b := s.arrive()
		b.post("/put/cart/apples").want(http.StatusOK)
		s.people.setPlan("1", "pro")
		s.store.took()
		r := b.post("/late").want(http.StatusOK).wantLines()
		if got := r.Body.String(); got != "begun: "+powgin.ErrHeadersWritten.Error() {
			t.Errorf("POST /late = %q; want ErrHeadersWritten", got)
		}
		if s.atServer {
			s.wantAsked(1, "to load")
			s.wantRecords("id1", "after it")
		}
		x, err := s.auth.ExplainUser(s.Context(), "1")
		if err != nil || len(x.Sessions) != 1 || !x.Sessions[0].Marked {
			t.Errorf("ExplainUser = %+v, %v; want one session that is marked", x.Sessions, err)
		}
		before := b.cookies["shop"]
		if r := b.get("/me").want(http.StatusOK); len(r.setCookies()) != 1 || r.shows().Plan != "pro" {
			t.Errorf("the next request sets %q and shows %+v; want a new token and the plan pro", r.setCookies(), r.shows())
		}
		if b.cookies["shop"] == before {
			t.Error("the next request sets the old cookie")
		}
		b.wantKept("cart=apples", "after the renewal")
		time.Sleep(grace)
		b.wantIn("alice", "after the grace")
	})
	inBoth(t, "SignIn does nothing", nil, func(s *inShop) {
		late(s, "/late", func(c *Context) error { return c.SignIn(person(2)) })
		b := s.arrive()
		s.store.took()
		b.post("/late").want(http.StatusOK).wantLines()
		if s.atServer {
			s.wantAsked(1, "to load")
			s.wantRecords("id1", "after it")
		}
		b.wantIn("alice", "after it")
		if n := s.count("2"); n != 0 {
			t.Errorf("bob has %d sessions; want none", n)
		}
	})
	inBoth(t, "SignOut ends the session at the server", nil, func(s *inShop) {
		late(s, "/late", func(c *Context) error { return c.SignOut() })
		b := s.arrive()
		b.post("/put/cart/apples").want(http.StatusOK)
		b.post("/late").want(http.StatusOK).wantLines()
		b.wantIn("", "after it")
		b.wantKept("cart=apples", "after it") // what no answer could tell of is left alone
	})
	inBoth(t, "a Save sets no cookie", nil, func(s *inShop) {
		late(s, "/late", func(c *Context) error {
			sessions.Default(c.Context).Set("note", "late")
			return sessions.Default(c.Context).Save()
		})
		b := s.arrive()
		b.post("/late").want(http.StatusOK).wantLines()
		b.wantIn("alice", "after it")
	})
	inBoth(t, "a renewal has been sent", nil, func(s *inShop) {
		late(s, "/late", func(*Context) error { return nil })
		b := s.arrive()
		time.Sleep(renew)
		if r := b.post("/late").want(http.StatusOK); len(r.setCookies()) != 1 {
			t.Errorf("the answer sets %q; want the new token", r.setCookies())
		}
		b.wantIn("alice", "after it")
	})
}

func TestACopyOfTheContext(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		call func(c *gin.Context) error
		want error
		user string
	}{
		"SyncUser drops the copy":         {func(c *gin.Context) error { return powgin.SyncUser(c, person(1)) }, nil, "alice"},
		"SyncUser with Grace(0) tells so": {func(c *gin.Context) error { return powgin.SyncUser(c, person(1), powgin.Grace(0)) }, powgin.ErrInGrace, "alice"},
		"SignIn tells so":                 {func(c *gin.Context) error { return powgin.SignIn(c, person(2)) }, powgin.ErrHeadersWritten, "alice"},
		"SignOut ends the session":        {powgin.SignOut, nil, ""},
	} {
		for when, after := range map[string]bool{"while the request runs": false, "after it": true} {
			inBoth(t, what+", "+when, nil, func(s *inShop) {
				begin, done := make(chan struct{}), make(chan error, 1)
				s.handle("POST", "/copy", func(c *Context) {
					copied := c.Context.Copy()
					go func() {
						<-begin
						done <- tt.call(copied)
					}()
					if !after {
						close(begin)
						synctest.Wait()
					}
					c.String(http.StatusOK, "text")
				})
				b := s.arrive()
				s.people.setPlan("1", "pro")
				s.store.took()
				b.post("/copy").want(http.StatusOK).wantLines()
				if after {
					close(begin)
				}
				b.wantErr("the call on a copy", <-done, tt.want)
				if s.atServer {
					s.wantAsked(1, "to load")
					s.wantRecords("id1", "after it")
				}
				b.wantIn(tt.user, "after it")
				if tt.want == nil && tt.user != "" {
					b.wantPlan("/me", "pro", "after it")
				}
				if n := s.count("2"); n != 0 {
					t.Errorf("bob has %d sessions; want none", n)
				}
			})
		}
	}
}
