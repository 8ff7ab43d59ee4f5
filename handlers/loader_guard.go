package handlers

import (
	"context"
	"database/sql"
	"reflect"
	"slices"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// A Scanner that panics inside sql.Rows.Scan leaves the rows locked, and the
// Close that GORM has deferred then waits for ever, connection and all. So the
// app's scanners are called through a value that ends their panics. GORM takes
// those values from its schema, which the whole app shares; guardedSchema
// makes one for the Loader alone. It is nil where no scanner is the app's own.
func guardedSchema(db *gorm.DB, m *Model) (*schema.Schema, error) {
	if !slices.ContainsFunc(m.columns, func(column string) bool { return appScanner(m.schema.FieldsByDBName[column]) }) {
		return nil, nil
	}
	own, err := schema.Parse(reflect.New(m.typ).Interface(), &sync.Map{}, db.NamingStrategy)
	if err != nil {
		return nil, err
	}
	for _, field := range own.FieldsByDBName {
		if appScanner(field) {
			guardField(field)
		}
	}
	return own, nil
}

// appScanner tells the fields whose scanner is neither Go's nor GORM's.
func appScanner(field *schema.Field) bool {
	t := field.IndirectFieldType
	return field.Serializer == nil && reflect.PointerTo(t).Implements(scannerType) &&
		t.PkgPath() != "database/sql" && !strings.HasPrefix(t.PkgPath(), "gorm.io/")
}

func guardField(field *schema.Field) {
	set := field.Set
	field.Set = func(ctx context.Context, user reflect.Value, v any) error {
		if guarded, ok := v.(*guardedValue); ok {
			v = guarded.dest
		}
		return set(ctx, user, v)
	}
	field.NewValuePool = guardPool{field.NewValuePool}
}

type guardPool struct{ schema.FieldNewValuePool }

func (p guardPool) Get() any { return &guardedValue{dest: p.FieldNewValuePool.Get()} }

func (p guardPool) Put(v any) { p.FieldNewValuePool.Put(v.(*guardedValue).dest) }

// guardedValue receives a column for the **T that GORM would have given to
// sql.Rows.Scan, in the same way.
type guardedValue struct{ dest any }

func (g *guardedValue) Scan(src any) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicCause(v)
		}
	}()
	slot := reflect.ValueOf(g.dest).Elem()
	if src == nil {
		slot.SetZero()
		return nil
	}
	slot.Set(reflect.New(slot.Type().Elem()))
	return slot.Interface().(sql.Scanner).Scan(src)
}

// guardedCall is the pool of one read. GORM asks it for the rows after it has
// looked up the shared schema and before it scans, which is when the other one
// can take its place.
type guardedCall struct {
	*loaderPool
	stmt   *gorm.Statement
	schema *schema.Schema
}

func (c *guardedCall) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if query == c.sql {
		c.stmt.Schema = c.schema
	}
	return c.loaderPool.QueryContext(ctx, query, args...)
}
