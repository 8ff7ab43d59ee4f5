package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPlanChange(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v, other := app.signedIn(t, "alice"), app.signedIn(t, "alice")
	before := v.mustProfile()
	r := v.post("/plan", "plan", "team")
	wantRedirect(t, r, "/profile")
	if got := app.plan(t, "alice@example.com"); got != "team" {
		t.Errorf("the database has %q; want team", got)
	}
	if got := app.plan(t, "bob@example.com"); got != "free" {
		t.Errorf("bob has %q in the database; want free", got)
	}
	after := v.mustProfile()
	if after.Plan != "team" {
		t.Errorf("the profile shows %q; want team", after.Plan)
	}
	if after.Session.Hint == before.Session.Hint {
		t.Error("the token is the old one; want a new one")
	}
	if after.Session.CreatedAt != before.Session.CreatedAt {
		t.Errorf("created_at moved from %s to %s", before.Session.CreatedAt, after.Session.CreatedAt)
	}
	if got := other.mustProfile().Plan; got != "team" {
		t.Errorf("the user's other session shows %q; want team", got)
	}
}

func TestFlashIsShownOnce(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"cookie", "memstore", "gorm"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			wantFlashOnce(t, store)
		})
	}
}

func wantFlashOnce(t *testing.T, store string) {
	t.Helper()
	const message = "Plan updated successfully."
	app := setup(t, "SESSIONS="+store)
	v := app.signedIn(t, "alice")
	wantNoCookie(t, v.get("/profile"))
	for range 100 { // unseen messages do not pile up
		wantRedirect(t, v.post("/plan", "plan", "basic"), "/profile")
	}
	r := v.post("/plan", "plan", "team")
	names := map[string]int{}
	for _, c := range r.cookies {
		names[c.Name]++
		if !c.HttpOnly || c.Path != "/" || c.SameSite != http.SameSiteLaxMode || c.Domain != "" {
			t.Errorf("%s sets %s; want HttpOnly, SameSite=Lax, Path=/ and no Domain", r, c.Raw)
		}
	}
	for name, n := range names {
		if n > 1 {
			t.Errorf("%s sets %s %d times", r, name, n)
		}
	}
	wantNoCookie(t, v.get("/profile", asJSON))
	wantNoCookie(t, v.do(http.MethodHead, "/profile", ""))
	r = v.get("/profile")
	if got := strings.Count(r.body, message); got != 1 {
		t.Errorf("%s shows the message %d times; want once", r, got)
	}
	r = v.get("/profile")
	if strings.Contains(r.body, message) {
		t.Errorf("%s shows the message again", r)
	}
	wantNoCookie(t, r)
}

func TestInvalidPlanChangesNothing(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v := app.signedIn(t, "alice")
	before := v.mustProfile()
	const form = "application/x-www-form-urlencoded"
	for _, row := range []struct {
		contentType, body string
		want              int
	}{
		{form, "plan=gold", 422},
		{form, "plan=", 422},
		{form, "plan=PRO", 422},
		{form, "plan=pro%00", 422},
		{form, "", 422},
		{form, "plan=%3Cscript%3Ealert(1)%3C/script%3E", 422},
		{form, "plan=%zz", 400},
		{form, "plan=" + strings.Repeat("p", formLimit), 413},
		{"application/json", `{"plan":"pro"}`, 422},
		{"multipart/form-data; boundary=x", "--x\r\nnonsense", 422},
		{"text/plain", "plan=pro", 422},
	} {
		r := v.do(http.MethodPost, "/plan?plan=pro", row.body, "Content-Type: "+row.contentType)
		wantStatus(t, r, row.want)
		wantNoCookie(t, r)
		if row.want == 422 && !strings.Contains(r.body, "<form") {
			t.Errorf("%s with %.20q: the form is missing", r, row.body)
		}
		if strings.Contains(r.body, "<script") {
			t.Errorf("%s shows a script", r)
		}
	}
	if got := v.mustProfile(); got != before {
		t.Errorf("the profile is %+v; want %+v", got, before)
	}
	if got := app.plan(t, "alice@example.com"); got != "free" {
		t.Errorf("the database has %q; want free", got)
	}
}

// The profile keeps the cached plan, /pro asks the database.
func TestProAsksTheDatabase(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v := app.signedIn(t, "alice")
	wantStatus(t, v.get("/pro"), http.StatusForbidden)
	app.setPlanSQL(t, "alice@example.com", "pro")
	r := v.get("/pro")
	wantStatus(t, r, http.StatusOK)
	wantBody(t, r, "Read from the database.")
	r = v.get("/profile")
	wantBody(t, r, "Served from the cache.")
	if got := v.mustProfile().Plan; got != "free" {
		t.Errorf("the profile shows %q; want the cached free", got)
	}
	app.setPlanSQL(t, "alice@example.com", "free")
	wantStatus(t, v.get("/pro"), http.StatusForbidden)
}

func TestReloadAsksTheDatabaseEverywhere(t *testing.T) {
	t.Parallel()
	app := setup(t, "RELOAD=true")
	v := app.signedIn(t, "alice")
	for _, plan := range []string{"team", "pro"} {
		app.setPlanSQL(t, "alice@example.com", plan)
		if got := v.mustProfile().Plan; got != plan {
			t.Errorf("the profile shows %q; want %q", got, plan)
		}
	}
	wantBody(t, v.get("/profile"), "Read from the database.")
}

func TestDeletedUserIsSignedOut(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/pro", "/plan"} {
		app := setup(t)
		v := app.signedIn(t, "bob")
		if err := app.users.db.Where("email = ?", "bob@example.com").Delete(&User{}).Error; err != nil {
			t.Fatal(err)
		}
		r := v.get("/pro", asJSON)
		if path == "/plan" {
			r = v.do(http.MethodPost, path, "plan=pro", asForm, asJSON)
		}
		if r.status < 400 || r.status >= 500 {
			t.Errorf("%s = %d for a deleted user; want a refusal", r, r.status)
		}
		if _, ok := v.profile(); ok {
			t.Errorf("a deleted user is signed in after %s", r)
		}
	}
}

// A database that fails is 503, in time and without a word about the inside;
// nobody is signed out by it.
func TestDatabaseFailureIsUnavailable(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v, admin := app.signedIn(t, "alice"), app.signedIn(t, "admin")
	db := app.users.db
	if err := db.Exec("ALTER TABLE users RENAME TO gone").Error; err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for _, r := range []reply{
		v.post("/plan", "plan", "pro"),
		v.get("/pro"),
		admin.get("/admin/users"),
		admin.post("/admin/users/1/plan", "plan", "pro"),
		app.visitor(t).signIn("alice@example.com", "password-alice"),
	} {
		wantStatus(t, r, http.StatusServiceUnavailable)
		wantNoCookie(t, r)
		if r.header.Get("Retry-After") == "" || r.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: Retry-After %q, Cache-Control %q; want some, no-store", r, r.header.Get("Retry-After"), r.header.Get("Cache-Control"))
		}
		if strings.Contains(r.body, "users") || strings.Contains(r.body, "SQL") {
			t.Errorf("%s tells of the inside", r)
		}
	}
	if took := time.Since(begin); took > 5*3*time.Second {
		t.Errorf("the answers took %v", took)
	}
	if err := db.Exec("ALTER TABLE gone RENAME TO users").Error; err != nil {
		t.Fatal(err)
	}
	if got := v.mustProfile().Plan; got != "free" {
		t.Errorf("the profile shows %q; want free", got)
	}
}
