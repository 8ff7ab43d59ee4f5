package powgin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

func TestAPanicLeavesTheSessionAsItIs(t *testing.T) {
	t.Parallel()
	for name, recovery := range map[string]gin.HandlerFunc{
		"gin.Recovery": gin.RecoveryWithWriter(io.Discard),
		"a recovery that knows the user": gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, _ any) {
			u, _ := powgin.CurrentUser[User](c)
			c.String(http.StatusInternalServerError, "sorry, %s", u.Name)
			c.Abort()
		}),
		"a recovery that answers as powgin does": gin.CustomRecoveryWithWriter(io.Discard, func(c *gin.Context, _ any) {
			powgin.Abort(c, io.ErrUnexpectedEOF)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := newPeopleApp(t, nil)
			a.mountAround([]gin.HandlerFunc{recovery}, nil)
			a.router.GET("/panic", a.auth.RequireUser(), func(*gin.Context) { panic("oh") })
			a.router.GET("/panic-late", a.auth.RequireUser(), func(c *gin.Context) {
				_, _ = c.Writer.WriteString("begun")
				panic("oh")
			})
			alice := a.signIn(1)
			alice.get("/panic").want(http.StatusInternalServerError).wantNoCookie()
			a.mark()
			old := alice.token()
			res := alice.get("/panic").want(http.StatusInternalServerError).wantToken(old)
			wantOneCookie(t, "GET /panic", res.Header())
			if want := "sorry, alice"; name == "a recovery that knows the user" && res.Body.String() != want {
				t.Errorf("GET /panic = %q; want %q", res.Body, want)
			}
			alice.get("/me").want(http.StatusOK).wantNoCookie()
			a.mark()
			old = alice.token()
			alice.get("/panic-late").want(http.StatusOK).wantToken(old)
			alice.get("/me").want(http.StatusOK).wantNoCookie()
		})
	}
}

func TestAnAbortedConnectionSignsNobodyOut(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.router.GET("/cut", func(*gin.Context) { panic(http.ErrAbortHandler) })
	server := httptest.NewServer(a.router)
	defer server.Close()
	alice := a.signIn(1)
	a.mark()
	old := alice.token()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/cut", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: cookieName, Value: old})
	if res, err := server.Client().Transport.RoundTrip(r); err == nil {
		_ = res.Body.Close()
		t.Errorf("GET /cut = %d; want a connection that breaks", res.StatusCode)
	}
	alice.get("/me").want(http.StatusOK).wantToken(old) // the renewal again
	alice.get("/me").want(http.StatusOK).wantNoCookie()
}

func TestATimeoutAroundTheRouter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, nil)
		a.handleSync("/sync")
		var late error
		a.router.GET("/slow", a.auth.RequireUser(), func(c *gin.Context) {
			time.Sleep(2 * time.Second)
			_, late = c.Writer.WriteString("too late")
		})
		a.router.POST("/slow-sync", powgin.Handle(func(c *Context) {
			p.setPlan("1", "pro")
			time.Sleep(2 * time.Second)
			a.browser().wantErr("SyncUser of a request that timed out", c.SyncUser(person(1)), nil)
		}))
		a.router.GET("/parts", a.auth.RequireUser(), func(c *gin.Context) {
			_, _ = c.Writer.WriteString("one,")
			c.Writer.Flush() // which http.TimeoutHandler cannot do
			_, _ = c.Writer.WriteString("two")
		})
		around := http.TimeoutHandler(a.router, time.Second, "timed out")
		alice := a.signIn(1)
		ask := func(method, path string) *response {
			t.Helper()
			res := alice.through(around, method, path, nil)
			time.Sleep(2 * time.Second)
			synctest.Wait() // whatever the answer was, the handler has ended
			return res
		}
		a.mark()
		old := alice.token()
		res := ask("GET", "/parts").want(http.StatusOK).wantToken(old)
		wantOneCookie(t, "GET /parts", res.Header())
		if res.Body.String() != "one,two" {
			t.Errorf("GET /parts = %q; want both parts", res.Body)
		}
		old = alice.token()
		ask("POST", "/sync").want(http.StatusOK).wantToken(old)

		a.mark()
		ask("GET", "/slow").want(http.StatusServiceUnavailable).wantNoCookie()
		if late == nil {
			t.Error("a write after the timeout has no error")
		}
		old = alice.token()
		alice.get("/me").want(http.StatusOK).wantToken(old) // the renewal that was lost
		alice.get("/me").want(http.StatusOK).wantNoCookie()

		other := a.signIn(1)
		ask("POST", "/slow-sync").want(http.StatusServiceUnavailable).wantNoCookie()
		other.wantPlan("/me", "pro", "after a sync that nobody heard of")
		alice.wantPlan("/me", "pro", "with the token that was replaced, in its grace")
	})
}
