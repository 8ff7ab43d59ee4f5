package powgin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

func TestPowSession(t *testing.T) {
	t.Parallel()
	t.Run("Pow 12: nobody is nobody, in every way to ask", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		a.handle("GET", "/ask", func(c *Context) {
			_, typed := c.User()
			_, plain := powgin.CurrentUser[User](c.Request.Context())
			_, key := powgin.UserKey(c)
			_, session := c.Session()
			_, under := c.Get("current_user")
			if typed || plain || key || session || under {
				t.Errorf("somebody is found: User %t, CurrentUser %t, UserKey %t, Session %t, c.Get %t", typed, plain, key, session, under)
			}
			_, err := c.Sessions()
			a.wantNobody(c, err, powgin.ErrNotSignedIn)
		})
		a.browser().get("/ask").want(http.StatusOK)
	})
	t.Run("Pow 13: without Session a route says what to add", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, silent)
		a.router = gin.New()
		a.router.GET("/typed", powgin.Handle(func(*Context) { t.Error("the handler ran") }))
		a.router.GET("/guarded", powgin.RequireUser(), func(*gin.Context) { t.Error("the handler ran") })
		for _, path := range []string{"/typed", "/guarded"} {
			body := a.browser().get(path).want(http.StatusInternalServerError).Body.String()
			if want := "add router.Use(auth.Session()) before this route"; !strings.Contains(body, want) {
				t.Errorf("GET %s says %s; want: %s", path, body, want)
			}
		}
	})
	t.Run("Pow 14: a user who is assigned stays, whatever runs after it", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		carol := func(c *gin.Context) { powgin.AssignUser(c, User{Name: "carol"}) }
		a.router.GET("/again", carol, a.auth.Session(), a.auth.RequireUser(), powgin.Handle(whoami))
		for _, b := range []*browser{a.browser(), a.signIn(1)} {
			if got := b.get("/again").identity().User.Name; got != "carol" {
				t.Errorf("the user = %q; want carol", got)
			}
		}
	})
	t.Run("Pow 14: a value that others left under our key is not believed", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		a.mount(func(c *gin.Context) { c.Set("current_user", User{Name: "mallory"}) })
		if u := a.browser().get("/").identity().User; u != nil {
			t.Errorf("the user = %q; want nobody", u.Name)
		}
		a.browser().get("/me").want(http.StatusUnauthorized)
		if got := a.signIn(1).get("/me").identity().User.Name; got != "alice" {
			t.Errorf("the user = %q; want alice", got)
		}
	})
	t.Run("Pow 15: a session gives the user and what is known of it", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			at := time.Now()
			id := a.signIn(1).get("/me").identity()
			s := id.Session
			if id.User.Name != "alice" || s.ID == "" || s.Hint == "" || !s.Current ||
				!s.CreatedAt.Equal(at) || !s.RenewedAt.Equal(at) || !s.SignedInAt.Equal(at) || !s.LoadedAt.Equal(at) ||
				!s.ExpiresAt.Equal(at.Add(idle)) {
				t.Errorf("%s in session %+v; want alice and a session of %v", id.User.Name, s, at)
			}
		})
	})
	t.Run("Pow 16: what is stored of a session replaces what the request knew", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.handle("POST", "/swap", func(c *Context) {
				before, _ := c.Session()
				a.browser().wantErr("SignIn", c.SignIn(person(2)), nil)
				after, ok := c.Session()
				if !ok || after.ID == before.ID || !after.CreatedAt.After(before.CreatedAt) || after.Hint == before.Hint {
					t.Errorf("the session is %+v and was %+v; want nothing of it left", after, before)
				}
			})
			alice := a.signIn(1)
			time.Sleep(time.Second)
			alice.post("/swap").want(http.StatusOK)
		})
	})
	t.Run("Pow 17: a well-formed token that nobody has is nobody's", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		a.with(madeUp()).get("/me").want(http.StatusUnauthorized)
	})
	t.Run("Pow 18: an unsigned token of a live session is nobody's where tokens are signed, and the session stays", func(t *testing.T) {
		t.Parallel()
		store := newSpyStore()
		unsigned, signed := keyed(t, store), keyed(t, store, 0)
		alice := unsigned.signIn(1)
		loads := store.loads.Load()
		signed.with(alice.token()).get("/me").want(http.StatusUnauthorized)
		if n := store.loads.Load() - loads; n != 0 {
			t.Errorf("the store was asked %d times; want not at all", n)
		}
		alice.get("/me").want(http.StatusOK)
	})
	t.Run("Pow 19: a token is renewed when that is due, in the same session", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			old, first := alice.token(), alice.session()
			time.Sleep(renew - 1)
			alice.get("/me").wantCookie(false)
			time.Sleep(time.Nanosecond)
			alice.get("/me").wantCookie(true)
			second := alice.session()
			if first.ID != second.ID || first.Hint == second.Hint || !second.RenewedAt.Equal(first.RenewedAt.Add(renew)) {
				t.Errorf("the session is %+v and was %+v; want it renewed", second, first)
			}
			time.Sleep(grace)
			a.with(old).get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("Pow 20: two requests at a renewal both go on", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(renew)
			tab := alice.clone()
			one, two := alice.get("/me").want(http.StatusOK).sent(), tab.get("/me").want(http.StatusOK).sent()
			if one == "" || one != two {
				t.Error("the two requests got different tokens, or none")
			}
			time.Sleep(grace)
			alice.get("/me").want(http.StatusOK)
			tab.get("/me").want(http.StatusOK)
		})
	})
	t.Run("Pow 21: apps of different namespaces share a browser and a store", func(t *testing.T) {
		t.Parallel()
		store := newSpyStore()
		in := func(namespace string) *app {
			return newApp(t, func(cfg *powgin.Config[User]) { cfg.Store, cfg.Namespace = store, namespace })
		}
		shop, forum := in("shop"), in("forum")
		b := shop.signIn(1)
		shopToken := b.token()
		b.app = forum
		b.get("/me").want(http.StatusUnauthorized)
		forum.browser().get("/me", "Cookie", "powgin-forum="+shopToken).want(http.StatusUnauthorized)
		b.post("/signin/1").want(http.StatusOK)
		b.post("/signout").want(http.StatusOK)
		b.app = shop
		b.get("/me").want(http.StatusOK)
	})
	t.Run("Pow 22: a reload that finds the user gone ends the session", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, func(cfg *powgin.Config[User]) { cfg.Reload = true })
		alice, phone := a.signIn(1), a.signIn(1)
		if err := a.db.Delete(&User{}, 1).Error; err != nil {
			t.Fatal(err)
		}
		alice.get("/").want(http.StatusOK)
		if alice.token() != "" || a.count("1") != 0 {
			t.Errorf("the browser has a cookie = %t, alice has %d sessions; want none", alice.token() != "", a.count("1"))
		}
		phone.get("/me").want(http.StatusUnauthorized)
	})
	t.Run("Pow 23 and 24: a second sign-in in the browser makes a new session and ends the first", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		b := a.signIn(1)
		planted, first := b.clone(), b.session()
		b.post("/signin/1").want(http.StatusOK)
		if second := b.session(); second.ID == first.ID || second.Hint == first.Hint || planted.token() == b.token() {
			t.Errorf("the session is %+v and was %+v; want another", second, first)
		}
		planted.get("/me").want(http.StatusUnauthorized)
		if n := a.count("1"); n != 1 {
			t.Errorf("alice has %d sessions; want 1", n)
		}
	})
	t.Run("Pow 25: the times of a session are the store's, whatever the client says", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			b := a.browser()
			b.post("/signin/1", "Date", "Mon, 01 Jan 1990 00:00:00 GMT", "If-Modified-Since", "Mon, 01 Jan 1990 00:00:00 GMT")
			if got := b.session().CreatedAt; !got.Equal(time.Now()) {
				t.Errorf("CreatedAt = %v; want %v", got, time.Now())
			}
		})
	})
	t.Run("Pow 26: a sign-out ends the session here and there, and the request's user", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		alice := a.signIn(1)
		old := alice.clone()
		if u := alice.post("/signout").identity().User; u != nil {
			t.Errorf("the user after the sign-out = %q; want nobody", u.Name)
		}
		if alice.token() != "" {
			t.Error("the browser still has a cookie")
		}
		old.get("/me").want(http.StatusUnauthorized)
		a.browser().post("/signout").want(http.StatusOK).wantCookie(false) // nobody: no harm
	})
	t.Run("Pow 27: a sign-in that is followed by a sign-out signs nobody in", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		a.handle("POST", "/both", func(c *Context) {
			a.browser().wantErr("SignIn", c.SignIn(person(1)), nil)
			a.wantNobody(c, c.SignOut(), nil)
		})
		b := a.browser()
		b.post("/both").want(http.StatusOK).sent()
		if b.token() != "" || a.count("1") != 0 {
			t.Errorf("the browser has a cookie = %t, alice has %d sessions; want none", b.token() != "", a.count("1"))
		}
	})
	t.Run("Pow 28: a set-up with a database and nothing else works", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, func(cfg *powgin.Config[User]) { *cfg = powgin.Config[User]{DB: cfg.DB} })
		if got := a.signIn(1).get("/me").identity().User.Name; got != "alice" {
			t.Errorf("the user = %q; want alice", got)
		}
	})
}
