package cache

import "slices"

// A renewal is what a renewable session knows of its renewal tokens. It is
// never changed: a decision puts another one in its place.
type renewal struct {
	hash Hash // of the token that renews
	// families are the hashes of what the session's renewal tokens have in
	// common, the newest last. By them every token that was ever used is known,
	// however many came after it.
	families []Hash
	repeat   *repeat // nil once one of the tokens that were given has been used
}

// A repeat lets the renewal token that was used last be used once more by a
// client whose answer was lost. It gives the same tokens.
type repeat struct {
	hash  Hash // of the token
	salt  Hash // with its secret it gives the tokens that were given for it
	until Time
}

// maxFamilies is how many families a session remembers: only a sync begins
// another one.
const maxFamilies = maxUsed

func newRenewal(t *Token) *renewal {
	return &renewal{hash: t.hash(), families: []Hash{t.family()}}
}

// confirmed is n once a token that was given has been used. The salt is erased,
// else a used token and a look into the store would make live ones.
func (n *renewal) confirmed() *renewal {
	return &renewal{hash: n.hash, families: n.families}
}

// replacedBy is next with n's families: tokens that n knew renew no more and
// count as used.
func (n *renewal) replacedBy(next *renewal) *renewal {
	families := slices.Concat(n.families, next.families)
	return &renewal{hash: next.hash, families: families[max(0, len(families)-maxFamilies):]}
}

// A renewalRole is what a renewal token is to the session that knows it.
type renewalRole uint8

const (
	renewalUnknown renewalRole = iota // no session knows it
	renewalCurrent                    // it renews
	renewalRepeat                     // it was used last, and may be used again
	renewalUsed                       // it was used or replaced: two have it
)

// A renewalProof is what a session compares of a renewal token.
type renewalProof struct{ hash, family Hash }

func (t *Token) renewalProof() renewalProof { return renewalProof{t.hash(), t.family()} }

func (n *renewal) role(p *renewalProof, at Time) renewalRole {
	switch {
	case n.hash.equal(&p.hash):
		return renewalCurrent
	case n.repeat != nil && n.repeat.until > at && n.repeat.hash.equal(&p.hash):
		return renewalRepeat
	case slices.ContainsFunc(n.families, func(f Hash) bool { return f.equal(&p.family) }):
		return renewalUsed
	}
	return renewalUnknown
}

// findRenewal returns the session that knows this renewal token, and what the
// token is to it at now. Access tokens are none of those that it looks at, nor
// are these of those that find looks at.
func (a *Account) findRenewal(t *Token, now Time) (*Session, renewalRole) {
	if a == nil {
		return nil, renewalUnknown
	}
	p := t.renewalProof()
	for i := range a.sessions {
		s := &a.sessions[i]
		if s.renewal == nil {
			continue
		}
		if ro := s.renewal.role(&p, now); ro != renewalUnknown {
			return s, ro
		}
	}
	return nil, renewalUnknown
}

// rotates reports whether the session's tokens get successors by themselves.
// Those of a renewable session are replaced when its client renews.
func (s *Session) rotates() bool { return s.renewal == nil && s.transport.rotates() }

// outdated reports whether the token is one that a renewable session's client
// has to renew. Its coming back is no alarm: a client learns so that it is time.
func (s *Session) outdated(ro role, now Time, r *Rules) bool {
	return s.renewal != nil && (ro == roleRetired || ro == roleCurrent && s.idleEnd(r) <= now)
}

// graceEnd returns when the current token ends if it is replaced and may work
// until then: one of a renewable session never gets a later end by that.
func (s *Session) graceEnd(until Time, r *Rules) Time {
	if s.renewal == nil {
		return until
	}
	return min(until, s.idleEnd(r))
}

// An exchange gives an access token and a renewal token for a renewal token.
type exchange struct {
	token  Token
	proof  renewalProof
	handle Handle
	salt   Hash
	// since is when the token was seen to renew. Who came in time is not late
	// because the user took long to read.
	since Time
}

func newExchange(t *Token, h Handle, since Time) exchange {
	in := exchange{token: *t, proof: t.renewalProof(), handle: h, since: since}
	fill(in.salt[:])
	return in
}

// decide returns the account after the exchange and the tokens to hand out.
// They are nil where the session has ended, or where another use of the token
// overtook this one and its tokens were used already. Then there is nothing
// left to give, and nothing is wrong: the token was good when it came.
func (in *exchange) decide(a *Account, now Time, r *Rules) (*Account, *pair) {
	s := a.session(in.handle)
	if s == nil {
		return a, nil
	}
	p := in.token.renewed(in.handle, &in.salt)
	if h := p.renewal.hash(); s.renewal.hash.equal(&h) {
		return a, &p // it landed already
	}
	switch s.renewal.role(&in.proof, in.since) {
	case renewalRepeat:
		p = in.token.renewed(in.handle, &s.renewal.repeat.salt)
		return a, &p
	case renewalCurrent:
		next := a.edit(0)
		s = next.session(in.handle)
		s.wake(now, r)
		s.exchange(in, &p, now, r)
		return next, &p
	}
	return a, nil
}

// exchange puts p in the place of the session's tokens. Requests under way with
// the access token go on for the grace.
func (s *Session) exchange(in *exchange, p *pair, now Time, r *Rules) {
	s.retire(s.hash, now, s.graceEnd(now.Add(r.Grace), r), false)
	s.hash, s.renewed = p.access.hash(), now
	s.renewal = &renewal{
		hash: p.renewal.hash(), families: s.renewal.families,
		repeat: &repeat{hash: in.proof.hash, salt: in.salt, until: now.Add(r.Grace)},
	}
}
