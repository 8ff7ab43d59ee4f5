package handlers

import (
	"database/sql/driver"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// rowsOf returns the parts of the rows that a statement may have changed, and nil
// where it may be any.
func (t *followedTable) rowsOf(w *sqlWrite, stmt *gorm.Statement) [][]string {
	if !w.exact || len(w.keys) != len(t.parts) || t.foldsText(stmt) {
		return nil
	}
	rows := [][]string{make([]string, len(w.keys))}
	for i, term := range w.keys {
		var next [][]string
		for _, v := range term {
			text, ok := written(t.parts[i], v, stmt.Vars)
			if !ok {
				return nil
			}
			for _, row := range rows {
				row = slices.Clone(row)
				row[i] = text
				next = append(next, row)
			}
		}
		rows = next
	}
	return rows
}

// written returns the text of a value that stands in a statement.
func written(part keyPart, v keyValue, vars []any) (string, bool) {
	switch {
	case v.index >= len(vars):
		return "", false
	case v.index >= 0:
		return part.certainText(vars[v.index])
	}
	return part.literalText(v.literal, v.number)
}

// created returns the keys of the users whom an INSERT by GORM concerns: nil for
// all, empty for none.
func (t *followedTable) created(stmt *gorm.Statement, w *sqlWrite) []string {
	if !w.insert && (!t.conflictsByKey(stmt, w) || t.foldsText(stmt)) {
		return nil
	}
	if !t.own {
		return t.concerned(stmt.Context, t.rowsInserted(stmt))
	}
	keys, known := t.keysIn(stmt)
	switch {
	case known:
		return keys
	case w.insert:
		return []string{} // of rows that nobody knows none was there
	}
	return nil
}

// conflictsByKey reports whether the row that an upsert changes has the key of the
// one that was to be made. MySQL looks at every unique index.
func (t *followedTable) conflictsByKey(stmt *gorm.Statement, w *sqlWrite) bool {
	c, ok := stmt.Clauses["ON CONFLICT"].Expression.(clause.OnConflict)
	if !ok || c.OnConstraint != "" || stmt.Name() == "mysql" {
		return false
	}
	has := func(name string) bool {
		return slices.ContainsFunc(c.Columns, func(column clause.Column) bool { return column.Name == name })
	}
	if slices.ContainsFunc(t.reader.key, func(name string) bool { return !has(name) }) {
		return false
	}
	if t.own {
		return w.upsert && len(c.Columns) == len(t.parts)
	}
	return w.upsert && !t.sets(c)
}

// sets reports whether an upsert may give a row to other users.
func (t *followedTable) sets(c clause.OnConflict) bool {
	return c.UpdateAll || slices.ContainsFunc(c.DoUpdates, func(a clause.Assignment) bool {
		name := a.Column.Name
		return a.Column.Raw || name == clause.PrimaryKey || strings.ContainsRune(name, '.') || t.reader.keyColumn(name) >= 0
	})
}

// rowsInserted returns the parts of the rows that GORM has put into the statement;
// nil where they are not all there.
func (t *followedTable) rowsInserted(stmt *gorm.Statement) [][]string {
	values, ok := stmt.Clauses["VALUES"].Expression.(clause.Values)
	if !ok || len(t.parts) == 0 || t.foldsText(stmt) {
		return nil
	}
	at := make([]int, len(t.parts))
	for i, name := range t.reader.key {
		at[i] = slices.IndexFunc(values.Columns, func(c clause.Column) bool { return strings.EqualFold(c.Name, name) })
		if at[i] < 0 {
			return nil
		}
	}
	rows := make([][]string, 0, len(values.Values))
	for _, given := range values.Values {
		parts := make([]string, len(t.parts))
		for i, part := range t.parts {
			if at[i] >= len(given) {
				return nil
			}
			if parts[i], ok = part.certainText(given[at[i]]); !ok {
				return nil
			}
		}
		rows = append(rows, parts)
	}
	return rows
}

// keysIn returns the keys of the rows that were created, and false where they are
// not known.
func (t *followedTable) keysIn(stmt *gorm.Statement) ([]string, bool) {
	if stmt.Schema == nil {
		return nil, false
	}
	rv := stmt.ReflectValue
	if rv.Kind() == reflect.Struct {
		key, ok := t.keyIn(stmt, rv)
		return []string{key}, ok
	}
	if rv.Kind() != reflect.Slice && rv.Kind() != reflect.Array || rv.Len() == 0 {
		return nil, false
	}
	keys := make([]string, 0, rv.Len())
	for i := range rv.Len() {
		elem := rv.Index(i)
		for elem.Kind() == reflect.Pointer || elem.Kind() == reflect.Interface {
			elem = elem.Elem()
		}
		if elem.Kind() != reflect.Struct {
			return nil, false
		}
		key, ok := t.keyIn(stmt, elem)
		if !ok {
			return nil, false
		}
		keys = append(keys, key)
	}
	return keys, true
}

func (t *followedTable) keyIn(stmt *gorm.Statement, row reflect.Value) (string, bool) {
	parts := make([]string, len(t.parts))
	for i, part := range t.parts {
		field := stmt.Schema.LookUpField(t.reader.key[i])
		if field == nil || row.Type() != stmt.Schema.ModelType {
			return "", false
		}
		v, zero := field.ValueOf(stmt.Context, row)
		if zero {
			return "", false
		}
		text, ok := part.certainText(v)
		if !ok {
			return "", false
		}
		parts[i] = text
	}
	return JoinKey(parts...), true
}

// certainText returns the text of a value that a statement has for this part of the
// key, and false where the database may take it for another one's: a key that is
// text here may be a UUID there, which is written in several ways.
func (k *modelKey) certainText(v any) (string, bool) {
	text, ok := k.valueText(v)
	return text, ok && (k.base.Kind() != reflect.String || writtenOneWay(text))
}

func (k *modelKey) valueText(v any) (string, bool) {
	rv := reflect.ValueOf(v)
	for rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	if !rv.IsValid() || rv.Kind() == reflect.Pointer {
		return "", false
	}
	if rv.Type() == k.base {
		return k.form.text(rv)
	}
	into := reflect.New(k.base).Elem()
	switch {
	case rv.CanInt() && into.CanInt():
		into.SetInt(rv.Int())
		return k.same(into, !into.OverflowInt(rv.Int()))
	case rv.CanInt() && into.CanUint():
		into.SetUint(uint64(rv.Int()))
		return k.same(into, rv.Int() >= 0 && !into.OverflowUint(uint64(rv.Int())))
	case rv.CanUint() && into.CanUint():
		into.SetUint(rv.Uint())
		return k.same(into, !into.OverflowUint(rv.Uint()))
	case rv.CanUint() && into.CanInt():
		into.SetInt(int64(rv.Uint()))
		return k.same(into, rv.Uint() <= 1<<63-1 && !into.OverflowInt(int64(rv.Uint())))
	case rv.Kind() == reflect.String:
		return k.parsed(rv.String())
	}
	if valuer, ok := reflect.TypeAssert[driver.Valuer](rv); ok {
		if plain, err := valuer.Value(); err == nil && driver.IsValue(plain) && reflect.TypeOf(plain) != rv.Type() {
			return k.valueText(plain)
		}
	}
	return "", false
}

func (k *modelKey) same(v reflect.Value, fits bool) (string, bool) {
	if !fits {
		return "", false
	}
	return k.form.text(v)
}

// parsed returns the text that a key has whose value is written like this.
func (k *modelKey) parsed(s string) (string, bool) {
	v := reflect.New(k.base).Elem()
	if !k.form.parse(s, v) {
		return "", false
	}
	return k.form.text(v)
}
