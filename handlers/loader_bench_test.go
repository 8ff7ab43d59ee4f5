package handlers

import (
	"context"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// logRecorder keeps the errors that GORM logs.
type logRecorder struct {
	mu   sync.Mutex
	errs []error
}

func (r *logRecorder) LogMode(logger.LogLevel) logger.Interface    { return r }
func (r *logRecorder) Info(context.Context, string, ...any)        {}
func (r *logRecorder) Warn(context.Context, string, ...any)        {}
func (r *logRecorder) Error(_ context.Context, s string, _ ...any) {}

func (r *logRecorder) Trace(_ context.Context, _ time.Time, _ func() (string, int64), err error) {
	if err != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.errs = append(r.errs, err)
	}
}

func (r *logRecorder) errors() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.errs...)
}

type benchRow struct {
	gorm.Model
	Email, Name, Plan, Role string
	Active                  bool
	Logins                  int
}

// BenchmarkFind holds the Loader against what an app would write itself.
func BenchmarkFind(b *testing.B) {
	db := openTestDB(b, &benchRow{})
	mustCreate(b, db, &benchRow{Email: "eve@example.org", Name: "Eve", Plan: "pro", Role: "admin", Active: true})
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	b.Run("Loader", func(b *testing.B) {
		l := mustLoader[benchRow](b, db)
		b.ReportAllocs()
		for b.Loop() {
			if _, found, err := l.Find(ctx, "1"); err != nil || !found {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("prepared Raw and Take", func(b *testing.B) {
		session := db.Session(&gorm.Session{NewDB: true, PrepareStmt: true, SkipDefaultTransaction: true})
		const sql = "SELECT * FROM `bench_rows` WHERE `bench_rows`.`id` = ? AND `bench_rows`.`deleted_at` IS NULL"
		b.ReportAllocs()
		for b.Loop() {
			var user benchRow
			if err := session.WithContext(ctx).Raw(sql, 1).Take(&user).Error; err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("First", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var user benchRow
			if err := db.WithContext(ctx).First(&user, 1).Error; err != nil {
				b.Fatal(err)
			}
		}
	})
}
