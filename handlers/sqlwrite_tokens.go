package handlers

import "strings"

// param reads what may be a placeholder. A statement has one sort of them, and
// numbers must come up in order: SQLite counts $2 before $1 as the first.
func (s *sqlText) param(t sqlToken) sqlToken {
	rest := s.sql[t.end:]
	switch c := s.sql[t.start]; {
	case c == '?':
		s.odd = s.odd || rest != "" && inWord(rest[0])
		t.kind, t.pair = sqlParam, s.marks
		s.marks++
	case c == '$' && rest != "" && isDigit(rest[0]), c == '@' && len(rest) > 1 && rest[0] == 'p' && isDigit(rest[1]):
		return s.numbered(t)
	case c == '@' && strings.HasPrefix(rest, "@"), c == ':' && rest != "" && (rest[0] == ':' || rest[0] == '='):
		t.end++
		s.odd = s.odd || c == '@' && len(rest) > 1 && startsVariable(rest[1])
	case c == '$':
		// A dollar quote, which only PostgreSQL knows, or a variable.
		t.kind, t.end = sqlOther, s.word(t.end)
		s.odd = true
		s.murky = s.murky || strings.IndexByte(s.sql[t.start+1:t.end], '$') >= 0
	case rest != "" && startsVariable(rest[0]):
		s.odd = true
	}
	return t
}

// numbered reads $1 and @p1.
func (s *sqlText) numbered(t sqlToken) sqlToken {
	c := s.sql[t.start]
	if c == '@' {
		t.end++
	}
	n := 0
	for ; t.end < len(s.sql) && isDigit(s.sql[t.end]) && n < 1<<20; t.end++ {
		n = 10*n + int(s.sql[t.end]-'0')
	}
	if t.end < len(s.sql) && inWord(s.sql[t.end]) {
		s.odd = true
		s.murky = s.murky || s.sql[t.end] == '$'
	}
	if n == 0 || n > s.highest+1 || s.prefix != 0 && s.prefix != c {
		s.odd = true
	}
	s.prefix, s.highest = c, max(s.highest, n)
	t.kind, t.pair = sqlParam, n-1
	return t
}

func startsVariable(c byte) bool { return inWord(c) || c == '\'' || c == '"' || c == '`' }

func (s *sqlText) text(i int) string {
	if i < 0 || i >= len(s.tokens) {
		return ""
	}
	return s.sql[s.tokens[i].start:s.tokens[i].end]
}

func (s *sqlText) kind(i int) sqlKind {
	if i < 0 || i >= len(s.tokens) {
		return sqlOp
	}
	return s.tokens[i].kind
}

// is tells that the token is the keyword, given in small letters.
func (s *sqlText) is(i int, keyword string) bool {
	text := s.text(i)
	return len(text) == len(keyword) && s.kind(i) == sqlWord && strings.EqualFold(text, keyword)
}

func (s *sqlText) isOp(i int, op string) bool { return s.kind(i) == sqlOp && s.text(i) == op }

func (s *sqlText) has(keyword string) bool {
	for i := range s.tokens {
		if s.is(i, keyword) {
			return true
		}
	}
	return false
}

func (s *sqlText) hasOp(op string) bool {
	for i := range s.tokens {
		if s.isOp(i, op) {
			return true
		}
	}
	return false
}

// name is what a name is without its quotes; SQLite takes strings for names
// where it needs one. It is "" for what is no name.
func (s *sqlText) name(i int) string {
	text := s.text(i)
	switch s.kind(i) {
	case sqlWord, sqlOther:
		return text
	case sqlName, sqlString:
		quote, inner := text[:1], text[1:len(text)-1]
		if strings.Contains(inner, quote) {
			inner = strings.ReplaceAll(inner, quote+quote, quote)
		}
		return inner
	}
	return ""
}

func (s *sqlText) names(table string) bool {
	for i := range s.tokens {
		if strings.EqualFold(s.name(i), table) {
			return true
		}
	}
	return false
}

// after is the token that follows at the same depth.
func (s *sqlText) after(i int) int {
	if s.isOp(i, "(") {
		return s.tokens[i].pair + 1
	}
	return i + 1
}

// wrapped tells that a pair of parentheses holds all tokens from lo up to hi.
func (s *sqlText) wrapped(lo, hi int) bool {
	return lo < hi && s.isOp(lo, "(") && s.tokens[lo].pair == hi-1
}
