package gormstore

import (
	"context"
	"math"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
)

var _ cache.TxStore = (*Store)(nil)

// withinTx is SQLite's dialect inside a transaction of the app's. What is locked
// there stays so until the transaction ends, and a statement that is prepared
// would be the pool's.
var withinTx = func() *dialect {
	d := sqlite
	d.prepares, d.contended = false, func(error) bool { return false }
	return &d
}()

// InTx implements cache.TxStore for SQLite, which has one writer at a time: a
// change of the account that is made beside a transaction on the same file waits
// for that transaction. With other databases it reports false, since a change
// made within would lock the account's row for as long, or fail the transaction
// where it is REPEATABLE READ.
//
// tx is what GORM has in Statement.ConnPool within a transaction. One on another
// file is false too.
func (s *Store) InTx(tx any) (cache.Store, bool) {
	conn, ok := tx.(gorm.ConnPool)
	if !ok || s.dialect != &sqlite || !s.isOurs(conn) {
		return nil, false
	}
	inner := &Store{
		table: s.table, dialect: withinTx, pool: &pool{ConnPool: conn, dialect: withinTx},
		queries: s.queries, floor: s.floor, epochs: s.epochs,
	}
	inner.due.Store(math.MaxInt64) // a sweep is no part of anybody's transaction
	return inner, true
}

// isOurs reports whether the transaction is on the store's database: by the pool
// that it came from or, where that is another one, by the file.
func (s *Store) isOurs(tx gorm.ConnPool) bool {
	if c, ok := tx.(gorm.GetDBConnector); ok && s.pool.db != nil {
		if db, err := c.GetDBConn(); err == nil && db == s.pool.db {
			return true
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	theirs, err := file(ctx, tx)
	return err == nil && theirs != "" && theirs == s.file
}

// file returns the path of an SQLite database's file, empty for one in memory.
func file(ctx context.Context, conn gorm.ConnPool) (path string, err error) {
	const main = "SELECT file FROM pragma_database_list WHERE name = 'main'"
	err = conn.QueryRowContext(ctx, main).Scan(&path)
	return path, err
}
