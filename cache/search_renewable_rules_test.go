package cache

import (
	"testing"
	"time"
)

// A renewableStory is what a search over a renewable session goes through.
type renewableStory struct {
	client, thief [2]int // how many requests and renewals they send
	left          tokenBudget
}

var (
	honest  = renewableStory{client: [2]int{2, 2}, left: tokenBudget{graces: 1, sleeps: 1}}
	stolen  = renewableStory{client: [2]int{1, 2}, thief: [2]int{0, 2}, left: tokenBudget{graces: 1}}
	leaving = renewableStory{client: [2]int{1, 1}}
)

func (s renewableStory) search(without ...func(*renewableModel)) result {
	m := &renewableModel{rules: tokenRules()}
	m.renewableProtocol = renewablesAsBuilt(&m.rules)
	for _, take := range without {
		take(m)
	}
	now := Time(time.Hour)
	first := pair{Token{secret: [32]byte{1, 2}}, Token{secret: [32]byte{1, 3}}}
	w := renewableWorld{now: now, left: s.left, pairs: 1}
	w.given[0] = givenPair{pair: first, at: now}
	w.holders[0] = holder{tokens: first, requests: s.client[0], renewals: s.client[1]}
	w.holders[1] = holder{tokens: pair{renewal: first.renewal}, requests: s.thief[0], renewals: s.thief[1]}
	w.account = &Account{sessions: []Session{{
		handle: Handle{1}, transport: Bearer, hash: first.access.hash(), renewal: newRenewal(&first.renewal),
		created: now, renewed: now, signedIn: now, ends: now.Add(48 * time.Hour), remembered: true,
	}}}
	w.account.seal(ID{255}, &m.rules)
	return search(m, w)
}

// A client that renews is never signed out for it, whatever is lost or overlaps
// within the grace, and a token that two have ends the session for both.
func TestEveryScheduleOfRenewalsKeepsThePromises(t *testing.T) {
	onlyOneGoroutine(t)
	t.Parallel()
	for name, story := range map[string]renewableStory{"a client alone": honest, "a client and a thief": stolen} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantNone(t, story.search())
		})
	}
}

func TestEachRuleOfRenewalsIsNeeded(t *testing.T) {
	onlyOneGoroutine(t)
	t.Parallel()
	for _, row := range []struct {
		rule    string
		story   renewableStory
		without func(*renewableModel)
		want    string
	}{
		{"one salt for uses of one token", honest, renewsTwice, "one token gives two pairs"},
		{"a lost answer is given again", honest, neverRepeats, "a client is taken for two"},
		{"a use in time counts from when it came", honest, countsFromTheSwap, "a client is signed out"},
		{"a repetition ends with the grace", honest, repeatsForEver, "the use of a used token ends nothing"},
		{"a repetition ends with the first use", honest, neverConfirms, "a used token and the store's salt make live tokens"},
		{"a grace for access tokens", honest, retiresAtOnce, "a token that was just replaced is refused"},
		{"an access token is not moved by use", honest, useMovesAccess, "a sign-in is recent after a sleep"},
		{"an access token ends", honest, accessForEver, "an access token outlives its time"},
		{"an access token gets no later end", honest, graceProlongs, "an access token outlives its time"},
		{"a renewal notes that the session slept", honest, exchangeForgetsSleep, "a sign-in is recent after a sleep"},
		{"a swap replaces only what it was decided on", leaving, func(m *renewableModel) { m.overwrites = true }, "a session that was ended lives"},
		{"a used token ends the session", stolen, ignoresUsed, "the use of a used token ends nothing"},
		{"every used token is known", stolen, knowsTheLast, "the use of a used token ends nothing"},
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

// onExchange lets change alter the session after an exchange that changed it.
func onExchange(m *renewableModel, change func(old, s *Session, now Time)) {
	decide := m.exchange
	m.exchange = func(in *exchange, a *Account, now Time) (*Account, *pair) {
		next, p := decide(in, a, now)
		if next != a {
			change(a.session(in.handle), next.session(in.handle), now)
		}
		return next, p
	}
}

// renewsTwice draws a salt for each use.
func renewsTwice(m *renewableModel) {
	m.exchange = func(in *exchange, a *Account, now Time) (*Account, *pair) {
		s := a.session(in.handle)
		if s == nil || s.renewal.role(&in.proof, in.since) == renewalUsed {
			return a, nil
		}
		p := in.token.renewed(in.handle, &in.salt)
		next := a.edit(0)
		s = next.session(in.handle)
		s.wake(now, &m.rules)
		s.exchange(in, &p, now, &m.rules)
		return next, &p
	}
}

func neverRepeats(m *renewableModel) {
	look := m.look
	m.look = func(a *Account, t *Token, now Time) (*Session, renewalRole) {
		s, ro := look(a, t, now)
		if ro == renewalRepeat {
			ro = renewalUsed
		}
		return s, ro
	}
}

func countsFromTheSwap(m *renewableModel) {
	decide := m.exchange
	m.exchange = func(in *exchange, a *Account, now Time) (*Account, *pair) {
		in.since = now
		return decide(in, a, now)
	}
}

func repeatsForEver(m *renewableModel) {
	onExchange(m, func(_, s *Session, now Time) { s.renewal.repeat.until = now.Add(24 * time.Hour) })
}

func neverConfirms(m *renewableModel) {
	m.advance = func(_ *advance, a *Account, _ Time) (*Account, *Token) { return a, nil }
}

func retiresAtOnce(m *renewableModel) {
	onExchange(m, func(_, s *Session, now Time) { s.retired[len(s.retired)-1].until = now })
}

func useMovesAccess(m *renewableModel) {
	decide := m.advance
	m.advance = func(in *advance, a *Account, now Time) (*Account, *Token) {
		next, token := decide(in, a, now)
		if next != a {
			next.sessions[0].renewed = now.Add(m.rules.Grace)
		}
		return next, token
	}
}

func accessForEver(m *renewableModel) {
	m.outdated = func(_ *Session, ro role, _ Time) bool { return ro == roleRetired }
}

func graceProlongs(m *renewableModel) {
	onExchange(m, func(_, s *Session, now Time) { s.retired[len(s.retired)-1].until = now.Add(m.rules.Grace) })
}

func exchangeForgetsSleep(m *renewableModel) {
	onExchange(m, func(old, s *Session, _ Time) { s.resumed = old.resumed })
}

func ignoresUsed(m *renewableModel) {
	look := m.look
	m.look = func(a *Account, t *Token, now Time) (*Session, renewalRole) {
		if s, ro := look(a, t, now); ro != renewalUsed {
			return s, ro
		}
		return nil, renewalUnknown
	}
}

// knowsTheLast remembers the token that was used last, and none before it.
func knowsTheLast(m *renewableModel) {
	last := make(map[Hash]Hash) // by the token that it gave
	onExchange(m, func(old, s *Session, _ Time) { last[s.renewal.hash] = old.renewal.hash })
	look := m.look
	m.look = func(a *Account, t *Token, now Time) (*Session, renewalRole) {
		s, ro := look(a, t, now)
		if ro == renewalUsed && last[s.renewal.hash] != t.hash() {
			return nil, renewalUnknown
		}
		return s, ro
	}
}
