package handlers_test

import (
	"database/sql"
	"testing"
	"time"
)

// otherShapes are users of another version of the app, whose member has changed.
var otherShapes = map[string]any{
	"a field more": struct {
		ID        uint
		CreatedAt time.Time
		Email     string
		Plan      *string
		Locked    bool
		Seen      sql.NullTime
		Role      string
	}{},
	"a field less": struct {
		ID        uint
		CreatedAt time.Time
		Email     string
		Plan      *string
		Locked    bool
	}{},
	"a field renamed": struct {
		ID        uint
		CreatedAt time.Time
		Email     string
		Plan      *string
		Blocked   bool
		Seen      sql.NullTime
	}{},
	"a field of another type": struct {
		ID        uint
		CreatedAt time.Time
		Email     string
		Plan      string
		Locked    bool
		Seen      sql.NullTime
	}{},
	"a field of another size": struct {
		ID        uint64
		CreatedAt time.Time
		Email     string
		Plan      *string
		Locked    bool
		Seen      sql.NullTime
	}{},
	"two fields in another order": struct {
		ID        uint
		CreatedAt time.Time
		Email     string
		Plan      *string
		Seen      sql.NullTime
		Locked    bool
	}{},
	"a field left out": struct {
		ID        uint
		CreatedAt time.Time
		Email     string
		Plan      *string
		Locked    bool `powgin:"-"`
		Seen      sql.NullTime
	}{},
}

func TestGoldenRowsOfOtherShapes(t *testing.T) {
	t.Parallel()
	for what, user := range otherShapes {
		if got, err := codecOf(t, user).Decode(golden(t, "member")); err == nil || got != nil {
			t.Errorf("%s: Decode gives %+v, %v; want an error", what, got, err)
		}
	}
}
