package handlers

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
)

// A followedPool is a pool of connections whose transactions are followed.
type followedPool struct {
	gorm.ConnPool
	plugin *Plugin
}

var (
	_ gorm.ConnPoolBeginner = (*followedPool)(nil)
	_ gorm.GetDBConnector   = (*followedPool)(nil)
	_ gorm.Tx               = (*followedTx)(nil)
)

// BeginTx begins a transaction that is followed.
func (p *followedPool) BeginTx(ctx context.Context, opts *sql.TxOptions) (gorm.ConnPool, error) {
	tx, err := beginTx(ctx, p.ConnPool, opts)
	if err != nil {
		return nil, err
	}
	committer, ok := tx.(gorm.TxCommitter)
	if !ok {
		return nil, gorm.ErrInvalidTransaction
	}
	return &followedTx{ConnPool: tx, TxCommitter: committer, pool: p, ctx: ctx}, nil
}

func beginTx(ctx context.Context, pool gorm.ConnPool, opts *sql.TxOptions) (gorm.ConnPool, error) {
	switch p := pool.(type) {
	case gorm.TxBeginner:
		return p.BeginTx(ctx, opts)
	case gorm.ConnPoolBeginner:
		return p.BeginTx(ctx, opts)
	}
	return nil, gorm.ErrInvalidTransaction
}

// GetDBConn is what gorm.DB.DB returns.
func (p *followedPool) GetDBConn() (*sql.DB, error) {
	switch pool := p.ConnPool.(type) {
	case *sql.DB:
		return pool, nil
	case gorm.GetDBConnector:
		return pool.GetDBConn()
	}
	return nil, gorm.ErrInvalidDB
}

// Ping is what gorm.Open asks of a pool.
func (p *followedPool) Ping() error {
	if pool, ok := p.ConnPool.(interface{ Ping() error }); ok {
		return pool.Ping()
	}
	return nil
}

// A followedTx is a transaction that announces the users whom it has changed just
// before it is committed, and concludes that just after. Like any transaction it
// is used by one goroutine at a time.
type followedTx struct {
	gorm.ConnPool
	gorm.TxCommitter
	pool *followedPool
	ctx  context.Context
	log  writeLog
}

// StmtContext is what GORM's prepared statements are run through.
func (t *followedTx) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	if tx, ok := t.ConnPool.(gorm.Tx); ok {
		return tx.StmtContext(ctx, stmt)
	}
	return stmt
}

// GetDBConn is what gorm.DB.DB returns within the transaction.
func (t *followedTx) GetDBConn() (*sql.DB, error) { return t.pool.GetDBConn() }

// Commit announces, commits and concludes. Where the announcement fails it rolls
// back, unless the plugin is lax. Its error is one of the COMMIT otherwise: once
// that has succeeded there is none.
func (t *followedTx) Commit() error {
	writes := t.log.writes(t.pool.plugin)
	if len(writes) == 0 {
		return t.TxCommitter.Commit()
	}
	done, err := t.within(writes)
	var n *announcement
	if err == nil && !done {
		n, err = t.pool.plugin.auth.announce(t.ctx, writes, nil)
	}
	if err != nil && t.pool.plugin.refuse(t.ctx, err) {
		_ = t.Rollback()
		return fmt.Errorf("powgin: the transaction was rolled back, since it changes users and the cache could not be told: %w", err)
	}
	if n == nil {
		return t.TxCommitter.Commit()
	}
	defer n.leave() // without a conclusion: what did not end well may be applied all the same
	if err := t.TxCommitter.Commit(); err != nil {
		return err
	}
	n.conclude(t.ctx)
	return nil
}

// within makes the announcement part of the transaction, where the store wants it
// so.
func (t *followedTx) within(writes []*cache.Write) (done bool, err error) {
	ctx, cancel := cache.Bounded(t.ctx, cache.Budget)
	defer cancel()
	for _, w := range writes {
		if done, err = w.InTx(ctx, t); !done || err != nil {
			return done, err
		}
	}
	return done, nil
}

// followed returns the transaction of this plugin that a statement runs in, nil
// for none.
func (p *Plugin) followed(pool gorm.ConnPool) *followedTx {
	for {
		switch tx := pool.(type) {
		case *gorm.PreparedStmtTX:
			pool = tx.Tx
		case *followedTx:
			if tx.pool.plugin == p {
				return tx
			}
			pool = tx.ConnPool
		case *returningPool:
			pool = tx.ConnPool // another plugin's
		default:
			return nil
		}
	}
}
