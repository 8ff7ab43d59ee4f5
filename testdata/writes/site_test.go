package writes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// User is the app's model.
type User struct {
	ID        uint
	CreatedAt time.Time
	UpdatedAt time.Time
	DeletedAt gorm.DeletedAt
	Email     string `gorm:"uniqueIndex;size:100"`
	Plan      string
	SeenAt    *time.Time
	Failures  int `powgin:"-"`
	Cards     []Card
	TeamID    *uint
	Team      *Team    `powgin:"-"`
	Circles   []Circle `gorm:"many2many:user_circles;constraint:OnDelete:CASCADE" powgin:"-"`
}

// Card belongs to a user.
type Card struct {
	ID     uint
	UserID *uint
	Number string
}

// Team has users.
type Team struct {
	ID    uint
	Name  string
	Users []User
}

// ways are the ways in which apps open a database.
var ways = []struct {
	name     string
	config   gorm.Config
	resolver bool
}{
	{name: "as it comes"},
	{name: "SkipDefaultTransaction", config: gorm.Config{SkipDefaultTransaction: true}},
	{name: "PrepareStmt", config: gorm.Config{PrepareStmt: true}},
	{name: "PrepareStmt and SkipDefaultTransaction", config: gorm.Config{PrepareStmt: true, SkipDefaultTransaction: true}},
	{name: "dbresolver", config: gorm.Config{PrepareStmt: true}, resolver: true},
}

// A site is an app with four users who are signed in.
type site struct {
	testing.TB
	db     *gorm.DB // followed by the plugin
	beside *gorm.DB // followed by nobody
	auth   *powgin.Auth[User]
	users  []*powgintest.Browser
}

const people = 4

func newSite(t testing.TB, d gorm.Dialector, config gorm.Config, resolver bool, change func(*powgin.Config[User])) *site {
	t.Helper()
	s := &site{TB: t, db: dial(t, d, config)}
	s.beside = dial(t, d, gorm.Config{})
	must(t, s.beside.AutoMigrate(&Team{}, &User{}, &Card{}, &Pass{}, &Seal{}))
	cfg := powgin.Config[User]{DB: s.db, MaxAge: powgin.NoMaxAge, IgnoreColumns: []string{"seen_at"}, Transport: powgin.Cookie{Insecure: true}}
	if change != nil {
		change(&cfg)
	}
	s.auth = powgin.Must(powgin.New(cfg))
	t.Cleanup(func() { _ = s.auth.Close() })
	must(t, s.db.Use(s.auth))
	if resolver {
		must(t, s.db.Use(dbresolver.Register(dbresolver.Config{Sources: []gorm.Dialector{d}, Replicas: []gorm.Dialector{d}})))
	}
	router := gin.New()
	router.Use(s.auth.Session())
	router.POST("/in/:id", func(c *gin.Context) {
		var u User
		if err := s.beside.First(&u, c.Param("id")).Error; err != nil || powgin.SignIn(c, u) != nil {
			c.AbortWithStatus(http.StatusInternalServerError)
		}
	})
	router.GET("/me", powgin.Handle(func(c *powgin.Context[User]) {
		u, ok := c.User()
		if !ok {
			c.AbortWithStatus(http.StatusUnauthorized)
			return
		}
		c.JSON(http.StatusOK, u.Plan)
	}))
	for range people {
		s.users = append(s.users, powgintest.NewBrowser(t, router))
	}
	return s
}

// ready has everybody in the table, signed in and cached, as if nothing had been.
func (s *site) ready() {
	s.Helper()
	s.reset()
	must(s, s.auth.InvalidateAll(s.Context()))
	for id := 1; id <= people; id++ {
		if s.plan(id) == "" {
			if r := s.users[id-1].PostForm(fmt.Sprintf("/in/%d", id)); r.Status != http.StatusOK {
				s.Fatalf("user %d cannot sign in: %d", id, r.Status)
			}
			s.plan(id)
		}
		if fromCache, plan := s.look(id); !fromCache || plan != "free" {
			s.Fatalf("user %d, %q, is not cached", id, plan)
		}
	}
}

// reset gives the table its four users, beside the plugin.
func (s *site) reset() {
	s.Helper()
	for _, table := range []string{"cards", "users", "teams"} {
		must(s, s.beside.Exec("DELETE FROM "+table).Error)
	}
	for id := uint(1); id <= people; id++ {
		must(s, s.beside.Create(&User{ID: id, Email: fmt.Sprintf("user%d@example.com", id), Plan: "free"}).Error)
	}
	if s.beside.Name() == "postgres" {
		must(s, s.beside.Exec("SELECT setval(pg_get_serial_sequence('users', 'id'), 100)").Error)
	}
}

// seed gives the other tables their rows, beside the plugin.
func (s *site) seed() {
	s.Helper()
	must(s, s.beside.Transaction(func(tx *gorm.DB) error {
		for _, text := range seed {
			if err := tx.Exec(text).Error; err != nil {
				return err
			}
		}
		return nil
	}))
}

// plan is what a user's page shows, "" for nobody.
func (s *site) plan(id int) (plan string) {
	s.Helper()
	switch r := s.users[id-1].Get("/me"); r.Status {
	case http.StatusOK:
		must(s, json.Unmarshal([]byte(r.Body), &plan))
	case http.StatusUnauthorized:
	default:
		s.Fatalf("GET /me of user %d = %d %s", id, r.Status, r.Body)
	}
	return plan
}

// look is one request, and whether the cache answered it.
func (s *site) look(id int) (fromCache bool, plan string) {
	s.Helper()
	before := s.auth.Stats()
	plan = s.plan(id)
	after := s.auth.Stats()
	return after.Hits > before.Hits && after.Misses == before.Misses, plan
}

// row is what the database has, "" for a user who is gone.
func (s *site) row(id int) string {
	s.Helper()
	var u User
	must(s, s.beside.Limit(1).Find(&u, id).Error)
	return u.Plan
}

// all stands for a change that may be anybody's.
var all = []int{1, 2, 3, 4}

// wantSeen holds that everybody sees their row, that those in changed were read
// from the database, and that nobody else was.
func (s *site) wantSeen(changed []int) {
	s.Helper()
	for id := 1; id <= people; id++ {
		fromCache, plan := s.look(id)
		if want := s.row(id); plan != want {
			s.Errorf("user %d sees the plan %q; want that of the row, %q", id, plan, want)
		}
		if want := !slices.Contains(changed, id); fromCache != want {
			s.Errorf("user %d is answered from the cache: %v; want %v", id, fromCache, want)
		}
	}
}
