package handlers

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
)

type loadUser struct {
	gorm.Model
	Email  string
	Hash   string   `powgin:"-"`
	Greet  string   `gorm:"-"`
	Roles  []string `gorm:"serializer:json"`
	Hidden string   `gorm:"->:false;<-"`
}

func (u *loadUser) AfterFind(*gorm.DB) error {
	u.Greet = "hello " + u.Email
	return nil
}

// mustLoader fails the test where U cannot be loaded from db.
func mustLoader[U any](t testing.TB, db *gorm.DB) *Loader {
	t.Helper()
	loader, err := NewLoader(db, mustModel[U](t, db))
	if err != nil {
		t.Fatalf("NewLoader: %v", err)
	}
	t.Cleanup(loader.Close)
	return loader
}

func mustCreate(t testing.TB, db *gorm.DB, values ...any) {
	t.Helper()
	for _, v := range values {
		if err := db.Create(v).Error; err != nil {
			t.Fatalf("creating %T: %v", v, err)
		}
	}
}

// mustFind fails the test unless key has a user.
func mustFind[U any](t testing.TB, l *Loader, key string) *U {
	t.Helper()
	user, found, err := l.Find(t.Context(), key)
	if err != nil || !found {
		t.Fatalf("Find(%q) = %v, %v, %v; want a user", key, user, found, err)
	}
	return user.(*U)
}

// mustBeAbsent fails the test unless key has no user, and that without error.
func mustBeAbsent(t testing.TB, l *Loader, key string) {
	t.Helper()
	if user, found, err := l.Find(t.Context(), key); user != nil || found || err != nil {
		t.Errorf("Find(%q) = %v, %v, %v; want nobody and no error", key, user, found, err)
	}
}

func TestFindReadsTheRow(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadUser{})
	row := &loadUser{Email: "eve@example.org", Hash: "$2a$10$", Roles: []string{"admin"}, Hidden: "x"}
	mustCreate(t, db, row)
	l := mustLoader[loadUser](t, db)
	for range 2 { // the first prepares, the second is prepared
		got := mustFind[loadUser](t, l, "1")
		if got.ID != 1 || got.Email != row.Email || got.Roles[0] != "admin" || !got.CreatedAt.Equal(row.CreatedAt) {
			t.Errorf("user = %+v; want the row", got)
		}
		if got.Hash != "" || got.Hidden != "" {
			t.Errorf("Hash, Hidden = %q, %q; want neither read", got.Hash, got.Hidden)
		}
		if got.Greet != "hello eve@example.org" {
			t.Errorf("Greet = %q; want what AfterFind put there", got.Greet)
		}
	}
	if a, b := mustFind[loadUser](t, l, "1"), mustFind[loadUser](t, l, "1"); a == b {
		t.Error("two reads returned one user; want each caller to have their own")
	}
}

func TestFindNeverSelectsExcludedColumns(t *testing.T) {
	t.Parallel()
	l := mustLoader[loadUser](t, openTestDB(t))
	want := "SELECT `load_users`.`id`,`load_users`.`created_at`,`load_users`.`updated_at`,`load_users`.`deleted_at`," +
		"`load_users`.`email`,`load_users`.`roles` FROM `load_users` " +
		"WHERE `load_users`.`id` = ? AND `load_users`.`deleted_at` IS NULL"
	if l.query.sql != want {
		t.Errorf("SQL = %s\nwant  %s", l.query.sql, want)
	}
}

func TestFindOfNobodyIsNoError(t *testing.T) {
	t.Parallel()
	logs := &logRecorder{}
	db := openTestConfig(t, &gorm.Config{Logger: logs}, &loadUser{})
	mustCreate(t, db, &loadUser{}, &loadUser{})
	if err := db.Delete(&loadUser{}, 2).Error; err != nil {
		t.Fatal(err)
	}
	l := mustLoader[loadUser](t, db)
	for _, key := range []string{"2", "3", "", "0", "01", "-1", "x", "1,2", "99999999999999999999", "1 OR 1=1"} {
		mustBeAbsent(t, l, key)
	}
	if got := logs.errors(); len(got) != 0 {
		t.Errorf("logged %v; want nothing", got)
	}
	mustFind[loadUser](t, l, "1")
}

type loadComposite struct {
	Tenant string `gorm:"primaryKey"`
	Number int    `gorm:"primaryKey;autoIncrement:false"`
	Name   string
}

type loadByUUID struct {
	ID   testUUID
	Name string
}

type loadByBytes struct {
	ID   keyBinary `gorm:"type:blob"`
	Name string
}

type loadByText struct {
	Login string `gorm:"primaryKey;type:text COLLATE NOCASE"`
	Name  string
}

func TestFindByEveryKindOfKey(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadComposite{}, &loadByUUID{}, &loadByBytes{}, &loadByText{})
	id := newTestUUID()
	mustCreate(t, db,
		&loadComposite{"a,b", 1, "first"}, &loadComposite{"a", 1, "second"},
		&loadByUUID{id, "uuid"}, &loadByBytes{keyBinary{1, 2, 3, 4}, "bytes"}, &loadByText{"O'Brien; --", "text"},
	)
	composite := mustLoader[loadComposite](t, db)
	if got := mustFind[loadComposite](t, composite, JoinKey("a,b", "1")); got.Name != "first" {
		t.Errorf("Name = %q; want first", got.Name)
	}
	if got := mustFind[loadComposite](t, composite, "a,1"); got.Name != "second" {
		t.Errorf("Name = %q; want second", got.Name)
	}
	mustBeAbsent(t, composite, "a,2")
	mustBeAbsent(t, composite, "a")
	if got := mustFind[loadByUUID](t, mustLoader[loadByUUID](t, db), id.String()); got.Name != "uuid" {
		t.Errorf("Name = %q; want uuid", got.Name)
	}
	if got := mustFind[loadByBytes](t, mustLoader[loadByBytes](t, db), "01020304"); got.Name != "bytes" {
		t.Errorf("Name = %q; want bytes", got.Name)
	}
	if got := mustFind[loadByText](t, mustLoader[loadByText](t, db), "O'Brien; --"); got.Name != "text" {
		t.Errorf("Name = %q; want text", got.Name)
	}
}

// loadNamed has names that need the dialect's quotes, and a schema.
type loadNamed struct {
	Order string `gorm:"primaryKey;column:order"`
	Odd   string `gorm:"column:is it?@x"`
}

func (loadNamed) TableName() string { return "main.select" }

func TestFindQuotesNames(t *testing.T) {
	t.Parallel()
	db := openTestDB(t)
	if err := db.Exec("CREATE TABLE main.`select` (`order` text, `is it?@x` text)").Error; err != nil {
		t.Fatal(err)
	}
	if err := db.Exec("INSERT INTO `select` VALUES ('1', 'odd')").Error; err != nil {
		t.Fatal(err)
	}
	if got := mustFind[loadNamed](t, mustLoader[loadNamed](t, db), "1"); got.Odd != "odd" {
		t.Errorf("Odd = %q; want odd", got.Odd)
	}
}

func TestFindRefusesARowOfAnotherKey(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadByText{})
	mustCreate(t, db, &loadByText{"Eve", "another"})
	l := mustLoader[loadByText](t, db)
	user, found, err := l.Find(t.Context(), "eve")
	if user != nil || found || !errors.Is(err, cache.ErrWrongUser) || !errors.Is(err, cache.ErrUnavailable) {
		t.Errorf("Find(eve) = %v, %v, %v; want ErrWrongUser", user, found, err)
	}
	mustFind[loadByText](t, l, "Eve")
}

func TestFindInheritsNothingFromTheHandle(t *testing.T) {
	t.Parallel()
	db := openTestConfig(t, &gorm.Config{PropagateUnscoped: true}, &loadUser{})
	mustCreate(t, db, &loadUser{Email: "eve"}, &loadUser{Email: "gone"})
	if err := db.Delete(&loadUser{}, 2).Error; err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	handle := db.Unscoped().Where("email = ?", "nobody").Scopes(func(tx *gorm.DB) *gorm.DB {
		return tx.Where("1 = 0")
	}).Table("elsewhere").Select("id").WithContext(cancelled)
	l := mustLoader[loadUser](t, handle)
	if got := mustFind[loadUser](t, l, "1"); got.Email != "eve" {
		t.Errorf("Email = %q; want eve", got.Email)
	}
	mustBeAbsent(t, l, "2")
}

func TestNewLoaderRefusesOtherThanADatabase(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadUser{})
	m := mustModel[loadUser](t, db)
	tx := db.Begin()
	defer tx.Rollback()
	prepared := db.Session(&gorm.Session{PrepareStmt: true}).Begin()
	defer prepared.Rollback()
	failed := db.Session(&gorm.Session{})
	failed.Error = errors.New("broken")
	tests := map[string]*gorm.DB{
		"nil": nil, "never opened": {}, "a transaction": tx, "a prepared transaction": prepared,
		"a nested session of a transaction": tx.Session(&gorm.Session{NewDB: true, PrepareStmt: true}),
		"a dry run":                         db.Session(&gorm.Session{DryRun: true}), "failed": failed,
	}
	for name, handle := range tests {
		if l, err := NewLoader(handle, m); l != nil || err == nil {
			t.Errorf("NewLoader(%s) = %v, %v; want an error", name, l, err)
		}
	}
	err := db.Connection(func(conn *gorm.DB) error {
		_, err := NewLoader(conn, m)
		return err
	})
	if err == nil {
		t.Error("NewLoader(a single connection) = nil; want an error")
	}
	if l, err := NewLoader(db, nil); l != nil || err == nil {
		t.Errorf("NewLoader without a model = %v, %v; want an error", l, err)
	}
}

func TestFindReadsThePrimary(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadUser{})
	mustCreate(t, db, &loadUser{})
	var onPrimary, asked int
	err := db.Callback().Query().Before("*").Register("gorm:db_resolver", func(tx *gorm.DB) {
		asked++
		if _, ok := tx.Statement.Settings.Load("gorm:db_resolver:write"); ok {
			onPrimary++
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	mustFind[loadUser](t, mustLoader[loadUser](t, db), "1")
	if asked != 1 || onPrimary != 1 {
		t.Errorf("the resolver was asked %d times, %d for a primary; want once each", asked, onPrimary)
	}
}

func TestFindFollowsTheResolversPool(t *testing.T) {
	t.Parallel()
	db, primary := openTestDB(t, &loadUser{}), openTestDB(t, &loadUser{})
	mustCreate(t, primary, &loadUser{Email: "on the primary"})
	err := db.Callback().Query().Before("*").Register("gorm:db_resolver", func(tx *gorm.DB) {
		tx.Statement.ConnPool = primary.Statement.ConnPool
	})
	if err != nil {
		t.Fatal(err)
	}
	l := mustLoader[loadUser](t, db)
	for range 2 {
		if got := mustFind[loadUser](t, l, "1"); got.Email != "on the primary" {
			t.Errorf("Email = %q; want the primary's", got.Email)
		}
	}
}

func TestFindInParallel(t *testing.T) {
	t.Parallel()
	for _, prepare := range []bool{false, true} {
		db := openTestConfig(t, &gorm.Config{PrepareStmt: prepare}, &loadUser{})
		for range 10 {
			mustCreate(t, db, &loadUser{Email: "x"})
		}
		l := mustLoader[loadUser](t, db)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for n := range 50 {
					id := (i+n)%10 + 1
					user, found, err := l.Find(t.Context(), fmt.Sprint(id))
					if err != nil || !found || user.(*loadUser).ID != uint(id) {
						t.Errorf("Find(%d) = %v, %v, %v; want the user", id, user, found, err)
						return
					}
					if n == 20 {
						l.Close()
					}
				}
			})
		}
		wg.Wait()
	}
}

// loadTrouble misbehaves as its row tells it to.
type loadTrouble struct {
	ID    uint
	Mode  string
	Value loadScanner
}

type loadScanner string

func (s loadScanner) Value() (driver.Value, error) { return string(s), nil }

func (s *loadScanner) Scan(src any) error {
	switch src {
	case "fail":
		return errors.New("cannot scan s3cret")
	case "panic":
		panic("s3cret scanned")
	}
	*s = loadScanner(fmt.Sprint(src))
	return nil
}

var errHook = errors.New("hook saw s3cret")

func (u *loadTrouble) AfterFind(tx *gorm.DB) error {
	switch u.Mode {
	case "fail":
		return errHook
	case "panic":
		panic("hook panics with s3cret")
	case "panic with error":
		panic(errHook)
	case "index":
		_ = u.Mode[len(u.Mode)+int(u.ID)]
	case "other key":
		u.ID++
	case "query":
		var n int64
		if err := tx.Model(&loadUser{}).Count(&n).Error; err != nil {
			return err
		}
		return tx.Transaction(func(tx *gorm.DB) error {
			return tx.Model(u).UpdateColumn("mode", fmt.Sprint("saw ", n)).Error
		})
	}
	return nil
}

func TestFindTurnsTroubleInTheModelIntoErrors(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadTrouble{}, &loadUser{})
	tests := []struct {
		row   loadTrouble
		cause error
	}{
		{loadTrouble{Mode: "fail"}, errHook},
		{loadTrouble{Mode: "panic"}, nil},
		{loadTrouble{Mode: "panic with error"}, errHook},
		{loadTrouble{Mode: "index"}, nil},
		{loadTrouble{Mode: "other key"}, cache.ErrWrongUser},
		{loadTrouble{Value: "fail"}, nil},
		{loadTrouble{Value: "panic"}, nil},
	}
	l := mustLoader[loadTrouble](t, db)
	for _, tt := range tests {
		mustCreate(t, db, &tt.row)
		user, found, err := l.Find(t.Context(), fmt.Sprint(tt.row.ID))
		if user != nil || found || !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("%+v: Find = %v, %v, %v; want ErrUnavailable", tt.row, user, found, err)
			continue
		}
		if tt.cause != nil && !errors.Is(err, tt.cause) {
			t.Errorf("%+v: error %v does not wrap %v", tt.row, err, tt.cause)
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: error quotes the row: %v", tt.row, err)
		}
	}
	good := &loadTrouble{Mode: "query", Value: "v"}
	mustCreate(t, db, good)
	mustFind[loadTrouble](t, l, fmt.Sprint(good.ID))
	if got := mustFind[loadTrouble](t, l, fmt.Sprint(good.ID)); got.Mode != "saw 0" {
		t.Errorf("Mode = %q; want what the hook's transaction wrote", got.Mode)
	}
}

func TestFindTellsAClosedDatabase(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadUser{})
	mustCreate(t, db, &loadUser{})
	l := mustLoader[loadUser](t, db)
	mustFind[loadUser](t, l, "1")
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	_ = pool.Close()
	if user, found, err := l.Find(t.Context(), "1"); user != nil || found || !errors.Is(err, cache.ErrUnavailable) {
		t.Errorf("Find = %v, %v, %v; want ErrUnavailable", user, found, err)
	}
}

func TestFindRecoversFromChangesOfTheTable(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadUser{})
	mustCreate(t, db, &loadUser{Email: "eve"})
	l := mustLoader[loadUser](t, db)
	mustFind[loadUser](t, l, "1")
	exec := func(sql string) {
		if err := db.Exec(sql).Error; err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec("ALTER TABLE load_users ADD COLUMN extra text DEFAULT 'x'")
	mustFind[loadUser](t, l, "1")
	for range 2 {
		exec("ALTER TABLE load_users RENAME TO away")
		_, found, err := l.Find(t.Context(), "1")
		if found || !errors.Is(err, cache.ErrUnavailable) || !strings.Contains(err.Error(), "no such table") {
			t.Errorf("Find without the table = %v, %v; want ErrUnavailable and its cause", found, err)
		}
		exec("ALTER TABLE away RENAME TO load_users")
		if got := mustFind[loadUser](t, l, "1"); got.Email != "eve" {
			t.Errorf("Email = %q; want eve", got.Email)
		}
	}
	exec("ALTER TABLE load_users RENAME COLUMN email TO mail")
	if _, _, err := l.Find(t.Context(), "1"); !errors.Is(err, cache.ErrUnavailable) {
		t.Errorf("Find without a column = %v; want ErrUnavailable", err)
	}
	exec("ALTER TABLE load_users RENAME COLUMN mail TO email")
	mustFind[loadUser](t, l, "1")
}

func TestFindIsBusyWhileAllConnectionsAreTaken(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadUser{})
	mustCreate(t, db, &loadUser{})
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	l := mustLoader[loadUser](t, db)
	for _, prepared := range []bool{false, true} {
		tx := db.Begin()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, found, err := l.Find(ctx, "1")
		cancel()
		tx.Rollback()
		if found || !errors.Is(err, cache.ErrBusy) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("prepared %v: Find = %v, %v; want ErrBusy", prepared, found, err)
		}
		mustFind[loadUser](t, l, "1")
	}
}

func TestFindTellsADeadlineFromAFullPool(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadUser{})
	l := mustLoader[loadUser](t, db)
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, _, err := l.Find(ctx, "1")
	if !errors.Is(err, cache.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, cache.ErrBusy) {
		t.Errorf("Find after its deadline = %v; want ErrUnavailable, not ErrBusy", err)
	}
}

func TestFindPassesValuesOfTheContext(t *testing.T) {
	t.Parallel()
	type ctxKey struct{}
	db := openTestDB(t, &loadUser{})
	mustCreate(t, db, &loadUser{})
	var got any
	err := db.Callback().Query().Before("gorm:query").Register("test:look", func(tx *gorm.DB) {
		got = tx.Statement.Context.Value(ctxKey{})
	})
	if err != nil {
		t.Fatal(err)
	}
	l := mustLoader[loadUser](t, db)
	if _, _, err := l.Find(context.WithValue(t.Context(), ctxKey{}, "v"), "1"); err != nil || got != "v" {
		t.Errorf("the query saw %v, error %v; want v", got, err)
	}
}

func TestLoaderPoolWaitsForNobodysPreparation(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadUser{})
	mustCreate(t, db, &loadUser{})
	l := mustLoader[loadUser](t, db)
	l.pool.preparing.Lock() // another reader prepares, and is slow
	mustFind[loadUser](t, l, "1")
	if l.pool.stmt.Load() != nil {
		t.Error("a second reader prepared the statement")
	}
	l.pool.preparing.Unlock()
	mustFind[loadUser](t, l, "1")
	if l.pool.stmt.Load() == nil {
		t.Error("the statement is not prepared")
	}
}

// unprepared is a pool whose prepared statements are no good.
type unprepared struct{ *sql.DB }

func (u unprepared) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	stmt, err := u.DB.PrepareContext(ctx, query)
	if err == nil {
		_ = stmt.Close() //nolint:sqlclosecheck // closed while it is in use, which is the test
	}
	return stmt, err
}

func TestFindDoesWithoutPreparedStatements(t *testing.T) {
	t.Parallel()
	db := openTestDB(t, &loadUser{})
	mustCreate(t, db, &loadUser{})
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	handle := db.Session(&gorm.Session{NewDB: true, Context: t.Context()})
	handle.Statement.ConnPool = unprepared{pool}
	l := mustLoader[loadUser](t, handle)
	for range 3 {
		mustFind[loadUser](t, l, "1")
	}
}
