package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const jsonBody = "Content-Type: application/json"

// program is a visitor that keeps no cookies and sends its token with each
// request.
type program struct {
	*visitor
	token string
}

// program has signed in as the demo user of that name.
func (a *testApp) program(t testing.TB, name string) *program {
	t.Helper()
	v := a.visitor(t)
	v.client.Jar = nil
	form := url.Values{"email": {name + demoDomain}, "password": {"password-" + name}}
	r := v.do(http.MethodPost, "/login", form.Encode(), asForm, asJSON)
	return &program{v, v.handedOut(r)}
}

// handedOut returns the token of an answer that has to hold one.
func (v *visitor) handedOut(r reply) string {
	v.t.Helper()
	var got map[string]string
	v.decode(r, &got)
	if len(got) != 1 || got["token"] == "" {
		v.t.Fatalf("%s has the body %q; want a token and nothing else", r, r.body)
	}
	if cache := r.header.Get("Cache-Control"); cache != "no-store" {
		v.t.Errorf("%s with a token has Cache-Control %q; want no-store", r, cache)
	}
	if kind := r.header.Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		v.t.Errorf("%s with a token is %q; want JSON", r, kind)
	}
	return got["token"]
}

func (p *program) get(path string, headers ...string) reply {
	p.t.Helper()
	return p.visitor.get(path, append(headers, "Authorization: Bearer "+p.token)...)
}

func (p *program) post(path, form string, headers ...string) reply {
	p.t.Helper()
	return p.do(http.MethodPost, path, form, append(headers, asForm, "Authorization: Bearer "+p.token)...)
}

// email is whose token it is; "" for nobody's.
func (p *program) email() string {
	p.t.Helper()
	r := p.get("/profile", asJSON)
	if r.status == http.StatusUnauthorized {
		return ""
	}
	var profile profileReply
	p.decode(r, &profile)
	return profile.Email
}

func TestBearerSignInHandsOutTheToken(t *testing.T) {
	t.Parallel()
	app := setup(t, "TRANSPORT=bearer")
	const form, object = "email=alice%40example.com&password=password-alice", `{"email":"alice@example.com","password":"password-alice"}`
	for _, row := range []struct {
		name, body string
		headers    []string
	}{
		{"a JSON object", object, []string{jsonBody, asJSON}},
		{"a JSON object in UTF-8", object, []string{jsonBody + "; charset=utf-8", asJSON}},
		{"a JSON object that asks for nothing", object, []string{jsonBody}},
		{"a form that asks for JSON", form, []string{asForm, asJSON}},
		{"a form that asks for nothing", form, []string{asForm}},
		{"a browser's form", form, []string{asForm, asHTML}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			v := app.visitor(t)
			r := v.do(http.MethodPost, "/login", row.body, row.headers...)
			wantNoCookie(t, r)
			p := &program{v, v.handedOut(r)}
			if got := p.email(); got != "alice@example.com" {
				t.Errorf("the token is of %q; want alice@example.com", got)
			}
			if _, ok := v.profile(); ok {
				t.Error("without the token the client is signed in; want nobody")
			}
		})
	}
}

func TestBearerSignInRefusesAllAlike(t *testing.T) {
	t.Parallel()
	v := setup(t, "TRANSPORT=bearer").visitor(t)
	const want = `{"error":"This e-mail address and password do not belong together."}`
	for _, body := range []string{
		`{"email":"alice@example.com","password":"wrong"}`,
		`{"email":"nobody@example.com","password":"password-alice"}`,
		`{"email":"alice@example.com"}`,
		`{"email":"alice@example.com\u0000","password":"password-alice"}`,
		`{}`,
		`null`,
	} {
		r := v.do(http.MethodPost, "/login", body, jsonBody, asJSON)
		wantStatus(t, r, http.StatusUnprocessableEntity)
		wantNoCookie(t, r)
		if r.body != want {
			t.Errorf("%s with %s = %s; want %s", r, body, r.body, want)
		}
	}
	r := v.do(http.MethodPost, "/login", "email=alice%40example.com&password=wrong", asForm, asJSON)
	wantStatus(t, r, http.StatusUnprocessableEntity)
	if r.body != want {
		t.Errorf("%s with a form = %s; want %s", r, r.body, want)
	}
	r = v.do(http.MethodPost, "/login", "email=alice%40example.com&password=wrong", asForm, asHTML)
	wantStatus(t, r, http.StatusUnprocessableEntity)
	wantBody(t, r, "<form")
}

func TestSignInTakesNoDamagedJSON(t *testing.T) {
	t.Parallel()
	for _, transport := range []string{"cookie", "insession", "bearer"} {
		v := setup(t, "TRANSPORT="+transport).visitor(t)
		for _, row := range []struct {
			body string
			want int
		}{
			{"", http.StatusBadRequest},
			{"email=alice%40example.com&password=password-alice", http.StatusBadRequest},
			{`{"email":"alice@example.com","password":"password-alice"} {}`, http.StatusBadRequest},
			{`{"email":["alice@example.com"],"password":"password-alice"}`, http.StatusBadRequest},
			{`{"email":"` + strings.Repeat("a", formLimit) + `"}`, http.StatusRequestEntityTooLarge},
		} {
			r := v.do(http.MethodPost, "/login", row.body, jsonBody)
			wantStatus(t, r, row.want)
			wantNoCookie(t, r)
			wantError(t, r)
		}
	}
}

// A site with cookies takes the object as well, and hands out no token.
func TestJSONSignInWithCookies(t *testing.T) {
	t.Parallel()
	v := setup(t).visitor(t)
	r := v.do(http.MethodPost, "/login?next=/plan", `{"email":"bob@example.com","password":"password-bob"}`, jsonBody, asJSON)
	wantRedirect(t, r, "/plan")
	if r.body != "" {
		t.Errorf("%s has the body %q; want none", r, r.body)
	}
	if got := v.mustProfile().Email; got != "bob@example.com" {
		t.Errorf("the profile is of %q; want bob@example.com", got)
	}
}

// wantError wants a JSON object with one message, for people.
func wantError(t testing.TB, r reply) {
	t.Helper()
	var got map[string]string
	if err := json.Unmarshal([]byte(r.body), &got); err != nil || len(got) != 1 || got["error"] == "" {
		t.Errorf("%s has the body %.80q; want JSON with the one field error", r, r.body)
	}
}

// A program is never sent to a page to sign in.
func TestBearerWithoutTokenIsRefused(t *testing.T) {
	t.Parallel()
	app := setup(t, "TRANSPORT=bearer")
	v := app.visitor(t)
	wantStatus(t, v.get("/login", asHTML), http.StatusOK)
	for _, path := range []string{"/profile", "/plan", "/sessions", "/password", "/pro", "/admin/users"} {
		for _, accept := range []string{"Accept: */*", asJSON, asHTML} {
			r := v.get(path, accept)
			wantStatus(t, r, http.StatusUnauthorized)
			wantNoCookie(t, r)
			if to, challenge := r.header.Get("Location"), r.header.Get("WWW-Authenticate"); to != "" || challenge != "Bearer" {
				t.Errorf("%s: Location %q, WWW-Authenticate %q; want none, Bearer", r, to, challenge)
			}
			if accept != asHTML {
				wantError(t, r)
			}
		}
	}
	forged := &program{v, "nonsense"}
	if got := forged.get("/profile").header.Get("WWW-Authenticate"); !strings.Contains(got, "invalid_token") {
		t.Errorf("with a forged token WWW-Authenticate is %q; want invalid_token", got)
	}
}

func TestBearerPlanChange(t *testing.T) {
	t.Parallel()
	app := setup(t, "TRANSPORT=bearer")
	p, other := app.program(t, "alice"), app.program(t, "alice")
	wantRedirect(t, p.post("/plan", "plan=pro"), "/profile")
	for _, with := range []*program{p, other} {
		var profile profileReply
		with.decode(with.get("/profile", asJSON), &profile)
		if profile.Plan != "pro" {
			t.Errorf("the profile shows %q; want pro", profile.Plan)
		}
	}
	wantStatus(t, p.get("/pro"), http.StatusOK)
	wantStatus(t, p.get("/admin/users"), http.StatusForbidden)
}

func TestBearerSessionsEnd(t *testing.T) {
	t.Parallel()
	app := setup(t, "TRANSPORT=bearer")
	first, second, third := app.program(t, "alice"), app.program(t, "alice"), app.program(t, "alice")
	bob := app.program(t, "bob")

	wantRedirect(t, first.post("/logout", ""), "/login")
	if got := first.email(); got != "" {
		t.Errorf("after sign-out the token is of %s; want nobody", got)
	}
	if got := second.email(); got == "" {
		t.Error("sign-out ended another session too")
	}
	wantRedirect(t, second.post("/logout-all", ""), "/login")
	if got := third.email(); got != "" {
		t.Errorf("after signing out everywhere a token is of %s; want nobody", got)
	}
	if got := bob.email(); got == "" {
		t.Error("bob is signed out as well")
	}
}

// Signing in once more replaces the token, so the new one is handed out.
func TestBearerConfirmHandsOutTheToken(t *testing.T) {
	t.Parallel()
	p := setup(t, "TRANSPORT=bearer").program(t, "alice")
	again := &program{p.visitor, p.handedOut(p.post("/confirm", "password=password-alice"))}
	if got := again.email(); got != "alice@example.com" {
		t.Errorf("the new token is of %q; want alice@example.com", got)
	}
	if got := p.email(); got != "" {
		t.Errorf("the replaced token is of %s; want nobody", got)
	}
}

func TestBearerPasswordChangeEndsOthers(t *testing.T) {
	t.Parallel()
	app := setup(t, "TRANSPORT=bearer")
	p, other := app.program(t, "alice"), app.program(t, "alice")
	wantRedirect(t, p.post("/password", "current=password-alice&password=a+better+one"), "/profile")
	if p.email() == "" {
		t.Error("the session that changed the password is over")
	}
	if got := other.email(); got != "" {
		t.Errorf("the other session is of %s; want nobody", got)
	}
}

// A form that was filled in wrongly is told in JSON to who wants that, and shown
// again to the others.
func TestFaultsAreToldInJSON(t *testing.T) {
	t.Parallel()
	app := setup(t)
	admin := app.signedIn(t, "admin")
	for _, row := range [][2]string{
		{"/login", "email=nobody%40example.com&password=x"},
		{"/plan", "plan=gold"},
		{"/password", "current=wrong&password=a+better+one"},
		{"/confirm", "password=wrong"},
		{userPath(1, "plan"), "plan=gold"},
	} {
		r := admin.do(http.MethodPost, row[0], row[1], asForm, asJSON)
		wantStatus(t, r, http.StatusUnprocessableEntity)
		wantError(t, r)
		r = admin.do(http.MethodPost, row[0], row[1], asForm, asHTML)
		wantStatus(t, r, http.StatusUnprocessableEntity)
		wantBody(t, r, "<form")
	}
}
