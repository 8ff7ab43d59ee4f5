package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/powgin/powgin"
)

// rows is a site whose users are rows of SQLite in a file, and their cookies.
type rows struct {
	*site
	db      *gorm.DB
	dir     string
	cookies []string
}

func newRows(n int) (_ *rows, err error) {
	w := &rows{}
	if w.dir, err = os.MkdirTemp("", "powgin-scale-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	dsn := filepath.Join(w.dir, "users.db") + "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)"
	if w.db, err = gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: dsn}, &gorm.Config{Logger: logger.Discard}); err != nil {
		return nil, err
	}
	pool, err := w.db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(8)
	if err := w.db.AutoMigrate(&member{}); err != nil {
		return nil, err
	}
	all := make([]member, n)
	for i := range all {
		all[i], _, _ = members{}.Find(context.Background(), keyOf(i))
	}
	if err := w.db.CreateInBatches(all, 100).Error; err != nil {
		return nil, err
	}
	if w.site, err = newSite(func(cfg *powgin.Config[member]) { cfg.Users, cfg.DB = nil, w.db }); err != nil {
		return nil, err
	}
	w.addPages()
	return w, w.signInAll(n)
}

func (w *rows) signInAll(n int) error {
	c := newClient(w.router)
	for i := range n {
		cookie, err := c.post(signInPath(i), "")
		if err != nil {
			return err
		}
		if status := c.get(cookie); status != http.StatusOK {
			return fmt.Errorf("GET / = %d; want 200", status)
		}
		w.cookies = append(w.cookies, cookie)
	}
	return nil
}

func (w *rows) close() (err error) {
	if w.site != nil {
		err = w.auth.Close()
	}
	if w.db != nil {
		if pool, other := w.db.DB(); other == nil {
			err = errors.Join(err, pool.Close())
		}
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// reloadsOfARow measures Reload over a database.
func reloadsOfARow(s *sizes, r *report) (err error) {
	w, err := newRows(s.different)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	t := table{
		title: "Reload over a database",
		note:  fmt.Sprintf("Users are rows of SQLite in a file, read by GORM over 8 connections. %d bursts of each, latencies of all of them.", s.rounds),
		head:  []string{"what", "requests at the same time", "reads of a burst", "refused", "p50", "p99", "max"},
	}
	one := func(i int) (string, int64) { return w.cookies[0], 0 }
	each := func(i int) (string, int64) { return w.cookies[i], 0 }
	for _, row := range []struct {
		name   string
		n      int
		before func(int) (string, int64)
	}{{"one request", 1, one}, {"of one user", s.different, one}, {"each of another user", s.different, each}} {
		var all burst
		var reads []int
		for range s.rounds {
			before := w.auth.Stats()
			b := w.send("/reload", row.n, row.before)
			after := w.auth.Stats()
			reads = append(reads, int(after.Reloads-before.Reloads)-int(after.SharedLoads-before.SharedLoads))
			all.refused += b.refused
			all.latencies = append(all.latencies, b.latencies...)
		}
		slices.Sort(all.latencies)
		f := flowed{latencies: all.latencies}
		t.rows = append(t.rows, []string{
			row.name, number(row.n), span(reads), number(all.refused), took(f.at(0.5)), took(f.at(0.99)), took(f.at(1)),
		})
	}
	r.add(t)
	return nil
}

// span returns the least and the most of some values.
func span[T cmp.Ordered](values []T) string {
	least, most := slices.Min(values), slices.Max(values)
	if least == most {
		return fmt.Sprint(least)
	}
	return fmt.Sprintf("%v to %v", least, most)
}
