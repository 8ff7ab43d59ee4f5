package gormstore

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// A dialect is what one kind of database wants said differently.
type dialect struct {
	quote    string // what encloses a name
	numbered bool   // parameters are $1, $2 and so on
	prepares bool   // statements are cheaper when they are prepared here
	deaf     bool   // a statement that has begun does not look at its context
	clock    string // the database's own, not a transaction's, in nanoseconds
	julian   string // the same as a Julian day, where a read takes less time so; else empty
	latest   string // the function that returns the larger of two numbers

	// create makes a row where there is no live one. Where revive is not empty
	// it makes one where there is none at all, and revive replaces an expired
	// one.
	create, revive string
	// sweep deletes at most {limit} expired rows, and waits for none that
	// somebody has locked. Where expired is not empty it finds them, and bury
	// deletes one.
	sweep, expired, bury string
	schema               string

	settings  func(ctx context.Context, p *pool) (fault, err error) // which of them would break a Store
	contended func(err error) bool                                  // others were at it, and nothing has happened
	forgotten func(err error) bool                                  // the statement is prepared no more, and nothing has happened
}

func dialectOf(name string) (*dialect, error) {
	switch name {
	case "sqlite":
		return &sqlite, nil
	case "postgres":
		return &postgres, nil
	case "mysql":
		return &mysql, nil
	}
	return nil, fmt.Errorf("gormstore: the dialect %q is none of sqlite, postgres and mysql (which is MariaDB's too)", name)
}

// queries are the statements of one Store that are sent often. load and beside are
// the same read; the others change one row or none.
type queries struct{ load, beside, create, revive, replace, remove, bury query }

// The parameters stand in the order in which Store.swap gives them. The single
// row of "one" has load answer where neither row exists. beside brings no row
// where there is no epoch: MariaDB makes a table of "one" for each load, without
// which a SELECT takes 1.1 times what one of a single row does, and not 1.3 times.
const (
	besideSQL = "SELECT {now}, a.version, a.data, a.expires, e.version, e.data, e.expires FROM {table} AS e" +
		" LEFT JOIN {table} AS a ON a.id = ? WHERE e.id = ?"
	loadSQL = "SELECT {now}, a.version, a.data, a.expires, e.version, e.data, e.expires FROM (SELECT 1) AS one" +
		" LEFT JOIN {table} AS a ON a.id = ? LEFT JOIN {table} AS e ON e.id = ?"
	replaceSQL = "UPDATE {table} SET version = ?, data = ?, expires = ?" +
		" WHERE id = ? AND version = ? AND (expires = 0 OR expires > {time})"
	removeSQL = "DELETE FROM {table} WHERE id = ? AND version = ? AND (expires = 0 OR expires > {time})"
	// upsertSQL is the create of databases that have it.
	upsertSQL = "INSERT INTO {table} AS r (id, version, data, expires) VALUES (?, ?, ?, ?)" +
		" ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data, expires = excluded.expires" +
		" WHERE r.expires <> 0 AND r.expires <= {time}"
)

func (q *queries) write(d *dialect, t table) {
	q.load.sql, q.beside.sql = d.sql(loadSQL, t), d.sql(besideSQL, t)
	q.create.sql, q.revive.sql, q.bury.sql = d.sql(d.create, t), d.sql(d.revive, t), d.sql(d.bury, t)
	q.replace.sql, q.remove.sql = d.sql(replaceSQL, t), d.sql(removeSQL, t)
}

// sql fills in what differs. {time} is the database's clock, or the parameter
// where that is later. {now} is the clock as a moment takes it.
func (d *dialect) sql(text string, t table) string {
	quoted := func(name string) string { return d.quote + name + d.quote }
	schema := ""
	if t.schema != "" {
		schema = quoted(t.schema) + "."
	}
	text = strings.NewReplacer(
		"{table}", schema+quoted(t.name), "{schema}", schema, "{name}", quoted(t.name), "{index}", quoted(t.name+"_expires"),
		"{clock}", d.clock, "{now}", cmp.Or(d.julian, d.clock), "{time}", d.latest+"("+d.clock+", ?)",
	).Replace(text)
	if !d.numbered {
		return text
	}
	var b strings.Builder
	for i, part := range strings.Split(text, "?") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	return b.String()
}
