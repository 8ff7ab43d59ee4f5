package gormstore

import (
	"database/sql"
	"fmt"

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
