package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/powgin/powgin"
)

func TestExplainPages(t *testing.T) {
	t.Parallel()
	app := setup(t)
	admin, alice := app.signedIn(t, "admin"), app.signedIn(t, "alice")
	id := alice.mustProfile().ID
	alice.post("/plan", "plan", "basic")

	r := admin.get("/admin/explain")
	wantStatus(t, r, http.StatusOK)
	wantBody(t, r, "The user was read for this request")
	wantBody(t, r, "reload")
	wantBody(t, r, "this request")

	r = admin.get(userPath(id, "explain"))
	wantStatus(t, r, http.StatusOK)
	wantBody(t, r, "alice@example.com")
	wantBody(t, r, alice.mustProfile().Session.Hint)
	wantBody(t, r, "1 in grace, 0 dead")

	var account powgin.AccountExplanation
	admin.decode(admin.get(userPath(id, "explain"), asJSON), &account)
	if !account.Cached || len(account.Sessions) != 1 || account.Sessions[0].ID != alice.currentSession().ID {
		t.Errorf("the account is explained as %+v; want a cached user and alice's one session", account)
	}
}

func TestExplainIsForAdmins(t *testing.T) {
	t.Parallel()
	app := setup(t)
	alice, guest := app.signedIn(t, "alice"), app.visitor(t)
	for _, path := range []string{"/admin/explain", userPath(1, "explain")} {
		wantStatus(t, alice.get(path), http.StatusForbidden)
		wantStatus(t, guest.get(path, asJSON), http.StatusUnauthorized)
	}
	admin := app.signedIn(t, "admin")
	for _, path := range []string{"/admin/users/99/explain", "/admin/users/x/explain", "/admin/users/01/explain"} {
		wantStatus(t, admin.get(path), http.StatusNotFound)
	}
}

// What is explained proves nothing to anyone.
func TestExplainTellsNoSecrets(t *testing.T) {
	t.Parallel()
	app := setup(t)
	admin := app.signedIn(t, "admin")
	for _, path := range []string{"/admin/explain", userPath(admin.mustProfile().ID, "explain")} {
		for _, accept := range []string{asHTML, asJSON} {
			r := admin.get(path, accept)
			for _, c := range admin.client.Jar.Cookies(r.url(t, app)) {
				if strings.Contains(r.body, c.Value) {
					t.Errorf("%s shows the cookie %s", r, c.Name)
				}
			}
			if strings.Contains(r.body, "$2a$") {
				t.Errorf("%s shows a password's hash", r)
			}
		}
	}
}

func TestSessionsForPrograms(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v, other, third := app.signedIn(t, "alice"), app.signedIn(t, "alice"), app.signedIn(t, "alice")
	var list []powgin.SessionInfo
	v.decode(v.get("/api/sessions"), &list)
	if len(list) != 3 || list[0].Metadata["browser"] == "" || list[0].Methods[0] != "password" {
		raw, _ := json.Marshal(list)
		t.Fatalf("the sessions are %s; want three, with their browsers and methods", raw)
	}
	wantStatus(t, v.do(http.MethodDelete, "/api/sessions/"+other.currentSession().ID, ""), http.StatusNoContent)
	if _, ok := other.profile(); ok {
		t.Error("the revoked session is alive")
	}
	wantStatus(t, v.do(http.MethodDelete, "/api/sessions", ""), http.StatusNoContent)
	if _, ok := third.profile(); ok {
		t.Error("another session is alive after all others were ended")
	}
	v.mustProfile()
	wantStatus(t, app.visitor(t).get("/api/sessions"), http.StatusSeeOther)
}

func TestRevokeOthers(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v, other := app.signedIn(t, "alice"), app.signedIn(t, "alice")
	wantBody(t, v.get("/sessions"), "Sign out all others")
	wantRedirect(t, v.post("/sessions/others/revoke"), "/sessions")
	wantBody(t, v.get("/sessions"), "All other sessions are signed out.")
	if _, ok := other.profile(); ok {
		t.Error("the other session is alive")
	}
	v.mustProfile()
}
