package cache

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cleanMetadata returns what a session keeps of what it was given: at most
// maxMetadata entries in the order of their keys, of valid text without
// control characters, cut at maxMetaText bytes. A header that a client sends
// may end up here.
func cleanMetadata(in []Pair) []Pair {
	if len(in) == 0 {
		return nil
	}
	out := make([]Pair, 0, len(in))
	for _, p := range in {
		if k := cleanText(p.Key); k != "" {
			out = append(out, Pair{k, cleanText(p.Value)})
		}
	}
	slices.SortStableFunc(out, func(a, b Pair) int { return cmp.Compare(a.Key, b.Key) })
	out = slices.CompactFunc(out, func(a, b Pair) bool { return a.Key == b.Key })
	return slices.Clip(out[:min(len(out), maxMetadata)])
}

func cleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	if len(s) <= maxMetaText {
		return strings.Clone(s)
	}
	s = s[:maxMetaText]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return strings.Clone(s)
}
