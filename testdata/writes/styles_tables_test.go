package writes

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/powgin/powgin"
)

// The other tables that a user is made of.
type (
	// Circle has users.
	Circle struct {
		ID   uint
		Name string
	}
	// Pass belongs to a user.
	Pass struct {
		ID     uint
		UserID uint
		Kind   string
	}
	// Seal belongs to a user, and has its key from the app.
	Seal struct {
		UserID uint   `gorm:"primaryKey;autoIncrement:false"`
		Kind   string `gorm:"primaryKey;size:100"`
		Code   string `gorm:"uniqueIndex;size:100"`
		Note   string
	}
)

// watch has the plugin follow those tables.
func watch(c *powgin.Config[User]) {
	byUser := powgin.WatchTable{Columns: []string{"user_id"}}
	c.WatchTables = map[string]powgin.WatchTable{"passes": byUser, "seals": byUser, "user_circles": byUser, "circles": {}}
}

// seed gives those tables their rows. Those of user_circles go with the users.
var seed = []string{
	"DELETE FROM passes", "DELETE FROM seals", "DELETE FROM circles",
	"INSERT INTO circles (id, name) VALUES (901, 'a'), (902, 'b')",
	"INSERT INTO user_circles (user_id, circle_id) VALUES (1, 901), (2, 901)",
	"INSERT INTO passes (id, user_id, kind) VALUES (901, 1, 'day'), (902, 2, 'night'), (903, 3, 'night')",
	"INSERT INTO seals (user_id, kind, code) VALUES (1, 'wax', 'a'), (2, 'wax', 'b')",
}

func executed(text string, args ...any) func(db *gorm.DB) error {
	return func(db *gorm.DB) error { return db.Exec(text, args...).Error }
}

func sealed(columns []string, sets string) func(db *gorm.DB) error {
	return func(db *gorm.DB) error {
		conflict := clause.OnConflict{DoUpdates: clause.AssignmentColumns([]string{sets})}
		for _, name := range columns {
			conflict.Columns = append(conflict.Columns, clause.Column{Name: name})
		}
		return db.Clauses(conflict).Create(&Seal{UserID: 1, Kind: "wax", Code: "a", Note: "new"}).Error
	}
}

// circled is a change of the circles of user 1.
func circled(change func(a *gorm.Association) error) func(db *gorm.DB) error {
	return func(db *gorm.DB) error {
		return change(db.Model(user(1)).Omit("Circles.*").Association("Circles"))
	}
}

// tableStyles are ways to write rows of other tables that a user is made of: one of
// each kind.
var tableStyles = []style{
	{name: "Create of what is a user's", changed: one, write: func(db *gorm.DB) error { return db.Create(&Pass{UserID: 1}).Error }},
	{name: "Create or update by another column", changed: one, mysql: all, write: sealed([]string{"code"}, "note")},
	{name: "Update of what is a user's", changed: all, bulk: one, write: func(db *gorm.DB) error {
		return db.Model(&Pass{ID: 901, UserID: 3}).Update("kind", "new").Error
	}},
	{name: "many2many Replace", changed: one, write: circled(func(a *gorm.Association) error { return a.Replace(&Circle{ID: 902}) })},
	{name: "raw UPDATE of what is a user's", changed: one, write: executed("UPDATE passes SET kind = ? WHERE user_id = ?", "new", 1)},
}

// moreTableStyles are those that are not tried in every transaction.
var moreTableStyles = []style{
	{name: "Create of several that are users'", changed: two, write: func(db *gorm.DB) error {
		return db.Create([]Pass{{UserID: 1}, {UserID: 2}}).Error
	}},
	{name: "Create with a map", changed: one, write: func(db *gorm.DB) error {
		return db.Table("passes").Create(map[string]any{"user_id": 1, "kind": "new"}).Error
	}},
	{name: "Create or nothing, of what is a user's", changed: one, write: func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&Seal{UserID: 1, Kind: "new", Code: "new"}).Error
	}},
	{name: "Create or update by the user", changed: one, mysql: all, write: sealed([]string{"user_id", "kind"}, "note")},
	{name: "Create or update to another user", changed: all, write: sealed([]string{"code"}, "user_id")},
	{name: "Update of what is a user's, by them", changed: two, write: func(db *gorm.DB) error {
		return db.Model(&Pass{}).Where("user_id IN ?", []int{1, 2}).Where("kind <> 'x'").Update("kind", "new").Error
	}},
	{name: "Update of what is users', by something else", changed: all, bulk: one, write: func(db *gorm.DB) error {
		return db.Model(&Pass{}).Where("kind = ?", "day").Update("kind", "new").Error
	}},
	{name: "Update of whose it is", changed: all, write: func(db *gorm.DB) error {
		return db.Model(&Pass{}).Where("user_id = ?", 1).Update("user_id", 2).Error
	}},
	{name: "Save of what is a user's", changed: all, write: func(db *gorm.DB) error { return db.Save(&Pass{ID: 901, UserID: 1}).Error }},
	{name: "Delete of what is a user's", changed: all, bulk: one, write: func(db *gorm.DB) error { return db.Delete(&Pass{ID: 901}).Error }},
	{name: "Delete of what is a user's, by them", changed: one, write: func(db *gorm.DB) error {
		return db.Where("user_id = ?", 1).Delete(&Pass{}).Error
	}},
	{name: "many2many Append", changed: one, write: circled(func(a *gorm.Association) error { return a.Append(&Circle{ID: 902}) })},
	{name: "many2many Clear", changed: one, write: circled((*gorm.Association).Clear)},
	{name: "a table that is everybody's", changed: all, write: func(db *gorm.DB) error {
		return db.Model(&Circle{ID: 901}).Update("name", "new").Error
	}},
	{name: "raw INSERT of what is a user's", changed: all, write: executed("INSERT INTO passes (user_id, kind) VALUES (1, 'new')")},
	{name: "raw UPDATE by something else", changed: all, write: executed("UPDATE passes SET kind = 'new' WHERE id = 901")},
	{name: "raw DELETE of what is a user's", changed: one, write: executed("DELETE FROM user_circles WHERE user_id = 1")},
	{name: "Update of what is a user's, from another table", changed: all, bulk: one, skip: "mysql", write: func(db *gorm.DB) error {
		return db.Model(&Pass{}).Clauses(clause.From{Tables: []clause.Table{{Name: "seals"}}}).
			Where("seals.user_id = passes.user_id AND seals.code = 'a'").Update("kind", "new").Error
	}},
	{name: "Update of a user, from another table", changed: all, bulk: one, skip: "mysql", write: func(db *gorm.DB) error {
		return db.Model(&User{}).Clauses(clause.From{Tables: []clause.Table{{Name: "passes"}}}).
			Where("passes.user_id = users.id AND passes.kind = 'day'").Update("plan", "pro").Error
	}},
}
