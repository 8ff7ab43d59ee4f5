package handlers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
)

// primarySetting makes gorm.io/plugin/dbresolver read from a source rather
// than from a replica, which may lag behind the write that a reader is after.
const primarySetting = "gorm:db_resolver:write"

// Loader reads users by their key from the app's database. Its SQL is built
// once, and prepared at the first read. It is safe for concurrent use.
type Loader struct {
	session *gorm.DB
	model   *Model
	pool    *loaderPool
	query   loaderQuery
}

// NewLoader makes the Loader of a model on the app's database. It uses a
// session of its own: conditions, scopes and the context of db are not
// inherited. A db that is nil, a transaction, a single connection or a dry run
// is refused, since what they read is not what has been committed.
func NewLoader(db *gorm.DB, m *Model) (*Loader, error) {
	if m == nil {
		return nil, errors.New("powgin: NewLoader needs a Model")
	}
	if err := checkDB(db); err != nil {
		return nil, err
	}
	pool := newLoaderPool(db.Statement.ConnPool)
	session := db.Session(&gorm.Session{NewDB: true, SkipDefaultTransaction: true, Context: context.Background()})
	session.Statement.ConnPool = pool
	session.Statement.Unscoped = false
	// The pool prepares the one statement itself; GORM's own cache of them
	// would keep failing after an ALTER TABLE, and let callers wait for one
	// another past their deadlines.
	session.ConnPool, session.PrepareStmt = pool, false
	query, err := buildQuery(session, m)
	if err != nil {
		return nil, fmt.Errorf("powgin: the query for %s cannot be built: %w", m.Table(), err)
	}
	pool.sql = query.sql
	return &Loader{session: session, model: m, pool: pool, query: query}, nil
}

func checkDB(db *gorm.DB) error {
	const rule = "powgin: Config.DB %s: give it the *gorm.DB that gorm.Open returned"
	if db == nil || db.Config == nil || db.Statement == nil || db.Statement.ConnPool == nil {
		return fmt.Errorf(rule, "is nil or was not opened")
	}
	if _, ok := db.Statement.ConnPool.(gorm.TxCommitter); ok {
		return fmt.Errorf(rule, "is a transaction")
	}
	if _, ok := db.Statement.ConnPool.(*sql.Conn); ok {
		return fmt.Errorf(rule, "is a single connection")
	}
	if db.DryRun {
		return fmt.Errorf(rule, "is a dry run")
	}
	if db.Error != nil {
		return fmt.Errorf("powgin: Config.DB carries an error: %w", db.Error)
	}
	return nil
}

// Find reads the user whose key that is, and returns them as a *U that is the
// caller's own. Hooks of the model run as they do in any query. A row that
// does not exist or is soft-deleted, and a key that is no key of the model,
// are found == false with a nil error.
//
// An error means that nobody knows. It wraps cache.ErrUnavailable and its
// cause: cache.ErrBusy where no connection came free before the deadline of
// ctx, cache.ErrWrongUser where the database took another key for this one.
// Find runs on ctx as it is, so the caller gives it a deadline.
func (l *Loader) Find(ctx context.Context, key string) (user any, found bool, err error) {
	user, found, err = l.read(ctx, key)
	if err != nil || !found {
		return nil, false, err
	}
	if l.model.Key(user) != key {
		return nil, false, fmt.Errorf("%w: %s has a row whose key only compares equal", cache.ErrWrongUser, l.model.Table())
	}
	return user, true, nil
}

// read is Find before the answer is checked. The app's code runs in it (hooks,
// scanners, serializers), and its panics end here.
func (l *Loader) read(ctx context.Context, key string) (user any, found bool, err error) {
	defer func() {
		if v := recover(); v != nil {
			user, found, err = nil, false, panicked(l.model.Table(), v)
		}
	}()
	parts, ok := l.model.parseKey(key)
	if !ok {
		return nil, false, nil
	}
	tx := l.session.Set(primarySetting, struct{}{})
	tx.Statement.Context = ctx
	tx.Statement.SQL.WriteString(l.query.sql)
	tx.Statement.Vars = l.query.args(parts)
	// Find and not Take: a user who is gone is an answer, not an error to log.
	dest := reflect.New(l.model.typ).Interface()
	if err := tx.Find(dest).Error; err != nil {
		return nil, false, readFailed(ctx, tx, l.model.Table(), err)
	}
	return dest, tx.RowsAffected > 0, nil
}

// Close frees the prepared statement. It may be called at any time and more
// than once; a later Find prepares it again.
func (l *Loader) Close() { l.pool.drop(l.pool.stmt.Load()) }

// loaderQuery is the SELECT of one row by its key, in the database's dialect.
type loaderQuery struct {
	sql  string
	vars []any // the arguments, with a keyVar where a part of the key goes
}

// args gives the arguments of one read. GORM keeps the slice.
func (q *loaderQuery) args(parts []any) []any {
	args := slices.Clone(q.vars)
	for i, v := range args {
		if part, ok := v.(keyVar); ok {
			args[i] = parts[part]
		}
	}
	return args
}
