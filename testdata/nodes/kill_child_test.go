package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/redis/rueidis"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/gormstore"
	"github.com/powgin/powgin/cache/redisstore"
)

// Person is somebody whose row is in a database.
type Person struct {
	Name string `gorm:"primaryKey;size:64"`
	Plan int    // each change of theirs has the next one
}

// oldest is how long a change shows late that nobody has told powgin of.
const oldest = time.Second

// A place is where the nodes of an app have users and accounts: all that a
// process has to be told.
type place struct {
	Kind  string // a kind of store's name
	DSN   string // the database of the users and, without Redis, of accounts
	Redis string
}

// place makes one of the test's own.
func (k kind) place(t testing.TB) place {
	switch k.name {
	case "postgres":
		return place{Kind: k.name, DSN: ownPostgres(t)}
	case "mariadb":
		return place{Kind: k.name, DSN: ownMariaDB(t)}
	case "sqlite":
		return place{Kind: k.name, DSN: ownSQLite(t)}
	default:
		return place{Kind: k.name, DSN: ownSQLite(t), Redis: newServer(t).addr}
	}
}

func (p place) dialector() gorm.Dialector {
	switch p.Kind {
	case "postgres":
		return postgres.Open(p.DSN)
	case "mariadb":
		return mysql.Open(p.DSN)
	default:
		return sqlite.Dialector{DriverName: "sqlite", DSN: p.DSN}
	}
}

func (p place) store(db *gorm.DB) (cache.Store, error) {
	if p.Redis == "" {
		return gormstore.New(db, gormstore.Migrate())
	}
	var opts []redisstore.Option
	if strings.HasSuffix(p.Kind, "strict") {
		opts = append(opts, redisstore.Strict())
	}
	return redisstore.Open(context.Background(), rueidis.ClientOption{InitAddress: []string{p.Redis}}, opts...)
}

// personApp returns a node of these stores.
func personApp(db *gorm.DB, store cache.Store) (*powgin.Auth[Person], http.Handler, error) {
	auth, err := powgin.New(powgin.Config[Person]{DB: db, Store: store, MaxAge: oldest, MaxSessions: 1000})
	if err != nil {
		return nil, nil, err
	}
	router := gin.New()
	router.Use(auth.Session())
	personRoutes(router, db, auth)
	return auth, router, nil
}

// personRoutes answer with the user's name and plan, and with the session's ID.
func personRoutes(r *gin.Engine, db *gorm.DB, auth *powgin.Auth[Person]) {
	show := func(c *powgin.Context[Person], u Person, err error) {
		if err != nil {
			powgin.Abort(c.Context, err)
			return
		}
		info, _ := c.Session()
		c.String(http.StatusOK, "%s %d %s", u.Name, u.Plan, info.ID)
	}
	r.POST("/signin/:name", powgin.Handle(func(c *powgin.Context[Person]) {
		err := c.SignIn(Person{Name: c.Param("name")})
		u, _ := c.User()
		show(c, u, err)
	}))
	in := r.Group("", auth.RequireUser())
	in.GET("/me", powgin.Handle(func(c *powgin.Context[Person]) { show(c, c.MustUser(), nil) }))
	in.POST("/change", powgin.Handle(func(c *powgin.Context[Person]) {
		u, err := nextPlan(db.WithContext(c.Request.Context()), c.MustUser().Name)
		if err == nil {
			err = c.SyncUser(u)
		}
		show(c, u, err)
	}))
	in.POST("/signout", powgin.Handle(func(c *powgin.Context[Person]) {
		u := c.MustUser()
		show(c, u, c.SignOut())
	}))
	in.POST("/revoke/:id", powgin.Handle(func(c *powgin.Context[Person]) {
		show(c, c.MustUser(), c.Revoke(c.Param("id")))
	}))
}

// nextPlan gives a user the next plan, and returns what the row is then.
func nextPlan(db *gorm.DB, name string) (u Person, err error) {
	err = db.Transaction(func(tx *gorm.DB) error {
		one := tx.Model(&Person{}).Where("name = ?", name)
		if err := one.Update("plan", gorm.Expr("plan + 1")).Error; err != nil {
			return err
		}
		return tx.Where("name = ?", name).Take(&u).Error
	})
	return u, err
}

// childVariable makes a node of the test's program: it says where.
const childVariable = "POWGIN_NODES_CHILD"

// newChild starts a node in a process of its own.
func (p place) newChild() (*process, error) {
	where, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), childVariable+"="+string(where))
	cmd.Stderr = os.Stderr
	return newProcess(cmd)
}

// beChild serves HTTP until standard input ends.
func beChild(where string) {
	listener, err := serveChild(where)
	if err != nil {
		fmt.Fprintln(os.Stderr, "the child:", err)
		os.Exit(1)
	}
	fmt.Println(listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func serveChild(where string) (net.Listener, error) {
	var p place
	if err := json.Unmarshal([]byte(where), &p); err != nil {
		return nil, err
	}
	db, err := connect(p.dialector())
	if err != nil {
		return nil, err
	}
	store, err := p.store(db)
	if err != nil {
		return nil, err
	}
	_, router, err := personApp(db, store)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() { _ = http.Serve(listener, router) }()
	return listener, nil
}
