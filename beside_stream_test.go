package powgin_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A feed is a stream of events that a browser listens to.
type feed struct {
	t      *testing.T
	lines  *bufio.Scanner
	header http.Header
	hangUp func()
}

// listen opens the stream at path with the browser's cookie, and keeps the
// cookie that its header brings.
func (b *browser) listen(t *testing.T, server *httptest.Server, path string) *feed {
	t.Helper()
	ctx, hangUp := context.WithTimeout(t.Context(), time.Minute) // a stream that says nothing fails its own test
	t.Cleanup(hangUp)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: cookieName, Value: b.token()})
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	b.keep(res.Cookies())
	return &feed{t, bufio.NewScanner(res.Body), res.Header, hangUp}
}

// next fails the test where the next event is another, or the stream has ended
// and want is not "".
func (f *feed) next(want, when string) {
	f.t.Helper()
	got := ""
	for f.lines.Scan() {
		if data, ok := strings.CutPrefix(f.lines.Text(), "data:"); ok {
			got = data
			break
		}
	}
	if got != want {
		f.t.Errorf("%s: the stream says %q; want %q", when, got, want)
	}
}

// streams adds a stream that answers each ask with an event, until asks is
// closed.
func (a *app) streams(asks <-chan func(*Context) string) {
	a.router.GET("/stream", a.auth.RequireUser(), powgin.Handle(func(c *Context) {
		rc := http.NewResponseController(c.Writer)
		if err := errors.Join(rc.Flush(), rc.SetWriteDeadline(time.Now().Add(time.Minute))); err != nil {
			a.Error(err)
		}
		for ask := range asks {
			c.SSEvent("said", ask(c))
			if err := rc.Flush(); err != nil {
				a.Errorf("Flush: %v", err)
			}
		}
	}))
}

func TestAStreamLivesThroughChangesOfItsSession(t *testing.T) {
	t.Parallel()
	for name, due := range map[string]bool{"on a token of today": false, "on a token that is due": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := newPeopleApp(t, func(cfg *powgin.Config[User]) { cfg.Grace = time.Minute })
			a.handleSync("/sync")
			asks := make(chan func(*Context) string)
			a.streams(asks)
			server := httptest.NewServer(a.router)
			defer server.Close()
			plan := func(c *Context) string { u, _ := c.User(); return u.Name + " " + u.Plan }
			does := func(f func(*Context) error) func(*Context) string {
				return func(c *Context) string {
					switch err := f(c); {
					case errors.Is(err, powgin.ErrNotSignedIn):
						return "nobody"
					case err != nil:
						return err.Error()
					}
					return plan(c)
				}
			}
			alice := a.signIn(1)
			if due {
				a.mark()
			}
			tab := alice.clone()
			f := alice.listen(t, server, "/stream")
			if due {
				wantOneCookie(t, "the stream", f.header)
			} else if lines := f.header.Values("Set-Cookie"); len(lines) > 0 {
				t.Errorf("the stream sets %q; want no cookie", lines)
			}
			say := func(ask func(*Context) string, want, when string) {
				t.Helper()
				asks <- ask
				f.next(want, when)
			}
			say(plan, "alice free", "at first")
			p.setPlan("1", "pro")
			tab.post("/sync").want(http.StatusOK)
			tab.wantPlan("/me", "pro", "in another tab after its sync")
			say(plan, "alice free", "after a sync elsewhere, which is for later requests")
			say(does(func(c *Context) error { return c.SyncUser(person(1), powgin.KeepSession()) }), "alice pro", "after a sync of its own")
			alice.get("/me").want(http.StatusOK) // its token is in grace, the tab's is new
			tab.get("/me").want(http.StatusOK).wantNoCookie()
			if err := a.auth.RevokeUser(t.Context(), "1"); err != nil {
				t.Fatal(err)
			}
			say(plan, "alice pro", "after a revocation, which stops no request under way")
			say(does(func(c *Context) error { return c.SyncUser(person(1)) }), "nobody", "once it asks for its session")
			close(asks)
			f.next("", "at the end")
			alice.get("/me").want(http.StatusUnauthorized)
			tab.get("/me").want(http.StatusUnauthorized)
		})
	}
}

func TestAClientThatHangsUpEndsItsRequestAndNoSession(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	ended := make(chan error)
	a.router.GET("/wait", a.auth.RequireUser(), func(c *gin.Context) {
		_, _ = io.WriteString(c.Writer, "data:begun\n")
		c.Writer.Flush()
		ctx, cancel := context.WithTimeout(c.Request.Context(), time.Minute)
		defer cancel()
		<-ctx.Done()
		if u, ok := powgin.CurrentUser[User](ctx); !ok || u.Name != "alice" {
			t.Errorf("the cancelled context's user is %q, %v; want alice", u.Name, ok)
		}
		ended <- ctx.Err()
	})
	server := httptest.NewServer(a.router)
	defer server.Close()
	alice := a.signIn(1)
	a.mark()
	before := alice.clone()
	f := alice.listen(t, server, "/wait")
	f.next("begun", "at first")
	f.hangUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler's context ends with %v; want that the client hung up", err)
	}
	before.get("/me").want(http.StatusOK) // as if the answer had never arrived
	alice.get("/me").want(http.StatusOK)

	// A request that nobody waits for any more is still nobody's sign-out.
	for _, path := range []string{"/me", "/reload", "/refresh", "/maxage"} {
		if err := a.auth.Sync(t.Context(), person(1), powgin.Regenerate()); err != nil {
			t.Fatal(err)
		}
		p.took()
		old := alice.token()
		alice.through(a.router, "GET", path, func(r *http.Request) *http.Request {
			ctx, hangUp := context.WithCancel(r.Context())
			hangUp()
			return r.WithContext(ctx)
		}).want(http.StatusOK).wantToken(old)
		if p.took() == 0 {
			t.Errorf("GET %s of a client that hung up reads no user; want the one of after the sync", path)
		}
		alice.get("/me").want(http.StatusOK).wantNoCookie()
	}
}
