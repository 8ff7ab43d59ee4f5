package powgin_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// A Keeper is a user whose roles are in other tables, from which a hook reads them.
type Keeper struct {
	ID          uint
	Name        string
	Roles       string       `gorm:"-"`
	Memberships []Membership `powgin:"-"`
	Duties      []Duty       `gorm:"many2many:keeper_duties" powgin:"-"`
}

// AfterFind implements GORM's hook.
func (k *Keeper) AfterFind(tx *gorm.DB) (err error) {
	k.Roles, err = rolesOf(tx.Session(&gorm.Session{NewDB: true}), k.ID)
	return err
}

// A Membership, a Duty and a Grant are what a keeper's roles are made of.
type (
	Membership struct {
		ID        uint
		KeeperID  *uint
		Role      string
		DeletedAt gorm.DeletedAt
	}
	Duty struct {
		ID   uint
		Name string
	}
	Grant struct {
		KeeperID uint   `gorm:"primaryKey;autoIncrement:false"`
		Name     string `gorm:"primaryKey"`
		Code     string `gorm:"unique"`
		Level    string
	}
	Tag struct {
		ID        uint
		OwnerType string
		OwnerID   uint
		Text      string
	}
	unwatched struct {
		ID   uint
		Note string
	}
)

const rolesQuery = `SELECT role, keeper_id FROM memberships WHERE deleted_at IS NULL
	UNION ALL SELECT d.name, kd.keeper_id FROM duties d JOIN keeper_duties kd ON kd.duty_id = d.id
	UNION ALL SELECT level, keeper_id FROM grants`

func rolesOf(db *gorm.DB, id uint) (string, error) {
	var roles []string
	err := db.Raw("SELECT role FROM ("+rolesQuery+") WHERE keeper_id = ? ORDER BY role", id).Scan(&roles).Error
	return strings.Join(roles, " "), err
}

// A Joined is the same user as Users finds them, by a join.
type Joined struct {
	ID    uint
	Name  string
	Roles string
}

// joins is the Config.Users that reads them.
type joins struct{ db *gorm.DB }

func (joins) Key(u Joined) string { return strconv.FormatUint(uint64(u.ID), 10) }

func (j joins) Find(ctx context.Context, key string) (u Joined, found bool, err error) {
	found = true
	err = j.db.WithContext(ctx).Raw(`SELECT k.id, k.name, coalesce(group_concat(r.role, ' ' ORDER BY r.role), '') AS roles
		FROM keepers k LEFT JOIN (`+rolesQuery+`) r ON r.keeper_id = k.id WHERE k.id = ? GROUP BY k.id`, key).Take(&u).Error
	return u, found, err
}

// A tables is an app of three users who are read from several tables.
type tables struct {
	testing.TB
	db, beside *gorm.DB // db is followed
	store      *powgintest.FlakyStore
	told       *troubles
	users      []*browser
	misses     func() uint64
}

var watchedTables = map[string]powgin.WatchTable{
	"memberships":   {Columns: []string{"keeper_id"}},
	"keeper_duties": {Columns: []string{"keeper_id"}},
	"grants":        {Columns: []string{"keeper_id"}},
	"duties":        {},
}

// newTables starts an app with Config.DB.
func newTables(t testing.TB, config gorm.Config, change func(*powgin.Config[Keeper])) *tables {
	t.Helper()
	s := openTables(t, config)
	cfg := powgin.Config[Keeper]{DB: s.db, WatchTables: watchedTables}
	if change != nil {
		change(&cfg)
	}
	return startTables(s, cfg, func(k Keeper) string { return k.Name + ": " + k.Roles }, func(id uint) Keeper { return Keeper{ID: id} })
}

// newJoinedTables starts an app with Config.Users.
func newJoinedTables(t testing.TB, config gorm.Config) *tables {
	t.Helper()
	s := openTables(t, config)
	cfg := powgin.Config[Joined]{Users: joins{s.beside}, WatchTables: map[string]powgin.WatchTable{"keepers": {Columns: []string{"id"}}}}
	maps.Copy(cfg.WatchTables, watchedTables)
	return startTables(s, cfg, func(u Joined) string { return u.Name + ": " + u.Roles }, func(id uint) Joined { return Joined{ID: id} })
}

func openTables(t testing.TB, config gorm.Config) *tables {
	t.Helper()
	o := openFollowed(t, config, &Duty{}, &Keeper{}, &Membership{}, &Grant{}, &Tag{}, &unwatched{})
	s := &tables{TB: t, db: o.db, beside: o.beside, store: powgintest.NewFlakyStore(cache.NewMemory(0)), told: &troubles{}}
	s.reset()
	return s
}

func startTables[U any](s *tables, cfg powgin.Config[U], shown func(U) string, user func(id uint) U) *tables {
	s.Helper()
	cfg.MaxAge, cfg.Transport, cfg.Store, cfg.OnError = powgin.NoMaxAge, powgin.Cookie{Insecure: true}, s.store, s.told.on
	auth := open(s.TB, cfg)
	noError(s, s.db.Use(auth))
	s.misses = func() uint64 { return auth.Stats().Misses }
	a := &app{TB: s.TB, router: gin.New()}
	a.router.Use(auth.Session())
	a.router.POST("/in/:id", powgin.Handle(func(c *powgin.Context[U]) {
		id, _ := strconv.Atoi(c.Param("id"))
		if err := c.SignIn(user(uint(id))); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	a.router.GET("/", auth.RequireUser(), powgin.Handle(func(c *powgin.Context[U]) { c.String(http.StatusOK, shown(c.MustUser())) }))
	for id := range 3 {
		b := a.browser()
		b.post(fmt.Sprint("/in/", id+1)).want(http.StatusOK)
		s.users = append(s.users, b)
	}
	return s
}

// reset gives the tables their first rows, beside the plugin.
func (s *tables) reset() {
	s.Helper()
	for _, text := range []string{
		"DELETE FROM keepers", "DELETE FROM memberships", "DELETE FROM duties", "DELETE FROM keeper_duties", "DELETE FROM grants",
		"INSERT INTO keepers (id, name) VALUES (1, 'ann'), (2, 'ben'), (3, 'cid')",
		"INSERT INTO memberships (id, keeper_id, role) VALUES (1, 1, 'member'), (2, 2, 'member'), (3, 3, 'member'), (4, 1, 'editor')",
		"INSERT INTO duties (id, name) VALUES (1, 'desk'), (2, 'door')",
		"INSERT INTO keeper_duties (keeper_id, duty_id) VALUES (1, 1), (2, 1)",
		"INSERT INTO grants (keeper_id, name, code, level) VALUES (1, 'keys', 'a', 'some'), (2, 'keys', 'b', 'some')",
	} {
		noError(s, s.beside.Exec(text).Error)
	}
}

var nobody, everybody = []int(nil), []int{1, 2, 3}

// wantSeen has everybody cached, runs a write, and fails the test unless everybody
// sees what the tables have, and those of these ids alone are read for it.
func (s *tables) wantSeen(what string, write func(db *gorm.DB) error, changed ...int) {
	s.Helper()
	for _, b := range s.users {
		b.get("/").want(http.StatusOK)
	}
	if err := write(s.db); err != nil {
		s.Fatalf("%s: %v", what, err)
	}
	s.wantRead(what, changed)
}

// wantRead fails the test where others than these are not in the cache, or where
// anybody sees what is not in the tables.
func (s *tables) wantRead(what string, changed []int) {
	s.Helper()
	var got []int
	for i, b := range s.users {
		before := s.misses()
		page := b.get("/").want(http.StatusOK).Body.String()
		if s.misses() > before {
			got = append(got, i+1)
		}
		var k Keeper
		noError(s, s.beside.First(&k, i+1).Error)
		if want := k.Name + ": " + k.Roles; page != want {
			s.Errorf("%s: user %d sees %q; want %q", what, i+1, page, want)
		}
	}
	if !slices.Equal(got, changed) {
		s.Errorf("%s: the users %v are read from the database; want %v", what, got, changed)
	}
}
