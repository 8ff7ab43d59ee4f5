package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
)

// A pool is the app's connection pool, without what GORM puts around it: its
// cache of prepared statements would let callers wait for one another past
// their deadlines.
type pool struct {
	gorm.ConnPool
	db      *sql.DB // nil where the pool is none of database/sql
	dialect *dialect
}

// A query is a statement that is prepared at its first use. It is safe for
// concurrent use.
type query struct {
	sql       string
	stmt      atomic.Pointer[sql.Stmt]
	preparing sync.Mutex // held by the one caller who prepares
}

// queryRow runs a query that brings one row. Nothing is lost by asking twice, so
// that a prepared query that fails for whatever reason is sent as plain text.
func (p *pool) queryRow(ctx context.Context, q *query, args []any, dest ...any) error {
	if stmt := p.prepared(ctx, q); stmt != nil {
		err := p.queryPrepared(ctx, stmt, args).Scan(dest...)
		if err == nil || errors.Is(err, sql.ErrNoRows) || ctx.Err() != nil || p.dialect.contended(err) {
			return err
		}
		q.drop(stmt)
	}
	err := p.QueryRowContext(ctx, q.sql, args...).Scan(dest...)
	if err != nil && ctx.Err() == nil && p.dialect.forgotten(err) {
		err = p.QueryRowContext(ctx, q.sql, args...).Scan(dest...)
	}
	return err
}

func (p *pool) queryPrepared(ctx context.Context, stmt *sql.Stmt, args []any) *sql.Row {
	if p.dialect.deaf {
		ctx, args = untilConnected(ctx, args)
	}
	return stmt.QueryRowContext(ctx, args...)
}

// exec runs a query that changes rows and returns how many it has changed. It is
// sent again only where the error says that nothing has happened.
func (p *pool) exec(ctx context.Context, q *query, args []any) (int64, error) {
	if stmt := p.prepared(ctx, q); stmt != nil {
		n, err := changed(stmt.ExecContext(ctx, args...))
		if err == nil || ctx.Err() != nil || p.dialect.contended(err) {
			return n, err
		}
		q.drop(stmt)
		if !p.dialect.forgotten(err) && !isClosed(err) {
			return 0, err
		}
	}
	n, err := changed(p.ExecContext(ctx, q.sql, args...))
	if err != nil && ctx.Err() == nil && p.dialect.forgotten(err) {
		n, err = changed(p.ExecContext(ctx, q.sql, args...))
	}
	return n, err
}

func changed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// isClosed tells what database/sql says, before it has done anything, to those
// who got hold of a statement just as another caller gave it up.
func isClosed(err error) bool { return strings.Contains(err.Error(), "sql: statement is closed") }

// prepared gives the statement, or nil where there is none yet: those who come
// while another prepares it do not wait for them.
func (p *pool) prepared(ctx context.Context, q *query) *sql.Stmt {
	if !p.dialect.prepares {
		return nil
	}
	if stmt := q.stmt.Load(); stmt != nil {
		return stmt
	}
	if !q.preparing.TryLock() {
		return nil
	}
	defer q.preparing.Unlock()
	if stmt := q.stmt.Load(); stmt != nil {
		return stmt
	}
	stmt, err := p.PrepareContext(ctx, q.sql) //nolint:sqlclosecheck // it is kept, and closed by drop
	if err != nil {
		return nil
	}
	q.stmt.Store(stmt)
	return stmt
}

// drop gives a statement up, once.
func (q *query) drop(stmt *sql.Stmt) {
	if q.stmt.CompareAndSwap(stmt, nil) {
		go func() { _ = stmt.Close() }() // it waits for those who still use it
	}
}

// usedUp tells whether all connections that the pool may have are in use,
// whoever uses them.
func (p *pool) usedUp() bool {
	if p.db == nil {
		return false
	}
	stats := p.db.Stats()
	return stats.MaxOpenConnections > 0 && stats.InUse >= stats.MaxOpenConnections
}
