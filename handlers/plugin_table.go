package handlers

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/powgin/powgin/cache"
)

// A followedTable is a table whose writes the plugin follows: the users' own, or
// another one that users are read from. It never changes, and is safe for
// concurrent use.
type followedTable struct {
	reader *sqlReader // of its name, and of the columns that say whom a row concerns
	parts  []keyPart  // those columns'

	own  bool                                   // its rows are users: an INSERT changes none that was there
	keys func(parts []string) ([]string, error) // whom a row concerns; nil: its parts are the key
	tell func(context.Context, error)           // of an error of keys

	folds bool // a key may be equal to another text in the database
	text  bool // a user's key, or a part of it, is text

	ignore []string // columns whose change is not announced
	never  []string // columns that are never ignored
}

// A keyPart reads one of the columns that say whom a row concerns.
type keyPart interface {
	// certainText returns the text of a value that a statement has for it, and
	// false where the database may take it for another one's.
	certainText(v any) (string, bool)
	// literalText does so for a literal.
	literalText(literal string, number bool) (string, bool)
	// room returns a pointer to scan it into, and roomText the text of what came.
	room() any
	roomText(room any) (string, bool)
}

// A WatchTable is a table other than the users' own that they are read from, as
// powgin.WatchTable has it.
type WatchTable struct {
	Table   string
	Columns []string
	Keys    func(values []string) ([]string, error)
}

// ownTable follows the users' table.
func (m *Model) ownTable(ignore []string) *followedTable {
	t := &followedTable{own: true, folds: m.folds(), text: m.hasText()}
	for i := range m.keys {
		t.never = append(t.never, m.keys[i].column)
		t.parts = append(t.parts, &m.keys[i])
	}
	t.reader = newSQLReader(m.Table(), slices.Clone(t.never))
	for _, name := range m.schema.DBNames {
		field := m.schema.FieldsByDBName[name]
		if _, ok := reflect.TypeAssert[schema.QueryClausesInterface](reflect.New(field.IndirectFieldType)); ok {
			t.never = append(t.never, name) // it says whether there is a user: gorm.DeletedAt
		} else if !m.Reads(name) && field.Readable {
			t.ignore = append(t.ignore, name)
		}
	}
	t.ignore = append(t.ignore, ignore...)
	return t
}

func (m *Model) folds() bool {
	return slices.ContainsFunc(m.keys, func(k modelKey) bool { return folds(m.schema.FieldsByDBName[k.column]) })
}

func (m *Model) hasText() bool {
	return slices.ContainsFunc(m.keys, func(k modelKey) bool { return k.base.Kind() == reflect.String })
}

// watchedTable follows a table that users of this model are read from; m is nil for
// users that GORM does not read.
func (w WatchTable) watchedTable(m *Model, tell func(context.Context, error)) *followedTable {
	t := &followedTable{reader: newSQLReader(w.Table, slices.Clone(w.Columns)), keys: w.Keys, tell: tell}
	if m != nil {
		t.folds, t.text = m.folds(), m.hasText()
	}
	for i := range w.Columns {
		if m != nil && w.Keys == nil && i < len(m.keys) && !m.keys[i].plainText() {
			t.parts = append(t.parts, &m.keys[i])
		} else {
			t.parts = append(t.parts, plainPart{})
		}
	}
	return t
}

// named reports whether the statement that GORM is about to build is one on this
// table.
func (t *followedTable) named(stmt *gorm.Statement) bool {
	table := t.reader.table
	if stmt.TableExpr != nil {
		return strings.Contains(strings.ToLower(stmt.TableExpr.SQL), strings.ToLower(table)) || len(stmt.TableExpr.Vars) > 0
	}
	named := stmt.Table
	if i := strings.LastIndexByte(named, '.'); i >= 0 {
		named = named[i+1:]
	}
	return strings.EqualFold(strings.Trim(named, "\"`[]"), table)
}

// changes reports whether a statement can make a cached user stale. A plain INSERT
// of a user changes none that was there.
func (t *followedTable) changes(w *sqlWrite) bool {
	return w.touches && !(t.own && w.insert) && t.counts(w.columns)
}

// counts reports whether a change of these columns can make a cached user stale;
// nil stands for any.
func (t *followedTable) counts(columns []string) bool {
	if columns == nil || len(t.ignore) == 0 {
		return true
	}
	return slices.ContainsFunc(columns, func(c string) bool {
		same := func(name string) bool { return strings.EqualFold(name, c) }
		return slices.ContainsFunc(t.never, same) || !slices.ContainsFunc(t.ignore, same)
	})
}

// foldsText reports whether a value in a statement may find the rows of another
// key. MySQL compares texts without regard to case, if nothing else is said, and a
// text with a number as numbers.
func (t *followedTable) foldsText(stmt *gorm.Statement) bool {
	mysql := stmt.Name() == "mysql"
	if t.folds || mysql && t.text {
		return true
	}
	if t.own {
		return false
	}
	for i, column := range t.reader.key {
		field := t.field(stmt, column)
		if field != nil && folds(field) {
			return true
		}
		if _, plain := t.parts[i].(plainPart); mysql && plain && !isInteger(field) {
			return true
		}
	}
	return false
}

// field returns the column's field where the statement is of a model of this table,
// else nil.
func (t *followedTable) field(stmt *gorm.Statement, column string) *schema.Field {
	if s := stmt.Schema; s != nil && strings.EqualFold(s.Table[strings.LastIndexByte(s.Table, '.')+1:], t.reader.table) {
		return s.FieldsByDBName[column]
	}
	return nil
}

func isInteger(field *schema.Field) bool {
	if field == nil || field.TagSettings["TYPE"] != "" {
		return false
	}
	zero := reflect.Zero(field.IndirectFieldType)
	return field.Serializer == nil && (zero.CanInt() || zero.CanUint())
}

// concerned returns the keys of the users whom rows of these parts concern: nil
// for all, empty for none.
func (t *followedTable) concerned(ctx context.Context, rows [][]string) []string {
	if rows == nil || len(rows) > cache.MaxWriteKeys {
		return nil
	}
	keys := make([]string, 0, len(rows))
	for _, parts := range rows {
		if t.keys == nil {
			keys = append(keys, JoinKey(parts...))
			continue
		}
		some, err := t.ask(parts)
		if err != nil {
			t.tell(ctx, fmt.Errorf("powgin: Keys of Config.WatchTables[%q] failed, so that all users are read anew: %w", t.reader.table, err))
			return nil
		}
		keys = append(keys, some...)
	}
	return keys
}

// ask has the app say whom a row concerns.
func (t *followedTable) ask(parts []string) (keys []string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicCause(v)
		}
	}()
	keys, err = t.keys(parts)
	if err == nil && slices.Contains(keys, "") {
		err = errEmptyKey
	}
	return keys, err
}
