package main

import (
	"fmt"
	"net/http"
	"testing"
)

func TestAdminChangesAPlan(t *testing.T) {
	t.Parallel()
	app := setup(t)
	admin, alice := app.signedIn(t, "admin"), app.signedIn(t, "alice")
	before := alice.mustProfile()
	wantBody(t, admin.get("/admin/users"), "alice@example.com")
	r := admin.post(fmt.Sprintf("/admin/users/%d/plan", before.ID), "plan", "enterprise")
	wantRedirect(t, r, "/admin/users")
	wantBody(t, admin.get("/admin/users"), "alice@example.com is now on the plan enterprise.")
	after := alice.mustProfile()
	if after.Plan != "enterprise" || app.plan(t, "alice@example.com") != "enterprise" {
		t.Errorf("alice sees %q, the database has %q; want enterprise", after.Plan, app.plan(t, "alice@example.com"))
	}
	if after.Session.Hint == before.Session.Hint {
		t.Error("alice's session kept its token; want a new one at the next request")
	}
	if again := alice.mustProfile(); again != after {
		t.Errorf("a second request shows %+v; want %+v", again, after)
	}
}

func TestAdminRefuses(t *testing.T) {
	t.Parallel()
	app := setup(t)
	admin, alice := app.signedIn(t, "admin"), app.signedIn(t, "alice")
	id := alice.mustProfile().ID
	own := fmt.Sprintf("/admin/users/%d/plan", id)
	wantStatus(t, alice.post(own, "plan", "pro"), http.StatusForbidden)
	wantStatus(t, alice.get("/admin/users"), http.StatusForbidden)
	for _, bad := range []string{"0", "-1", "+1", "01", "1%20", "1.0", "nope", "999999999", "9223372036854775808", "99999999999999999999", "%00"} {
		wantStatus(t, admin.post("/admin/users/"+bad+"/plan", "plan", "pro"), http.StatusNotFound)
	}
	r := admin.post(own, "plan", "gold")
	wantStatus(t, r, http.StatusUnprocessableEntity)
	wantBody(t, r, "<form")
	if got := app.plan(t, "alice@example.com"); got != "free" {
		t.Errorf("the database has %q; want free", got)
	}
}

// Who is an admin is asked of the database: a copy in the cache may be older
// than the decision to take that right away.
func TestAdminIsAskedOfTheDatabase(t *testing.T) {
	t.Parallel()
	app := setup(t)
	admin := app.signedIn(t, "admin")
	wantStatus(t, admin.get("/admin/users"), http.StatusOK)
	if err := app.users.db.Exec("UPDATE users SET admin = false WHERE email = ?", "admin@example.com").Error; err != nil {
		t.Fatal(err)
	}
	wantStatus(t, admin.get("/admin/users"), http.StatusForbidden)
	wantStatus(t, admin.post("/admin/users/1/plan", "plan", "pro"), http.StatusForbidden)
}
