package cache

import (
	"slices"
	"testing"
	"time"
)

// tokenTick is the grace, and the shortest step that time takes.
const tokenTick = time.Second

func tokenRules() Rules {
	return Rules{
		IdleTimeout: time.Hour, RenewAfter: time.Minute, AbsoluteTimeout: time.Hour,
		Grace: tokenTick, MaxSessions: 10,
	}
}

// A tokenStory is what a search over tokens goes through.
type tokenStory struct {
	first, second []tokenJob // what the requests of the clients may do
	sends         [2]int     // how many requests they send
	left          tokenBudget
	retired       int // tokens of the first client that are in grace already
	remembered    bool
}

// The stories that tokens have to stand. The first client's token is old when
// they begin.
var (
	renewals = tokenStory{
		first: []tokenJob{looksOnly}, sends: [2]int{4, 0},
		left: tokenBudget{graces: 1, ages: 1, marks: 1},
	}
	tokenSyncs = tokenStory{
		first: []tokenJob{looksOnly, syncsToken}, sends: [2]int{3, 0},
		left: tokenBudget{graces: 1, marks: 1},
	}
	signOuts = tokenStory{
		first: []tokenJob{looksOnly, syncsToken, signsOut}, sends: [2]int{2, 1},
		second: []tokenJob{looksOnly, revokesOthers},
		left:   tokenBudget{graces: 1},
	}
	oneRevoked = tokenStory{
		first: []tokenJob{looksOnly}, second: []tokenJob{revokesOthers}, sends: [2]int{1, 1},
	}
	sleepers = tokenStory{
		first: []tokenJob{looksOnly, syncsToken}, sends: [2]int{3, 0},
		left:       tokenBudget{graces: 1, sleeps: 2},
		remembered: true,
	}
	manyTokens = tokenStory{
		first: []tokenJob{syncsToken}, sends: [2]int{3, 0},
		left:    tokenBudget{graces: 1},
		retired: maxRetired - 1,
	}
)

func (s tokenStory) search(without ...func(*tokenModel)) result {
	r := tokenRules()
	m := &tokenModel{rules: r, jobs: [2][]tokenJob{s.first, s.second}, known: make(map[Hash]Token)}
	m.tokenProtocol = tokensAsBuilt(&m.rules)
	for _, take := range without {
		take(m)
	}
	now := Time(time.Hour)
	w := tokenWorld{now: now, left: s.left, account: &Account{}}
	for i := range w.clients {
		token, age := Token{secret: [32]byte{byte(i + 1), 2}}, r.RenewAfter
		if i > 0 {
			age = 0
		}
		w.clients[i] = tokenClient{session: Handle{byte(i + 1)}, token: *m.issue(&token), left: s.sends[i]}
		w.account.sessions = append(w.account.sessions, Session{
			handle: Handle{byte(i + 1)}, transport: Cookie, hash: token.hash(),
			created: now, renewed: now.Add(-age), signedIn: now, ends: now.Add(time.Hour),
			remembered: s.remembered,
		})
	}
	if s.remembered {
		for i := range w.account.sessions {
			w.account.sessions[i].ends = now.Add(24 * time.Hour)
		}
	}
	for i := range s.retired {
		token := Token{secret: [32]byte{byte(i), 3}}
		w.account.sessions[0].retire(m.issue(&token).hash(), now, now.Add(r.Grace), true)
	}
	w.account.seal(ID{255}, &m.rules)
	return search(m, w)
}

// Nobody who keeps to the rules is signed out by a rotation, whatever is lost
// or overlaps, and nothing that was ended comes back.
func TestEveryScheduleOfTokensKeepsThePromises(t *testing.T) {
	onlyOneGoroutine(t)
	t.Parallel()
	for _, row := range []struct {
		name  string
		story tokenStory
	}{
		{"one client renews", renewals},
		{"one client renews and syncs", tokenSyncs},
		{"one client sleeps, renews and syncs", sleepers},
		{"one client is signed out by another", oneRevoked},
		{"one client signs out while another revokes", signOuts},
		{"one client syncs more often than tokens are remembered", manyTokens},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			wantNone(t, row.story.search())
		})
	}
}

func TestEachRuleOfTokensIsNeeded(t *testing.T) {
	onlyOneGoroutine(t)
	t.Parallel()
	for _, row := range []struct {
		rule    string
		story   tokenStory
		without func(*tokenModel)
		want    string
	}{
		{"one salt for parallel requests", renewals, saltsTwice, "a client is signed out"},
		{"a successor becomes current at its first use only", renewals, confirmsAtOnce, "a client is signed out"},
		{"no salt after the confirmation", renewals, keepsSalt, "a retired token and the store's salt make a live token"},
		{"a grace for replaced tokens", renewals, hasNoGrace, "a token that was just replaced is refused"},
		{"a mark goes by a successor made after it", renewals, confirmsMark, "a mark is lost"},
		{"a current token that has a successor is not the newest", renewals, sendsCurrent, "a client is signed out"},
		{"no answer carries an old token", tokenSyncs, sendsAny, "a client is signed out"},
		{"a sync ends the successor under way", tokenSyncs, syncKeepsPending, "two chains of tokens live"},
		{"no later end for a token in grace", tokenSyncs, syncProlongs, "a token in grace gets a later end"},
		{"no rotation by a token that a sync replaced", tokenSyncs, lateSyncRotates, "a token that a sync replaced changes the session"},
		{"a renewal notes that the session slept", sleepers, renewalForgetsSleep, "a sign-in is recent after a sleep"},
		{"a sync notes that the session slept", sleepers, syncForgetsSleep, "a sign-in is recent after a sleep"},
		{"what was noted stays", sleepers, renewalClearsSleep, "a sign-in is recent after a sleep"},
		{"who is remembered stays so", sleepers, renewalForgetsRemembering, "a client is signed out"},
		{"a bound on replaced tokens that work", manyTokens, remembersAll, "too many tokens in grace"},
		{"a swap replaces only what it was decided on", oneRevoked, overwrites, "a session that was ended lives"},
	} {
		t.Run("without "+row.rule, func(t *testing.T) {
			t.Parallel()
			r := row.story.search(row.without)
			if wantSome(t, r); r.broken != row.want {
				t.Errorf("found %q; want %q", r.broken, row.want)
			}
		})
	}
}

// onAdvance lets change alter the account before the decision and the session
// after it. Both are copies.
func onAdvance(m *tokenModel, before func(s *Session, ro role), after func(old, s *Session, ro role, now Time)) {
	decide := m.advance
	m.advance = func(in *advance, a *Account, now Time) (*Account, *Token) {
		s, ro := a.find(&in.hash, now)
		if s == nil {
			return decide(in, a, now)
		}
		h, old := s.handle, *s
		if before != nil {
			c := a.edit(0)
			before(c.session(h), ro)
			a = c
		}
		next, token := decide(in, a, now)
		if after != nil && next != a {
			after(&old, next.session(h), ro, now)
		}
		return next, token
	}
}

// saltsTwice draws a successor for each request that finds the token old.
func saltsTwice(m *tokenModel) {
	onAdvance(m, func(s *Session, ro role) {
		if ro == roleCurrent {
			s.pending = nil
		}
	}, nil)
}

func confirmsAtOnce(m *tokenModel) {
	onAdvance(m, nil, func(_, s *Session, _ role, now Time) {
		if s.pending != nil {
			s.confirm(now, &m.rules)
		}
	})
}

// keepsSalt uses the salt that made the current token for the next one too.
func keepsSalt(m *tokenModel) {
	onAdvance(m, nil, func(old, s *Session, ro role, now Time) {
		if ro == rolePending && s.pending == nil {
			s.pending = &pending{salt: old.pending.salt, madeAt: now}
			s.pending.hash = m.derived(s, &s.hash)
		}
	})
}

func hasNoGrace(m *tokenModel) { m.rules.Grace = 0 }

func confirmsMark(m *tokenModel) {
	onAdvance(m, func(s *Session, ro role) {
		if ro == rolePending {
			s.regenerate = false
		}
	}, nil)
}

func sendsCurrent(m *tokenModel) {
	m.newest = func(_ *Session, ro role) bool { return ro == rolePending || ro == roleCurrent }
}

func sendsAny(m *tokenModel) { m.newest = func(*Session, role) bool { return true } }

// onRotation lets change alter the session that was rotated.
func onRotation(m *tokenModel, change func(old, s *Session, in *rotation)) {
	rotate := m.rotate
	m.rotate = func(in *rotation, a *Account) (*Account, bool) {
		next, ok := rotate(in, a)
		if ok && next != a {
			change(a.session(in.handle), next.session(in.handle), in)
		}
		return next, ok
	}
}

func syncKeepsPending(m *tokenModel) {
	onRotation(m, func(old, s *Session, _ *rotation) { s.pending = old.pending })
}

func syncProlongs(m *tokenModel) {
	onRotation(m, func(_, s *Session, in *rotation) {
		for i := range s.retired {
			s.retired[i].until = in.now.Add(in.grace)
		}
	})
}

func remembersAll(m *tokenModel) {
	onRotation(m, func(old, s *Session, in *rotation) {
		s.retired = append(slices.Clone(old.retired), retired{hash: old.hash, until: in.now.Add(in.grace), synced: true})
	})
}

func renewalForgetsSleep(m *tokenModel) {
	onAdvance(m, nil, func(old, s *Session, _ role, _ Time) { s.resumed = old.resumed })
}

func syncForgetsSleep(m *tokenModel) {
	onRotation(m, func(old, s *Session, _ *rotation) { s.resumed = old.resumed })
}

// renewalClearsSleep notes only of the last renewal whether it woke the session.
func renewalClearsSleep(m *tokenModel) {
	onAdvance(m, nil, func(old, s *Session, _ role, now Time) { s.resumed = old.dormant(now, &m.rules) })
}

func renewalForgetsRemembering(m *tokenModel) {
	onAdvance(m, nil, func(_, s *Session, _ role, _ Time) { s.remembered = false })
}

func lateSyncRotates(m *tokenModel) {
	rotate := m.rotate
	m.rotate = func(in *rotation, a *Account) (*Account, bool) {
		if s := a.session(in.handle); s != nil && s.retiredToken(&in.hash) != nil {
			c := a.edit(0)
			s = c.session(in.handle)
			s.retired = slices.Clone(s.retired)
			s.retiredToken(&in.hash).synced = false
			a = c
		}
		return rotate(in, a)
	}
}

func overwrites(m *tokenModel) { m.overwrites = true }
