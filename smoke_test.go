package powgin_test

import (
	"net/http"
	"testing"
)

func TestAChangeOfPlanShowsAtOnceAndRegeneratesTheSession(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	alice, other := a.signIn(1), a.signIn(1)
	before := alice.get("/me").identity()
	old := alice.clone()
	alice.post("/plan/pro").want(http.StatusOK)
	after := alice.get("/me").identity()
	if after.User.Plan != "pro" || other.plan("/me") != "pro" {
		t.Errorf("the plan is %q here and %q in the other session; want pro", after.User.Plan, other.plan("/me"))
	}
	if old.token() == alice.token() {
		t.Error("the token is the same")
	}
	if before.Session.ID != after.Session.ID || before.Session.Hint == after.Session.Hint {
		t.Errorf("session %+v became %+v; want the same ID and another Hint", before.Session, after.Session)
	}
	alice.post("/signout").want(http.StatusOK)
	old.get("/me").want(http.StatusUnauthorized)
	alice.get("/me").want(http.StatusUnauthorized)
	other.get("/me").want(http.StatusOK)
	a.set(1, "plan", "team")
	if got := other.plan("/me"); got != "pro" {
		t.Errorf("cached plan = %q; want pro", got)
	}
	if got := other.plan("/reload"); got != "team" {
		t.Errorf("reloaded plan = %q; want team", got)
	}
	if got := other.plan("/me"); got != "pro" {
		t.Errorf("cached plan after a reload = %q; want pro", got)
	}
	if got := other.plan("/refresh") + other.plan("/me"); got != "teamteam" {
		t.Errorf("refreshed plans = %q; want teamteam", got)
	}
	if err := a.db.Delete(&User{}, 1).Error; err != nil {
		t.Fatal(err)
	}
	other.get("/require-reload").want(http.StatusUnauthorized)
	other.get("/me").want(http.StatusUnauthorized)
}
