package gormstore

import (
	"context"
	"strings"

	"github.com/powgin/powgin/cache"
)

var _ cache.VersionStore = (*Store)(nil)

// versionsAtOnce bounds the parameters of a statement: databases do, some at a
// thousand.
const versionsAtOnce = 500

// Versions implements cache.VersionStore with one SELECT for each 500 keys.
func (s *Store) Versions(ctx context.Context, keys []cache.Key) ([]cache.ID, error) {
	versions := make([]cache.ID, len(keys))
	for from := 0; from < len(keys); from += versionsAtOnce {
		to := min(from+versionsAtOnce, len(keys))
		err := s.try(ctx, func() error { return s.versions(ctx, keys[from:to], versions[from:to]) })
		if err != nil {
			return nil, s.failed(ctx, "reading", err)
		}
	}
	return versions, nil
}

func (s *Store) versions(ctx context.Context, keys []cache.Key, versions []cache.ID) error {
	at, args := make(map[rowID][]int, len(keys)), make([]any, len(keys))
	for i, key := range keys {
		id := rowOf(key)
		at[id], args[i] = append(at[id], i), id[:]
	}
	rows, err := s.pool.QueryContext(ctx, s.dialect.sql(
		"SELECT id, version FROM {table} WHERE id IN (?"+strings.Repeat(", ?", len(keys)-1)+
			") AND (expires = 0 OR expires > {clock})", s.table), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id []byte
		var v version
		if err := rows.Scan(&id, &v); err != nil {
			return err
		}
		if len(id) != len(rowID{}) {
			continue // none that was asked for
		}
		for _, i := range at[rowID(id)] {
			versions[i] = cache.ID(v)
		}
	}
	return rows.Err()
}
