package powgin_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
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

// over sends a request of the browser over a real connection and returns the
// answer with its body.
func (b *browser) over(server *httptest.Server, method, path string, headers ...string) (*http.Response, string) {
	b.Helper()
	r, err := http.NewRequest(method, server.URL+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "powgin", Value: b.token()})
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := server.Client().Transport.RoundTrip(r)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatalf("%s %s: %v", method, path, err)
	}
	b.keep(res.Cookies())
	return res, string(body)
}

// mark has each of alice's sessions get a new token at its next request.
func (a *app) mark() {
	a.Helper()
	if err := a.auth.Sync(a.Context(), person(1), powgin.Regenerate()); err != nil {
		a.Fatal(err)
	}
}

// wire is a way in which handlers write, and what has to arrive.
type wire struct {
	name   string
	ahead  gin.HandlerFunc // between Session and the handler, nil for nothing
	handle gin.HandlerFunc
	status int
	body   string // of a GET
}

func wires(t *testing.T) []wire {
	t.Helper()
	file := filepath.Join(t.TempDir(), "page.txt")
	if err := os.WriteFile(file, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=3600")
		_, _ = io.WriteString(w, "from behind")
	}))
	t.Cleanup(backend.Close)
	behind, err := url.Parse(backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind) }, FlushInterval: -1}
	return []wire{
		{"nothing", nil, func(*gin.Context) {}, 200, ""},
		{"a status", nil, func(c *gin.Context) { c.Status(http.StatusNoContent) }, 204, ""},
		{"a status at once", nil, func(c *gin.Context) { c.Status(http.StatusAccepted); c.Writer.WriteHeaderNow() }, 202, ""},
		{"not modified", nil, func(c *gin.Context) { c.Status(http.StatusNotModified) }, 304, ""},
		{"a string", nil, func(c *gin.Context) { c.String(http.StatusOK, "text") }, 200, "text"},
		{"an error of net/http", nil, func(c *gin.Context) { http.Error(c.Writer, "gone", http.StatusGone) }, 410, "gone\n"},
		{"a redirect", nil, func(c *gin.Context) { c.Redirect(http.StatusSeeOther, "/next") }, 303, "<a href=\"/next\">See Other</a>.\n\n"},
		{"an abort", nil, func(c *gin.Context) { c.AbortWithStatus(http.StatusTeapot) }, 418, ""},
		{"a file", nil, func(c *gin.Context) { c.File(file) }, 200, "from a file"},
		{"part of a file", nil, func(c *gin.Context) { c.Request.Header.Set("Range", "bytes=7-"); c.File(file) }, 206, "file"},
		{"a copy", nil, func(c *gin.Context) { _, _ = io.Copy(c.Writer, strings.NewReader("copied")) }, 200, "copied"},
		{"flushed parts", nil, func(c *gin.Context) {
			c.Writer.Flush()
			_, _ = c.Writer.WriteString("one,")
			c.Writer.Flush()
			_, _ = c.Writer.Write([]byte("two"))
		}, 200, "one,two"},
		{"a response controller", nil, controlled, 200, "in time"},
		{"events", nil, func(c *gin.Context) {
			n := 0
			c.Stream(func(io.Writer) bool { c.SSEvent("tick", n); n++; return n < 2 })
		}, 200, "event:tick\ndata:0\n\nevent:tick\ndata:1\n\n"},
		{"a handler of net/http", nil, gin.WrapF(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "wrapped") }), 200, "wrapped"},
		{"a reverse proxy", nil, gin.WrapH(proxy), 200, "from behind"},
		{"its own words on caching", nil, func(c *gin.Context) {
			c.Header("Cache-Control", "public, max-age=3600")
			c.Header("Vary", "Accept-Encoding")
			c.String(http.StatusOK, "cached")
		}, 200, "cached"},
		{"compressed", compress, func(c *gin.Context) { c.String(http.StatusOK, "long text") }, 200, "long text"},
		{"compressed, nothing", compress, func(c *gin.Context) { c.Status(http.StatusOK) }, 200, ""},
		{"buffered", buffer, func(c *gin.Context) { c.String(http.StatusOK, "kept back") }, 200, "kept back"},
		{"a panic recovered inside", gin.RecoveryWithWriter(io.Discard), func(*gin.Context) { panic("oh") }, 500, ""},
	}
}

// controlled writes as a handler that minds its deadlines.
func controlled(c *gin.Context) {
	rc := http.NewResponseController(c.Writer)
	for name, err := range map[string]error{
		"SetWriteDeadline": rc.SetWriteDeadline(time.Now().Add(time.Minute)),
		"SetReadDeadline":  rc.SetReadDeadline(time.Now().Add(time.Minute)),
		"EnableFullDuplex": rc.EnableFullDuplex(),
		"Flush":            rc.Flush(),
	} {
		if err != nil {
			_, _ = fmt.Fprintf(c.Writer, "%s: %v", name, err)
		}
	}
	_, _ = c.Writer.WriteString("in time")
}

// A compressor is a writer as middleware that compresses puts before ours.
type compressor struct {
	gin.ResponseWriter
	zip *gzip.Writer
}

func (w compressor) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

func (w compressor) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w compressor) Write(b []byte) (int, error) {
	w.Header().Del("Content-Length")
	return w.zip.Write(b)
}

func (w compressor) Flush() {
	w.Header().Del("Content-Length")
	_ = w.zip.Flush()
	w.ResponseWriter.Flush()
}

func compress(c *gin.Context) {
	if c.Writer.Header().Get("Content-Encoding") != "" {
		return // it is done already
	}
	w := compressor{c.Writer, gzip.NewWriter(c.Writer)}
	c.Header("Content-Encoding", "gzip")
	c.Header("Vary", "Accept-Encoding")
	c.Writer = w
	defer func() {
		_ = w.zip.Close() // past whatever stands before w by now
		c.Writer = w.ResponseWriter
	}()
	c.Next()
}

// A buffered writer keeps the answer back until the handlers are done.
type buffered struct {
	gin.ResponseWriter
	kept bytes.Buffer
}

func (w *buffered) Write(b []byte) (int, error)       { return w.kept.Write(b) }
func (w *buffered) WriteString(s string) (int, error) { return w.kept.WriteString(s) }
func (w *buffered) Unwrap() http.ResponseWriter       { return w.ResponseWriter }

func buffer(c *gin.Context) {
	w := &buffered{ResponseWriter: c.Writer}
	c.Writer = w
	c.Next()
	c.Writer = w.ResponseWriter
	_, _ = c.Writer.Write(w.kept.Bytes())
}
