package handlers

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"
)

// VersionFaults says why a column cannot tell versions of a row apart; "" stands
// for none, and is right.
func (m *Model) VersionFaults(column string) []Fault {
	var rule string
	switch {
	case column == "", m.Reads(column) && !slices.ContainsFunc(m.keys, func(k modelKey) bool { return k.column == column }):
		return nil
	case m.Reads(column):
		rule = "is part of the primary key, which tells no versions apart"
	case m.schema.FieldsByDBName[column] == nil:
		rule = "is no column of " + m.Table()
	default:
		rule = `is not read: take its tag powgin:"-" away`
	}
	return []Fault{{Field: "Config.VersionColumn", Value: column, Rule: rule}}
}

// A VersionedLoader is a Loader that can also tell by one column whether a user is
// as they were. It is safe for concurrent use.
type VersionedLoader struct {
	*Loader
	version *Loader // reads that column alone
	field   *schema.Field
}

// NewVersionedLoader makes one of a Loader, for a column in which VersionFaults has
// found no fault.
func NewVersionedLoader(db *gorm.DB, l *Loader, column string) (*VersionedLoader, error) {
	alone := *l.model
	alone.columns = []string{column}
	version, err := NewLoader(db, &alone)
	if err != nil {
		return nil, err
	}
	version.session.Statement.SkipHooks = true // they are made for whole users
	return &VersionedLoader{l, version, l.model.schema.FieldsByDBName[column]}, nil
}

// Unchanged implements cache.VersionedSource: it reads the one column. A version
// that is NULL, or zero, tells nothing. Errors are those of Find.
func (l *VersionedLoader) Unchanged(ctx context.Context, key string, user any) (same bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			same, err = false, panicked(l.model.Table(), v)
		}
	}()
	parts, ok := l.model.parseKey(key)
	if !ok {
		return false, nil
	}
	row, found, err := l.version.read(ctx, parts)
	if err != nil || !found {
		return false, err
	}
	known, err := l.of(ctx, user)
	if err != nil || known == nil {
		return false, err
	}
	now, err := l.of(ctx, row)
	return err == nil && now != nil && equal(known, now), err
}

// of returns the user's version as the database would be given it, nil for one that
// is zero.
func (l *VersionedLoader) of(ctx context.Context, user any) (any, error) {
	v, zero := l.field.ValueOf(ctx, reflect.ValueOf(user).Elem())
	if zero {
		return nil, nil
	}
	if valuer, ok := v.(driver.Valuer); ok {
		value, err := valuer.Value()
		if err != nil {
			return nil, fmt.Errorf("powgin: the version of a row of %s: %w", l.model.Table(), err)
		}
		return value, nil
	}
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer {
		return p.Elem().Interface(), nil
	}
	return v, nil
}

// Close frees the prepared statements, as Loader.Close does.
func (l *VersionedLoader) Close() {
	l.Loader.Close()
	l.version.Close()
}
