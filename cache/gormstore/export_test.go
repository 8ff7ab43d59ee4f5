package gormstore

import (
	"context"
	"sync"
)

// SweepAfter has the n-th swap from now on that lands sweep. SweepDue returns
// that number.
func (s *Store) SweepAfter(n int64) { s.due.Store(n) }

// SweepDue returns how many swaps have to land until one sweeps.
func (s *Store) SweepDue() int64 { return s.due.Load() }

// Prepared returns how many of the Store's statements are prepared.
func (s *Store) Prepared() (n int) {
	for _, q := range []*query{&s.queries.load, &s.queries.create, &s.queries.replace, &s.queries.remove} {
		if q.stmt.Load() != nil {
			n++
		}
	}
	return n
}

// SweepSome is what a swap does once it has landed.
func (s *Store) SweepSome(ctx context.Context) { s.sweepSome(ctx) }

// Fresh returns a Store like s that has prepared nothing.
func (s *Store) Fresh() *Store {
	fresh := &Store{table: s.table, dialect: s.dialect, pool: s.pool, queries: new(queries), floor: new(floor), epochs: new(sync.Map), file: s.file}
	fresh.queries.write(s.dialect, s.table)
	fresh.due.Store(firstSweep())
	return fresh
}
