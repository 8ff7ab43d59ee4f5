package gormstore_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/powgin/powgin/cache/gormstore"
)

// otherDialect calls itself by another name.
type otherDialect struct{ gorm.Dialector }

func (otherDialect) Name() string { return "oracle" }

func TestNewRefusesWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	storeOn(t, db)
	refused := func(what string, db *gorm.DB, want string) {
		t.Helper()
		s, err := gormstore.New(db, gormstore.Migrate())
		if s != nil {
			t.Errorf("New of %s returns a Store", what)
		}
		wantError(t, "New of "+what, err, want)
	}
	refused("nil", nil, "is nil or was not opened")
	refused("the zero DB", &gorm.DB{}, "is nil or was not opened")
	unopened, _ := gorm.Open(nil, &gorm.Config{Logger: logger.Discard})
	refused("a DB without a dialect", unopened, "is nil or was not opened")
	refused("a dry run", db.Session(&gorm.Session{DryRun: true}), "is a dry run")
	failed := db.Session(&gorm.Session{NewDB: true})
	failed.Error = errors.New("an earlier fault")
	refused("a DB with an error", failed, "an earlier fault")
	for _, prepared := range []bool{false, true} {
		session := db.Session(&gorm.Session{PrepareStmt: prepared})
		_ = session.Transaction(func(tx *gorm.DB) error {
			refused("a transaction", tx, "is a transaction")
			refused("a session of a transaction", tx.Session(&gorm.Session{NewDB: true, PrepareStmt: true}), "is a transaction")
			return nil
		})
		_ = session.Connection(func(tx *gorm.DB) error {
			refused("a connection", tx, "is a single connection")
			return nil
		})
	}
	oracle, err := gorm.Open(otherDialect{sqlite.Dialector{DriverName: "sqlite", DSN: newFile(t)}}, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool(t, oracle).Close() })
	refused("another dialect", oracle, `"oracle" is none of sqlite, postgres and mysql`)
}

func TestNewReportsEveryFault(t *testing.T) {
	t.Parallel()
	_, err := gormstore.New(nil, gormstore.Table("a b"), nil)
	wantError(t, "New of nil and a bad name", err, "is nil or was not opened", `"a b" must be a name`)
}

func TestMust(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	if got := gormstore.Must(s, nil); got != s {
		t.Error("Must returned another Store")
	}
	defer func() {
		if err, ok := recover().(error); !ok || !strings.Contains(err.Error(), "not opened") {
			t.Errorf("Must of an error panics with %v; want the error", err)
		}
	}()
	gormstore.Must(gormstore.New(nil))
}

func TestNewWithoutTheTable(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	_, err := gormstore.New(db, gormstore.Table("sessions"))
	statement, _ := gormstore.Schema("sqlite", "sessions")
	wantError(t, "New without the table", err, "no such table: sessions", "Migrate()", statement)
	if db.Migrator().HasTable("sessions") {
		t.Error("New without Migrate created the table")
	}
	run(t, db, statement, statement) // it may be run twice
	s, err := gormstore.New(db, gormstore.Table("sessions"))
	if err != nil {
		t.Fatalf("New with the table = %v", err)
	}
	if got := s.Schema(); got != statement {
		t.Errorf("Store.Schema = %s; want %s", got, statement)
	}
	put(t, s, key(1), record("there"))
}

func TestMigrateKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	dsn := newFile(t)
	r := put(t, storeOn(t, open(t, dsn)), key(1), record("there"))
	wantLoad(t, storeOn(t, open(t, dsn)), key(1), r)
}

func TestMigrateByManyAtOnce(t *testing.T) {
	t.Parallel()
	dsn := newFile(t)
	var wait sync.WaitGroup
	for range 6 {
		db := open(t, dsn)
		wait.Go(func() {
			if _, err := gormstore.New(db, gormstore.Migrate()); err != nil {
				t.Errorf("New = %v", err)
			}
		})
	}
	wait.Wait()
}

func TestNewLeavesNoRecord(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	storeOn(t, db)
	if got := rows(t, db); got != 0 {
		t.Errorf("after New the table has %d rows; want none", got)
	}
}

func TestNewTriesTheTableOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ statements, want string }{
		"a column is missing": {
			`CREATE TABLE powgin_accounts (id BLOB PRIMARY KEY, version BLOB, data BLOB)`, "no such column: a.expires",
		},
		"the id is no key": {
			`CREATE TABLE powgin_accounts (id BLOB, version BLOB, data BLOB, expires INTEGER)`, "ON CONFLICT clause does not match",
		},
		"a trigger cuts the data": {
			`CREATE TABLE powgin_accounts (id BLOB PRIMARY KEY, version BLOB, data BLOB, expires INTEGER);
			CREATE TRIGGER cut AFTER INSERT ON powgin_accounts BEGIN UPDATE powgin_accounts SET data = substr(data, 1, 65535); END;`,
			"did not come back as it was written",
		},
		"a trigger ignores an update": {
			`CREATE TABLE powgin_accounts (id BLOB PRIMARY KEY, version BLOB, data BLOB, expires INTEGER);
			CREATE TRIGGER ignore BEFORE UPDATE ON powgin_accounts BEGIN SELECT RAISE(IGNORE); END;`,
			"a record could not be replaced",
		},
		"a trigger ignores a delete": {
			`CREATE TABLE powgin_accounts (id BLOB PRIMARY KEY, version BLOB, data BLOB, expires INTEGER);
			CREATE TRIGGER ignore BEFORE DELETE ON powgin_accounts BEGIN SELECT RAISE(IGNORE); END;`,
			"a record could not be deleted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, newFile(t))
			run(t, db, tt.statements)
			_, err := gormstore.New(db)
			wantError(t, "New", err, tt.want, "CREATE TABLE")
		})
	}
}

func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	dsn := newFile(t)
	storeOn(t, open(t, dsn))
	_, err := gormstore.New(open(t, dsn+"&_pragma=query_only(1)"))
	wantError(t, "New with query_only", err, "query_only is on")
	_, err = gormstore.New(open(t, dsn+"&mode=ro"))
	wantError(t, "New on a file opened to be read", err, "changing powgin_accounts", "readonly database")
}

func TestDatabaseInMemory(t *testing.T) {
	t.Parallel()
	_, err := gormstore.New(open(t, ":memory:"), gormstore.Migrate())
	wantError(t, `New on ":memory:"`, err, "one connection to SQLite sees the table powgin_accounts and another does not", "SetMaxOpenConns(1)")

	one := open(t, ":memory:")
	pool(t, one).SetMaxOpenConns(1)
	put(t, storeOn(t, one), key(1), record("in the one connection"))
	put(t, storeOn(t, open(t, "file:shared?mode=memory&cache=shared")), key(1), record("in a shared cache"))
}

func TestNewOnAClosedDatabase(t *testing.T) {
	t.Parallel()
	db := open(t, newFile(t))
	if err := pool(t, db).Close(); err != nil {
		t.Fatal(err)
	}
	_, err := gormstore.New(db, gormstore.Migrate())
	wantError(t, "New on a closed database", err, "gormstore: asking for the database's settings: sql: database is closed")
}
