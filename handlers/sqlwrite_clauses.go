package handlers

import "strings"

// A sqlTarget is the table that a statement names first.
type sqlTarget struct {
	table  string
	called string // what its columns are qualified with: its alias or name
	quoted bool   // its name is in double quotes, so that such quotes hold names
	next   int    // the token after it
}

// target reads [schema.]table [*] [[AS] alias] at token i, or no more than the
// table where there are no aliases.
func (s *sqlText) target(i int, aliases bool) (t sqlTarget, ok bool) {
	for {
		if t.table = s.name(i); t.table == "" {
			return t, false
		}
		if !s.isOp(i+1, ".") {
			break
		}
		i += 2
	}
	t.called, t.quoted = t.table, s.text(i)[0] == '"'
	t.next = i + 1
	if !aliases {
		return t, true
	}
	i++
	if s.isOp(i, "*") {
		i++
	}
	named := s.is(i, "as")
	if named {
		i++
	}
	if alias := s.name(i); alias != "" && (named || !s.clause(i) && !s.is(i, "set")) {
		t.called = alias
		i++
	} else if named {
		return t, false
	}
	t.next = i
	return t, true
}

// clause tells the keywords that end what is before them.
func (s *sqlText) clause(i int) bool {
	for _, word := range [...]string{"where", "from", "using", "order", "limit", "returning"} {
		if s.is(i, word) {
			return true
		}
	}
	return false
}

// A sqlBody is what follows the target of an UPDATE or DELETE.
type sqlBody struct {
	end       int  // of what is before all clauses
	where, to int  // the condition; where is 0 without one
	joined    bool // other tables take part
	loose     bool // the condition is more than terms that all must hold
}

// body finds the clauses from token i on. It fails where a keyword may be a
// name.
func (s *sqlText) body(i int) (b sqlBody, ok bool) {
	from, last := i, len(s.tokens)
	b.end, b.to = last, last
	for ; i < last; i = s.after(i) {
		switch {
		case b.where > 0 && s.loosens(i):
			b.loose = true
		case !s.clause(i), b.where > 0 && (s.is(i, "from") || s.is(i, "using")):
			continue
		case i > from && !s.ends(i-1):
			return b, false
		case s.is(i, "where"):
			if b.where > 0 || b.to < last {
				return b, false
			}
			b.where, b.end = i+1, min(b.end, i)
		default:
			b.end = min(b.end, i)
			if s.is(i, "from") || s.is(i, "using") {
				b.joined = true
			} else {
				b.to = min(b.to, i)
			}
		}
	}
	return b, true
}

// loosens tells what binds weaker than AND, || among it, which is OR in MySQL;
// and CASE, which has conditions of its own without parentheses.
func (s *sqlText) loosens(i int) bool {
	if s.kind(i) == sqlOp {
		return strings.Contains(s.text(i), "||")
	}
	return s.is(i, "or") || s.is(i, "xor") || s.is(i, "case")
}

// ends tells that an expression may end with this token: a keyword after it is
// no name.
func (s *sqlText) ends(i int) bool {
	if s.kind(i) != sqlWord {
		return s.kind(i) != sqlOp || s.isOp(i, ")")
	}
	for _, word := range [...]string{
		"and", "or", "xor", "not", "is", "distinct", "in", "like", "ilike", "rlike", "regexp", "glob", "match", "between",
		"escape", "div", "mod", "case", "when", "then", "else", "binary", "collate", "interval", "to", "similar",
	} {
		if s.is(i, word) {
			return false
		}
	}
	return true
}

func (r *sqlReader) update(s *sqlText) sqlWrite {
	i, replaces := 1, false
	for {
		if s.is(i, "or") {
			replaces = s.is(i+1, "replace")
			i += 2
		} else if s.is(i, "only") || s.is(i, "ignore") || s.is(i, "low_priority") {
			i++
		} else {
			break
		}
	}
	t, ok := s.target(i, true)
	if !ok || !s.is(t.next, "set") {
		return s.anyWrite()
	}
	if !strings.EqualFold(t.table, r.table) {
		return sqlWrite{}
	}
	w := sqlWrite{touches: true}
	b, ok := s.body(t.next + 1)
	if !ok || replaces { // REPLACE deletes other rows
		return w
	}
	w.columns = s.setColumns(t.next+1, b.end, t)
	if w.columns != nil && !r.setsKey(w.columns) {
		r.restrict(s, t, b, &w)
	}
	return w
}

// setColumns reads a = …, b = …; nil where it cannot.
func (s *sqlText) setColumns(i, end int, t sqlTarget) []string {
	var columns []string
	for start := i; i <= end; i = s.after(i) {
		if i < end && !s.isOp(i, ",") {
			continue
		}
		if s.isOp(start+1, ".") && strings.EqualFold(s.name(start), t.called) {
			start += 2
		}
		column := s.name(start)
		if column == "" || s.kind(start) == sqlString || !s.isOp(start+1, "=") || i < start+3 || rowID(column) {
			return nil
		}
		columns = append(columns, column)
		start = i + 1
	}
	return columns
}

// rowID tells SQLite's other names for an integer key.
func rowID(column string) bool {
	return strings.EqualFold(column, "rowid") || strings.EqualFold(column, "oid") || strings.EqualFold(column, "_rowid_")
}

func (r *sqlReader) setsKey(columns []string) bool {
	for _, column := range columns {
		if r.keyColumn(column) >= 0 {
			return true
		}
	}
	return false
}

func (r *sqlReader) keyColumn(name string) int {
	for i, column := range r.key {
		if strings.EqualFold(column, name) {
			return i
		}
	}
	return -1
}

func (r *sqlReader) delete(s *sqlText) sqlWrite {
	i := 1
	for s.is(i, "low_priority") || s.is(i, "quick") || s.is(i, "ignore") {
		i++
	}
	if !s.is(i, "from") {
		return s.anyWrite()
	}
	i++
	if s.is(i, "only") {
		i++
	}
	t, ok := s.target(i, true)
	if !ok || t.next < len(s.tokens) && !s.clause(t.next) {
		return s.anyWrite()
	}
	b, ok := s.body(t.next)
	if !strings.EqualFold(t.table, r.table) {
		if !ok || b.joined { // MySQL takes an alias for the target
			return s.anyWrite()
		}
		return sqlWrite{}
	}
	w := sqlWrite{touches: true, remove: true}
	if ok {
		r.restrict(s, t, b, &w)
	}
	return w
}

// insert reads INSERT and REPLACE.
func (r *sqlReader) insert(s *sqlText) sqlWrite {
	i, plain := 1, s.is(0, "insert")
	for {
		if s.is(i, "or") {
			plain = plain && (s.is(i+1, "ignore") || s.is(i+1, "abort") || s.is(i+1, "fail") || s.is(i+1, "rollback"))
			i += 2
		} else if s.is(i, "ignore") || s.is(i, "low_priority") || s.is(i, "high_priority") || s.is(i, "delayed") {
			i++
		} else {
			break
		}
	}
	if s.is(i, "into") {
		i++
	}
	t, ok := s.target(i, false)
	switch {
	case !ok:
		return s.anyWrite()
	case !strings.EqualFold(t.table, r.table):
		return sqlWrite{}
	}
	upserts := s.upserts()
	return sqlWrite{touches: true, insert: plain && !upserts, upsert: plain && upserts}
}

// upserts finds ON CONFLICT … DO UPDATE and ON DUPLICATE KEY UPDATE. GORM's
// DoNothing is ON DUPLICATE KEY UPDATE `id`=`id` in MySQL, which changes nothing.
func (s *sqlText) upserts() bool {
	for i := range s.tokens {
		if s.is(i, "update") {
			name := s.name(i + 1)
			return !s.is(i-1, "key") || !s.isOp(i+2, "=") || len(s.tokens) != i+4 ||
				name == "" || s.kind(i+1) != s.kind(i+3) || s.kind(i+1) == sqlString || s.name(i+3) != name
		}
	}
	return false
}
