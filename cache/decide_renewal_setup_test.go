package cache

// renewalToken returns the numbered renewal token. Each is of a family of its
// own.
func renewalToken(n byte) Token {
	return Token{account: AccountID{9}, secret: [32]byte{n, 0xdd, 31: n}}
}

// renewable gives the session the numbered renewal token.
func renewable(n byte) func(*Session) {
	return func(s *Session) {
		token := renewalToken(n)
		s.transport, s.remembered, s.renewal = Bearer, true, newRenewal(&token)
	}
}

// pairOf returns what the token gives for session h under the numbered salt.
func pairOf(token Token, h, salt byte) pair {
	with := numberedSalt(salt)
	return token.renewed(numberedHandle(h), &with)
}

// renewedWith is the session after its client used the numbered renewal token
// at that minute, and nothing since.
func renewedWith(n, salt byte, m float64) func(*Session) {
	return func(s *Session) {
		r := testRules()
		p := pairOf(renewalToken(n), s.handle[0], salt)
		token := renewalToken(n)
		in := exchange{token: token, proof: token.renewalProof(), handle: s.handle, salt: numberedSalt(salt)}
		s.exchange(&in, &p, minute(m), &r)
	}
}

// confirmed is a session whose client has used what it was given.
func confirmed(s *Session) { s.renewal = s.renewal.confirmed() }

func (r renewalRole) String() string {
	return [...]string{"unknown", "current", "good for a repetition", "used"}[r]
}
