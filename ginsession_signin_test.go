package powgin_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

func TestSignInMovesAMountedSession(t *testing.T) {
	t.Parallel()
	t.Run("with its values to a new ID, and the old one reads nothing", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.withCart()
		planted := b.clone()
		b.post("/signin/1").want(http.StatusOK).wantLines(shopLine("id2"), plainLine)
		s.wantRecords("id2", "after the sign-in")
		b.wantValues("cart=apples", "after the sign-in")
		planted.wantValues("", "under the old cookie")
		b.post("/put/cart/pears").want(http.StatusOK).wantLines(shopLine("id2"))
		b.wantValues("cart=pears", "later")
		s.wantErrors()
	})
	t.Run("that is new, so that it knows whose it is", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		s.browser().post("/signin/1").want(http.StatusOK).wantLines(shopLine("id1"), plainLine)
	})
	t.Run("whose record is gone, to an ID that nobody has planted", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		b := s.browser()
		b.cookies["shop"] = "known"
		b.post("/signin/1").want(http.StatusOK).wantLines(shopLine("id1"), plainLine)
		s.wantRecords("id1", "after the sign-in")
	})
	t.Run("where it is mounted after Session", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		s.mount()
		s.router.Group("/after", sessions.Sessions("shop", s.store)).POST("/signin", powgin.Handle(func(c *Context) {
			answer(c, c.SignIn(person(1)))
		}))
		s.browser().post("/after/signin").want(http.StatusOK).wantLines(shopLine("id1"), plainLine)
		s.browser().post("/signin/1").want(http.StatusOK).wantLines(plainLine) // none is mounted here
	})
	t.Run("of each name, and each keeps its own", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil, "shop", "blog")
		b := s.browser()
		b.post("/put/cart/apples?in=shop").want(http.StatusOK)
		b.post("/put/draft/hello?in=blog").want(http.StatusOK)
		b.post("/signin/1").want(http.StatusOK).wantLines("blog=id3; Path=/; HttpOnly", shopLine("id4"), plainLine)
		s.wantRecords("id3 id4", "after the sign-in")
		if got := b.values("in=shop") + ", " + b.values("in=blog"); got != "cart=apples, draft=hello" {
			t.Errorf("the sessions keep %q; want what each had", got)
		}
	})
	t.Run("and leaves the other cookies of the request alone", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, nil)
		s.handle("POST", "/cookies", func(c *Context) {
			if err := c.SignIn(person(1)); err != nil {
				t.Error(err)
			}
			c.String(http.StatusOK, strings.Join(c.Request.Header["Cookie"], "|"))
		})
		r := s.browser().post("/cookies", "Cookie", `theme="dark; shop=old;  shopping=1`)
		if got, want := r.Body.String(), `theme="dark; shopping=1; shop=id1`; got != want {
			t.Errorf("the request carries %q; want %q", got, want)
		}
	})
}

func TestSaveAfterSignInLands(t *testing.T) {
	t.Parallel()
	s := newGinShop(t, nil)
	signIns := func(path string, ids ...uint) {
		s.handle("POST", path, func(c *Context) {
			session := sessions.Default(c.Context)
			for _, id := range ids {
				session.AddFlash("hello")
				if err := c.SignIn(person(id)); err != nil {
					t.Error(err)
				}
			}
			s.put(c.Context, "seen", "yes")
		})
	}
	signIns("/once", 1)
	signIns("/again", 1, 1)
	b := s.withCart()
	b.post("/once").want(http.StatusOK).wantLines(shopLine("id2"), plainLine)
	s.wantRecords("id2", "after a Save behind the sign-in")
	b.wantValues("_flash=[hello] cart=apples seen=yes", "after a Save behind the sign-in")
	b.post("/again").want(http.StatusOK).wantLines(shopLine("id4"), plainLine)
	s.wantRecords("id4", "after two sign-ins in one request")
	b.wantValues("_flash=[hello hello hello] cart=apples seen=yes", "after two sign-ins in one request")
}

func TestWhoseAMountedSessionIs(t *testing.T) {
	t.Parallel()
	keep := func(c *powgin.Config[User]) { c.DropAtSignIn = []any{"attempts", 7, nil} }
	for _, tt := range []struct {
		what, want string
		story      func(b *browser)
	}{
		{"nobody's", "cart=apples", func(*browser) {}},
		{"nobody's, but for what is to be dropped", "7=text cart=apples", func(b *browser) {
			b.post("/put/attempts/3").want(http.StatusOK)
			b.post("/put/7/text").want(http.StatusOK) // another key than the number
		}},
		{"the same user's, that too", "attempts=3 cart=apples", func(b *browser) {
			b.post("/signin/1").want(http.StatusOK)
			b.post("/put/attempts/3").want(http.StatusOK)
		}},
		{"the same user's after their session has ended", "cart=apples", func(b *browser) {
			b.post("/signin/1").want(http.StatusOK)
			delete(b.cookies, cookieName)
		}},
		{"another user's", "", func(b *browser) { b.post("/signin/2").want(http.StatusOK) }},
		{"another user's whose session has ended", "", func(b *browser) {
			b.post("/signin/2").want(http.StatusOK)
			delete(b.cookies, cookieName)
		}},
		{"another user's who was signed in when it began", "", func(b *browser) {
			b.post("/signin/2").want(http.StatusOK)
			delete(b.cookies, "shop")
			b.post("/put/cart/apples").want(http.StatusOK)
		}},
		{"another user's who was synced since it began", "", func(b *browser) {
			b.post("/signin/2").want(http.StatusOK)
			delete(b.cookies, "shop")
			b.post("/put/cart/apples").want(http.StatusOK)
			r, _ := b.does(func(c *Context) error { return c.SyncUser(person(2)) })
			r.want(http.StatusOK)
			delete(b.cookies, cookieName)
		}},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			s := newGinShop(t, keep)
			b := s.withCart()
			tt.story(b)
			b.post("/signin/1").want(http.StatusOK)
			b.wantValues(tt.want, "after alice's sign-in")
		})
	}
	t.Run("a user's with the same key elsewhere", func(t *testing.T) {
		t.Parallel()
		s := newGinShop(t, func(c *powgin.Config[User]) {
			c.Tenant = tenantOf
		})
		s.mount(sessions.Sessions("shop", s.store), func(c *gin.Context) {
			c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), tenantKey{}, c.GetHeader("Tenant")))
		})
		s.router.POST("/put", func(c *gin.Context) { s.put(c, "cart", "apples") })
		s.router.GET("/cart", func(c *gin.Context) { c.String(http.StatusOK, "%v", sessions.Default(c).Get("cart")) })
		b := s.browser()
		b.post("/signin/1", "Tenant", "acme").want(http.StatusOK)
		b.post("/put").want(http.StatusOK)
		for _, step := range []struct{ tenant, want string }{{"acme", "apples"}, {"other", "<nil>"}} {
			b.post("/signin/1", "Tenant", step.tenant).want(http.StatusOK)
			if got := b.get("/cart").Body.String(); got != step.want {
				t.Errorf("after the sign-in at %s the cart is %s; want %s", step.tenant, got, step.want)
			}
		}
	})
}

func TestDropAtSignInTakesKeysOnly(t *testing.T) {
	t.Parallel()
	_, err := powgin.New(powgin.Config[User]{Users: &people{}, DropAtSignIn: []any{"cart", []string{"flash"}}})
	if want := "Config.DropAtSignIn[1] ([]string) cannot be a key of a session's value"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("New = %v; want %s", err, want)
	}
}
