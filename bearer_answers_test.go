package powgin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// withEveryPage is a Config that sends browsers elsewhere wherever it can.
func withEveryPage(c *powgin.Config[User]) {
	withPages(c)
	c.ReauthPath = "/reauth"
}

func TestBearerChallenges(t *testing.T) {
	t.Parallel()
	bearers(t, "say what is missing", withEveryPage, func(a *app, p *people, w *way) {
		a.recent()
		alice := a.arrives(w, 1)
		a.client(w).get("/me").wantProblem(http.StatusUnauthorized).wantChallenge(`Bearer`)
		a.client(w).get("/recent").wantProblem(http.StatusUnauthorized).wantChallenge(`Bearer`)
		for _, path := range []string{"/me", "/recent"} {
			alice.shows("junk").get(path).wantProblem(http.StatusUnauthorized).wantChallenge(`Bearer error="invalid_token"`)
		}
		alice.get("/pro").wantProblem(http.StatusForbidden).wantChallenge("")
		alice.get("/guest").wantProblem(http.StatusForbidden).wantChallenge("")
		alice.post("/revoke/junk").wantProblem(http.StatusNotFound).wantChallenge("")
		p.fail(true)
		alice.get("/reload").wantProblem(http.StatusServiceUnavailable).wantChallenge("")
		p.fail(false)
		time.Sleep(recently + 1)
		alice.get("/recent").wantProblem(http.StatusUnauthorized).wantChallenge(`Bearer error="insufficient_user_authentication"`)
		alice.post("/recent").wantProblem(http.StatusUnauthorized).wantChallenge(`Bearer error="insufficient_user_authentication"`)
		alice.get("/me").want(http.StatusOK).wantChallenge("")
		time.Sleep(idle)
		alice.get("/me").wantProblem(http.StatusUnauthorized).wantChallenge(`Bearer error="invalid_token"`)
		alice.get("/recent").wantProblem(http.StatusUnauthorized).wantChallenge(`Bearer error="invalid_token"`)
	})
	bearers(t, "are there whoever words the answer", func(c *powgin.Config[User]) {
		c.Refuse = func(c *gin.Context, err error) { c.String(powgin.AbortStatus(err), "no") }
	}, func(a *app, _ *people, w *way) {
		r := a.client(w).get("/me").want(http.StatusUnauthorized).wantChallenge("Bearer")
		if got := r.Body.String(); got != "no" {
			a.Errorf("GET /me = %q; want what Refuse says", got)
		}
	})
	bearers(t, "are those of the user who is lost on the way", nil, func(a *app, p *people, w *way) {
		alice := a.arrives(w, 1)
		p.change("1", nil)
		alice.get("/require-reload").wantProblem(http.StatusUnauthorized).wantChallenge(`Bearer error="invalid_token"`)
	})
}

// A program that is led to a page of HTML cannot tell what went wrong.
func TestBearerNeverRedirects(t *testing.T) {
	t.Parallel()
	bearers(t, "whatever Accept says", withEveryPage, func(a *app, _ *people, w *way) {
		a.recent()
		alice := a.arrives(w, 1)
		time.Sleep(recently + 1)
		for _, accept := range []string{page, "text/html", "*/*", "", "application/json"} {
			for _, mode := range []string{"", "navigate", "cors"} {
				for _, tt := range []struct {
					who    *client
					path   string
					status int
				}{
					{a.client(w), "/me", http.StatusUnauthorized},
					{a.client(w), "/recent", http.StatusUnauthorized},
					{alice, "/recent", http.StatusUnauthorized},
					{alice, "/guest", http.StatusForbidden},
				} {
					r := tt.who.get(tt.path, "Accept", accept, "Sec-Fetch-Mode", mode).wantProblem(tt.status)
					if to := r.Result().Header.Get("Location"); to != "" {
						a.Errorf("Accept %q: GET %s leads to %q; want no redirect", accept, tt.path, to)
					}
				}
			}
		}
	})
}

// bearerStory is what may happen to a program, an answer a line. It begins with
// nobody and ends with nobody.
func bearerStory(a *app, p *people, w *way) (answers []*response) {
	a.recent()
	a.route("POST", "/sync", func(c *Context) error { return c.SyncUser(person(1)) })
	a.route("POST", "/rotate", func(c *Context) error { return c.SyncUser(person(1), powgin.Rotate()) })
	a.route("POST", "/in/:id", func(c *Context) error { return c.SignIn(person(uint(c.Param("id")[0] - '0'))) })
	alice, phone := a.client(w), a.client(w)
	does := func(c *client, requests ...string) {
		for _, request := range requests {
			method, path, _ := strings.Cut(request, " ")
			answers = append(answers, c.do(method, path))
		}
	}
	does(alice, "GET /", "GET /me", "POST /signin/9", "GET /nowhere", "POST /in/1")
	does(phone, "POST /in/1")
	does(alice, "GET /", "GET /me", "HEAD /recent", "GET /reload", "GET /refresh", "GET /maxage", "GET /guest", "GET /pro", "GET /sessions")
	time.Sleep(renew)
	old := alice.clone()
	does(alice, "GET /me", "POST /sync", "POST /rotate", "GET /me")
	does(old, "GET /me", "POST /rotate", "POST /revoke-others")
	time.Sleep(renew)
	does(old, "GET /me", "POST /signout")
	does(alice, "GET /recent", "POST /revoke/junk")
	p.fail(true)
	does(alice, "GET /reload", "POST /sync", "POST /rotate", "POST /in/2")
	p.fail(false)
	does(alice, "POST /revoke-others", "POST /in/2", "GET /me", "POST /signout", "GET /me")
	does(phone, "GET /me", "GET /")
	return answers
}

func TestWhatEveryBearerAnswerSays(t *testing.T) {
	t.Parallel()
	bearers(t, "no cookie, and that it depends on the token", withEveryPage, func(a *app, p *people, w *way) {
		statuses := map[int]bool{}
		for _, r := range bearerStory(a, p, w) {
			statuses[r.Code] = true
			r.wantNoCookie()
			if got := r.Result().Header.Values("Vary"); r.Code != http.StatusNotFound && (len(got) != 1 || got[0] != "Authorization") {
				a.Errorf("%s = %d has Vary %q; want Authorization", r.what, r.Code, got)
			}
			if r.shows() != nil || r.Code >= 400 && r.Code != http.StatusNotFound {
				r.wantNoStore()
			}
		}
		for _, status := range []int{200, 401, 403, 404, 409, 503} {
			if !statuses[status] {
				a.Errorf("no answer of the story has the status %d", status)
			}
		}
	})
	bearers(t, "beside what the app says", nil, func(a *app, _ *people, w *way) {
		a.mount(func(c *gin.Context) { c.Header("Vary", "Accept-Encoding, authorization") })
		if got := a.client(w).get("/").Result().Header.Values("Vary"); len(got) != 1 {
			a.Errorf("Vary is %q where Authorization was in it already; want that alone", got)
		}
		a.mount(func(c *gin.Context) { c.Header("Vary", "Origin") })
		if got := a.client(w).get("/").Result().Header.Values("Vary"); strings.Join(got, ", ") != "Origin, Authorization" {
			a.Errorf("Vary is %q beside Origin; want both", got)
		}
	})
}

// An answer that hands out a token is stored by nobody, also where nobody was
// signed in before. (RFC 6749, section 5.1.)
func TestAnAnswerWithATokenIsNotStored(t *testing.T) {
	t.Parallel()
	bearers(t, "after SignIn and Rotate", nil, func(a *app, _ *people, w *way) {
		alice := a.client(w)
		r, err := alice.does(func(c *Context) error { return c.SignIn(person(1)) })
		alice.browser().wantErr("SignIn", err, nil)
		r.wantNoStore()
		r, err = alice.syncs(powgin.Rotate())
		alice.browser().wantErr("SyncUser", err, nil)
		r.wantNoStore()
	})
}

// No browser sends a bearer token by itself, so a request that has one was meant.
func TestBearerIsNotForOneSiteOnly(t *testing.T) {
	t.Parallel()
	events := &journal{}
	bearers(t, "and nothing is reported", func(c *powgin.Config[User]) { c.OnEvent = events.on }, func(a *app, _ *people, w *way) {
		a.route("POST", "/sync", func(c *Context) error { return c.SyncUser(person(1)) })
		alice := a.arrives(w, 1)
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"},
		} {
			if u := alice.post("/sync", headers...).want(http.StatusOK).shows(); u == nil || u.Name != "alice" {
				a.Errorf("POST /sync with %q shows %v; want alice", headers, u)
			}
			a.client(w).post("/signin/2", headers...).want(http.StatusOK)
		}
		if n := events.times("cross_origin_refused"); n != 0 {
			a.Errorf("%d requests were reported as another site's; want none", n)
		}
	})
}
