package cache

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

// Decisions read no clock and draw no random number, so their tests run on
// plain numbers: token 3 of session 1, lease 7, minute 20.

const minute0 = Time(1_000_000 * time.Hour)

func minute(n float64) Time { return minute0.Add(time.Duration(n * float64(time.Minute))) }

func numberedID(n byte) ID { return ID{n, 0xee} }

func numberedHandle(n byte) Handle { return Handle{n, 0xaa} }

func numberedToken(n byte) Token { return Token{account: AccountID{9}, secret: [32]byte{n, 0xcc}} }

func numberedSalt(n byte) Hash { return Hash(bytes.Repeat([]byte{n}, len(Hash{}))) }

func hashOf(n byte) Hash { t := numberedToken(n); return t.hash() }

// aSession returns session n, signed in at minute 0 with token n.
func aSession(n byte, changes ...func(*Session)) Session {
	s := Session{
		handle: numberedHandle(n), transport: Cookie, hash: hashOf(n),
		created: minute(0), renewed: minute(0), signedIn: minute(0), ends: minute(24 * 60),
	}
	for _, change := range changes {
		change(&s)
	}
	return s
}

func bearer(s *Session) { s.transport = Bearer }
func marked(s *Session) { s.regenerate = true }

func renewedAt(m float64) func(*Session) {
	return func(s *Session) { s.renewed = minute(m) }
}

// pendingSince gives the session the successor that its token and the salt
// with this number make.
func pendingSince(m float64, salt byte) func(*Session) {
	return func(s *Session) {
		token := tokenWith(s.hash)
		with := numberedSalt(salt)
		next := token.successor(s.handle, &with)
		s.pending = &pending{hash: next.hash(), salt: with, madeAt: minute(m)}
	}
}

// tokenWith returns the numbered token with this hash.
func tokenWith(h Hash) Token {
	for n := range byte(255) {
		if hashOf(n) == h {
			return numberedToken(n)
		}
	}
	panic("no numbered token has this hash")
}

func withRetired(n byte, until float64, synced bool) func(*Session) {
	return func(s *Session) {
		s.retired = append(s.retired, retired{hash: hashOf(n), until: minute(until), synced: synced})
	}
}

// anAccount returns ann's account with lease 1, her user read at minute 0
// under stamp 1, and these sessions.
func anAccount(sessions ...Session) *Account {
	r := testRules()
	a := &Account{
		space: &testSpace, key: "ann", lease: numberedID(1), stamp: numberedID(1),
		user: person{Key: "ann", Name: "Ann"}, readAt: minute(0), sessions: sessions,
	}
	a.seal(numberedID(200), &r)
	return a
}

func anEpoch() *Epoch { return &Epoch{stamp: numberedID(1)} }

func withWriters(a *Account, ws ...Writer) *Account {
	next := a.edit(0)
	next.user, next.writers = nil, ws
	return next
}

func writerUntil(n byte, m float64) Writer { return Writer{id: numberedID(n), deadline: minute(m)} }

// frozen checks at the end of the test that no decision has changed a: it is
// published, and other goroutines read it without a lock.
func frozen(t *testing.T, a *Account) *Account {
	t.Helper()
	before, sessions := encodeAccount(a, nil), slices.Clone(a.sessions)
	t.Cleanup(func() {
		if !bytes.Equal(encodeAccount(a, nil), before) || len(a.sessions) != len(sessions) {
			t.Error("a decision changed the account that it was given")
		}
	})
	return a
}

func ruled(change func(*Rules)) *Rules {
	r := testRules()
	if change != nil {
		change(&r)
	}
	return &r
}

func (r role) String() string {
	return [...]string{"unknown", "current", "pending", "in grace", "retired"}[r]
}
