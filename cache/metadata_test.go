package cache

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"
)

func TestMetadataIsClean(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300)
	for _, row := range []struct {
		name     string
		in, want []Pair
	}{
		{"none is nil", nil, nil},
		{"empty is nil", []Pair{}, nil},
		{"entries stand in the order of their keys", []Pair{{"ip", "::1"}, {"agent", "Firefox"}}, []Pair{{"agent", "Firefox"}, {"ip", "::1"}}},
		{"the first of equal keys counts", []Pair{{"k", "1"}, {"a", "0"}, {"k", "2"}}, []Pair{{"a", "0"}, {"k", "1"}}},
		{"an entry without a key is dropped", []Pair{{"", "x"}, {"\x00", "y"}, {"k", ""}}, []Pair{{"k", ""}}},
		{"control characters are dropped", []Pair{{"a\nb", "c\r\n\x1b[31m\u0085\x7fd\t"}}, []Pair{{"ab", "c[31md"}}},
		{"bytes that are no text are dropped", []Pair{{"a\xff", "\xc3\x28é\xf0\x9f"}}, []Pair{{"a", "(é"}}},
		{"text is cut at 256 bytes", []Pair{{long, long}}, []Pair{{long[:256], long[:256]}}},
		{"a character is never cut in two", []Pair{{"k", strings.Repeat("x", 255) + "é"}}, []Pair{{"k", strings.Repeat("x", 255)}}},
		{"keys that are equal once cut are one", []Pair{{long, "1"}, {long + "y", "2"}}, []Pair{{long[:256], "1"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := cleanMetadata(row.in); !reflect.DeepEqual(got, row.want) {
				t.Errorf("cleanMetadata(%q) = %q; want %q", row.in, got, row.want)
			}
		})
	}
}

func TestMetadataIsBounded(t *testing.T) {
	t.Parallel()
	var in []Pair
	for n := range 100 {
		in = append(in, Pair{strings.Repeat(string(rune('a'+n%26)), 1+n), strings.Repeat("é", 200)})
	}
	got := cleanMetadata(in)
	if len(got) != maxMetadata {
		t.Errorf("%d entries; want %d", len(got), maxMetadata)
	}
	for _, p := range got {
		if len(p.Key) > maxMetaText || len(p.Value) > maxMetaText || !utf8.ValidString(p.Key+p.Value) {
			t.Errorf("an entry of %d and %d bytes; want valid text of at most %d each", len(p.Key), len(p.Value), maxMetaText)
		}
	}
	if in[0].Key != "a" || in[99].Key[0] != 'v' {
		t.Error("the caller's slice was changed")
	}
}

// The record must not keep a request's whole header alive.
func TestMetadataIsCopied(t *testing.T) {
	t.Parallel()
	header := strings.Repeat("Firefox ", 1<<10)
	short := header[:7]
	if got := cleanText(short); got != short || unsafe.StringData(got) == unsafe.StringData(short) {
		t.Errorf("cleanText(%q) = %q; want a copy", short, got)
	}
	if got := cleanText(header); unsafe.StringData(got) == unsafe.StringData(header) {
		t.Error("a text that was cut keeps what it was cut from")
	}
}
