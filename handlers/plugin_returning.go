package handlers

import (
	"context"
	"database/sql"
	"errors"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/powgin/powgin/cache"
)

// returning has a write whose rows its text does not tell return their keys, where
// the database can do that and the app has not asked for columns itself. To know
// the text it has GORM build the statement, which GORM then runs as it is.
func (p *Plugin) returning(build func(*gorm.DB), clauses []string) func(*gorm.DB) {
	const name = "RETURNING"
	if build == nil || !slices.Contains(clauses, name) {
		return func(*gorm.DB) {}
	}
	return func(db *gorm.DB) {
		stmt := db.Statement
		_, asked := stmt.Clauses[name]
		// MariaDB's driver says that UPDATE could do it too.
		if asked || stmt.Name() == "mysql" || db.Error != nil || db.DryRun || stmt.SQL.Len() > 0 || !p.names(stmt) {
			return
		}
		dry, config := *db, *db.Config
		config.DryRun, dry.Config = true, &config
		build(&dry)
		if db.Error = dry.Error; db.Error != nil || stmt.SQL.Len() == 0 {
			return
		}
		w := p.read(stmt.SQL.String())
		// Of a row that gets another key one of the two would be returned.
		if !p.changes(w) || p.reader.setsKey(w.columns) || p.keysOf(w, stmt) != nil {
			return
		}
		columns := make([]string, len(p.model.keys))
		for i := range columns {
			columns[i] = stmt.Quote(clause.Column{Name: p.model.keys[i].column})
		}
		stmt.ConnPool = &returningPool{
			ConnPool: stmt.ConnPool, model: p.model, clause: " " + name + " " + strings.Join(columns, ","),
		}
	}
}

// takeReturned takes away what returning has put there, and returns the keys that
// came; nil where they are too many, or some are not known. It reports false where
// none were asked for.
func (p *Plugin) takeReturned(db *gorm.DB) (keys []string, ok bool) {
	r, ok := db.Statement.ConnPool.(*returningPool)
	if !ok || r.model != p.model {
		return nil, false
	}
	db.Statement.ConnPool = r.ConnPool
	if !r.ran || r.unknown || r.count > cache.MaxWriteKeys {
		return nil, r.ran
	}
	return r.keys, true
}

// A returningPool runs a statement as a query for the keys of the rows that it has
// changed. Of those it keeps no more than can be announced one by one, and counts
// the rest.
type returningPool struct {
	gorm.ConnPool
	model  *Model
	clause string

	ran     bool
	count   int64
	keys    []string
	unknown bool // a key could not be read
}

// ExecContext implements gorm.ConnPool.
func (r *returningPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	rows, err := r.QueryContext(ctx, query+r.clause, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	r.ran, r.keys = true, []string{}
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
	into := make([]any, len(r.model.keys))
	for i := range into {
		into[i] = reflect.New(r.model.keys[i].base).Interface()
	}
	parts := make([]string, len(into))
	ok := rows.Scan(into...) == nil
	for i := 0; ok && i < len(into); i++ {
		parts[i], ok = r.model.keys[i].form.text(reflect.ValueOf(into[i]).Elem())
	}
	r.unknown = r.unknown || !ok
	r.keys = append(r.keys, JoinKey(parts...))
}

var errNoInsertID = errors.New("powgin: an UPDATE or DELETE inserts nothing")

// affected is the sql.Result of a write that has returned its rows.
type affected int64

func (affected) LastInsertId() (int64, error)   { return 0, errNoInsertID }
func (n affected) RowsAffected() (int64, error) { return int64(n), nil }
