package handlers

import "strings"

// restrict works out the rows that the condition leaves.
func (r *sqlReader) restrict(s *sqlText, t sqlTarget, b sqlBody, w *sqlWrite) {
	if b.where == 0 || b.joined || len(r.key) == 0 {
		return
	}
	lo, hi := b.where, b.to
	for s.wrapped(lo, hi) {
		lo, hi = lo+1, hi-1
	}
	if b.loose || s.loose(lo, hi) {
		return
	}
	keys := make([]keyTerm, len(r.key))
	r.terms(s, t, lo, hi, keys)
	several := 0
	for _, term := range keys {
		if len(term) == 0 {
			return
		}
		if len(term) > 1 {
			several++
		}
	}
	if several <= 1 {
		w.exact, w.keys = true, keys
	}
}

func (s *sqlText) loose(lo, hi int) bool {
	for i := lo; i < hi; i = s.after(i) {
		if s.loosens(i) {
			return true
		}
	}
	return false
}

// terms looks for the key in the terms that all must hold.
func (r *sqlReader) terms(s *sqlText, t sqlTarget, lo, hi int, keys []keyTerm) {
	start, between := lo, 0
	for i := lo; i < hi; i = s.after(i) {
		switch {
		case s.is(i, "between"):
			between++
		case !s.is(i, "and"):
		case between > 0:
			between--
		default:
			r.term(s, t, start, i, keys)
			start = i + 1
		}
	}
	r.term(s, t, start, hi, keys)
}

// term takes a comparison with the key, or a group of terms in parentheses.
func (r *sqlReader) term(s *sqlText, t sqlTarget, lo, hi int, keys []keyTerm) {
	if s.wrapped(lo, hi) {
		for s.wrapped(lo, hi) {
			lo, hi = lo+1, hi-1
		}
		if !s.loose(lo, hi) {
			r.terms(s, t, lo, hi, keys)
		}
		return
	}
	key, values := r.compare(s, t, lo, hi)
	if len(values) > 0 && (keys[key] == nil || len(values) < len(keys[key])) {
		keys[key] = values
	}
}

// compare reads column = value, value = column and column IN (value, …).
func (r *sqlReader) compare(s *sqlText, t sqlTarget, lo, hi int) (key int, values keyTerm) {
	if s.isOp(lo+1, "=") {
		if key, next := r.column(s, t, lo+2); key >= 0 && next == hi {
			return key, s.values(lo, lo+1)
		}
	}
	key, next := r.column(s, t, lo)
	switch {
	case key < 0:
	case s.isOp(next, "=") && hi == next+2:
		values = s.values(next+1, hi)
	case s.is(next, "in") && s.wrapped(next+1, hi):
		values = s.values(next+2, hi-1)
	}
	return key, values
}

// column reads [table.]column of the key at token i; -1 where another stands
// there. Where the table is not in double quotes either, MySQL may take what
// is for a string.
func (r *sqlReader) column(s *sqlText, t sqlTarget, i int) (key, next int) {
	qualified := s.isOp(i+1, ".")
	if qualified {
		if s.kind(i) == sqlString || !strings.EqualFold(s.name(i), t.called) {
			return -1, i
		}
		i += 2
	}
	if s.kind(i) != sqlWord && s.kind(i) != sqlName {
		return -1, i
	}
	if !qualified && !t.quoted && s.text(i)[0] == '"' {
		return -1, i
	}
	return r.keyColumn(s.name(i)), i + 1
}

// values reads value, value, …; nil where one of them is more than a
// placeholder or a plain literal.
func (s *sqlText) values(lo, hi int) keyTerm {
	if (hi-lo)%2 == 0 {
		return nil
	}
	values := make(keyTerm, 0, (hi-lo+1)/2)
	for i := lo; i < hi; i += 2 {
		v, ok := s.value(i)
		if !ok || i+1 < hi && !s.isOp(i+1, ",") {
			return nil
		}
		values = append(values, v)
	}
	return values
}

func (s *sqlText) value(i int) (v keyValue, ok bool) {
	text := s.text(i)
	switch s.kind(i) {
	case sqlParam:
		return keyValue{index: s.tokens[i].pair}, !s.odd
	case sqlNumber:
		return keyValue{index: -1, literal: text, number: true}, true
	case sqlString:
		text = text[1 : len(text)-1]
		return keyValue{index: -1, literal: text}, strings.IndexByte(text, '\\') < 0 && strings.IndexByte(text, '\'') < 0
	}
	return v, false
}
