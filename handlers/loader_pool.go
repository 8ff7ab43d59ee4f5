package handlers

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"

	"gorm.io/gorm"
)

// loaderPool is the app's connection pool, with one query prepared. A prepared
// statement that fails is given up and the query sent as plain text, which is
// right whatever became of the table or of the connection's statements (ALTER
// TABLE, a restart, a pooler between); the next read prepares anew.
type loaderPool struct {
	gorm.ConnPool
	sql       string // the query that is prepared; others pass through
	stmt      atomic.Pointer[sql.Stmt]
	preparing sync.Mutex // held by the one reader who prepares
}

// newLoaderPool takes GORM's own caches of prepared statements off the pool.
func newLoaderPool(pool gorm.ConnPool) *loaderPool {
	for {
		prepared, ok := pool.(*gorm.PreparedStmtDB)
		if !ok {
			return &loaderPool{ConnPool: pool}
		}
		pool = prepared.ConnPool
	}
}

// QueryContext runs the prepared query, and any other as the app's pool does.
func (p *loaderPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if query == p.sql {
		if stmt := p.prepared(ctx); stmt != nil {
			rows, err := stmt.QueryContext(ctx, args...)
			if err == nil || ctx.Err() != nil {
				return rows, err
			}
			p.drop(stmt)
		}
	}
	return p.ConnPool.QueryContext(ctx, query, args...)
}

// prepared gives the statement, or nil where there is none yet: those who
// come while another reader prepares it do not wait for them.
func (p *loaderPool) prepared(ctx context.Context) *sql.Stmt {
	if stmt := p.stmt.Load(); stmt != nil {
		return stmt
	}
	if !p.preparing.TryLock() {
		return nil
	}
	defer p.preparing.Unlock()
	if stmt := p.stmt.Load(); stmt != nil {
		return stmt
	}
	stmt, err := p.PrepareContext(ctx, p.sql) //nolint:sqlclosecheck // it is kept, and closed by drop
	if err != nil {
		return nil
	}
	p.stmt.Store(stmt)
	return stmt
}

// drop gives a statement up, once.
func (p *loaderPool) drop(stmt *sql.Stmt) {
	if stmt != nil && p.stmt.CompareAndSwap(stmt, nil) {
		go func() { _ = stmt.Close() }() // it waits for the reads that still use it
	}
}

// GetDBConn gives the *sql.DB, for those who ask GORM for it.
func (p *loaderPool) GetDBConn() (*sql.DB, error) {
	switch pool := p.ConnPool.(type) {
	case *sql.DB:
		return pool, nil
	case gorm.GetDBConnector:
		return pool.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// BeginTx lets hooks of the app's model open a transaction.
func (p *loaderPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	switch pool := p.ConnPool.(type) {
	case gorm.TxBeginner:
		return pool.BeginTx(ctx, opts)
	case gorm.ConnPoolBeginner:
		return pool.BeginTx(ctx, opts)
	}
	return nil, gorm.ErrInvalidTransaction
}
