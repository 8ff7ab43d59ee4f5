package powgintest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Browser sends requests to an app as a browser does: over HTTPS, from the
// app's own pages, and with the cookies that earlier answers have set. It
// follows no redirects. Many goroutines may use it at once.
type Browser struct {
	t      testing.TB
	app    http.Handler
	origin *url.URL

	mu   sync.Mutex
	jar  *cookiejar.Jar // guarded by mu, as are those below
	sets []cookieSet    // what the jar was given, in order
	held *hold          // what the next request with a body waits for, nil for nothing
	shy  bool           // leaves at the first request that is not a GET
}

// A cookieSet is what one answer set, or one call of SetCookies.
type cookieSet struct {
	from    *url.URL
	cookies []*http.Cookie // those that expire have a time instead of a Max-Age
}

// NewBrowser returns a browser without cookies. A request that cannot be made
// fails t.
func NewBrowser(t testing.TB, app http.Handler) *Browser {
	jar, _ := cookiejar.New(nil) // without a list of public suffixes it cannot fail
	return &Browser{t: t, app: app, origin: &url.URL{Scheme: "https", Host: "app.localhost", Path: "/"}, jar: jar}
}

// Response is an answer of the app.
type Response struct {
	Status int         // the status code
	Header http.Header // with the Set-Cookie lines that the browser has kept
	Body   string      // all of it
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

// Do sends any request, with the browser's cookies for its path added to those
// it has, and keeps the cookies of the answer.
func (b *Browser) Do(r *http.Request) *Response {
	b.t.Helper()
	if b.leaves(r) {
		runtime.Goexit()
	}
	w := httptest.NewRecorder()
	sent, held := b.prepare(r)
	b.app.ServeHTTP(w, sent)
	answer := w.Result()
	defer answer.Body.Close()
	set := b.keep(b.origin.ResolveReference(r.URL), answer.Cookies())
	if held != nil {
		held.answer = set
	}
	return &Response{Status: answer.StatusCode, Header: answer.Header, Body: w.Body.String()}
}

// prepare returns the request with what this browser has for it, and the hold
// that it is to wait at, nil for none. The caller's request stays as it is, so
// that it may be sent again.
func (b *Browser) prepare(r *http.Request) (*http.Request, *hold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r = r.Clone(r.Context())
	for _, c := range b.jar.Cookies(b.origin.ResolveReference(r.URL)) {
		r.AddCookie(c)
	}
	if b.held == nil || r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	held := b.held
	b.held = nil
	r.Body = held.body(r.Body)
	return r, held
}

// keep keeps what an answer from there has set, and returns it.
func (b *Browser) keep(from *url.URL, cookies []*http.Cookie) cookieSet {
	set := cookieSet{from, make([]*http.Cookie, len(cookies))}
	for i, c := range cookies {
		set.cookies[i] = dated(c)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.replay(set)
	return set
}

// dated returns a copy of the cookie that may be given to a jar later, and
// expires no later for that.
func dated(c *http.Cookie) *http.Cookie {
	d := *c
	if d.MaxAge > 0 {
		d.Expires, d.MaxAge = time.Now().Add(time.Duration(d.MaxAge)*time.Second), 0
	}
	return &d
}

// replay needs mu.
func (b *Browser) replay(set cookieSet) {
	if len(set.cookies) == 0 {
		return
	}
	b.jar.SetCookies(set.from, set.cookies)
	b.sets = append(b.sets, set)
}

// Cookies returns the cookies that a request for the app's front page has: of
// each its name and value alone.
func (b *Browser) Cookies() []*http.Cookie {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.jar.Cookies(b.origin)
}

// SetCookies gives the browser cookies, as an answer of the app's front page
// would.
func (b *Browser) SetCookies(cookies ...*http.Cookie) { b.keep(b.origin, cookies) }

// Clone returns another browser of the same app with the cookies that this one
// has now: a thief's, or a second one of the same user whose requests cross
// those of the first.
func (b *Browser) Clone() *Browser { return b.given(b.history()) }
