package gormstore

import (
	"context"
	"errors"
	"slices"
)

var postgres = dialect{
	quote:    `"`,
	numbered: true,
	// pgx prepares by itself, or leaves it where it was told that a pooler is
	// in between.
	prepares: false,
	// now() would be the transaction's start. A timestamp with time zone has
	// none to go wrong.
	clock:  "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::bigint * 1000",
	latest: "GREATEST",
	create: upsertSQL,
	// The clock stands in a SELECT of its own, which is asked once: it changes
	// within a statement, and the index cannot be searched for what changes.
	sweep: "WITH dead AS (SELECT id FROM {table} WHERE expires <> 0 AND expires <= (SELECT {clock})" +
		" ORDER BY expires LIMIT {limit} FOR UPDATE SKIP LOCKED) DELETE FROM {table} AS r USING dead WHERE r.id = dead.id",
	schema: `CREATE TABLE IF NOT EXISTS {table} (
	id bytea NOT NULL PRIMARY KEY,
	version bytea NOT NULL,
	data bytea NOT NULL,
	expires bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS {index} ON {table} (expires);`,
	settings: func(ctx context.Context, p *pool) (fault, err error) {
		var standby bool
		var readOnly string
		row := p.QueryRowContext(ctx, "SELECT pg_is_in_recovery(), current_setting('transaction_read_only')")
		if err := row.Scan(&standby, &readOnly); err != nil {
			return nil, err
		}
		switch {
		case standby:
			return errors.New("the server is a standby: connect to the primary (target_session_attrs=read-write finds it)"), nil
		case readOnly != "off":
			return errors.New("default_transaction_read_only is on: set it off for this role, database or DSN"), nil
		}
		return nil, nil
	},
	contended: func(err error) bool { return postgresState(err, "40001", "40P01", "55P03") },
	// The server, or a pooler in front of it, does not know the driver's
	// statement, or knows it by what the table was before.
	forgotten: func(err error) bool { return postgresState(err, "26000", "0A000") },
}

// postgresState reports whether err has one of these SQLSTATEs. pgx and lib/pq
// tell them in the same way.
func postgresState(err error, states ...string) bool {
	var told interface{ SQLState() string }
	return errors.As(err, &told) && slices.Contains(states, told.SQLState())
}
