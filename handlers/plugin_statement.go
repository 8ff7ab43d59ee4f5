package handlers

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A sqlMemo remembers what statements may change: an app has not many different
// ones. It is safe for concurrent use.
type sqlMemo struct {
	mu   sync.RWMutex
	read map[string]*sqlWrite // guarded by mu
}

// maxMemo bounds it; it starts anew when it is full.
const maxMemo = 1024

// noWrite is what a SELECT may change.
var noWrite sqlWrite

func (p *Plugin) read(text string) *sqlWrite {
	if onlyReads(text) {
		return &noWrite // there are many of these, and to see it is cheaper than to remember it
	}
	m := &p.memo
	m.mu.RLock()
	w := m.read[text]
	m.mu.RUnlock()
	if w != nil {
		return w
	}
	read := p.reader.read(text)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.read == nil || len(m.read) >= maxMemo {
		m.read = make(map[string]*sqlWrite)
	}
	m.read[strings.Clone(text)] = &read
	return &read
}

// names reports whether the statement that GORM is about to build is one on the
// users' table.
func (p *Plugin) names(stmt *gorm.Statement) bool {
	_, table, qualified := strings.Cut(p.model.Table(), ".")
	if !qualified {
		table = p.model.Table()
	}
	if stmt.TableExpr != nil {
		return strings.Contains(strings.ToLower(stmt.TableExpr.SQL), strings.ToLower(table)) || len(stmt.TableExpr.Vars) > 0
	}
	named := stmt.Table
	if i := strings.LastIndexByte(named, '.'); i >= 0 {
		named = named[i+1:]
	}
	return strings.EqualFold(strings.Trim(named, "\"`[]"), table)
}

// followConn has the transaction followed that GORM begins on a single connection,
// of whatever table: users may be saved with what they belong to.
func (p *Plugin) followConn(db *gorm.DB) {
	if conn, ok := db.Statement.ConnPool.(*sql.Conn); ok {
		db.Statement.ConnPool = p.follow(conn)
	}
}

func (p *Plugin) beforeModel(db *gorm.DB) {
	if p.names(db.Statement) {
		p.begin(db)
	}
}

func (p *Plugin) afterStatement(db *gorm.DB) {
	keys, returned := p.takeReturned(db)
	stmt := db.Statement
	switch {
	case stmt.SQL.Len() == 0 || db.DryRun:
	case returned && db.Error == nil:
		if keys == nil || len(keys) > 0 {
			p.note(db, keys)
		}
	default:
		p.noteText(db, p.read(stmt.SQL.String()))
	}
}

// noteText notes what a statement has changed, as far as its text tells.
func (p *Plugin) noteText(db *gorm.DB, w *sqlWrite) {
	if !p.changes(w) {
		return
	}
	p.note(db, p.keysOf(w, db.Statement))
}

// afterCreate notes the rows that were made. Of those that nobody knows a plain
// INSERT changes none that was there.
func (p *Plugin) afterCreate(db *gorm.DB) {
	stmt := db.Statement
	if stmt.SQL.Len() == 0 || db.DryRun {
		return
	}
	w := p.read(stmt.SQL.String())
	if !w.touches {
		return
	}
	keys, known := p.keysIn(stmt)
	switch {
	case w.insert && known:
		p.note(db, keys)
	case w.insert:
	case known && p.conflictsByKey(stmt) && !p.foldsText(stmt):
		p.note(db, keys)
	default:
		p.note(db, nil)
	}
}

// conflictsByKey reports whether the row that an upsert changes has the key of the
// one that was to be made. MySQL looks at every unique index.
func (p *Plugin) conflictsByKey(stmt *gorm.Statement) bool {
	c, ok := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if !ok || c.OnConstraint != "" || len(c.Columns) != len(p.model.keys) || stmt.Name() == "mysql" {
		return false
	}
	for _, column := range c.Columns {
		if !slices.ContainsFunc(p.model.keys, func(k modelKey) bool { return k.column == column.Name }) {
			return false
		}
	}
	return true
}

func (p *Plugin) beforeRaw(db *gorm.DB) {
	stmt := db.Statement
	if stmt.SQL.Len() == 0 {
		return // GORM's own SELECT
	}
	if w := p.read(stmt.SQL.String()); p.changes(w) {
		p.begin(db)
	}
}

func (p *Plugin) afterRaw(db *gorm.DB) {
	if stmt := db.Statement; stmt.SQL.Len() > 0 && !db.DryRun {
		text := stmt.SQL.String()
		if tx := p.followed(stmt.ConnPool); tx != nil && db.Error == nil {
			tx.log.savepoint(text)
		}
		p.noteText(db, p.read(text))
	}
}

// beforeRow notes what a raw statement is about to change whose rows the app reads
// one by one: nobody can tell when it is over.
func (p *Plugin) beforeRow(db *gorm.DB) {
	stmt := db.Statement
	if stmt.SQL.Len() == 0 || db.DryRun || db.Error != nil {
		return
	}
	w := p.read(stmt.SQL.String())
	if !p.changes(w) {
		return
	}
	if err := p.tryNote(db, p.keysOf(w, stmt)); err != nil {
		// With an error of its own GORM would hand out a nil *sql.Row.
		stmt.Context = refused{stmt.Context, err}
	}
}

// refused is a context that has ended with an error.
type refused struct {
	context.Context
	err error
}

func (refused) Done() <-chan struct{} { return ended }
func (c refused) Err() error          { return c.err }

var ended = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
