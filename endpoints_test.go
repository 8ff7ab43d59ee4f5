package powgin_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// endpoints adds the routes of a page of one's own sessions. They are their own
// guards.
func (a *app) endpoints() {
	own := a.router.Group("/api/sessions")
	own.GET("", a.auth.SessionsHandler())
	own.DELETE("/:id", a.auth.RevokeHandler("id"))
	own.DELETE("", a.auth.RevokeOthersHandler())
}

func (b *browser) del(path string, headers ...string) *response {
	return b.do("DELETE", path, headers...)
}

// endpointsBubble is bubble for an app with these routes.
func endpointsBubble(t *testing.T, change func(*powgin.Config[User]), story func(a *app)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, change)
		a.endpoints()
		story(a)
	})
}

func TestSessionsAsJSON(t *testing.T) {
	t.Parallel()
	t.Run("are a list of the user's own, as they may be shown", func(t *testing.T) {
		endpointsBubble(t, func(c *powgin.Config[User]) {
			c.Metadata = func(c *gin.Context) map[string]string { return map[string]string{"agent": c.Request.UserAgent()} }
		}, func(a *app) {
			began := time.Now().UTC()
			a.signIn(2)
			phone, laptop := a.browser(), a.signInWith(powgin.Method("password", "totp"))
			phone.post("/signin/1", "User-Agent", "Phone").want(http.StatusOK)
			time.Sleep(time.Minute)
			r := laptop.get("/api/sessions").want(http.StatusOK).wantNoStore().wantNoCookie()
			if got := r.Result().Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
				t.Errorf("Content-Type = %q; want JSON", got)
			}
			var list []map[string]any
			if err := json.Unmarshal(r.Body.Bytes(), &list); err != nil || len(list) != 2 {
				t.Fatalf("GET /api/sessions = %s, %v; want a list of two", r.Body, err)
			}
			at := began.Format(time.RFC3339Nano)
			ends := began.Add(idle).Format(time.RFC3339Nano)
			for i, of := range []*browser{laptop, phone} {
				s := of.session()
				want := map[string]any{
					"id": s.ID, "hint": s.Hint, "current": of == laptop, "metadata": map[string]any{"agent": s.Metadata["agent"]},
					"created_at": at, "renewed_at": at, "signed_in_at": at, "expires_at": ends,
				}
				if of == laptop {
					want["methods"] = []any{"password", "totp"}
				}
				if !reflect.DeepEqual(list[i], want) {
					t.Errorf("session %d is\n\t%v; want\n\t%v", i+1, list[i], want)
				}
			}
		})
	})
	t.Run("hold nothing that proves one", func(t *testing.T) {
		endpointsBubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			first := alice.token()
			time.Sleep(renew)
			body := alice.get("/api/sessions").want(http.StatusOK).wantCookie(true).Body.String()
			for _, token := range []string{first, alice.token()} {
				for from := 0; from+12 <= len(token); from += 6 {
					// The first part of a token names its account, the rest is its secret.
					if part := token[from : from+12]; strings.Contains(body, part) {
						t.Errorf("the list %s contains a part of a token", body)
					}
				}
			}
			for _, word := range []string{"token", "hash", "salt", "secret", "alice", "@", "user"} {
				if strings.Contains(strings.ToLower(body), word) {
					t.Errorf("the list %s contains %q", body, word)
				}
			}
		})
	})
}

func TestRevokingOverHTTP(t *testing.T) {
	t.Parallel()
	t.Run("one of one's own, once", func(t *testing.T) {
		endpointsBubble(t, nil, func(a *app) {
			alice, phone, tablet := a.signIn(1), a.signIn(1), a.signIn(1)
			path := "/api/sessions/" + phone.session().ID
			r := alice.del(path).want(http.StatusNoContent).wantNoStore().wantNoCookie()
			if r.Body.Len() > 0 {
				t.Errorf("DELETE answers %q; want no body", r.Body)
			}
			phone.get("/me").want(http.StatusUnauthorized)
			tablet.get("/me").want(http.StatusOK)
			alice.del(path).wantProblem(http.StatusNotFound)
		})
	})
	t.Run("the request's own, as a sign-out", func(t *testing.T) {
		endpointsBubble(t, nil, func(a *app) {
			alice, phone := a.signIn(1), a.signIn(1)
			old := alice.clone()
			alice.del("/api/sessions/" + alice.session().ID).want(http.StatusNoContent).wantLines(deletedLine)
			old.get("/me").want(http.StatusUnauthorized)
			phone.get("/me").want(http.StatusOK)
		})
	})
	t.Run("all others", func(t *testing.T) {
		endpointsBubble(t, nil, func(a *app) {
			alice, phone, asleep, bob := a.signIn(1), a.signIn(1), a.signInWith(powgin.Remember(day)), a.signIn(2)
			for range 2 { // the second time there are none, which is no error
				r := alice.del("/api/sessions").want(http.StatusNoContent).wantNoStore().wantNoCookie()
				if r.Body.Len() > 0 {
					t.Errorf("DELETE answers %q; want no body", r.Body)
				}
			}
			phone.get("/me").want(http.StatusUnauthorized)
			asleep.get("/me").want(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK)
			bob.get("/me").want(http.StatusOK)
		})
	})
}

func TestSomebodyElsesSessionLooksLikeNone(t *testing.T) {
	t.Parallel()
	t.Run("byte for byte", func(t *testing.T) {
		endpointsBubble(t, silent, func(a *app) {
			alice, bob := a.signIn(1), a.signIn(2)
			others := bob.session().ID
			unknown := strings.Repeat("b", len(others))
			answer := func(id string) (http.Header, string) {
				r := alice.del("/api/sessions/" + id).wantProblem(http.StatusNotFound).wantNoCookie()
				return r.Result().Header, r.Body.String()
			}
			wantHeader, wantBody := answer(unknown)
			for what, id := range map[string]string{
				"bob's":                others,
				"one of no form":       "nonsense",
				"one that is too long": others + "A",
				"zeros":                strings.Repeat("A", len(others)),
				"his token":            bob.token(),
				"his hint":             bob.session().Hint,
				"a space":              "%20",
			} {
				if header, body := answer(id); body != wantBody || !maps.EqualFunc(header, wantHeader, slices.Equal) {
					t.Errorf("%s is answered with\n\t%v %s; want, as an unknown id\n\t%v %s", what, header, body, wantHeader, wantBody)
				}
			}
			bob.get("/me").want(http.StatusOK)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("and so does a route without the parameter", func(t *testing.T) {
		endpointsBubble(t, nil, func(a *app) {
			a.router.POST("/wrong/:id", a.auth.RevokeHandler("session"))
			alice, phone := a.signIn(1), a.signIn(1)
			alice.post("/wrong/" + phone.session().ID).wantProblem(http.StatusNotFound)
			phone.get("/me").want(http.StatusOK)
		})
	})
}

// each sends a request to every endpoint. id is that of a live session.
func (b *browser) each(id string, headers ...string) []*response {
	return []*response{
		b.get("/api/sessions", headers...), b.del("/api/sessions/"+id, headers...), b.del("/api/sessions/x", headers...), b.del("/api/sessions", headers...),
	}
}

func TestEndpointsRefuse(t *testing.T) {
	t.Parallel()
	t.Run("nobody", func(t *testing.T) {
		endpointsBubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			id := alice.session().ID
			for _, b := range []*browser{a.browser(), a.with(madeUp()), a.with(id)} {
				for _, r := range b.each(id) {
					r.wantProblem(http.StatusUnauthorized)
				}
			}
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("browsers of nobody by the way to the sign-in page", func(t *testing.T) {
		endpointsBubble(t, withPages, func(a *app) {
			id := a.signIn(1).session().ID
			answers := a.browser().each(id, "Accept", page)
			answers[0].wantSentTo("/signin?next=%2Fapi%2Fsessions")
			for _, r := range answers[1:] {
				r.wantSentTo("/signin")
			}
			for _, r := range a.browser().each(id, "Accept", "application/json") {
				r.wantProblem(http.StatusUnauthorized)
			}
		})
	})
	t.Run("a user who is only assigned", func(t *testing.T) {
		endpointsBubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			id := alice.session().ID
			assign := powgin.Handle(func(c *Context) { c.AssignUser(person(1)) })
			a.router.GET("/as/sessions", assign, a.auth.SessionsHandler())
			a.router.DELETE("/as/sessions/:id", assign, a.auth.RevokeHandler("id"))
			a.router.DELETE("/as/sessions", assign, a.auth.RevokeOthersHandler())
			a.browser().get("/as/sessions").wantProblem(http.StatusUnauthorized)
			a.browser().del("/as/sessions/" + id).wantProblem(http.StatusUnauthorized)
			a.browser().del("/as/sessions").wantProblem(http.StatusUnauthorized)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("a token in grace, but to end its own session", func(t *testing.T) {
		endpointsBubble(t, nil, func(a *app) {
			alice, phone := a.signIn(1), a.signIn(1)
			old := alice.clone()
			alice.post("/plan/pro").want(http.StatusOK)
			old.get("/api/sessions").want(http.StatusOK)
			old.del("/api/sessions/" + phone.session().ID).wantProblem(http.StatusConflict)
			old.del("/api/sessions").wantProblem(http.StatusConflict)
			phone.get("/me").want(http.StatusOK)
			old.del("/api/sessions/" + alice.session().ID).want(http.StatusNoContent)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("what another site sends", func(t *testing.T) {
		endpointsBubble(t, nil, func(a *app) {
			alice, phone := a.signIn(1), a.signIn(1)
			for _, path := range []string{"/api/sessions", "/api/sessions/" + phone.session().ID} {
				alice.del(path, "Sec-Fetch-Site", "cross-site").wantProblem(http.StatusForbidden)
				alice.del(path, "Origin", "https://evil.example").wantProblem(http.StatusForbidden)
			}
			phone.get("/me").want(http.StatusOK)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("while the store is down, and change nothing", func(t *testing.T) {
		store := newSpyStore()
		endpointsBubble(t, func(c *powgin.Config[User]) { silent(c); c.Store = store }, func(a *app) {
			alice, phone := a.signIn(1), a.signIn(1)
			id := phone.session().ID
			store.failLoads.Store(true)
			for _, r := range alice.each(id) {
				wantOutage(r)
			}
			store.failLoads.Store(false)
			store.failingSwap.Store(true)
			wantOutage(alice.del("/api/sessions/" + id))
			wantOutage(alice.del("/api/sessions"))
			wantOutage(alice.del("/api/sessions/" + alice.session().ID))
			store.failingSwap.Store(false)
			phone.get("/me").want(http.StatusOK)
			alice.get("/me").want(http.StatusOK)
		})
	})
}

func TestEndpointsWithoutSessionSaySo(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	other := newClerks(t, nil)
	for ahead, of := range map[string][]gin.HandlerFunc{"": nil, " behind another Auth's Session": {other.Session()}} {
		router := gin.New()
		router.Use(of...)
		bare := &app{TB: t, auth: a.auth, router: router}
		bare.endpoints()
		for _, r := range bare.browser().each("x") {
			if r.wantProblem(http.StatusInternalServerError); !strings.Contains(r.Body.String(), missing) {
				t.Errorf("%s%s = %s; want %q", r.what, ahead, r.Body, missing)
			}
		}
	}
}
