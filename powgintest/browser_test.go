package powgintest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin/powgintest"
)

// cookieSite sets the cookie lines that it is asked for, one a query field
// "set", and shows the Cookie header that a request came with.
func cookieSite(w http.ResponseWriter, r *http.Request) {
	for _, line := range r.URL.Query()["set"] {
		w.Header().Add("Set-Cookie", line)
	}
	_, _ = w.Write([]byte(r.Header.Get("Cookie")))
}

func newCookieBrowser(t testing.TB) *powgintest.Browser {
	return powgintest.NewBrowser(t, http.HandlerFunc(cookieSite))
}

// set has the site set a cookie, at a path of its own.
func set(b *powgintest.Browser, path, line string) {
	b.Get(path + "?set=" + strings.NewReplacer(" ", "+", ";", "%3B").Replace(line))
}

func wantSent(t *testing.T, b *powgintest.Browser, path, want string) {
	t.Helper()
	if got := b.Get(path).Body; got != want {
		t.Errorf("GET %s is sent with the cookies %q; want %q", path, got, want)
	}
}

func TestBrowserKeepsCookies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, from, line, to, want string
	}{
		{"for the whole site", "/a/b", "k=v; Path=/", "/", "k=v"},
		{"Secure ones, over HTTPS", "/", "__Host-k=v; Path=/; Secure; HttpOnly; SameSite=Lax", "/", "__Host-k=v"},
		{"for a path", "/", "k=v; Path=/admin", "/admin/users", "k=v"},
		{"for a path, and not elsewhere", "/", "k=v; Path=/admin", "/", ""},
		{"without a path for where the answer came from", "/shop/cart", "k=v", "/shop/pay", "k=v"},
		{"without a path not for elsewhere", "/shop/cart", "k=v", "/", ""},
		{"none of another site's", "/", "k=v; Path=/; Domain=other.example", "/", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newCookieBrowser(t)
			set(b, tt.from, tt.line)
			wantSent(t, b, tt.to, tt.want)
			wantSent(t, b.Clone(), tt.to, tt.want)
		})
	}
}

func TestBrowserReplacesAndDeletesCookies(t *testing.T) {
	t.Parallel()
	b := newCookieBrowser(t)
	set(b, "/", "k=1; Path=/")
	set(b, "/", "k=2; Path=/")
	wantSent(t, b, "/", "k=2")
	set(b, "/", "k=; Path=/; Max-Age=0")
	wantSent(t, b, "/", "")
	wantSent(t, b.Clone(), "/", "")
	set(b, "/", "k=3; Path=/")
	set(b, "/", "k=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
	wantSent(t, b, "/", "")
}

func TestCookiesExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newCookieBrowser(t)
		set(b, "/", "k=v; Path=/; Max-Age=60")
		time.Sleep(59 * time.Second)
		early := b.Clone()
		wantSent(t, b, "/", "k=v")
		wantSent(t, early, "/", "k=v")
		time.Sleep(2 * time.Second)
		wantSent(t, b, "/", "")
		wantSent(t, early, "/", "")
		wantSent(t, b.Clone(), "/", "")
	})
}

func TestACloneIsAnotherBrowser(t *testing.T) {
	t.Parallel()
	b := newCookieBrowser(t)
	b.SetCookies(&http.Cookie{Name: "k", Value: "1", Path: "/"})
	c := b.Clone()
	wantSent(t, c, "/", "k=1")
	b.SetCookies(&http.Cookie{Name: "k", Value: "2", Path: "/"})
	c.SetCookies(&http.Cookie{Name: "other", Value: "3", Path: "/"})
	wantSent(t, b, "/", "k=2")
	wantSent(t, c, "/", "k=1; other=3")
	if got := b.Cookies(); len(got) != 1 || got[0].Name != "k" || got[0].Value != "2" {
		t.Errorf("Cookies() = %v; want k=2 alone", got)
	}
}

func TestFormsComeFromTheAppsOwnPages(t *testing.T) {
	t.Parallel()
	var got *http.Request
	b := powgintest.NewBrowser(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // what it could not read is missing below
		got = r
		w.Header().Set("Location", "/thanks")
		w.WriteHeader(http.StatusSeeOther)
	}))
	res := b.PostForm("/order?from=page", "item", "1", "item", "2", "note", "a&b")
	if res.Status != http.StatusSeeOther || res.Header.Get("Location") != "/thanks" {
		t.Errorf("POST /order = %d to %q; want 303 to /thanks, not followed", res.Status, res.Header.Get("Location"))
	}
	if got.Method != http.MethodPost || got.URL.Path != "/order" || got.TLS == nil || got.Host != "app.localhost" {
		t.Errorf("the request is %s %s to %s, TLS = %t; want POST /order to app.localhost over TLS", got.Method, got.URL, got.Host, got.TLS != nil)
	}
	if form := got.PostForm; len(form["item"]) != 2 || form.Get("note") != "a&b" {
		t.Errorf("the form is %v; want item twice, and the note", form)
	}
	for name, want := range map[string]string{"Origin": "https://app.localhost", "Sec-Fetch-Site": "same-origin"} {
		if is := got.Header.Get(name); is != want {
			t.Errorf("%s = %q; want %q", name, is, want)
		}
	}
	if err := new(http.CrossOriginProtection).Check(got); err != nil {
		t.Errorf("net/http's CrossOriginProtection says %v; want the form to pass", err)
	}
}

func TestDoLeavesTheRequestAsItIs(t *testing.T) {
	t.Parallel()
	b := newCookieBrowser(t)
	set(b, "/", "k=1; Path=/")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "own", Value: "2"})
	for range 2 {
		if got := b.Do(r).Body; got != "own=2; k=1" {
			t.Errorf("the request is sent with the cookies %q; want its own and the browser's", got)
		}
	}
}

func TestRequestsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	wantFatal(t, func(t testing.TB) { newCookieBrowser(t).Get("http://[") }, "GET http://[")
	wantFatal(t, func(t testing.TB) { newCookieBrowser(t).PostForm("/form", "name") }, `PostForm("/form"): the field "name" has no value`)
}
