package handlers

import (
	"database/sql"
	"reflect"
	"strings"

	"gorm.io/gorm/schema"
)

const (
	secretRule  = `looks secret: tag it powgin:"-" (powgin never reads or caches it) or powgin:"keep"`
	unknownRule = `has an unknown powgin tag: it is powgin:"-" or powgin:"keep"`
)

// CheckSecrets finds the fields of the user type t that powgin should not
// cache without being told to: text and bytes that encoding/json leaves out,
// or whose name speaks of a secret (password, token, salt and the like), and
// that have no powgin tag. It also finds powgin tags that mean nothing.
//
// fromGORM tells that users are read by GORM: then only what GORM loads
// counts, so neither gorm:"-" nor relations. Otherwise every field of t does,
// those of nested types too.
func CheckSecrets(t reflect.Type, fromGORM bool) []Fault {
	check := secretCheck{fromGORM: fromGORM, seen: map[reflect.Type]bool{}}
	check.fields(t, typeName(t))
	return check.faults
}

type secretCheck struct {
	fromGORM bool
	seen     map[reflect.Type]bool // types on the way down or done: each is told of once
	faults   []Fault
}

func (c *secretCheck) fields(t reflect.Type, path string) {
	if t.Kind() != reflect.Struct || c.seen[t] {
		return
	}
	c.seen[t] = true
	for f := range t.Fields() {
		c.field(f, path+"."+f.Name)
	}
}

func (c *secretCheck) field(f reflect.StructField, path string) {
	tag, tagged := f.Tag.Lookup(tagName)
	switch {
	case tagged && tag != tagExclude && tag != tagKeep:
		c.faults = append(c.faults, Fault{Field: path, Value: tag, Rule: unknownRule})
	case tagged || (c.fromGORM && !loadedByGORM(f)):
		// Decided by the app, or never in a user that powgin read.
	case textual(f.Type) && looksSecret(f):
		c.faults = append(c.faults, Fault{Field: path, Rule: secretRule})
	default:
		c.fields(element(f.Type), path)
	}
}

func looksSecret(f reflect.StructField) bool {
	column := schema.ParseTagSetting(f.Tag.Get("gorm"), ";")["COLUMN"]
	return f.Tag.Get("json") == "-" || secretName(f.Name) || secretName(column)
}

// loadedByGORM tells whether a plain read of the row fills the field. GORM
// reads no unexported field, and no relation unless it is asked to.
func loadedByGORM(f reflect.StructField) bool {
	settings := schema.ParseTagSetting(f.Tag.Get("gorm"), ";")
	if ignored := strings.ToLower(strings.TrimSpace(settings["-"])); ignored == "-" || ignored == "all" {
		return false
	}
	if !f.IsExported() || strings.EqualFold(settings["->"], "false") {
		return false
	}
	if _, embedded := settings["EMBEDDED"]; embedded || f.Anonymous {
		return true
	}
	return settings["SERIALIZER"] != "" || settings["JSON"] != "" || !relation(f.Type)
}

// relation tells structs, and collections of them, that are no column of
// their own.
func relation(t reflect.Type) bool {
	for ; ; t = t.Elem() {
		if reflect.PointerTo(t).Implements(scannerType) || reflect.PointerTo(t).Implements(valuerType) {
			return false
		}
		if t.Kind() != reflect.Pointer && t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
			return t.Kind() == reflect.Struct && !t.ConvertibleTo(schema.TimeReflectType)
		}
	}
}

// textual tells the types that can hold a secret as it is: strings, bytes,
// and pointers, lists and nullable forms of them.
func textual(t reflect.Type) bool {
	for {
		switch {
		case t.Kind() == reflect.String, isBytes(t), t == reflect.TypeFor[sql.NullString]():
			return true
		case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice:
			t = t.Elem()
		case isSQLNull(t):
			t = t.Field(0).Type
		default:
			return false
		}
	}
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// isSQLNull tells the instances of sql.Null, whose first field is the value.
func isSQLNull(t reflect.Type) bool {
	null := reflect.TypeFor[sql.Null[string]]()
	return t.Kind() == reflect.Struct && t.PkgPath() == null.PkgPath() &&
		t.NumField() == null.NumField() && t.Field(0).Name == null.Field(0).Name
}

// element is what a pointer leads to and what a list or map holds.
func element(t reflect.Type) reflect.Type {
	for {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return t
		}
	}
}
