package cache

import "slices"

// A signIn adds a session to an account. Its random parts are drawn once, so
// running the decision twice on the same record adds one session.
type signIn struct {
	session Session
	ending  Handle // the session of this account that the request carried, if any
	others  bool   // end all other sessions of the account
	create  func() *Account
	renewal *Token // to hand out, where the session is renewable
	fill    permit
	user    any
	lease   ID
}

// decide returns the account with the session in it, and the sessions that
// had to make room. No other decision adds a session.
func (in *signIn) decide(a *Account, e *Epoch, r *Rules) (next *Account, evicted []Session, err error) {
	if s := a.session(in.session.handle); s != nil && s.hash == in.session.hash {
		return a, nil, nil
	}
	if a == nil {
		// The lease is new, so the row that was read cannot be filled in: it
		// was read under no lease at all.
		next = in.create()
		next.sessions = append(next.sessions, in.session)
		return next, nil, nil
	}
	next = a.edit(1)
	next.sessions = slices.DeleteFunc(next.sessions, func(s Session) bool {
		return in.others || s.handle == in.ending
	})
	if in.fill.holds(a, e) {
		next.fill(in.fill, in.user, in.lease)
	}
	for len(next.sessions) > 0 && !next.hasRoom(&in.session, r) {
		if r.DenyAtMax && len(next.sessions) >= r.MaxSessions {
			return nil, nil, ErrTooManySessions
		}
		i := next.leastRecentlyRenewed()
		evicted = append(evicted, next.sessions[i])
		next.sessions = slices.Delete(next.sessions, i, i+1)
	}
	next.sessions = append(next.sessions, in.session)
	return next, evicted, nil
}

// hasRoom reports whether one more session fits, in number and in size.
func (a *Account) hasRoom(s *Session, r *Rules) bool {
	if len(a.sessions) >= r.MaxSessions {
		return false
	}
	size := s.maxSize()
	for i := range a.sessions {
		size += a.sessions[i].maxSize()
	}
	return size <= maxSessionBytes
}

func (a *Account) leastRecentlyRenewed() int {
	oldest := 0
	for i := range a.sessions {
		if a.sessions[i].lastRenewed() < a.sessions[oldest].lastRenewed() {
			oldest = i
		}
	}
	return oldest
}

// endSessions ends the sessions for which end is true, at once, with every
// token they know.
func endSessions(a *Account, end func(*Session) bool) *Account { return a.without(end) }

// markSessions lets each session whose tokens rotate get a new one at its next
// request. A mark is cleared only by a successor that is made after it.
func markSessions(a *Account) *Account {
	marks := func(s Session) bool { return s.rotates() && !s.regenerate }
	if a == nil || !slices.ContainsFunc(a.sessions, marks) {
		return a
	}
	next := a.edit(0)
	for i := range next.sessions {
		if marks(next.sessions[i]) {
			next.sessions[i].regenerate = true
		}
	}
	return next
}
