package powgin_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// reading are writes whose rows the app reads one by one, so that nobody can tell
// when they are over.
var reading = map[string]func(db *gorm.DB, plan string) error{
	"Scan": func(db *gorm.DB, plan string) error {
		return db.Raw("UPDATE users SET plan = ? WHERE id = 1 RETURNING name", plan).Scan(new(string)).Error
	},
	"Rows": func(db *gorm.DB, plan string) error {
		rows, err := db.Raw("UPDATE users SET plan = ? WHERE id = 1 RETURNING name", plan).Rows()
		if err != nil {
			return err
		}
		for rows.Next() {
		}
		return errors.Join(rows.Err(), rows.Close())
	},
	"Row": func(db *gorm.DB, plan string) error {
		row := db.Raw("UPDATE users SET plan = ? WHERE id = 1 RETURNING name", plan).Row()
		return row.Scan(new(string))
	},
}

func TestAWriteWhoseRowsAreReadIsSeen(t *testing.T) {
	t.Parallel()
	for name, write := range reading {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := openFollowed(t, gorm.Config{})
			synctest.Test(t, func(t *testing.T) {
				f := follow(t, o, nil)
				noError(t, write(f.db, "pro"))
				for range 2 {
					f.wantLook("right after it", f.alice, false, "pro")
				}
				f.wantLook("right after it", f.bob, true, "free")
				time.Sleep(31 * time.Second)
				f.wantCached("after half a minute", f.alice)
				noError(t, f.db.Transaction(func(tx *gorm.DB) error { return write(tx, "premium") }))
				f.wantLook("in a transaction", f.alice, false, "premium")
				f.wantCached("in a transaction", f.alice, f.bob)
			})
		})
	}
}

func TestAWriteWhoseRowsAreReadIsRefusedWithTheStoreDown(t *testing.T) {
	t.Parallel()
	for name, write := range reading {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if v := recover(); v != nil {
					t.Errorf("the write panics with %v; want an ErrUnavailable", v)
				}
			}()
			f := newFollowed(t, nil)
			f.store.Down(true)
			if err := write(f.db, "lost"); !errors.Is(err, powgin.ErrUnavailable) {
				t.Errorf("the write = %v; want an ErrUnavailable", err)
			}
			f.store.Heal()
			f.wantRow("with the store down", 1, "free")
			noError(t, write(f.db, "pro"))
			f.wantLook("with the store back", f.alice, false, "pro")
		})
	}
}

func TestAWriteWhoseRowsAreReadIsMadeWhereThatIsLax(t *testing.T) {
	t.Parallel()
	for name, write := range reading {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFollowed(t, func(c *powgin.Config[User]) { c.Writes = powgin.LaxWrites })
			f.store.Down(true)
			noError(t, write(f.db, "pro"))
			f.store.Heal()
			f.told.wantTold(t, 1, "with the store down")
			if n := f.emitted("unannounced"); n != 1 {
				t.Errorf("%d events tell of a write that was not announced; want 1", n)
			}
			f.wantRow("with the store down", 1, "pro")
			f.wantLook("with the store down", f.alice, true, "free")
		})
	}
}
