package powgin_test

import (
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// tokenText is what an unsigned token looks like.
var tokenText = regexp.MustCompile(`=[A-Za-z0-9_-]{66};`)

// headers returns all headers of an answer, with the token masked.
func (r *response) headers() http.Header {
	h := r.Result().Header.Clone()
	for i, line := range h["Set-Cookie"] {
		h["Set-Cookie"][i] = tokenText.ReplaceAllString(line, "=TOKEN;")
	}
	return h
}

// wantHeaders fails the test unless these are all the headers of the answer.
// Several values of one header are separated by a vertical bar.
func (r *response) wantHeaders(want map[string]string) {
	r.b.Helper()
	all := http.Header{}
	for name, values := range want {
		all[name] = strings.Split(values, " | ")
	}
	if got := r.headers(); !reflect.DeepEqual(got, all) {
		r.b.Errorf("%s answers with the headers\n\t%v; want\n\t%v", r.what, got, all)
	}
}

func TestTheCookie(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		transport powgin.Transport
		namespace string
		set, gone string
	}{
		"as it is by default": {
			nil, "",
			"__Host-powgin=TOKEN; Path=/; HttpOnly; Secure; SameSite=Lax",
			"__Host-powgin=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax",
		},
		"with a name and a namespace": {
			powgin.Cookie{Name: "sid"}, "shop",
			"__Host-sid-shop=TOKEN; Path=/; HttpOnly; Secure; SameSite=Lax",
			"__Host-sid-shop=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax",
		},
		"in development": {
			powgin.Cookie{Insecure: true}, "",
			"powgin=TOKEN; Path=/; HttpOnly; SameSite=Lax",
			"powgin=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(cfg *powgin.Config[User]) { cfg.Transport, cfg.Namespace = tt.transport, tt.namespace }, func(a *app) {
				want := func(r *response, line string) {
					t.Helper()
					if got := r.want(http.StatusOK).headers()["Set-Cookie"]; !reflect.DeepEqual(got, []string{line}) {
						t.Errorf("%s sets\n\t%q; want\n\t%q", r.what, got, line)
					}
				}
				alice := a.browser()
				want(alice.post("/signin/1"), tt.set)
				want(alice.post("/plan/pro"), tt.set)
				time.Sleep(renew)
				want(alice.get("/me"), tt.set)
				want(alice.post("/signout"), tt.gone)
				bob := a.signIn(2)
				if err := a.db.Delete(&User{}, 2).Error; err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				want(bob.get("/"), tt.gone)
			})
		})
	}
}

func TestOnlyTheExactCookieIsRead(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(cfg *powgin.Config[User]) { cfg.Transport = nil })
	token := a.signIn(1).token()
	for name, want := range map[string]int{
		"__Host-powgin":   http.StatusOK,
		"powgin":          http.StatusUnauthorized,
		"__host-powgin":   http.StatusUnauthorized,
		"__Secure-powgin": http.StatusUnauthorized,
	} {
		a.browser().get("/me", "Cookie", name+"="+token).want(want)
	}
}

func TestHeadersOfAnswers(t *testing.T) {
	t.Parallel()
	// So soon that the user is still cached when the token is renewed.
	const soon = 30 * time.Second
	const (
		json    = "application/json; charset=utf-8"
		problem = "application/problem+json; charset=utf-8"
		cookie  = "powgin=TOKEN; Path=/; HttpOnly; SameSite=Lax"
		gone    = "powgin=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
	)
	for name, tt := range map[string]struct {
		ask  func(a *app) *response
		want map[string]string
	}{
		"anonymous": {
			func(a *app) *response { return a.browser().get("/") },
			map[string]string{"Content-Type": json},
		},
		"with a cookie that is nobody's": {
			func(a *app) *response { return a.with("junk").get("/") },
			map[string]string{"Content-Type": json},
		},
		"sign-in": {
			func(a *app) *response { return a.browser().post("/signin/1") },
			map[string]string{"Content-Type": json, "Set-Cookie": cookie, "Cache-Control": "no-store", "Vary": "Cookie"},
		},
		"an ordinary page": {
			func(a *app) *response { return a.signIn(1).get("/me") },
			map[string]string{"Content-Type": json, "Cache-Control": "no-store"},
		},
		"a page that says how it may be cached": {
			func(a *app) *response { return a.signIn(1).get("/cacheable") },
			map[string]string{"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "private, max-age=60", "Vary": "Accept"},
		},
		"a page of that kind, with a renewal": {
			func(a *app) *response { b := a.signIn(1); time.Sleep(soon); return b.get("/cacheable") },
			map[string]string{"Content-Type": "text/plain; charset=utf-8", "Set-Cookie": cookie, "Cache-Control": "no-store", "Vary": "Accept | Cookie"},
		},
		"sync": {
			func(a *app) *response { return a.signIn(1).post("/plan/pro") },
			map[string]string{"Content-Type": json, "Set-Cookie": cookie, "Cache-Control": "no-store", "Vary": "Cookie"},
		},
		"sign-out": {
			func(a *app) *response { return a.signIn(1).post("/signout") },
			map[string]string{"Content-Type": json, "Set-Cookie": gone, "Cache-Control": "no-store", "Vary": "Cookie"},
		},
		"401": {
			func(a *app) *response { return a.browser().get("/me").want(http.StatusUnauthorized) },
			map[string]string{"Content-Type": problem, "Cache-Control": "no-store"},
		},
		"403": {
			func(a *app) *response { return a.signIn(1).get("/pro").want(http.StatusForbidden) },
			map[string]string{"Content-Type": problem, "Cache-Control": "no-store"},
		},
		"503": {
			func(a *app) *response {
				b := a.signIn(1)
				a.closeDB()
				return b.get("/reload").want(http.StatusServiceUnavailable)
			},
			map[string]string{"Content-Type": problem, "Cache-Control": "no-store", "Retry-After": "1"},
		},
		"503 at a renewal, which is left for the next request": {
			func(a *app) *response {
				b := a.signIn(1)
				b.get("/me")
				time.Sleep(soon)
				a.closeDB()
				return b.get("/reload").want(http.StatusServiceUnavailable)
			},
			map[string]string{"Content-Type": problem, "Cache-Control": "no-store", "Retry-After": "1", "Vary": "Cookie"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(cfg *powgin.Config[User]) { silent(cfg); cfg.RenewAfter = soon }, func(a *app) {
				a.router.GET("/cacheable", func(c *gin.Context) {
					c.Header("Cache-Control", "private, max-age=60")
					c.Header("Vary", "Accept")
					c.String(http.StatusOK, "hello")
				})
				tt.ask(a).wantHeaders(tt.want)
			})
		})
	}
}

// closeDB takes the database away.
func (a *app) closeDB() {
	a.Helper()
	pool, err := a.db.DB()
	if err == nil {
		err = pool.Close()
	}
	if err != nil {
		a.Fatal(err)
	}
}

func TestAnAnswerWithOurCookieIsNeverStored(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	public := func(c *gin.Context) {
		c.Header("Cache-Control", "public, max-age=3600")
		c.Header("Vary", "Accept-Encoding")
		c.SetCookie("theme", "dark", 0, "/", "", false, false)
	}
	for name, write := range map[string]func(*gin.Context){
		"a body":           func(c *gin.Context) { c.String(http.StatusOK, "hello") },
		"a status alone":   func(c *gin.Context) { c.Status(http.StatusNoContent) },
		"nothing at all":   func(*gin.Context) {},
		"a header at once": func(c *gin.Context) { c.Status(http.StatusOK); c.Writer.WriteHeaderNow() },
		"a flush":          func(c *gin.Context) { c.Writer.Flush() },
		"a plain writer":   func(c *gin.Context) { _, _ = fmt.Fprint(http.ResponseWriter(c.Writer), "hello") },
		"a controller":     func(c *gin.Context) { _ = http.NewResponseController(c.Writer).Flush() },
		"a redirect":       func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/"); c.Writer.WriteHeaderNow() },
		"an abort":         func(c *gin.Context) { c.AbortWithStatus(http.StatusTeapot) },
		"a stream of parts": func(c *gin.Context) {
			_, _ = c.Writer.WriteString("a")
			c.Writer.Flush()
			_, _ = c.Writer.WriteString("b")
		},
	} {
		path := "/" + strings.ReplaceAll(name, " ", "-")
		a.router.POST("/in"+path, func(c *gin.Context) {
			a.browser().wantErr("SignIn", powgin.SignIn(c, person(1)), nil)
			public(c)
			write(c)
		})
		a.router.POST("/out"+path, func(c *gin.Context) {
			a.browser().wantErr("SignOut", powgin.SignOut(c), nil)
			public(c)
			write(c)
		})
		for way, line := range map[string]string{"/in": "powgin=TOKEN", "/out": "powgin=; Max-Age=0"} {
			h := a.signIn(1).post(way + path).headers()
			want := http.Header{
				"Cache-Control": {"no-store"},
				"Vary":          {"Accept-Encoding", "Cookie"},
				"Set-Cookie":    {"theme=dark; Path=/", line + "; Path=/; HttpOnly; SameSite=Lax"},
			}
			for field := range want {
				if !reflect.DeepEqual(h[field], want[field]) {
					t.Errorf("POST %s%s answers with %s = %q; want %q", way, path, field, h[field], want[field])
				}
			}
		}
	}
}
