package handlers

import (
	"database/sql"
	"database/sql/driver"
	"encoding"
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gorm.io/gorm"
)

// The parts of a composite key stand one after the other, parted by keyComma.
// A comma or backslash inside a part has keyEscape before it, so that ("a,b",
// "c") and ("a", "b,c") are two keys.
const (
	keyComma  = ','
	keyEscape = '\\'
)

// JoinKey makes the user key of a composite primary key, given its parts in
// the order of the model's fields: JoinKey("acme", "42") is "acme,42". Commas
// and backslashes inside the parts are escaped, so that different parts never
// give the same key. A single part is the key as it stands, and no part at all
// is "", which is nobody's key. It is safe for concurrent use.
func JoinKey(parts ...string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteByte(keyComma)
		}
		for j := range len(part) {
			if part[j] == keyComma || part[j] == keyEscape {
				b.WriteByte(keyEscape)
			}
			b.WriteByte(part[j])
		}
	}
	return b.String()
}

// splitKey is the inverse of JoinKey for keys of n parts. It is false for what
// JoinKey never makes of n parts.
func splitKey(key string, n int) ([]string, bool) {
	if n == 1 {
		return []string{key}, true
	}
	parts := make([]string, 0, n)
	var part []byte
	for i := 0; i < len(key); i++ {
		switch key[i] {
		case keyComma:
			parts = append(parts, string(part))
			part = part[:0]
			continue
		case keyEscape:
			i++
			if i == len(key) || (key[i] != keyComma && key[i] != keyEscape) {
				return nil, false
			}
		}
		part = append(part, key[i])
	}
	parts = append(parts, string(part))
	return parts, len(parts) == n
}

// keyForm turns values of one Go type into the text of a key and back. text
// is false for a value that has no text; parse is false for a text that is no
// value's. Neither is asked about nil pointers.
type keyForm struct {
	text  func(v reflect.Value) (string, bool)
	parse func(s string, into reflect.Value) bool
}

var (
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	valuerType      = reflect.TypeFor[driver.Valuer]()
	scannerType     = reflect.TypeFor[sql.Scanner]()
	gormValuerType  = reflect.TypeFor[gorm.Valuer]()
)

// keyFormOf chooses the text form of a primary key's type: decimal for
// integers, as they are for strings, else what MarshalText says, else what
// the type gives the database. It is false for types that have none of these.
func keyFormOf(t reflect.Type) (keyForm, bool) {
	pointer := reflect.PointerTo(t)
	switch {
	case pointer.Implements(gormValuerType):
		// Such a value is an SQL expression, which may hold anything.
		return keyForm{}, false
	case t.Kind() == reflect.String:
		return keyForm{stringText, parseString}, true
	case reflect.Zero(t).CanInt():
		return keyForm{intText, parseInt}, true
	case reflect.Zero(t).CanUint() && t.Kind() != reflect.Uintptr:
		return keyForm{uintText, parseUint}, true
	case pointer.Implements(textMarshaler) && pointer.Implements(textUnmarshaler):
		return keyForm{marshalText, unmarshalText}, true
	case pointer.Implements(valuerType) && pointer.Implements(scannerType):
		return keyForm{columnText, parseColumn}, true
	}
	return keyForm{}, false
}

func stringText(v reflect.Value) (string, bool) { return v.String(), true }

func parseString(s string, into reflect.Value) bool {
	into.SetString(s)
	return true
}

func intText(v reflect.Value) (string, bool) { return strconv.FormatInt(v.Int(), 10), true }

func parseInt(s string, into reflect.Value) bool {
	n, err := strconv.ParseInt(s, 10, into.Type().Bits())
	into.SetInt(n)
	return err == nil
}

func uintText(v reflect.Value) (string, bool) { return strconv.FormatUint(v.Uint(), 10), true }

func parseUint(s string, into reflect.Value) bool {
	n, err := strconv.ParseUint(s, 10, into.Type().Bits())
	into.SetUint(n)
	return err == nil
}

func marshalText(v reflect.Value) (string, bool) {
	text, err := addressable(v).Interface().(encoding.TextMarshaler).MarshalText()
	return string(text), err == nil
}

func unmarshalText(s string, into reflect.Value) bool {
	return into.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)) == nil
}

// columnText is the column's own value as text. Bytes are given in hex: a key
// is shown in logs and addresses.
func columnText(v reflect.Value) (string, bool) {
	value, err := addressable(v).Interface().(driver.Valuer).Value()
	if err != nil || value == nil {
		return "", false
	}
	if raw, ok := value.([]byte); ok {
		return hex.EncodeToString(raw), true
	}
	return fmt.Sprint(value), true
}

// parseColumn cannot know whether the type's column holds text or bytes, so it
// tries both, and believes the one that leads back to the same text.
func parseColumn(s string, into reflect.Value) bool {
	scanner := into.Addr().Interface().(sql.Scanner)
	if scanner.Scan(s) == nil && leadsBack(columnText, s, into) {
		return true
	}
	raw, err := hex.DecodeString(s)
	if err != nil {
		return false
	}
	into.SetZero()
	return scanner.Scan(raw) == nil
}

func leadsBack(text func(reflect.Value) (string, bool), s string, v reflect.Value) bool {
	again, ok := text(v)
	return ok && again == s
}

// addressable gives a pointer to v, or to a copy where v has no address, so
// that methods with either kind of receiver can be called.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v.Addr()
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p
}
