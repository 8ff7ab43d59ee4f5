package writes

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
)

// everywhere runs f on each database, opened in each way.
func everywhere(t *testing.T, f func(t *testing.T, s *site)) {
	t.Helper()
	for server, own := range servers {
		for _, way := range ways {
			t.Run(server+" "+way.name, func(t *testing.T) {
				t.Parallel()
				f(t, newSite(t, own(t), way.config, way.resolver, watch))
			})
		}
	}
}

func (st style) on(s *site) []int {
	switch mysql := s.db.Name() == "mysql"; {
	case mysql && st.mysql != nil:
		return st.mysql
	case !mysql && st.bulk != nil:
		return st.bulk
	}
	return st.changed
}

// each runs f for each style, those of other tables among them, everybody being
// cached.
func each(t *testing.T, s *site, tables []style, f func(s *site, st style)) {
	t.Helper()
	for i, st := range slices.Concat(styles, tables) {
		if st.skip == s.db.Name() {
			continue
		}
		t.Run(st.name, func(t *testing.T) {
			here := *s
			here.TB = t
			here.ready()
			if i >= len(styles) {
				here.seed()
			}
			f(&here, st)
		})
	}
}

// TestEveryStyleIsSeen holds that the next request of each session sees what was
// written, and that nobody else is read from the database for it.
func TestEveryStyleIsSeen(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *site) {
		tables := tableStyles
		if strings.HasSuffix(t.Name(), "as_it_comes") || setting("POWGIN_WRITES", "") == "all" {
			tables = slices.Concat(tables, moreTableStyles)
		}
		each(t, s, tables, func(s *site, st style) {
			must(s, st.write(s.db))
			s.wantSeen(st.on(s))
		})
	})
}

var errEnough = errors.New("enough")

// transactions are the ways to run a write in a transaction. Each is told to look
// when the write is made and not committed.
var transactions = []struct {
	name    string
	run     func(db *gorm.DB, write func(*gorm.DB) error, look func()) error
	nothing bool // it is rolled back
}{
	{name: "Transaction", run: func(db *gorm.DB, write func(*gorm.DB) error, look func()) error {
		return db.Transaction(func(tx *gorm.DB) error {
			defer look()
			return write(tx)
		})
	}},
	{name: "by hand", run: func(db *gorm.DB, write func(*gorm.DB) error, look func()) error {
		tx := db.Begin()
		if err := write(tx); err != nil {
			return errors.Join(err, tx.Rollback().Error)
		}
		look()
		return tx.Commit().Error
	}},
	{name: "nested", run: func(db *gorm.DB, write func(*gorm.DB) error, look func()) error {
		return db.Transaction(func(tx *gorm.DB) error {
			err := tx.Transaction(write)
			look()
			return err
		})
	}},
	{name: "rolled back", nothing: true, run: func(db *gorm.DB, write func(*gorm.DB) error, look func()) error {
		tx := db.Begin()
		err := write(tx)
		look()
		return errors.Join(err, tx.Rollback().Error)
	}},
	{name: "the outer one rolled back", nothing: true, run: func(db *gorm.DB, write func(*gorm.DB) error, look func()) error {
		return only(errEnough, db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Transaction(write); err != nil {
				return err
			}
			look()
			return errEnough
		}))
	}},
	{name: "the inner one rolled back", nothing: true, run: func(db *gorm.DB, write func(*gorm.DB) error, look func()) error {
		return db.Transaction(func(tx *gorm.DB) error {
			return only(errEnough, tx.Transaction(func(tx *gorm.DB) error {
				if err := write(tx); err != nil {
					return err
				}
				look()
				return errEnough
			}))
		})
	}},
	{name: "back to a savepoint", nothing: true, run: func(db *gorm.DB, write func(*gorm.DB) error, look func()) error {
		tx := db.Begin()
		tx.SavePoint("Here")
		err := write(tx)
		look()
		return errors.Join(err, tx.RollbackTo("Here").Error, tx.Commit().Error)
	}},
	{name: "a panic", nothing: true, run: func(db *gorm.DB, write func(*gorm.DB) error, look func()) (err error) {
		defer func() { _ = recover() }()
		return db.Transaction(func(tx *gorm.DB) error {
			if err := write(tx); err != nil {
				return err
			}
			look()
			panic("boom")
		})
	}},
	{name: "a connection", run: func(db *gorm.DB, write func(*gorm.DB) error, look func()) error {
		return db.Connection(func(tx *gorm.DB) error { return write(tx.Session(&gorm.Session{NewDB: true})) })
	}},
}

// only returns the error, unless it is the one that was meant.
func only(meant, err error) error {
	if errors.Is(err, meant) {
		return nil
	}
	return err
}

// TestEveryStyleInEveryTransaction holds that what is committed is seen, and that
// nothing is before that, nor of what is rolled back. With POWGIN_WRITES=all
// databases are opened in each way.
func TestEveryStyleInEveryTransaction(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, s *site) {
		if setting("POWGIN_WRITES", "") == "few" && !strings.HasSuffix(t.Name(), "sqlite_as_it_comes") {
			t.Skip("POWGIN_WRITES=few leaves it out")
		}
		if setting("POWGIN_WRITES", "") != "all" && !strings.HasSuffix(t.Name(), "as_it_comes") && !strings.HasSuffix(t.Name(), "sqlite_PrepareStmt_and_SkipDefaultTransaction") {
			t.Skip("POWGIN_WRITES=all runs it this way too")
		}
		for _, tr := range transactions {
			t.Run(tr.name, func(t *testing.T) {
				each(t, s, tableStyles, func(s *site, st style) {
					err := tr.run(s.db, st.write, func() {
						for _, id := range []int{1, 4} {
							if fromCache, plan := s.look(id); !fromCache || plan != "free" {
								s.Errorf("before the COMMIT user %d sees %q, from the cache: %v; want the cached copy", id, plan, fromCache)
							}
						}
					})
					must(s, err)
					if tr.nothing {
						s.wantSeen(nil)
						return
					}
					s.wantSeen(st.on(s))
				})
			})
		}
	})
}
