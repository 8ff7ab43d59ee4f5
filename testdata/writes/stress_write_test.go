package writes

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// A deed is one write to a member or a team.
type deed struct {
	*stress
	name string
	id   int
	team bool        // it is the member's team that is changed
	ns   map[int]int // what was read back, if it was
	dies string      // how it dies after its COMMIT, "" for not
	dead *death
	late *sql.Tx // its COMMIT is under way, although it was answered with an error
}

// plus is the change: it adds one to n.
var plus = map[string]any{"n": gorm.Expr("n + 1")}

// minus is one that is never committed.
var minus = map[string]any{"n": gorm.Expr("n + 1000"), "mark": "rolled back"}

// deeds are the ways to write.
var deeds = []struct {
	name string
	team bool
	do   func(ctx context.Context, d *deed, db *gorm.DB) error
}{
	{"a transaction", false, func(_ context.Context, d *deed, db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := d.model(tx).Updates(plus).Error; err != nil {
				return err
			}
			return d.readBack(tx)
		})
	}},
	{"an update with SkipDefaultTransaction", false, func(_ context.Context, d *deed, db *gorm.DB) error {
		return d.model(db.Session(&gorm.Session{SkipDefaultTransaction: true})).Updates(plus).Error
	}},
	{"raw", false, func(_ context.Context, d *deed, db *gorm.DB) error {
		return db.Exec("UPDATE members SET n = n + 1 WHERE id = ?", d.id).Error
	}},
	{"the team, in a transaction", true, func(_ context.Context, d *deed, db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := tx.Model(&Member{}).Where("team = ?", (d.id-1)%teams).Updates(plus).Error; err != nil {
				return err
			}
			return d.readBack(tx)
		})
	}},
	{"the team, raw", true, func(_ context.Context, d *deed, db *gorm.DB) error {
		return db.Exec("UPDATE members SET n = n + 1 WHERE team = ?", (d.id-1)%teams).Error
	}},
	{"a transaction that is rolled back", false, func(_ context.Context, d *deed, db *gorm.DB) error {
		return only(errEnough, db.Transaction(func(tx *gorm.DB) error {
			return errors.Join(d.model(tx).Updates(minus).Error, errEnough)
		}))
	}},
	{"back to a savepoint, and on", false, func(_ context.Context, d *deed, db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := errors.Join(tx.SavePoint("here").Error, d.model(tx).Updates(minus).Error, tx.RollbackTo("here").Error); err != nil {
				return err
			}
			return errors.Join(d.model(tx).Updates(plus).Error, d.readBack(tx))
		})
	}},
	{"a nested transaction that is rolled back", false, func(_ context.Context, d *deed, db *gorm.DB) error {
		return db.Transaction(func(tx *gorm.DB) error {
			if err := d.model(tx).Updates(plus).Error; err != nil {
				return err
			}
			if err := only(errEnough, tx.Transaction(func(tx *gorm.DB) error {
				return errors.Join(d.model(tx).Updates(minus).Error, errEnough)
			})); err != nil {
				return err
			}
			return d.readBack(tx)
		})
	}},
	{"Auth.Write", false, func(ctx context.Context, d *deed, _ *gorm.DB) error {
		return d.auth.Write(ctx, []string{strconv.Itoa(d.id)}, d.aside)
	}},
	{"Auth.Write of all", false, func(ctx context.Context, d *deed, _ *gorm.DB) error {
		return d.auth.Write(ctx, nil, d.aside)
	}},
}

func (d *deed) model(tx *gorm.DB) *gorm.DB { return tx.Model(&Member{ID: uint(d.id)}) }

// aside changes the member with database/sql.
func (d *deed) aside(ctx context.Context) error {
	pool, err := d.beside.DB()
	if err != nil {
		return err
	}
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("UPDATE members SET n = n + 1 WHERE id = %d", d.id)); err != nil {
		return err
	}
	var n int
	if err := tx.QueryRowContext(ctx, fmt.Sprintf("SELECT n FROM members WHERE id = %d", d.id)).Scan(&n); err != nil {
		return err
	}
	d.ns = map[int]int{d.id: n}
	return d.commit(tx)
}

// ids are the members whom it changes.
func (d *deed) ids() (ids []int) {
	for id := 1; id <= members; id++ {
		if id == d.id || d.team && (id-d.id)%teams == 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

func (d *deed) readBack(db *gorm.DB) error {
	var rows []Member
	if err := db.Where("id IN ?", d.ids()).Find(&rows).Error; err != nil {
		return err
	}
	d.ns = make(map[int]int)
	for _, m := range rows {
		d.ns[int(m.ID)] = m.N
	}
	return nil
}

// commit is the COMMIT of a deed.
func (d *deed) commit(tx *sql.Tx) error {
	if d.dies == "its COMMIT comes later" {
		d.late = tx
		return driver.ErrBadConn
	}
	return d.commitNow(tx)
}

// commitNow makes the COMMIT and says so, and then the writer may die.
func (d *deed) commitNow(tx *sql.Tx) error {
	if err := tx.Commit(); err != nil {
		return err
	}
	if d.ns == nil { // there was no transaction to read it in
		if err := d.readBack(d.beside); err != nil {
			d.fail("%s: reading back: %v", d.name, err)
		}
	}
	for id, n := range d.ns {
		d.atLeast(id, n)
	}
	d.note(d.ids(), "%s: committed %v", d.name, d.ns)
	switch d.dies {
	case "its answer is lost":
		return driver.ErrBadConn
	case "it panics":
		panic(errDead)
	case "it cannot reach the store":
		d.dead.Store(true)
	case "nobody can reach the store":
		d.fate.leave(50 * time.Millisecond)
	}
	return nil
}

// fateOf says how a write dies, if it does: one in five.
func (s *stress) fateOf(name string, r *rand.Rand) string {
	one, which := r.IntN(5) == 0, r.IntN(3)
	switch {
	case !one || s.run == allIsWell:
		return ""
	case s.run == awayAtEnd:
		return "nobody can reach the store"
	case s.mortal && which == 0:
		return "it cannot reach the store"
	case strings.HasPrefix(name, "Auth.Write"):
		return "it panics"
	case which == 1:
		return "its answer is lost"
	}
	return "its COMMIT comes later"
}

// write is one turn of a writer.
func (s *stress) write(writer int, r *rand.Rand) {
	kind := deeds[r.IntN(len(deeds))]
	d := &deed{stress: s, name: fmt.Sprintf("writer %d, %s", writer, kind.name), id: r.IntN(members) + 1, team: kind.team, dead: new(death)}
	d.dies = s.fateOf(kind.name, r)
	s.alive.RLock()
	defer s.alive.RUnlock()
	s.note(d.ids(), "%s: begun", d.name)
	ctx := dying(committing(context.Background(), d.commit), d.dead)
	err := caught(func() error { return kind.do(ctx, d, s.db.WithContext(ctx)) })
	s.note(d.ids(), "%s: over, %v, %s", d.name, err, d.dies)
	if d.late != nil {
		pause(ctx, r, 2*time.Millisecond) // requests may read the old row
		if err := d.commitNow(d.late); err != nil {
			s.fail("%s: a late COMMIT: %v", d.name, err)
		}
	}
	s.writes.Add(1)
	switch {
	case d.dies != "" && d.ns != nil:
		s.deaths.Add(1)
	case err == nil:
	case contended(err), s.run == awayAtEnd && errors.Is(err, powgin.ErrUnavailable):
		s.failed.Add(1)
	default:
		s.fail("%s: %v", d.name, err)
	}
}

// caught returns a panic as an error.
func caught(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return f()
}

// contended tells what a database says to one of several who want the same rows.
func contended(err error) bool {
	text := strings.ToLower(err.Error())
	for _, said := range []string{"deadlock", "locked", "lock wait"} {
		if strings.Contains(text, said) {
			return true
		}
	}
	return false
}
