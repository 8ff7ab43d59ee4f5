package gormstore

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// An Option sets up a Store. A nil Option does nothing.
type Option func(*options)

type options struct {
	table   string
	migrate bool
}

// defaultTable is what Table says of an empty name.
const defaultTable = "powgin_accounts"

// Table names the table, as "name" or "schema.name" (with MySQL
// "database.name"); empty stands for "powgin_accounts". Each part has letters,
// digits and '_', begins with none of the digits, and is at most 55 bytes long.
// It is quoted, so that PostgreSQL takes capital letters as they are.
func Table(name string) Option { return func(o *options) { o.table = name } }

// Migrate has New create the table, with its index, where it cannot be read. Of a
// table that is there nothing is changed. Several nodes may do so at once.
func Migrate() Option { return func(o *options) { o.migrate = true } }

// A table is a name that was found to be plain.
type table struct{ schema, name string }

// maxName leaves room for the index's name within PostgreSQL's 63 bytes.
const maxName = 63 - len("_expires")

var plainName = regexp.MustCompile(fmt.Sprintf(`^[A-Za-z_][A-Za-z0-9_]{0,%d}$`, maxName-1))

func parseTable(name string) (table, error) {
	if name == "" {
		name = defaultTable
	}
	schema, last, qualified := strings.Cut(name, ".")
	if !qualified {
		schema, last = "", name
	}
	if !plainName.MatchString(last) || qualified && !plainName.MatchString(schema) {
		return table{}, fmt.Errorf("gormstore: the table %q must be a name or schema.name, of letters, digits and '_', at most %d of them", name, maxName)
	}
	return table{schema, last}, nil
}

// String returns the name for messages.
func (t table) String() string {
	if t.schema == "" {
		return t.name
	}
	return t.schema + "." + t.name
}

// Schema returns the statement that creates the table, with its index, where it
// does not exist: for migrations of the app's own. It is the same each time and
// may be run any number of times. The dialect is what GORM calls it, "sqlite",
// "postgres" or "mysql"; the table is as [Table] has it. It returns an error for
// any other.
func Schema(dialect, table string) (string, error) {
	d, unknown := dialectOf(dialect)
	t, bad := parseTable(table)
	if err := errors.Join(unknown, bad); err != nil {
		return "", err
	}
	return d.sql(d.schema, t), nil
}
