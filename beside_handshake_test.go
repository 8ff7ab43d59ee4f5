package powgin_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/gin-gonic/gin"
)

// upgrades are ways to answer a handshake with the header that the response has
// by then, each held between enter and goOn.
var upgrades = map[string]func(t *testing.T, enter, goOn chan struct{}) gin.HandlerFunc{
	"a proxy": func(t *testing.T, enter, goOn chan struct{}) gin.HandlerFunc {
		t.Helper()
		backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			close(enter)
			<-goOn
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, switching+"\r\n")
		}))
		t.Cleanup(backend.Close)
		target, err := url.Parse(backend.URL)
		if err != nil {
			t.Fatal(err)
		}
		return gin.WrapH(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	},
	"a handler that hands its header on": func(t *testing.T, enter, goOn chan struct{}) gin.HandlerFunc {
		t.Helper()
		return func(c *gin.Context) {
			close(enter)
			<-goOn
			conn, _, err := c.Writer.Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, switching)
			_ = c.Writer.Header().Write(conn)
			_, _ = io.WriteString(conn, "\r\n")
		}
	},
}

const switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"

// A handshake that renews a token and takes its time carries no token that was
// replaced meanwhile: it would take the session from the browser.
func TestASlowHandshakeBringsNoOldTokenBack(t *testing.T) {
	t.Parallel()
	for name, upgrade := range upgrades {
		for what, meanwhile := range map[string]func(a *app, alice *browser){
			"nothing":               func(*app, *browser) {},
			"a sync":                func(_ *app, alice *browser) { alice.get("/"); alice.post("/sync").want(http.StatusOK) },
			"the session was ended": func(a *app, _ *browser) { _ = a.auth.RevokeUser(a.Context(), "1") },
		} {
			t.Run(fmt.Sprintf("%s, meanwhile %s", name, what), func(t *testing.T) {
				t.Parallel()
				a, _ := newPeopleApp(t, nil)
				a.handleSync("/sync")
				enter, goOn := make(chan struct{}), make(chan struct{})
				a.router.GET("/ws", upgrade(t, enter, goOn))
				alice := a.signIn(1)
				a.mark()
				handshake := alice.shakeHands("/ws")
				<-enter
				meanwhile(a, alice)
				close(goOn)
				if lines := <-handshake; len(lines) > 0 != (what == "nothing") {
					t.Errorf("the handshake sets %q; want a cookie only where nothing happened meanwhile", lines)
				}
			})
		}
	}
}

// shakeHands sends a WebSocket handshake over a real connection and returns what
// brings the Set-Cookie lines of its answer.
func (b *browser) shakeHands(path string) <-chan []string {
	b.Helper()
	server := httptest.NewServer(b.router)
	b.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL+path, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: cookieName, Value: b.token()})
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	lines := make(chan []string, 1)
	go func() {
		defer close(lines)
		res, err := server.Client().Do(r)
		if err != nil {
			b.Error(err)
			return
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusSwitchingProtocols {
			b.Errorf("the handshake = %d; want 101", res.StatusCode)
		}
		lines <- res.Header.Values("Set-Cookie")
	}()
	return lines
}
