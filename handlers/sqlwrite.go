package handlers

import "strings"

// A sqlWrite is what one SQL statement may change in a table, as far as its
// text tells. Triggers, cascades, generated columns and what functions and
// procedures do are not in the text.
type sqlWrite struct {
	// touches tells that it may change rows of the table, or its definition.
	touches bool

	// columns are those that an UPDATE sets, unquoted, as they are written; nil
	// where they are not known, or where whole rows come and go.
	columns []string

	// insert tells that it only adds rows; upsert that it adds rows and changes
	// those that they conflict with, but takes none away; remove that it only takes
	// rows away. At most one of them holds.
	insert, upsert, remove bool

	// exact tells that it changes no rows but those of keys.
	exact bool

	// keys has a term for each column of the primary key, in order. One of them
	// at most has several values, so that the rows are easily counted.
	keys []keyTerm
}

// A keyTerm is the values that a column of the key may have.
type keyTerm []keyValue

// A keyValue is a value that the statement compares with a column of the key.
// How it compares is up to the column's type and collation: MySQL takes '1a'
// for 1, the number 0 for most strings, and often 'EVE' for 'eve'.
type keyValue struct {
	index   int    // its place among the Vars, from 0; -1 for a literal
	literal string // the digits of a number, or what stands between the quotes
	number  bool   // the literal is a number
}

// A sqlReader reads what statements may do to one table. It never changes, and
// is safe for concurrent use.
//
// It does not know the dialect. What SQLite, PostgreSQL and MySQL would read
// in different ways is uncertain, and a statement that is uncertain touches
// the table wherever a verb that writes and the table's name are in it.
type sqlReader struct {
	table string   // without its schema: those of all schemas count
	key   []string // the columns of its primary key
}

// newSQLReader takes the table's name as the model has it: "users" or
// "schema.users".
func newSQLReader(table string, key []string) *sqlReader {
	return &sqlReader{table: table[strings.LastIndexByte(table, '.')+1:], key: key}
}

// read tells what the statement, or several of them, may change.
func (r *sqlReader) read(sql string) sqlWrite {
	s := sqlText{sql: sql}
	if s.selects() {
		return sqlWrite{}
	}
	s.cut()
	return r.readText(&s)
}

// cut makes tokens of the text, without the semicolons at its end.
func (s *sqlText) cut() {
	s.tokens = make([]sqlToken, 0, 8+len(s.sql)/4)
	s.lex()
	for n := len(s.tokens); n > 0 && s.isOp(n-1, ";"); n-- {
		s.tokens = s.tokens[:n-1]
	}
}

// readText is read of a text that is cut already. Many readers may have the same
// text.
func (r *sqlReader) readText(s *sqlText) sqlWrite {
	switch {
	case s.murky:
		return sqlWrite{touches: r.mayBeIn(s)}
	case !s.names(r.table):
		return sqlWrite{}
	case s.hasOp(";"):
		return s.anyWrite()
	case s.only():
		return sqlWrite{}
	case s.has("with"):
		return s.anyWrite()
	case s.is(0, "update"):
		return r.update(s)
	case s.is(0, "delete"):
		return r.delete(s)
	case s.is(0, "insert"), s.is(0, "replace"):
		return r.insert(s)
	}
	return s.anyWrite()
}

// onlyReads tells that a statement is one of those that selects finds.
func onlyReads(sql string) bool {
	var room [1]sqlToken
	s := sqlText{sql: sql, tokens: room[:0]}
	return s.selects()
}

// selects finds the statements that only read by their first word, without a
// look at the rest: most raw SQL is of this kind.
func (s *sqlText) selects() bool {
	i := s.skip(0)
	return !s.murky && reads(s.sql[i:s.word(i)]) && strings.IndexByte(s.sql, ';') < 0 && !s.conditional()
}

func reads(verb string) bool {
	for _, word := range [...]string{
		"select", "values", "show", "pragma", "begin", "commit", "rollback", "savepoint", "release", "vacuum",
	} {
		if len(verb) == len(word) && strings.EqualFold(verb, word) {
			return true
		}
	}
	return false
}

// only tells that a single statement changes no rows. EXPLAIN ANALYZE runs
// what it explains, and CREATE OR REPLACE drops what was there.
func (s *sqlText) only() bool {
	switch {
	case s.is(0, "explain"):
		return !s.has("analyze") && !s.has("analyse")
	case s.is(0, "create"):
		return !s.is(1, "or")
	}
	return reads(s.text(0))
}

// writeVerbs begin the statements that change rows or tables.
var writeVerbs = [...]string{
	"update", "delete", "insert", "replace", "merge", "truncate", "alter", "drop", "copy", "load", "rename", "refresh",
}

// anyWrite is for statements that name the table in a way that is not plain.
func (s *sqlText) anyWrite() sqlWrite {
	for i := range s.tokens {
		for _, verb := range writeVerbs {
			if s.is(i, verb) && !s.harmless(i) {
				return sqlWrite{touches: true}
			}
		}
	}
	return sqlWrite{}
}

// harmless tells the verbs that are functions by their parenthesis, and those
// of a locking WITH … SELECT … FOR UPDATE. MariaDB has SET STATEMENT … FOR
// UPDATE …, which does write.
func (s *sqlText) harmless(i int) bool {
	if s.is(i, "update") {
		return s.is(0, "with") && s.is(i-1, "for") && !s.hasOp(";")
	}
	return s.isOp(i+1, "(") && (s.is(i, "replace") || s.is(i, "insert") || s.is(i, "truncate"))
}

// mayBeIn is for text that cannot be cut into words for certain: the letters
// of a verb and of the table's name are enough, wherever they are.
func (r *sqlReader) mayBeIn(s *sqlText) bool {
	text := strings.ToLower(s.sql)
	for _, verb := range writeVerbs {
		if strings.Contains(text, verb) {
			return s.escaped || !plainWord(r.table) || strings.Contains(text, strings.ToLower(r.table))
		}
	}
	return false
}

// plainWord tells that the name is written in one way only, but for the case.
func plainWord(name string) bool {
	for i := range len(name) {
		if name[i] >= 0x80 || !inWord(name[i]) {
			return false
		}
	}
	return true
}
