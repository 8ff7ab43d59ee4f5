package powgin_test

import (
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Users whose keys are of several kinds.
type (
	textUser struct {
		ID   string `gorm:"primaryKey"`
		Plan string
	}
	uuidUser struct {
		ID   rowKey `gorm:"primaryKey"`
		Plan string
	}
	pairUser struct {
		Org  string `gorm:"primaryKey"`
		No   int    `gorm:"primaryKey;autoIncrement:false"`
		Plan string
	}
	serial     int64
	serialUser struct {
		ID   serial `gorm:"primaryKey"`
		Plan string
	}
	foldedUser struct {
		ID   string `gorm:"primaryKey;type:citext"`
		Plan string
	}
)

// planned is a write of the rows that a condition finds, to a plan of that name.
func planned(model any, plan string, condition ...any) func(db *gorm.DB) error {
	return func(db *gorm.DB) error {
		return db.Model(model).Where(condition[0], condition[1:]...).Update("plan", plan).Error
	}
}

func executed(text string, args ...any) func(db *gorm.DB) error {
	return func(db *gorm.DB) error { return db.Exec(text, args...).Error }
}

func TestAStringKeyIsExact(t *testing.T) {
	t.Parallel()
	s := newKeyed(t, func(u textUser) string { return u.Plan }, textUser{"ann", "free"}, textUser{"b,\\n", "free"}, textUser{"5", "free"})
	s.wantExact("by value", planned(&textUser{}, "by value", "id = ?", "b,\\n"), 1)
	s.wantExact("by model", func(db *gorm.DB) error { return db.Model(&textUser{ID: "ann"}).Update("plan", "by model").Error }, 0)
	s.wantExact("of some", planned(&textUser{}, "of some", "id IN ?", []string{"ann", "5"}), 0, 2)
	s.wantExact("in text", executed("UPDATE text_users SET plan = 'in text' WHERE id = 'ann'"), 0)
	s.wantExact("in bulk", planned(&textUser{}, "in bulk", "id LIKE ?", "a%"), 0)
	s.wantExact("saved", func(db *gorm.DB) error { return db.Save(&textUser{"5", "saved"}).Error }, 2)
	s.wantExact("of a number", executed("UPDATE text_users SET plan = 'of a number' WHERE id = 5"), 0, 1, 2)
	s.wantExact("upsert", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&textUser{"ann", "upsert"}).Error
	}, 0)
	s.wantExact("upsert that may delete others", func(db *gorm.DB) error {
		return db.Clauses(clause.Insert{Modifier: "OR REPLACE"}, clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}).
			Create(&textUser{"ann", "replaced"}).Error
	}, 0, 1, 2)
	// The column may be one of UUIDs, or of numbers, which are written in many ways.
	const someUUID = "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"
	s.wantExact("a UUID in capitals", executed("UPDATE text_users SET plan = 'x' WHERE id = ?", someUUID), 0, 1, 2)
	s.wantExact("one in text", executed("UPDATE text_users SET plan = 'x' WHERE id = '"+someUUID+"'"), 0, 1, 2)
	s.wantExact("zeros ahead", executed("UPDATE text_users SET plan = 'x' WHERE id = '007'"), 0, 1, 2)
}

func TestAUUIDKeyIsExact(t *testing.T) {
	t.Parallel()
	one, two, three := newRowKey(1), newRowKey(2), newRowKey(3)
	s := newKeyed(t, func(u uuidUser) string { return u.Plan }, uuidUser{one, "free"}, uuidUser{two, "free"}, uuidUser{three, "free"})
	s.wantExact("by value", planned(&uuidUser{}, "by value", "id = ?", two), 1)
	s.wantExact("by pointer", planned(&uuidUser{}, "by pointer", "id = ?", &two), 1)
	s.wantExact("by its text", planned(&uuidUser{}, "by its text", "id = ?", two.String()), 1)
	s.wantExact("by model", func(db *gorm.DB) error { return db.Model(&uuidUser{ID: one}).Update("plan", "by model").Error }, 0)
	s.wantExact("of some", planned(&uuidUser{}, "of some", "id IN ?", []rowKey{one, three}), 0, 2)
	s.wantExact("in text", executed("UPDATE uuid_users SET plan = 'in text' WHERE id = '"+one.String()+"'"), 0)
	s.wantExact("in bulk", planned(&uuidUser{}, "in bulk", "id > ?", two.String()), 2)
	s.wantExact("saved", func(db *gorm.DB) error { return db.Save(&uuidUser{three, "saved"}).Error }, 2)
}

func TestACompositeKeyIsExact(t *testing.T) {
	t.Parallel()
	s := newKeyed(t, func(u pairUser) string { return u.Plan }, pairUser{"a,b", 1, "free"}, pairUser{"a,b", 2, "free"}, pairUser{"c", 1, "free"})
	s.wantExact("by both", planned(&pairUser{}, "by both", "org = ? AND no = ?", "a,b", 2), 1)
	s.wantExact("other order", planned(&pairUser{}, "other order", "no = ? AND org = ?", 1, "c"), 2)
	s.wantExact("by model", func(db *gorm.DB) error {
		return db.Model(&pairUser{Org: "a,b", No: 1}).Update("plan", "by model").Error
	}, 0)
	s.wantExact("of some", planned(&pairUser{}, "of some", "org = ? AND no IN ?", "a,b", []int{1, 2}), 0, 1)
	s.wantExact("by half", planned(&pairUser{}, "by half", "org = ?", "c"), 2)
	s.wantExact("by half, raw", executed("UPDATE pair_users SET plan = 'by half, raw' WHERE org = 'c'"), 0, 1, 2)
	s.wantExact("in text", executed("UPDATE pair_users SET plan = 'in text' WHERE org = 'a,b' AND no = 1"), 0)
	s.wantExact("by a tuple", planned(&pairUser{}, "by a tuple", "(org, no) IN ?", [][]any{{"a,b", 1}, {"c", 1}}), 0, 2)
	s.wantExact("saved", func(db *gorm.DB) error {
		return db.Save([]pairUser{{"a,b", 2, "saved"}, {"c", 1, "saved"}}).Error
	}, 1, 2)
}

func TestAnIntegerKeyIsExactHoweverItIsGiven(t *testing.T) {
	t.Parallel()
	s := newKeyed(t, func(u serialUser) string { return u.Plan }, serialUser{5, "free"}, serialUser{6, "free"}, serialUser{7, "free"})
	five, text := serial(5), "5"
	pointer := &five
	for name, given := range map[string]any{
		"its type": five, "a pointer": pointer, "a pointer to a pointer": &pointer, "int": 5, "uint8": uint8(5), "uint64": uint64(5),
		"a string": text, "a pointer to a string": &text,
	} {
		s.wantExact(name, planned(&serialUser{}, name, "id = ?", given), 0)
	}
	s.wantExact("a quoted number", executed("UPDATE serial_users SET plan = 'a quoted number' WHERE id = '5'"), 0)
	s.wantExact("a number", executed("UPDATE serial_users SET plan = 'a number' WHERE id = 5"), 0)
	s.wantExact("zeros ahead", executed("UPDATE serial_users SET plan = 'zeros ahead' WHERE id = '005'"), 0)
	s.wantExact("by the primary key", planned(&serialUser{}, "by the primary key", 5), 0)
	s.wantExact("by a map", planned(&serialUser{}, "by a map", map[string]any{"id": []serial{5, 7}}), 0, 2)
	s.wantExact("a float", executed("UPDATE serial_users SET plan = 'a float' WHERE id = ?", 5.0), 0, 1, 2)
	s.wantExact("more than a number", executed("UPDATE serial_users SET plan = 'x' WHERE id = '5x'"), 0, 1, 2)
	s.wantExact("a number too large", executed("UPDATE serial_users SET plan = 'x' WHERE id = ?", "99999999999999999999"), 0, 1, 2)
}

// TestAKeyThatFoldsCountsAsAll has a key whose column takes "Ann" for "ann".
func TestAKeyThatFoldsCountsAsAll(t *testing.T) {
	t.Parallel()
	s := newKeyed(t, func(u foldedUser) string { return u.Plan }, foldedUser{"ann", "free"}, foldedUser{"ben", "free"}, foldedUser{"cid", "free"})
	s.wantExact("by value", executed("UPDATE folded_users SET plan = 'by value' WHERE id = ?", "ANN"), 0, 1, 2)
	s.wantExact("in text", executed("UPDATE folded_users SET plan = 'in text' WHERE id = 'ann'"), 0, 1, 2)
	s.wantExact("of a model", planned(&foldedUser{}, "of a model", "id = ?", "ann"), 0) // which the database returns
	s.wantExact("upsert", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&foldedUser{"ann", "upsert"}).Error
	}, 0, 1, 2)
}
