package handlers

import (
	"database/sql/driver"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"gorm.io/gorm"
)

var errEmptyKey = errors.New("powgin: an empty key is nobody's")

// plainPart reads a column of whose type nothing is known but that it holds
// integers or texts.
type plainPart struct{}

var (
	_ keyPart = plainPart{}
	_ keyPart = (*modelKey)(nil)
)

// certainText implements keyPart.
func (p plainPart) certainText(v any) (string, bool) {
	if _, ok := v.(gorm.Valuer); ok {
		return "", false // it is an expression
	}
	rv := reflect.ValueOf(v)
	if valuer, ok := v.(driver.Valuer); ok {
		if rv.Kind() == reflect.Pointer && rv.IsNil() {
			return "", false
		}
		plain, err := valuer.Value()
		if err != nil || !driver.IsValue(plain) || reflect.TypeOf(plain) == rv.Type() {
			return "", false
		}
		return p.certainText(plain)
	}
	switch {
	case rv.Kind() == reflect.Pointer && !rv.IsNil():
		return p.certainText(rv.Elem().Interface())
	case rv.CanInt():
		return strconv.FormatInt(rv.Int(), 10), true
	case rv.CanUint():
		return strconv.FormatUint(rv.Uint(), 10), true
	case rv.Kind() == reflect.String:
		return rv.String(), writtenOneWay(rv.String())
	}
	return "", false
}

// literalText implements keyPart.
func (plainPart) literalText(literal string, number bool) (string, bool) {
	if !number {
		return literal, writtenOneWay(literal)
	}
	n, err := strconv.ParseUint(literal, 10, 63)
	return strconv.FormatUint(n, 10), err == nil
}

func (plainPart) room() any { return new(any) }

// roomText takes a text as it stands: the database has written it.
func (plainPart) roomText(room any) (string, bool) {
	switch v := (*room.(*any)).(type) {
	case int64:
		return strconv.FormatInt(v, 10), true
	case string:
		return v, strings.TrimSpace(v) == v
	}
	return "", false
}

// writtenOneWay reports whether no type of column takes the text for a value that
// is written in another way as well: 007 is 7 for one of integers, and A0EE… is
// a0ee… for one of UUIDs.
func writtenOneWay(s string) bool {
	if strings.TrimSpace(s) != s {
		return false
	}
	_, notFloat := strconv.ParseFloat(s, 64)
	_, notInt := strconv.ParseInt(s, 0, 64)
	if notFloat == nil || notInt == nil {
		n, err := strconv.ParseInt(s, 10, 64)
		return err == nil && strconv.FormatInt(n, 10) == s
	}
	return !isUUID(s) || strings.ToLower(s) == s && len(s) == 36 &&
		s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

// isUUID reports whether PostgreSQL may take a text for a UUID: 32 hexadecimal
// digits, with hyphens, braces and in any case.
func isUUID(s string) bool {
	digits := 0
	for _, c := range s {
		switch {
		case c == '-' || c == '{' || c == '}':
		case c < 0x80 && strings.ContainsRune("0123456789abcdefABCDEF", c):
			digits++
		default:
			return false
		}
	}
	return digits == 32
}

// plainText reports whether a part of the key is text that stands in the database
// as it is.
func (k *modelKey) plainText() bool {
	pointer := reflect.PointerTo(k.base)
	return k.base.Kind() == reflect.String && !pointer.Implements(valuerType) && !pointer.Implements(scannerType)
}

// literalText implements keyPart.
func (k *modelKey) literalText(literal string, number bool) (string, bool) {
	if k.base.Kind() == reflect.String && (number || !writtenOneWay(literal)) {
		return "", false
	}
	return k.parsed(literal)
}

func (k *modelKey) room() any { return reflect.New(k.base).Interface() }

func (k *modelKey) roomText(room any) (string, bool) {
	return k.form.text(reflect.ValueOf(room).Elem())
}
