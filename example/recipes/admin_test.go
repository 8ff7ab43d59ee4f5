package recipes

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// openTool is the tool in a process of its own beside the site.
func openTool(t testing.TB, d gorm.Dialector) *AdminTool {
	t.Helper()
	tool, err := OpenAdminTool(dial(t, d))
	must(t, err)
	t.Cleanup(func() { _ = tool.Close() })
	return tool
}

func TestTheToolChangesWhatTheSiteShows(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		db := filled(t, d)
		s := newSite(t, db, sharedStore(t, db))
		alice, phone, bob := s.signedIn(1), s.signedIn(1), s.signedIn(2)
		tool := openTool(t, d)
		for _, plan := range []string{"pro", "team"} {
			must(t, tool.SetPlan(t.Context(), 1, plan))
			alice.wantMe(plan+" 0", "after SetPlan")
			phone.wantMe(plan+" 0", "after SetPlan, in another session")
		}
		bob.wantMe("free 0", "after SetPlan of another user")
		must(t, tool.Close())
		alice.wantMe("team 0", "after the tool has ended")
	})
}

func TestALockedUserIsSignedOutAndStaysOut(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		db := filled(t, d)
		s := newSite(t, db, sharedStore(t, db))
		alice, phone, bob := s.signedIn(1), s.signedIn(1), s.signedIn(2)
		tool := openTool(t, d)
		for range 2 { // calling it again does no harm
			must(t, tool.Lock(t.Context(), 1))
		}
		if left, err := s.auth.Sessions(t.Context(), "1"); err != nil || len(left) > 0 {
			t.Errorf("after Lock, before any request, the user has %d sessions, %v; want none", len(left), err)
		}
		alice.wantSignedOut("after Lock")
		phone.wantSignedOut("after Lock, in another session")
		bob.wantMe("free 0", "after Lock of another user")
		if status, body := alice.do(http.MethodPost, "/login/1"); status != http.StatusForbidden {
			t.Errorf("sign-in of a locked user = %d %s; want 403", status, body)
		}
		alice.wantSignedOut("after a sign-in that was refused")
	})
}

func TestTheToolRefusesADatabaseWithoutTheSitesAccounts(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		if _, err := OpenAdminTool(filled(t, d)); err == nil {
			t.Error("OpenAdminTool where no site has its accounts = nil; want an error")
		}
	})
}

// A copy of the type, or another Namespace, is another family of accounts: the row
// is changed, the site is not told, and nobody hears of it.
func TestAnAuthOfAnotherFamilyReachesNobody(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		db := filled(t, d)
		s := newSite(t, db, sharedStore(t, db))
		alice := s.signedIn(1)

		elsewhere := Settings(db, sharedStore(t, db))
		elsewhere.Namespace = "shop2"
		other, err := powgin.New(elsewhere)
		must(t, err)
		t.Cleanup(func() { _ = other.Close() })
		copied, err := powgin.New(powgin.Config[customer]{DB: db, Store: sharedStore(t, db), Namespace: "shop"})
		must(t, err)
		t.Cleanup(func() { _ = copied.Close() })

		must(t, db.Model(&User{ID: 1}).Update("plan", "pro").Error)
		must(t, other.Sync(t.Context(), User{ID: 1}))
		must(t, copied.Sync(t.Context(), customer{ID: 1}))
		alice.wantMe("free 0", "after syncs by Auths of other families")
		tool := openTool(t, d)
		must(t, tool.auth.Sync(t.Context(), User{ID: 1}))
		alice.wantMe("pro 0", "after the tool's")
	})
}

// Whoever writes an account drops the sessions that are over by their own times.
func TestATimeoutThatTheToolDoesNotShareEndsSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := cache.NewMemory(0)
		db := filled(t, ownSQLite(t))
		longer := func(cfg powgin.Config[User]) *powgin.Auth[User] {
			cfg.IdleTimeout, cfg.MaxAge = 4*time.Hour, powgin.NoMaxAge
			auth, err := powgin.New(cfg)
			must(t, err)
			t.Cleanup(func() { _ = auth.Close() })
			return auth
		}
		s := &site{t, db, longer(Settings(db, store)), gin.New()}
		s.routes()
		alice := s.signedIn(1)
		time.Sleep(time.Hour)
		must(t, longer(Settings(db, store)).Sync(t.Context(), User{ID: 1}))
		alice.wantMe("free 0", "after a tool with the site's times")
		must(t, newAuth(t, db, store).Sync(t.Context(), User{ID: 1}))
		alice.wantSignedOut("after a tool with the default of half an hour")
	})
}

// customer is a User of another name, on the same table.
type customer User

func (customer) TableName() string { return "users" }
