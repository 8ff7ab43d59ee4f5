package main

import (
	"net/http"
	"path/filepath"
	"testing"
)

// CACHE=gorm keeps sessions where several processes find them, and a restart
// ends none.
func TestSessionsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	database, secret := filepath.Join(t.TempDir(), "shared.db"), "SESSION_SECRET=a secret of thirty-two bytes ..."
	start := func() *testApp {
		return setupWith(t, func(cfg *config) { cfg.database = database }, "CACHE=gorm", secret)
	}
	first := start()
	alice := first.signedIn(t, "alice")
	second := start()
	there := second.thief(t, alice)
	wantStatus(t, there.get("/profile"), http.StatusOK)

	wantStatus(t, alice.post("/plan", "plan", "pro"), http.StatusSeeOther)
	wantBody(t, there.get("/profile"), "Pro")

	first.close()
	third := start()
	again := third.thief(t, alice)
	wantStatus(t, again.get("/profile"), http.StatusOK)
	wantStatus(t, again.post("/logout"), http.StatusSeeOther)
	wantStatus(t, there.get("/profile"), http.StatusSeeOther)
}
