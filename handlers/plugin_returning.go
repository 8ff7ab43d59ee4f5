package handlers

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/powgin/powgin/cache"
)

const returningName = "RETURNING"

// returning has a write whose rows its text does not tell return whom they concern,
// where the database can do that and the app has not asked for columns itself. To
// know the text it has GORM build the statement, which GORM then runs as it is.
func (p *Plugin) returning(build func(*gorm.DB), clauses []string) func(*gorm.DB) {
	if build == nil || !slices.Contains(clauses, returningName) {
		return func(*gorm.DB) {}
	}
	return func(db *gorm.DB) {
		stmt := db.Statement
		_, asked := stmt.Clauses[returningName]
		// MariaDB's driver says that UPDATE could do it too.
		if asked || stmt.Name() == "mysql" || db.Error != nil || db.DryRun || stmt.SQL.Len() > 0 {
			return
		}
		if p.named(stmt) == nil {
			return
		}
		dry, config := *db, *db.Config
		config.DryRun, dry.Config = true, &config
		build(&dry)
		if db.Error = dry.Error; db.Error != nil || stmt.SQL.Len() == 0 {
			return
		}
		if writes := p.read(stmt.SQL.String()); len(writes) == 1 && writes[0].table.returns(&writes[0].sqlWrite, stmt) {
			stmt.ConnPool = &returningPool{ConnPool: stmt.ConnPool, plugin: p, table: writes[0].table, stmt: stmt}
		}
	}
}

// returningUpsert is returning for the upserts of watched tables: of users that are
// created the keys are known.
func (p *Plugin) returningUpsert(build func(*gorm.DB), clauses []string) func(*gorm.DB) {
	returning := p.returning(build, clauses)
	return func(db *gorm.DB) {
		if _, upsert := db.Statement.Clauses["ON CONFLICT"]; !upsert || db.Statement.Schema == nil {
			return
		}
		if t := p.named(db.Statement); t != nil && !t.own {
			returning(db)
		}
	}
}

// returns reports whether a statement, which GORM has built, has to return the rows
// that it changes, and can. Of a row that is given to another user one of the two
// would be returned; and what a row of another table has may be a key that is
// written in another way.
func (t *followedTable) returns(w *sqlWrite, stmt *gorm.Statement) bool {
	if len(t.parts) == 0 || !t.changes(w) || !t.own && t.foldsText(stmt) {
		return false
	}
	switch {
	case w.remove, w.columns != nil && !t.reader.setsKey(w.columns):
		return t.rowsOf(w, stmt) == nil
	case w.upsert:
		c, ok := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
		_, asked := stmt.Clauses[returningName] // by GORM itself, for values that the database gives
		return ok && !asked && !t.own && !t.sets(c) && t.created(stmt, w) == nil
	}
	return false
}

// clause is what has a statement return whom the table's rows concern. Beside other
// tables PostgreSQL wants to know whose columns they are.
func (t *followedTable) clause(stmt *gorm.Statement) string {
	table := ""
	if from, ok := stmt.Clauses["FROM"].Expression.(clause.From); ok && len(from.Tables)+len(from.Joins) > 0 {
		table = clause.CurrentTable
	}
	columns := make([]string, len(t.reader.key))
	for i, name := range t.reader.key {
		columns[i] = stmt.Quote(clause.Column{Table: table, Name: name})
	}
	return " " + returningName + " " + strings.Join(columns, ",")
}

// takeReturned takes away what returning has put there, and returns the keys of the
// users whom the rows that came concern: nil for all, empty for none. It reports
// false where no rows were asked for.
func (p *Plugin) takeReturned(db *gorm.DB) (keys []string, ok bool) {
	r, ok := db.Statement.ConnPool.(*returningPool)
	if !ok || r.plugin != p {
		return nil, false
	}
	db.Statement.ConnPool = r.ConnPool
	if !r.ran || r.unknown || r.count > cache.MaxWriteKeys {
		return nil, r.ran
	}
	return r.table.concerned(db.Statement.Context, r.rows), true
}

// A returningPool runs a statement as a query for whom the rows concern that it has
// changed. Of those it keeps no more than can be announced one by one, and counts
// the rest.
type returningPool struct {
	gorm.ConnPool
	plugin *Plugin
	table  *followedTable
	stmt   *gorm.Statement

	ran     bool
	count   int64
	rows    [][]string
	unknown bool // a row could not be read
}

// ExecContext implements gorm.ConnPool.
func (r *returningPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	rows, err := r.QueryContext(ctx, query+r.table.clause(r.stmt), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	r.ran, r.rows = true, [][]string{}
	for rows.Next() {
		if r.count++; r.count <= cache.MaxWriteKeys {
			r.take(rows)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return affected(r.count), rows.Close()
}

func (r *returningPool) take(rows *sql.Rows) {
	into := make([]any, len(r.table.parts))
	for i, part := range r.table.parts {
		into[i] = part.room()
	}
	parts := make([]string, len(into))
	ok := rows.Scan(into...) == nil
	for i := 0; ok && i < len(into); i++ {
		parts[i], ok = r.table.parts[i].roomText(into[i])
	}
	r.unknown = r.unknown || !ok
	r.rows = append(r.rows, parts)
}

var errNoInsertID = errors.New("powgin: an UPDATE or DELETE inserts nothing")

// affected is the sql.Result of a write that has returned its rows.
type affected int64

func (affected) LastInsertId() (int64, error)   { return 0, errNoInsertID }
func (n affected) RowsAffected() (int64, error) { return int64(n), nil }
