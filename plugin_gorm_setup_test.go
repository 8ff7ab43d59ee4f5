package powgin_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"

	"github.com/powgin/powgin"
)

// A Patron is a model with hooks, which note what they find.
type Patron struct {
	ID    uint
	Name  string
	Plan  string
	Score int
	Seen  []string `gorm:"-"`
}

// BeforeUpdate implements GORM's hook.
func (m *Patron) BeforeUpdate(tx *gorm.DB) error { return m.see(tx, "before update") }

// AfterUpdate implements GORM's hook.
func (m *Patron) AfterUpdate(tx *gorm.DB) error { return m.see(tx, "after update") }

// BeforeSave implements GORM's hook.
func (m *Patron) BeforeSave(tx *gorm.DB) error { return m.see(tx, "before save") }

// AfterSave implements GORM's hook.
func (m *Patron) AfterSave(tx *gorm.DB) error { return m.see(tx, "after save") }

// BeforeDelete implements GORM's hook.
func (m *Patron) BeforeDelete(tx *gorm.DB) error { return m.see(tx, "before delete") }

// AfterDelete implements GORM's hook.
func (m *Patron) AfterDelete(tx *gorm.DB) error { return m.see(tx, "after delete") }

// see notes what the hook finds in its model and in the statement.
func (m *Patron) see(tx *gorm.DB, when string) error {
	stmt := tx.Statement
	_, returning := stmt.Clauses["RETURNING"]
	changed := stmt.ReflectValue.Kind() == reflect.Struct && stmt.Changed("Plan")
	m.Seen = append(m.Seen, fmt.Sprint(when, m.ID, m.Name, m.Plan, changed, tx.RowsAffected, returning, stmt.Table),
		fmt.Sprintf("%T %T %v", stmt.Model, stmt.Dest, stmt.ReflectValue.Type()))
	if m.Score < 0 {
		return errFn
	}
	return nil
}

// A twin is a database as GORM alone has it, beside one that the plugin follows.
type twin struct{ plain, followed *gorm.DB }

func newTwin(t *testing.T, config gorm.Config) twin {
	t.Helper()
	w := twin{dialPlain(t, config), dialPlain(t, config)}
	noError(t, w.followed.Use(open(t, powgin.Config[Patron]{DB: w.followed})))
	return w
}

// dialPlain opens a database of the test's own, by the pool that apps have.
func dialPlain(t *testing.T, config gorm.Config) *gorm.DB {
	t.Helper()
	config.Logger = logger.Discard
	dsn := "file:" + filepath.Join(t.TempDir(), "app.db") + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: dsn}, &config)
	noError(t, err)
	pool, err := db.DB()
	noError(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	noError(t, db.AutoMigrate(&Patron{}))
	return db
}

// same runs f on both databases, with the same patrons, and fails the test where it
// gives another answer or leaves other patrons.
func (w twin) same(t *testing.T, f func(db *gorm.DB) any) {
	t.Helper()
	want, got := w.run(t, w.plain, f), w.run(t, w.followed, f)
	if want != got {
		t.Errorf("with the plugin\n%s\nwant, as without it,\n%s", got, want)
	}
}

func (w twin) run(t *testing.T, db *gorm.DB, f func(db *gorm.DB) any) string {
	t.Helper()
	noError(t, db.Exec("DELETE FROM patrons").Error)
	for i, name := range []string{"ann", "ben", "cid", "dee"} {
		noError(t, db.Table("patrons").Create(map[string]any{"id": i + 1, "name": name, "plan": "free", "score": i}).Error)
	}
	answer := f(db)
	var rows []Patron
	noError(t, db.Order("id").Find(&rows).Error)
	return fmt.Sprintf("%+v, leaving %+v", answer, rows)
}

// outcome is what a statement tells of itself, and what it was given.
func outcome(tx *gorm.DB, given ...any) string {
	text := fmt.Sprintf("%d rows, error %v, model %T, dest %T, clauses %v;", tx.RowsAffected, tx.Error, tx.Statement.Model,
		tx.Statement.Dest, returningOf(tx.Statement))
	for _, g := range given {
		text += fmt.Sprintf(" %+v", reflect.Indirect(reflect.ValueOf(g)).Interface())
	}
	return text
}

func returningOf(stmt *gorm.Statement) string {
	c, ok := stmt.Clauses["RETURNING"]
	if !ok {
		return "none returning"
	}
	r, _ := c.Expression.(clause.Returning)
	return fmt.Sprint("returning ", r.Columns)
}
