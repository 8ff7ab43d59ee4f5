package handlers

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/schema"
	_ "modernc.org/sqlite"
)

// openTestDB opens an empty database in memory that lives as long as the test,
// with the tables of models.
func openTestDB(t testing.TB, models ...any) *gorm.DB {
	t.Helper()
	return openTestConfig(t, &gorm.Config{}, models...)
}

func openTestConfig(t testing.TB, config *gorm.Config, models ...any) *gorm.DB {
	t.Helper()
	if config.Logger == nil {
		config.Logger = logger.Discard
	}
	dsn := "file:" + newTestUUID().String() + "?mode=memory&cache=shared"
	db, err := gorm.Open(sqlite.Dialector{DriverName: "sqlite", DSN: dsn}, config)
	if err != nil {
		t.Fatalf("opening the database: %v", err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxIdleConns(4) // one at least keeps the memory alive
	t.Cleanup(func() { _ = pool.Close() })
	if err := db.AutoMigrate(models...); err != nil {
		t.Fatalf("migrating: %v", err)
	}
	return db
}

// mustModel fails the test where U is no model.
func mustModel[U any](t testing.TB, db *gorm.DB) *Model {
	t.Helper()
	m, faults := NewModel(db, reflect.TypeFor[U]())
	if err := JoinFaults(faults); err != nil {
		t.Fatalf("NewModel: %v", err)
	}
	return m
}

// ModelBase is exported, since GORM fills embedded pointers to no others.
type ModelBase struct {
	ID string `gorm:"primaryKey"`
}

type modelCreds struct {
	PasswordHash string
	Pin          string
}

type modelUser struct {
	gorm.Model
	Email     string
	Secret    string     `powgin:"-"`
	Private   string     `gorm:"->:false;<-"`
	Ignored   string     `gorm:"-"`
	Creds     modelCreds `gorm:"embedded;embeddedPrefix:creds_" powgin:"-"`
	Company   *modelCompany
	Plan      string `gorm:"column:tariff"`
	CompanyID *uint
}

type modelCompany struct{ ID uint }

func TestModelKnowsTableAndColumns(t *testing.T) {
	t.Parallel()
	db := openTestConfig(t, &gorm.Config{NamingStrategy: schema.NamingStrategy{TablePrefix: "app_", SingularTable: true}})
	m := mustModel[modelUser](t, db)
	if got, want := m.Table(), "app_model_user"; got != want {
		t.Errorf("Table() = %q; want %q", got, want)
	}
	want := []string{"id", "created_at", "updated_at", "deleted_at", "email", "tariff", "company_id"}
	if got := m.Columns(); !slices.Equal(got, want) {
		t.Errorf("Columns() = %q; want %q", got, want)
	}
	for column, want := range map[string]bool{"email": true, "secret": false, "creds_password_hash": false, "private": false} {
		if got := m.Reads(column); got != want {
			t.Errorf("Reads(%q) = %v; want %v", column, got, want)
		}
	}
	if m.Type() != reflect.TypeFor[modelUser]() || m.Schema().Table != m.Table() {
		t.Errorf("Type() = %v, Schema().Table = %q; want the user's", m.Type(), m.Schema().Table)
	}
}

func TestModelKey(t *testing.T) {
	t.Parallel()
	type composite struct {
		Tenant string `gorm:"primaryKey"`
		Name   string
		Number uint `gorm:"primaryKey;autoIncrement:false"`
	}
	type embedded struct {
		*ModelBase
		Name string
	}
	type byPointer struct {
		ID   *uint
		Name string
	}
	type byUUID struct{ ID testUUID }
	db := openTestDB(t)
	id, seven := newTestUUID(), uint(7)
	tests := []struct {
		user any
		want string
	}{
		{modelUser{Model: gorm.Model{ID: 42}}, "42"},
		{modelUser{}, ""},
		{composite{Tenant: "a,b", Number: 3}, `a\,b,3`},
		{composite{Tenant: "acme"}, ""},
		{composite{Number: 3}, ""},
		{embedded{ModelBase: &ModelBase{ID: "x"}}, "x"},
		{embedded{}, ""},
		{byPointer{ID: &seven}, "7"},
		{byPointer{}, ""},
		{byUUID{ID: id}, id.String()},
		{byUUID{}, ""},
	}
	for _, tt := range tests {
		m, faults := NewModel(db, reflect.TypeOf(tt.user))
		if err := JoinFaults(faults); err != nil {
			t.Errorf("NewModel(%T): %v", tt.user, err)
			continue
		}
		pointer := reflect.New(reflect.TypeOf(tt.user))
		pointer.Elem().Set(reflect.ValueOf(tt.user))
		if got := m.Key(tt.user); got != tt.want {
			t.Errorf("Key(%+v) = %q; want %q", tt.user, got, tt.want)
		}
		if got := m.Key(pointer.Interface()); got != tt.want {
			t.Errorf("Key(&%+v) = %q; want %q", tt.user, got, tt.want)
		}
	}
}

func TestModelKeyOfSomethingElseIsEmpty(t *testing.T) {
	t.Parallel()
	m := mustModel[modelUser](t, openTestDB(t))
	for _, v := range []any{nil, (*modelUser)(nil), modelCompany{ID: 1}, &modelCompany{ID: 1}, "1"} {
		if got := m.Key(v); got != "" {
			t.Errorf("Key(%T) = %q; want none", v, got)
		}
	}
}

func TestNewModelReportsEveryFault(t *testing.T) {
	t.Parallel()
	type noKey struct{ Name string }
	type hiddenKey struct {
		Tenant string  `gorm:"primaryKey" powgin:"-"`
		Number float64 `gorm:"primaryKey"`
		Posts  int     `gorm:"->;-:migration"`
	}
	type hiddenBase struct {
		*ModelBase `powgin:"-"`
	}
	type serialised struct {
		ID []string `gorm:"primaryKey;serializer:json"`
	}
	type unreadable struct {
		ID int `gorm:"serializer:nosuch"`
	}
	type ambiguous struct {
		ID    uint
		Posts func() `gorm:"embedded"`
	}
	db := openTestDB(t)
	tests := []struct {
		db   *gorm.DB
		typ  reflect.Type
		want []string // the beginning of each fault
	}{
		{nil, reflect.TypeFor[modelUser](), []string{"Config.DB is nil"}},
		{&gorm.DB{}, reflect.TypeFor[modelUser](), []string{"Config.DB is nil"}},
		{db, reflect.TypeFor[string](), []string{"string (string) is no struct"}},
		{db, reflect.TypeFor[*modelUser](), []string{"*handlers.modelUser (ptr) is no struct"}},
		{db, reflect.TypeFor[noKey](), []string{"noKey has no primary key"}},
		{db, reflect.TypeFor[hiddenKey](), []string{
			"hiddenKey.Posts is read-only and never migrated",
			"hiddenKey.Tenant is part of the primary key",
			"hiddenKey.Number (float64) cannot be a user key",
		}},
		{db, reflect.TypeFor[hiddenBase](), []string{"hiddenBase.ModelBase.ID is part of the primary key"}},
		{db, reflect.TypeFor[serialised](), []string{"serialised.ID ([]string) cannot be a user key"}},
		{db, reflect.TypeFor[unreadable](), []string{"unreadable cannot be read as a GORM model: invalid serializer"}},
		{db, reflect.TypeFor[ambiguous](), []string{"ambiguous cannot be read as a GORM model"}},
	}
	for _, tt := range tests {
		m, faults := NewModel(tt.db, tt.typ)
		if m != nil || len(faults) != len(tt.want) {
			t.Errorf("NewModel(%v) = %v, %q; want faults %q", tt.typ, m, faults, tt.want)
			continue
		}
		for i, want := range tt.want {
			if got := faults[i].Error(); !strings.HasPrefix(got, want) {
				t.Errorf("NewModel(%v): fault %d = %q; want %q…", tt.typ, i, got, want)
			}
		}
	}
}

func TestModelReadsComputedColumnsThatAreKept(t *testing.T) {
	t.Parallel()
	type user struct {
		ID    uint
		Posts int `gorm:"->;-:migration" powgin:"keep"`
		Likes int `gorm:"->;-:migration" powgin:"-"`
	}
	m := mustModel[user](t, openTestDB(t))
	if got, want := m.Columns(), []string{"id", "posts"}; !slices.Equal(got, want) {
		t.Errorf("Columns() = %q; want %q", got, want)
	}
}

func BenchmarkModelKey(b *testing.B) {
	m := mustModel[modelUser](b, openTestDB(b))
	user := &modelUser{Model: gorm.Model{ID: 123456}}
	b.ReportAllocs()
	for b.Loop() {
		m.Key(user)
	}
}
