package gormstore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
)

// startTimeout bounds all that New asks of the database.
const startTimeout = 10 * time.Second

// New returns a Store on the database of db, which is what gorm.Open returned: a
// nil db, a transaction, a single connection or a dry run is refused, as is a
// dialect that is not supported. Its conditions, context, callbacks and logger
// have no effect, and nothing of it is changed.
//
// New asks for settings of the database that would break a Store, and tries the
// table out with a record of its own, which it takes away again. Where the table
// cannot be read it is created, with Migrate; without it the error has the
// statement to run. All that takes 10 seconds at most.
func New(db *gorm.DB, opts ...Option) (*Store, error) {
	var o options
	for _, option := range opts {
		if option != nil {
			option(&o)
		}
	}
	p, d, fault := connections(db)
	t, badName := parseTable(o.table)
	if err := errors.Join(fault, badName); err != nil {
		return nil, err
	}
	s := &Store{table: t, dialect: d, pool: p, queries: new(queries), floor: new(floor), epochs: new(sync.Map)}
	s.queries.write(d, t)
	s.due.Store(firstSweep())
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := s.start(ctx, o.migrate); err != nil {
		return nil, err
	}
	return s, nil
}

// Must returns s, and panics with err where New returned one: a mistake in the
// set-up stops the program at its start.
func Must(s *Store, err error) *Store {
	if err != nil {
		panic(err)
	}
	return s
}

// connections returns the pool of db, or says why it is of no use.
func connections(db *gorm.DB) (*pool, *dialect, error) {
	const way = ": give it the *gorm.DB that gorm.Open returned"
	if db == nil || db.Config == nil || db.Dialector == nil || db.Statement == nil || db.Statement.ConnPool == nil {
		return nil, nil, errors.New("gormstore: db is nil or was not opened" + way)
	}
	inner := db.Statement.ConnPool
	for {
		prepared, ok := inner.(*gorm.PreparedStmtDB)
		if !ok {
			break
		}
		inner = prepared.ConnPool
	}
	_, isTransaction := inner.(gorm.TxCommitter)
	_, isConnection := inner.(*sql.Conn)
	switch {
	case isTransaction:
		return nil, nil, errors.New("gormstore: db is a transaction" + way)
	case isConnection:
		return nil, nil, errors.New("gormstore: db is a single connection" + way)
	case db.DryRun:
		return nil, nil, errors.New("gormstore: db is a dry run" + way)
	case db.Error != nil:
		return nil, nil, fmt.Errorf("gormstore: db carries an error%s: %w", way, db.Error)
	}
	d, err := dialectOf(db.Name())
	if err != nil {
		return nil, nil, err
	}
	p := &pool{ConnPool: inner, dialect: d}
	p.db, _ = db.DB() // without it nobody can tell that the pool is used up
	return p, d, nil
}

// start makes sure that the table is there and does what a Store needs.
func (s *Store) start(ctx context.Context, migrate bool) error {
	fault, err := s.dialect.settings(ctx, s.pool)
	if err != nil {
		return fmt.Errorf("gormstore: asking for the database's settings: %w", err)
	}
	if fault != nil {
		return fmt.Errorf("gormstore: this database cannot keep sessions: %w", fault)
	}
	_, err = s.load(ctx, rowID{})
	if err != nil && migrate {
		err = s.migrate(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w\nWhere the table is missing, give New the option Migrate(), or run\n\n%s", err, s.Schema())
	}
	if err := s.onlyOneDatabase(ctx); err != nil {
		return err
	}
	if s.dialect == &sqlite {
		if s.file, err = file(ctx, s.pool); err != nil {
			return s.failed(ctx, "looking for the file of", err)
		}
	}
	return s.tryOut(ctx)
}

// migrate creates the table. Several nodes that do so at once get into each
// other's way, and IF NOT EXISTS does not help with that everywhere.
func (s *Store) migrate(ctx context.Context) error {
	const tries = 5
	for i := 1; ; i++ {
		err := s.try(ctx, func() error {
			_, err := s.pool.ExecContext(ctx, s.Schema())
			return err
		})
		if err == nil {
			_, err = s.load(ctx, rowID{})
			return err
		}
		if i == tries || !sleep(ctx, lastPause) {
			return s.failed(ctx, "creating", err)
		}
	}
}

// tryOut takes a record of the size of the largest account through its life.
// Nobody else knows its id, and it expires in a minute should nothing come of
// taking it away.
func (s *Store) tryOut(ctx context.Context) error {
	var id rowID
	_, _ = rand.Read(id[:]) // it never returns an error
	began, err := s.load(ctx, id)
	if err != nil {
		return err
	}
	expires := began.Now.Add(time.Minute)
	first := cache.Record{Version: cache.NewID(), Data: make([]byte, 256<<10), Expires: expires}
	_, _ = rand.Read(first.Data)
	second := cache.Record{Version: cache.NewID(), Expires: expires}
	for _, step := range []struct {
		what      string
		old       cache.ID
		next      cache.Record
		lands     bool
		afterward cache.Record
	}{
		{"a record that was not there could not be made", cache.ID{}, first, true, first},
		{"a record that was there was made anew", cache.ID{}, second, false, first},
		{"a record could not be replaced", first.Version, second, true, second},
		{"a record was replaced by one who did not know it", first.Version, first, false, second},
		{"a record could not be deleted", second.Version, cache.Record{}, true, cache.Record{}},
	} {
		landed, err := s.swap(ctx, id, step.old, step.next)
		if err != nil {
			return fmt.Errorf("%w\nThe table should be as this makes it:\n\n%s", s.failed(ctx, "changing", err), s.Schema())
		}
		if landed != step.lands {
			return s.unfit(step.what)
		}
		l, err := s.load(ctx, id)
		if err != nil {
			return err
		}
		if !same(l.Record, step.afterward) {
			return s.unfit("a record of 256 KiB did not come back as it was written")
		}
	}
	return nil
}

func same(a, b cache.Record) bool {
	return a.Version == b.Version && a.Expires == b.Expires && string(a.Data) == string(b.Data)
}

// unfit says what went wrong where the database has reported no error.
func (s *Store) unfit(what string) error {
	return fmt.Errorf("gormstore: %s was tried out, and %s: see that the table is as the statement below makes it, "+
		"and that no trigger, and no proxy to several servers, stands in between\n\n%s", s.table, what, s.Schema())
}
