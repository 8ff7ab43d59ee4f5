package powgin_test

import (
	"maps"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/powgin/powgin"
)

func TestAUserIsAStructWithAName(t *testing.T) {
	t.Parallel()
	wantFaults(t, powgin.Config[*User]{Users: noUsers[*User]{}}, "U (*powgin_test.User) must be a struct type with a name")
	wantFaults(t, powgin.Config[string]{Users: noUsers[string]{}}, "U (string) must be a struct type with a name")
	wantFaults(t, powgin.Config[any]{Users: noUsers[any]{}}, "U (interface {}) must be a struct type with a name")
	wantFaults(t, powgin.Config[struct{ ID uint }]{Users: noUsers[struct{ ID uint }]{}},
		"U (struct { ID uint }) must be a struct type with a name")
	wantFaults(t, powgin.Config[*User]{DB: openDB(t)}, "U (*powgin_test.User) must be a struct type with a name")
}

// unkeyed is a model that nobody could be found in.
type unkeyed struct{ Email string }

func TestAModelHasAPrimaryKey(t *testing.T) {
	t.Parallel()
	wantFaults(t, powgin.Config[unkeyed]{DB: openDB(t)}, `unkeyed has no primary key: tag its fields gorm:"primaryKey"`)
}

// revealing has fields that should not be in a cache unless the app says so.
type revealing struct {
	ID            uint
	APIKey        string
	Notes         string `json:"-"`
	RecoveryCodes []string
	Profile       struct{ ResetToken []byte }
	Legacy        string `powgin:"no"`
	Plan          string
}

// tagged is the same with the app's answer to each.
type tagged struct {
	ID            uint
	APIKey        string   `powgin:"-"`
	Notes         string   `powgin:"keep" json:"-"`
	RecoveryCodes []string `powgin:"-"`
	Profile       struct {
		ResetToken []byte `powgin:"-"`
	}
	Legacy string
	Plan   string
}

func TestSecretsInTheModelAreNamedWithTheirWaysOut(t *testing.T) {
	t.Parallel()
	const rule = ` looks secret: tag it powgin:"-" (powgin never reads or caches it) or powgin:"keep"`
	wantFaults(t, powgin.Config[revealing]{Users: noUsers[revealing]{}},
		"revealing.APIKey"+rule,
		"revealing.Notes"+rule,
		"revealing.RecoveryCodes"+rule,
		"revealing.Profile.ResetToken"+rule,
		`revealing.Legacy (no) has an unknown powgin tag: it is powgin:"-" or powgin:"keep"`,
	)
	wantFaults(t, powgin.Config[tagged]{Users: noUsers[tagged]{}})
}

// amount refers to memory that its own package alone can reach.
type amount struct{ v *big.Int }

func (a amount) String() string { return a.v.String() }

// tally has a copy of its own making.
type tally struct{ counts map[string]int }

func (t tally) Clone() tally { return tally{maps.Clone(t.counts)} }

// uncopyable cannot be copied.
type uncopyable struct {
	ID     uint
	Mutex  sync.Mutex
	Render func()
	Done   chan bool
	Extra  any
	Credit amount
}

// copyable is the same with the app's answer to each.
type copyable struct {
	ID     uint
	Mutex  sync.Mutex `powgin:"-"`
	Render func()     `powgin:"-"`
	Done   chan bool  `powgin:"-"`
	Extra  tally
	Credit amount
}

func TestWhatCannotBeCopiedIsNamedWithItsWaysOut(t *testing.T) {
	t.Parallel()
	got := faultsOf(t, powgin.Config[uncopyable]{Users: noUsers[uncopyable]{}})
	want := [...]struct{ field, way string }{
		{"uncopyable.Mutex (sync.Mutex)", "method Clone"},
		{"uncopyable.Render (func())", "name func() in Config.Immutable"},
		{"uncopyable.Done (chan bool)", "name chan bool in Config.Immutable"},
		{"uncopyable.Extra (interface {})", "Config.Immutable"},
		{"uncopyable.Credit.v (*big.Int)", "give powgin_test.amount a method Clone() powgin_test.amount, name it in Config.Immutable"},
	}
	if len(got) != len(want) {
		t.Fatalf("New found %q; want %d faults", got, len(want))
	}
	for i, tt := range want {
		if !strings.HasPrefix(got[i], tt.field+" cannot be copied: ") || !strings.Contains(got[i], tt.way) ||
			!strings.Contains(got[i], `tag the field powgin:"-"`) {
			t.Errorf("fault %d = %s; want %s and the ways out: %s, or a tag", i, got[i], tt.field, tt.way)
		}
	}
	wantFaults(t, powgin.Config[copyable]{Users: noUsers[copyable]{}, Immutable: []any{amount{}}})
}
