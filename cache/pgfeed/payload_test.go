package pgfeed_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/powgin/powgin/cache/pgfeed"
)

func TestWhatPayloadsStandFor(t *testing.T) {
	t.Parallel()
	var many []string
	for n := range pgfeed.MaxPending {
		many = append(many, fmt.Sprint("k", n))
	}
	for _, row := range []struct {
		name     string
		payloads []string
		want     []string
		all      bool
	}{
		{"nothing", nil, nil, false},
		{"a beat", []string{"b"}, nil, false},
		{"a key, twice", []string{"k7", "k7"}, []string{"7"}, false},
		{"keys that look like other payloads", []string{"ka", "kb", "kk"}, []string{"a", "b", "k"}, false},
		{"nobody's key", []string{"k"}, nil, false},
		{"all, beside keys", []string{"k1", "a", "k2", "b"}, nil, true},
		{"what no trigger tells", []string{"beat"}, nil, true},
		{"no payload", []string{""}, nil, true},
		{"more keys than are kept", append(many, "kone more"), nil, true},
	} {
		if got, all := pgfeed.Pending(row.payloads...); !slices.Equal(got, row.want) || all != row.all {
			t.Errorf("%s: keys %q, all %v; want %q, %v", row.name, got, all, row.want, row.all)
		}
	}
	if got, all := pgfeed.Pending(many...); len(got) != pgfeed.MaxPending || all {
		t.Errorf("%d keys come to %d, all %v; want each", len(many), len(got), all)
	}
}
