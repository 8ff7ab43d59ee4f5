package writes

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// A heldPool is a pool below the plugin, whose transactions have their COMMIT made
// by the test: it comes after the announcement, and returns before the conclusion.
type heldPool struct{ *sql.DB }

// BeginTx implements gorm.ConnPoolBeginner.
func (p *heldPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := p.DB.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	commit, ok := ctx.Value(commitKey{}).(func(*sql.Tx) error)
	if !ok {
		commit = (*sql.Tx).Commit
	}
	return &heldTx{Tx: tx, commit: commit}, nil
}

// GetDBConn is what gorm.DB.DB returns.
func (p *heldPool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

type heldTx struct {
	*sql.Tx
	commit func(*sql.Tx) error
	sent   bool // the COMMIT is
}

func (t *heldTx) Commit() error {
	t.sent = true
	return t.commit(t.Tx)
}

// Rollback comes too late for a COMMIT that was sent, whatever was answered.
func (t *heldTx) Rollback() error {
	if t.sent {
		return sql.ErrTxDone
	}
	return t.Tx.Rollback()
}

type commitKey struct{}

// committing has the transactions that are begun with the context committed by f.
func committing(ctx context.Context, f func(*sql.Tx) error) context.Context {
	return context.WithValue(ctx, commitKey{}, f)
}

type foundKey struct{}

// finding has f called when a request with the context has read a member's row.
func finding(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, foundKey{}, f)
}
