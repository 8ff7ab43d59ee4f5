package powgin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// pageTime is when the page of the tests was written.
var pageTime = time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)

// fileRoutes adds routes that serve a page of ten bytes in every way of Gin and
// net/http, and returns their paths.
func fileRoutes(t *testing.T, a *app) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "page.txt")
	if err := os.WriteFile(file, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, pageTime, pageTime); err != nil {
		t.Fatal(err)
	}
	for path, h := range map[string]gin.HandlerFunc{
		"/file": func(c *gin.Context) { c.File(file) },
		"/from": func(c *gin.Context) { c.FileFromFS("page.txt", http.Dir(dir)) },
		"/serve-file": func(c *gin.Context) {
			http.ServeFile(c.Writer, c.Request, file)
		},
		"/serve-content": func(c *gin.Context) {
			http.ServeContent(c.Writer, c.Request, "page.txt", pageTime, strings.NewReader("0123456789"))
		},
		"/file-server/page.txt": gin.WrapH(http.StripPrefix("/file-server", http.FileServer(http.Dir(dir)))),
	} {
		h := func(c *gin.Context) {
			c.Header("ETag", `"v1"`)
			c.Header("Cache-Control", "public, max-age=3600")
			h(c)
		}
		a.router.GET(path, h)
		a.router.HEAD(path, h)
		paths = append(paths, path)
	}
	return paths
}

func TestFilesAreServedInPartsAndWithTheCookie(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	paths := fileRoutes(t, a)
	server := httptest.NewServer(a.router)
	defer server.Close()
	for _, tt := range []struct {
		method  string
		headers []string
		status  int
		body    string
	}{
		{"GET", nil, 200, "0123456789"},
		{"HEAD", nil, 200, ""},
		{"GET", []string{"Range", "bytes=3-5"}, 206, "345"},
		{"HEAD", []string{"Range", "bytes=3-5"}, 206, ""},
		{"GET", []string{"Range", "bytes=-2", "If-Range", `"v1"`}, 206, "89"},
		{"GET", []string{"Range", "bytes=-2", "If-Range", `"v0"`}, 200, "0123456789"},
		{"GET", []string{"Range", "bytes=50-"}, 416, "invalid range: failed to overlap\n"},
		{"GET", []string{"If-None-Match", `"v1"`}, 304, ""},
		{"GET", []string{"If-None-Match", `"v0"`}, 200, "0123456789"},
		{"GET", []string{"If-Modified-Since", pageTime.Format(http.TimeFormat)}, 304, ""},
		{"GET", []string{"If-Match", `"v0"`}, 412, ""},
	} {
		for _, path := range paths {
			what := tt.method + " " + path + " " + strings.Join(tt.headers, " ")
			alice := a.signIn(1)
			for _, renews := range []bool{true, false} {
				if renews {
					a.mark()
				}
				old := alice.token()
				res, body := alice.over(server, tt.method, path, tt.headers...)
				if res.StatusCode != tt.status || body != tt.body {
					t.Errorf("%s = %d %q; want %d %q", what, res.StatusCode, body, tt.status, tt.body)
				}
				if renews != (alice.token() != old) {
					t.Errorf("%s renews: %v; want %v", what, !renews, renews)
				}
				if renews {
					wantOneCookie(t, what, res.Header)
				} else if lines := res.Header.Values("Set-Cookie"); len(lines) > 0 {
					t.Errorf("%s sets %q; want no cookie", what, lines)
				}
				if public := res.Header.Get("Cache-Control") == "public, max-age=3600"; public && renews || !public && !renews && tt.status != 416 {
					t.Errorf("%s has Cache-Control %q; want the app's own unless a cookie is sent", what, res.Header.Get("Cache-Control"))
				}
			}
		}
	}
}

// A counter counts what is written through it.
type counter struct {
	gin.ResponseWriter
	bytes, headers, flushes int
}

func (w *counter) Write(b []byte) (int, error) {
	w.bytes += len(b)
	return w.ResponseWriter.Write(b)
}

func (w *counter) WriteString(s string) (int, error) {
	w.bytes += len(s)
	return w.ResponseWriter.WriteString(s)
}

func (w *counter) WriteHeader(code int) {
	w.headers++
	w.ResponseWriter.WriteHeader(code)
}

func (w *counter) Flush() {
	w.flushes++
	w.ResponseWriter.Flush()
}

func (w *counter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestWritersOfTheAppSeeTheWholeAnswer(t *testing.T) {
	t.Parallel()
	for name, due := range map[string]bool{"without a cookie": false, "with a renewal's": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := newPeopleApp(t, nil)
			var seen []*counter
			count := func(c *gin.Context) {
				w := &counter{ResponseWriter: c.Writer}
				seen = append(seen, w)
				c.Writer = w
				c.Next()
				if c.Writer.Status() != http.StatusAccepted || c.Writer.Size() != len("two parts") || !c.Writer.Written() {
					t.Errorf("after the handlers the writer tells of status %d and %d bytes, written: %v; want 202 and 9",
						c.Writer.Status(), c.Writer.Size(), c.Writer.Written())
				}
			}
			write := func(c *gin.Context) {
				c.Status(http.StatusAccepted)
				_, _ = io.WriteString(c.Writer, "two ")
				c.Writer.Flush()
				_, _ = c.Writer.Write([]byte("parts"))
			}
			alice := a.signIn(1)
			for place, at := range map[string][2][]gin.HandlerFunc{
				"ahead": {{count}, nil}, "after": {nil, {count}}, "on both sides": {{count}, {count}},
			} {
				if due {
					a.mark()
				}
				a.mountAround(at[0], at[1])
				a.router.GET("/count", a.auth.RequireUser(), write)
				seen = nil
				if res := alice.get("/count").want(http.StatusAccepted).wantCookie(due); res.Body.String() != "two parts" || !res.Flushed {
					t.Errorf("%s: the answer is %q, flushed: %v; want two parts, flushed", place, res.Body, res.Flushed)
				}
				for _, w := range seen {
					if w.bytes != len("two parts") || w.headers != 1 || w.flushes != 1 {
						t.Errorf("%s: a writer saw %d bytes, %d statuses and %d flushes; want 9, 1 and 1", place, w.bytes, w.headers, w.flushes)
					}
				}
				if want := len(at[0]) + len(at[1]); len(seen) != want {
					t.Errorf("%s: %d writers took part; want %d", place, len(seen), want)
				}
			}
		})
	}
}

func TestABackendBehindAProxyCannotTouchTheCookie(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Set-Cookie", "powgin=planted; Path=/")
		w.Header().Add("Set-Cookie", "backend=own; Path=/")
		_, _ = io.WriteString(w, r.Header.Get("User-Key"))
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			if key, ok := powgin.UserKey(r.In.Context()); ok {
				r.Out.Header.Set("User-Key", key)
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	a.router.GET("/behind", a.auth.RequireUser(), gin.WrapH(proxy))
	server := httptest.NewServer(a.router)
	defer server.Close()
	for _, status := range []int{http.StatusOK, http.StatusBadGateway} {
		if status == http.StatusBadGateway {
			backend.Close()
		}
		alice := a.signIn(1)
		a.mark()
		old := alice.token()
		res, body := alice.over(server, "GET", "/behind")
		ours := 0
		for _, line := range res.Header.Values("Set-Cookie") {
			if strings.HasPrefix(line, "powgin=") {
				ours++
			}
		}
		if res.StatusCode != status || ours != 1 || alice.token() == old || alice.token() == "planted" {
			t.Errorf("GET /behind = %d with %d cookies of ours; want %d and a new token, once", res.StatusCode, ours, status)
		}
		if res.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control = %q; want no-store", res.Header.Get("Cache-Control"))
		}
		if status == http.StatusOK && (body != "1" || alice.cookies["backend"] != "own") {
			t.Errorf("GET /behind = %q with the backend's cookie %q; want alice's key, and the backend's own cookie", body, alice.cookies["backend"])
		}
		alice.get("/me").want(http.StatusOK).wantNoCookie()
	}
}

func TestPagesThatNoRouteHasKnowTheUser(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.router.HandleMethodNotAllowed = true
	server := httptest.NewServer(a.router)
	defer server.Close()
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/nowhere", "404 page not found", 404},
		{"POST", "/me", "405 method not allowed", 405},
	} {
		alice := a.signIn(1)
		a.mark()
		old := alice.token()
		res, body := alice.over(server, tt.method, tt.path)
		wantOneCookie(t, tt.method+" "+tt.path, res.Header)
		if res.StatusCode != tt.status || body != tt.body || alice.token() == old {
			t.Errorf("%s %s = %d %q, token new: %v; want %d %q and a new token", tt.method, tt.path, res.StatusCode, body, alice.token() != old, tt.status, tt.body)
		}
		alice.get("/me").want(http.StatusOK).wantNoCookie()
	}
	a.router.NoRoute(powgin.Handle(func(c *Context) { c.String(http.StatusNotFound, "nothing here, %s", c.MustUser().Name) }))
	if got := a.signIn(1).get("/nowhere").want(http.StatusNotFound).Body.String(); got != "nothing here, alice" {
		t.Errorf("GET /nowhere = %q; want a page that knows alice", got)
	}
}
