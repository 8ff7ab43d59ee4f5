package handlers

import (
	"reflect"

	"gorm.io/gorm/schema"
)

// The values of the struct tag powgin. A field without it is read, cached and
// copied, unless it looks secret.
const (
	tagName    = "powgin"
	tagExclude = "-"    // never read, never cached, zero in every copy
	tagKeep    = "keep" // read and cached, although it looks secret
)

func excluded(f reflect.StructField) bool { return f.Tag.Get(tagName) == tagExclude }

func kept(f reflect.StructField) bool { return f.Tag.Get(tagName) == tagKeep }

// fieldPath gives the struct fields that lead from t to a schema's field, the
// embedded structs first: a tag on one of them holds for all it embeds.
func fieldPath(t reflect.Type, field *schema.Field) []reflect.StructField {
	path := make([]reflect.StructField, 0, len(field.StructField.Index))
	for _, i := range plainIndex(field) {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		f := t.Field(i)
		path = append(path, f)
		t = f.Type
	}
	return path
}

// plainIndex is the field's index as package reflect has it. GORM writes the
// i-th field as -i-1 where an embedded struct is held by a pointer.
func plainIndex(field *schema.Field) []int {
	index := make([]int, len(field.StructField.Index))
	for n, i := range field.StructField.Index {
		if i < 0 {
			i = -i - 1
		}
		index[n] = i
	}
	return index
}
