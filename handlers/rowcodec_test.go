package handlers

import (
	"bytes"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
)

// row is a user with everything that a row can have, under tags that encoders
// obey.
type row struct {
	gorm.Model
	Email    string `json:"-"`
	Role     string `json:",omitempty" cbor:"-" msgpack:"-"`
	Same1    int    `json:"same"`
	Same2    int    `json:"other"`
	Password string `powgin:"-"`
	secret   int
	When     *time.Time
	Seen     sql.NullTime
	Nick     sql.NullString
	Score    sql.Null[float64]
	UUID     [16]byte
	Data     []byte
	Tags     []string
	None     []string
	Empty    []string
	Limits   map[string]int
	Nobody   map[string]int
	Address  *address
	Tree     *tree
	Rows     [][]address
	Money    money
	Big      *huge
	From     netip.Addr
	Setting  setting
	Small    int8
	Wide     uint64
	Ratio    float32
	Phase    complex128
	Kind     kind
	Flag     *bool
	Any      struct{}
	Fixed    [3]kind
	Nested   struct{ A, B int }
}

type kind uint16

type address struct {
	Street string
	zip    int
}

type tree struct {
	Name string
	Kids []*tree
}

// money keeps its amount where only this package finds it.
type money struct{ amount *big.Int }

func (m money) Clone() money { return m }

func (m money) MarshalBinary() ([]byte, error) { return m.amount.GobEncode() }

func (m *money) UnmarshalBinary(b []byte) error {
	m.amount = new(big.Int)
	return m.amount.GobDecode(b)
}

// huge is written by its GobEncode.
type huge = big.Int

// setting is known to databases alone.
type setting struct{ value any }

func (s setting) Clone() setting { return s }

func (s setting) Value() (driver.Value, error) { return s.value, nil }

func (s *setting) Scan(v any) error {
	s.value = v
	return nil
}

func aRow() *row {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789, time.FixedZone("here", 7200))
	yes := true
	return &row{
		Model: gorm.Model{ID: 7, CreatedAt: at, DeletedAt: gorm.DeletedAt{Time: at, Valid: true}},
		Email: "a@example.com", Role: "admin", Same1: -1, Same2: math.MinInt64, Password: "hunter2", secret: 42, When: &at,
		Seen: sql.NullTime{Time: at, Valid: true}, Nick: sql.NullString{String: "ä\x00", Valid: true},
		Score: sql.Null[float64]{V: math.Inf(-1), Valid: true}, UUID: [16]byte{1, 15: 2},
		Data: []byte{0, 255}, Tags: []string{"a", "", "b"}, Empty: []string{}, Limits: map[string]int{"a": 1, "": 2},
		Address: &address{"Street", 12345}, Tree: &tree{"root", []*tree{{"kid", nil}, nil}}, Rows: [][]address{{{"x", 1}}, nil, {}},
		Money: money{big.NewInt(-1234)}, Big: big.NewInt(5), From: netip.MustParseAddr("fe80::1%eth0"), Setting: setting{int64(9)},
		Small: math.MinInt8, Wide: math.MaxUint64, Ratio: 0.25, Phase: complex(1, -2), Kind: 9, Flag: &yes, Fixed: [3]kind{1, 2, 3},
		Nested: struct{ A, B int }{3, 4},
	}
}

func rowCodec[T any](t testing.TB) *RowCodec {
	t.Helper()
	c, faults := NewRowCodec(reflect.TypeFor[T]())
	if err := JoinFaults(faults); err != nil {
		t.Fatal(err)
	}
	return c
}

func roundTrip[T any](t testing.TB, user *T) *T {
	t.Helper()
	c := rowCodec[T](t)
	b, err := c.Encode(*user)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	own := got.(T)
	return &own
}

func TestRowCodecLosesNothing(t *testing.T) {
	t.Parallel()
	got, want := roundTrip(t, aRow()), aRow()
	want.Password = ""
	for _, at := range []*time.Time{&want.CreatedAt, &want.DeletedAt.Time, want.When, &want.Seen.Time} {
		*at = at.UTC()
	}
	want.UpdatedAt = time.Time{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Decode gives\n\t%+v\nwant\n\t%+v", got, want)
	}
	if zero := roundTrip(t, &row{Money: money{big.NewInt(0)}}); !reflect.DeepEqual(zero, &row{Money: money{big.NewInt(0)}}) {
		t.Errorf("a user without anything comes back as %+v", zero)
	}
}

func TestRowCodecSharesNoMemory(t *testing.T) {
	t.Parallel()
	c := rowCodec[row](t)
	b, err := c.Encode(*aRow())
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = 'x'
	}
	if want := roundTrip(t, aRow()); !reflect.DeepEqual(got, any(*want)) {
		t.Errorf("once its bytes were changed the user is %+v; want %+v", got, want)
	}
}

func TestRowCodecRefusesWhatItDidNotWrite(t *testing.T) {
	t.Parallel()
	c := rowCodec[row](t)
	good, err := c.Encode(*aRow())
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		for _, bit := range []byte{1, 128} {
			bad := bytes.Clone(good)
			bad[i] ^= bit
			if u, err := c.Decode(bad); err == nil {
				t.Fatalf("with a changed byte %d Decode gives %+v; want an error", i, u)
			}
		}
		if u, err := c.Decode(good[:i]); err == nil {
			t.Fatalf("of %d bytes Decode gives %+v; want an error", i, u)
		}
	}
	if _, err := c.Decode(append(bytes.Clone(good), 0)); err == nil {
		t.Error("with a byte behind it Decode gives a user; want an error")
	}
}

// Another version of an app may be running beside this one.
func TestRowCodecTellsShapesApart(t *testing.T) {
	t.Parallel()
	type user struct {
		Name string
		Plan string
	}
	b, err := rowCodec[user](t).Encode(user{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]*RowCodec{
		"a field more":  rowCodec[struct{ Name, Plan, Role string }](t),
		"a field less":  rowCodec[struct{ Name string }](t),
		"another name":  rowCodec[struct{ Name, Tier string }](t),
		"another order": rowCodec[struct{ Plan, Name string }](t),
		"another type":  rowCodec[struct{ Name, Plan []byte }](t),
		"a field left out now": rowCodec[struct {
			Name string
			Plan string `powgin:"-"`
		}](t),
	} {
		if u, err := c.Decode(b); !errors.Is(err, errShape) {
			t.Errorf("%s: Decode gives %+v, %v; want errShape", what, u, err)
		}
	}
	if _, err := rowCodec[struct{ Name, Plan string }](t).Decode(b); err != nil {
		t.Errorf("the same shape under another name: %v", err)
	}
}

func TestRowCodecNamesWhatCannotBeKept(t *testing.T) {
	t.Parallel()
	type opaque struct{ inside *int }
	type clock struct {
		time.Time // its MarshalBinary would be all that is written
		zone      *int
	}
	_, _ = opaque{inside: nil}, clock{zone: nil}
	type user struct {
		Good  string
		Bad   opaque
		Also  []opaque
		Clock clock
		Any   map[string]any
		Out   opaque `powgin:"-"`
	}
	c, faults := NewRowCodec(reflect.TypeFor[user]())
	var got []string
	for _, f := range faults {
		got = append(got, f.Field)
	}
	if got, want := strings.Join(got, " "), "user.Bad.inside user.Also[].inside user.Clock.zone user.Any[]"; c != nil || got != want {
		t.Errorf("the faults are of %q, and the codec is %v; want %q and none", got, c, want)
	}
}

func TestRowCodecEndsCycles(t *testing.T) {
	t.Parallel()
	loop := &tree{Name: "loop"}
	loop.Kids = []*tree{loop}
	if _, err := rowCodec[tree](t).Encode(*loop); !errors.Is(err, errDepth) {
		t.Errorf("Encode of a loop = %v; want errDepth", err)
	}
}

type failing struct{ inside any }

func (f failing) MarshalBinary() ([]byte, error) {
	return nil, fmt.Errorf("hunter2 %v", f.inside)
}
func (*failing) UnmarshalBinary(b []byte) error { panic("hunter2 " + hex.EncodeToString(b)) }

func TestRowCodecSurvivesTheAppsMethods(t *testing.T) {
	t.Parallel()
	_, err := rowCodec[failing](t).Encode(failing{})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Encode = %v; want an error that tells nothing of the user", err)
	}
	_, err = rowCodec[row](t).Encode(row{}) // a money without an amount
	if err != nil && strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Encode = %v", err)
	}
	c := rowCodec[failing](t)
	w := rowWriter{b: make([]byte, headSize)}
	w.bytes([]byte{1})
	b := c.sealed(w.b)
	if _, err := c.Decode(b); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Decode = %v; want an error that tells nothing of the user", err)
	}
	if _, err := c.Encode(row{}); err == nil {
		t.Error("Encode of another type is no error")
	}
	if _, err := c.Encode(nil); err == nil {
		t.Error("Encode of nil is no error")
	}
}

// Whatever follows a good head must neither panic nor make much of little.
func FuzzRowCodec(f *testing.F) {
	c := rowCodec[row](f)
	good, err := c.Encode(*aRow())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[headSize:])
	f.Fuzz(func(t *testing.T, b []byte) {
		user, err := c.Decode(c.sealed(append(make([]byte, headSize), b...)))
		if err != nil {
			return
		}
		if _, err := c.Encode(user); err != nil {
			t.Errorf("what was decoded cannot be encoded: %v", err)
		}
	})
}

func BenchmarkRowCodec(b *testing.B) {
	type user struct {
		gorm.Model
		Email, Name, Plan, Role string
		Locked                  bool
		Credits                 int64
	}
	c, u := rowCodec[user](b), user{Email: "alice@example.com", Name: "Alice", Plan: "pro", Role: "member", Credits: 7}
	data, err := c.Encode(u)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.Encode(u)
		}
		b.ReportMetric(float64(len(data)), "B/user")
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = c.Decode(data)
		}
	})
}
