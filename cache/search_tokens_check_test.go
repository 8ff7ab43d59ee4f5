package cache

// check returns the promise that the step from before to after broke.
func (m *tokenModel) check(before, after *tokenWorld) string {
	if after.broken != "" {
		return after.broken
	}
	for i := range after.clients {
		c := &after.clients[i]
		old, s := before.account.session(c.session), after.account.session(c.session)
		if c.ended && s != nil {
			return "a session that was ended lives"
		}
		if !c.ended && !c.out && !m.mayGoOn(after, i) {
			return "a client is signed out"
		}
		if s == nil || old == nil {
			continue
		}
		if broken := m.checkSession(c, old, s, after.now); broken != "" {
			return broken
		}
	}
	if broken := m.checkSlept(after); broken != "" {
		return broken
	}
	return m.checkLate(before, after)
}

// checkSlept looks for a session that slept and whose sign-in counts as recent
// all the same, to the next request or to one under way: as Cache.SignInAge
// tells.
func (m *tokenModel) checkSlept(w *tokenWorld) string {
	recent := func(a *Account, h Handle) bool {
		s := a.session(h)
		return s != nil && !s.resumed && !s.dormant(w.now, &m.rules)
	}
	for i := range w.clients {
		if c := &w.clients[i]; c.slept && recent(w.account, c.session) {
			return "a sign-in is recent after a sleep"
		}
	}
	for i := range w.requests {
		if q := &w.requests[i]; q.at >= advancing && w.owner(i).slept && recent(q.view.account, q.handle) {
			return "a sign-in is recent after a sleep"
		}
	}
	return ""
}

// mayGoOn reports whether the client holds a token that works, or is about to
// be given one.
func (m *tokenModel) mayGoOn(w *tokenWorld, i int) bool {
	v, h := w.load(), w.clients[i].token.hash()
	if _, _, live := m.live(&v, &h); live {
		return true
	}
	for j := range w.requests {
		if q := &w.requests[j]; j/2 == i && q.at == answering && q.answer != nil {
			h := q.answer.hash()
			if _, ro, live := m.live(&v, &h); live && ro != roleGrace {
				return true
			}
		}
	}
	return false
}

func (m *tokenModel) checkSession(c *tokenClient, old, s *Session, now Time) string {
	if s.hash != old.hash || s.pending != old.pending || len(s.retired) != len(old.retired) {
		if broken := m.checkTokens(old, s, now); broken != "" {
			return broken
		}
	}
	return m.checkMark(c, old, s)
}

// checkTokens looks at a session whose tokens have changed.
func (m *tokenModel) checkTokens(old, s *Session, now Time) string {
	if s.pending != nil && m.derived(s, &s.hash) != s.pending.hash {
		return "two chains of tokens live"
	}
	live := 0
	for i := range s.retired {
		r := &s.retired[i]
		if was := old.retiredToken(&r.hash); was != nil && r.until > was.until {
			return "a token in grace gets a later end"
		}
		if r.until > now {
			live++
		}
		if h := m.derived(s, &r.hash); s.pending != nil && (h == s.hash || h == s.pending.hash) {
			return "a retired token and the store's salt make a live token"
		}
	}
	for i := range old.retired {
		if h := &old.retired[i].hash; s.hash == *h || s.pending != nil && s.pending.hash == *h {
			return "a retired token is live again"
		}
	}
	if live > maxRetired {
		return "too many tokens in grace"
	}
	return ""
}

// derived returns what whoever holds the token with this hash makes of the
// salt that the store holds.
func (m *tokenModel) derived(s *Session, h *Hash) Hash {
	token, known := m.known[*h]
	if !known || s.pending == nil {
		return Hash{}
	}
	next := token.successor(s.handle, &s.pending.salt)
	return next.hash()
}

// checkMark lets a mark go when a successor is made, and at no other time.
func (m *tokenModel) checkMark(c *tokenClient, old, s *Session) string {
	renewed := s.pending != nil && (old.pending == nil || old.pending.hash != s.pending.hash)
	replaced := s.hash != old.hash && (old.pending == nil || s.hash != old.pending.hash)
	switch {
	case old.regenerate && (renewed || replaced):
		c.marked = false
	case c.marked && !s.regenerate:
		return "a mark is lost"
	}
	return ""
}

// checkLate reports a request that changed a session by a token which a sync
// has replaced.
func (m *tokenModel) checkLate(before, after *tokenWorld) string {
	for i := range before.requests {
		q := &before.requests[i]
		if q.at != advancing && q.at != acting || q.does == signsOut || after.requests[i].at == q.at {
			continue
		}
		s := before.account.session(q.handle)
		if s == nil {
			continue
		}
		if r := s.retiredToken(&q.hash); r == nil || !r.synced {
			continue
		}
		if now := after.account.session(q.handle); now == nil || now.hash != s.hash || now.pending != s.pending {
			return "a token that a sync replaced changes the session"
		}
		if len(before.account.sessions) != len(after.account.sessions) {
			return "a token that a sync replaced ends sessions"
		}
	}
	return ""
}
