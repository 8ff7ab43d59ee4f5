package cache

// The third search is over a renewable session: its client uses access tokens
// and renews, asks again where an answer does not come, and signs out; a thief
// has a copy of its first renewal token.

// A renewableWorld is one state of it.
type renewableWorld struct {
	account  *Account
	now      Time
	holders  [2]holder     // the client and the thief
	requests [3]accessUse  // the last one is the thief's
	renewals [3]renewalUse // likewise
	given    [5]givenPair  // for which token each pair was given, the sign-in's first
	pairs    int
	left     tokenBudget
	ended    bool // on purpose, for ever
	slept    bool // nobody renewed for the idle time
	drawn    byte
	broken   string
}

// A holder has tokens of the session.
type holder struct {
	tokens   pair
	out      bool // it holds nothing any more
	requests int  // it may yet send
	renewals int
}

// A givenPair is what a renewal token gave.
type givenPair struct {
	token Hash
	pair  pair
	at    Time
	used  bool // one of the two was
}

// An accessUse is a request with an access token.
type accessUse struct {
	at      tokenPlace
	signOut bool
	token   Token
	sentAt  Time
	sound   bool // the token was good when it was sent
	view    view
}

// A renewalUse is a use of a renewal token. One that was sent has arrived.
type renewalUse struct {
	at    tokenPlace
	token Token
	since Time
	view  view
	pair  pair
	given bool
}

// A renewableModel is what the third search runs on.
type renewableModel struct {
	renewableProtocol
	rules Rules
	after renewableWorld
}

// A renewableProtocol is the decisions, each of which a test may replace.
type renewableProtocol struct {
	look       func(a *Account, t *Token, now Time) (*Session, renewalRole)
	exchange   func(in *exchange, a *Account, now Time) (*Account, *pair)
	advance    func(in *advance, a *Account, now Time) (*Account, *Token)
	outdated   func(s *Session, ro role, now Time) bool
	overwrites bool // a swap puts its record in the place of whatever is there
}

func renewablesAsBuilt(r *Rules) renewableProtocol {
	return renewableProtocol{
		look:     func(a *Account, t *Token, now Time) (*Session, renewalRole) { return a.findRenewal(t, now) },
		exchange: func(in *exchange, a *Account, now Time) (*Account, *pair) { return in.decide(a, now, r) },
		advance:  func(in *advance, a *Account, now Time) (*Account, *Token) { return in.decide(a, now, r) },
		outdated: func(s *Session, ro role, now Time) bool { return s.outdated(ro, now, r) },
	}
}

func (w *renewableWorld) load() view {
	v := view{account: w.account, now: w.now}
	if w.account != nil {
		v.version = w.account.version
	}
	return v
}

// try is one round of Cache.update.
func (m *renewableModel) try(w *renewableWorld, v *view, decide func(view) *Account) bool {
	before := v.account
	v.now = w.now
	v.account = settle(before, nil, v.now, ID{}, &m.rules)
	next := decide(*v)
	if next == v.account || next == nil && before == nil {
		return true
	}
	if next = next.kept(); next != nil {
		w.drawn++
		next.seal(ID{w.drawn}, &m.rules)
	}
	if stored := w.load(); stored.version != v.version && !m.overwrites {
		*v = stored
		return false
	}
	w.account = next
	*v = w.load()
	return true
}

// live reports whether the token proves the session, as Cache.look does.
func (m *renewableModel) live(v *view, t *Token) (*Session, role, bool) {
	if v.account == nil {
		return nil, roleNone, false
	}
	h := t.hash()
	s, ro := v.account.find(&h, v.now)
	return s, ro, s != nil && !m.outdated(s, ro, v.now) && s.end(&m.rules) > v.now
}

// giving returns what was given for the token.
func (w *renewableWorld) giving(h Hash) *givenPair {
	for i := 1; i < w.pairs; i++ {
		if w.given[i].token == h {
			return &w.given[i]
		}
	}
	return nil
}

// spent reports whether the use of the token can only mean that two have it.
func (m *renewableModel) spent(w *renewableWorld, h Hash, at Time) bool {
	g := w.giving(h)
	return g != nil && (g.used || at >= g.at.Add(m.rules.Grace))
}

var holderNames = [...]string{"the client's", "the client's other", "the thief's"}

func (m *renewableModel) next(w *renewableWorld, emit func(step, *renewableWorld, string)) {
	take := func(who, what string, f func(w *renewableWorld)) {
		m.after = *w
		f(&m.after)
		emit(step{who, what}, &m.after, m.check(&m.after))
	}
	for i := range w.requests {
		m.request(w, i, take)
	}
	for i := range w.renewals {
		m.renewal(w, i, take)
	}
	if w.left.graces > 0 {
		take("time", "passes the grace", func(w *renewableWorld) {
			w.left.graces--
			w.now = w.now.Add(m.rules.Grace)
		})
	}
	if w.left.sleeps > 0 {
		take("time", "passes until access tokens end", func(w *renewableWorld) {
			w.left.sleeps--
			w.now, w.slept = w.now.Add(m.rules.IdleTimeout), true
		})
	}
}

type taking func(who, what string, f func(w *renewableWorld))

func (m *renewableModel) request(before *renewableWorld, i int, take taking) {
	who := holderNames[i] + " request"
	switch q := &before.requests[i]; q.at {
	case notSent:
		h := &before.holders[i/2]
		if h.out || h.requests == 0 || h.tokens.access == (Token{}) || i == 1 && before.requests[0].at == notSent {
			return
		}
		for _, signOut := range []bool{false, true} {
			if signOut && i == 2 {
				continue // a thief stays
			}
			what := map[bool]string{false: "is sent", true: "is sent to sign out"}[signOut]
			take(who, what, func(w *renewableWorld) {
				h := &w.holders[i/2]
				h.requests--
				v := w.load()
				_, _, sound := m.live(&v, &h.tokens.access)
				w.requests[i] = accessUse{at: sent, signOut: signOut, token: h.tokens.access, sentAt: w.now, sound: sound}
			})
		}
	case sent:
		take(who, "is looked up", func(w *renewableWorld) { m.open(w, &w.requests[i]) })
	case advancing:
		take(who, "confirms", func(w *renewableWorld) { m.confirm(w, &w.requests[i]) })
	case acting:
		take(who, "signs out", func(w *renewableWorld) {
			m.end(w)
			w.requests[i] = accessUse{}
		})
	}
}

func (m *renewableModel) open(w *renewableWorld, q *accessUse) {
	q.view = w.load()
	s, ro, live := m.live(&q.view, &q.token)
	if !live {
		if q.sound && q.sentAt == w.now && !w.ended {
			w.broken = "a token that was just replaced is refused"
		}
		*q = accessUse{}
		return
	}
	for _, g := range w.given[:w.pairs] {
		if g.pair.access == q.token && w.now >= g.at.Add(m.rules.IdleTimeout) {
			w.broken = "an access token outlives its time"
		}
	}
	if q.at = advancing; !s.due(ro, q.view.now, &m.rules) {
		q.acts()
	}
}

func (q *accessUse) acts() {
	if q.at = acting; !q.signOut {
		*q = accessUse{}
	}
}

func (m *renewableModel) confirm(w *renewableWorld, q *accessUse) {
	in := advance{token: q.token, hash: q.token.hash()}
	if !m.try(w, &q.view, func(v view) (a *Account) {
		a, _ = m.advance(&in, v.account, v.now)
		return a
	}) {
		return
	}
	for i := range w.given[:w.pairs] {
		if g := &w.given[i]; g.pair.access == q.token {
			g.used = true
		}
	}
	q.acts()
}

func (m *renewableModel) end(w *renewableWorld) {
	v := w.load()
	m.try(w, &v, func(v view) *Account { return endSessions(v.account, func(*Session) bool { return true }) })
	w.ended = true
}

func (m *renewableModel) renewal(before *renewableWorld, i int, take taking) {
	who := holderNames[i] + " renewal"
	switch q := &before.renewals[i]; q.at {
	case notSent:
		h := &before.holders[i/2]
		if h.out || h.renewals == 0 || i == 1 && before.renewals[0].at == notSent {
			return
		}
		take(who, "is sent", func(w *renewableWorld) { m.arrive(w, i) })
	case advancing:
		take(who, "swaps the tokens", func(w *renewableWorld) { m.swap(w, &w.renewals[i]) })
	case acting:
		take(who, "ends the session", func(w *renewableWorld) {
			m.end(w)
			w.renewals[i].at = answering
		})
	case answering:
		take(who, "is answered", func(w *renewableWorld) { m.answer(w, i) })
		take(who, "has its answer lost", func(w *renewableWorld) { w.renewals[i] = renewalUse{} })
	}
}

func (m *renewableModel) arrive(w *renewableWorld, i int) {
	h := &w.holders[i/2]
	h.renewals--
	q := &w.renewals[i]
	*q = renewalUse{token: h.tokens.renewal, since: w.now, view: w.load(), at: answering}
	s, ro := m.look(q.view.account, &q.token, w.now)
	spent := m.spent(w, q.token.hash(), w.now)
	switch alive := w.account != nil; {
	case alive && spent && ro != renewalUsed:
		w.broken = "the use of a used token ends nothing"
	case alive && !spent && ro == renewalUsed:
		w.broken = "a client is taken for two"
	case ro == renewalUsed:
		q.at = acting
	case s != nil:
		q.at = advancing
	}
}

func (m *renewableModel) swap(w *renewableWorld, q *renewalUse) {
	w.drawn++
	in := exchange{token: q.token, proof: q.token.renewalProof(), handle: Handle{1}, salt: Hash{w.drawn}, since: q.since}
	var p *pair
	if !m.try(w, &q.view, func(v view) (a *Account) {
		a, p = m.exchange(&in, v.account, v.now)
		return a
	}) {
		return
	}
	if q.at = answering; p == nil {
		return
	}
	q.pair, q.given = *p, true
	h := q.token.hash()
	if g := w.giving(h); g != nil {
		if g.pair != *p {
			w.broken = "one token gives two pairs"
		}
		return
	}
	for i := range w.given[:w.pairs] {
		if g := &w.given[i]; g.pair.renewal == q.token {
			g.used = true
		}
	}
	w.given[w.pairs] = givenPair{token: h, pair: *p, at: w.now}
	w.pairs++
}

// answer delivers what came of a renewal. A holder that has other tokens by now
// does not look at it.
func (m *renewableModel) answer(w *renewableWorld, i int) {
	q, h := w.renewals[i], &w.holders[i/2]
	w.renewals[i] = renewalUse{}
	switch {
	case h.tokens.renewal != q.token:
	case q.given:
		h.tokens = q.pair
	default:
		h.out = true
		if !w.ended && !m.spent(w, q.token.hash(), q.since) {
			w.broken = "a client is signed out"
		}
	}
}

// check returns the promise that does not hold.
func (m *renewableModel) check(w *renewableWorld) string {
	s := w.account.session(Handle{1})
	switch {
	case w.broken != "":
		return w.broken
	case s == nil:
		return ""
	case w.ended:
		return "a session that was ended lives"
	case w.slept && !s.resumed && !s.dormant(w.now, &m.rules):
		return "a sign-in is recent after a sleep"
	}
	if again := s.renewal.repeat; again != nil {
		if g := w.giving(again.hash); g != nil && g.used {
			return "a used token and the store's salt make live tokens"
		}
	}
	return ""
}
