package cache

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"
)

// request is what a request with the numbered token does at a minute, with
// salt 50 at hand for a successor.
func request(token Token, a *Account, at float64, r *Rules) (*Account, *Token) {
	in := advance{token: token, hash: token.hash(), salt: numberedSalt(50)}
	return in.decide(a, minute(at), r)
}

// successorOf returns what session 1 hands out for the token under this salt.
func successorOf(token Token, salt byte) Token {
	with := numberedSalt(salt)
	return token.successor(numberedHandle(1), &with)
}

// pending7 is the successor of token 1 that was made with salt 7.
var pending7 = successorOf(numberedToken(1), 7)

func TestWhatARequestDoesToItsSession(t *testing.T) {
	t.Parallel()
	one := numberedToken(1)
	made := func(from Token, salt byte) *Token { next := successorOf(from, salt); return &next }
	for _, row := range []struct {
		name    string
		session Session
		token   Token
		at      float64
		handed  *Token // what the request hands out
		current Token  // the session's token afterwards
		same    bool   // nothing changes
		ends    float64
	}{
		{"a young token stays", aSession(1), one, 14.9, nil, one, true, 30},
		{"a token as old as RenewAfter gets a successor", aSession(1), one, 15, made(one, 50), one, false, 45},
		{"a marked token gets a successor at once", aSession(1, marked), one, 1, made(one, 50), one, false, 31},
		{"a token with a successor hands out that one", aSession(1, pendingSince(15, 7)), one, 20, &pending7, one, true, 45},
		{"a marked token with a successor hands out that one too", aSession(1, marked, pendingSince(15, 7)), one, 20, &pending7, one, true, 45},
		{"a token whose successor is overdue hands out that one still", aSession(1, pendingSince(15, 7)), one, 40, &pending7, one, true, 45},
		{"a successor is confirmed by its first use", aSession(1, pendingSince(15, 7)), pending7, 16, nil, pending7, false, 45},
		{"an overdue successor is confirmed and gets the next", aSession(1, pendingSince(15, 7)), pending7, 30, made(pending7, 50), pending7, false, 60},
		{"a successor made before a mark is confirmed and gets the next", aSession(1, marked, pendingSince(15, 7)), pending7, 16, made(pending7, 50), pending7, false, 46},
		{"a token in grace changes nothing", aSession(1, marked, withRetired(3, 99, false)), numberedToken(3), 20, nil, one, true, 30},
		{"a dead token changes nothing", aSession(1, marked, withRetired(3, 1, true)), numberedToken(3), 20, nil, one, true, 30},
		{"an unknown token changes nothing", aSession(1, marked), numberedToken(4), 20, nil, one, true, 30},
		{"a young bearer token stays", aSession(1, bearer), one, 14.9, nil, one, true, 30},
		{"a bearer token stays when it is old, and the idle time moves", aSession(1, bearer), one, 20, nil, one, false, 50},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := ruled(nil)
			a := frozen(t, anAccount(row.session))
			next, handed := request(row.token, a, row.at, r)
			if (next == a) != row.same {
				t.Errorf("the same account = %v; want %v", next == a, row.same)
			}
			if (handed == nil) != (row.handed == nil) || handed != nil && *handed != *row.handed {
				t.Errorf("handed out: %v; want %v, and the right one", handed != nil, row.handed != nil)
			}
			s := next.session(numberedHandle(1))
			if s.hash != row.current.hash() {
				t.Error("the session's current token is another than expected")
			}
			if got := s.end(r); got != minute(row.ends) {
				t.Errorf("the session ends at minute %v; want %v", got.Sub(minute0).Minutes(), row.ends)
			}
			if row.handed != nil && (s.pending == nil || s.pending.hash != row.handed.hash()) {
				t.Error("the successor that was handed out is not the pending one")
			}
		})
	}
	if next, handed := request(one, nil, 20, ruled(nil)); next != nil || handed != nil {
		t.Errorf("without an account: %v, %v; want nothing", next, handed)
	}
}

// Parallel requests with the old token all hand out one successor, whatever
// salts they drew, and a lost response signs nobody out: the old token gets
// the same successor again and again.
func TestParallelRequestsHandOutOneSuccessor(t *testing.T) {
	t.Parallel()
	r, token := ruled(nil), numberedToken(1)
	a := frozen(t, anAccount(aSession(1)))
	var handed []Token
	for n := range byte(10) {
		in := advance{token: token, hash: token.hash(), salt: numberedSalt(60 + n)}
		next, h := in.decide(a, minute(15+float64(n)), r)
		if h == nil {
			t.Fatalf("request %d got no successor", n)
		}
		handed, a = append(handed, *h), next
	}
	if n := len(slices.Compact(handed)); n != 1 {
		t.Errorf("%d successors were handed out; want 1", n)
	}
	if got := a.sessions[0].pending.salt; got != numberedSalt(60) {
		t.Errorf("the salt is %x; want the first one", got[:1])
	}
	if got := a.sessions[0].end(r); got != minute(45) {
		t.Errorf("ends at minute %v; want 45: the idle time moves once", got.Sub(minute0).Minutes())
	}
}

// Once the successor is used the salt is gone from the record. With it, an old
// token and a look into the store would make a live one.
func TestConfirmationErasesTheSalt(t *testing.T) {
	t.Parallel()
	r := ruled(nil)
	a := frozen(t, anAccount(aSession(1, pendingSince(15, 7))))
	next, _ := request(pending7, a, 16, r)
	s := next.session(numberedHandle(1))
	if s.pending != nil {
		t.Fatal("a successor is still pending")
	}
	if want := []retired{{hash: hashOf(1), until: minute(16).Add(r.Grace)}}; !slices.Equal(s.retired, want) {
		t.Errorf("retired = %+v; want the old token until 5 s from now", s.retired)
	}
	if s.renewed != minute(15) {
		t.Error("the age of the token counts from when it was made")
	}
	if salt := numberedSalt(7); bytes.Contains(encodeAccount(next, nil), salt[:]) {
		t.Error("the record still holds the salt")
	}
	// The next successor has a salt of its own, which the old token does not fit.
	next, handed := request(pending7, next, 31, r)
	salted := next.session(numberedHandle(1)).pending.salt
	if stolen := numberedToken(1); stolen.successor(numberedHandle(1), &salted) == *handed {
		t.Error("a retired token and the stored salt make the successor")
	}
}

func TestNoGraceRetiresAtOnce(t *testing.T) {
	t.Parallel()
	r := ruled(func(r *Rules) { r.Grace = 0 })
	next, _ := request(pending7, anAccount(aSession(1, pendingSince(15, 7))), 16, r)
	h := hashOf(1)
	if _, got := next.find(&h, minute(16)); got != roleRetired {
		t.Errorf("the old token is %v; want retired", got)
	}
}

// What names and bounds a session survives every rotation.
func TestRotationsKeepTheSession(t *testing.T) {
	t.Parallel()
	r := ruled(nil)
	a := anAccount(aSession(1, func(s *Session) { s.metadata = []Pair{{"agent", "Firefox"}} }))
	want := a.sessions[0]
	token := numberedToken(1)
	at := 0.0
	for n := 0; ; n++ {
		at += 15
		if a.sessions[0].end(r) <= minute(at) {
			break
		}
		in := advance{token: token, hash: token.hash(), salt: numberedSalt(byte(n))}
		next, handed := in.decide(a, minute(at), r)
		if handed == nil {
			t.Fatalf("minute %v: no successor", at)
		}
		a, token = next, *handed
	}
	if at != 24*60 {
		t.Errorf("the session ended at minute %v; want its absolute end", at)
	}
	s := a.sessions[0]
	if s.handle != want.handle || s.created != want.created || s.signedIn != want.signedIn || s.ends != want.ends {
		t.Error("a rotation moved the handle, the birth, the sign-in or the absolute end")
	}
	if !slices.Equal(s.metadata, want.metadata) {
		t.Errorf("metadata = %v; want %v", s.metadata, want.metadata)
	}
	if len(s.retired) > maxRetired {
		t.Errorf("%d retired tokens are remembered; want at most %d", len(s.retired), maxRetired)
	}
}

// Whatever goes into a successor makes another one where it differs.
func TestASuccessorDependsOnEverything(t *testing.T) {
	t.Parallel()
	from := func(change func(t *Token, h *Handle, salt *Hash)) Hash {
		token, h, salt := numberedToken(1), numberedHandle(1), Hash{7}
		change(&token, &h, &salt)
		next := token.successor(h, &salt)
		if next.account != token.account {
			t.Error("a successor belongs to another account")
		}
		return next.hash()
	}
	base := from(func(*Token, *Handle, *Hash) {})
	if base != from(func(*Token, *Handle, *Hash) {}) {
		t.Error("the same parts make two successors")
	}
	for name, other := range map[string]Hash{
		"secret":  from(func(t *Token, _ *Handle, _ *Hash) { t.secret[31]++ }),
		"account": from(func(t *Token, _ *Handle, _ *Hash) { t.account[15]++ }),
		"handle":  from(func(_ *Token, h *Handle, _ *Hash) { h[11]++ }),
		"salt":    from(func(_ *Token, _ *Handle, s *Hash) { s[31]++ }),
	} {
		if other == base {
			t.Errorf("another %s makes the same successor", name)
		}
	}
}

// Sixteen replaced tokens work at most, and of those that do not the last four
// are remembered; the oldest makes room and is unknown from then on.
func TestRetiredTokensAreBounded(t *testing.T) {
	t.Parallel()
	s := aSession(1)
	retire := func(from, n byte, now float64) {
		for i := range n {
			s.retire(hashOf(from+i), minute(now), minute(9), false)
		}
	}
	wantRoles := func(when string, now float64, want ...role) {
		t.Helper()
		for i, want := range want {
			h := hashOf(byte(10 + i))
			if got := s.role(&h, minute(now)); got != want {
				t.Errorf("%s token %d is %v; want %v", when, i+1, got, want)
			}
		}
	}
	retire(10, 16, 1)
	wantRoles("of sixteen", 1, slices.Repeat([]role{roleGrace}, 16)...)
	retire(26, 2, 1)
	wantRoles("of eighteen", 1, append([]role{roleNone, roleNone}, slices.Repeat([]role{roleGrace}, 16)...)...)
	retire(28, 1, 9)
	wantRoles("after their grace", 9, append(slices.Repeat([]role{roleNone}, 15), roleRetired, roleRetired, roleRetired)...)
}

func TestMarkSessions(t *testing.T) {
	t.Parallel()
	a := frozen(t, anAccount(aSession(1), aSession(2, bearer), aSession(3, pendingSince(15, 3))))
	next := markSessions(a)
	got := fmt.Sprint(next.sessions[0].regenerate, next.sessions[1].regenerate, next.sessions[2].regenerate)
	if want := "true false true"; got != want {
		t.Errorf("marked: %s; want %s: bearer tokens stay", got, want)
	}
	if markSessions(next) != next {
		t.Error("marking marked sessions changes the account")
	}
	if markSessions(nil) != nil {
		t.Error("marking makes an account")
	}
	one := markOne(a, numberedHandle(1))
	if !one.sessions[0].regenerate || one.sessions[2].regenerate {
		t.Error("markOne marks another session than its own")
	}
	for _, h := range []Handle{numberedHandle(2), numberedHandle(9)} {
		if markOne(a, h) != a {
			t.Errorf("markOne(%v) changes the account", h)
		}
	}
}

func TestDueNeedsATokenThatMayMoveTheSession(t *testing.T) {
	t.Parallel()
	r := ruled(func(r *Rules) { r.RenewAfter = time.Minute })
	s := aSession(1, marked, pendingSince(1, 7))
	for ro, want := range map[role]bool{roleCurrent: true, rolePending: true, roleGrace: false, roleRetired: false, roleNone: false} {
		if got := s.due(ro, minute(20), r); got != want {
			t.Errorf("due for a token that is %v = %v; want %v", ro, got, want)
		}
	}
}
