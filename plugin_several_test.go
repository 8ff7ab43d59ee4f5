package powgin_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

func TestTwoAuthsFollowOneDB(t *testing.T) {
	t.Parallel()
	var db *gorm.DB
	s := newShop(t, "one database", func(c *shopConfigs) {
		c.customers.MaxAge, c.staff.MaxAge = powgin.NoMaxAge, powgin.NoMaxAge
		db = c.customers.DB
	})
	noError(t, errors.Join(db.Use(s.customers), db.Use(s.staff)))
	if s.customers.Name() == s.staff.Name() {
		t.Errorf("both are the plugin %q; want two names", s.staff.Name())
	}
	b := s.both()
	// reads are how often customers, and staff, were read from the database.
	reads := func(want ...uint64) func(when string) {
		c, f := s.customers.Stats(), s.staff.Stats()
		return func(when string) {
			t.Helper()
			if got := s.customers.Stats().Misses - c.Misses; got != want[0] {
				t.Errorf("%s: customers were read %d times; want %d", when, got, want[0])
			}
			if got := s.staff.Stats().Misses - f.Misses; got != want[1] {
				t.Errorf("%s: staff were read %d times; want %d", when, got, want[1])
			}
		}
	}
	b.wantNames("carla", "sam", "at first")
	check := reads(0, 0)
	b.wantNames("carla", "sam", "cached")
	check("cached")

	check = reads(1, 0)
	noError(t, db.Model(&Customer{}).Where("id = 1").Update("name", "clara").Error)
	b.wantNames("clara", "sam", "a customer is renamed")
	b.wantNames("clara", "sam", "a customer is renamed")
	check("a customer is renamed")

	check = reads(0, 1)
	noError(t, db.Model(&Staff{}).Where("name = ?", "sam").Update("name", "tom").Error)
	b.wantNames("clara", "tom", "staff are renamed")
	b.wantNames("clara", "tom", "staff are renamed")
	check("staff are renamed")

	check = reads(1, 1)
	noError(t, db.Transaction(func(tx *gorm.DB) error {
		return errors.Join(tx.Model(&Staff{}).Where("id = 1").Update("name", "tim").Error,
			tx.Exec("UPDATE customers SET name = 'cleo' WHERE id = 1").Error)
	}))
	b.wantNames("cleo", "tim", "both are renamed")
	b.wantNames("cleo", "tim", "both are renamed")
	check("both are renamed")
}

// TestAuthsOfOneTypeFollowOneDB has two namespaces share a table: both know of a
// write by the time it is committed, and both have it concluded afterwards.
func TestAuthsOfOneTypeFollowOneDB(t *testing.T) {
	t.Parallel()
	for _, config := range []gorm.Config{{}, {SkipDefaultTransaction: true}, {PrepareStmt: true}} {
		for name, write := range map[string]func(db *gorm.DB) error{
			"by its key":   func(db *gorm.DB) error { return setPlan(db, "pro") },
			"in bulk":      func(db *gorm.DB) error { return setPlanOf(db, "name = 'alice'", "pro") },
			"by Save":      func(db *gorm.DB) error { return saved(db, 1) },
			"with no hook": func(db *gorm.DB) error { return db.Model(person1()).UpdateColumn("plan", "pro").Error },
			"raw":          func(db *gorm.DB) error { return db.Exec("UPDATE users SET plan = 'pro' WHERE id = 1").Error },
			"raw, with rows": func(db *gorm.DB) error {
				return db.Raw("UPDATE users SET plan = 'pro' WHERE id = 1 RETURNING *").Find(&[]User{}).Error
			},
			"raw, in a transaction": func(db *gorm.DB) error {
				return db.Transaction(func(tx *gorm.DB) error { return tx.Exec("UPDATE users SET plan = 'pro' WHERE id = 1").Error })
			},
		} {
			t.Run(name+" "+configName(config), func(t *testing.T) {
				t.Parallel()
				here := follow(t, openFollowed(t, config), func(c *powgin.Config[User]) { c.Namespace = "here" })
				there := here.beside("there")
				here.opened.conns.onCommit(func(tx committer) error {
					err := tx.Commit()
					here.wantLook("here, right after the COMMIT", here.alice, false, "pro")
					there.wantLook("there, right after the COMMIT", there.alice, false, "pro")
					return err
				})
				noError(t, write(here.db))
				here.wantCached("here, once it is over", here.alice)
				there.wantCached("there, once it is over", there.alice)
				if name != "in bulk" { // of which the second one knows less
					here.wantLook("here", here.bob, true, "free")
					there.wantLook("there", there.bob, true, "free")
				}
			})
		}
	}
}

// beside starts another app on the same database, of another namespace.
func (f *followed) beside(namespace string) *followed {
	f.Helper()
	cfg := f.config
	cfg.Namespace = namespace
	b := &followed{app: &app{TB: f.TB, db: f.db, auth: open(f.TB, cfg)}, opened: f.opened, store: f.store, told: f.told}
	noError(f, f.db.Use(b.auth))
	b.mount()
	b.alice, b.bob = b.signIn(1), b.signIn(2)
	b.wantCached("at first", b.alice, b.bob)
	return b
}

// saved reads a user, and saves them with another plan.
func saved(db *gorm.DB, id uint) error {
	var u User
	if err := db.First(&u, id).Error; err != nil {
		return err
	}
	u.Plan = "pro"
	return db.Save(&u).Error
}

func configName(c gorm.Config) string {
	switch {
	case c.PrepareStmt:
		return "with PrepareStmt"
	case c.SkipDefaultTransaction:
		return "with SkipDefaultTransaction"
	}
	return "as it comes"
}
