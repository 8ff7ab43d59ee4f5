package writes

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A style is a way to write rows.
type style struct {
	name  string
	write func(db *gorm.DB) error
	// changed are the users whom the plugin finds changed: all where it cannot tell.
	changed []int
	// bulk is what it finds where the database returns the changed rows; nil: the
	// same.
	bulk []int
	// mysql are those that it finds on MySQL, where an upsert looks at every unique
	// index; nil: the same.
	mysql []int
	skip  string // the database that has no such statement
}

func user(id uint) *User { return &User{ID: id} }

// loaded returns a user as the app has read them.
func loaded(db *gorm.DB, id uint) (*User, error) {
	var u User
	err := db.First(&u, id).Error
	u.Plan = "pro"
	return &u, err
}

var one, two = []int{1}, []int{1, 2}

var styles = []style{
	{name: "Save", changed: one, write: func(db *gorm.DB) error {
		u, err := loaded(db, 1)
		if err != nil {
			return err
		}
		return db.Save(u).Error
	}},
	{name: "Save of several", changed: two, mysql: all, write: func(db *gorm.DB) error {
		var us []User
		if err := db.Order("id").Limit(2).Find(&us).Error; err != nil {
			return err
		}
		us[0].Plan, us[1].Plan = "pro", "pro"
		return db.Save(&us).Error
	}},
	{name: "Updates with a struct", changed: one, write: func(db *gorm.DB) error {
		return db.Model(user(1)).Updates(User{Plan: "pro"}).Error
	}},
	{name: "Updates with its own key", changed: one, write: func(db *gorm.DB) error {
		return db.Updates(&User{ID: 1, Plan: "pro"}).Error
	}},
	{name: "Updates with a map", changed: one, write: func(db *gorm.DB) error {
		return db.Model(user(1)).Updates(map[string]any{"plan": "pro", "failures": 1}).Error
	}},
	{name: "Update", changed: one, write: func(db *gorm.DB) error {
		return db.Model(user(1)).Update("plan", "pro").Error
	}},
	{name: "Update with an expression", changed: one, write: func(db *gorm.DB) error {
		return db.Model(user(1)).Update("plan", gorm.Expr("UPPER(plan)")).Error
	}},
	{name: "UpdateColumn", changed: one, write: func(db *gorm.DB) error {
		return db.Model(user(1)).UpdateColumn("plan", "pro").Error
	}},
	{name: "UpdateColumns", changed: one, write: func(db *gorm.DB) error {
		return db.Model(user(1)).UpdateColumns(User{Plan: "pro"}).Error
	}},
	{name: "Update of several", changed: two, write: func(db *gorm.DB) error {
		return db.Model([]User{{ID: 1}, {ID: 2}}).Update("plan", "pro").Error
	}},
	{name: "Update where the key is", changed: one, write: func(db *gorm.DB) error {
		return db.Model(&User{}).Where("id = ?", 1).Update("plan", "pro").Error
	}},
	{name: "Update where the key is in", changed: two, write: func(db *gorm.DB) error {
		return db.Model(&User{}).Where("id IN ?", []int{1, 2}).Update("plan", "pro").Error
	}},
	{name: "Update where a map has the key", changed: one, write: func(db *gorm.DB) error {
		return db.Model(&User{}).Where(map[string]any{"id": 1, "plan": "free"}).Update("plan", "pro").Error
	}},
	{name: "Update where a struct has the key", changed: one, write: func(db *gorm.DB) error {
		return db.Model(&User{}).Where(&User{ID: 1}).Update("plan", "pro").Error
	}},
	{name: "Update of a model, narrowed", changed: one, write: func(db *gorm.DB) error {
		return db.Model(user(1)).Where("plan = ? OR plan = ?", "free", "basic").Update("plan", "pro").Error
	}},
	{name: "Update by something else", changed: all, bulk: one, write: func(db *gorm.DB) error {
		return db.Model(&User{}).Where("email = ?", "user1@example.com").Update("plan", "pro").Error
	}},
	{name: "Update with an alternative", changed: all, bulk: two, write: func(db *gorm.DB) error {
		return db.Model(&User{}).Where("id = ?", 1).Or("id = ?", 2).Update("plan", "pro").Error
	}},
	{name: "Update of the table", changed: one, write: func(db *gorm.DB) error {
		return db.Table("users").Where("id = ?", 1).Update("plan", "pro").Error
	}},
	{name: "Update of everything", changed: all, write: func(db *gorm.DB) error {
		return db.Session(&gorm.Session{AllowGlobalUpdate: true}).Model(&User{}).Update("plan", "pro").Error
	}},
	{name: "Update of the key", changed: all, write: func(db *gorm.DB) error {
		return db.Model(user(1)).Update("id", 50).Error
	}},
	{name: "Update through a generic", changed: one, write: func(db *gorm.DB) error {
		_, err := gorm.G[User](db).Where("id = ?", 1).Update(context.Background(), "plan", "pro")
		return err
	}},
	{name: "Delete", changed: one, write: func(db *gorm.DB) error { return db.Delete(user(1)).Error }},
	{name: "Delete by key", changed: one, write: func(db *gorm.DB) error { return db.Delete(&User{}, 1).Error }},
	{name: "Delete by keys", changed: two, write: func(db *gorm.DB) error { return db.Delete(&User{}, []int{1, 2}).Error }},
	{name: "Delete for good", changed: one, write: func(db *gorm.DB) error { return db.Unscoped().Delete(user(1)).Error }},
	{name: "Delete by something else", changed: all, bulk: one, write: func(db *gorm.DB) error {
		return db.Where("email = ?", "user1@example.com").Delete(&User{}).Error
	}},
	{name: "Delete through a generic", changed: one, write: func(db *gorm.DB) error {
		_, err := gorm.G[User](db).Where("id = ?", 1).Delete(context.Background())
		return err
	}},
	{name: "Create", write: func(db *gorm.DB) error { return db.Create(&User{ID: 60, Email: "new@example.com"}).Error }},
	{name: "CreateInBatches", write: func(db *gorm.DB) error {
		return db.CreateInBatches([]User{{Email: "a@example.com"}, {Email: "b@example.com"}, {Email: "c@example.com"}}, 2).Error
	}},
	{name: "Create or update by the key", changed: one, mysql: all, write: func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&User{ID: 1, Email: "user1@example.com", Plan: "pro"}).Error
	}},
	{name: "Create or update by something else", changed: all, write: func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "email"}}, DoUpdates: clause.AssignmentColumns([]string{"plan"}),
		}).Create(&User{Email: "user1@example.com", Plan: "pro"}).Error
	}},
	{name: "Create or nothing", mysql: all, write: func(db *gorm.DB) error {
		return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&User{ID: 70, Email: "new@example.com"}).Error
	}},
	{name: "FirstOrCreate with Assign", changed: one, write: func(db *gorm.DB) error {
		var u User
		return db.Where("id = ?", 1).Assign(User{Plan: "pro"}).FirstOrCreate(&u).Error
	}},
	{name: "an association of the user's", changed: one, write: func(db *gorm.DB) error {
		return db.Model(user(1)).Association("Cards").Append(&Card{Number: "1"})
	}},
	{name: "an association that the user is in", changed: one, mysql: all, write: func(db *gorm.DB) error {
		return db.Create(&Team{Name: "one", Users: []User{{ID: 1, Email: "user1@example.com", Plan: "pro"}}}).Error
	}},
	{name: "raw", changed: one, write: func(db *gorm.DB) error {
		return db.Exec("UPDATE users SET plan = ? WHERE id = ?", "pro", 1).Error
	}},
	{name: "raw with a literal", changed: one, write: func(db *gorm.DB) error {
		return db.Exec("update users set plan = 'pro' where (id = 1)").Error
	}},
	{name: "raw, by something else", changed: all, write: func(db *gorm.DB) error {
		return db.Exec("UPDATE users SET plan = ? WHERE email = ?", "pro", "user1@example.com").Error
	}},
	{name: "raw DELETE", changed: one, write: func(db *gorm.DB) error { return db.Exec("DELETE FROM users WHERE id = ?", 1).Error }},
	{name: "raw, with what it returns", changed: one, skip: "mysql", write: func(db *gorm.DB) error {
		var us []User
		return db.Raw("UPDATE users SET plan = ? WHERE id = ? RETURNING *", "pro", 1).Find(&us).Error
	}},
	{name: "raw, in a WITH", changed: all, skip: "mysql", write: func(db *gorm.DB) error {
		return db.Exec("WITH one AS (SELECT 1 AS id) UPDATE users SET plan = 'pro' WHERE id IN (SELECT id FROM one)").Error
	}},
	{name: "a column that is never cached", write: func(db *gorm.DB) error {
		return db.Model(user(1)).UpdateColumn("failures", 3).Error
	}},
	{name: "columns that do not count", write: func(db *gorm.DB) error {
		return db.Exec("UPDATE users SET seen_at = ?, failures = failures + 1 WHERE id = ?", time.Now(), 1).Error
	}},
	{name: "another table", write: func(db *gorm.DB) error { return db.Create(&Card{Number: "2"}).Error }},
}
