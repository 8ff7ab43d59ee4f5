package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPasswordChangeEndsOthers(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v, other := app.signedIn(t, "alice"), app.signedIn(t, "alice")
	thief := app.thief(t, v)
	wantBody(t, v.get("/password"), "New password")
	before := v.currentSession()

	wantRedirect(t, v.post("/password", "current", "password-alice", "password", "a better one"), "/profile")
	wantBody(t, v.get("/profile"), "Password updated successfully.")
	if after := v.currentSession(); after.ID != before.ID || after.RenewedAt == before.RenewedAt {
		t.Errorf("the session is %+v; want %s with another token", after, before.ID)
	}
	if _, ok := other.profile(); ok {
		t.Error("the user's other session is alive")
	}
	if _, ok := thief.profile(); ok {
		t.Error("the replaced token is alive")
	}
	if r := app.visitor(t).signIn("alice@example.com", "password-alice"); r.status != http.StatusUnprocessableEntity {
		t.Errorf("sign-in with the old password = %s; want 422", r)
	}
	wantRedirect(t, app.visitor(t).signIn("alice@example.com", "a better one"), "/profile")
}

func TestPasswordChangeRefuses(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v, other := app.signedIn(t, "alice"), app.signedIn(t, "alice")
	before := v.currentSession()
	for _, row := range [][2]string{
		{"wrong", "long enough"},
		{"", "long enough"},
		{"password-bob", "long enough"},
		{"password-alice", ""},
		{"password-alice", "short"},
		{"password-alice", strings.Repeat("é", 7)},
		{"password-alice", strings.Repeat("p", passwordMax+1)},
	} {
		r := v.post("/password", "current", row[0], "password", row[1])
		wantStatus(t, r, http.StatusUnprocessableEntity)
		wantBody(t, r, `class="error"`)
		wantNoCookie(t, r)
	}
	if after := v.currentSession(); after != before {
		t.Errorf("the session is %+v; want it as it was: %+v", after, before)
	}
	other.mustProfile()
	wantRedirect(t, app.visitor(t).signIn("alice@example.com", "password-alice"), "/profile")
	wantRedirect(t, app.visitor(t).get("/password"), "/login?next="+url.QueryEscape("/password"))
	wantStatus(t, app.visitor(t).get("/password", asJSON), http.StatusUnauthorized)
}

// Whoever signed in a while ago is asked for the password once more, and comes
// back to where they were.
func TestPasswordNeedsARecentSignIn(t *testing.T) {
	t.Parallel()
	app := setupWith(t, func(cfg *config) { cfg.recent = time.Nanosecond })
	v := app.signedIn(t, "alice")
	wantRedirect(t, v.get("/password"), "/confirm?next=%2Fpassword")
	wantRedirect(t, v.post("/password", "current", "password-alice", "password", "a better one"), "/confirm")
	wantStatus(t, v.get("/password", asJSON), http.StatusUnauthorized)
	wantRedirect(t, app.visitor(t).signIn("alice@example.com", "password-alice"), "/profile")
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v := app.signedIn(t, "alice")
	thief, before := app.thief(t, v), v.currentSession()
	wantBody(t, v.get("/confirm?next=/plan"), `name="next" value="/plan"`)
	if r := v.get("/confirm?next=//evil.example"); strings.Contains(r.body, "evil") {
		t.Errorf("%s keeps a way back that leads elsewhere", r)
	}

	r := v.post("/confirm", "password", "password-bob", "next", "/plan")
	wantStatus(t, r, http.StatusUnprocessableEntity)
	wantBody(t, r, `name="next" value="/plan"`)
	wantNoCookie(t, r)

	wantRedirect(t, v.post("/confirm", "password", "password-alice", "next", "/plan"), "/plan")
	if after := v.currentSession(); after.ID == before.ID {
		t.Error("the session is the same; want a new one, as every sign-in makes")
	}
	if _, ok := thief.profile(); ok {
		t.Error("the session from before is alive")
	}
	wantRedirect(t, v.post("/confirm", "password", "password-alice", "next", "https://evil.example"), "/password")
	wantRedirect(t, app.visitor(t).get("/confirm"), "/login?next=%2Fconfirm")
}

// A browser that is asked to stays signed in beyond its own end.
func TestStaySignedIn(t *testing.T) {
	t.Parallel()
	app := setup(t)
	for _, row := range []struct {
		fields []string
		maxAge int
	}{
		{[]string{"email", "alice@example.com", "password", "password-alice"}, 0},
		{[]string{"email", "alice@example.com", "password", "password-alice", "remember", "on"}, 30 * 24 * 3600},
	} {
		r := app.visitor(t).post("/login", row.fields...)
		wantRedirect(t, r, "/profile")
		// The flash session gets a new cookie too, whose age is its own.
		tokens := slices.DeleteFunc(r.cookies, func(c *http.Cookie) bool { return c.Name == "example" })
		if len(tokens) != 1 || tokens[0].MaxAge > row.maxAge || tokens[0].MaxAge < row.maxAge-5 {
			t.Errorf("%s sets %v; want one token with Max-Age %d", r, r.header.Values("Set-Cookie"), row.maxAge)
		}
	}
	r := app.visitor(t).post("/login", "email", "alice@example.com", "password", "wrong", "remember", "on")
	wantBody(t, r, `name="remember" checked`)
}
