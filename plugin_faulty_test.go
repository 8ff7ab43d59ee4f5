package powgin_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"gorm.io/gorm"
)

var errCommit = errors.New("the connection was lost at COMMIT")

// A faultyPool is a pool of connections whose COMMITs a test can alter.
type faultyPool struct {
	*sql.DB

	mu     sync.Mutex
	commit func(committer) error // guarded by mu; in place of the next COMMITs, nil for none
}

// onCommit has f in place of COMMITs from now on; nil for the real ones.
func (p *faultyPool) onCommit(f func(committer) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.commit = f
}

// BeginTx implements gorm.ConnPoolBeginner.
func (p *faultyPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.DB.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &faultyTx{Tx: tx, pool: p}, nil
}

// GetDBConn implements gorm.GetDBConnector.
func (p *faultyPool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

type faultyTx struct {
	*sql.Tx
	pool *faultyPool
	over bool // its connection is lost to the app
}

// Commit implements gorm.TxCommitter.
func (t *faultyTx) Commit() error {
	t.pool.mu.Lock()
	commit := t.pool.commit
	t.pool.mu.Unlock()
	if commit == nil {
		return t.Tx.Commit()
	}
	t.over = true
	return commit(t.Tx)
}

// Rollback implements gorm.TxCommitter. It does nothing after a COMMIT, which may
// still be on its way.
func (t *faultyTx) Rollback() error {
	if t.over {
		return sql.ErrTxDone
	}
	return t.Tx.Rollback()
}

// A committer is a transaction that ends.
type committer interface {
	Commit() error
	Rollback() error
}
