package powgintest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A Browser sends requests to an app as a browser does: over HTTPS, from the
// app's own pages, and with the cookies that earlier answers have set. It
// follows no redirects. Many goroutines may use it at once.
type Browser struct {
	t      testing.TB
	app    http.Handler
	origin *url.URL

	mu   sync.Mutex
	jar  *cookiejar.Jar
	sets [][]*http.Cookie // what the jar was given, in order
	held *hold            // what the next request waits for, nil for nothing
}

// NewBrowser returns a browser without cookies. A request that cannot be made
// fails t.
func NewBrowser(t testing.TB, app http.Handler) *Browser {
	b := &Browser{t: t, app: app, origin: &url.URL{Scheme: "https", Host: "app.example", Path: "/"}}
	b.empty()
	return b
}

// empty gives the browser a jar without cookies.
func (b *Browser) empty() {
	// Without a list of public suffixes it cannot fail.
	b.jar, _ = cookiejar.New(nil)
	b.sets = nil
}

// Response is an answer of the app.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// Get sends a GET for a path of the app, with or without a query.
func (b *Browser) Get(path string) *Response {
	b.t.Helper()
	return b.Do(b.request(http.MethodGet, path, nil))
}

// PostForm sends a form to a path of the app, as one of its own pages would.
// The fields are pairs of name and value.
func (b *Browser) PostForm(path string, fields ...string) *Response {
	b.t.Helper()
	if len(fields)%2 != 0 {
		b.t.Fatalf("PostForm(%q): the field %q has no value", path, fields[len(fields)-1])
	}
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	r := b.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://"+b.origin.Host)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.Do(r)
}

func (b *Browser) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	target, err := b.origin.Parse(path)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	r := httptest.NewRequestWithContext(b.t.Context(), method, target.String(), body)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	return r
}

// Do sends any request, with the browser's cookies added to those it has, and
// keeps the cookies of the answer.
func (b *Browser) Do(r *http.Request) *Response {
	b.t.Helper()
	w := httptest.NewRecorder()
	b.app.ServeHTTP(w, b.prepare(r))
	answer := w.Result()
	defer answer.Body.Close()
	b.keep(answer.Cookies())
	return &Response{Status: answer.StatusCode, Header: answer.Header, Body: w.Body.String()}
}

// prepare adds what this browser has for the request.
func (b *Browser) prepare(r *http.Request) *http.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.jar.Cookies(b.origin.ResolveReference(r.URL)) {
		r.AddCookie(c)
	}
	if b.held != nil {
		r.Body = b.held.body(r.Body)
		b.held = nil
	}
	return r
}

func (b *Browser) keep(set []*http.Cookie) {
	if len(set) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.jar.SetCookies(b.origin, set)
	b.sets = append(b.sets, set)
}

// Cookies returns the cookies that a request for the app's front page has.
func (b *Browser) Cookies() []*http.Cookie {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.jar.Cookies(b.origin)
}

// SetCookies gives the browser cookies, as an answer of the app would.
func (b *Browser) SetCookies(cookies ...*http.Cookie) { b.keep(cookies) }

// Clone returns another browser of the same app with the cookies that this one
// has now: a thief's, or a second tab whose requests cross those of the first.
func (b *Browser) Clone() *Browser {
	c := NewBrowser(b.t, b.app)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, set := range b.sets {
		c.keep(set)
	}
	return c
}
