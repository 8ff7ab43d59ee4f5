package gormstore

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Expired rows are deleted by whoever comes along. A swap makes one row at most,
// so that two rows deleted a swap are enough however many expire.
const (
	sweepEvery = 256 // swaps from one sweep to the next
	sweepSoon  = 32  // the same, after a sweep that left some
	sweepBatch = 64  // rows
	sweepTime  = 100 * time.Millisecond
)

// Sweep deletes all rows that have expired, in this and every other space of the
// table, 64 at a time, and returns how many that were, also beside an error.
// Nothing needs it: it is for those who want the space back at once. Those who
// read or change live accounts meanwhile do not wait for it. Rows that somebody
// has locked are left out, but for MySQL, where they are waited for until ctx
// ends.
func (s *Store) Sweep(ctx context.Context) (removed int64, err error) {
	for {
		var found, n int64
		err := s.try(ctx, func() (err error) {
			found, n, err = s.sweepBatch(ctx, time.Time{})
			removed += n
			return err
		})
		if err != nil {
			return removed, s.failed(ctx, "sweeping", err)
		}
		// Where others have deleted all that was found they go on with it.
		if found == 0 || n == 0 {
			return removed, nil
		}
	}
}

// sweepSome sweeps once where it is due. It keeps its caller for a moment only:
// what it does not get done is left to the next.
func (s *Store) sweepSome(ctx context.Context) {
	if s.due.Add(-1) != 0 {
		return // or another is at it
	}
	next := int64(sweepSoon)
	if !s.pool.usedUp() {
		ctx, cancel := context.WithTimeout(ctx, sweepTime)
		defer cancel()
		// Half of the time is for the last statement: one that is cut off costs a
		// connection.
		if found, _, err := s.sweepBatch(ctx, time.Now().Add(sweepTime/2)); err != nil || found < sweepBatch {
			next = sweepEvery
		}
	}
	s.due.Store(next)
}

// firstSweep has processes that never make many swaps sweep now and then too.
func firstSweep() int64 { return 1 + rand.Int64N(sweepEvery) }

// sweepBatch deletes some expired rows, and begins no statement after the last
// moment, where one is given. It finds those of the database's clock alone: what
// only this Store's floor calls expired is others' to judge.
func (s *Store) sweepBatch(ctx context.Context, last time.Time) (found, removed int64, err error) {
	limited := strings.NewReplacer("{limit}", strconv.Itoa(sweepBatch))
	if s.dialect.expired == "" {
		removed, err = changed(s.pool.ExecContext(ctx, limited.Replace(s.dialect.sql(s.dialect.sweep, s.table))))
		return removed, removed, err
	}
	ids, err := s.ids(ctx, limited.Replace(s.dialect.sql(s.dialect.expired, s.table)))
	for i := 0; err == nil && i < len(ids) && (last.IsZero() || time.Now().Before(last)); i++ {
		var n int64
		n, err = s.pool.exec(ctx, &s.queries.bury, []any{ids[i]})
		removed += n
	}
	return int64(len(ids)), removed, err
}

func (s *Store) ids(ctx context.Context, sql string) (ids [][]byte, err error) {
	rows, err := s.pool.QueryContext(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
