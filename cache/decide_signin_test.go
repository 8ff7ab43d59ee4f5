package cache

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// signingIn is a sign-in of session 9 whose row was read under the lease that
// anAccount has.
func signingIn(changes ...func(*signIn)) *signIn {
	in := &signIn{
		session: aSession(9, func(s *Session) { s.created, s.renewed, s.signedIn = minute(20), minute(20), minute(20) }),
		fill:    permit{lease: numberedID(1), stamp: numberedID(1), readAt: minute(19)},
		user:    person{Key: "ann", Name: "Fresh"},
		lease:   numberedID(5),
		create: func() *Account {
			return &Account{space: &testSpace, key: "ann", lease: numberedID(6)}
		},
	}
	for _, change := range changes {
		change(in)
	}
	return in
}

func ending(n byte) func(*signIn) { return func(in *signIn) { in.ending = numberedHandle(n) } }
func others(in *signIn)           { in.others = true }

func TestWhatASignInMakesOfAnAccount(t *testing.T) {
	t.Parallel()
	two := ruled(func(r *Rules) { r.MaxSessions = 2 })
	deny := ruled(func(r *Rules) { r.MaxSessions, r.DenyAtMax = 2, true })
	for _, row := range []struct {
		name    string
		account *Account
		signIn  *signIn
		rules   *Rules
		want    []byte // sessions afterwards, by number
		evicted []byte
		err     error
	}{
		{"a user without an account gets one", nil, signingIn(), two, []byte{9}, nil, nil},
		{"a user gets a session more", anAccount(aSession(1)), signingIn(), two, []byte{1, 9}, nil, nil},
		{"the session that the request carried ends", anAccount(aSession(1), aSession(2)), signingIn(ending(1)), ruled(nil), []byte{2, 9}, nil, nil},
		{"a carried session that is none of the account's changes nothing", anAccount(aSession(1)), signingIn(ending(7)), ruled(nil), []byte{1, 9}, nil, nil},
		{"all others end", anAccount(aSession(1), aSession(2)), signingIn(others), ruled(nil), []byte{9}, nil, nil},
		{"at the bound the least recently renewed makes room", anAccount(aSession(1, renewedAt(2)), aSession(2)), signingIn(), two, []byte{1, 9}, []byte{2}, nil},
		{"several make room where a bound was lowered", anAccount(aSession(1, renewedAt(2)), aSession(2), aSession(3, renewedAt(1))), signingIn(), two, []byte{1, 9}, []byte{2, 3}, nil},
		{"at the bound a sign-in is denied where the rules say so", anAccount(aSession(1), aSession(2)), signingIn(), deny, nil, nil, ErrTooManySessions},
		{"the carried session makes room for its successor", anAccount(aSession(1), aSession(2)), signingIn(ending(2)), deny, []byte{1, 9}, nil, nil},
		{"a bound of zero counts as one", anAccount(aSession(1)), signingIn(), ruled(func(r *Rules) { r.MaxSessions = 0 }), []byte{9}, []byte{1}, nil},
		{"a bound of zero lets the first session in", nil, signingIn(), ruled(func(r *Rules) { r.MaxSessions, r.DenyAtMax = 0, true }), []byte{9}, nil, nil},
		{"ending the others lets the owner in", anAccount(aSession(1), aSession(2)), signingIn(others), deny, []byte{9}, nil, nil},
		{"a record that a writer left is no obstacle", withWriters(anAccount(), writerUntil(1, 99)), signingIn(), deny, []byte{9}, nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if row.account != nil {
				frozen(t, row.account)
			}
			next, evicted, err := row.signIn.decide(row.account, anEpoch(), row.rules)
			if !errors.Is(err, row.err) {
				t.Fatalf("err = %v; want %v", err, row.err)
			}
			if err != nil {
				return
			}
			if got := sessionNumbers(next.sessions); !slices.Equal(got, row.want) {
				t.Errorf("sessions = %v; want %v", got, row.want)
			}
			if got := sessionNumbers(evicted); !slices.Equal(got, row.evicted) {
				t.Errorf("evicted = %v; want %v", got, row.evicted)
			}
		})
	}
}

func sessionNumbers(sessions []Session) []byte {
	var ns []byte
	for _, s := range sessions {
		ns = append(ns, s.handle[0])
	}
	return ns
}

// The row that a sign-in read enters the cache where its lease still holds,
// and an account that the sign-in makes starts without a user.
func TestASignInFillsTheCache(t *testing.T) {
	t.Parallel()
	moved := anAccount(aSession(1))
	moved.lease, moved.user = numberedID(2), nil
	for _, row := range []struct {
		name    string
		account *Account
		want    any
		lease   ID
	}{
		{"where the lease holds", anAccount(aSession(1)), person{Key: "ann", Name: "Fresh"}, numberedID(5)},
		{"not where it changed", moved, nil, numberedID(2)},
		{"not where there was none", nil, nil, numberedID(6)},
		{"not with a writer in flight", withWriters(anAccount(), writerUntil(1, 99)), nil, numberedID(1)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			next, _, err := signingIn().decide(row.account, anEpoch(), ruled(nil))
			if err != nil || next.user != row.want || next.lease != row.lease {
				t.Errorf("user %v, lease %x, error %v; want %v, %x", next.user, next.lease, err, row.want, row.lease)
			}
		})
	}
}

// A sign-in that landed unseen is found to be there.
func TestASignInDecidedTwiceAddsOneSession(t *testing.T) {
	t.Parallel()
	for _, a := range []*Account{nil, anAccount(aSession(1))} {
		in := signingIn()
		once, _, _ := in.decide(a, anEpoch(), ruled(nil))
		twice, evicted, err := in.decide(frozen(t, once), anEpoch(), ruled(nil))
		if twice != once || evicted != nil || err != nil {
			t.Errorf("the second time: changed %v, evicted %v, error %v", twice != once, evicted, err)
		}
	}
}

// Sessions that take much room are bounded by it: the record stays small
// enough for every store.
func TestSessionsAreBoundedInSize(t *testing.T) {
	t.Parallel()
	fat := func(s *Session) {
		for n := range maxMetadata {
			s.metadata = append(s.metadata, Pair{strings.Repeat(string(rune('a'+n)), maxMetaText), strings.Repeat("v", maxMetaText)})
		}
	}
	r := ruled(func(r *Rules) { r.MaxSessions = 1000 })
	deny := ruled(func(r *Rules) { r.MaxSessions, r.DenyAtMax = 1000, true })
	var a *Account
	evictions := 0
	for n := range byte(120) {
		rules := r
		if n%2 == 1 {
			rules = deny // a session that does not fit evicts all the same
		}
		in := signingIn(func(in *signIn) { in.session = aSession(n, fat, renewedAt(float64(n))) })
		next, evicted, err := in.decide(a, anEpoch(), rules)
		if err != nil {
			t.Fatalf("sign-in %d: %v", n, err)
		}
		for _, s := range evicted {
			if want := numberedHandle(byte(evictions)); s.handle != want {
				t.Errorf("sign-in %d evicted %v; want the least recently renewed, %v", n, s.handle, want)
			}
			evictions++
		}
		a = next
	}
	if evictions == 0 {
		t.Fatal("nobody was evicted")
	}
	// At their largest, with all that may come to a session, they still fit.
	for i := range a.sessions {
		s := &a.sessions[i]
		pendingSince(1<<20, 7)(s)
		for n := range byte(maxRetired) {
			withRetired(n, 1<<20, true)(s)
		}
	}
	for range maxWriters {
		a.writers = append(a.writers, writerUntil(1, 1<<20))
	}
	if size := len(encodeAccount(a, nil)); size > maxEncoded {
		t.Errorf("%d sessions take %d bytes; want at most %d", len(a.sessions), size, maxEncoded)
	}
	a.seal(numberedID(1), r)
}

func TestMaxSizeBoundsASession(t *testing.T) {
	t.Parallel()
	s := aSession(1, marked, pendingSince(1<<20, 7), func(s *Session) { s.metadata = []Pair{{"agent", "x"}, {"ip", "::1"}} })
	for n := range byte(maxRetired) {
		withRetired(n, 1<<20, true)(&s)
	}
	e := new(encoder)
	e.session(&s)
	if len(e.b) > s.maxSize() {
		t.Errorf("a session takes %d bytes; maxSize = %d", len(e.b), s.maxSize())
	}
}

func TestEndSessionsEndsEveryTokenAtOnce(t *testing.T) {
	t.Parallel()
	a := frozen(t, anAccount(aSession(1, pendingSince(15, 7), withRetired(3, 99, false)), aSession(2)))
	next := endSessions(a, func(s *Session) bool { return s.handle == numberedHandle(1) })
	wantRoles(t, next, 1, map[Hash]role{
		hashOf(1): roleNone, pending7.hash(): roleNone, hashOf(3): roleNone, hashOf(2): roleCurrent,
	})
	if same := endSessions(a, func(*Session) bool { return false }); same != a {
		t.Error("ending no session changes the account")
	}
	if endSessions(nil, func(*Session) bool { return true }) != nil {
		t.Error("ending sessions makes an account")
	}
}
