package handlers

import (
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// partText has a text of its own in the database.
type partText string

// Value implements driver.Valuer.
func (p partText) Value() (driver.Value, error) { return "x-" + string(p), nil }

func TestAValueIsCertainWhereItIsWrittenInOneWay(t *testing.T) {
	t.Parallel()
	seven, text := uint(7), "ann"
	pointer := &seven
	for _, tt := range []struct {
		given any
		want  string
		ok    bool
	}{
		{7, "7", true}, {int8(-7), "-7", true}, {uint64(1<<64 - 1), "18446744073709551615", true}, {&seven, "7", true}, {&pointer, "7", true},
		{"ann", "ann", true}, {&text, "ann", true}, {partText("ann"), "x-ann", true}, {sql.NullInt64{Int64: 7, Valid: true}, "7", true},
		{"7", "7", true}, {"-7", "-7", true}, {"", "", true}, {"a b", "a b", true}, {"3f2a", "3f2a", true},
		{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", true},
		{given: nil}, {given: (*uint)(nil)}, {given: sql.NullInt64{}}, {given: 7.0}, {given: true}, {given: []byte("7")}, {given: time.Now()},
		{given: gorm.Expr("7")}, {given: clause.Column{Name: "a"}}, {given: []int{7}},
		{given: "07"}, {given: "+7"}, {given: "7.0"}, {given: "7e0"}, {given: " 7"}, {given: "0x7"}, {given: "1_0"}, {given: "-0"}, {given: "inf"},
		{given: "ann "}, {given: "\tann"}, {given: "99999999999999999999"}, {given: sql.NullString{String: "07", Valid: true}},
		{given: "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"}, {given: "a0eebc999c0b4ef8bb6d6bb9bd380a11"},
		{given: "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"}, {given: "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11"},
	} {
		if got, ok := (plainPart{}).certainText(tt.given); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%T %v is certain: %v, %q; want %v, %q", tt.given, tt.given, ok, got, tt.ok, tt.want)
		}
	}
}

func TestWhatTheDatabaseReturnsIsTakenAsItStands(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		given any
		want  string
		ok    bool
	}{
		{int64(7), "7", true}, {"ann", "ann", true}, {"07", "07", true}, {given: "ann  "}, {given: nil}, {given: 7.0}, {given: []byte("7")},
	} {
		room := plainPart{}.room()
		*room.(*any) = tt.given
		if got, ok := (plainPart{}).roomText(room); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%T %v is known: %v, %q; want %v, %q", tt.given, tt.given, ok, got, tt.ok, tt.want)
		}
	}
}

func TestALiteralIsCertainWhereItIsWrittenInOneWay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		literal string
		number  bool
		want    string
		ok      bool
	}{
		{"7", true, "7", true}, {"007", true, "7", true}, {"7", false, "7", true}, {"ann", false, "ann", true},
		{literal: "007"}, {literal: "99999999999999999999", number: true},
	} {
		if got, ok := (plainPart{}).literalText(tt.literal, tt.number); ok != tt.ok || ok && got != tt.want {
			t.Errorf("%q, a number: %v, is certain: %v, %q; want %v, %q", tt.literal, tt.number, ok, got, tt.ok, tt.want)
		}
	}
}
