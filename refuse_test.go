package powgin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

const page = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func withPages(c *powgin.Config[User]) {
	c.SignInPath, c.HomePath = "/signin", "/home"
	silent(c)
}

// wantSentTo fails the test where the answer leads elsewhere.
func (r *response) wantSentTo(to string) *response {
	r.b.Helper()
	r.want(http.StatusSeeOther).wantNoStore()
	if got := r.Result().Header.Get("Location"); got != to {
		r.b.Errorf("%s leads to %q; want %q", r.what, got, to)
	}
	return r
}

func (r *response) wantNoStore() *response {
	r.b.Helper()
	if got := r.Result().Header.Values("Cache-Control"); len(got) != 1 || got[0] != "no-store" {
		r.b.Errorf("%s has Cache-Control %q; want no-store", r.what, got)
	}
	return r
}

// wantProblem fails the test where the answer is not plain problem details.
func (r *response) wantProblem(status int) *response {
	r.b.Helper()
	r.want(status).wantNoStore()
	var body struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal(r.Body.Bytes(), &body); err != nil {
		r.b.Fatalf("%s: %v in %s", r.what, err, r.Body)
	}
	if body.Status != status || body.Title != http.StatusText(status) || body.Type != "about:blank" || body.Detail == "" {
		r.b.Errorf("%s: problem %+v; want one of status %d with a detail", r.what, body, status)
	}
	if got := r.Result().Header.Get("Content-Type"); got != "application/problem+json; charset=utf-8" {
		r.b.Errorf("%s has Content-Type %q; want problem details", r.what, got)
	}
	want := ""
	if status == http.StatusServiceUnavailable {
		want = "1"
	}
	if got := r.Result().Header.Get("Retry-After"); got != want {
		r.b.Errorf("%s has Retry-After %q; want %q", r.what, got, want)
	}
	return r
}

func TestBrowsersAreSentToSignInAndBack(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, withPages)
	guard := func(c *gin.Context) { t.Errorf("the handler of %s ran", c.Request.URL) }
	a.router.HEAD("/me", a.auth.RequireUser(), guard)
	a.router.GET("/deep/*path", a.auth.RequireUser(), guard)
	for _, tt := range []struct {
		method, path string
		headers      []string
		want         string // "" for 401
	}{
		{"GET", "/me", []string{"Accept", page}, "/signin?next=%2Fme"},
		{"GET", "/me?a=b&c=%20d", []string{"Accept", page}, "/signin?next=%2Fme%3Fa%3Db%26c%3D%2520d"},
		{"GET", "/deep/a%2Fb", []string{"Accept", page}, "/signin?next=%2Fdeep%2Fa%252Fb"},
		{"HEAD", "/me", []string{"Accept", page}, "/signin?next=%2Fme"},
		{"GET", "/me", []string{"Accept", page, "Sec-Fetch-Mode", "navigate"}, "/signin?next=%2Fme"},
		{"GET", "/me", []string{"Accept", "*/*", "Sec-Fetch-Mode", "navigate"}, "/signin?next=%2Fme"},
		{"GET", "/me", nil, "/signin?next=%2Fme"},
		{"POST", "/plan/pro", []string{"Accept", page}, "/signin"},
		{"POST", "/revoke-others", []string{"Accept", page, "Sec-Fetch-Site", "same-origin"}, "/signin"},
		// What a browser could take for another site is not repeated.
		{"GET", "/deep/..//evil.example", []string{"Accept", page}, "/signin"},
		{"GET", "/deep/%2e%2e//evil.example", []string{"Accept", page}, "/signin"},
		{"GET", "/deep/" + strings.Repeat("x", 2<<10), []string{"Accept", page}, "/signin"},
		// Scripts and programs get a status.
		{"GET", "/me", []string{"Accept", "*/*", "Sec-Fetch-Mode", "cors"}, ""},
		{"GET", "/me", []string{"Sec-Fetch-Mode", "same-origin"}, ""},
		{"GET", "/me", []string{"Accept", "application/json"}, ""},
		{"GET", "/me", []string{"Accept", "application/json, text/html;q=0.5"}, ""},
		{"POST", "/plan/pro", []string{"Accept", "application/json"}, ""},
	} {
		res := a.browser().do(tt.method, tt.path, tt.headers...).wantNoCookie()
		if tt.want != "" {
			res.wantSentTo(tt.want)
		} else {
			res.wantProblem(http.StatusUnauthorized)
		}
	}
}

func TestSignedInBrowsersAreSentHomeFromGuestPages(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, withPages)
	alice := a.signIn(1)
	alice.get("/guest", "Accept", page).wantSentTo("/home")
	alice.get("/guest", "Accept", "application/json").wantProblem(http.StatusForbidden)
	alice.get("/guest", "Accept", "*/*", "Sec-Fetch-Mode", "cors").wantProblem(http.StatusForbidden)
	alice.get("/pro", "Accept", page).wantProblem(http.StatusForbidden) // signing in again would not help
}

func TestWithoutPathsEverybodyGetsAStatus(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	alice := a.signIn(1)
	a.browser().get("/me", "Accept", page).wantProblem(http.StatusUnauthorized)
	alice.get("/guest", "Accept", page).wantProblem(http.StatusForbidden)
	alice.get("/pro", "Accept", page).wantProblem(http.StatusForbidden)
}

func TestARefusedHEADHasNoBody(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.router.HEAD("/me", a.auth.RequireUser(), powgin.Handle(whoami))
	server := httptest.NewServer(a.router)
	defer server.Close()
	res, err := server.Client().Head(server.URL + "/me")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || len(body) > 0 || res.StatusCode != http.StatusUnauthorized || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("HEAD /me = %d, %q, %q, %v; want 401, no-store and no body", res.StatusCode, res.Header.Get("Cache-Control"), body, err)
	}
}

func TestRefuseAnswersWhatRedirectsDoNot(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
		withPages(c)
		c.Refuse = func(c *gin.Context, err error) {
			if !c.IsAborted() {
				t.Error("Refuse was called before the request was aborted")
			}
			c.String(powgin.AbortStatus(err), "own page: %v", err)
		}
	})
	alice := a.signIn(1)
	a.router.GET("/abort", func(c *gin.Context) { powgin.Abort(c, powgin.ErrTooManySessions) })
	for _, tt := range []struct {
		b      *browser
		method string
		path   string
		header []string
		err    error
	}{
		{a.browser(), "GET", "/me", []string{"Accept", "application/json"}, powgin.ErrNotSignedIn},
		{alice, "GET", "/pro", []string{"Accept", page}, powgin.ErrForbidden},
		{alice, "GET", "/guest", []string{"Accept", "application/json"}, powgin.ErrForbidden},
		{alice, "GET", "/abort", nil, powgin.ErrTooManySessions},
		{alice, "POST", "/signout", []string{"Sec-Fetch-Site", "cross-site"}, powgin.ErrCrossOrigin},
	} {
		res := tt.b.do(tt.method, tt.path, tt.header...).want(powgin.AbortStatus(tt.err)).wantNoStore()
		if got, want := res.Body.String(), "own page: "+tt.err.Error(); got != want {
			t.Errorf("%s = %q; want %q", res.what, got, want)
		}
	}
	a.browser().get("/me", "Accept", page).wantSentTo("/signin?next=%2Fme")
	alice.get("/guest", "Accept", page).wantSentTo("/home")
	p.fail(true)
	res := alice.get("/reload").want(http.StatusServiceUnavailable).wantNoStore()
	if !strings.HasPrefix(res.Body.String(), "own page: ") || res.Result().Header.Get("Retry-After") != "1" {
		t.Errorf("503 through Refuse = %q with headers %v; want the own page and Retry-After", res.Body, res.Result().Header)
	}
}

func TestAbortAnswersEachErrorAsItIsDue(t *testing.T) {
	t.Parallel()
	var told atomic.Int64
	a, _ := newPeopleApp(t, func(c *powgin.Config[User]) {
		c.OnError = func(context.Context, error) { told.Add(1) }
	})
	for err, status := range map[error]int{
		powgin.ErrUnavailable: 503, powgin.ErrBusy: 503, powgin.ErrFull: 503, cache.ErrWrongUser: 503,
		powgin.ErrNotSignedIn: 401, powgin.ErrForbidden: 403, powgin.ErrCrossOrigin: 403, powgin.ErrInactive: 403,
		powgin.ErrNoSession: 404, powgin.ErrOtherUser: 409, powgin.ErrInGrace: 409, powgin.ErrTooManySessions: 429,
		powgin.ErrNoUserKey: 500, powgin.ErrHeadersWritten: 500, powgin.ErrOption: 500,
		errors.New("an app's own"): 500, context.DeadlineExceeded: 500,
	} {
		wrapped := fmt.Errorf("at the vault: %w: password hunter2", err)
		if got := powgin.AbortStatus(wrapped); got != status {
			t.Errorf("AbortStatus(%v) = %d; want %d", err, got, status)
		}
		abort := func(c *gin.Context) {
			powgin.Abort(c, wrapped)
			if !c.IsAborted() {
				t.Errorf("Abort(%v) did not abort", err)
			}
		}
		bare := gin.New() // no Session runs here
		bare.GET("/", abort)
		path := fmt.Sprintf("/abort/%d", len(a.router.Routes()))
		a.router.GET(path, abort)
		for where, res := range map[string]*response{
			"behind Session": a.browser().get(path), "without Session": (&app{TB: t, router: bare}).browser().get("/"),
		} {
			res.wantProblem(status).wantNoCookie()
			if s := res.Body.String(); strings.Contains(s, "hunter2") || strings.Contains(s, "vault") || strings.Contains(s, "powgin") {
				t.Errorf("the answer %s to %v gives away %s", where, err, s)
			}
		}
		want := int64(0)
		if status >= 500 {
			want = 1
		}
		if got := told.Swap(0); got != want {
			t.Errorf("OnError was told %d times of %v; want %d", got, err, want)
		}
	}
}

func TestAbortAddsNothingToABodyThatHasBegun(t *testing.T) {
	t.Parallel()
	for name, session := range map[string]bool{"behind Session": true, "without Session": false} {
		router := gin.New()
		if session {
			router.Use(newClerks(t, func(c *powgin.Config[Clerk]) { c.OnError = func(context.Context, error) {} }).Session())
		}
		router.GET("/", func(c *gin.Context) {
			c.String(http.StatusOK, "begun")
			powgin.Abort(c, powgin.ErrUnavailable)
		})
		res := (&app{TB: t, router: router}).browser().get("/").want(http.StatusOK)
		if got := res.Body.String(); got != "begun" {
			t.Errorf("%s: the body is %q; want begun", name, got)
		}
	}
}

// countingStore counts how often it is asked.
type countingStore struct {
	cache.Store
	asked atomic.Int64
}

func (s *countingStore) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	s.asked.Add(1)
	return s.Store.Load(ctx, key)
}

func (s *countingStore) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	s.asked.Add(1)
	return s.Store.Swap(ctx, key, old, next)
}

// originCase is a request as a browser on some page would send it.
type originCase struct {
	name    string
	method  string
	headers []string
	refused bool
}

var originCases = []originCase{
	{"a form on another site", "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, true},
	{"a form on a sister site", "POST", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://other.app.example"}, true},
	{"a form on another site, old browser", "POST", []string{"Origin", "https://evil.example"}, true},
	{"a form of nowhere, old browser", "POST", []string{"Origin", "null"}, true},
	{"another port, old browser", "POST", []string{"Origin", "http://app.example:8080"}, true},
	{"PUT from another site", "PUT", []string{"Sec-Fetch-Site", "cross-site"}, true},
	{"PATCH from another site", "PATCH", []string{"Sec-Fetch-Site", "cross-site"}, true},
	{"DELETE from another site", "DELETE", []string{"Sec-Fetch-Site", "cross-site"}, true},
	{"a method of its own from another site", "PURGE", []string{"Sec-Fetch-Site", "cross-site"}, true},
	{"the app's own form", "POST", []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://app.example"}, false},
	{"the app's own form, old browser", "POST", []string{"Origin", "http://app.example"}, false},
	{"what the user typed", "POST", []string{"Sec-Fetch-Site", "none"}, false},
	{"a program", "POST", nil, false},
	{"GET from another site", "GET", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false},
	{"HEAD from another site", "HEAD", []string{"Sec-Fetch-Site", "cross-site"}, false},
	{"OPTIONS from another site", "OPTIONS", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, false},
}

func TestUnsafeRequestsFromOtherSitesAreRefusedBeforeAnythingIsAsked(t *testing.T) {
	t.Parallel()
	store := &countingStore{Store: cache.NewMemory(0)}
	var events atomic.Int64
	a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
		c.Store = store
		c.OnEvent = func(e powgin.Event) {
			if e.Name == "cross_origin_refused" {
				events.Add(1)
			}
		}
	})
	ran := false
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "PURGE"} {
		a.router.Handle(method, "/door", func(c *gin.Context) { ran = true })
	}
	for _, b := range []*browser{a.signIn(1), a.browser()} {
		token := b.token()
		for _, tt := range originCases {
			ran = false
			store.asked.Store(0)
			p.took()
			res := b.do(tt.method, "/door", tt.headers...).wantNoCookie()
			if !tt.refused {
				if res.want(http.StatusOK); !ran {
					t.Errorf("%s: the handler did not run", tt.name)
				}
				continue
			}
			res.wantProblem(http.StatusForbidden)
			if asked, read := store.asked.Load(), p.took(); ran || asked+int64(read) > 0 {
				t.Errorf("%s: handler ran: %v, store asked %d times, users %d times; want nothing of it", tt.name, ran, asked, read)
			}
		}
		if b.token() != token {
			t.Error("a refused request changed the cookie")
		}
	}
	if events.Load() == 0 {
		t.Error("no event told of a refused request")
	}
	if res := a.browser().post("/signin/1", "Sec-Fetch-Site", "cross-site"); res.Code != http.StatusForbidden {
		t.Errorf("a sign-in from another site = %d; want 403", res.Code)
	}
}

func TestTrustedOriginsPass(t *testing.T) {
	t.Parallel()
	trusting := http.NewCrossOriginProtection()
	if err := trusting.AddTrustedOrigin("https://partner.example"); err != nil {
		t.Fatal(err)
	}
	a, _ := newPeopleApp(t, func(c *powgin.Config[User]) { c.CrossOrigin = trusting })
	alice := a.signIn(1)
	partner := []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://partner.example"}
	alice.post("/revoke-others", partner...).want(http.StatusOK)
	alice.post("/revoke-others", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example").wantProblem(http.StatusForbidden)
	plain, _ := newPeopleApp(t, nil)
	plain.signIn(1).post("/revoke-others", partner...).wantProblem(http.StatusForbidden)
}
