package powgin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gin-contrib/sessions"
	"github.com/gin-gonic/gin"
	gorilla "github.com/gorilla/sessions"

	"github.com/powgin/powgin"
)

// A ginStore is a store of gin-contrib/sessions at the server, whose IDs can be
// foretold: id1, id2 and so on. It does what memstore does, down to emptying the
// values of a session that it deletes.
type ginStore struct {
	options *gorilla.Options
	prefix  string // of the IDs

	mu          sync.Mutex
	records     map[string]map[any]any // guarded by mu
	made        int                    // guarded by mu
	asked       int                    // guarded by mu; loads, saves and deletes
	failSave    bool                   // guarded by mu
	failDelete  bool                   // guarded by mu
	savesToFail string                 // guarded by mu; the name of the sessions that failSave is for, "" for all
}

var errGinStore = errors.New("the gin store is down")

func newGinStore() *ginStore {
	return &ginStore{
		options: &gorilla.Options{Path: "/", HttpOnly: true},
		prefix:  "id",
		records: map[string]map[any]any{},
	}
}

func (s *ginStore) Options(o sessions.Options) { s.options = o.ToGorillaOptions() }

func (s *ginStore) Get(r *http.Request, name string) (*gorilla.Session, error) {
	return gorilla.GetRegistry(r).Get(s, name)
}

func (s *ginStore) New(r *http.Request, name string) (*gorilla.Session, error) {
	session := gorilla.NewSession(s, name)
	options := *s.options
	session.Options, session.IsNew = &options, true
	cookie, err := r.Cookie(name)
	if err != nil {
		return session, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	session.ID = cookie.Value
	if values, ok := s.records[session.ID]; ok {
		session.Values, session.IsNew = maps.Clone(values), false
	}
	return session, nil
}

func (s *ginStore) Save(_ *http.Request, w http.ResponseWriter, session *gorilla.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	value := ""
	switch {
	case session.Options.MaxAge < 0:
		if s.failDelete {
			return errGinStore
		}
		delete(s.records, session.ID)
		clear(session.Values)
	case s.failSave && (s.savesToFail == "" || s.savesToFail == session.Name()):
		return errGinStore
	default:
		if session.ID == "" {
			s.made++
			session.ID = fmt.Sprint(s.prefix, s.made)
		}
		value = session.ID
		s.records[session.ID] = maps.Clone(session.Values)
	}
	http.SetCookie(w, gorilla.NewCookie(session.Name(), value, session.Options))
	return nil
}

// ids returns the IDs of the records that there are.
func (s *ginStore) ids() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(slices.Sorted(maps.Keys(s.records)), " ")
}

// took returns how often the store was asked for anything since the last time.
func (s *ginStore) took() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.asked
	s.asked = 0
	return n
}

// fails has saves and deletes fail from now on, or work again.
func (s *ginStore) fails(save, remove bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failSave, s.failDelete = save, remove
}

// A ginShop is an app with sessions of gin-contrib/sessions beside powgin's.
type ginShop struct {
	*app
	people *people
	store  *ginStore
	errors *record
}

// newGinShop starts a shop that has mounted the session "shop", or these.
func newGinShop(t testing.TB, change func(*powgin.Config[User]), names ...string) *ginShop {
	t.Helper()
	s := &ginShop{store: newGinStore(), errors: &record{}}
	s.app, s.people = newPeopleApp(t, func(c *powgin.Config[User]) {
		c.OnError = s.errors.on
		if change != nil {
			change(c)
		}
	})
	if names == nil {
		s.mount(sessions.Sessions("shop", s.store))
	} else {
		s.mount(sessions.SessionsMany(names, s.store))
	}
	s.router.POST("/put/:key/:value", func(c *gin.Context) { s.put(c, c.Param("key"), c.Param("value")) })
	s.router.GET("/values", func(c *gin.Context) {
		texts := map[string]string{}
		for key, value := range ginValues(mounted(c, c.Query("in"))) {
			texts[fmt.Sprint(key)] = fmt.Sprint(value)
		}
		c.JSON(http.StatusOK, texts)
	})
	return s
}

// mounted returns the session of this name, "" for the only one.
func mounted(c *gin.Context, name string) sessions.Session {
	if name == "" {
		return sessions.Default(c)
	}
	return sessions.DefaultMany(c, name)
}

func ginValues(s sessions.Session) map[any]any {
	return s.(interface{ Session() *gorilla.Session }).Session().Values
}

// put has the session keep a value.
func (s *ginShop) put(c *gin.Context, key, value string) {
	session := mounted(c, c.Query("in"))
	session.Set(key, value)
	if err := session.Save(); err != nil {
		s.Errorf("%s: saving the gin session: %v", c.Request.URL.Path, err)
	}
}

// withCart returns a browser that has put cart=apples into its session.
func (s *ginShop) withCart() *browser {
	b := s.browser()
	b.post("/put/cart/apples").want(http.StatusOK)
	return b
}

// values returns what the browser's session keeps, without whose it is.
func (b *browser) values(query ...string) string {
	b.Helper()
	values := map[string]string{}
	r := b.get("/values?" + strings.Join(query, "&")).want(http.StatusOK)
	if err := json.Unmarshal(r.Body.Bytes(), &values); err != nil {
		b.Fatal(err)
	}
	delete(values, "powgin.user")
	var list []string
	for _, key := range slices.Sorted(maps.Keys(values)) {
		list = append(list, key+"="+values[key])
	}
	return strings.Join(list, " ")
}

// wantValues fails the test where the browser's session keeps anything else.
func (b *browser) wantValues(want, when string) {
	b.Helper()
	if got := b.values(); got != want {
		b.Errorf("%s the session keeps %q; want %q", when, got, want)
	}
}

// wantRecords fails the test where the store has records under other IDs.
func (s *ginShop) wantRecords(want, when string) {
	s.Helper()
	if got := s.store.ids(); got != want {
		s.Errorf("%s the store has the records %q; want %q", when, got, want)
	}
}

// wantAsked fails the test where the store was asked another number of times
// since the last.
func (s *ginShop) wantAsked(want int, when string) {
	s.Helper()
	if got := s.store.took(); got != want {
		s.Errorf("%s the gin store was asked %d times; want %d", when, got, want)
	}
}

// wantErrors fails the test unless OnError was told these, once each.
func (s *ginShop) wantErrors(want ...string) {
	s.Helper()
	var got []string
	for _, err := range s.errors.took() {
		got = append(got, err.Error())
	}
	if !slices.Equal(got, want) {
		s.Errorf("OnError was told %q; want %q", got, want)
	}
}

// The lines of the shop's cookie.
const (
	shopDeleted = "shop=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly"
	undeleted   = "powgin: delete the record of a mounted session: the gin store is down"
)

func shopLine(id string) string { return "shop=" + id + "; Path=/; HttpOnly" }
