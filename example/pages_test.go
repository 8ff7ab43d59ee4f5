package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
)

func TestEveryPageHasItsHeaders(t *testing.T) {
	t.Parallel()
	app := setup(t)
	admin, guest := app.signedIn(t, "admin"), app.visitor(t)
	app.setPlanSQL(t, "admin@example.com", "pro")
	for _, r := range []reply{
		guest.get("/login"), guest.get("/profile"), guest.get("/nothing"), guest.do(http.MethodPut, "/profile", ""),
		admin.get("/profile"), admin.get("/profile", asJSON), admin.get("/plan"), admin.get("/sessions"),
		admin.get("/sessions", asJSON), admin.get("/pro"), admin.get("/admin/users"), admin.post("/plan", "plan", "no"),
	} {
		for name, want := range map[string]string{
			"Cache-Control":             "no-store",
			"Content-Security-Policy":   contentPolicy,
			"X-Content-Type-Options":    "nosniff",
			"Referrer-Policy":           "same-origin",
			"Strict-Transport-Security": "",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s: %s is %q; want %q", r, name, got, want)
			}
		}
		if strings.Contains(r.body, "<script") || strings.Contains(r.body, "style=") {
			t.Errorf("%s has script or style of its own, which the policy forbids", r)
		}
	}
}

func TestSecureSite(t *testing.T) {
	t.Parallel()
	app := setup(t, "COOKIE_SECURE=true")
	v := app.visitor(t)
	r := v.signIn("alice@example.com", "password-alice")
	if r.header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s has no Strict-Transport-Security", r)
	}
	r = v.do(http.MethodPost, "/plan", "plan=basic", asForm, "Cookie: "+r.cookies[0].Name+"="+r.cookies[0].Value)
	if len(r.cookies) != 2 {
		t.Fatalf("%s sets %d cookies; want the session's and the flash's", r, len(r.cookies))
	}
	for _, c := range r.cookies {
		if !c.Secure || !strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("%s sets %s; want Secure and the prefix __Host-", r, c.Raw)
		}
	}
}

func TestHeadAnswersLikeGet(t *testing.T) {
	t.Parallel()
	app := setup(t)
	guest, member := app.visitor(t), app.signedIn(t, "alice")
	for _, v := range []*visitor{guest, member} {
		for _, path := range []string{"/", "/healthz", "/login", "/profile", "/plan", "/live", "/sessions", "/pro", "/admin/users", "/static/style.css", scriptURL} {
			get, head := v.get(path), v.do(http.MethodHead, path, "")
			if head.status != get.status || head.body != "" || head.header.Get("Location") != get.header.Get("Location") {
				t.Errorf("HEAD %s = %d to %q; want %d to %q, as GET has it", path, head.status, head.header.Get("Location"), get.status, get.header.Get("Location"))
			}
		}
	}
}

func TestOtherMethodsAndPaths(t *testing.T) {
	t.Parallel()
	v := setup(t).signedIn(t, "alice")
	for _, row := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/nothing", 404}, {"GET", "/profile/", 404}, {"GET", "/static/", 404}, {"GET", "/static/..%2fmain.go", 404},
		{"POST", "/nothing", 404}, {"PUT", "/plan", 405}, {"DELETE", "/sessions", 405}, {"POST", "/profile", 405},
		{"GET", "/logout", 405}, {"GET", "/logout-all", 405}, {"GET", "/admin/users/1/plan", 405}, {"TRACE", "/profile", 405},
	} {
		r := v.do(row.method, row.path, "")
		wantStatus(t, r, row.want)
		wantBody(t, r, http.StatusText(row.want))
		wantStatus(t, v.do(row.method, row.path, "", asJSON), row.want)
	}
	v.mustProfile()
}

func TestErrorsAsJSON(t *testing.T) {
	t.Parallel()
	v := setup(t).visitor(t)
	for path, want := range map[string]int{"/nothing": 404, "/profile": 401} {
		r := v.get(path, asJSON)
		wantStatus(t, r, want)
		var body map[string]string
		if err := json.Unmarshal([]byte(r.body), &body); err != nil || body["error"] == "" {
			t.Errorf("%s answers %q; want an error in JSON", r, r.body)
		}
	}
}

func TestFormsFromElsewhereAreRefused(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v := app.signedIn(t, "alice")
	r := v.do(http.MethodPost, "/plan", "plan=pro", asForm, asHTML, "Sec-Fetch-Site: cross-site")
	wantStatus(t, r, http.StatusForbidden)
	r = v.do(http.MethodPost, "/login", "email=bob@example.com&password=password-bob", asForm, "Origin: https://evil.example")
	wantStatus(t, r, http.StatusForbidden)
	if got := v.mustProfile(); got.Email != "alice@example.com" || got.Plan != "free" {
		t.Errorf("the profile is %+v; want alice on free", got)
	}
}

func TestStyleSheetMayBeKept(t *testing.T) {
	t.Parallel()
	v := setup(t).visitor(t)
	wantBody(t, v.get("/login"), `href="`+styleURL+`"`)
	r := v.get(styleURL)
	wantStatus(t, r, http.StatusOK)
	if got := r.header.Get("Content-Type"); got != "text/css; charset=utf-8" {
		t.Errorf("Content-Type is %q; want text/css; charset=utf-8", got)
	}
	if got := r.header.Get("Cache-Control"); got != "public, max-age=86400" {
		t.Errorf("Cache-Control is %q; want public, max-age=86400", got)
	}
	wantNoCookie(t, r)
}

func TestPanicIsAnErrorPage(t *testing.T) {
	t.Parallel()
	engine := gin.New()
	engine.Use(recovery, securityHeaders(false))
	engine.GET("/", func(*gin.Context) { panic("secret of the inside") })
	w := httptest.NewRecorder()
	engine.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("a panic = %d, %q; want 500 and nothing of the inside", w.Code, w.Body)
	}
}

func TestPlanInDatabaseIsShownEscaped(t *testing.T) {
	t.Parallel()
	app := setup(t, "RELOAD=true")
	admin := app.signedIn(t, "admin")
	app.setPlanSQL(t, "admin@example.com", `<script>alert(1)</script>`)
	for _, path := range []string{"/profile", "/plan", "/sessions", "/pro", "/admin/users"} {
		if r := admin.get(path); strings.Contains(r.body, "<script") {
			t.Errorf("%s shows the plan unescaped", r)
		}
	}
}
