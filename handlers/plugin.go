package handlers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/powgin/powgin/cache"
)

// A Plugin is the GORM plugin of an Auth: it tells the cache of every write to the
// users' table, and to others that users are read from, before it is committed. It is safe for concurrent use.
//
// Writes are followed by wrapping the pool, whose transactions announce at their
// COMMIT what callbacks have noted of each statement. A statement outside any
// transaction gets one of its own.
type Plugin struct {
	auth   *Auth
	name   string
	tables []*followedTable
	memo   sqlMemo
	lax    bool
}

// NewPlugin returns the plugin of auth, whose users are of this model; nil stands
// for users that GORM does not read, of whose table nothing is known. The columns
// in ignore do not count, writes to the watched tables do, and with lax a write that
// cannot be announced is made all the same.
func NewPlugin(auth *Auth, name string, m *Model, ignore []string, lax bool, watched ...WatchTable) *Plugin {
	p := &Plugin{auth: auth, name: name, lax: lax}
	if m != nil {
		p.tables = append(p.tables, m.ownTable(ignore))
	}
	for _, w := range watched {
		p.tables = append(p.tables, w.watchedTable(m, auth.OnError))
	}
	return p
}

// folds reports whether the column's type says that it takes different texts for
// one.
func folds(field *schema.Field) bool {
	said := strings.ToLower(field.TagSettings["TYPE"])
	return strings.Contains(said, "citext") || strings.Contains(said, "collate") ||
		strings.HasPrefix(said, "char") || strings.HasPrefix(said, "bpchar")
}

// ErrResolverFirst means that dbresolver was used ahead of the plugin.
var ErrResolverFirst = errors.New("powgin: db.Use(auth) has to come before dbresolver's, whose pools are not followed otherwise")

// Name is the plugin's name, by which GORM knows it.
func (p *Plugin) Name() string { return p.name }

// Initialize puts the plugin to work on db. GORM and dbresolver call it, once for
// every pool.
func (p *Plugin) Initialize(db *gorm.DB) error {
	if _, ok := db.Plugins[resolver]; ok {
		return ErrResolverFirst
	}
	if faults := dbFaults(db); len(faults) > 0 {
		return JoinFaults(faults)
	}
	p.wrap(db)
	return p.register(db)
}

// wrap has the transactions of db followed, below GORM's cache of statements.
func (p *Plugin) wrap(db *gorm.DB) {
	old := db.ConnPool
	if prepared, ok := old.(*gorm.PreparedStmtDB); ok {
		prepared.ConnPool = p.follow(prepared.ConnPool)
		return
	}
	db.ConnPool = p.follow(old)
	if db.Statement != nil && db.Statement.ConnPool == old {
		db.Statement.ConnPool = db.ConnPool
	}
}

// follow returns the pool with its transactions followed by this plugin.
func (p *Plugin) follow(pool gorm.ConnPool) gorm.ConnPool {
	for inner := pool; ; {
		f, ok := inner.(*followedPool)
		if !ok {
			return &followedPool{pool, p}
		}
		if f.plugin == p {
			return pool
		}
		inner = f.ConnPool
	}
}

// register has the plugin see every statement: ahead of it, so that it runs in a
// transaction, and right after it, when its text and what it was given are known.
// GORM puts what comes after a callback behind all others, so that this is said by
// what it comes before.
func (p *Plugin) register(db *gorm.DB) error {
	c, name := db.Callback(), p.name
	return errors.Join(
		c.Create().Before("*").Register(name+":follow", p.followConn),
		c.Create().Before("gorm:before_create").Register(name+":begin", p.beforeModel),
		c.Create().Before("gorm:create").Register(name+":return", p.returningUpsert(c.Create().Get("gorm:create"), c.Create().Clauses)),
		c.Create().Before("gorm:save_after_associations").Register(name+":note", p.afterCreate),
		c.Create().After("gorm:after_create").Register(name+":end", p.end),
		c.Update().Before("*").Register(name+":follow", p.followConn),
		c.Update().Before("gorm:before_update").Register(name+":begin", p.beforeModel),
		c.Update().Before("gorm:update").Register(name+":return", p.returning(c.Update().Get("gorm:update"), c.Update().Clauses)),
		c.Update().Before("gorm:save_after_associations").Register(name+":note", p.afterStatement),
		c.Update().After("gorm:after_update").Register(name+":end", p.end),
		c.Delete().Before("*").Register(name+":follow", p.followConn),
		c.Delete().Before("gorm:before_delete").Register(name+":begin", p.beforeModel),
		c.Delete().Before("gorm:delete").Register(name+":return", p.returning(c.Delete().Get("gorm:delete"), c.Delete().Clauses)),
		c.Delete().Before("gorm:after_delete").Register(name+":note", p.afterStatement),
		c.Delete().After("gorm:after_delete").Register(name+":end", p.end),
		c.Raw().Before("gorm:raw").Register(name+":begin", p.beforeRaw),
		c.Raw().After("gorm:raw").Register(name+":note", p.afterRaw),
		c.Raw().After("*").Register(name+":end", p.end), // when all plugins have noted it
		c.Query().Before("gorm:query").Register(name+":begin", p.beforeRaw),
		c.Query().After("gorm:after_query").Register(name+":note", p.afterRaw),
		c.Query().After("*").Register(name+":end", p.end),
		c.Row().Before("gorm:row").Register(name+":note", p.beforeRow),
	)
}

// begun is what the plugin remembers under that it has begun a transaction for a
// statement. GORM hands a statement's settings down to others.
type begun struct {
	plugin *Plugin
	stmt   *gorm.Statement
}

// begin has a statement that may change users run in a transaction that is
// followed.
func (p *Plugin) begin(db *gorm.DB) {
	pool := db.Statement.ConnPool
	if _, ok := pool.(gorm.TxCommitter); ok || db.Error != nil || db.DryRun {
		return
	}
	if conn, ok := pool.(*sql.Conn); ok {
		db.Statement.ConnPool = p.follow(conn)
	}
	tx := db.Begin()
	switch {
	case tx.Error == nil:
		db.Statement.ConnPool = tx.Statement.ConnPool
		db.Statement.Settings.Store(begun{p, db.Statement}, pool)
	case errors.Is(tx.Error, gorm.ErrInvalidTransaction):
		db.Statement.ConnPool = pool // it has none: the write is announced and not concluded
	default:
		db.Statement.ConnPool = pool
		_ = db.AddError(tx.Error)
	}
}

// end ends the transaction that begin has begun.
func (p *Plugin) end(db *gorm.DB) {
	pool, ok := db.Statement.Settings.LoadAndDelete(begun{p, db.Statement})
	if !ok {
		return
	}
	if db.Error != nil {
		db.Rollback()
	} else {
		db.Commit()
	}
	db.Statement.ConnPool = pool.(gorm.ConnPool)
}

// note notes a change of these users, to be announced when its transaction is
// committed; nil stands for all of them. Where nobody can tell when that is, it is
// announced here and not concluded.
func (p *Plugin) note(db *gorm.DB, keys []string) {
	if keys != nil && len(keys) == 0 {
		return
	}
	if err := p.tryNote(db, keys); err != nil {
		_ = db.AddError(err)
	}
}

func (p *Plugin) tryNote(db *gorm.DB, keys []string) error {
	ctx := db.Statement.Context
	tenant, known := p.auth.tenantOf(ctx)
	n := noted{tenant, keys}
	if !known {
		n.keys = nil
	}
	if tx := p.followed(db.Statement.ConnPool); tx != nil {
		tx.log.note(n)
		return nil
	}
	log := writeLog{noted: []noted{n}}
	for _, w := range log.writes(p) {
		if err := begin(ctx, w); err != nil && p.refuse(ctx, err) {
			return fmt.Errorf("powgin: announce a change of users: %w", err)
		}
	}
	return nil
}

// refuse reports whether a write that cannot be announced must not be made, and
// tells of it where it may.
func (p *Plugin) refuse(ctx context.Context, err error) bool {
	if !p.lax {
		return true
	}
	p.auth.OnError(ctx, fmt.Errorf("powgin: a change of users was not announced: %w", err))
	p.auth.Events.Emit(Event{Name: EventUnannounced})
	return false
}

func (p *Plugin) everyone() []*cache.Write { return []*cache.Write{p.auth.Cache.NewWrite("")} }
