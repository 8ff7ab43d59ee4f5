package handlers

import (
	"fmt"
	"slices"
	"testing"

	"gorm.io/gorm"
)

type loggedUser struct {
	ID   uint
	Plan string
}

// startLog returns a transaction that a plugin follows, and what that has noted.
func startLog(t *testing.T, config gorm.Config) (*gorm.DB, *writeLog) {
	t.Helper()
	db := openTestConfig(t, &config, &loggedUser{})
	p := NewPlugin(New(Config{}), "test", mustModel[loggedUser](t, db), nil, false)
	if err := db.Use(p); err != nil {
		t.Fatal(err)
	}
	tx := db.Begin()
	t.Cleanup(func() { tx.Rollback() })
	followed := p.followed(tx.Statement.ConnPool)
	if followed == nil {
		t.Fatalf("a transaction is a %T; want one that is followed", tx.Statement.ConnPool)
	}
	return tx, &followed.log
}

// keys are those that the log names; all where it stands for everybody.
func (l *writeLog) keys() []string {
	var keys []string
	for _, n := range l.noted {
		if n.keys == nil {
			return []string{"all"}
		}
		keys = append(keys, n.keys...)
	}
	return keys
}

func setLogged(tx *gorm.DB, id int) error {
	return tx.Model(&loggedUser{}).Where("id = ?", id).Update("plan", "pro").Error
}

func TestTheLogOfALongTransactionIsBounded(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]gorm.Config{"as it comes": {}, "PrepareStmt": {PrepareStmt: true}} {
		for what, statement := range map[string]func(tx *gorm.DB, i int) error{
			"the same user": func(tx *gorm.DB, _ int) error { return setLogged(tx, 1) },
			"another user":  setLogged,
			"a raw statement": func(tx *gorm.DB, _ int) error {
				return tx.Exec("UPDATE logged_users SET plan = 'x' WHERE id = 1").Error
			},
			"a user who comes":   func(tx *gorm.DB, i int) error { return tx.Create(&loggedUser{ID: uint(i + 1)}).Error },
			"a savepoint":        func(tx *gorm.DB, i int) error { return tx.SavePoint(fmt.Sprint("s", i)).Error },
			"the same savepoint": func(tx *gorm.DB, _ int) error { return tx.SavePoint("s").Error },
		} {
			t.Run(what+" "+name, func(t *testing.T) {
				t.Parallel()
				tx, log := startLog(t, config)
				for i := range 5000 {
					if err := statement(tx, i); err != nil {
						t.Fatal(err)
					}
				}
				if n := len(log.noted); n > 2*maxNoted {
					t.Errorf("after 5000 statements the log has %d entries; want about %d at most", n, maxNoted)
				}
				if n := len(log.marks); n > 5000 {
					t.Errorf("after 5000 statements the log has %d savepoints; want 5000 at most", n)
				}
			})
		}
	}
}

func TestACompactLogStandsForAll(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]string{"": "", "back to before": "ROLLBACK TO SAVEPOINT early", "back to the last": "ROLLBACK TO late"} {
		var l writeLog
		l.note(noted{keys: []string{"1"}})
		l.savepoint("SAVEPOINT early")
		for i := range maxNoted {
			l.note(noted{keys: []string{fmt.Sprint(i)}})
			l.compact()
		}
		l.savepoint("SAVEPOINT late")
		if back != "" {
			l.savepoint(back)
		}
		if got := l.keys(); !slices.Equal(got, []string{"all"}) {
			t.Errorf("after more than %d entries, %s, the log stands for %.20q; want all", maxNoted, name, got)
		}
	}
	var l writeLog
	for range maxNoted {
		l.note(noted{keys: []string{"1"}})
		l.compact()
	}
	if got := l.keys(); len(got) != maxNoted {
		t.Errorf("after %d entries the log stands for %d; want all of them", maxNoted, len(got))
	}
}

func TestSavepointsAreFollowed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		steps []string // a number notes that user
		want  []string
	}{
		"back to it":                {[]string{"1", "SAVEPOINT a", "2", "ROLLBACK TO a"}, []string{"1"}},
		"with all words":            {[]string{"1", "savepoint A;", "2", "rollback transaction to savepoint a ;"}, []string{"1"}},
		"WORK":                      {[]string{"1", "SAVEPOINT a", "2", "ROLLBACK WORK TO a"}, []string{"1"}},
		"in quotes":                 {[]string{"1", "SAVEPOINT \"a\"", "2", "ROLLBACK TO `a`"}, []string{"1"}},
		"and on from there":         {[]string{"SAVEPOINT a", "1", "ROLLBACK TO a", "2", "ROLLBACK TO a", "3"}, []string{"3"}},
		"of two the outer":          {[]string{"SAVEPOINT a", "1", "SAVEPOINT b", "2", "ROLLBACK TO a"}, nil},
		"of two the inner":          {[]string{"SAVEPOINT a", "1", "SAVEPOINT b", "2", "ROLLBACK TO b"}, []string{"1"}},
		"of one name the last":      {[]string{"SAVEPOINT a", "1", "SAVEPOINT a", "2", "ROLLBACK TO a"}, []string{"1"}},
		"an unknown one":            {[]string{"1", "ROLLBACK TO b"}, []string{"1"}},
		"released, which is kept":   {[]string{"SAVEPOINT a", "1", "RELEASE SAVEPOINT a"}, []string{"1"}},
		"one called savepoint":      {[]string{"1", "SAVEPOINT savepoint", "2", "ROLLBACK TO savepoint"}, []string{"1"}},
		"statements of other kinds": {[]string{"1", "SELECT 1", "", "ROLLBACK"}, []string{"1"}},
	} {
		var l writeLog
		for _, step := range tt.steps {
			if len(step) == 1 {
				l.note(noted{keys: []string{step}})
			} else {
				l.savepoint(step)
			}
		}
		if got := l.keys(); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q leaves %q; want %q", name, tt.steps, got, tt.want)
		}
	}
}
