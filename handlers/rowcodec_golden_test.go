package handlers_test

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"flag"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin/handlers"
)

var update = flag.Bool("update", false, "write the golden files of this package anew")

// member is a user as many apps have them.
type member struct {
	ID        uint
	CreatedAt time.Time
	Email     string
	Plan      *string
	Locked    bool
	Seen      sql.NullTime
}

// leaves has a value of every kind that has no parts.
type leaves struct {
	Bool    bool
	Int     int
	Small   int8
	Wide    int64
	Uint    uint
	Byte    uint8
	Largest uint64
	Single  float32
	Double  float64
	Complex complex128
	Text    string
	Time    time.Time
	hidden  int
	Secret  string `powgin:"-"`
}

// branches has values of values.
type branches struct {
	UUID   [16]byte
	Data   []byte
	Nil    []string
	Empty  []string
	Tags   []string
	Limits map[string]int
	Kids   []*branches
	Rows   [][]struct{ A, B int }
	From   netip.Addr // by its MarshalBinary
}

func goldenTime() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC) }

func goldenMember() *member {
	pro := "pro"
	return &member{7, goldenTime(), "a@example.com", &pro, true, sql.NullTime{Time: goldenTime(), Valid: true}}
}

// goldenRows tells of the users in the golden files.
func goldenRows() map[string]any {
	return map[string]any{
		"member":      *goldenMember(),
		"member-zero": member{},
		"leaves": leaves{
			true, -1, math.MinInt8, math.MinInt64, 1, 255, math.MaxUint64, 0.25, math.Inf(-1), complex(1, -2),
			"ä\x00\xff", goldenTime(), 42, "",
		},
		"branches": branches{
			[16]byte{1, 15: 2}, []byte{0, 255}, nil, []string{}, []string{"a", "", "b"}, map[string]int{"one": 1},
			[]*branches{nil, {Tags: []string{"kid"}}}, [][]struct{ A, B int }{{{1, 2}}, nil, {}}, netip.MustParseAddr("fe80::1%eth0"),
		},
	}
}

func codecOf(t testing.TB, user any) *handlers.RowCodec {
	t.Helper()
	c, faults := handlers.NewRowCodec(reflect.TypeOf(user))
	if err := handlers.JoinFaults(faults); err != nil {
		t.Fatal(err)
	}
	return c
}

// golden returns the bytes of a golden file, which is a dump.
func golden(t testing.TB, name string) []byte {
	t.Helper()
	dump, err := os.ReadFile(filepath.Join("testdata", "rows", name+".golden"))
	if err != nil {
		t.Fatalf("%v (run go test -update)", err)
	}
	var row []byte
	for line := range strings.Lines(string(dump)) {
		if len(line) < 60 {
			continue // the length
		}
		b, err := hex.DecodeString(strings.ReplaceAll(line[10:58], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		row = append(row, b...)
	}
	return row
}

// The bytes of a row are a promise to those that are stored already: others would
// read them for as long as the shape of the type stays the same.
func TestGoldenRows(t *testing.T) {
	t.Parallel()
	for name, user := range goldenRows() {
		c := codecOf(t, user)
		row, err := c.Encode(user)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(filepath.Join("testdata", "rows", name+".golden"), []byte(hex.Dump(row)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want := golden(t, name)
		if !bytes.Equal(row, want) {
			t.Errorf("%s is encoded as\n%swant\n%s", name, hex.Dump(row), hex.Dump(want))
		}
		if got, err := c.Decode(want); err != nil || !reflect.DeepEqual(got, user) {
			t.Errorf("%s is decoded as\n%+v, %v\nwant\n%+v", name, got, err, user)
		}
	}
}

// spoilt tells of bytes that are no row of a member's: what becomes of the golden
// file of one.
func spoilt(row []byte) map[string][]byte {
	changed := func(i int, mask byte) []byte {
		b := bytes.Clone(row)
		b[i] ^= mask
		return b
	}
	return map[string][]byte{
		"empty":               {},
		"of an unknown shape": changed(0, 0xff),
		"longer":              append(bytes.Clone(row), 0),
		"twice":               append(bytes.Clone(row), row...),
		"cut short":           row[:len(row)-1],
		"its head alone":      row[:12],
		"with a flipped bit":  changed(len(row)-1, 1),
		"with another sum":    changed(8, 1),
	}
}

func TestGoldenRowsThatAreBroken(t *testing.T) {
	t.Parallel()
	for name, user := range goldenRows() {
		c, row := codecOf(t, user), golden(t, name)
		for what, b := range spoilt(row) {
			if got, err := c.Decode(b); err == nil || got != nil {
				t.Errorf("%s, %s: Decode gives %+v, %v; want an error", name, what, got, err)
			}
		}
		for i := range row {
			for bit := range 8 {
				b := bytes.Clone(row)
				b[i] ^= 1 << bit
				if got, err := c.Decode(b); err == nil || got != nil {
					t.Fatalf("%s with bit %d of byte %d flipped: Decode gives %+v, %v; want an error", name, bit, i, got, err)
				}
			}
			if got, err := c.Decode(row[:i]); err == nil || got != nil {
				t.Fatalf("%s cut to %d bytes: Decode gives %+v, %v; want an error", name, i, got, err)
			}
		}
	}
}
