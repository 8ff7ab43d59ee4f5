package handlers

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// Model is what powgin knows of the app's user type as a GORM model: its
// table, its primary key, and the columns that powgin reads. It is made once,
// at set-up, never changes, and is safe for concurrent use.
type Model struct {
	typ     reflect.Type
	schema  *schema.Schema
	columns []string
	keys    []modelKey
}

// modelKey is one part of the primary key.
type modelKey struct {
	column string
	index  []int        // the way to the field, through embedded structs
	base   reflect.Type // the field's type, without pointers
	form   keyForm
}

// NewModel reads the user type t, a struct, as db does: under its naming
// strategy and its schema cache. Everything that keeps powgin from using the
// model comes back as faults; the Model is nil then.
func NewModel(db *gorm.DB, t reflect.Type) (*Model, []Fault) {
	if faults := dbFaults(db); len(faults) > 0 {
		return nil, faults
	}
	if t.Kind() != reflect.Struct {
		return nil, []Fault{{Field: typeName(t), Value: t.Kind().String(), Rule: "is no struct: a user is a GORM model"}}
	}
	parsed, err := parseSchema(db, t)
	if err != nil {
		return nil, []Fault{{Field: typeName(t), Rule: "cannot be read as a GORM model: " + err.Error()}}
	}
	m := &Model{typ: t, schema: parsed}
	faults := append(m.readColumns(), m.readKey()...)
	if len(faults) > 0 {
		return nil, faults
	}
	return m, nil
}

// parseSchema turns a panic of GORM's parser, which a malformed model can
// cause, into an error.
func parseSchema(db *gorm.DB, t reflect.Type) (parsed *schema.Schema, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("GORM's parser panicked: %w", schema.ErrUnsupportedDataType)
		}
	}()
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(reflect.New(t).Interface()); err != nil {
		return nil, err
	}
	return stmt.Schema, nil
}

// readColumns collects the columns that powgin selects: what GORM may read,
// less what is tagged powgin:"-".
func (m *Model) readColumns() []Fault {
	var faults []Fault
	for _, name := range m.schema.DBNames {
		field := m.schema.FieldsByDBName[name]
		path := fieldPath(m.typ, field)
		if !field.Readable || slices.ContainsFunc(path, excluded) {
			continue
		}
		if computed(field) && !slices.ContainsFunc(path, kept) {
			faults = append(faults, Fault{
				Field: m.fieldName(field),
				Rule: `is read-only and never migrated, so powgin cannot tell whether the table has it: ` +
					`tag it powgin:"keep" if it has, and powgin:"-" or gorm:"-" if not`,
			})
			continue
		}
		m.columns = append(m.columns, name)
	}
	return faults
}

// computed tells the fields that apps fill by queries of their own. They look
// like columns, but a SELECT that names them may fail.
func computed(field *schema.Field) bool {
	return field.IgnoreMigration && !field.Creatable && !field.Updatable
}

func (m *Model) readKey() []Fault {
	if len(m.schema.PrimaryFields) == 0 {
		return []Fault{{Field: typeName(m.typ), Rule: `has no primary key: tag its fields gorm:"primaryKey"`}}
	}
	var faults []Fault
	for _, field := range m.schema.PrimaryFields {
		form, ok := keyFormOf(field.IndirectFieldType)
		switch {
		case slices.ContainsFunc(fieldPath(m.typ, field), excluded), !field.Readable:
			faults = append(faults, Fault{
				Field: m.fieldName(field),
				Rule:  `is part of the primary key: it cannot be powgin:"-" or unreadable`,
			})
		case !ok || field.Serializer != nil:
			faults = append(faults, Fault{
				Field: m.fieldName(field), Value: field.FieldType.String(),
				Rule: "cannot be a user key: use an integer, a string, or a type with MarshalText and UnmarshalText, or with Value and Scan",
			})
		default:
			m.keys = append(m.keys, modelKey{
				column: field.DBName, index: plainIndex(field), base: field.IndirectFieldType, form: form,
			})
		}
	}
	return faults
}

// Type returns the user type, a struct type.
func (m *Model) Type() reflect.Type { return m.typ }

// Schema returns the schema that GORM made of the user type. It is GORM's own
// and must not be changed.
func (m *Model) Schema() *schema.Schema { return m.schema }

// Table returns the name of the users table.
func (m *Model) Table() string { return m.schema.Table }

// Columns returns the names of the columns that powgin reads, in the order of
// the model's fields. The slice is the caller's own.
func (m *Model) Columns() []string { return slices.Clone(m.columns) }

// Reads tells whether powgin reads the column of that name, so whether a
// change of it makes a cached user stale.
func (m *Model) Reads(column string) bool { return slices.Contains(m.columns, column) }

// Key returns the primary key of user as a string: decimal for integers, as
// it is for strings, the text form of types that have one; JoinKey of the
// parts where the key is composite. user is a U or a *U. The key is "" where a
// part is zero, where user is nil, and where it is no user of this model: ""
// is nobody's key.
func (m *Model) Key(user any) string {
	v := reflect.ValueOf(user)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() || v.Type() != m.typ {
		return ""
	}
	if len(m.keys) == 1 {
		return m.keys[0].textOf(v)
	}
	parts := make([]string, len(m.keys))
	for i := range m.keys {
		if parts[i] = m.keys[i].textOf(v); parts[i] == "" {
			return ""
		}
	}
	return JoinKey(parts...)
}

// parseKey gives the values of the primary key that key stands for. It is
// false for a key that Key never returns: so no row is ever asked for under a
// key that is not its own.
func (m *Model) parseKey(key string) ([]any, bool) {
	parts, ok := splitKey(key, len(m.keys))
	if !ok {
		return nil, false
	}
	values := make([]any, len(parts))
	for i, part := range parts {
		if values[i], ok = m.keys[i].parse(part); !ok {
			return nil, false
		}
	}
	return values, true
}

// textOf is "" for zero and for what has no text.
func (k *modelKey) textOf(user reflect.Value) string {
	v := user
	for _, i := range k.index {
		if v = reflect.Indirect(v); !v.IsValid() {
			return ""
		}
		v = v.Field(i)
	}
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if !v.IsValid() || v.IsZero() {
		return ""
	}
	text, ok := k.form.text(v)
	if !ok {
		return ""
	}
	return text
}

func (k *modelKey) parse(text string) (any, bool) {
	v := reflect.New(k.base).Elem()
	if !k.form.parse(text, v) || v.IsZero() || !leadsBack(k.form.text, text, v) {
		return nil, false
	}
	return v.Interface(), true
}

// fieldName names a field as the app's author wrote it: User.Base.ID.
func (m *Model) fieldName(field *schema.Field) string {
	return typeName(m.typ) + "." + strings.Join(field.BindNames, ".")
}

// typeName is the type's name, and its whole text where it has no name.
func typeName(t reflect.Type) string {
	if name := t.Name(); name != "" {
		return name
	}
	return t.String()
}
