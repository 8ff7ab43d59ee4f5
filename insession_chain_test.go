package powgin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

const noGinSession = "powgin: no session of gin-contrib/sessions is mounted for InSession: add router.Use(sessions.Sessions(name, store)) before auth.Session(), and with several sessions name one in InSession.Session"

func TestAChainWithoutTheSession(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		transport powgin.InSession
		ahead     func(store sessions.Store) gin.HandlerFunc
	}{
		"nothing is mounted": {powgin.InSession{}, func(sessions.Store) gin.HandlerFunc { return func(*gin.Context) {} }},
		"one of another name": {powgin.InSession{Session: "shop"}, func(store sessions.Store) gin.HandlerFunc {
			return sessions.Sessions("blog", store)
		}},
		"several, and none is named": {powgin.InSession{}, func(store sessions.Store) gin.HandlerFunc {
			return sessions.SessionsMany([]string{"shop", "blog"}, store)
		}},
		"several of other names": {powgin.InSession{Session: "shop"}, func(store sessions.Store) gin.HandlerFunc {
			return sessions.SessionsMany([]string{"blog", "draft"}, store)
		}},
		"something else in its place": {powgin.InSession{}, func(sessions.Store) gin.HandlerFunc {
			return func(c *gin.Context) { c.Set(sessions.DefaultKey, "something else") }
		}},
		"a name that no cookie has": {powgin.InSession{}, func(store sessions.Store) gin.HandlerFunc {
			return sessions.Sessions("no cookie;", store)
		}},
	} {
		t.Run(what, func(t *testing.T) {
			shopBubble(t, func(c *powgin.Config[User]) { c.Transport = tt.transport }, func(s *inShop) {
				s.mountIn(tt.ahead(s.shelf))
				b := s.browser()
				b.cookies["shop"] = "id1"
				for _, route := range s.router.Routes() {
					r := b.do(route.Method, route.Path).wantProblem(http.StatusInternalServerError).wantLines()
					if got := problemOf(r); got != noGinSession {
						t.Errorf("%s says %q; want the sentence that tells what to add", r.what, got)
					}
					s.wantErrors(noGinSession)
				}
				s.wantRecords("", "after all")
			})
		})
	}
	t.Run("it is mounted behind", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.mount()
			ran := chain(s.router, "/behind", sessions.Sessions("shop", s.shelf))
			s.browser().get("/behind").wantProblem(http.StatusInternalServerError)
			if ran() {
				t.Error("the handler ran")
			}
		})
	})
}

// problemOf returns the detail of problem details.
func problemOf(r *response) string {
	var body struct{ Detail string }
	if err := json.Unmarshal(r.Body.Bytes(), &body); err != nil {
		r.b.Errorf("%s: %v in %s", r.what, err, r.Body)
	}
	return body.Detail
}

func TestTheSessionIsNamed(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		session string
		names   []string // of SessionsMany, nil for one alone
	}{
		"the only one":                  {"", nil},
		"the only one, by its name":     {"shop", nil},
		"the only one of many":          {"", []string{"shop"}},
		"one of several":                {"shop", []string{"blog", "shop", "draft"}},
		"one of many that are one only": {"shop", []string{"shop"}},
	} {
		t.Run(what, func(t *testing.T) {
			shopBubble(t, func(c *powgin.Config[User]) { c.Transport = powgin.InSession{Session: tt.session} }, func(s *inShop) {
				in := ""
				if tt.names != nil {
					s.mountIn(sessions.SessionsMany(tt.names, s.shelf))
					in = "?in=shop"
				}
				b := s.browser()
				b.post("/put/cart/apples" + in).want(http.StatusOK).wantLines(inLine("id1"))
				b.post("/signin/1").want(http.StatusOK)
				b.wantIn("alice", "after the sign-in")
				if got := b.get("/kept" + in).Body.String(); got != "cart=apples" {
					t.Errorf("after the sign-in the session keeps %q; want what it had", got)
				}
				old := b.cookies["shop"]
				b.post("/sync").want(http.StatusOK)
				b.wantIn("alice", "after the sync")
				if b.cookies["shop"] == old {
					t.Error("after the sync the cookie is the old one; want another")
				}
				b.post("/signout").want(http.StatusOK)
				s.wantRecords("", "after the sign-out")
			})
		})
	}
}

// Middleware that gives the request another context is between the two in many
// chains.
func TestARequestThatWasReplacedOnTheWay(t *testing.T) {
	t.Parallel()
	t.Run("is the session's still", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.mountIn(sessions.Sessions("shop", s.shelf), func(c *gin.Context) {
				c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), tenantKey{}, "red"))
			})
			b := s.withCart()
			b.post("/signin/1").want(http.StatusOK).wantLines(inLine("id2"))
			s.store.took()
			b.wantIn("alice", "after the sign-in")
			s.wantAsked(1, "to load")
			b.post("/sync").want(http.StatusOK).wantLines(inLine("id3"))
			time.Sleep(renew)
			b.wantIn("alice", "at the renewal").wantLines(inLine("id4"))
			b.post("/put/cart/pears").want(http.StatusOK).wantLines(inLine("id4"))
			b.wantKept("cart=pears", "after all")
			s.shelf.fail(errRefused)
			b.get("/me").wantProblem(http.StatusServiceUnavailable).wantLines()
			s.shelf.fail(nil)
			b.post("/signout").want(http.StatusOK).wantLines(inDeleted)
		})
	})
}

// The app may send a request through the router once more.
func TestAnInSessionRouteEnteredAgain(t *testing.T) {
	t.Parallel()
	for what, between := range map[string]gin.HandlerFunc{
		"":               func(*gin.Context) {},
		", loaded ahead": func(c *gin.Context) { sessions.Default(c).Get("cart") },
		", with another Request the first time": func(c *gin.Context) {
			if strings.HasPrefix(c.Request.URL.Path, "/again") {
				c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), tenantKey{}, "red"))
			}
		},
	} {
		t.Run("is what it is at its own address"+what, func(t *testing.T) {
			shopBubble(t, nil, func(s *inShop) {
				s.mountIn(sessions.Sessions("shop", s.shelf), between)
				s.router.Any("/again/*path", func(c *gin.Context) {
					c.Request.URL.Path = c.Param("path")
					s.router.HandleContext(c)
				})
				b := s.browser()
				b.post("/again/put/cart/apples").want(http.StatusOK).wantLines(inLine("id1")).wantKeptToItself()
				b.post("/again/signin/1").want(http.StatusOK).wantLines(inLine("id2")).wantKeptToItself()
				b.wantIn("alice", "after the sign-in")
				old := b.clone()
				b.post("/again/again/sync").want(http.StatusOK).wantLines(inLine("id3")).wantKeptToItself()
				b.wantIn("alice", "after the sync")
				b.wantKept("cart=apples", "after the sync")
				time.Sleep(grace)
				old.post("/again/put/note/late").want(http.StatusOK).wantLines()
				time.Sleep(renew)
				b.post("/again/put/cart/pears").want(http.StatusOK).wantLines(inLine("id4"))
				b.get("/again/kept").want(http.StatusOK).wantLines()
				b.wantKept("cart=pears", "after the renewal")
				b.wantIn("alice", "after the renewal")
				b.post("/again/signout").want(http.StatusOK).wantLines(inDeleted)
				b.wantIn("", "after the sign-out")
				s.wantErrors()
			})
		})
	}
}

// Entered again a route finds what the handlers before have left unsaved, as it
// does with gin-contrib/sessions alone.
func TestAnInSessionRouteEnteredAgainFindsWhatWasNotSaved(t *testing.T) {
	t.Parallel()
	t.Run("and the store is asked once", func(t *testing.T) {
		shopBubble(t, nil, func(s *inShop) {
			s.router.POST("/first", func(c *gin.Context) {
				sessions.Default(c).Set("cart", "apples")
				c.Request.URL.Path = "/put/note/text"
				s.router.HandleContext(c)
			})
			b := s.arrive()
			s.store.took()
			b.post("/first").want(http.StatusOK).wantLines(inLine("id1"))
			s.wantAsked(2, "to load and save")
			b.wantKept("cart=apples note=text", "afterwards")
			b.wantIn("alice", "afterwards")
		})
	})
}
