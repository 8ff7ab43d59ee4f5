package handlers

import (
	"database/sql/driver"
	"reflect"
	"slices"

	"gorm.io/gorm"
)

// foldsText reports whether a text in a statement may find the row of another key:
// MySQL compares without regard to case, if nothing else is said.
func (p *Plugin) foldsText(stmt *gorm.Statement) bool {
	return p.folds || stmt.Name() == "mysql" &&
		slices.ContainsFunc(p.model.keys, func(k modelKey) bool { return k.base.Kind() == reflect.String })
}

// keysOf returns the keys of the rows that a statement may have changed, and nil
// where it may be any.
func (p *Plugin) keysOf(w *sqlWrite, stmt *gorm.Statement) []string {
	if !w.exact || len(w.keys) != len(p.model.keys) || p.foldsText(stmt) {
		return nil
	}
	rows := [][]string{make([]string, len(w.keys))}
	for i, term := range w.keys {
		var next [][]string
		for _, v := range term {
			text, ok := p.model.keys[i].written(v, stmt.Vars)
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
	keys := make([]string, len(rows))
	for i, row := range rows {
		keys[i] = JoinKey(row...)
	}
	return keys
}

// written returns the text of a value that stands in a statement.
func (k *modelKey) written(v keyValue, vars []any) (string, bool) {
	switch {
	case v.index >= len(vars):
		return "", false
	case v.index >= 0:
		return k.certainText(vars[v.index])
	case v.number && k.base.Kind() == reflect.String:
		return "", false
	}
	return k.parsed(v.literal)
}

// keysIn returns the keys of the rows that were created, and false where they are
// not known.
func (p *Plugin) keysIn(stmt *gorm.Statement) ([]string, bool) {
	if stmt.Schema == nil {
		return nil, false
	}
	rv := stmt.ReflectValue
	if rv.Kind() == reflect.Struct {
		key, ok := p.keyIn(stmt, rv)
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
		key, ok := p.keyIn(stmt, elem)
		if !ok {
			return nil, false
		}
		keys = append(keys, key)
	}
	return keys, true
}

func (p *Plugin) keyIn(stmt *gorm.Statement, row reflect.Value) (string, bool) {
	parts := make([]string, len(p.model.keys))
	for i := range p.model.keys {
		k := &p.model.keys[i]
		field := stmt.Schema.LookUpField(k.column)
		if field == nil || row.Type() != stmt.Schema.ModelType {
			return "", false
		}
		v, zero := field.ValueOf(stmt.Context, row)
		if zero {
			return "", false
		}
		text, ok := k.certainText(v)
		if !ok {
			return "", false
		}
		parts[i] = text
	}
	return JoinKey(parts...), true
}

// certainText returns the text of a value that a statement has for this part of the
// key, and false where the database may take it for another one's.
func (k *modelKey) certainText(v any) (string, bool) {
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
			return k.certainText(plain)
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
