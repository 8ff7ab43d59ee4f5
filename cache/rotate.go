package cache

import (
	"slices"
	"time"
)

// overdue reports whether the session's token should get a successor.
func (s *Session) overdue(now Time, r *Rules) bool {
	return s.regenerate || now.Sub(s.renewed) >= r.RenewAfter
}

// An advance moves a session on at an ordinary request: it renews a token that
// is old or marked, confirms a successor at its first use, and moves the idle
// time of transports whose tokens stay. The access token of a renewable session
// confirms, at its first use, that its client has got it, and does no more.
type advance struct {
	token Token // as the request carried it
	hash  Hash
	salt  Hash // for a successor, if one must be made
}

func newAdvance(t *Token) advance {
	in := advance{token: *t, hash: t.hash()}
	fill(in.salt[:])
	return in
}

// due reports whether decide would do anything, or hand out a successor.
func (s *Session) due(ro role, now Time, r *Rules) bool {
	switch ro {
	case roleCurrent:
		if s.renewal != nil {
			return s.renewal.repeat != nil
		}
		return s.pending != nil || s.overdue(now, r)
	case rolePending:
		return true
	}
	return false
}

// decide returns the account after the request, and the token to hand out, if
// any. A token in grace, or one that is no longer known, changes nothing.
func (in *advance) decide(a *Account, now Time, r *Rules) (*Account, *Token) {
	if a == nil {
		return a, nil
	}
	s, ro := a.find(&in.hash, now)
	if s == nil || !s.due(ro, now, r) {
		return a, nil
	}
	if ro == roleCurrent && s.pending != nil {
		// Never a second salt: parallel requests hand out the same successor.
		next := in.token.successor(s.handle, &s.pending.salt)
		return a, &next
	}
	h := s.handle
	next := a.edit(0)
	s = next.session(h)
	if s.renewal != nil {
		s.renewal = s.renewal.confirmed()
		return next, nil
	}
	s.wake(now, r)
	if ro == rolePending {
		s.confirm(now, r)
		if !s.overdue(now, r) {
			return next, nil
		}
	}
	if !s.transport.rotates() {
		s.renewed, s.regenerate = now, false
		return next, nil
	}
	return next, s.renew(in, now)
}

// renew makes the successor of the current token. The salt alone is stored:
// only who holds the current token can derive the successor from it.
func (s *Session) renew(in *advance, now Time) *Token {
	next := in.token.successor(s.handle, &in.salt)
	s.pending = &pending{hash: next.hash(), salt: in.salt, madeAt: now}
	s.regenerate = false
	return &next
}

// confirm makes the successor the current token. The salt is erased with it,
// else a retired token and a look into the store would make a live one.
func (s *Session) confirm(now Time, r *Rules) {
	s.retire(s.hash, now, now.Add(r.Grace), false)
	s.hash, s.renewed = s.pending.hash, s.pending.madeAt
	s.pending = nil
}

// retire remembers a replaced token. Where there are many the oldest one makes
// room that works no more; where too many work, the oldest of those, which is
// dead from then on.
func (s *Session) retire(h Hash, now, until Time, synced bool) {
	keep := s.retired
	for len(keep) >= maxRetired || len(keep) >= maxUsed && keep[0].until <= now {
		keep = keep[1:]
	}
	next := make([]retired, 0, len(keep)+1)
	next = append(next, keep...)
	s.retired = append(next, retired{hash: h, until: until, synced: synced})
}

// A rotation replaces a session's token by a random one, and ends what else
// the request asks to end.
type rotation struct {
	handle Handle
	hash   Hash     // of the token that the request speaks for
	to     Hash     // of the token to come; drawn once
	fresh  *renewal // of the renewal token to come, where the session is renewable
	grace  time.Duration
	keep   bool // keep the token, and do the rest
	others bool // end the account's other sessions
	now    Time
}

// mayRotate reports whether the request may still rotate: its token is the
// session's current or pending one, or was retired under the request by the
// confirmation of its own successor. After a sync it may not.
func (in *rotation) mayRotate(s *Session) bool {
	switch s.role(&in.hash, in.now) {
	case roleCurrent, rolePending:
		return true
	}
	t := s.retiredToken(&in.hash)
	return t != nil && !t.synced
}

// decide returns the account after the rotation. It reports false, and leaves
// the account alone, where the request may not rotate or the session is gone.
func (in *rotation) decide(a *Account, r *Rules) (*Account, bool) {
	s := a.session(in.handle)
	if s == nil {
		return a, false
	}
	if s.hash == in.to {
		return a, true // it landed already
	}
	if !in.mayRotate(s) {
		return a, false
	}
	if in.others {
		a = a.without(func(o *Session) bool { return o.handle != in.handle })
	}
	if in.keep {
		if in.grace > 0 {
			return a, true
		}
		return a.endGrace(in.handle, in.now), true
	}
	next := a.edit(0)
	s = next.session(in.handle)
	s.wake(in.now, r)
	s.rotate(in, r)
	return next, true
}

// endGrace ends a session's tokens that were replaced and still work.
func (a *Account) endGrace(h Handle, now Time) *Account {
	working := func(t retired) bool { return t.until > now }
	if !slices.ContainsFunc(a.session(h).retired, working) {
		return a
	}
	next := a.edit(0)
	s := next.session(h)
	s.retired = slices.Clone(s.retired)
	for i := range s.retired {
		s.retired[i].until = min(s.retired[i].until, now)
	}
	return next
}

// rotate retires every token that the session knows: the current one, a
// successor that may be on its way to the client, and those in grace, which
// get no later end than they had. A renewal token works no more at once.
func (s *Session) rotate(in *rotation, r *Rules) {
	until := in.now.Add(in.grace)
	old := make([]retired, len(s.retired))
	for i, t := range s.retired {
		old[i] = retired{hash: t.hash, until: min(t.until, until), synced: true}
	}
	s.retired = old
	if s.pending != nil {
		s.retire(s.pending.hash, in.now, until, true)
		s.pending = nil
	}
	s.retire(s.hash, in.now, s.graceEnd(until, r), true)
	s.hash, s.renewed, s.regenerate = in.to, in.now, false
	if s.renewal != nil {
		s.renewal = s.renewal.replacedBy(in.fresh)
	}
}
