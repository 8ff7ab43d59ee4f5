package powgin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/cookie"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// An inShop is a shop whose tokens are in its session. Its records run out, as
// those of servers do.
type inShop struct {
	*ginShop
	shelf    *shelf
	events   *journal
	atServer bool // values are, and not in the cookie
}

// newInShop starts an inShop. change may alter its Config, as its Transport.
func newInShop(t testing.TB, change func(*powgin.Config[User]), names ...string) *inShop {
	t.Helper()
	s := &inShop{events: &journal{}, atServer: true}
	s.ginShop = newGinShop(t, func(c *powgin.Config[User]) {
		c.Transport, c.OnEvent = powgin.InSession{}, s.events.on
		if change != nil {
			change(c)
		}
	})
	s.shelf = newShelf(s.store)
	if names == nil {
		s.mountIn(sessions.Sessions("shop", s.shelf))
	} else {
		s.mountIn(sessions.SessionsMany(names, s.shelf))
	}
	return s
}

// mountIn makes the shop's router anew, with middleware ahead of Session.
func (s *inShop) mountIn(ahead ...gin.HandlerFunc) {
	s.mount(ahead...)
	s.router.POST("/put/:key/:value", func(c *gin.Context) { s.put(c, c.Param("key"), c.Param("value")) })
	s.router.GET("/kept", func(c *gin.Context) { c.String(http.StatusOK, kept(mounted(c, c.Query("in")))) })
	for path, h := range map[string]func(*Context) error{
		"/sync":   func(c *Context) error { return c.SyncUser(person(1)) },
		"/sync/0": func(c *Context) error { return c.SyncUser(person(1), powgin.Grace(0)) },
	} {
		s.handle("POST", path, func(c *Context) { answer(c, h(c)) })
	}
}

// kept returns what a session keeps beside what is powgin's.
func kept(session sessions.Session) string {
	values := map[string]string{}
	for key, value := range ginValues(session) {
		if name := fmt.Sprint(key); !strings.HasPrefix(name, "powgin") {
			values[name] = fmt.Sprint(value)
		}
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		list = append(list, key+"="+values[key])
	}
	return strings.Join(list, " ")
}

// wantKept fails the test where the browser's session keeps anything else.
func (b *browser) wantKept(want, when string) {
	b.Helper()
	if got := b.get("/kept").want(http.StatusOK).Body.String(); got != want {
		b.Errorf("%s the session keeps %q; want %q", when, got, want)
	}
}

// wantIn fails the test unless the browser is signed in as this user, "" for
// nobody. It asks once.
func (b *browser) wantIn(name, when string) *response {
	b.Helper()
	r := b.get("/").want(http.StatusOK)
	got := ""
	if u := r.shows(); u != nil {
		got = u.Name
	}
	if got != name {
		b.Errorf("%s: GET / shows %q; want %q", when, got, name)
	}
	return r
}

// arrive returns a browser in which alice has just signed in.
func (s *inShop) arrive() *browser {
	s.Helper()
	b := s.browser()
	b.post("/signin/1").want(http.StatusOK)
	return b
}

// inLine is the line of the shop's cookie as InSession leaves it.
func inLine(id string) string { return "shop=" + id + "; Path=/; HttpOnly; Secure; SameSite=Lax" }

// inDeleted is the line that ends it.
const inDeleted = "shop=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax"

// A shelf is a ginStore whose records run out as their options say, at once
// where those leave the cookie to the browser's session. A test may have its
// loads fail.
type shelf struct {
	*ginStore
	mu      sync.Mutex
	until   map[string]time.Time // by ID; guarded by mu
	failing error                // what loads answer; guarded by mu
}

func newShelf(store *ginStore) *shelf { return &shelf{ginStore: store, until: map[string]time.Time{}} }

func (s *shelf) Get(r *http.Request, name string) (*gorilla.Session, error) {
	return gorilla.GetRegistry(r).Get(s, name)
}

func (s *shelf) New(r *http.Request, name string) (*gorilla.Session, error) {
	s.mu.Lock()
	failing := s.failing
	if c, err := r.Cookie(name); err == nil {
		if until, ok := s.until[c.Value]; ok && !time.Now().Before(until) {
			s.ginStore.drop(c.Value)
		}
	}
	s.mu.Unlock()
	session, err := s.ginStore.New(r, name)
	if failing != nil && session.ID != "" {
		session.Values, session.IsNew, err = map[any]any{}, true, failing
	}
	return session, err
}

func (s *shelf) Save(r *http.Request, w http.ResponseWriter, session *gorilla.Session) error {
	err := s.ginStore.Save(r, w, session)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until[session.ID] = time.Now().Add(time.Duration(session.Options.MaxAge) * time.Second)
	return err
}

// drop forgets a record.
func (s *ginStore) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, id)
}

// fail has loads of records answer with this error from now on, nil for that
// they work again.
func (s *shelf) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing = err
}

// lasts returns for how long a record is kept from now.
func (s *shelf) lasts(id string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Until(s.until[id])
}

// shopBubble runs a story on an inShop of its own in a bubble.
func shopBubble(t *testing.T, change func(*powgin.Config[User]), story func(s *inShop)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { story(newInShop(t, change)) })
}

// inBoth runs a story for sessions at the server, and for those in the cookie.
func inBoth(t *testing.T, what string, change func(*powgin.Config[User]), story func(s *inShop)) {
	t.Helper()
	t.Run(what+", at the server", func(t *testing.T) { shopBubble(t, change, story) })
	t.Run(what+", in the cookie", func(t *testing.T) {
		shopBubble(t, change, func(s *inShop) {
			s.inCookies()
			story(s)
		})
	})
}

// inCookies has the shop keep its sessions in the cookie itself.
func (s *inShop) inCookies() {
	s.atServer = false
	s.mountIn(sessions.Sessions("shop", s.sessionStore()))
}

// ahead is middleware that sets the options of the session and saves it.
func ahead(s *inShop, o sessions.Options) gin.HandlerFunc {
	return func(c *gin.Context) {
		sessions.Default(c).Options(o)
		s.put(c, "seen", "yes")
	}
}

// secondSwapFails is a store whose changes fail, but for the first since it was
// armed.
type secondSwapFails struct {
	*spyStore
	armed atomic.Int64
}

func (s *secondSwapFails) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if s.armed.Load() > 0 && s.armed.Add(1) > 2 {
		return cache.Loaded{}, false, errStoreDown
	}
	return s.spyStore.Swap(ctx, key, old, next)
}

// errRefused is what a store says whose server is down.
var errRefused error = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}

// sessionStore is the store that the shop's sessions are in.
func (s *inShop) sessionStore() sessions.Store {
	if s.atServer {
		return s.shelf
	}
	return cookie.NewStore(signingKeys[0])
}
