package powgin_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// upgraded begins every handshake of the tests. What follows it is lines, which
// are easier to read than frames and no different to powgin.
const upgraded = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"

// socket returns a handler that takes over the connection and answers each line
// with what does says, until the client hangs up. Its handshake carries the
// response's header where header is set.
func socket(t *testing.T, header bool, does map[string]func(*Context) string) gin.HandlerFunc {
	return powgin.Handle(func(c *Context) {
		conn, _, err := http.NewResponseController(c.Writer).Hijack()
		if err != nil {
			t.Errorf("Hijack: %v", err)
			return
		}
		defer conn.Close()
		_, _ = fmt.Fprint(conn, upgraded)
		if header {
			_ = c.Writer.Header().Write(conn)
		}
		_, _ = fmt.Fprint(conn, "\r\n")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			_, _ = fmt.Fprintln(conn, does[lines.Text()](c))
		}
	})
}

// who tells whom the request knows.
func who(c *Context) string {
	u, ok := c.User()
	v, also := powgin.CurrentUser[User](c.Request.Context())
	return fmt.Sprintf("%s %v %s %v", u.Name, ok, v.Name, also)
}

// A line to a socket.
type line struct {
	net.Conn
	t      *testing.T
	from   *bufio.Reader
	header http.Header // of the handshake
}

// dial opens a socket with the browser's cookie, and keeps the cookie that comes
// with the handshake.
func (b *browser) dial(t *testing.T, server *httptest.Server, path string) *line {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	r, err := http.NewRequest(http.MethodGet, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: cookieName, Value: b.token()})
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	if err := r.Write(conn); err != nil {
		t.Fatal(err)
	}
	from := bufio.NewReader(conn)
	res, err := http.ReadResponse(from, r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("GET %s = %d; want 101", path, res.StatusCode)
	}
	b.keep(res.Cookies())
	return &line{conn, t, from, res.Header}
}

// says fails the test where the socket answers otherwise.
func (l *line) says(ask, want string) {
	l.t.Helper()
	if _, err := fmt.Fprintln(l, ask); err != nil {
		l.t.Fatal(err)
	}
	got, err := l.from.ReadString('\n')
	if got = strings.TrimSuffix(got, "\n"); err != nil || got != want {
		l.t.Errorf("the socket answers %s with %q, %v; want %q", ask, got, err, want)
	}
}

func TestASocketKnowsItsUser(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	a.router.GET("/ws", a.auth.RequireUser(), socket(t, false, map[string]func(*Context) string{
		"who": who,
		"sync": func(c *Context) string {
			return fmt.Sprintf("%v %s", errors.Is(c.SyncUser(c.MustUser()), powgin.ErrHeadersWritten), c.MustUser().Plan)
		},
		"in":   func(c *Context) string { return fmt.Sprint(errors.Is(c.SignIn(person(2)), powgin.ErrHeadersWritten)) },
		"lost": func(c *Context) string { return fmt.Sprint(errors.Is(c.SyncUser(person(1)), powgin.ErrNotSignedIn)) },
		"out":  func(c *Context) string { return fmt.Sprint(c.SignOut()) },
	}))
	server := httptest.NewServer(a.router)
	defer server.Close()
	alice := a.signIn(1)
	l := alice.dial(t, server, "/ws")
	if cookies := l.header.Values("Set-Cookie"); len(cookies) > 0 {
		t.Errorf("the handshake sets %q; want no cookie", cookies)
	}
	l.says("who", "alice true alice true")
	l.says("in", "true")
	p.setPlan("1", "pro")
	l.says("sync", "true pro") // no answer is left to carry a token, so …
	old := alice.token()
	alice.get("/me").want(http.StatusOK).wantToken(old) // … the next request renews
	alice.wantPlan("/me", "pro", "after a sync in the socket")
	if err := a.auth.RevokeUser(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	l.says("who", "alice true alice true") // a request under way is not stopped
	alice.get("/me").want(http.StatusUnauthorized)
	l.says("lost", "true")
	l.says("who", " false  false")

	alice = a.signIn(1)
	l = alice.dial(t, server, "/ws")
	l.says("out", "<nil>")
	l.says("who", " false  false")
	alice.get("/me").want(http.StatusUnauthorized)
}

func TestAHandshakeDueForRenewalSignsNobodyOut(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	does := map[string]func(*Context) string{"who": who}
	a.router.GET("/own-header", a.auth.RequireUser(), socket(t, false, does))
	a.router.GET("/our-header", a.auth.RequireUser(), socket(t, true, does))
	backend := gin.New()
	backend.GET("/behind", func(c *gin.Context) {
		conn, _, err := c.Writer.Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = fmt.Fprint(conn, upgraded+"\r\n")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			_, _ = fmt.Fprintln(conn, c.GetHeader("User-Key")+" asks")
		}
	})
	behind := httptest.NewServer(backend)
	defer behind.Close()
	target, err := url.Parse(behind.URL)
	if err != nil {
		t.Fatal(err)
	}
	a.router.GET("/behind", a.auth.RequireUser(), gin.WrapH(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Del("Cookie")
		key, _ := powgin.UserKey(r.In.Context())
		r.Out.Header.Set("User-Key", key)
	}}))
	server := httptest.NewServer(a.router)
	defer server.Close()
	for path, tt := range map[string]struct {
		carries bool
		answer  string
	}{
		"/own-header": {false, "alice true alice true"},
		"/our-header": {true, "alice true alice true"},
		"/behind":     {true, "1 asks"},
	} {
		alice := a.signIn(1)
		a.mark()
		before, old := alice.clone(), alice.token()
		l := alice.dial(t, server, path)
		l.says("who", tt.answer)
		if tt.carries {
			wantOneCookie(t, "GET "+path, l.header)
			before.get("/me").want(http.StatusOK) // nothing has used the new token yet
		} else if cookies := l.header.Values("Set-Cookie"); len(cookies) > 0 {
			t.Errorf("GET %s sets %q; want what the handler wrote and nothing else", path, cookies)
		}
		if renewed := alice.token() != old; renewed != tt.carries {
			t.Errorf("GET %s renews the browser's token: %v; want %v", path, renewed, tt.carries)
		}
		alice.get("/me").want(http.StatusOK).wantCookie(!tt.carries)
		alice.get("/me").want(http.StatusOK).wantNoCookie()
		l.says("who", tt.answer)
	}
}
