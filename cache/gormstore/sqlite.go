package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

var sqlite = dialect{
	quote:    `"`,
	prepares: true,
	deaf:     true,
	// julianday is a double that tells milliseconds apart, which is all that
	// SQLite keeps of the time. It is the same wherever it stands in a statement.
	clock: "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER) * 1000000",
	// To calculate that here is 3 % of a request less.
	julian: "julianday('now')",
	latest: "max",
	create: upsertSQL,
	sweep: "DELETE FROM {table} WHERE id IN" +
		" (SELECT id FROM {table} WHERE expires <> 0 AND expires <= {clock} ORDER BY expires LIMIT {limit})",
	schema: `CREATE TABLE IF NOT EXISTS {table} (
	id BLOB NOT NULL PRIMARY KEY,
	version BLOB NOT NULL,
	data BLOB NOT NULL,
	expires INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS {schema}{index} ON {name} (expires);`,
	settings: func(ctx context.Context, p *pool) (fault, err error) {
		var queryOnly bool
		if err := p.QueryRowContext(ctx, "PRAGMA query_only").Scan(&queryOnly); err != nil {
			return nil, err
		}
		if queryOnly {
			return errors.New("query_only is on, so that nothing can be written: take the pragma out of the DSN"), nil
		}
		return nil, nil
	},
	// Each driver has an error type of its own, but the words are SQLite's:
	// "database is locked", "database table is locked". A statement that fails
	// so is rolled back, its COMMIT included.
	contended: func(err error) bool { return strings.Contains(err.Error(), "is locked") },
	forgotten: func(error) bool { return false },
}

// onlyOneDatabase makes sure that two connections of a pool to SQLite see one
// database.
func (s *Store) onlyOneDatabase(ctx context.Context) error {
	if s.dialect != &sqlite || s.pool.db == nil || s.pool.db.Stats().MaxOpenConnections == 1 {
		return nil
	}
	for range 2 {
		var conn *sql.Conn
		// A new connection may run statements that want a lock: those of the DSN.
		err := s.try(ctx, func() (err error) {
			conn, err = s.pool.db.Conn(ctx)
			return err
		})
		if err != nil {
			return s.failed(ctx, "reading", err)
		}
		// Both are held at once, or they would be one.
		defer conn.Close()
		err = s.try(ctx, func() error {
			var n int64
			return conn.QueryRowContext(ctx, s.dialect.sql("SELECT 1 FROM {table} LIMIT 1", s.table)).Scan(&n)
		})
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("gormstore: one connection to SQLite sees the table %s and another does not (%w): "+
				`":memory:" gives each a database of its own; use a file, or SetMaxOpenConns(1) in a test`, s.table, err)
		}
	}
	return nil
}
