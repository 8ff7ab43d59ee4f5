package handlers

import (
	"database/sql/driver"
	"reflect"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
)

// keyVar stands for the i-th part of a key while the query is built. It is a
// driver.Valuer, so that GORM takes it for an argument like any other.
type keyVar int

func (v keyVar) Value() (driver.Value, error) { return int64(v), nil }

// buildQuery lets GORM write the SELECT: its clauses, its soft delete and the
// dialect's quoting. Only the builder itself runs, no callback of a plugin: a
// condition that one adds for a single request must not stay in the SQL.
func buildQuery(session *gorm.DB, m *Model) (loaderQuery, error) {
	tx := session.Session(&gorm.Session{NewDB: true, DryRun: true, Initialized: true})
	stmt := tx.Statement
	stmt.Model = reflect.New(m.typ).Interface()
	if err := stmt.Parse(stmt.Model); err != nil {
		return loaderQuery{}, err
	}
	columns := make([]clause.Column, len(m.columns))
	for i, name := range m.columns {
		columns[i] = clause.Column{Table: clause.CurrentTable, Name: name}
	}
	conditions := make([]clause.Expression, len(m.keys))
	for i, key := range m.keys {
		conditions[i] = clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: key.column}, Value: keyVar(i)}
	}
	stmt.AddClause(clause.Select{Columns: columns})
	stmt.AddClause(clause.Where{Exprs: conditions})
	stmt.BuildClauses = tx.Callback().Query().Clauses
	callbacks.BuildQuerySQL(tx)
	return loaderQuery{sql: stmt.SQL.String(), vars: stmt.Vars}, tx.Error
}
