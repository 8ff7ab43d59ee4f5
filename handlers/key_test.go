package handlers

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestJoinKeyIsReadableAndUnambiguous(t *testing.T) {
	t.Parallel()
	tests := []struct {
		parts []string
		want  string
	}{
		{nil, ""},
		{[]string{"42"}, "42"},
		{[]string{`CORP\eve, the first`}, `CORP\eve, the first`},
		{[]string{"acme", "42"}, "acme,42"},
		{[]string{"a,b", "c"}, `a\,b,c`},
		{[]string{"a", "b,c"}, `a,b\,c`},
		{[]string{`a\`, "b"}, `a\\,b`},
		{[]string{"", ""}, ","},
		{[]string{"", "x", ""}, ",x,"},
	}
	for _, tt := range tests {
		if got := JoinKey(tt.parts...); got != tt.want {
			t.Errorf("JoinKey(%q) = %q; want %q", tt.parts, got, tt.want)
		}
	}
}

func TestSplitKeyTakesOnlyWhatJoinKeyMakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		key  string
		n    int
		want []string
	}{
		{`a\`, 1, []string{`a\`}},
		{"a,b", 2, []string{"a", "b"}},
		{`a\,b`, 2, nil},
		{"a,b,c", 2, nil},
		{"a", 2, nil},
		{`a\x,b`, 2, nil},
		{`a,b\`, 2, nil},
		{"", 2, nil},
	}
	for _, tt := range tests {
		got, ok := splitKey(tt.key, tt.n)
		if ok != (tt.want != nil) || (ok && !slices.Equal(got, tt.want)) {
			t.Errorf("splitKey(%q, %d) = %q, %v; want %q", tt.key, tt.n, got, ok, tt.want)
		}
	}
}

func FuzzJoinKeyRoundTrip(f *testing.F) {
	for _, s := range []string{"", "1", "a,b", `a\,b\\`, ",,,", "é\x00\xff"} {
		f.Add(s, "b", `c\`)
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, parts := range [][]string{{a}, {a, b}, {a, b, c}} {
			key := JoinKey(parts...)
			if got, ok := splitKey(key, len(parts)); !ok || !slices.Equal(got, parts) {
				t.Errorf("splitKey(%q) = %q, %v; want %q", key, got, ok, parts)
			}
		}
		// What can be split at all is what the parts join to.
		if parts, ok := splitKey(a, 2); ok && JoinKey(parts...) != a {
			t.Errorf("JoinKey(splitKey(%q)) = %q", a, JoinKey(parts...))
		}
	})
}

type (
	keyNamed  string
	keySmall  int8
	keyBinary [4]byte // a column of bytes
	keyPrefix struct{ n int64 }
)

func (k keyBinary) Value() (driver.Value, error) { return k[:], nil }

func (k *keyBinary) Scan(src any) error {
	raw, ok := src.([]byte)
	if !ok || len(raw) != len(k) {
		return errors.New("not four bytes")
	}
	copy(k[:], raw)
	return nil
}

func (k keyPrefix) Value() (driver.Value, error) { return fmt.Sprintf("u_%d", k.n), nil }

func (k *keyPrefix) Scan(src any) (err error) {
	k.n, err = strconv.ParseInt(strings.TrimPrefix(fmt.Sprint(src), "u_"), 10, 64)
	return err
}

func TestKeyFormsGoThereAndBack(t *testing.T) {
	t.Parallel()
	id := mustUUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
	tests := []struct {
		value any
		want  string
	}{
		{uint(7), "7"},
		{int64(-7), "-7"},
		{uint64(1<<64 - 1), "18446744073709551615"},
		{keySmall(-128), "-128"},
		{"eve@example.org", "eve@example.org"},
		{keyNamed("eve"), "eve"},
		{id, id.String()},
		{keyBinary{0xde, 0xad, 0xbe, 0xef}, "deadbeef"},
		{keyPrefix{12}, "u_12"},
		{time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC), "2020-01-02T03:04:05.000000006Z"},
	}
	for _, tt := range tests {
		typ := reflect.TypeOf(tt.value)
		form, ok := keyFormOf(typ)
		if !ok {
			t.Errorf("keyFormOf(%v) = false; want a form", typ)
			continue
		}
		if got, ok := form.text(reflect.ValueOf(tt.value)); !ok || got != tt.want {
			t.Errorf("text of %v = %q, %v; want %q", tt.value, got, ok, tt.want)
		}
		back := modelKey{base: typ, form: form}
		if got, ok := back.parse(tt.want); !ok || got != tt.value {
			t.Errorf("parse(%q) = %v, %v; want %v", tt.want, got, ok, tt.value)
		}
	}
}

func TestKeyFormsRefuseWhatNoKeyLooksLike(t *testing.T) {
	t.Parallel()
	tests := []struct {
		zero any
		text string
	}{
		{uint(0), ""}, {uint(0), "0"}, {uint(0), "07"}, {uint(0), "+7"}, {uint(0), "-7"}, {uint(0), "x"},
		{uint(0), "7 OR 1=1"}, {uint8(0), "256"}, {keySmall(0), "128"}, {int(0), "-0"}, {int(0), "0x10"},
		{"", ""}, {testUUID{}, "6BA7B810-9DAD-11D1-80B4-00C04FD430C8"}, {testUUID{}, testUUID{}.String()},
		{testUUID{}, "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
		{keyBinary{}, "dead"}, {keyBinary{}, "DEADBEEF"}, {keyPrefix{}, "12"},
	}
	for _, tt := range tests {
		typ := reflect.TypeOf(tt.zero)
		form, _ := keyFormOf(typ)
		key := modelKey{base: typ, form: form}
		if got, ok := key.parse(tt.text); ok {
			t.Errorf("parse(%q) as %v = %v; want it refused", tt.text, typ, got)
		}
	}
}

func TestKeyFormOfRefusesTypesWithoutText(t *testing.T) {
	t.Parallel()
	for _, v := range []any{1.5, true, [16]byte{}, struct{ A int }{}, uintptr(1)} {
		if _, ok := keyFormOf(reflect.TypeOf(v)); ok {
			t.Errorf("keyFormOf(%T) = true; want false", v)
		}
	}
}
