package pgfeed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// errTriggers is why a table does not tell of its changes.
var errTriggers = errors.New("run what pgfeed.Schema returns, or start with Migrate")

// prepare finds out whether the table will do, and makes its triggers if it may.
func (o *options) prepare(ctx context.Context, conn *pgx.Conn) error {
	if err := o.checkTable(ctx, conn); err != nil {
		return err
	}
	err := o.checkTriggers(ctx, conn)
	if !o.migrate || !errors.Is(err, errTriggers) {
		return err
	}
	if _, err := conn.PgConn().Exec(ctx, o.schema()).ReadAll(); err != nil {
		return fmt.Errorf("migrate the table %s: %w", o.table, err)
	}
	return o.checkTriggers(ctx, conn)
}

// checkTable finds out whether the columns are there.
func (o *options) checkTable(ctx context.Context, conn *pgx.Conn) error {
	const columns = `SELECT a.attname::text, COALESCE(b.typname, t.typname)::text, COALESCE(b.typcategory, t.typcategory)::text
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype AND t.typtype = 'd'
		WHERE a.attrelid = pg_catalog.to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped`
	types := make(map[string]string)
	var column, typ, category string
	rows, err := conn.Query(ctx, columns, o.table.String())
	if err == nil {
		_, err = pgx.ForEachRow(rows, []any{&column, &typ, &category}, func() error {
			if category == "D" || category == "T" { // dates and times, and intervals
				typ = "timestamp"
			}
			types[column] = typ
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("look for the table %s: %w", o.table, err)
	}
	if len(types) == 0 {
		return fmt.Errorf("there is no table %s (without a schema it is looked for in the search_path)", o.table)
	}
	var wrong []error
	for _, column := range slices.Concat(o.key, o.columns) {
		if _, ok := types[column]; !ok {
			wrong = append(wrong, fmt.Errorf("the table %s has no column %s", o.table, quote(column)))
		}
	}
	for _, column := range o.key {
		switch typ := types[column]; typ {
		case "bytea", "bpchar", "timestamp":
			wrong = append(wrong, fmt.Errorf("the column %s of the table %s is no key, since the text of a %s is not what powgin makes of it", quote(column), o.table, typ))
		}
	}
	return errors.Join(wrong...)
}

// checkTriggers finds out whether the triggers are there and do what they should.
func (o *options) checkTriggers(ctx context.Context, conn *pgx.Conn) error {
	const triggers = `SELECT t.tgname::text, t.tgenabled::text, p.prosrc
		FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
		WHERE t.tgrelid = pg_catalog.to_regclass($1::text) AND NOT t.tgisinternal`
	state := make(map[string]string)
	var trigger, enabled, source string
	rows, err := conn.Query(ctx, triggers, o.table.String())
	if err == nil {
		body := o.body()
		_, err = pgx.ForEachRow(rows, []any{&trigger, &enabled, &source}, func() error {
			switch {
			case strings.ReplaceAll(source, "\r\n", "\n") != body:
				state[trigger] = "is made for other options, or by another version"
			case enabled != "O" && enabled != "A":
				state[trigger] = "is disabled"
			default:
				state[trigger] = "works"
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("look for the triggers of %s: %w", o.table, err)
	}
	for _, trigger := range o.triggers() {
		is, ok := state[trigger]
		if !ok {
			is = "is missing"
		}
		if is != "works" {
			return fmt.Errorf("the trigger %s of the table %s %s: %w", quote(trigger), o.table, is, errTriggers)
		}
	}
	return nil
}
