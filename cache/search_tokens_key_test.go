package cache

func (m *tokenModel) key(b []byte, w *tokenWorld) []byte {
	k := keyWriter{b: b}
	k.byte(w.left.graces | w.left.ages<<2 | w.left.marks<<4 | w.left.sleeps<<6)
	m.writeAccount(&k, w.account, w.now)
	for i := range w.clients {
		c := &w.clients[i]
		k.byte(c.left)
		k.flag(c.out)
		k.flag(c.ended)
		if !c.out && !c.ended {
			k.flag(c.marked)
			k.flag(c.slept)
			k.hash(c.token.hash())
		}
	}
	for i := range w.requests {
		m.writeRequest(&k, &w.requests[i], w)
	}
	return k.b
}

func (m *tokenModel) writeAccount(k *keyWriter, a *Account, now Time) {
	k.flag(a != nil)
	if a == nil {
		return
	}
	k.byte(len(a.sessions))
	for i := range a.sessions {
		m.writeSession(k, &a.sessions[i], now)
	}
}

// writeSession writes times as what they mean now. Time moves either far less
// than a token takes to get old, or as far.
func (m *tokenModel) writeSession(k *keyWriter, s *Session, now Time) {
	k.byte(int(s.handle[0]))
	k.hash(s.hash)
	k.flag(s.regenerate)
	k.flag(s.remembered)
	k.flag(s.resumed)
	k.flag(s.dormant(now, &m.rules))
	k.flag(now.Sub(s.renewed) >= m.rules.RenewAfter)
	k.flag(s.pending != nil)
	if s.pending != nil {
		k.hash(s.pending.hash)
		k.flag(now.Sub(s.pending.madeAt) >= m.rules.RenewAfter)
	}
	k.byte(len(s.retired))
	for i := range s.retired {
		r := &s.retired[i]
		k.hash(r.hash)
		k.flag(r.synced)
		k.span(max(r.until, now), now)
	}
}

// span writes how much later a moment is, in units of the shortest step.
func (k *keyWriter) span(t, u Time) { k.byte(int(t.Sub(u) / tokenTick)) }

func (m *tokenModel) writeRequest(k *keyWriter, q *tokenRequest, w *tokenWorld) {
	k.byte(int(q.at))
	if q.at == notSent {
		return
	}
	k.byte(int(q.does))
	switch q.at {
	case sent:
		k.hash(q.hash)
		k.flag(q.sound && q.sentAt == w.now)
	case advancing, acting:
		k.hash(q.hash)
		k.byte(int(q.role))
		k.span(w.now, q.view.now)
		same := q.view.account == w.account
		k.flag(same)
		if !same {
			m.writeAccount(k, q.view.account, q.view.now)
		}
	}
	k.flag(q.answer != nil)
	if q.answer != nil {
		k.hash(q.answer.hash())
		k.flag(q.synced)
	}
}
