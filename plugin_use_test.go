package powgin_test

import (
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// resolver is a plugin with the name of dbresolver's.
type resolver struct{}

func (resolver) Name() string              { return "gorm:db_resolver" }
func (resolver) Initialize(*gorm.DB) error { return nil }

func TestUseRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		use  func(t *testing.T, db *gorm.DB) error
		want string
	}{
		"the same Auth twice": {func(t *testing.T, db *gorm.DB) error {
			auth := open(t, powgin.Config[User]{DB: db})
			noError(t, db.Use(auth))
			err := db.Use(auth)
			if !errors.Is(err, gorm.ErrRegistered) {
				t.Errorf("the second db.Use = %v; want gorm.ErrRegistered", err)
			}
			return err
		}, "registered"},
		"an Auth that comes after dbresolver": {func(t *testing.T, db *gorm.DB) error {
			noError(t, db.Use(resolver{}))
			return db.Use(open(t, powgin.Config[User]{DB: db}))
		}, "db.Use(auth) has to come before dbresolver's"},
		"an Auth with Config.Users": {func(t *testing.T, db *gorm.DB) error {
			return db.Use(open(t, powgin.Config[User]{Users: &people{}}))
		}, "powgin: db.Use(auth) needs Config.DB; with Config.Users tell the cache of changes by Auth.Write"},
		"a transaction": {func(t *testing.T, db *gorm.DB) error {
			tx := db.Begin()
			defer tx.Rollback()
			return tx.Use(open(t, powgin.Config[User]{DB: db}))
		}, "transaction"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := tt.use(t, openDB(t)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("db.Use = %v; want %q", err, tt.want)
			}
		})
	}
}

func TestUseBeforeDbresolverIsFine(t *testing.T) {
	t.Parallel()
	db := openDB(t)
	auth := open(t, powgin.Config[User]{DB: db})
	if err := errors.Join(db.Use(auth), db.Use(resolver{})); err != nil {
		t.Errorf("db.Use of an Auth, then of dbresolver = %v; want nil", err)
	}
}

func TestWritesAndIgnoreColumnsAreCheckedAtSetUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*powgin.Config[User])
		want   string // in the error; "" for a Config that is fine
	}{
		"StrictWrites":        {func(c *powgin.Config[User]) { c.Writes = powgin.StrictWrites }, ""},
		"LaxWrites":           {func(c *powgin.Config[User]) { c.Writes = powgin.LaxWrites }, ""},
		"a negative policy":   {func(c *powgin.Config[User]) { c.Writes = -1 }, "Config.Writes (-1) must be StrictWrites or LaxWrites"},
		"another policy":      {func(c *powgin.Config[User]) { c.Writes = 2 }, "Config.Writes (2) must be StrictWrites or LaxWrites"},
		"columns":             {func(c *powgin.Config[User]) { c.IgnoreColumns = []string{"plan", "updated_at"} }, ""},
		"a column of nowhere": {func(c *powgin.Config[User]) { c.IgnoreColumns = []string{"seen"} }, "Config.IgnoreColumns (seen) is no column of users"},
		"a field's name":      {func(c *powgin.Config[User]) { c.IgnoreColumns = []string{"Plan"} }, "Config.IgnoreColumns (Plan) is no column of users"},
		"the key":             {func(c *powgin.Config[User]) { c.IgnoreColumns = []string{"plan", "id"} }, "Config.IgnoreColumns (id) is part of the primary key, whose change is always announced"},
		"all at once": {func(c *powgin.Config[User]) { c.Writes, c.IgnoreColumns = 7, []string{"seen", "id"} },
			"Config.Writes (7) must be StrictWrites or LaxWrites"},
	} {
		cfg := powgin.Config[User]{DB: openDB(t)}
		tt.change(&cfg)
		auth, err := powgin.New(cfg)
		switch {
		case err == nil && tt.want != "":
			t.Errorf("%s: New is fine with it; want %q", name, tt.want)
		case err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: New = %v; want %q", name, err, tt.want)
		case name == "all at once" && strings.Count(err.Error(), "Config.IgnoreColumns") != 2:
			t.Errorf("%s: New = %v; want every fault", name, err)
		}
		if auth != nil {
			_ = auth.Close()
		}
	}
}

func TestIgnoredColumnsAreNotAnnounced(t *testing.T) {
	t.Parallel()
	f := newFollowed(t, func(c *powgin.Config[User]) { c.IgnoreColumns = []string{"credits", "updated_at"} })
	for name, tt := range map[string]struct {
		write func() error
		seen  bool
	}{
		"an ignored column":            {func() error { return f.db.Model(person1()).Update("credits", 5).Error }, false},
		"one tagged away":              {func() error { return f.db.Model(person1()).Update("password_hash", "x").Error }, false},
		"both, raw":                    {func() error { return f.db.Exec("UPDATE users SET credits = 6, password_hash = 'y' WHERE id = 1").Error }, false},
		"an ignored one and another":   {func() error { return f.db.Model(person1()).Updates(User{Credits: 7, Role: "admin"}).Error }, true},
		"gorm.DeletedAt, that is none": {func() error { return f.db.Model(person1()).Update("deleted_at", nil).Error }, true},
	} {
		f.wantCached(name, f.alice)
		noError(t, tt.write())
		f.wantLook(name, f.alice, !tt.seen, "free")
	}
}

func person1() *User { return &User{Model: gorm.Model{ID: 1}} }
