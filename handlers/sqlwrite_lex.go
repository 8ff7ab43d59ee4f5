package handlers

import (
	"strings"
	"unicode/utf8"
)

type sqlKind uint8

const (
	sqlOp     sqlKind = iota // an operator or a mark of punctuation
	sqlWord                  // a keyword or a name
	sqlName                  // a name in double quotes, backticks or brackets
	sqlString                // in single quotes
	sqlNumber                // digits
	sqlParam                 // a placeholder
	sqlOther                 // any other number, or a variable
)

type sqlToken struct {
	kind       sqlKind
	start, end int // in the text, quotes included
	pair       int // of a parenthesis: the other one; of a placeholder: its index among the Vars
}

// A sqlText is a statement cut into tokens, without spaces and comments.
type sqlText struct {
	sql    string
	tokens []sqlToken

	murky   bool // the dialects may cut it in different ways
	escaped bool // a name in it is written in escapes
	open    int  // the innermost open parenthesis, counted from 1

	marks   int  // how many ? there are
	highest int  // the highest number of a numbered placeholder
	prefix  byte // what such a number follows, $ or @
	odd     bool // the dialects may count the placeholders in different ways
}

// lex stops at what is murky.
func (s *sqlText) lex() {
	s.murky = s.conditional() || strings.IndexByte(s.sql, 0) >= 0 || !utf8.ValidString(s.sql)
	for i := s.skip(0); i < len(s.sql) && !s.murky; i = s.skip(i) {
		i = s.next(i)
	}
	s.murky = s.murky || s.open != 0
	s.odd = s.odd || s.marks > 0 && s.highest > 0
}

// conditional finds the comments that MySQL and MariaDB execute.
func (s *sqlText) conditional() bool {
	return strings.Contains(s.sql, "/*!") || strings.Contains(s.sql, "/*M!")
}

// skip goes to the next token after spaces and comments.
func (s *sqlText) skip(i int) int {
	for i < len(s.sql) && !s.murky {
		switch {
		case isSpace(s.sql[i]):
			i++
		case !s.comments(i):
			return i
		case s.sql[i] == '-':
			i = s.lineComment(i)
		default:
			i = s.blockComment(i)
		}
	}
	return i
}

func (s *sqlText) comments(i int) bool {
	rest := s.sql[i:]
	return strings.HasPrefix(rest, "--") || strings.HasPrefix(rest, "/*")
}

// lineComment is murky without a space after the dashes, where MySQL
// subtracts, and where a bare carriage return ends it for PostgreSQL only.
func (s *sqlText) lineComment(i int) int {
	line, _, _ := strings.Cut(s.sql[i:], "\n")
	if len(line) > 2 && !isSpace(line[2]) || strings.IndexByte(strings.TrimSuffix(line, "\r"), '\r') >= 0 {
		s.murky = true
	}
	return min(i+len(line)+1, len(s.sql))
}

// blockComment is murky around another one, which PostgreSQL alone nests.
func (s *sqlText) blockComment(i int) int {
	n := strings.Index(s.sql[i+2:], "*/")
	if n < 0 || strings.Contains(s.sql[i+2:i+2+n+1], "/*") {
		s.murky = true
		return len(s.sql)
	}
	return i + 2 + n + 2
}

// next adds the token at i and gives its end.
func (s *sqlText) next(i int) int {
	t := sqlToken{kind: sqlOp, start: i, end: i + 1}
	switch c := s.sql[i]; {
	case startsWord(c):
		t.kind, t.end = sqlWord, s.word(i)
		s.escaped = s.escaped || (c|0x20) == 'u' && strings.HasPrefix(s.sql[t.end:], `&"`) && t.end == i+1
		s.murky = s.escaped
	case c == '\'':
		t.kind, t.end = sqlString, s.quoted(i)
	case c == '"', c == '`':
		t.kind, t.end = sqlName, s.quoted(i)
	case c == '[':
		t.kind, t.end = sqlName, s.bracketed(i)
	case isDigit(c):
		t.kind, t.end = s.number(i)
	case c == '?', c == '$', c == '@', c == ':':
		t = s.param(t)
	case c == '(', c == ')':
		t.pair = s.parenthesis(c)
	case c == ',', c == '.', c == ';':
	case isOperator(c):
		for t.end < len(s.sql) && isOperator(s.sql[t.end]) && !s.comments(t.end) {
			t.end++
		}
	default: // # begins a comment or is an operator; the others are no SQL
		s.murky = true
	}
	s.tokens = append(s.tokens, t)
	return t.end
}

func (s *sqlText) word(i int) int {
	for i < len(s.sql) && inWord(s.sql[i]) {
		i++
	}
	return i
}

// quoted is murky where a backslash stands before a quote: that ends the
// string or does not.
func (s *sqlText) quoted(i int) int {
	quote := s.sql[i]
	for j := i + 1; j < len(s.sql); j++ {
		switch {
		case s.sql[j] == '\\' && j+1 < len(s.sql) && (s.sql[j+1] == '\'' || s.sql[j+1] == '"'):
			s.murky = true
			return len(s.sql)
		case s.sql[j] != quote:
		case j+1 < len(s.sql) && s.sql[j+1] == quote:
			j++
		default:
			return j + 1
		}
	}
	s.murky = true
	return len(s.sql)
}

// bracketed takes SQLite's names. PostgreSQL has expressions in brackets, which
// are murky unless they look like a name.
func (s *sqlText) bracketed(i int) int {
	for j := i + 1; j < len(s.sql); j++ {
		switch c := s.sql[j]; {
		case c == ']':
			return j + 1
		case c != ' ' && (!inWord(c) || c == '$'):
			s.murky = true
			return len(s.sql)
		}
	}
	s.murky = true
	return len(s.sql)
}

func (s *sqlText) number(i int) (sqlKind, int) {
	kind := sqlNumber
	for ; i < len(s.sql) && (inWord(s.sql[i]) || s.sql[i] == '.'); i++ {
		if !isDigit(s.sql[i]) {
			kind = sqlOther
		}
	}
	return kind, i
}

// parenthesis links the two of a pair.
func (s *sqlText) parenthesis(c byte) int {
	i := len(s.tokens)
	if c == '(' {
		outer := s.open
		s.open = i + 1
		return outer
	}
	if s.open == 0 {
		s.murky = true
		return 0
	}
	pair := s.open - 1
	s.open, s.tokens[pair].pair = s.tokens[pair].pair, i
	return pair
}

func isSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func startsWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}

func inWord(c byte) bool { return startsWord(c) || isDigit(c) || c == '$' }

func isOperator(c byte) bool { return strings.IndexByte("=<>!~|&^%*/+-", c) >= 0 }
