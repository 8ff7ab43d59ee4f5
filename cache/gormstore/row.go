package gormstore

import (
	"database/sql"
	"fmt"
	"math"

	"github.com/powgin/powgin/cache"
)

// A row is what a LEFT JOIN brings of one: all of it is zero where there is
// none.
type row struct {
	version version
	data    []byte
	expires sql.NullInt64
}

// at returns the record as it is at that moment.
func (r *row) at(now cache.Time) cache.Record {
	expires := cache.Time(r.expires.Int64)
	if r.version == (version{}) || expires != 0 && expires <= now {
		return cache.Record{}
	}
	return cache.Record{Version: cache.ID(r.version), Data: r.data, Expires: expires}
}

// A moment is what time a SELECT says it is.
type moment struct {
	ns  int64
	day float64 // instead, as a Julian day
}

// scans returns what receives it.
func (m *moment) scans(d *dialect) any {
	if d.julian != "" {
		return &m.day
	}
	return &m.ns
}

// time returns it to the millisecond where it is a Julian day, as the database
// calculates it.
func (m *moment) time() cache.Time {
	if m.day == 0 {
		return cache.Time(m.ns)
	}
	return cache.Time(math.Round((m.day-2440587.5)*86400000)) * 1e6
}

// A version is scanned without a copy on the way.
type version cache.ID

// Scan implements sql.Scanner.
func (v *version) Scan(src any) error {
	switch b := src.(type) {
	case nil:
		*v = version{}
		return nil
	case []byte:
		if len(b) == len(v) {
			copy(v[:], b)
			return nil
		}
		return fmt.Errorf("the column version holds %d bytes in place of %d", len(b), len(v))
	}
	return fmt.Errorf("the column version holds a %T in place of bytes", src)
}
