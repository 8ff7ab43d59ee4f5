package gormstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/powgin/powgin/cache"
)

// A Store is a cache.Store in a table of an SQL database. [New] makes one; the
// zero Store is of no use. It is safe for concurrent use, and any number of
// Stores, in one process or in several, may use one table. There is nothing to
// close: its few prepared statements end with the pool that it was given.
//
// Errors name the table and wrap what the driver said. They are kinds of
// cache.ErrBusy where the pool had no connection free before the context's
// deadline. A lock, a deadlock or a failed serialization is no error until the
// deadline is near: the statement is sent again. Then it is a cache.ErrBusy too.
type Store struct {
	table   table
	dialect *dialect
	pool    *pool
	queries *queries
	floor   *floor
	epochs  *sync.Map    // the rowIDs of epochs that have been there
	file    string       // SQLite's, empty in memory
	due     atomic.Int64 // how many swaps are to land before the next sweep
}

var _ cache.Store = (*Store)(nil)

// largest is what one record may take: a MEDIUMBLOB holds no more, and INSERT
// IGNORE would cut the rest off. An account takes a sixty-fourth of it at most.
const largest = 1<<24 - 1

// maxSwaps bounds how often a swap is tried that nothing seems to stand against.
const maxSwaps = 3

// A rowID names a row: half of a hash of the space's name, then the account's
// id. An epoch's row so lies ahead of its accounts'.
type rowID [32]byte

func rowOf(key cache.Key) (id rowID) {
	sum := sha256.Sum256([]byte(key.Space))
	copy(id[:16], sum[:16])
	copy(id[16:], key.ID[:])
	return id
}

// epoch returns the row of the epoch that goes with the account.
func (id rowID) epoch() (epoch rowID) {
	zero := cache.EpochKey("").ID
	copy(epoch[:16], id[:16])
	copy(epoch[16:], zero[:])
	return epoch
}

// Epochs implements cache.Store: there is one epoch record a space.
func (s *Store) Epochs(space string) []cache.Key { return []cache.Key{cache.EpochKey(space)} }

// Schema returns the statement that creates the table, as Migrate runs it.
func (s *Store) Schema() string { return s.dialect.sql(s.dialect.schema, s.table) }

// Load implements cache.Store with one SELECT, which also brings the time of the
// database. Where the space's epoch was there and is no more another one follows.
//
// Should that clock step back by up to a minute, as it may where another server
// takes over, time flows on for this Store, a little slower until the clock has
// caught up. A larger step is taken, and what had expired by the clock before it
// may be there again.
func (s *Store) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	if err := ctx.Err(); err != nil {
		return cache.Loaded{}, s.failed(ctx, "reading", err)
	}
	return s.load(ctx, rowOf(key))
}

func (s *Store) load(ctx context.Context, id rowID) (cache.Loaded, error) {
	var now moment
	var record, epoch row
	epochID := id.epoch()
	floor := s.floor.time()
	q := &s.queries.load
	_, seen := s.epochs.Load(epochID)
	if seen {
		q = &s.queries.beside
	}
	ask := func() error {
		return s.pool.queryRow(ctx, q, []any{id[:], epochID[:]},
			now.scans(s.dialect), &record.version, &record.data, &record.expires, &epoch.version, &epoch.data, &epoch.expires)
	}
	err := s.try(ctx, ask)
	if seen && errors.Is(err, sql.ErrNoRows) {
		q = &s.queries.load
		err = s.try(ctx, ask)
	}
	if err != nil {
		return cache.Loaded{}, s.failed(ctx, "reading", err)
	}
	if !seen && epoch.version != (version{}) {
		s.epochs.Store(epochID, nil)
	}
	l := cache.Loaded{Now: s.floor.told(floor, now.time())}
	l.Record, l.Epoch = record.at(l.Now), epoch.at(l.Now)
	return l, nil
}

// Swap implements cache.Store with one INSERT, UPDATE or DELETE. Where that
// changes nothing a SELECT follows; on MySQL, where it was an INSERT, an UPDATE
// comes between, for an expired record. Where Swap reports true the Loaded is
// empty.
//
// One in some 256 Swaps that have landed deletes expired rows, 64 at most and
// for 100 milliseconds at most. What comes of that changes nothing for its
// caller.
func (s *Store) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if err := ctx.Err(); err != nil {
		return cache.Loaded{}, false, s.failed(ctx, "changing", err)
	}
	if len(next.Data) > largest {
		return cache.Loaded{}, false, fmt.Errorf("gormstore: a record of %d bytes is too large for %s, which takes %d", len(next.Data), s.table, largest)
	}
	id := rowOf(key)
	if old == (cache.ID{}) && next.Version == (cache.ID{}) {
		l, err := s.load(ctx, id)
		return l, err == nil && l.Record.Version == (cache.ID{}), err
	}
	for i := 1; ; i++ {
		landed, err := s.swap(ctx, id, old, next)
		if err != nil {
			return cache.Loaded{}, false, s.failed(ctx, "changing", err)
		}
		if landed {
			s.sweepSome(ctx)
			return cache.Loaded{}, true, nil
		}
		// What was asked for may be there after all: a row was swept between two
		// statements, or the clock has stepped back.
		l, err := s.load(ctx, id)
		if err != nil || l.Record.Version != old || i == maxSwaps {
			return l, false, err
		}
	}
}

// swap makes the change where the row is as old says, by the database's clock,
// or by what this Store has told of it where that is later: a record that Load
// has called expired must not be there for a swap.
func (s *Store) swap(ctx context.Context, id rowID, old cache.ID, next cache.Record) (bool, error) {
	now, data := int64(s.floor.time()), next.Data
	if data == nil {
		data = []byte{} // nil would be NULL
	}
	switch {
	case next.Version == (cache.ID{}):
		return s.change(ctx, &s.queries.remove, id[:], old[:], now)
	case old != (cache.ID{}):
		return s.change(ctx, &s.queries.replace, next.Version[:], data, int64(next.Expires), id[:], old[:], now)
	case s.queries.revive.sql == "":
		return s.change(ctx, &s.queries.create, id[:], next.Version[:], data, int64(next.Expires), now)
	}
	landed, err := s.change(ctx, &s.queries.create, id[:], next.Version[:], data, int64(next.Expires))
	if landed || err != nil {
		return landed, err
	}
	return s.change(ctx, &s.queries.revive, next.Version[:], data, int64(next.Expires), id[:], now)
}

// change runs one statement and reports whether it has changed the row.
func (s *Store) change(ctx context.Context, q *query, args ...any) (landed bool, err error) {
	err = s.try(ctx, func() error {
		n, err := s.pool.exec(ctx, q, args)
		landed = n > 0
		return err
	})
	return landed, err
}
