package cache

import (
	"bytes"
	"testing"
)

// renewing is what the use of a renewal token does at a minute, with salt 50 at
// hand; it came at minute since.
func renewing(token Token, a *Account, since, at float64, r *Rules) (*Account, *pair) {
	in := exchange{
		token: token, proof: token.renewalProof(), handle: numberedHandle(1),
		salt: numberedSalt(50), since: minute(since),
	}
	return in.decide(a, minute(at), r)
}

// Token 5 renews session 1. It was used with salt 7, or with ours, which is 50.
var (
	five   = renewalToken(5)
	pair7  = pairOf(five, 1, 7)
	pair50 = pairOf(five, 1, 50)
)

func TestWhatARenewalTokenIsToItsSession(t *testing.T) {
	t.Parallel()
	second := pairOf(pair7.renewal, 1, 8)
	later := func(s *Session) { // the client renewed once more
		in := exchange{proof: pair7.renewal.renewalProof(), handle: s.handle, salt: numberedSalt(8)}
		s.exchange(&in, &second, minute(25), ruled(nil))
	}
	synced := func(s *Session) {
		other := renewalToken(6)
		s.renewal = s.renewal.replacedBy(newRenewal(&other))
	}
	stranger, access := renewalToken(9), numberedToken(1)
	for _, row := range []struct {
		name    string
		changes []func(*Session)
		token   Token
		at      float64
		want    renewalRole
	}{
		{"the first one renews", nil, five, 1, renewalCurrent},
		{"it renews however long it was not used", nil, five, 600, renewalCurrent},
		{"once used it may be used again", []func(*Session){renewedWith(5, 7, 15)}, five, 15.08, renewalRepeat},
		{"until the grace is over", []func(*Session){renewedWith(5, 7, 15)}, five, 15 + 5.0/60, renewalUsed},
		{"or what it gave was used", []func(*Session){renewedWith(5, 7, 15), confirmed}, five, 15.01, renewalUsed},
		{"the one that it gave renews", []func(*Session){renewedWith(5, 7, 15)}, pair7.renewal, 15, renewalCurrent},
		{"and used in its turn may be used again", []func(*Session){renewedWith(5, 7, 15), later}, pair7.renewal, 25, renewalRepeat},
		{"when the first one may be no more", []func(*Session){renewedWith(5, 7, 25), later}, five, 25, renewalUsed},
		{"one that a sync replaced counts as used", []func(*Session){synced}, five, 1, renewalUsed},
		{"the one that it was replaced by renews", []func(*Session){synced}, renewalToken(6), 1, renewalCurrent},
		{"one of nobody is unknown", nil, stranger, 1, renewalUnknown},
		{"an access token is unknown", nil, access, 1, renewalUnknown},
		{"a renewed access token is unknown", []func(*Session){renewedWith(5, 7, 15)}, pair7.access, 15, renewalUnknown},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := anAccount(aSession(2), aSession(1, append([]func(*Session){renewable(5)}, row.changes...)...))
			s, got := a.findRenewal(&row.token, minute(row.at))
			if got != row.want || (s != nil) != (row.want != renewalUnknown) {
				t.Errorf("it is %v, of session %v; want %v", got, s != nil, row.want)
			}
			h := row.token.hash()
			if s, ro := a.find(&h, minute(row.at)); row.want != renewalUnknown && s != nil {
				t.Errorf("as an access token it is %v; want unknown", ro)
			}
		})
	}
	if s, ro := (*Account)(nil).findRenewal(&five, 0); s != nil || ro != renewalUnknown {
		t.Errorf("without an account: %v, %v; want nothing", s, ro)
	}
}

func TestWhatAnExchangeGives(t *testing.T) {
	t.Parallel()
	used7 := []func(*Session){renewedWith(5, 7, 15)}
	for _, row := range []struct {
		name      string
		changes   []func(*Session)
		since, at float64
		want      *pair
		same      bool // nothing changes
	}{
		{"a new pair", nil, 20, 20, &pair50, false},
		{"the same pair again", used7, 15.05, 15.05, &pair7, true},
		{"the same pair to one that came in time and read for long", used7, 15.05, 15.1, &pair7, true},
		{"the same pair to one that came before the other landed", used7, 14, 15, &pair7, true},
		{"nothing to one that was overtaken", append(used7, confirmed), 15, 15.01, nil, true},
		{"what landed unheard", []func(*Session){renewedWith(5, 50, 20)}, 19, 20, &pair50, true},
		{"what landed unheard and was used since", []func(*Session){renewedWith(5, 50, 20), confirmed}, 19, 21, &pair50, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := frozen(t, anAccount(aSession(1, append([]func(*Session){renewable(5)}, row.changes...)...)))
			next, got := renewing(five, a, row.since, row.at, ruled(nil))
			if (got == nil) != (row.want == nil) || got != nil && *got != *row.want {
				t.Errorf("given: %v; want %v, and the right pair", got != nil, row.want != nil)
			}
			if (next == a) != row.same {
				t.Errorf("the same account = %v; want %v", next == a, row.same)
			}
		})
	}
	if next, got := renewing(five, anAccount(aSession(2)), 1, 1, ruled(nil)); got != nil || len(next.sessions) != 1 {
		t.Error("a session that has ended gives tokens")
	}
}

func TestAnExchangeReplacesBothTokens(t *testing.T) {
	t.Parallel()
	a := frozen(t, anAccount(aSession(1, renewable(5))))
	before := a.sessions[0]
	next, _ := renewing(five, a, 20, 20, ruled(nil))
	wantRoles(t, next, 20, map[Hash]role{hashOf(1): roleGrace, pair50.access.hash(): roleCurrent})
	wantRoles(t, next, 20+5.0/60, map[Hash]role{hashOf(1): roleRetired})
	s := next.session(numberedHandle(1))
	if s.renewed != minute(20) || s.signedIn != before.signedIn || s.ends != before.ends || s.created != before.created || s.resumed {
		t.Errorf("renewed %v, signed in %v, ends %v, resumed %v; want only the first to move", s.renewed, s.signedIn, s.ends, s.resumed)
	}
	if s.lastRenewed() != minute(20) || s.end(ruled(nil)) != before.ends {
		t.Error("a renewal does not count for the order in which sessions make room, or moves the end")
	}
	late, _ := renewing(five, a, 30, 30, ruled(nil))
	if !late.sessions[0].resumed {
		t.Error("a renewal after the access token's end is not noted as one after a sleep")
	}
	wantRoles(t, late, 30, map[Hash]role{hashOf(1): roleRetired})
	near, _ := renewing(five, a, 29.95, 29.95, ruled(nil))
	wantRoles(t, near, 29.99, map[Hash]role{hashOf(1): roleGrace})
	wantRoles(t, near, 30, map[Hash]role{hashOf(1): roleRetired})
}

// Once a token that was given is used the salt is gone. With it, a used token
// and a look into the store would make live ones.
func TestTheFirstUseOfAnAccessTokenErasesTheSalt(t *testing.T) {
	t.Parallel()
	r, salt := ruled(nil), numberedSalt(7)
	a := frozen(t, anAccount(aSession(1, renewable(5), renewedWith(5, 7, 15))))
	if !bytes.Contains(encodeAccount(a, nil), salt[:]) {
		t.Fatal("no salt is stored, so that the test shows nothing")
	}
	next, handed := request(pair7.access, a, 16, r)
	if handed != nil || next.sessions[0].renewal.repeat != nil || bytes.Contains(encodeAccount(next, nil), salt[:]) {
		t.Error("the record still holds the salt, or an access token got a successor")
	}
	if s := next.sessions[0]; s.renewed != minute(15) || s.hash != pair7.access.hash() || len(s.retired) != 1 {
		t.Error("the use of an access token moved more than the salt")
	}
	if again, _ := request(pair7.access, next, 29, r); again != next {
		t.Error("its second use changes the account")
	}
	if again, _ := request(numberedToken(1), a, 15.01, r); again != a {
		t.Error("a token in grace counts as a use of what replaced it")
	}
	if after, _ := renewing(pair7.renewal, a, 16, 16, r); bytes.Contains(encodeAccount(after, nil), salt[:]) {
		t.Error("the next renewal leaves the salt of the last")
	}
}

func TestARenewableSessionNeverRotatesByItself(t *testing.T) {
	t.Parallel()
	r := ruled(nil)
	for name, change := range map[string]func(*Session){"bearer": bearer, "cookie": func(s *Session) { s.transport = Cookie }} {
		s := aSession(1, renewable(5), change)
		for _, at := range []float64{0, 15, 29, 31} {
			if s.due(roleCurrent, minute(at), r) {
				t.Errorf("%s: due at minute %v", name, at)
			}
		}
		a := anAccount(s)
		if markSessions(a) != a || markOne(a, s.handle) != a {
			t.Errorf("%s: it can be marked", name)
		}
	}
}

func TestWhenAnAccessTokenProvesNothing(t *testing.T) {
	t.Parallel()
	r := ruled(nil)
	s, short := aSession(1, renewable(5), renewedAt(10)), aSession(2, bearer)
	for _, row := range []struct {
		ro   role
		at   float64
		want bool
	}{
		{roleCurrent, 39.9, false}, {roleCurrent, 40, true}, {roleGrace, 41, false}, {roleRetired, 11, true},
	} {
		if got := s.outdated(row.ro, minute(row.at), r); got != row.want {
			t.Errorf("one that is %v at minute %v: %v; want %v", row.ro, row.at, got, row.want)
		}
		if short.outdated(row.ro, minute(row.at), r) {
			t.Errorf("the token of a session that is not renewable, %v, is to be renewed", row.ro)
		}
	}
}

func TestASyncReplacesTheRenewalTokenAtOnce(t *testing.T) {
	t.Parallel()
	six := renewalToken(6)
	fresh := func(in *rotation) { in.fresh = newRenewal(&six) }
	a := frozen(t, anAccount(aSession(1, renewable(5), renewedWith(5, 7, 15))))
	in := syncing(1, fresh)
	in.hash = pair7.access.hash()
	next, ok := in.decide(a, ruled(nil))
	if !ok {
		t.Fatal("the sync was refused")
	}
	wantRoles(t, next, 20.9, map[Hash]role{pair7.access.hash(): roleGrace, hashOf(1): roleRetired, hashOf(40): roleCurrent})
	for name, row := range map[string]struct {
		token Token
		want  renewalRole
	}{
		"the new one": {six, renewalCurrent}, "the one it replaced": {pair7.renewal, renewalUsed}, "the one used before": {five, renewalUsed},
	} {
		if _, got := next.findRenewal(&row.token, minute(20)); got != row.want {
			t.Errorf("%s is %v; want %v", name, got, row.want)
		}
	}
	if again, ok := in.decide(next, ruled(nil)); !ok || again != next {
		t.Error("a sync that landed unseen is done again")
	}
	// An access token that has ended under its request gets no grace.
	in.now = minute(45.5)
	next, _ = in.decide(a, ruled(nil))
	wantRoles(t, next, 45.5, map[Hash]role{pair7.access.hash(): roleRetired})
	if !next.sessions[0].resumed {
		t.Error("a sync after the access token's end is not noted as one after a sleep")
	}
}

func TestFamiliesAreBounded(t *testing.T) {
	t.Parallel()
	s := aSession(1, renewable(10))
	for n := byte(11); n < 16; n++ {
		token := renewalToken(n)
		s.renewal = s.renewal.replacedBy(newRenewal(&token))
	}
	for n := byte(10); n < 16; n++ {
		want := renewalUsed
		switch {
		case n < 12:
			want = renewalUnknown
		case n == 15:
			want = renewalCurrent
		}
		token := renewalToken(n)
		p := token.renewalProof()
		if got := s.renewal.role(&p, minute(1)); got != want {
			t.Errorf("the token of sync %d is %v; want %v", n-10, got, want)
		}
	}
}
