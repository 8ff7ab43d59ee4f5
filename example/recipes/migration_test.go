package recipes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

const (
	manyUsers = 3000
	batchSize = 500
)

// crowd is a site with many users, of whom some are signed in.
type crowd struct {
	*site
	migrating *gorm.DB // another process's
	browsers  []*browser
	during    int // batches that were looked at while they ran
}

func newCrowd(t testing.TB, d gorm.Dialector, store func(testing.TB, *gorm.DB) cache.Store) *crowd {
	t.Helper()
	db := filled(t, d)
	users := make([]User, manyUsers)
	for i := range users {
		users[i] = User{Email: fmt.Sprintf("user%d@example.com", i), Plan: "basic"}
	}
	must(t, db.CreateInBatches(users, 1000).Error)
	c := &crowd{site: newSite(t, db, store(t, db)), migrating: dial(t, d)}
	for i := 0; i < manyUsers; i += manyUsers / 20 {
		c.browsers = append(c.browsers, c.signedIn(users[i].ID))
	}
	return c
}

// while has everybody look at their page while each batch is in its transaction.
func (c *crowd) while(look func()) {
	c.Helper()
	must(c, c.migrating.Callback().Update().After("gorm:update").Before("gorm:commit_or_rollback_transaction").Register("test:while", func(tx *gorm.DB) {
		if tx.RowsAffected > batchSize {
			c.Errorf("a batch has %d rows; want at most %d", tx.RowsAffected, batchSize)
		}
		c.during++
		look()
	}))
}

// wantShown holds that everybody is signed in and sees what the row has.
func (c *crowd) wantShown(want, when string) {
	c.Helper()
	for _, b := range c.browsers {
		b.wantMe(want, when)
	}
}

func (c *crowd) wantMigrated() {
	c.Helper()
	var left, right int64
	must(c, c.db.Model(&User{}).Where("plan = ?", "basic").Count(&left).Error)
	must(c, c.db.Model(&User{}).Where("plan = ?", "starter").Count(&right).Error)
	if left != 0 || right != manyUsers {
		c.Errorf("%d users have the old plan and %d the new one; want 0 and %d", left, right, manyUsers)
	}
	if c.during < manyUsers/batchSize {
		c.Errorf("it took %d statements; want one for each batch of %d", c.during, batchSize)
	}
}

func TestAMigrationShowsToEverybodyWhenItIsOver(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		store := stores["in the database"]
		if d.Name() == "sqlite" {
			store = stores["in the process"] // the process that migrates is the site's then
		}
		c := newCrowd(t, d, store)
		tokens := c.tokens()
		before := c.auth.Stats()
		c.while(func() { c.wantShown("basic 0", "during the migration") })
		must(t, RenamePlan(t.Context(), c.migrating, c.auth, "basic", "starter", batchSize))
		c.wantMigrated()
		if read := c.auth.Stats().Misses - before.Misses; read != 0 {
			t.Errorf("requests during the migration read %d rows; want none: copies are served", read)
		}
		c.wantShown("starter 0", "after the migration")
		if c.tokens() != tokens {
			t.Error("the migration has replaced tokens; want everybody's session as it was")
		}
	})
}

func (c *crowd) tokens() (all string) {
	for _, b := range c.browsers {
		all += b.token() + " "
	}
	return all
}

// After InvalidateAll the herd asks the database once for each user.
func TestTheHerdReadsEachUserOnce(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, ownSQLite(t), stores["in the process"])
	must(t, RenamePlan(t.Context(), c.migrating, c.auth, "basic", "starter", batchSize))
	before := c.auth.Stats().Misses
	var herd sync.WaitGroup
	for _, b := range c.browsers {
		herd.Go(func() {
			for range 10 {
				b.wantMe("starter 0", "in the herd")
			}
		})
	}
	herd.Wait()
	if read := c.auth.Stats().Misses - before; read != uint64(len(c.browsers)) {
		t.Errorf("ten requests of each of %d users read %d rows; want one a user", len(c.browsers), read)
	}
}

// An announced migration has every request read the database while a batch runs,
// and no copy outlives its COMMIT.
func TestAnAnnouncedMigrationIsNeverStale(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, ownPostgres(t), sharedStore)
	first, last := c.browsers[0], c.browsers[len(c.browsers)-1] // of the first and the last batch with anybody in it
	before := c.auth.Stats()
	c.while(func() {
		want := "starter 0"
		if c.during == 1 {
			want = "basic 0"
		}
		first.wantMe(want, fmt.Sprintf("while batch %d runs", c.during))
		if c.during < manyUsers/batchSize {
			last.wantMe("basic 0", fmt.Sprintf("while batch %d runs", c.during))
		}
	})
	must(t, AnnouncedRenamePlan(t.Context(), c.migrating, c.auth, "basic", "starter", batchSize))
	after := c.auth.Stats()
	if hits := after.Hits - before.Hits; hits != 0 || after.Misses == before.Misses {
		t.Errorf("%d requests during the migration were served copies; want none, all read the database", hits)
	}
	c.wantMigrated()
	c.wantShown("starter 0", "after the migration")
}

// What was committed before a batch failed shows all the same, and a second run
// does the rest.
func TestAMigrationThatFailsMayBeRunAgain(t *testing.T) {
	t.Parallel()
	for name, migrate := range map[string]func(context.Context, *gorm.DB, *powgin.Auth[User], string, string, int) error{
		"RenamePlan": RenamePlan, "AnnouncedRenamePlan": AnnouncedRenamePlan,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrowd(t, ownSQLite(t), stores["in the process"])
			ctx, stop := context.WithCancel(t.Context())
			c.while(func() {
				if c.during == 2 {
					stop() // before its COMMIT
				}
			})
			if err := migrate(ctx, c.migrating, c.auth, "basic", "starter", batchSize); !errors.Is(err, context.Canceled) {
				t.Errorf("%s = %v; want that it was cancelled", name, err)
			}
			c.browsers[0].wantMe("starter 0", "after the first batch")
			c.browsers[len(c.browsers)-1].wantMe("basic 0", "before the last batch")
			must(t, migrate(t.Context(), c.migrating, c.auth, "basic", "starter", batchSize))
			c.wantMigrated()
			c.wantShown("starter 0", "after the second run")
		})
	}
}

// release is a process of one release of the site, whose type of user is U.
func release[U any](t testing.TB, db *gorm.DB, show func(U) string) (http.Handler, *powgin.Auth[U]) {
	t.Helper()
	auth, err := powgin.New(powgin.Config[U]{DB: db, Store: sharedStore(t, db), Namespace: "shop", MaxAge: powgin.NoMaxAge})
	must(t, err)
	t.Cleanup(func() { _ = auth.Close() })
	router := gin.New()
	router.Use(auth.Session())
	router.GET("/me", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[U]) {
		c.String(http.StatusOK, show(c.MustUser()))
	}))
	return router, auth
}

// oldRelease has a User with a column less. To the store it is the same type.
func oldRelease(t testing.TB, db *gorm.DB) (http.Handler, func() powgin.Stats) {
	t.Helper()
	type User struct {
		ID    uint
		Email string
		Plan  string
	}
	site, auth := release(t, db, func(u User) string { return u.Plan })
	return site, auth.Stats
}

// While two releases run side by side each reads what the other has cached anew,
// and nobody is signed out.
func TestReleasesSideBySide(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, d gorm.Dialector) {
		db := filled(t, d)
		s := newSite(t, db, sharedStore(t, db))
		old, stats := oldRelease(t, dial(t, d))
		alice := s.signedIn(1)
		before := stats()
		for range 3 {
			alice.app = old
			alice.wantMe("free", "in the old release")
			alice.app = s.router
			alice.wantMe("free 0", "in the new release")
		}
		if read := stats().Misses - before.Misses; read != 3 {
			t.Errorf("the old release has read %d rows; want 3, one after each time that the new one has cached its own", read)
		}
		must(t, db.Model(&User{ID: 1}).Update("plan", "pro").Error)
		must(t, s.auth.InvalidateAll(t.Context()))
		alice.wantMe("pro 0", "in the new release, after InvalidateAll")
		alice.app = old
		alice.wantMe("pro", "in the old release, after InvalidateAll")
	})
}
