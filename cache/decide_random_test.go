package cache

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// An oracle knows of every token ever made until when it may work at the most,
// and of every session until when it lives. It knows nothing of hashes,
// salts, roles or records.
type oracle struct {
	owner  map[Token]Handle
	latest map[Token]Time // absent: as long as its session
	dead   map[Token]bool // seen to work no more
	moved  map[Handle]Time
	first  map[Handle]Session // as it was at sign-in
	slept  map[Handle]bool    // it was moved on after its idle time was over
	ended  map[Handle]bool
}

// A life is a random sequence of decisions on one account.
type life struct {
	*testing.T
	*oracle
	rand   *rand.Rand
	rules  *Rules
	now    Time
	a      *Account
	epoch  *Epoch
	made   []Token // newest last
	serial byte
}

func TestRandomLivesOfAnAccount(t *testing.T) {
	t.Parallel()
	steps := 150
	if testing.Short() {
		steps = 50
	}
	for seed := range uint64(300) {
		l := &life{
			T: t, rand: rand.New(rand.NewPCG(seed, 1)), now: minute0,
			rules: ruled(func(r *Rules) { r.MaxSessions, r.AbsoluteTimeout = 5, 3*time.Hour }),
			oracle: &oracle{
				owner: map[Token]Handle{}, latest: map[Token]Time{}, dead: map[Token]bool{},
				moved: map[Handle]Time{}, first: map[Handle]Session{}, ended: map[Handle]bool{}, slept: map[Handle]bool{},
			},
		}
		for range steps {
			l.step()
			l.check()
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
}

func (l *life) step() {
	before, frozen := l.a, []byte(nil)
	if before != nil {
		frozen = encodeAccount(before, nil)
	}
	l.now = l.now.Add(time.Duration(l.rand.Int64N(int64([]time.Duration{time.Second, time.Minute, 20 * time.Minute}[l.rand.IntN(3)]))))
	l.a = settle(l.a, l.epoch, l.now, ID{}, l.rules).kept()
	switch n := l.rand.IntN(20); {
	case n == 0 || len(l.made) == 0:
		l.signIn()
	case n == 1:
		l.endOne()
	case n == 2:
		l.a = markSessions(l.a)
	case n == 3 && l.rand.IntN(5) == 0:
		l.revokeAll()
	case n < 6:
		l.sync(l.anyToken())
	default:
		l.request(l.anyToken())
	}
	l.a = l.a.kept()
	if l.a != nil && l.a != before {
		l.a = l.a.edit(0)
		l.a.seal(ID{1}, l.rules)
	}
	if before != nil && !bytes.Equal(encodeAccount(before, nil), frozen) {
		l.Error("a decision changed the account that it was given")
	}
}

// anyToken returns one of the newest tokens or, now and then, any.
func (l *life) anyToken() Token {
	if n := len(l.made); l.rand.IntN(3) > 0 {
		return l.made[max(0, n-1-l.rand.IntN(4))]
	}
	return l.made[l.rand.IntN(len(l.made))]
}

func (l *life) random() (h Hash) {
	for i := range h {
		h[i] = byte(l.rand.Uint32())
	}
	return h
}

func (l *life) mint(h Handle) Token {
	token := Token{account: AccountID{9}, secret: l.random()}
	l.owner[token], l.made = h, append(l.made, token)
	return token
}

func (l *life) signIn() {
	l.serial++
	h := numberedHandle(l.serial)
	token := l.mint(h)
	in := &signIn{
		session: Session{
			handle: h, transport: Cookie, hash: token.hash(), created: l.now, renewed: l.now, signedIn: l.now,
			ends: l.now.Add(l.rules.AbsoluteTimeout), metadata: []Pair{{"n", h.String()}},
		},
		others: l.rand.IntN(5) == 0,
		create: func() *Account { return &Account{space: &testSpace, key: "ann", lease: ID{1}} },
	}
	if l.rand.IntN(4) == 0 {
		in.session.transport = Bearer
	}
	if l.rand.IntN(3) == 0 {
		in.session.remembered = true
	}
	if l.rand.IntN(4) == 0 { // shorter than the idle time, perhaps, or longer than usual
		in.session.ends = l.now.Add(time.Duration(1 + l.rand.Int64N(int64(5*time.Hour))))
	}
	if l.rand.IntN(3) == 0 && l.a != nil {
		in.ending = l.a.sessions[0].handle
	}
	held := l.a
	next, _, err := in.decide(l.a, nil, l.rules)
	if err != nil {
		l.Fatal(err)
	}
	l.a, l.moved[h], l.first[h] = next, l.now, in.session
	l.gone(held)
}

func (l *life) endOne() {
	held := l.a
	l.a = endSessions(l.a, func(s *Session) bool { return s.handle[0]%2 == byte(l.rand.IntN(2)) })
	l.gone(held)
}

// gone tells the oracle which sessions of held were ended on purpose.
func (l *life) gone(held *Account) {
	if held == nil {
		return
	}
	for _, h := range held.handles() {
		if l.a.session(h) == nil {
			l.ended[h] = true
		}
	}
}

// revokeAll ends the sessions that were signed in before a moment of late.
func (l *life) revokeAll() {
	at := l.now.Add(-time.Duration(l.rand.Int64N(int64(time.Hour))))
	l.epoch = revokeAll(l.epoch, l.now, ID{1}, at)
	for h, first := range l.first {
		if first.signedIn < at {
			l.ended[h] = true
		}
	}
}

// move tells the oracle that the session was moved on now.
func (l *life) move(h Handle) {
	if l.now >= l.moved[h].Add(l.rules.IdleTimeout) {
		l.slept[h] = true
	}
	l.moved[h] = l.now
}

// replace tells the oracle that a token works until then at the most.
func (l *life) replace(token Token, until Time) {
	if at, ok := l.latest[token]; !ok || until < at {
		l.latest[token] = until
	}
}

func (l *life) request(token Token) {
	h := token.hash()
	s, ro := (*Session)(nil), roleNone
	if l.a != nil {
		s, ro = l.a.find(&h, l.now)
	}
	in := advance{token: token, hash: h, salt: l.random()}
	next, handed := in.decide(l.a, l.now, l.rules)
	if s != nil && ro == rolePending {
		for old, owner := range l.owner {
			if owner == s.handle && old.hash() == s.hash {
				l.replace(old, l.now.Add(l.rules.Grace))
			}
		}
	}
	if handed != nil {
		if _, known := l.owner[*handed]; !known {
			l.owner[*handed], l.made = s.handle, append(l.made, *handed)
			l.move(s.handle)
		}
	} else if s != nil && s.transport == Bearer && next != l.a {
		l.move(s.handle)
	}
	l.a = next
}

func (l *life) sync(token Token) {
	s := l.a.session(l.owner[token])
	if s == nil || s.transport == Bearer {
		return
	}
	to := Token{account: AccountID{9}, secret: l.random()}
	grace := []time.Duration{0, 5 * time.Second, time.Minute}[l.rand.IntN(3)]
	in := rotation{handle: s.handle, hash: token.hash(), to: to.hash(), grace: grace, others: l.rand.IntN(6) == 0, now: l.now}
	held := l.a
	next, ok := in.decide(l.a, l.rules)
	if !ok {
		return
	}
	l.a = next
	l.gone(held)
	for old, owner := range l.owner {
		if owner == s.handle {
			l.replace(old, l.now.Add(grace))
		}
	}
	l.owner[to], l.made = s.handle, append(l.made, to)
	l.move(s.handle)
}

func (l *life) check() {
	l.Helper()
	alive := map[Handle]int{} // tokens that move their session
	for token, h := range l.owner {
		s, ro := (*Session)(nil), roleNone
		hash := token.hash()
		if l.a != nil {
			s, ro = l.a.find(&hash, l.now)
		}
		works := s != nil && s.end(l.rules) > l.now && !l.epoch.revoked(s) && ro != roleRetired
		if !works {
			l.dead[token] = true
			continue
		}
		if s.handle != h {
			l.Errorf("a token of session %v proves session %v", h, s.handle)
		}
		if l.dead[token] {
			l.Errorf("a dead token of session %v works again, as %v", h, ro)
		}
		if until, ok := l.latest[token]; ok && l.now >= until {
			l.Errorf("a token of session %v works %v after its end, as %v", h, l.now.Sub(until), ro)
		}
		if ro != roleGrace {
			alive[h]++
		}
		if s.pending != nil && ro == roleGrace {
			if next := token.successor(h, &s.pending.salt); next.hash() == s.pending.hash {
				l.Error("a replaced token and the stored salt make the successor")
			}
		}
	}
	for h, first := range l.first {
		s := l.a.session(h)
		lives := s != nil && s.end(l.rules) > l.now && !l.epoch.revoked(s)
		idle := l.now >= l.moved[h].Add(l.rules.IdleTimeout)
		want := !l.ended[h] && l.now < first.ends && (first.remembered || !idle)
		if lives != want {
			l.Errorf("session %v lives: %v; want %v", h, lives, want)
		}
		if lives && (alive[h] < 1 || alive[h] > 2) {
			l.Errorf("session %v has %d tokens that move it; want one or two", h, alive[h])
		}
		if lives && (s.created != first.created || s.signedIn != first.signedIn || s.ends != first.ends || &s.metadata[0] != &first.metadata[0]) {
			l.Errorf("session %v is not what it was at sign-in", h)
		}
		if lives && (s.resumed != l.slept[h] || s.dormant(l.now, l.rules) != idle) {
			l.Errorf("session %v: resumed %v, dormant %v; want %v, %v", h, s.resumed, s.dormant(l.now, l.rules), l.slept[h], idle)
		}
		if s == nil {
			l.ended[h] = true
		}
	}
	if l.a != nil && len(l.a.sessions) > l.rules.MaxSessions {
		l.Errorf("%d sessions; want at most %d", len(l.a.sessions), l.rules.MaxSessions)
	}
}
