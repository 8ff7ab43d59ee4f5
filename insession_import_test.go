package powgin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// fromUserID is a Config.Import as apps write it that have kept the user's id in
// the session which the token is in now. With ends, it takes the id out.
func fromUserID(ends bool) func(c *powgin.Config[User]) {
	return func(c *powgin.Config[User]) {
		c.Import = func(c *gin.Context) (powgin.Imported, error) {
			session := sessions.Default(c)
			id, _ := session.Get("user_id").(string)
			old := powgin.Imported{UserKey: id}
			if ends {
				old.End = func() error {
					session.Delete("user_id")
					return session.Save()
				}
			}
			return old, nil
		}
	}
}

// from returns a browser in which a user signed in before there was powgin.
func (s *inShop) from(user string) *browser {
	s.Helper()
	router := s.router
	s.router = gin.New()
	s.router.POST("/before", sessions.Sessions("shop", s.sessionStore()), func(c *gin.Context) {
		session := sessions.Default(c)
		session.Options(sessions.Options{Path: "/", MaxAge: 7200})
		session.Set("user_id", user)
		session.Set("cart", "apples")
		if err := session.Save(); err != nil {
			s.Error(err)
		}
	})
	b := s.browser()
	b.post("/before").want(http.StatusOK)
	s.router = router
	return b
}

func TestImportFromTheSessionOfTheToken(t *testing.T) {
	t.Parallel()
	inBoth(t, "signs the user in, and moves the session", fromUserID(true), func(s *inShop) {
		b := s.from("1")
		old := b.clone()
		s.store.took()
		r := b.get("/me").want(http.StatusOK)
		if lines := r.setCookies(); len(lines) != 1 || b.cookies["shop"] == old.cookies["shop"] {
			t.Errorf("the first request sets %q; want the session under another cookie", lines)
		}
		r.wantKeptToItself()
		if s.atServer {
			r.wantLines(inLine("id2"))
			s.wantAsked(3, "to load, to move, and to save what End has changed")
			s.wantRecords("id1 id2", "after the first request")
		}
		b.wantKept("cart=apples", "after the first request")
		for range 2 {
			b.get("/me").want(http.StatusOK).wantLines()
		}
		if n := s.count("1"); n != 1 {
			t.Errorf("alice has %d sessions; want 1", n)
		}
		s.recent()
		b.get("/recent").want(http.StatusUnauthorized) // nobody has proved anything
		s.wantErrors()
	})
	inBoth(t, "has parallel requests find it too", fromUserID(true), func(s *inShop) {
		b := s.from("1")
		old := b.clone()
		b.get("/me").want(http.StatusOK)
		old.get("/me").want(http.StatusOK) // with the old cookie, another session
		b.wantIn("alice", "in the first")
		old.wantIn("alice", "in the second")
	})
	inBoth(t, "is not asked again", fromUserID(false), func(s *inShop) {
		b := s.from("1")
		b.get("/me").want(http.StatusOK)
		b.wantKept("cart=apples user_id=1", "where nothing ends it")
		b.post("/sync").want(http.StatusOK)
		time.Sleep(renew)
		b.get("/me").want(http.StatusOK)
		if n := s.count("1"); n != 1 {
			t.Errorf("alice has %d sessions; want 1", n)
		}
	})
	t.Run("is ended by a sign-out, with the old record", func(t *testing.T) {
		shopBubble(t, fromUserID(false), func(s *inShop) {
			b := s.from("1")
			old := b.clone()
			b.get("/me").want(http.StatusOK)
			b.post("/signout").want(http.StatusOK).wantLines(inDeleted)
			s.wantRecords("", "after the sign-out")
			old.wantIn("", "under the old cookie")
		})
	})
	inBoth(t, "is ended by a sign-out as the first request", fromUserID(false), func(s *inShop) {
		b := s.from("1")
		b.post("/signout").want(http.StatusOK)
		b.wantIn("", "after the sign-out")
		if n := s.count("1"); n != 0 || len(b.cookies) != 0 {
			t.Errorf("alice has %d sessions and her browser the cookies %v; want none", n, b.cookies)
		}
		if s.atServer {
			s.wantRecords("", "after the sign-out")
		}
	})
	inBoth(t, "lets another sign in", fromUserID(true), func(s *inShop) {
		b := s.from("1")
		b.post("/signin/2").want(http.StatusOK)
		b.wantIn("bob", "after the sign-in")
		b.wantKept("", "after the sign-in") // the cart was alice's
		if n := s.count("1"); n != 0 {
			t.Errorf("alice has %d sessions; want none", n)
		}
	})
	inBoth(t, "of who is there no more leaves all as it was", fromUserID(true), func(s *inShop) {
		b := s.from("7")
		b.wantIn("", "the first request").wantLines()
		b.wantKept("cart=apples user_id=7", "after the first request")
		if s.atServer {
			s.wantRecords("id1", "after the first request")
		}
	})
	inBoth(t, "that fails leaves all as it was", fromUserID(true), func(s *inShop) {
		b := s.from("1")
		s.people.fail(true)
		b.get("/me").wantProblem(http.StatusServiceUnavailable).wantLines()
		s.people.fail(false)
		if s.atServer {
			s.wantRecords("id1", "after the request that failed")
			s.store.fails(true, false)
			b.get("/me").wantProblem(http.StatusServiceUnavailable).wantLines()
			s.store.fails(false, false)
			s.wantRecords("id1", "after the second that failed")
		}
		s.errors.took()
		b.wantIn("alice", "afterwards")
	})
	t.Run("whose End fails is told of", func(t *testing.T) {
		shopBubble(t, func(c *powgin.Config[User]) {
			fromUserID(false)(c)
			find := c.Import
			c.Import = func(c *gin.Context) (powgin.Imported, error) {
				old, err := find(c)
				old.End = func() error { return errOldStore }
				return old, err
			}
		}, func(s *inShop) {
			s.from("1").get("/me").want(http.StatusOK).wantLines(inLine("id2"))
			s.wantErrors("powgin: end an imported session: " + errOldStore.Error())
		})
	})
}

func TestFirstRequestsAtOnceWithTheSessionOfTheToken(t *testing.T) {
	t.Parallel()
	inBoth(t, "are all alice's", fromUserID(true), func(s *inShop) {
		b := s.from("1")
		var in []*browser
		for _, r := range b.all(6, "GET", "/me") {
			r.want(http.StatusOK)
			in = append(in, r.b)
		}
		for i, b := range in {
			if got := b.get("/me").Code; got != http.StatusOK {
				t.Errorf("browser %d afterwards = %d; want 200", i, got)
			}
		}
		if s.atServer {
			ids := map[string]bool{}
			for _, b := range in {
				ids[b.cookies["shop"]] = true
			}
			if len(ids) != 6 {
				t.Errorf("6 first requests have %d cookies; want one each", len(ids))
			}
		}
	})
}
