package main

import (
	"net/http"
	"strings"
	"testing"
)

func TestSessionsPage(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v, other := app.signedIn(t, "alice"), app.signedIn(t, "alice")
	before := v.currentSession()
	v.post("/plan", "plan", "basic")
	after := v.currentSession()
	if after.ID != before.ID || after.CreatedAt != before.CreatedAt {
		t.Errorf("the session is %+v; want the id and created_at of %+v", after, before)
	}
	if after.RenewedAt == before.RenewedAt {
		t.Error("renewed_at did not move")
	}
	r := v.get("/sessions")
	wantStatus(t, r, http.StatusOK)
	if got := strings.Count(r.body, "this device"); got != 1 {
		t.Errorf("%s marks %d sessions as this device; want 1", r, got)
	}
	wantBody(t, r, "/sessions/"+other.currentSession().ID+"/revoke")
}

func TestRevokeSession(t *testing.T) {
	t.Parallel()
	app := setup(t)
	v, other, bob := app.signedIn(t, "alice"), app.signedIn(t, "alice"), app.signedIn(t, "bob")
	for _, id := range []string{bob.currentSession().ID, "nope", "0", "%00", "%ff", strings.Repeat("a", 2000)} {
		wantStatus(t, v.post("/sessions/"+id+"/revoke"), http.StatusNotFound)
	}
	bob.mustProfile()
	wantRedirect(t, v.post("/sessions/"+other.currentSession().ID+"/revoke"), "/sessions")
	if _, ok := other.profile(); ok {
		t.Error("the revoked session is alive")
	}
	if got := len(v.sessions()); got != 1 {
		t.Errorf("%d sessions are listed; want 1", got)
	}
	wantBody(t, v.get("/sessions"), "That session is signed out.")
}
