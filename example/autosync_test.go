package main

import (
	"testing"

	"gorm.io/gorm"
)

// With AUTOSYNC whatever code changes a user through GORM, no handler having called
// SyncUser, the next page shows it; without, the cached copy stays.
func TestAutosync(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ autosync, want string }{{"true", "team"}, {"false", "free"}} {
		for _, cache := range []string{"memory", "gorm"} {
			t.Run("AUTOSYNC="+row.autosync+" CACHE="+cache, func(t *testing.T) {
				t.Parallel()
				app := setup(t, "AUTOSYNC="+row.autosync, "CACHE="+cache)
				v := app.signedIn(t, "alice")
				if got := v.mustProfile().Plan; got != "free" {
					t.Fatalf("the plan is %q; want free", got)
				}
				err := app.site.users.db.Transaction(func(tx *gorm.DB) error {
					return tx.Model(&User{}).Where("email = ?", "alice@example.com").Update("plan", "team").Error
				})
				if err != nil {
					t.Fatal(err)
				}
				if got := v.mustProfile().Plan; got != row.want {
					t.Errorf("after a write that nobody synced /profile shows %q; want %q", got, row.want)
				}
			})
		}
	}
}
