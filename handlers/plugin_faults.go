package handlers

import (
	"fmt"
	"slices"
	"strings"
)

// IgnoreFaults says what is wrong with columns that are to be ignored.
func (m *Model) IgnoreFaults(columns []string) (faults []Fault) {
	for _, c := range columns {
		var rule string
		switch {
		case m.schema.FieldsByDBName[c] == nil:
			rule = "is no column of " + m.Table()
		case slices.ContainsFunc(m.keys, func(k modelKey) bool { return k.column == c }):
			rule = "is part of the primary key, whose change is always announced"
		default:
			continue
		}
		faults = append(faults, Fault{Field: "Config.IgnoreColumns", Value: c, Rule: rule})
	}
	return faults
}

// Faults says what is wrong with a table that is to be watched, for users of this
// model; nil stands for users that GORM does not read.
func (w WatchTable) Faults(m *Model) (faults []Fault) {
	field := fmt.Sprintf("Config.WatchTables[%q]", w.Table)
	add := func(field, value, rule string) {
		faults = append(faults, Fault{Field: field, Value: value, Rule: rule})
	}
	switch {
	case strings.TrimSpace(w.Table) == "":
		add(field, "", "has no name: give the table's, as SQL has it")
	case quoted(w.Table) || strings.HasSuffix(w.Table, "."):
		add(field, "", "must be a table's name without quotes")
	case m != nil && sameTable(w.Table, m.Table()):
		add(field, "", "is the users' own table, which is followed already")
	}
	for i, c := range w.Columns {
		switch {
		case strings.TrimSpace(c) == "":
			add(field+".Columns", "", "has an empty name")
		case quoted(c) || strings.ContainsRune(c, '.'):
			add(field+".Columns", c, "must be a column's name without quotes and table")
		case slices.ContainsFunc(w.Columns[:i], func(other string) bool { return strings.EqualFold(other, c) }):
			add(field+".Columns", c, "is there twice")
		}
	}
	switch {
	case w.Keys != nil && len(w.Columns) == 0:
		add(field+".Keys", "a function", "goes with Columns: without any it would get no values")
	case m != nil && w.Keys == nil && len(w.Columns) > 0 && len(w.Columns) != len(m.keys):
		add(field+".Columns", strings.Join(w.Columns, ", "), "are not as many as the primary key has: Keys has to say whom they mean")
	}
	return faults
}

func quoted(name string) bool { return strings.ContainsAny(name, "\"`'[]") }

// sameTable reports whether two names may be the same table's: one without a schema
// is in any.
func sameTable(a, b string) bool {
	if strings.Contains(a, ".") && strings.Contains(b, ".") {
		return strings.EqualFold(a, b)
	}
	return strings.EqualFold(a[strings.LastIndexByte(a, '.')+1:], b[strings.LastIndexByte(b, '.')+1:])
}
