package handlers

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"
)

// A sqlMemo remembers what statements may change: an app has not many different
// ones. It is safe for concurrent use.
type sqlMemo struct {
	mu   sync.RWMutex
	read map[string][]tableWrite // guarded by mu
}

// maxMemo bounds it; it starts anew when it is full.
const maxMemo = 1024

// A tableWrite is what a statement may change in a table that it touches.
type tableWrite struct {
	sqlWrite
	table *followedTable
}

// read returns what a statement may change; nil where it touches no table that is
// followed.
func (p *Plugin) read(text string) []tableWrite {
	if onlyReads(text) {
		return nil // there are many of these, and to see it is cheaper than to remember it
	}
	m := &p.memo
	m.mu.RLock()
	writes, known := m.read[text]
	m.mu.RUnlock()
	if known {
		return writes
	}
	s := sqlText{sql: text}
	s.cut()
	for _, t := range p.tables {
		if w := t.reader.readText(&s); w.touches {
			writes = append(writes, tableWrite{w, t})
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.read == nil || len(m.read) >= maxMemo {
		m.read = make(map[string][]tableWrite)
	}
	m.read[strings.Clone(text)] = writes
	return writes
}

// counts reports whether a statement can make a cached user stale.
func counts(writes []tableWrite) bool {
	return slices.ContainsFunc(writes, func(w tableWrite) bool { return w.table.changes(&w.sqlWrite) })
}

// concerned returns the keys of the users whom a statement concerns, as far as its
// text tells: nil for all, empty for none. One that touches several tables is too
// involved to tell.
func concerned(stmt *gorm.Statement, writes []tableWrite) []string {
	switch {
	case !counts(writes):
		return []string{}
	case len(writes) > 1:
		return nil
	}
	t := writes[0].table
	return t.concerned(stmt.Context, t.rowsOf(&writes[0].sqlWrite, stmt))
}

// named returns the first of the tables that the statement which GORM is about to
// build may be one on; nil for none.
func (p *Plugin) named(stmt *gorm.Statement) *followedTable {
	for _, t := range p.tables {
		if t.named(stmt) {
			return t
		}
	}
	return nil
}

// followConn has the transaction followed that GORM begins on a single connection,
// of whatever table: users may be saved with what they belong to.
func (p *Plugin) followConn(db *gorm.DB) {
	if conn, ok := db.Statement.ConnPool.(*sql.Conn); ok {
		db.Statement.ConnPool = p.follow(conn)
	}
}

func (p *Plugin) beforeModel(db *gorm.DB) {
	if p.named(db.Statement) != nil {
		p.begin(db)
	}
}

func (p *Plugin) afterStatement(db *gorm.DB) {
	keys, returned := p.takeReturned(db)
	stmt := db.Statement
	switch {
	case stmt.SQL.Len() == 0 || db.DryRun:
	case returned && db.Error == nil:
		p.note(db, keys)
	default:
		p.noteText(db, stmt.SQL.String())
	}
}

// noteText notes what a statement has changed, as far as its text tells.
func (p *Plugin) noteText(db *gorm.DB, text string) {
	p.note(db, concerned(db.Statement, p.read(text)))
}

// afterCreate notes the rows that were made.
func (p *Plugin) afterCreate(db *gorm.DB) {
	keys, returned := p.takeReturned(db)
	stmt := db.Statement
	if stmt.SQL.Len() == 0 || db.DryRun {
		return
	}
	if returned && db.Error == nil {
		p.note(db, keys)
		return
	}
	switch writes := p.read(stmt.SQL.String()); len(writes) {
	case 0:
	case 1:
		p.note(db, writes[0].table.created(stmt, &writes[0].sqlWrite))
	default:
		p.note(db, nil)
	}
}

func (p *Plugin) beforeRaw(db *gorm.DB) {
	stmt := db.Statement
	if stmt.SQL.Len() == 0 {
		return // GORM's own SELECT
	}
	if counts(p.read(stmt.SQL.String())) {
		p.begin(db)
	}
}

func (p *Plugin) afterRaw(db *gorm.DB) {
	if stmt := db.Statement; stmt.SQL.Len() > 0 && !db.DryRun {
		text := stmt.SQL.String()
		if tx := p.followed(stmt.ConnPool); tx != nil && db.Error == nil {
			tx.log.savepoint(text)
		}
		p.noteText(db, text)
	}
}

// beforeRow notes what a raw statement is about to change whose rows the app reads
// one by one: nobody can tell when it is over.
func (p *Plugin) beforeRow(db *gorm.DB) {
	stmt := db.Statement
	if stmt.SQL.Len() == 0 || db.DryRun || db.Error != nil {
		return
	}
	keys := concerned(stmt, p.read(stmt.SQL.String()))
	if keys != nil && len(keys) == 0 {
		return
	}
	if err := p.tryNote(db, keys); err != nil {
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
