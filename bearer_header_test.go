package powgin_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin"
)

// The headers that requests bring, LIVE standing for the token of alice's session
// and OTHER for that of bob's.
var authorizations = map[string]struct {
	lines     []string
	signedIn  bool
	challenge string // of the 401
}{
	"none":                           {nil, false, `Bearer`},
	"the token":                      {[]string{"Bearer LIVE"}, true, ""},
	"the scheme in small letters":    {[]string{"bearer LIVE"}, true, ""},
	"the scheme in capitals":         {[]string{"BEARER LIVE"}, true, ""},
	"the scheme in both":             {[]string{"bEaReR LIVE"}, true, ""},
	"several spaces":                 {[]string{"Bearer    LIVE"}, true, ""},
	"a tab":                          {[]string{"Bearer\tLIVE"}, false, `Bearer`},
	"a space and a tab":              {[]string{"Bearer \tLIVE"}, false, `Bearer error="invalid_token"`},
	"no space":                       {[]string{"BearerLIVE"}, false, `Bearer`},
	"a colon":                        {[]string{"Bearer: LIVE"}, false, `Bearer`},
	"an empty header":                {[]string{""}, false, `Bearer`},
	"the scheme alone":               {[]string{"Bearer"}, false, `Bearer`},
	"the scheme and a space":         {[]string{"Bearer "}, false, `Bearer error="invalid_token"`},
	"the token alone":                {[]string{"LIVE"}, false, `Bearer`},
	"another scheme":                 {[]string{"Token LIVE"}, false, `Bearer`},
	"a longer scheme":                {[]string{"Bearers LIVE"}, false, `Bearer`},
	"a shorter scheme":               {[]string{"Beare LIVE"}, false, `Bearer`},
	"a scheme of look-alike letters": {[]string{"Bеarer LIVE"}, false, `Bearer`},
	"Basic":                          {[]string{"Basic LIVE"}, false, `Bearer`},
	"DPoP":                           {[]string{"DPoP LIVE"}, false, `Bearer`},
	"a parameter":                    {[]string{"Bearer token=LIVE"}, false, `Bearer error="invalid_token"`},
	"quotes":                         {[]string{`Bearer "LIVE"`}, false, `Bearer error="invalid_token"`},
	"something behind it":            {[]string{"Bearer LIVE x"}, false, `Bearer error="invalid_token"`},
	"padding":                        {[]string{"Bearer LIVE="}, false, `Bearer error="invalid_token"`},
	"two in one header":              {[]string{"Bearer LIVE, Bearer LIVE"}, false, `Bearer error="invalid_token"`},
	"two tokens in one header":       {[]string{"Bearer LIVE OTHER"}, false, `Bearer error="invalid_token"`},
	"garbage":                        {[]string{"Bearer \x00\xff\r\nX: y"}, false, `Bearer error="invalid_token"`},
	"an oversized token":             {[]string{"Bearer LIVE" + strings.Repeat("A", 1<<20)}, false, `Bearer error="invalid_token"`},
	"an oversized scheme":            {[]string{strings.Repeat("B", 1<<20) + " LIVE"}, false, `Bearer`},
	"a thousand words":               {[]string{"Bearer" + strings.Repeat(" LIVE", 1000)}, false, `Bearer error="invalid_token"`},
	"the same header twice":          {[]string{"Bearer LIVE", "Bearer LIVE"}, false, `Bearer error="invalid_token"`},
	"another's header beside it":     {[]string{"Bearer LIVE", "Bearer OTHER"}, false, `Bearer error="invalid_token"`},
	"another's header before it":     {[]string{"Bearer OTHER", "Bearer LIVE"}, false, `Bearer error="invalid_token"`},
	"an empty header beside it":      {[]string{"", "Bearer LIVE"}, false, `Bearer error="invalid_token"`},
	"Basic beside it":                {[]string{"Basic YTpi", "Bearer LIVE"}, false, `Bearer error="invalid_token"`},
	"a thousand headers":             {make([]string, 1000), false, `Bearer error="invalid_token"`},
}

// asks sends a request whose Authorization headers are these.
func (a *app) asks(path string, lines []string) *response {
	r := httptest.NewRequest(http.MethodGet, "http://app.example"+path, nil)
	r.Header["Authorization"] = lines
	w := httptest.NewRecorder()
	a.router.ServeHTTP(w, r)
	return &response{w, a.browser(), "GET " + path}
}

func TestTheAuthorizationHeader(t *testing.T) {
	t.Parallel()
	for _, w := range []*way{bearerWay, bearerWithKeys} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			a, _ := newPeopleApp(t, w.config)
			alice, bob := a.arrives(w, 1), a.arrives(w, 2)
			tokens := strings.NewReplacer(liveWord, alice.token, "OTHER", bob.token)
			for what, tt := range authorizations {
				lines := make([]string, len(tt.lines))
				for i, line := range tt.lines {
					lines[i] = tokens.Replace(line)
				}
				u := a.asks("/", lines).want(http.StatusOK).wantNoCookie().shows()
				if got := u != nil && u.Name == "alice"; got != tt.signedIn || u != nil && !got {
					t.Errorf("%s: GET / shows %v; want alice = %t", what, u, tt.signedIn)
				}
				status := http.StatusOK
				if !tt.signedIn {
					status = http.StatusUnauthorized
				}
				a.asks("/me", lines).want(status).wantNoCookie().wantChallenge(tt.challenge)
			}
			alice.wantUser("alice", "after all of them")
		})
	}
}

// Of two headers it cannot be told who has put the second one there.
func TestTwoAuthorizationHeadersAreReported(t *testing.T) {
	t.Parallel()
	for what, second := range map[string]string{"the same": "Bearer LIVE", "another's": "Bearer OTHER", "Basic": "Basic YTpi", "an empty one": ""} {
		t.Run(what, func(t *testing.T) {
			events := &journal{}
			wayBubble(t, bearerWay, func(c *powgin.Config[User]) { c.OnEvent = events.on }, func(a *app, _ *people) {
				alice, bob := a.arrives(bearerWay, 1), a.arrives(bearerWay, 2)
				second := strings.NewReplacer(liveWord, alice.token, "OTHER", bob.token).Replace(second)
				for range 3 {
					a.asks("/me", []string{"Bearer " + alice.token, second}).want(http.StatusUnauthorized)
				}
				if n := events.times("duplicate_cookie"); n != 1 {
					t.Errorf("%d events within a minute; want 1", n)
				}
				time.Sleep(time.Minute)
				a.asks("/me", []string{second, "Bearer " + alice.token}).want(http.StatusUnauthorized)
				if n := events.times("duplicate_cookie"); n != 2 {
					t.Errorf("%d events after a minute; want 2", n)
				}
				alice.wantUser("alice", "with one header")
			})
		})
	}
}

// What is in an address ends up in logs and histories, and what is in a form or
// a cookie can be sent by another site. (RFC 6750, sections 2.2 and 2.3.)
func TestABearerTokenIsReadFromNowhereElse(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, bearer)
	a.router.POST("/", powgin.Handle(whoami))
	alice := a.arrives(bearerWay, 1)
	form := url.Values{"access_token": {alice.token}, "token": {alice.token}}.Encode()
	for what, change := range map[string]func(r *http.Request){
		"the query":                    func(r *http.Request) { r.URL.RawQuery = form },
		"a cookie of powgin's name":    func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "powgin", Value: alice.token}) },
		"a __Host- cookie":             func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "__Host-powgin", Value: alice.token}) },
		"a cookie named Authorization": func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "Authorization", Value: alice.token}) },
		"the user of the address":      func(r *http.Request) { r.SetBasicAuth("alice", alice.token) },
		"Proxy-Authorization":          func(r *http.Request) { r.Header.Set("Proxy-Authorization", "Bearer "+alice.token) },
		"X-Authorization":              func(r *http.Request) { r.Header.Set("X-Authorization", "Bearer "+alice.token) },
		"a trailer":                    func(r *http.Request) { r.Trailer = http.Header{"Authorization": {"Bearer " + alice.token}} },
		"the form":                     func(*http.Request) {},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://app.example/", strings.NewReader(form))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		change(r)
		w := httptest.NewRecorder()
		a.router.ServeHTTP(w, r)
		if u := (&response{w, a.browser(), "POST /"}).shows(); w.Code != http.StatusOK || u != nil {
			t.Errorf("the token in %s: POST / = %d and shows %v; want 200 and nobody", what, w.Code, u)
		}
	}
	alice.wantUser("alice", "with the token in the header")
}
