package powgin_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// uses are what apps do with GORM, and what they get of it.
var uses = map[string]func(db *gorm.DB) any{
	"a bulk update": func(db *gorm.DB) any {
		m := Patron{Name: "mine"}
		return outcome(db.Model(&m).Where("score > ?", 0).Update("plan", "pro"), &m)
	},
	"a bulk update with a struct": func(db *gorm.DB) any {
		m, with := Patron{}, Patron{Plan: "pro", Score: 9}
		return outcome(db.Model(&m).Where("score > ?", 0).Updates(&with), &m, &with)
	},
	"a bulk update with a map": func(db *gorm.DB) any {
		m, with := Patron{}, map[string]any{"plan": "pro", "score": gorm.Expr("score * 2")}
		return outcome(db.Model(&m).Where("plan = ?", "free").Updates(with), &m, with)
	},
	"a bulk update of nobody": func(db *gorm.DB) any {
		return outcome(db.Model(&Patron{}).Where("score > ?", 99).Update("plan", "pro"))
	},
	"a bulk update of a slice": func(db *gorm.DB) any {
		ms := []Patron{{ID: 1, Name: "x"}, {ID: 3}}
		return outcome(db.Model(&ms).Where("score >= 0").Update("plan", "pro"), &ms)
	},
	"a bulk update of an empty slice": func(db *gorm.DB) any {
		ms := []Patron{}
		return outcome(db.Model(&ms).Where("score > 1").Update("plan", "pro"), &ms)
	},
	"a bulk update that selects": func(db *gorm.DB) any {
		return outcome(db.Model(&Patron{}).Select("plan").Where("score > 1").Updates(Patron{Plan: "pro", Name: "no"}))
	},
	"a bulk update without hooks": func(db *gorm.DB) any {
		m := Patron{}
		return outcome(db.Model(&m).Where("score > 1").UpdateColumn("plan", "pro"), &m)
	},
	"an update without a condition": func(db *gorm.DB) any { return outcome(db.Model(&Patron{}).Update("plan", "pro")) },
	"an update that a constraint refuses": func(db *gorm.DB) any {
		return outcome(db.Model(&Patron{}).Where("score > 1").Update("id", 1))
	},
	"an update of a column of nowhere": func(db *gorm.DB) any {
		return outcome(db.Model(&Patron{}).Where("score > 1").Update("nowhere", 1))
	},
	"an update of a row": func(db *gorm.DB) any {
		m := Patron{ID: 2, Name: "given"}
		return outcome(db.Model(&m).Update("plan", "pro"), &m)
	},
	"an update that a hook refuses": func(db *gorm.DB) any {
		m := Patron{ID: 2, Score: -1}
		return outcome(db.Model(&m).Update("plan", "pro"), &m)
	},
	"a Save": func(db *gorm.DB) any {
		var m Patron
		db.First(&m, 3)
		m.Plan = "pro"
		return outcome(db.Save(&m), &m)
	},
	"a Save of somebody new": func(db *gorm.DB) any {
		m := Patron{ID: 50, Name: "new"}
		return outcome(db.Save(&m), &m)
	},
	"a bulk delete": func(db *gorm.DB) any {
		m := Patron{Name: "mine"}
		return outcome(db.Where("score > 1").Delete(&m), &m)
	},
	"a bulk delete into a slice": func(db *gorm.DB) any {
		ms := []Patron{{Name: "mine"}}
		return outcome(db.Where("score > 1").Delete(&ms), &ms)
	},
	"a delete of a row": func(db *gorm.DB) any {
		m := Patron{ID: 2, Name: "given"}
		return outcome(db.Delete(&m), &m)
	},
	"a delete without a condition": func(db *gorm.DB) any { return outcome(db.Delete(&Patron{})) },
	"the app's own RETURNING of all": func(db *gorm.DB) any {
		var ms []Patron
		return outcome(db.Model(&ms).Clauses(clause.Returning{}).Where("score > 1").Update("plan", "pro"), &ms)
	},
	"the app's own RETURNING of a column": func(db *gorm.DB) any {
		var ms []Patron
		return outcome(db.Model(&ms).Clauses(clause.Returning{Columns: []clause.Column{{Name: "name"}}}).Where("score > 1").Update("plan", "pro"), &ms)
	},
	"the app's own RETURNING of a delete": func(db *gorm.DB) any {
		var ms []Patron
		return outcome(db.Clauses(clause.Returning{}).Where("score > 1").Delete(&ms), &ms)
	},
	"a chain that is used again": func(db *gorm.DB) any {
		tx := db.Model(&Patron{}).Where("score > 0").Session(&gorm.Session{})
		return outcome(tx.Update("plan", "pro")) + outcome(tx.Update("score", 7)) + outcome(tx.Where("name = 'dee'").Delete(&Patron{}))
	},
	"gorm.Statement.Result": func(db *gorm.DB) any {
		result := gorm.WithResult()
		err := gorm.G[Patron](db, result).Exec(context.Background(), "UPDATE patrons SET plan = 'pro' WHERE score > 1")
		if result.Result == nil {
			return fmt.Sprint("no result", err)
		}
		n, rowsErr := result.Result.RowsAffected()
		return fmt.Sprint(n, result.RowsAffected, err, rowsErr)
	},
	"a generic update": func(db *gorm.DB) any {
		n, err := gorm.G[Patron](db).Where("score > 1").Update(context.Background(), "plan", "pro")
		return fmt.Sprint(n, err)
	},
	"a generic delete": func(db *gorm.DB) any {
		n, err := gorm.G[Patron](db).Where("score > 1").Delete(context.Background())
		return fmt.Sprint(n, err)
	},
	"ToSQL": func(db *gorm.DB) any {
		return db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Model(&Patron{}).Where("score > 1").Update("plan", "pro") }) +
			db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Where("score > 1").Delete(&Patron{}) }) +
			db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Exec("UPDATE patrons SET plan = ?", "pro") }) +
			db.ToSQL(func(tx *gorm.DB) *gorm.DB { return tx.Create(&Patron{ID: 9}) })
	},
	"a dry run": func(db *gorm.DB) any {
		stmt := db.Session(&gorm.Session{DryRun: true}).Model(&Patron{}).Where("score > ?", 1).Update("plan", "pro").Statement
		gone := db.Session(&gorm.Session{DryRun: true}).Where("score > ?", 1).Delete(&Patron{}).Statement
		return fmt.Sprint(stmt.SQL.String(), stmt.Vars, gone.SQL.String(), gone.Vars)
	},
	"an Exec":           func(db *gorm.DB) any { return outcome(db.Exec("UPDATE patrons SET plan = ? WHERE score > 1", "pro")) },
	"an Exec that errs": func(db *gorm.DB) any { return outcome(db.Exec("UPDATE patrons SET nowhere = ?", "pro")) },
	"Raw into structs": func(db *gorm.DB) any {
		var ms []Patron
		return outcome(db.Raw("UPDATE patrons SET plan = 'pro' WHERE score > 1 RETURNING *").Scan(&ms), &ms)
	},
	"Raw into a number": func(db *gorm.DB) any {
		var n int
		return outcome(db.Raw("SELECT count(*) FROM patrons").Scan(&n), &n)
	},
	"Row": func(db *gorm.DB) any {
		var name string
		err := db.Raw("UPDATE patrons SET plan = 'pro' WHERE id = 1 RETURNING name").Row().Scan(&name)
		return fmt.Sprint(name, err)
	},
	"Rows": func(db *gorm.DB) any {
		rows, err := db.Model(&Patron{}).Where("score > 1").Rows()
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // it was only read
		var ms []Patron
		for rows.Next() {
			var m Patron
			if err := db.ScanRows(rows, &m); err != nil {
				return err
			}
			ms = append(ms, m)
		}
		return fmt.Sprint(ms, rows.Err())
	},
	"Pluck and Count": func(db *gorm.DB) any {
		var names []string
		var n int64
		return fmt.Sprint(db.Model(&Patron{}).Order("id").Pluck("name", &names).Error, db.Model(&Patron{}).Count(&n).Error, names, n)
	},
	"FindInBatches": func(db *gorm.DB) any {
		var ms []Patron
		var seen []string
		tx := db.FindInBatches(&ms, 3, func(tx *gorm.DB, batch int) error {
			for i := range ms {
				seen = append(seen, fmt.Sprint(batch, ms[i].Name))
				ms[i].Plan = "batch"
			}
			return tx.Save(&ms).Error
		})
		return fmt.Sprint(tx.RowsAffected, tx.Error, seen)
	},
	"FirstOrCreate and Assign": func(db *gorm.DB) any {
		var m Patron
		return outcome(db.Where(Patron{Name: "ann"}).Assign(Patron{Plan: "pro"}).FirstOrCreate(&m), &m)
	},
	"an upsert": func(db *gorm.DB) any {
		ms := []Patron{{ID: 1, Plan: "pro"}, {ID: 60, Plan: "pro"}}
		return outcome(db.Clauses(clause.OnConflict{UpdateAll: true}).Create(&ms), &ms)
	},
	"a transaction that errs": func(db *gorm.DB) any {
		return db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(tx.Model(&Patron{}).Where("score > 1").Update("plan", "pro").Error, errFn)
		})
	},
	"a transaction that is read-only": func(db *gorm.DB) any {
		var n int64
		return db.Transaction(func(tx *gorm.DB) error { return tx.Model(&Patron{}).Count(&n).Error }, &sql.TxOptions{ReadOnly: true})
	},
	"DB and Ping": func(db *gorm.DB) any {
		pool, err := db.DB()
		if err != nil {
			return err
		}
		var n int
		err = errors.Join(pool.Ping(), pool.QueryRow("SELECT count(*) FROM patrons").Scan(&n))
		return fmt.Sprint(n, err)
	},
	"DB within a transaction": func(db *gorm.DB) any {
		return db.Transaction(func(tx *gorm.DB) error {
			_, err := tx.DB()
			return err
		})
	},
	"AutoMigrate": func(db *gorm.DB) any {
		return fmt.Sprint(db.AutoMigrate(&Patron{}), db.Migrator().HasColumn(&Patron{}, "plan"), db.Transaction(func(tx *gorm.DB) error {
			return tx.AutoMigrate(&Patron{})
		}))
	},
	"a cancelled context": func(db *gorm.DB) any {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		return outcome(db.WithContext(ctx).Model(&Patron{}).Where("score > 1").Update("plan", "pro"))
	},
	"a connection": func(db *gorm.DB) any {
		return db.Connection(func(tx *gorm.DB) error {
			return tx.Session(&gorm.Session{NewDB: true}).Model(&Patron{}).Where("score > 1").Update("plan", "pro").Error
		})
	},
}

func TestGORMWorksAsWithoutThePlugin(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config  gorm.Config
		session gorm.Session
	}{
		"as it comes":                {},
		"SkipDefaultTransaction":     {config: gorm.Config{SkipDefaultTransaction: true}},
		"PrepareStmt":                {config: gorm.Config{PrepareStmt: true}},
		"PrepareStmt of a session":   {session: gorm.Session{PrepareStmt: true}},
		"AllowGlobalUpdate":          {config: gorm.Config{AllowGlobalUpdate: true, TranslateError: true}},
		"no nested transactions":     {config: gorm.Config{DisableNestedTransaction: true}},
		"a query has all its fields": {config: gorm.Config{QueryFields: true, CreateBatchSize: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTwin(t, tt.config)
			w.plain, w.followed = w.plain.Session(&tt.session), w.followed.Session(&tt.session)
			for name, use := range uses {
				t.Run(name, func(t *testing.T) { w.same(t, use) })
			}
		})
	}
}
