package handlers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/powgin/powgin/cache"
)

// primarySetting makes gorm.io/plugin/dbresolver read from a source rather
// than from a replica, which may lag behind the write that a reader is after.
// resolver is its name, of the plugin and of its callbacks. Where there is none, not
// to set anything is three allocations less, and 1 % of a Reload.
const (
	primarySetting = "gorm:db_resolver:write"
	resolver       = "gorm:db_resolver"
)

// Loader reads users by their key from the app's database. Its SQL is built
// once, and prepared at the first read. The app's query callbacks run, but
// conditions that they add change nothing: the key alone says which row it is.
// It is safe for concurrent use.
type Loader struct {
	session *gorm.DB
	model   *Model
	pool    *loaderPool
	query   loaderQuery
	guarded *schema.Schema // nil where the model has no scanner to guard against
}

// NewLoader makes the Loader of a model on the app's database. It uses a
// session of its own: conditions, scopes and the context of db are not
// inherited. A db that is nil, a transaction, a single connection or a dry run
// is refused, since what they read is not what has been committed.
func NewLoader(db *gorm.DB, m *Model) (*Loader, error) {
	if m == nil {
		return nil, errors.New("powgin: NewLoader needs a Model")
	}
	if faults := dbFaults(db); len(faults) > 0 {
		return nil, JoinFaults(faults)
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
	guarded, err := guardedSchema(session, m)
	if err != nil {
		return nil, fmt.Errorf("powgin: %s cannot be read as a GORM model: %w", typeName(m.typ), err)
	}
	return &Loader{session: session, model: m, pool: pool, query: query, guarded: guarded}, nil
}

// dbFaults says why what db reads may differ from what has been committed, or
// cannot be read at all.
func dbFaults(db *gorm.DB) []Fault {
	const way = ": give it the *gorm.DB that gorm.Open returned"
	var rule string
	switch {
	case db == nil || db.Config == nil || db.Statement == nil || db.Statement.ConnPool == nil:
		rule = "is nil or was not opened" + way
	case isTransaction(db):
		rule = "is a transaction" + way
	case isConnection(db):
		rule = "is a single connection" + way
	case db.DryRun:
		rule = "is a dry run" + way
	case db.Error != nil:
		rule = "carries an error: " + db.Error.Error()
	default:
		return nil
	}
	return []Fault{{Field: "Config.DB", Rule: rule}}
}

func isTransaction(db *gorm.DB) bool {
	_, ok := db.Statement.ConnPool.(gorm.TxCommitter)
	return ok
}

func isConnection(db *gorm.DB) bool {
	_, ok := db.Statement.ConnPool.(*sql.Conn)
	return ok
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
	// The app's code runs in here (hooks, scanners, the key's own methods), and
	// its panics end here.
	defer func() {
		if v := recover(); v != nil {
			user, found, err = nil, false, panicked(l.model.Table(), v)
		}
	}()
	parts, ok := l.model.parseKey(key)
	if !ok {
		return nil, false, nil
	}
	user, found, err = l.read(ctx, parts)
	if err != nil || !found {
		return nil, false, err
	}
	if l.model.Key(user) != key {
		return nil, false, fmt.Errorf("%w: a row of %s was found under a key that is not its own", cache.ErrWrongUser, l.model.Table())
	}
	return user, true, nil
}

func (l *Loader) read(ctx context.Context, parts []any) (user any, found bool, err error) {
	tx := l.session.Omit() // nothing: it is a statement of its own
	if tx.Callback().Query().Get(resolver) != nil {
		tx = tx.Set(primarySetting, struct{}{})
	}
	tx.Statement.Context = ctx
	tx.Statement.SQL.WriteString(l.query.sql)
	tx.Statement.Vars = l.query.args(parts)
	if l.guarded != nil {
		tx.Statement.ConnPool = &guardedCall{l.pool, tx.Statement, l.guarded}
	}
	user = reflect.New(l.model.typ).Interface()
	// Find and not Take: a user who is gone is an answer, not an error to log.
	if err := tx.Find(user).Error; err != nil {
		return nil, false, readFailed(ctx, tx, l.model.Table(), err)
	}
	return user, tx.RowsAffected > 0, nil
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
