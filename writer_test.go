package powgin_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// wantOneCookie fails the test where the answer does not carry our cookie once,
// in a response that nobody may keep.
func wantOneCookie(t *testing.T, what string, h http.Header) {
	t.Helper()
	if lines := h.Values("Set-Cookie"); len(lines) != 1 || !strings.HasPrefix(lines[0], "powgin=") {
		t.Errorf("%s: cookies %q; want ours, once", what, lines)
	}
	if got := h.Values("Cache-Control"); len(got) != 1 || got[0] != "no-store" {
		t.Errorf("%s: Cache-Control %q; want no-store", what, got)
	}
	if got := strings.Join(h.Values("Vary"), ","); strings.Count(got, "Cookie") != 1 {
		t.Errorf("%s: Vary %q; want Cookie in it, once", what, got)
	}
}

func TestACookieGoesOutHoweverTheHandlerWrites(t *testing.T) {
	t.Parallel()
	for place, ahead := range map[string][]gin.HandlerFunc{
		"": nil, ", in a compressing chain": {compress}, ", in a buffering chain": {buffer},
	} {
		t.Run("over a connection"+place, func(t *testing.T) {
			t.Parallel()
			a, _ := newPeopleApp(t, nil)
			a.mount(ahead...)
			routes := wires(t)
			for i, w := range routes {
				renewed := a.router.Group(fmt.Sprintf("/renewed/%d", i))
				synced := a.router.Group(fmt.Sprintf("/synced/%d", i))
				if w.ahead != nil {
					renewed.Use(w.ahead)
					synced.Use(w.ahead)
				}
				synced.Use(func(c *gin.Context) {
					if err := powgin.SyncUser(c, person(1)); err != nil {
						t.Errorf("SyncUser = %v", err)
					}
				})
				for _, method := range []string{"GET", "HEAD"} {
					renewed.Handle(method, "", w.handle)
					synced.Handle(method, "", w.handle)
				}
			}
			server := httptest.NewServer(a.router)
			defer server.Close()
			for i, w := range routes {
				for _, way := range []string{"renewed", "synced"} {
					for _, method := range []string{"GET", "HEAD"} {
						alice := a.signIn(1)
						if way == "renewed" {
							a.mark()
						}
						old := alice.token()
						res, body := alice.over(server, method, fmt.Sprintf("/%s/%d", way, i))
						what := fmt.Sprintf("%s of %s, %s", method, w.name, way)
						wantOneCookie(t, what, res.Header)
						if res.StatusCode != w.status {
							t.Errorf("%s: status %d; want %d", what, res.StatusCode, w.status)
						}
						if method == "GET" && body != w.body {
							t.Errorf("%s: body %q; want %q", what, body, w.body)
						}
						if alice.token() == old {
							t.Errorf("%s: the token is the old one", what)
						}
						alice.get("/me").want(http.StatusOK)
					}
				}
			}
		})
	}
}

func TestFlushedPartsArriveAtOnce(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	goOn := make(chan struct{})
	a.router.GET("/stream", func(c *gin.Context) {
		_, _ = c.Writer.WriteString("first")
		c.Writer.Flush()
		<-goOn
		_, _ = c.Writer.WriteString("second")
	})
	server := httptest.NewServer(a.router)
	defer server.Close()
	alice := a.signIn(1)
	a.mark()
	r, err := http.NewRequest(http.MethodGet, server.URL+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "powgin", Value: alice.token()})
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	wantOneCookie(t, "the first part", res.Header)
	first := make([]byte, len("first"))
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "first" {
		t.Errorf("the first part is %q, %v", first, err)
	}
	close(goOn)
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != "second" {
		t.Errorf("the rest is %q, %v", rest, err)
	}
}

func TestAHijackedConnectionIsTheHandlersOwn(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.router.GET("/raw", func(c *gin.Context) {
		conn, rw, err := c.Writer.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nraw")
		_ = rw.Flush()
	})
	server := httptest.NewServer(a.router)
	defer server.Close()
	alice := a.signIn(1)
	a.mark()
	old := alice.token()
	res, body := alice.over(server, "GET", "/raw")
	if body != "raw" || len(res.Header.Values("Set-Cookie")) > 0 {
		t.Errorf("GET /raw = %q with cookies %q; want what the handler wrote and nothing else", body, res.Header.Values("Set-Cookie"))
	}
	// The renewal was lost with the header, which signs nobody out.
	alice.get("/me").want(http.StatusOK).wantToken(old)
	alice.get("/me").want(http.StatusOK).wantNoCookie()
}

func TestACookieThatHasLandedSurvivesAPanic(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.mount(gin.RecoveryWithWriter(io.Discard))
	a.router.POST("/panic", powgin.Handle(func(c *Context) {
		if err := c.SyncUser(person(1), powgin.Grace(0)); err != nil {
			t.Error(err)
		}
		panic("after the sync")
	}))
	alice := a.signIn(1)
	old := alice.clone()
	wantOneCookie(t, "POST /panic", alice.post("/panic").want(http.StatusInternalServerError).Header())
	old.get("/me").want(http.StatusUnauthorized)
	alice.get("/me").want(http.StatusOK)

	a.mount() // now nobody recovers
	a.router.POST("/panic", func(c *gin.Context) { panic("unheard") })
	if got := panicOf(func() { alice.post("/panic") }); got != "unheard" {
		t.Errorf("the panic that left Session is %q; want the handler's", got)
	}
	alice.get("/me").want(http.StatusOK)
}

func TestOneRequestSendsOneCookie(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	in := func(id uint) func(*Context) error { return func(c *Context) error { return c.SignIn(person(id)) } }
	sync := func(c *Context) error { return c.SyncUser(person(1)) }
	out := func(c *Context) error { return c.SignOut() }
	for name, tt := range map[string]struct {
		steps []func(*Context) error
		who   string
	}{
		"sync, sync":               {[]func(*Context) error{sync, sync}, "alice"},
		"sign out, sign in":        {[]func(*Context) error{out, in(2)}, "bob"},
		"sign in, sign out":        {[]func(*Context) error{in(2), out}, ""},
		"sync, sign in":            {[]func(*Context) error{sync, in(2)}, "bob"},
		"sign in, sign in":         {[]func(*Context) error{in(2), in(1)}, "alice"},
		"sign in, sync, sign out":  {[]func(*Context) error{in(1), sync, out}, ""},
		"sign out, sign in, sync":  {[]func(*Context) error{out, in(1), sync}, "alice"},
		"sign out of what is left": {[]func(*Context) error{out, out}, ""},
	} {
		alice := a.signIn(1)
		a.mark() // so that Session has a cookie to send as well
		res, err := alice.does(func(c *Context) error {
			http.SetCookie(c.Writer, &http.Cookie{Name: "powgin-theme", Value: "dark"})
			for _, step := range tt.steps {
				if err := step(c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		lines := strings.Join(res.setCookies(), "\n")
		if strings.Count(lines, "powgin=") != 1 || strings.Count(lines, "powgin-theme=dark") != 1 || len(res.setCookies()) != 2 {
			t.Errorf("%s: cookies %q; want one of ours and the app's own", name, res.setCookies())
		}
		delete(alice.cookies, "powgin-theme")
		got := ""
		if u := alice.get("/").identity().User; u != nil {
			got = u.Name
		}
		if got != tt.who {
			t.Errorf("%s: signed in as %q afterwards; want %q", name, got, tt.who)
		}
	}
}

// writes are the ways in which a response can begin.
var writes = map[string]func(*gin.Context){
	"Write":          func(c *gin.Context) { _, _ = c.Writer.Write([]byte("x")) },
	"WriteString":    func(c *gin.Context) { _, _ = c.Writer.WriteString("x") },
	"WriteHeaderNow": func(c *gin.Context) { c.Writer.WriteHeaderNow() },
	"Flush":          func(c *gin.Context) { c.Writer.Flush() },
	"no write":       func(*gin.Context) {},
}

func TestASlowResponseDoesNotBringAnOldTokenBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		meanwhile func(a *app, alice *browser)
		carries   bool
	}{
		"nothing happened":           {func(*app, *browser) {}, true},
		"the same successor":         {func(_ *app, alice *browser) { alice.get("/"); alice.get("/") }, true},
		"another request synced":     {func(_ *app, alice *browser) { alice.get("/"); alice.post("/sync") }, false},
		"the session was signed out": {func(_ *app, alice *browser) { alice.post("/signout") }, false},
		"the sessions were revoked":  {func(a *app, _ *browser) { _ = a.auth.RevokeUser(a.Context(), "1") }, false},
	} {
		for way, write := range writes {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				a, _ := newPeopleApp(t, nil)
				a.handleSync("/sync")
				enter, goOn := make(chan struct{}), make(chan struct{})
				a.router.GET("/slow", func(c *gin.Context) {
					close(enter)
					<-goOn
					write(c)
				})
				alice := a.signIn(1)
				a.mark()
				wait := alice.clone().later("GET", "/slow")
				<-enter
				tt.meanwhile(a, alice)
				now := alice.token()
				close(goOn)
				res := wait().want(http.StatusOK)
				if carries := len(res.setCookies()) > 0; carries != tt.carries {
					t.Errorf("cookies of the slow response: %q; want some: %v", res.setCookies(), tt.carries)
				}
				if alice.token() != now {
					t.Error("the browser's token changed")
				}
			})
		}
	}
}

func TestASlowSyncDoesNotBringAnEndedSessionBack(t *testing.T) {
	t.Parallel()
	for way, write := range writes {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			a, _ := newPeopleApp(t, nil)
			a.router.POST("/slow", func(c *gin.Context) {
				if err := powgin.SyncUser(c, person(1)); err != nil {
					t.Error(err)
				}
				if err := a.auth.RevokeUser(c, "1"); err != nil { // from elsewhere, meanwhile
					t.Error(err)
				}
				write(c)
			})
			alice := a.signIn(1)
			alice.post("/slow").want(http.StatusOK).wantNoCookie()
		})
	}
}
