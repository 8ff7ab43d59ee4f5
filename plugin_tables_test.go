package powgin_test

import (
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/powgin/powgin"
)

// tableWrites are writes to the tables that a user is read from, and whom they
// concern.
var tableWrites = []struct {
	name    string
	write   func(db *gorm.DB) error
	changed []int
}{
	{"Create", func(db *gorm.DB) error { return db.Create(&Membership{KeeperID: new(uint(1)), Role: "new"}).Error }, []int{1}},
	{"Create of several", func(db *gorm.DB) error {
		return db.Create([]*Membership{{KeeperID: new(uint(1)), Role: "new"}, {KeeperID: new(uint(3)), Role: "new"}}).Error
	}, []int{1, 3}},
	{"Create with a map", func(db *gorm.DB) error {
		return db.Model(&Membership{}).Create(map[string]any{"KeeperID": 2, "Role": "new"}).Error
	}, []int{2}},
	{"Create with maps, of a table", func(db *gorm.DB) error {
		return db.Table("memberships").Create([]map[string]any{{"keeper_id": 2, "role": "new"}, {"keeper_id": "3", "role": "new"}}).Error
	}, []int{2, 3}},
	{"Create of nobody's", func(db *gorm.DB) error { return db.Create(&Membership{Role: "new"}).Error }, everybody},
	{"Create without the column", func(db *gorm.DB) error {
		return db.Select("Role").Create(&Membership{KeeperID: new(uint(1)), Role: "new"}).Error
	}, everybody},
	{"Create with an expression", func(db *gorm.DB) error {
		return db.Table("memberships").Create(map[string]any{"keeper_id": gorm.Expr("1 + ?", 1), "role": "new"}).Error
	}, everybody},
	{"Create or nothing", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Grant{KeeperID: 2, Name: "door", Code: "c", Level: "new"}).Error
	}, []int{2}},
	{"Create or replace", func(db *gorm.DB) error {
		return db.Clauses(clause.Insert{Modifier: "OR REPLACE"}).Create(&Grant{KeeperID: 1, Name: "door", Code: "b", Level: "new"}).Error
	}, everybody},
	{"upsert by the columns", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "keeper_id"}, {Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"level"}),
		}).Create(&Grant{KeeperID: 2, Name: "keys", Code: "c", Level: "new"}).Error
	}, []int{2}},
	{"upsert by another column", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"level"}),
		}).Create([]Grant{{KeeperID: 1, Name: "door", Code: "b", Level: "new"}, {KeeperID: 3, Name: "door", Code: "d", Level: "new"}}).Error
	}, []int{2, 3}},
	{"upsert that sets the column", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "code"}}, DoUpdates: clause.AssignmentColumns([]string{"keeper_id", "level"}),
		}).Create(&Grant{KeeperID: 3, Name: "door", Code: "b", Level: "new"}).Error
	}, everybody},
	{"upsert by the columns that gives the row away", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "keeper_id"}, {Name: "name"}}, DoUpdates: clause.Assignments(map[string]any{"keeper_id": 3}),
		}).Create(&Grant{KeeperID: 2, Name: "keys", Code: "c", Level: "new"}).Error
	}, everybody},
	{"upsert by the columns that may replace", func(db *gorm.DB) error {
		return db.Clauses(clause.Insert{Modifier: "OR REPLACE"}, clause.OnConflict{
			Columns: []clause.Column{{Name: "keeper_id"}, {Name: "name"}}, DoUpdates: clause.AssignmentColumns([]string{"level"}),
		}).Create(&Grant{KeeperID: 3, Name: "keys", Code: "b", Level: "new"}).Error
	}, everybody},
	{"upsert of a row that has its key from the database", func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"role"}),
		}).Create(&Membership{ID: 4, KeeperID: new(uint(3)), Role: "new"}).Error
	}, everybody},
	{"Update of a row, whose struct is stale", func(db *gorm.DB) error {
		return db.Model(&Membership{ID: 4, KeeperID: new(uint(3))}).Update("role", "new").Error
	}, []int{1}},
	{"Update where the column is", func(db *gorm.DB) error {
		return db.Model(&Membership{}).Where("keeper_id = ?", 2).Update("role", "new").Error
	}, []int{2}},
	{"Update where the column is in", func(db *gorm.DB) error {
		return db.Model(&Membership{}).Where("keeper_id IN ?", []uint{2, 3}).Where("role <> 'x'").UpdateColumn("role", "new").Error
	}, []int{2, 3}},
	{"Update by another column", func(db *gorm.DB) error {
		return db.Model(&Membership{}).Where("role = ?", "editor").Update("role", "new").Error
	}, []int{1}},
	{"Update with an alternative", func(db *gorm.DB) error {
		return db.Model(&Membership{}).Where("keeper_id = ?", 2).Or("id = ?", 4).Update("role", "new").Error
	}, []int{1, 2}},
	{"Update of nobody's", func(db *gorm.DB) error {
		return db.Model(&Membership{}).Where("role = ?", "none").Update("role", "new").Error
	}, nobody},
	{"Update of the column", func(db *gorm.DB) error {
		return db.Model(&Membership{}).Where("keeper_id = ?", 1).Update("keeper_id", 2).Error
	}, everybody},
	{"Update that may replace", func(db *gorm.DB) error {
		return db.Clauses(clause.Update{Modifier: "OR REPLACE"}).Model(&Grant{}).Where("code = ?", "a").Update("code", "b").Error
	}, everybody},
	{"Save", func(db *gorm.DB) error {
		return db.Save(&Membership{ID: 4, KeeperID: new(uint(3)), Role: "new"}).Error
	}, everybody},
	{"soft Delete of a row", func(db *gorm.DB) error { return db.Delete(&Membership{ID: 4}).Error }, []int{1}},
	{"soft Delete where the column is", func(db *gorm.DB) error { return db.Where("keeper_id = ?", 2).Delete(&Membership{}).Error }, []int{2}},
	{"Delete of a row", func(db *gorm.DB) error { return db.Unscoped().Delete(&Membership{ID: 2}).Error }, []int{2}},
	{"Delete by another column", func(db *gorm.DB) error {
		return db.Unscoped().Where("role = 'member'").Where("id > 1").Delete(&Membership{}).Error
	}, []int{2, 3}},
	{"Delete by a model's key", func(db *gorm.DB) error { return db.Delete(&Grant{KeeperID: 1, Name: "keys"}).Error }, []int{1}},
	{"many2many Append", func(db *gorm.DB) error {
		return db.Model(&Keeper{ID: 3}).Association("Duties").Append(&Duty{ID: 2, Name: "door"})
	}, everybody}, // it inserts the duty too, or nothing
	{"many2many Append of what is there", func(db *gorm.DB) error {
		return db.Model(&Keeper{ID: 3}).Omit("Duties.*").Association("Duties").Append(&Duty{ID: 2})
	}, []int{3}},
	{"many2many Replace", func(db *gorm.DB) error {
		return db.Model(&Keeper{ID: 1}).Omit("Duties.*").Association("Duties").Replace(&Duty{ID: 2})
	}, []int{1}},
	{"many2many Delete", func(db *gorm.DB) error { return db.Model(&Keeper{ID: 2}).Association("Duties").Delete(&Duty{ID: 1}) }, []int{2}},
	{"many2many Clear", func(db *gorm.DB) error { return db.Model(&Keeper{ID: 1}).Association("Duties").Clear() }, []int{1}},
	{"has many Append", func(db *gorm.DB) error {
		return db.Model(&Keeper{ID: 3}).Association("Memberships").Append(&Membership{Role: "new"})
	}, everybody}, // its upsert sets the column
	{"has many Clear", func(db *gorm.DB) error { return db.Model(&Keeper{ID: 1}).Association("Memberships").Clear() }, everybody},
	{"a table without columns", func(db *gorm.DB) error { return db.Model(&Duty{ID: 1}).Update("name", "new").Error }, everybody},
	{"Create in a table without columns", func(db *gorm.DB) error { return db.Create(&Duty{Name: "new"}).Error }, everybody},
	{"the users' own table", func(db *gorm.DB) error {
		return db.Model(&Keeper{}).Where("name = ?", "ben").Update("name", "new").Error
	}, []int{2}},
	{"a table that nobody watches", func(db *gorm.DB) error { return db.Create(&unwatched{Note: "new"}).Error }, nobody},
	{"raw INSERT", executed("INSERT INTO memberships (keeper_id, role) VALUES (?, 'new')", 1), everybody},
	{"raw UPDATE where the column is", executed("UPDATE memberships SET role = 'new' WHERE keeper_id = ?", 2), []int{2}},
	{"raw UPDATE of a schema's", executed(`UPDATE "main"."memberships" AS m SET role = 'new' WHERE m.keeper_id IN (2, '3')`), []int{2, 3}},
	{"raw UPDATE by another column", executed("UPDATE memberships SET role = 'new' WHERE id = 4"), everybody},
	{"raw UPDATE of the column", executed("UPDATE memberships SET keeper_id = 2 WHERE keeper_id = 1"), everybody},
	{"raw DELETE", executed("DELETE FROM keeper_duties WHERE keeper_id = 1"), []int{1}},
	{"raw, in a WITH", executed("WITH x AS (SELECT 1) DELETE FROM keeper_duties WHERE keeper_id = 1"), everybody},
	{"raw, of two tables", executed("DELETE FROM keeper_duties WHERE keeper_id = 1; DELETE FROM memberships WHERE keeper_id = 1"), everybody},
	{"raw, of one table by another", executed("DELETE FROM keeper_duties WHERE keeper_id = 1 AND duty_id IN (SELECT id FROM duties)"), []int{1}},
	{"raw SELECT", func(db *gorm.DB) error {
		var ids []uint
		return db.Raw("SELECT keeper_id FROM memberships").Scan(&ids).Error
	}, nobody},
	{"in a transaction", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Create(&Membership{KeeperID: new(uint(1)), Role: "new"}).Error, tx.Where("keeper_id = 2").Delete(&Membership{}).Error)
		})
	}, []int{1, 2}},
	{"rolled back", func(db *gorm.DB) error {
		tx := db.Begin()
		return errors.Join(tx.Create(&Membership{KeeperID: new(uint(1)), Role: "new"}).Error, tx.Rollback().Error)
	}, nobody},
	{"rolled back to a savepoint", func(db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			_ = tx.Transaction(func(tx *gorm.DB) error {
				return errors.Join(tx.Create(&Membership{KeeperID: new(uint(1)), Role: "new"}).Error, errFn)
			})
			return tx.Create(&Membership{KeeperID: new(uint(3)), Role: "new"}).Error
		})
	}, []int{3}},
}

func TestWritesToOtherTablesAreSeen(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]gorm.Config{
		"as it comes": {}, "SkipDefaultTransaction": {SkipDefaultTransaction: true}, "PrepareStmt": {PrepareStmt: true},
	} {
		for source, start := range map[string]func(*testing.T) *tables{
			"with DB":    func(t *testing.T) *tables { return newTables(t, config, nil) },
			"with Users": func(t *testing.T) *tables { return newJoinedTables(t, config) },
		} {
			t.Run(source+", "+name, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				for _, w := range tableWrites {
					s.reset()
					s.wantSeen("after a reset", executed("UPDATE duties SET name = name"), everybody...)
					s.wantSeen(w.name, w.write, w.changed...)
				}
			})
		}
	}
}

func TestMoreThanAHundredRowsOfAnotherTableCountAsAll(t *testing.T) {
	t.Parallel()
	s := newTables(t, gorm.Config{}, nil)
	for n, changed := range map[uint][]int{100: {1}, 101: everybody} {
		rows := make([]Membership, n)
		for i := range rows {
			rows[i] = Membership{KeeperID: new(1000 + uint(i)), Role: fmt.Sprint("many", n)}
		}
		rows[0].KeeperID = new(uint(1))
		s.wantSeen(fmt.Sprint("Create of ", n), func(db *gorm.DB) error { return db.Create(&rows).Error }, changed...)
		s.wantSeen(fmt.Sprint("Update of ", n), func(db *gorm.DB) error {
			return db.Model(&Membership{}).Where("role = ?", fmt.Sprint("many", n)).Update("role", "x").Error
		}, changed...)
	}
}

// TestTablesOfOneNameCountAsAll has two schemas with such a table, of which a
// statement need not say which it means.
func TestTablesOfOneNameCountAsAll(t *testing.T) {
	t.Parallel()
	s := newTables(t, gorm.Config{}, func(c *powgin.Config[Keeper]) {
		c.WatchTables = map[string]powgin.WatchTable{"main.tags": {Columns: []string{"owner_id"}}, "other.tags": {Columns: []string{"text"}}}
	})
	s.wantSeen("Create", func(db *gorm.DB) error { return db.Create(&Tag{OwnerID: 1, Text: "2"}).Error }, everybody...)
	s.wantSeen("Update", func(db *gorm.DB) error { return db.Model(&Tag{}).Where("owner_id = 1").Update("owner_type", "x").Error }, everybody...)
	s.wantSeen("raw", executed("DELETE FROM tags WHERE owner_id = 1"), everybody...)
}
