package powgin_test

import (
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A library is what an app kept its sessions with before. What it is told of
// users are their keys, "" for nobody.
type library struct {
	ahead gin.HandlerFunc // its middleware
	begin func(c *gin.Context, user string) error
	user  func(c *gin.Context) string
	end   func(c *gin.Context) error

	mounted bool // it is a session of gin-contrib/sessions, which SignOut ends
}

// libraries are the two kinds there are: those that keep sessions in the cookie
// itself, and those that keep them at the server.
var libraries = map[string]func() library{
	"in gin-contrib's cookie": cookieLibrary,
	"at the server":           serverLibrary,
}

// cookieLibrary is gin-contrib/sessions as its README has it.
func cookieLibrary() library {
	save := func(c *gin.Context, change func(sessions.Session)) error {
		s := sessions.Default(c)
		change(s)
		return s.Save()
	}
	return library{
		ahead: sessions.Sessions("old", cookie.NewStore([]byte("a secret of thirty-two bytes ..."))),
		begin: func(c *gin.Context, user string) error {
			return save(c, func(s sessions.Session) { s.Set("user_id", user) })
		},
		user: func(c *gin.Context) string {
			user, _ := sessions.Default(c).Get("user_id").(string)
			return user
		},
		end: func(c *gin.Context) error {
			return save(c, func(s sessions.Session) {
				s.Clear()
				s.Options(sessions.Options{Path: "/", MaxAge: -1})
			})
		},
		mounted: true,
	}
}

// serverLibrary keeps sessions as memstore, gorm and redis stores do.
func serverLibrary() library {
	var users sync.Map // by the cookie
	id := func(c *gin.Context) string {
		value, _ := c.Cookie("old")
		return value
	}
	return library{
		ahead: func(*gin.Context) {},
		begin: func(c *gin.Context, user string) error {
			value := rand.Text()
			users.Store(value, user)
			c.SetCookie("old", value, 0, "/", "", false, true)
			return nil
		},
		user: func(c *gin.Context) string {
			user, _ := users.Load(id(c))
			key, _ := user.(string)
			return key
		},
		end: func(c *gin.Context) error {
			users.Delete(id(c))
			c.SetCookie("old", "", -1, "/", "", false, true)
			return nil
		},
	}
}

// A mover is an app that moves from a library to powgin.
type mover struct {
	*app
	people *people
	events *journal
	errors *record

	library library
	asked   atomic.Int64 // how often Import was called
	ended   atomic.Int64 // how often an old session was
	cannot  atomic.Bool  // Import cannot tell
	stays   atomic.Bool  // the old session cannot be ended
}

var errOldStore = errors.New("the old store is down")

func newMover(t *testing.T, l library, change func(*powgin.Config[User])) *mover {
	t.Helper()
	m := &mover{library: l, events: &journal{}, errors: &record{}}
	m.app, m.people = newPeopleApp(t, func(c *powgin.Config[User]) {
		c.Import, c.OnEvent, c.OnError = m.imports, m.events.on, m.errors.on
		if change != nil {
			change(c)
		}
	})
	m.mount(l.ahead)
	m.recent()
	return m
}

func (m *mover) imports(c *gin.Context) (powgin.Imported, error) {
	m.asked.Add(1)
	if m.cannot.Load() {
		return powgin.Imported{}, errOldStore
	}
	return powgin.Imported{UserKey: m.library.user(c), End: func() error {
		if m.stays.Load() {
			return errOldStore
		}
		m.ended.Add(1)
		return m.library.end(c)
	}}, nil
}

// before returns a browser that signed in with the old library, when there was
// nothing else.
func (m *mover) before(user uint) *browser {
	m.Helper()
	router := gin.New()
	router.POST("/login", m.library.ahead, func(c *gin.Context) {
		if err := m.library.begin(c, strconv.FormatUint(uint64(user), 10)); err != nil {
			m.Error(err)
		}
	})
	old := (&app{TB: m.TB, router: router}).browser()
	old.post("/login").want(http.StatusOK)
	b := m.browser()
	maps.Copy(b.cookies, old.cookies)
	if len(b.cookies) == 0 {
		m.Fatal("the old library gave the browser no cookie")
	}
	return b
}

// wantAsked fails the test where Import was called another number of times since
// it was last asked.
func (m *mover) wantAsked(want int64, when string) {
	m.Helper()
	if got := m.asked.Swap(0); got != want {
		m.Errorf("%s: Import was called %d times; want %d", when, got, want)
	}
}

func (m *mover) wantEnded(want int64, when string) {
	m.Helper()
	if got := m.ended.Swap(0); got != want {
		m.Errorf("%s: %d old sessions were ended; want %d", when, got, want)
	}
}

// wantUntouched fails the test where something of the old session has changed,
// for a request that it did not help.
func (m *mover) wantUntouched(r *response) {
	m.Helper()
	r.wantNoCookie()
	m.wantEnded(0, r.what)
	if n := m.count("1"); n != 0 {
		m.Errorf("%s: alice has %d sessions; want none", r.what, n)
	}
}

// moves runs a story for each kind of library, in a bubble.
func moves(t *testing.T, what string, change func(*powgin.Config[User]), story func(m *mover)) {
	t.Helper()
	for where, l := range libraries {
		t.Run(strings.Join([]string{what, "from sessions " + where}, ", "), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { story(newMover(t, l(), change)) })
		})
	}
}
