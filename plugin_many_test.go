package powgin_test

import (
	"context"
	"fmt"
	"testing"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

func TestMoreThanAHundredUsersInATransactionCountAsAll(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		n   int
		all bool
	}{"a hundred": {100, false}, "a hundred and one": {101, true}, "a thousand": {1000, true}} {
		for how, write := range map[string]func(tx *gorm.DB, ids []uint) error{
			"in one statement": func(tx *gorm.DB, ids []uint) error {
				return tx.Model(&User{}).Where("id IN ?", ids).Update("plan", "pro").Error
			},
			"one at a time, twice": func(tx *gorm.DB, ids []uint) error {
				for _, id := range append(ids, ids...) {
					if err := tx.Model(&User{}).Where("id = ?", id).Update("plan", "pro").Error; err != nil {
						return err
					}
				}
				return nil
			},
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				f := newFollowed(t, nil)
				ids := []uint{1}
				for i := range tt.n - 1 {
					ids = append(ids, uint(100+i))
				}
				noError(t, f.db.Transaction(func(tx *gorm.DB) error { return write(tx, ids) }))
				f.wantLook("after it", f.alice, false, "pro")
				f.wantLook("after it", f.bob, !tt.all, "free")
			})
		}
	}
}

func TestATransactionOfThousandsOfStatementsIsSeen(t *testing.T) {
	t.Parallel()
	f := newFollowed(t, nil)
	noError(t, f.db.Transaction(func(tx *gorm.DB) error {
		for i := range 5000 {
			if err := setPlan(tx, fmt.Sprint("pro ", i)); err != nil {
				return err
			}
		}
		return nil
	}))
	f.wantLook("after it", f.alice, false, "pro 4999")
	f.wantCached("after it", f.alice, f.bob)
}

// TestAWriteOfManyIsSeenThoughPartOfItIsTakenBack has a savepoint lie far behind.
func TestAWriteOfManyIsSeenThoughPartOfItIsTakenBack(t *testing.T) {
	t.Parallel()
	f := newFollowed(t, nil)
	noError(t, f.db.Transaction(func(tx *gorm.DB) error {
		if err := setPlan(tx, "pro"); err != nil {
			return err
		}
		if err := tx.SavePoint("here").Error; err != nil {
			return err
		}
		for range 3000 {
			if err := tx.Model(&User{}).Where("id = 2").Update("plan", "pro").Error; err != nil {
				return err
			}
		}
		return tx.RollbackTo("here").Error
	}))
	f.wantLook("after it", f.alice, false, "pro")
	f.wantCached("after it", f.alice, f.bob)
	f.wantRow("after it", 2, "free")
}

// newTenants starts an app with alice signed in at two tenants' addresses, who are
// one row. It returns what looks at her at each.
func newTenants(t *testing.T) (f *followed, look map[string]func() (fromCache bool, plan string)) {
	t.Helper()
	f = newFollowed(t, func(c *powgin.Config[User]) { c.Tenant = tenantOf })
	f.mount(tenantByHeader)
	look = map[string]func() (bool, string){}
	for _, tenant := range []string{"red", "blue"} {
		b := f.browser()
		b.post("/signin/1", "Tenant", tenant).want(200)
		b.get("/", "Tenant", tenant).want(200)
		look[tenant] = func() (bool, string) {
			before := f.auth.Stats()
			u := b.get("/", "Tenant", tenant).identity().User
			return f.auth.Stats().Hits > before.Hits, u.Plan
		}
	}
	return f, look
}

func TestAWriteOfATenantTouchesItsOwnUser(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(ctx context.Context, f *followed, plan string) error{
		"by its key": func(ctx context.Context, f *followed, plan string) error { return setPlan(f.db.WithContext(ctx), plan) },
		"in bulk": func(ctx context.Context, f *followed, plan string) error {
			return setPlanOf(f.db.WithContext(ctx), "name = 'alice'", plan)
		},
		"raw": func(ctx context.Context, f *followed, plan string) error {
			return f.db.WithContext(ctx).Exec("UPDATE users SET plan = ? WHERE id = 1", plan).Error
		},
		"in Auth.Write": func(ctx context.Context, f *followed, plan string) error {
			return f.auth.Write(ctx, []string{"1"}, func(context.Context) error { f.besidePlan(1, plan); return nil })
		},
		"by Transaction": func(ctx context.Context, f *followed, plan string) error {
			return f.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return setPlan(tx, plan) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, look := newTenants(t)
			noError(t, write(inTenant(t.Context(), "red"), f, "pro"))
			if hit, plan := look["red"](); hit || plan != "pro" {
				t.Errorf("red's alice sees %q, from the cache: %t; want her row", plan, hit)
			}
			if hit, plan := look["blue"](); !hit || plan != "free" {
				t.Errorf("blue's alice sees %q, from the cache: %t; want her own cached copy", plan, hit)
			}
			noError(t, write(t.Context(), f, "premium"))
			for tenant, look := range look {
				if hit, plan := look(); hit || plan != "premium" {
					t.Errorf("after a write of no tenant %s's alice sees %q, from the cache: %t; want her row", tenant, plan, hit)
				}
				if hit, _ := look(); !hit {
					t.Errorf("%s's alice is not cached again", tenant)
				}
			}
		})
	}
}

// TestATransactionOfSeveralTenantsTouchesEach has statements of one transaction
// belong to different tenants.
func TestATransactionOfSeveralTenantsTouchesEach(t *testing.T) {
	t.Parallel()
	f, look := newTenants(t)
	noError(t, f.db.Transaction(func(tx *gorm.DB) error {
		if err := setPlan(tx.WithContext(inTenant(t.Context(), "red")), "pro"); err != nil {
			return err
		}
		return setPlan(tx.WithContext(inTenant(t.Context(), "green")), "premium")
	}))
	if hit, plan := look["red"](); hit || plan != "premium" {
		t.Errorf("red's alice sees %q, from the cache: %t; want her row", plan, hit)
	}
	if hit, _ := look["blue"](); !hit {
		t.Error("blue's alice was read from the database; want her cached copy")
	}
}

// setPlanOf is a write of the rows that a condition finds.
func setPlanOf(db *gorm.DB, condition, plan string) error {
	return db.Model(&User{}).Where(condition).Update("plan", plan).Error
}
