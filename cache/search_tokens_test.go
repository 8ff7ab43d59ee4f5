package cache

// The second search is over tokens: one account, two clients with a session
// each, requests that overlap, and answers that are lost on the way. A client
// keeps the last token that reached it and sends no other.

// A tokenWorld is one state of it.
type tokenWorld struct {
	account  *Account
	now      Time
	clients  [2]tokenClient
	requests [3]tokenRequest // the last one is the second client's
	left     tokenBudget
	drawn    byte
	broken   string
}

type tokenBudget struct{ graces, ages, marks, sleeps int }

// A tokenClient holds a token of its session.
type tokenClient struct {
	session Handle
	token   Token
	out     bool // it has signed out, was signed out, or lost the answer to a sync
	ended   bool // the session was ended, for ever
	marked  bool // the session was marked, and got no successor since
	slept   bool // nobody moved the session for its idle time
	left    int  // requests it may yet send
}

// A tokenRequest carries a token from its client to an answer.
type tokenRequest struct {
	does   tokenJob
	at     tokenPlace
	token  Token
	hash   Hash
	sentAt Time
	sound  bool // the token was good when it was sent
	view   view
	role   role
	handle Handle
	answer *Token // the token to hand out
	synced bool   // by a sync
}

type tokenJob int8

const (
	looksOnly tokenJob = iota
	syncsToken
	signsOut
	revokesOthers
)

type tokenPlace int8

const (
	notSent tokenPlace = iota
	sent
	advancing
	acting
	answering
)

// A tokenModel is what the second search runs on.
type tokenModel struct {
	tokenProtocol
	rules Rules
	jobs  [2][]tokenJob // of each client
	known map[Hash]Token
	after tokenWorld
}

// A tokenProtocol is the decisions, each of which a test may replace.
type tokenProtocol struct {
	advance func(in *advance, a *Account, now Time) (*Account, *Token)
	rotate  func(in *rotation, a *Account) (*Account, bool)

	// newest reports whether an answer may carry the token of this role.
	newest     func(s *Session, ro role) bool
	overwrites bool // a swap puts its record in the place of whatever is there
}

func tokensAsBuilt(r *Rules) tokenProtocol {
	return tokenProtocol{
		advance: func(in *advance, a *Account, now Time) (*Account, *Token) { return in.decide(a, now, r) },
		rotate:  func(in *rotation, a *Account) (*Account, bool) { return in.decide(a, r) },
		newest: func(s *Session, ro role) bool {
			return ro == rolePending || ro == roleCurrent && s.pending == nil
		},
	}
}

func (w *tokenWorld) load() view {
	v := view{account: w.account, now: w.now}
	if w.account != nil {
		v.version = w.account.version
	}
	return v
}

// try is one round of Cache.update. It counts from now, however long ago v was
// loaded, and takes less time than a grace.
func (m *tokenModel) try(w *tokenWorld, v *view, decide func(view) *Account) bool {
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

// owner returns whose the i-th request is.
func (w *tokenWorld) owner(i int) *tokenClient { return &w.clients[i/2] }

// live reports whether the token proves a session, as Cache.look does.
func (m *tokenModel) live(v *view, h *Hash) (*Session, role, bool) {
	if v.account == nil {
		return nil, roleNone, false
	}
	s, ro := v.account.find(h, v.now)
	return s, ro, s != nil && ro != roleRetired && s.end(&m.rules) > v.now
}

// issue remembers the secret of a token, as whoever gets it might.
func (m *tokenModel) issue(t *Token) *Token {
	if t != nil {
		m.known[t.hash()] = *t
	}
	return t
}

var requestNames = [...]string{"the first client's request", "its other request", "the second client's request"}

// A tokenTurn takes steps of one request.
type tokenTurn struct {
	*tokenModel
	before *tokenWorld
	i      int
	emit   func(took step, after *tokenWorld, broken string)
}

func (t *tokenTurn) take(what string, f func(w *tokenWorld, q *tokenRequest)) {
	t.after = *t.before
	w := &t.after
	f(w, &w.requests[t.i])
	t.emit(step{requestNames[t.i], what}, w, t.check(t.before, w))
}

func (m *tokenModel) next(w *tokenWorld, emit func(step, *tokenWorld, string)) {
	for i := range w.requests {
		t := tokenTurn{m, w, i, emit}
		t.step(&w.requests[i])
	}
	m.happen(w, emit)
}

func (m *tokenModel) happen(w *tokenWorld, emit func(step, *tokenWorld, string)) {
	by := func(who, what string, left func(*tokenBudget) *int, f func(w *tokenWorld)) {
		if *left(&w.left) == 0 {
			return
		}
		m.after = *w
		*left(&m.after.left)--
		f(&m.after)
		emit(step{who, what}, &m.after, m.check(w, &m.after))
	}
	by("time", "passes the grace", func(b *tokenBudget) *int { return &b.graces }, func(w *tokenWorld) {
		w.now = w.now.Add(tokenTick)
	})
	by("time", "passes until tokens are old", func(b *tokenBudget) *int { return &b.ages }, func(w *tokenWorld) {
		w.now = w.now.Add(m.rules.RenewAfter)
	})
	by("time", "passes until sessions sleep", func(b *tokenBudget) *int { return &b.sleeps }, func(w *tokenWorld) {
		w.now = w.now.Add(m.rules.IdleTimeout)
		for i := range w.clients {
			w.clients[i].slept = true
		}
	})
	by("somebody", "marks the sessions", func(b *tokenBudget) *int { return &b.marks }, func(w *tokenWorld) {
		v := w.load()
		m.try(w, &v, func(v view) *Account { return markSessions(v.account) })
		for i := range w.clients {
			w.clients[i].marked = true
		}
	})
}

func (t *tokenTurn) step(q *tokenRequest) {
	switch q.at {
	case notSent:
		t.send()
	case sent:
		t.take("is looked up", t.open)
	case advancing:
		t.take("renews or confirms", t.advanceToken)
	case acting:
		switch q.does {
		case syncsToken:
			t.take("syncs", t.sync)
		case signsOut:
			t.take("signs out", t.signOut)
		case revokesOthers:
			t.take("revokes the other sessions", t.revoke)
		}
	case answering:
		t.take("is answered", t.answer)
		if q.answer != nil {
			t.take("has its answer lost", func(w *tokenWorld, q *tokenRequest) {
				if q.synced {
					w.owner(t.i).out = true
				}
				*q = tokenRequest{}
			})
		}
	}
}

func (t *tokenTurn) send() {
	c := t.before.owner(t.i)
	if c.left == 0 || c.ended || c.out || t.i == 1 && t.before.requests[0].at == notSent {
		return // of two requests that are alike the first is sent first
	}
	for _, does := range t.jobs[t.i/2] {
		t.take("is sent "+[...]string{"to look", "to sync", "to sign out", "to revoke"}[does], func(w *tokenWorld, q *tokenRequest) {
			c := w.owner(t.i)
			c.left--
			*q = tokenRequest{does: does, at: sent, token: c.token, hash: c.token.hash(), sentAt: w.now}
			v := w.load()
			_, _, q.sound = t.live(&v, &q.hash)
		})
	}
}

func (t *tokenTurn) open(w *tokenWorld, q *tokenRequest) {
	q.view = w.load()
	s, ro, live := t.live(&q.view, &q.hash)
	if !live {
		c := w.owner(t.i)
		// Sixteen replaced tokens work. One that made room is refused.
		forgotten := s == nil && !c.ended && len(w.account.session(c.session).retired) == maxRetired
		if q.sound && q.sentAt == w.now && !c.out && !c.ended && !forgotten {
			w.broken = "a token that was just replaced is refused"
		}
		*q = tokenRequest{}
		return
	}
	q.role, q.handle = ro, s.handle
	q.at = advancing
	if !s.due(ro, q.view.now, &t.rules) {
		t.advanced(q)
	}
}

func (t *tokenTurn) advanced(q *tokenRequest) {
	q.at = acting
	if q.does == looksOnly {
		q.at = answering
	}
}

func (t *tokenTurn) advanceToken(w *tokenWorld, q *tokenRequest) {
	in := advance{token: q.token, hash: q.hash}
	w.drawn++
	in.salt = Hash{w.drawn}
	var next *Token
	if !t.try(w, &q.view, func(v view) (a *Account) {
		a, next = t.advance(&in, v.account, v.now)
		return a
	}) {
		return
	}
	if q.view.account.session(q.handle) != nil {
		q.answer = t.issue(next)
	}
	t.advanced(q)
}

func (t *tokenTurn) sync(w *tokenWorld, q *tokenRequest) {
	w.drawn++
	to := Token{account: q.token.account, secret: [32]byte{w.drawn, 1}}
	in := rotation{handle: q.handle, hash: q.hash, to: to.hash(), grace: t.rules.Grace}
	rotated := false
	if !t.try(w, &q.view, func(v view) *Account {
		next := dropUser(v.account, ID{1})
		if in.now, rotated = v.now, false; q.role != roleGrace {
			next, rotated = t.rotate(&in, next)
		}
		return next
	}) {
		return
	}
	q.answer, q.at = nil, answering
	if rotated {
		q.answer, q.synced = t.issue(&to), true
	}
}

func (t *tokenTurn) signOut(w *tokenWorld, q *tokenRequest) {
	t.end(w, q, func(s *Session) bool { return s.handle == q.handle })
}

// revoke ends the sessions of others, as Cache.Revoke does.
func (t *tokenTurn) revoke(w *tokenWorld, q *tokenRequest) {
	in := rotation{handle: q.handle, hash: q.hash, now: w.now}
	if s := w.account.session(q.handle); s == nil || q.role == roleGrace || !in.mayRotate(s) {
		q.at = answering
		return
	}
	t.end(w, q, func(s *Session) bool { return s.handle != q.handle })
}

func (t *tokenTurn) end(w *tokenWorld, q *tokenRequest, gone func(*Session) bool) {
	v := w.load()
	t.try(w, &v, func(v view) *Account {
		if v.account == nil {
			return nil
		}
		return endSessions(v.account, gone)
	})
	for i := range w.clients {
		if c := &w.clients[i]; gone(&Session{handle: c.session}) {
			c.ended = true
		}
	}
	q.answer, q.at = nil, answering
}

// answer delivers the answer. Its token is sent if it is still the newest, as
// Cache.IsNewest tells.
func (t *tokenTurn) answer(w *tokenWorld, q *tokenRequest) {
	if q.answer != nil {
		h, v := q.answer.hash(), w.load()
		if s, ro, live := t.live(&v, &h); live && t.newest(s, ro) {
			w.owner(t.i).token = *q.answer
		}
	}
	*q = tokenRequest{}
}
