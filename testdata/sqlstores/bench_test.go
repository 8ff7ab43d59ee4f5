package sqlstores

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
)

// A read brings the account, the epoch and the time with one SELECT. Beside it
// stand two floors over database/sql, prepared: the account's row alone, and
// both rows. The three take turns, so that whatever else the machine does it
// does to all of them: the ratios are of medians.
func BenchmarkLoad(b *testing.B) {
	for _, k := range mainKinds {
		b.Run(k.name, func(b *testing.B) {
			d := newDatabase(b, k)
			db := d.open(b)
			s, err := gormstore.New(db, gormstore.Migrate())
			must(b, err)
			r := record(b, s, strings.Repeat("x", 1000))
			land(b, s, key(1), cache.ID{}, r)
			land(b, s, s.Epochs(key(1).Space)[0], cache.ID{}, record(b, s, strings.Repeat("y", 50)))
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			one, both := d.floors(ctx, b, r)
			var times [3][]time.Duration
			b.ReportAllocs()
			for b.Loop() {
				for i, read := range []func() int{
					func() int {
						l, err := s.Load(ctx, key(1))
						must(b, err)
						return len(l.Record.Data) + len(l.Epoch.Data) - 50
					}, one, both,
				} {
					began := time.Now()
					if n := read(); n != 1000 {
						b.Fatalf("%d bytes were read; want 1000", n)
					}
					times[i] = append(times[i], time.Since(began))
				}
			}
			var median [3]float64
			for i := range times {
				slices.Sort(times[i])
				median[i] = float64(times[i][len(times[i])/2])
			}
			b.ReportMetric(median[0], "load-ns")
			b.ReportMetric(median[0]/median[1], "×one-row")
			b.ReportMetric(median[0]/median[2], "×both-rows")
		})
	}
}

// floors are what an app would write itself. Each returns how many bytes of the
// account it has read.
func (d *database) floors(ctx context.Context, b *testing.B, r cache.Record) (one, both func() int) {
	b.Helper()
	db := d.open(b)
	pool, err := db.DB()
	must(b, err)
	var id []byte
	must(b, db.Raw("SELECT id FROM powgin_accounts WHERE version = ?", r.Version[:]).Row().Scan(&id))
	epoch := append(slices.Clone(id[:16]), make([]byte, 16)...)
	texts := []string{
		"SELECT version, data, expires FROM powgin_accounts WHERE id = ?",
		"SELECT version, data, expires FROM powgin_accounts WHERE id IN (?, ?)",
	}
	if d.server == "postgres" {
		texts[0], texts[1] = strings.Replace(texts[0], "?", "$1", 1), strings.Replace(texts[1], "?, ?", "$1, $2", 1)
	}
	first, err := pool.PrepareContext(ctx, texts[0])
	must(b, err)
	b.Cleanup(func() { _ = first.Close() })
	second, err := pool.PrepareContext(ctx, texts[1])
	must(b, err)
	b.Cleanup(func() { _ = second.Close() })
	var version, data []byte
	var expires int64
	one = func() int {
		must(b, first.QueryRowContext(ctx, id).Scan(&version, &data, &expires))
		return len(data)
	}
	both = func() (n int) {
		rows, err := second.QueryContext(ctx, id, epoch)
		must(b, err)
		defer rows.Close()
		for rows.Next() {
			must(b, rows.Scan(&version, &data, &expires))
			n = max(n, len(data))
		}
		must(b, rows.Err())
		return n
	}
	return one, both
}

// An uncontended change.
func BenchmarkSwap(b *testing.B) {
	for _, k := range mainKinds {
		b.Run(k.name, func(b *testing.B) {
			s, err := gormstore.New(newDatabase(b, k).open(b), gormstore.Migrate())
			must(b, err)
			r := record(b, s, strings.Repeat("x", 1000))
			land(b, s, key(1), cache.ID{}, r)
			b.ReportAllocs()
			for b.Loop() {
				next := r
				next.Version = cache.NewID()
				if _, ok, err := s.Swap(b.Context(), key(1), r.Version, next); err != nil || !ok {
					b.Fatal(ok, err)
				}
				r = next
			}
		})
	}
}
