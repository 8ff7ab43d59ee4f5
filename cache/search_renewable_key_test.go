package cache

import "time"

// key writes times as what they mean now, capped: long ago is long ago.
func (m *renewableModel) key(b []byte, w *renewableWorld) []byte {
	k := keyWriter{b: b}
	k.byte(w.left.graces | w.left.sleeps<<4)
	k.flag(w.ended)
	k.flag(w.slept)
	m.writeAccount(&k, w.account, w.now)
	for _, g := range w.given[:w.pairs] {
		k.hash(g.token)
		k.hash(g.pair.access.hash())
		k.hash(g.pair.renewal.hash())
		k.past(w.now, g.at)
		k.flag(g.used)
	}
	for i := range w.holders {
		h := &w.holders[i]
		k.flag(h.out)
		k.byte(h.requests | h.renewals<<4)
		k.hash(h.tokens.access.hash())
		k.hash(h.tokens.renewal.hash())
	}
	for i := range w.requests {
		q := &w.requests[i]
		k.byte(int(q.at))
		if q.at != notSent {
			k.flag(q.signOut)
			k.flag(q.sound && q.sentAt == w.now)
			k.hash(q.token.hash())
			m.writeView(&k, &q.view, w)
		}
	}
	for i := range w.renewals {
		q := &w.renewals[i]
		k.byte(int(q.at))
		if q.at != notSent {
			k.flag(q.given)
			k.hash(q.token.hash())
			k.hash(q.pair.renewal.hash())
			k.past(w.now, q.since)
			m.writeView(&k, &q.view, w)
		}
	}
	return k.b
}

// past writes how long ago a moment is.
func (k *keyWriter) past(now, t Time) {
	k.byte(int(min(now.Sub(t)/tokenTick, 250*time.Nanosecond)))
}

func (m *renewableModel) writeView(k *keyWriter, v *view, w *renewableWorld) {
	same := v.account == w.account
	k.flag(same)
	if !same {
		m.writeAccount(k, v.account, w.now)
	}
}

func (m *renewableModel) writeAccount(k *keyWriter, a *Account, now Time) {
	s := a.session(Handle{1})
	k.flag(s != nil)
	if s == nil {
		return
	}
	k.hash(s.hash)
	k.flag(s.resumed)
	k.past(now, s.renewed)
	k.hash(s.renewal.hash)
	k.byte(len(s.renewal.families))
	k.flag(s.renewal.repeat != nil)
	if again := s.renewal.repeat; again != nil {
		k.hash(again.hash)
		k.past(max(now, again.until), now)
		k.past(now, min(now, again.until))
	}
	k.byte(len(s.retired))
	for i := range s.retired {
		k.hash(s.retired[i].hash)
		k.past(max(now, s.retired[i].until), now)
	}
}
