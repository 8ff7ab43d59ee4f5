package cache

import "time"

// A role is what a token is to the session that knows it.
type role uint8

const (
	roleNone    role = iota // no session knows the token
	roleCurrent             // it proves the session
	rolePending             // it is the successor, used for the first time
	roleGrace               // it has been replaced and still works
	roleRetired             // it has been replaced and works no more
)

// find returns the session that knows the token with this hash, and what the
// token is to it at now. Whether the session is still alive is not asked.
func (a *Account) find(h *Hash, now Time) (*Session, role) {
	if a.index != nil {
		return a.index.find(a, h, now)
	}
	for i := range a.sessions {
		if r := a.sessions[i].role(h, now); r != roleNone {
			return &a.sessions[i], r
		}
	}
	return nil, roleNone
}

// roleOf is find for a token; a may be nil.
func (a *Account) roleOf(t *Token, now Time) (*Session, role) {
	if a == nil {
		return nil, roleNone
	}
	hash := t.hash()
	return a.find(&hash, now)
}

func (s *Session) role(h *Hash, now Time) role {
	switch {
	case s.hash.equal(h):
		return roleCurrent
	case s.pending != nil && s.pending.hash.equal(h):
		return rolePending
	}
	if t := s.retiredToken(h); t == nil {
		return roleNone
	} else if t.until > now {
		return roleGrace
	}
	return roleRetired
}

func (s *Session) retiredToken(h *Hash) *retired {
	for i := range s.retired {
		if s.retired[i].hash.equal(h) {
			return &s.retired[i]
		}
	}
	return nil
}

// lateFor is how long after its end a replaced token is taken for one that was
// on its way when it was replaced.
const lateFor = time.Minute

// overtaken reports whether a token that works no more may have been sent before
// its client got the next one.
func (s *Session) overtaken(t *Token, now Time) bool {
	hash := t.hash()
	old := s.retiredToken(&hash)
	return old != nil && now.Sub(old.until) < lateFor
}

// A tokenIndex finds the session of a token by the first 64 bits of its hash.
// Comparing the tokens of 100 sessions one by one costs a request twice what
// this does; up to indexFrom sessions it costs less.
type tokenIndex struct {
	prefixes []uint64
	sessions []uint32
}

const indexFrom = 4

func newTokenIndex(sessions []Session) *tokenIndex {
	if len(sessions) < indexFrom {
		return nil
	}
	x := &tokenIndex{
		prefixes: make([]uint64, 0, len(sessions)),
		sessions: make([]uint32, 0, len(sessions)),
	}
	for i := range sessions {
		s := &sessions[i]
		x.add(&s.hash, i)
		if s.pending != nil {
			x.add(&s.pending.hash, i)
		}
		for j := range s.retired {
			x.add(&s.retired[j].hash, i)
		}
	}
	return x
}

func (x *tokenIndex) add(h *Hash, session int) {
	x.prefixes = append(x.prefixes, h.prefix())
	x.sessions = append(x.sessions, uint32(session))
}

func (x *tokenIndex) find(a *Account, h *Hash, now Time) (*Session, role) {
	p := h.prefix()
	for i, q := range x.prefixes {
		if p != q {
			continue
		}
		s := &a.sessions[x.sessions[i]]
		if r := s.role(h, now); r != roleNone {
			return s, r
		}
	}
	return nil, roleNone
}
