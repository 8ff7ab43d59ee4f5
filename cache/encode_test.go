package cache

import (
	"bytes"
	"encoding/hex"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files of this package anew")

// goldenAccount has one of everything that an account may hold.
func goldenAccount() *Account {
	a := anAccount(
		aSession(1, pendingSince(15, 7), withRetired(3, 2, false), withRetired(4, 3, true), func(s *Session) {
			s.metadata = []Pair{{"agent", "Firefox"}, {"ip", "::1"}}
			s.methods = []string{"password", "totp"}
		}),
		aSession(2, bearer, func(s *Session) { s.remembered, s.resumed = true, true }),
		aSession(3, marked, func(s *Session) { s.transport = InSession }),
		aSession(4, renewable(5), renewedWith(5, 8, 15)),
	)
	a.tenant, a.wholeAt = "north", minute(-3)
	a.writers = []Writer{writerUntil(8, 0.5), {foldedWriter, minute(1)}}
	return a
}

func goldenEpoch() *Epoch {
	return &Epoch{stamp: numberedID(1), revokedBefore: minute(3), writers: []Writer{writerUntil(8, 0.5)}}
}

// The bytes of a record are a promise to the records that are stored already:
// a change here needs a new recordFormat.
func TestGoldenRecords(t *testing.T) {
	t.Parallel()
	for name, got := range map[string][]byte{
		"account":         encodeAccount(goldenAccount(), []byte(`{"Name":"Ann"}`)),
		"account-no-user": encodeAccount(anAccount(aSession(1)), nil),
		"account-writer":  encodeAccount(withWriters(anAccount(), writerUntil(8, 0.5)), nil),
		"epoch":           encodeEpoch(goldenEpoch()),
		"epoch-new":       encodeEpoch(anEpoch()),
	} {
		path := filepath.Join("testdata", name+".golden")
		dump := hex.Dump(got)
		if *update {
			if err := os.WriteFile(path, []byte(dump), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatalf("%v (run go test -update)", err)
		}
		if dump != string(want) {
			t.Errorf("%s is encoded as\n%swant\n%s", name, dump, want)
		}
	}
}

// sameAccount compares all that an encoding keeps. The version and the expiry
// are the record's own.
func sameAccount(a, b *Account) bool {
	x, y := *a, *b
	if *x.space != *y.space {
		return false
	}
	for _, c := range []*Account{&x, &y} {
		c.space, c.version, c.expires, c.serial, c.index, c.user = nil, ID{}, 0, 0, nil, nil
	}
	return reflect.DeepEqual(x, y)
}

func TestAnAccountComesBackAsItWent(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 2000 {
		a, user := randomAccount(r)
		data := encodeAccount(a, user)
		got, gotUser, err := decodeAccount(data)
		if err != nil {
			t.Fatalf("account %d: %v", n, err)
		}
		if !sameAccount(a, got) {
			t.Fatalf("account %d came back as\n%+v\nwent as\n%+v", n, got, a)
		}
		if !bytes.Equal(user, gotUser) || (user == nil) != (gotUser == nil) {
			t.Fatalf("account %d: the user came back as %x; went as %x", n, gotUser, user)
		}
		if (got.index != nil) != (len(a.sessions) >= indexFrom) {
			t.Errorf("account %d: %d sessions, index %v", n, len(a.sessions), got.index != nil)
		}
	}
}

func TestAnEpochComesBackAsItWent(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 1000 {
		e := &Epoch{stamp: randomID(r), revokedBefore: randomTime(r), writers: randomWriters(r)}
		got, err := decodeEpoch(encodeEpoch(e))
		if err != nil || !reflect.DeepEqual(e, got) {
			t.Fatalf("epoch %d came back as %+v, %v; went as %+v", n, got, err, e)
		}
	}
}

// Whatever is cut, added or flipped is refused, or is the one encoding of
// something else: no record has two encodings.
func TestBrokenRecords(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"account": encodeAccount(goldenAccount(), []byte(`{"Name":"Ann"}`)),
		"small":   encodeAccount(anAccount(), nil),
		"epoch":   encodeEpoch(goldenEpoch()),
	} {
		decode := canonicalAccount
		if name == "epoch" {
			decode = canonicalEpoch
		}
		if ok := decode(t, data); !ok {
			t.Errorf("%s: the whole record is refused", name)
		}
		for n := range data {
			if decode(t, data[:n]) {
				t.Errorf("%s: its first %d bytes are accepted", name, n)
			}
			for bit := range 8 {
				flipped := bytes.Clone(data)
				flipped[n] ^= 1 << bit
				if decode(t, flipped) && n == 0 {
					t.Errorf("%s: format %d is accepted", name, flipped[0])
				}
			}
		}
		for _, more := range []string{"\x00", "\x01", string(data)} {
			if decode(t, append(bytes.Clone(data), more...)) {
				t.Errorf("%s: accepted with %d bytes more", name, len(more))
			}
		}
	}
}

// canonicalAccount reports whether the bytes decode, and fails the test where
// what they decode to has other bytes.
func canonicalAccount(t *testing.T, data []byte) bool {
	t.Helper()
	a, user, err := decodeAccount(data)
	if err != nil {
		if a != nil || user != nil {
			t.Errorf("a broken account is returned: %x", data)
		}
		return false
	}
	if again := encodeAccount(a, user); !bytes.Equal(again, data) {
		t.Errorf("decoded from %x, encoded as %x", data, again)
	}
	return true
}

func canonicalEpoch(t *testing.T, data []byte) bool {
	t.Helper()
	e, err := decodeEpoch(data)
	if err != nil {
		return false
	}
	if again := encodeEpoch(e); !bytes.Equal(again, data) {
		t.Errorf("decoded from %x, encoded as %x", data, again)
	}
	return true
}

// Numbers that are too large, or written longer than need be, are refused
// rather than believed: they size memory.
func TestHostileNumbers(t *testing.T) {
	t.Parallel()
	head := func() *encoder {
		e := &encoder{b: []byte{recordFormat}}
		for range 5 {
			e.text("x")
		}
		e.raw(make([]byte, 32))
		e.time(0)
		e.time(0)
		return e
	}
	for _, row := range []struct {
		name string
		rest []byte
	}{
		{"a user of 2^60 bytes", []byte{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0}},
		{"a number of eleven bytes", append([]byte{1}, bytes.Repeat([]byte{0xff}, 11)...)},
		{"a zero written as two bytes", []byte{0, 0x80, 0, 0, 0}},
		{"a user where there is none", []byte{0, 1, 'x', 0, 0}},
		{"a flag of 2", []byte{2, 1, 'x', 0, 0}},
		{"2^60 sessions", []byte{0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10}},
		{"65 writers", append([]byte{0, 0, maxWriters + 1}, make([]byte, 17*(maxWriters+1)+1)...)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if canonicalAccount(t, append(head().b, row.rest...)) {
				t.Error("accepted")
			}
		})
	}
	if !canonicalAccount(t, append(head().b, 0, 0, 0, 0)) {
		t.Error("the head alone is refused, so that the rows show nothing")
	}
	session := func(change func(*Session)) []byte {
		s := aSession(1)
		change(&s)
		e := head()
		e.raw([]byte{0, 0, 0, 1})
		e.session(&s)
		return e.b
	}
	if canonicalAccount(t, session(func(s *Session) { s.retired = make([]retired, maxRetired+1) })) {
		t.Error("more retired tokens than are ever remembered are accepted")
	}
	if !canonicalAccount(t, session(func(s *Session) { s.methods = make([]string, MaxMethods) })) {
		t.Error("as many methods as may be are refused, so that the next row shows nothing")
	}
	if canonicalAccount(t, session(func(s *Session) { s.methods = make([]string, MaxMethods+1) })) {
		t.Error("more methods than are ever remembered are accepted")
	}
	for n, want := range map[int]bool{0: false, 1: true, maxFamilies: true, maxFamilies + 1: false} {
		got := canonicalAccount(t, session(func(s *Session) { s.renewal = &renewal{families: make([]Hash, n)} }))
		if got != want {
			t.Errorf("%d families of renewal tokens: accepted %v; want %v", n, got, want)
		}
	}
	if canonicalAccount(t, session(func(s *Session) { s.metadata = make([]Pair, maxMetadata+1) })) {
		t.Error("more metadata than are ever kept are accepted")
	}
}

// A session never takes more room than was counted for it at its sign-in.
func TestASessionFitsWhatItWasCountedFor(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		s := randomSession(r)
		e := new(encoder)
		e.session(&s)
		if len(e.b) > s.maxSize() {
			t.Fatalf("a session takes %d bytes; want %d at most: %+v", len(e.b), s.maxSize(), s)
		}
	}
	s := aSession(1)
	for range MaxMethods {
		s.methods = append(s.methods, strings.Repeat("m", 200))
	}
	bare := aSession(1)
	if got := s.maxSize() - bare.maxSize(); got < MaxMethods*200 {
		t.Errorf("%d methods of 200 bytes are counted as %d bytes", MaxMethods, got)
	}
}

func randomID(r *rand.Rand) (id ID) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	return id
}

func randomHash(r *rand.Rand) Hash {
	a, b := randomID(r), randomID(r)
	return Hash(append(a[:], b[:]...))
}

func randomTime(r *rand.Rand) Time {
	return [...]Time{0, 1, -1, math.MaxInt64, math.MinInt64, Time(r.Int64()), -Time(r.Int64())}[r.IntN(7)]
}

func randomText(r *rand.Rand) string {
	return [...]string{"", "a", "north", "é\xff\x00", strings.Repeat("x", r.IntN(500))}[r.IntN(5)]
}

func randomWriters(r *rand.Rand) (ws []Writer) {
	for range r.IntN(4) {
		ws = append(ws, Writer{randomID(r), randomTime(r)})
	}
	return ws
}

func randomAccount(r *rand.Rand) (*Account, []byte) {
	a := &Account{
		space:  &Space{randomText(r), randomText(r), randomText(r)},
		tenant: randomText(r), key: randomText(r),
		lease: randomID(r), stamp: randomID(r), readAt: randomTime(r), wholeAt: randomTime(r), writers: randomWriters(r),
	}
	for range r.IntN(7) {
		a.sessions = append(a.sessions, randomSession(r))
	}
	return a, [][]byte{nil, {}, {0}, []byte(randomText(r))}[r.IntN(4)]
}

func randomSession(r *rand.Rand) Session {
	s := Session{
		handle: Handle(randomHash(r).slice(12)), transport: Transport(r.IntN(5)), regenerate: r.IntN(2) == 0,
		hash: randomHash(r), created: randomTime(r), renewed: randomTime(r), signedIn: randomTime(r), ends: randomTime(r),
		remembered: r.IntN(2) == 0, resumed: r.IntN(2) == 0,
	}
	for range r.IntN(MaxMethods + 1) {
		s.methods = append(s.methods, randomText(r))
	}
	if r.IntN(2) == 0 {
		s.pending = &pending{hash: randomHash(r), salt: randomHash(r), madeAt: randomTime(r)}
	}
	if r.IntN(2) == 0 {
		s.renewal = randomRenewal(r)
	}
	for range r.IntN(maxRetired + 1) {
		s.retired = append(s.retired, retired{hash: randomHash(r), until: randomTime(r), synced: r.IntN(2) == 0})
	}
	for range r.IntN(maxMetadata + 1) {
		s.metadata = append(s.metadata, Pair{randomText(r), randomText(r)})
	}
	return s
}

func randomRenewal(r *rand.Rand) *renewal {
	n := &renewal{hash: randomHash(r)}
	for range 1 + r.IntN(maxFamilies) {
		n.families = append(n.families, randomHash(r))
	}
	if r.IntN(2) == 0 {
		n.repeat = &repeat{hash: randomHash(r), salt: randomHash(r), until: randomTime(r)}
	}
	return n
}

func (h Hash) slice(n int) []byte { return h[:n] }

func FuzzDecodeAccount(f *testing.F) {
	f.Add(encodeAccount(goldenAccount(), []byte(`{"Name":"Ann"}`)))
	f.Add(encodeAccount(anAccount(), nil))
	f.Add(encodeAccount(anAccount(aSession(1, remembered, func(s *Session) { s.methods = []string{"totp"} }), aSession(2, resumed)), nil))
	f.Add(encodeAccount(withWriters(anAccount(aSession(1, pendingSince(15, 7))), writerUntil(8, 0.5)), []byte{}))
	f.Add(encodeAccount(anAccount(aSession(1, renewable(5)), aSession(2, renewable(6), renewedWith(6, 8, 15))), nil))
	f.Fuzz(func(t *testing.T, data []byte) { canonicalAccount(t, data) })
}

func FuzzDecodeEpoch(f *testing.F) {
	f.Add(encodeEpoch(goldenEpoch()))
	f.Add(encodeEpoch(anEpoch()))
	f.Fuzz(func(t *testing.T, data []byte) { canonicalEpoch(t, data) })
}
