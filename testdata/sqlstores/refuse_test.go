package sqlstores

import (
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache/gormstore"
)

// Settings that would break what is promised of sessions are told at the start.
func TestNewRefusesSettings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind     kind
		settings string
		want     []string
	}{
		"sqlite query_only": {mainKinds[0], "&_pragma=query_only(1)", []string{"query_only is on"}},
		"postgres read only": {
			mainKinds[1], "&default_transaction_read_only=on",
			[]string{"default_transaction_read_only is on", "set it off"},
		},
		"mysql without autocommit": {mainKinds[2], "&autocommit=0", []string{"autocommit is off", "take autocommit=0 out"}},
		"mysql read uncommitted": {
			mainKinds[2], "&{isolation}=%27READ-UNCOMMITTED%27",
			[]string{"{isolation} is READ-UNCOMMITTED", "set READ-COMMITTED or REPEATABLE-READ"},
		},
		"mysql both": {
			mainKinds[2], "&autocommit=0&{isolation}=%27READ-UNCOMMITTED%27",
			[]string{"autocommit is off", "{isolation} is READ-UNCOMMITTED"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t, tt.kind)
			d.store(t) // without the setting all is well
			db, sent := d.openConfig(t, strings.ReplaceAll(tt.settings, "{isolation}", d.isolation), gorm.Config{})
			sent.take()
			_, err := gormstore.New(db, gormstore.Migrate())
			for i := range tt.want {
				tt.want[i] = strings.ReplaceAll(tt.want[i], "{isolation}", d.isolation)
			}
			wantError(t, "New", err, append(tt.want, "gormstore: this database cannot keep sessions")...)
			if got := sent.take(); strings.Contains(got, "CREATE") || strings.Contains(got, "INSERT") {
				t.Errorf("sent: %s; want nothing written", got)
			}
		})
	}
}

func TestNewWithoutTheTable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d *database) {
		db := d.open(t)
		_, err := gormstore.New(db)
		statement, _ := gormstore.Schema(d.server, "")
		wantError(t, "New without the table", err, "gormstore: reading powgin_accounts", "Migrate()", statement)
		if db.Migrator().HasTable("powgin_accounts") {
			t.Error("New without Migrate created the table")
		}
		storeOn(t, db)
		if _, err := gormstore.New(db); err != nil {
			t.Errorf("New with the table = %v", err)
		}
		if !db.Migrator().HasIndex("powgin_accounts", "powgin_accounts_expires") {
			t.Error("Migrate made no index")
		}
		if got := rows(t, db); got != 0 {
			t.Errorf("after New the table has %d rows; want none", got)
		}
	})
}

// A table that somebody else has made is tried out.
func TestNewTriesTheTableOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind     kind
		settings string
		table    string
		want     string
	}{
		"postgres text":   {mainKinds[1], "", "id bytea PRIMARY KEY, version bytea, data text, expires bigint", "data"},
		"postgres no key": {mainKinds[1], "", "id bytea, version bytea, data bytea, expires bigint", "ON CONFLICT"},
		"postgres 32 bit": {mainKinds[1], "", "id bytea PRIMARY KEY, version bytea, data bytea, expires integer", "int4"},
		"mysql blob": {
			mainKinds[2], "", "id binary(32) PRIMARY KEY, version binary(16), data blob, expires bigint", "did not come back as it was written",
		},
		"mysql blob, not strict": {
			mainKinds[2], "&sql_mode=%27%27", "id binary(32) PRIMARY KEY, version binary(16), data blob, expires bigint", "did not come back as it was written",
		},
		"mysql text": {
			mainKinds[2], "", "id binary(32) PRIMARY KEY, version binary(16), data mediumtext, expires bigint", "did not come back as it was written",
		},
		"mysql 32 bit": {
			mainKinds[2], "", "id binary(32) PRIMARY KEY, version binary(16), data mediumblob, expires int", "did not come back as it was written",
		},
		"mysql short id": {
			mainKinds[2], "", "id binary(16) PRIMARY KEY, version binary(16), data mediumblob, expires bigint", "did not come back as it was written",
		},
		"mysql no key": {
			mainKinds[2], "", "id binary(32), version binary(16), data mediumblob, expires bigint", "a record that was there was made anew",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDatabase(t, tt.kind)
			db, _ := d.openConfig(t, tt.settings, gorm.Config{})
			run(t, db, "CREATE TABLE powgin_accounts (%s)", tt.table)
			_, err := gormstore.New(db, gormstore.Migrate())
			statement, _ := gormstore.Schema(d.server, "")
			wantError(t, "New", err, tt.want, statement)
		})
	}
}

// Who may not write is told at the start, and who may not create tables needs
// to do so only where there is none.
func TestNewWithoutPermission(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, mainKinds[1])
	admin := d.open(t)
	role := "reader_" + strings.TrimPrefix(searchPath(t, admin), "sqlstores_")
	if err := admin.Exec("CREATE ROLE " + role).Error; err != nil {
		t.Skipf("whom POWGIN_TEST_POSTGRES names can make no role: %v", err)
	}
	t.Cleanup(func() { run(t, d.open(t), "DROP OWNED BY %s; DROP ROLE %s", role, role) })
	run(t, admin, "GRANT USAGE ON SCHEMA %s TO %s", searchPath(t, admin), role)
	as, _ := d.openConfig(t, "&role="+role, gorm.Config{})
	_, err := gormstore.New(as, gormstore.Migrate())
	wantError(t, "New for who may not create tables", err, "gormstore: creating powgin_accounts", "permission denied for schema")

	storeOn(t, admin)
	run(t, admin, "GRANT SELECT ON powgin_accounts TO %s", role)
	_, err = gormstore.New(as, gormstore.Migrate())
	wantError(t, "New for who may not write", err, "gormstore: changing powgin_accounts", "permission denied for table")

	run(t, admin, "GRANT INSERT, UPDATE, DELETE ON powgin_accounts TO %s", role)
	s := storeOn(t, as)
	put(t, s, key(1), "there")
	if _, err := s.Sweep(t.Context()); err != nil {
		t.Errorf("Sweep = %v", err)
	}
}

func searchPath(t *testing.T, db *gorm.DB) (schema string) {
	t.Helper()
	must(t, db.Raw("SELECT current_schema()").Scan(&schema).Error)
	return schema
}

// A password is nobody's business.
func TestNewKeepsPasswords(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind kind
		dsn  string
	}{
		"postgres":       {mainKinds[1], "postgres://somebody:hunter2@127.0.0.1:1/test?sslmode=disable&connect_timeout=2"},
		"mysql":          {mainKinds[2], "somebody:hunter2@tcp(127.0.0.1:1)/test?timeout=2s"},
		"mysql, refused": {mainKinds[2], "nobody:hunter2@tcp(127.0.0.1:3306)/test?timeout=2s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &database{kind: tt.kind, dsn: tt.dsn}
			db := d.openUnasked(t)
			_, err := gormstore.New(db, gormstore.Migrate())
			wantError(t, "New", err, "gormstore: asking for the database's settings")
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("New = %v; want no password in it", err)
			}
		})
	}
}

// A connection that is made runs the statements of its DSN, and those may want a
// lock that somebody has.
func TestNewWaitsForConnections(t *testing.T) {
	t.Parallel()
	d := newDatabase(t, mainKinds[0])
	db, s := d.openSpied(t)
	s.mu.Lock()
	s.refused = 3
	s.mu.Unlock()
	storeOn(t, db)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused > 0 {
		t.Errorf("%d connections have yet to fail: New has made too few for this to show anything", s.refused)
	}
}
