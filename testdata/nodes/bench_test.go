package nodes

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
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
	"github.com/powgin/powgin/cache/redisstore"
)

// A member is a user of ten fields.
type member struct {
	ID        uint
	CreatedAt time.Time
	UpdatedAt time.Time
	Email     string
	Name      string
	Plan      string
	Role      string
	Locked    bool
	Credits   int64
	LastSeen  time.Time
}

var anna = member{
	ID: 1, CreatedAt: time.Unix(1e9, 0), UpdatedAt: time.Unix(1e9, 0), Email: "anna@example.com",
	Name: "Anna Example", Plan: "free", Role: "member", Credits: 1000, LastSeen: time.Unix(1e9, 0),
}

type members struct{}

func (members) Key(member) string                                  { return "1" }
func (members) Find(context.Context, string) (member, bool, error) { return anna, true, nil }

// A lane is a signed-in user's request over one store, and a bare read of the
// same row or key, with a connection that has the same settings.
type lane struct {
	name    string
	request func() // of a signed-in user
	bare    func() // nil: there is nothing to ask

	full, bares []float64 // nanoseconds of each turn
}

// BenchmarkCachedRequest reports what a request of a signed-in user costs whose
// answer is cached, over each store: as a multiple of a bare read of the bytes
// that the store keeps for them, and where the node has a copy as what it takes
// more than in-process. A request and a bare read take turns, and so do the
// stores, so that whatever else the machine does it does to all of them; the
// figures are medians. A bare read has a deadline, as everything has that a
// request waits for.
func BenchmarkCachedRequest(b *testing.B) {
	const turns = 20
	lanes := []*lane{
		{name: "in-process", request: signedIn(b, nil)},
		sqlLane(b, "sqlite", "?", sqlite.Dialector{DriverName: "sqlite", DSN: ownSQLite(b)}),
		sqlLane(b, "postgres", "$1", postgres.Open(ownPostgres(b))),
		sqlLane(b, "mariadb", "?", mysql.Open(ownMariaDB(b))),
		redisLane(b, "redis-strict", redisstore.Strict()),
		redisLane(b, "redis-local"),
	}
	lanes[len(lanes)-1].bare = nil // it asks nobody
	for b.Loop() {
		for _, l := range lanes {
			l.turn() // finds connections and processors as the last lane has left them
			for range turns {
				full, bare := l.turn()
				l.full, l.bares = append(l.full, full), append(l.bares, bare)
			}
		}
	}
	base := middle(lanes[0].full)
	b.ReportMetric(base, "ns-in-process")
	for _, l := range lanes[1:] {
		took := middle(l.full)
		b.ReportMetric(took, "ns-"+l.name)
		if l.bare == nil {
			b.ReportMetric((took-base)/1e3, "µs-more-"+l.name)
			continue
		}
		floor := middle(l.bares)
		b.ReportMetric(floor, "ns-bare-"+l.name)
		b.ReportMetric(took/floor, "×bare-"+l.name)
	}
}

// turn makes one request and one bare read, and returns how many nanoseconds
// each took.
func (l *lane) turn() (full, bare float64) {
	began := time.Now()
	l.request()
	full = float64(time.Since(began))
	if l.bare != nil {
		began = time.Now()
		l.bare()
		bare = float64(time.Since(began))
	}
	return full, bare
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// bounded returns a read that has the deadline of a request's.
func bounded(b *testing.B, read func(context.Context) (bytes int, err error)) func() {
	return func() {
		ctx, cancel := context.WithTimeout(b.Context(), cache.Budget)
		defer cancel()
		if n, err := read(ctx); err != nil || n < 200 {
			b.Fatalf("a bare read = %d bytes, %v; want the account", n, err)
		}
	}
}

// A sink is a response of which only the status is kept.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// signedIn returns a request over the store that nothing is due for.
func signedIn(b *testing.B, store cache.Store) func() {
	b.Helper()
	auth, err := powgin.New(powgin.Config[member]{
		Users: members{}, Store: store, IdleTimeout: 24 * time.Hour, MaxAge: powgin.NoMaxAge,
	})
	must(b, "powgin.New", err)
	b.Cleanup(func() { _ = auth.Close() })
	router := gin.New()
	router.Use(auth.Session())
	router.POST("/signin", powgin.Handle(func(c *powgin.Context[member]) { must(b, "SignIn", c.SignIn(anna)) }))
	router.GET("/me", powgin.Handle(func(c *powgin.Context[member]) {
		if u, ok := c.User(); !ok || u.Email != anna.Email {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	}))
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "https://example.com/signin", nil))
	r := httptest.NewRequest(http.MethodGet, "https://example.com/me", nil).WithContext(b.Context())
	for _, c := range w.Result().Cookies() {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	answer := &sink{header: make(http.Header)}
	request := func() {
		answer.status = http.StatusOK
		if router.ServeHTTP(answer, r); answer.status != http.StatusOK {
			b.Fatalf("GET /me = %d; want 200", answer.status)
		}
	}
	request() // from now on the user is cached
	return request
}

func sqlLane(b *testing.B, name, parameter string, d gorm.Dialector) *lane {
	b.Helper()
	l := &lane{name: name, request: signedIn(b, gormStore(b, d))}
	db := dial(b, d)
	var id, version, data []byte
	var expires int64
	// The epoch's id ends in zeros.
	row := db.Raw("SELECT id FROM powgin_accounts ORDER BY length(data) DESC LIMIT 1").Row()
	must(b, "looking for the account", row.Scan(&id))
	pool, err := db.DB()
	must(b, "the pool", err)
	read, err := pool.PrepareContext(b.Context(), "SELECT version, data, expires FROM powgin_accounts WHERE id = "+parameter)
	must(b, "preparing a bare read", err)
	b.Cleanup(func() { _ = read.Close() })
	l.bare = bounded(b, func(ctx context.Context) (int, error) {
		err := read.QueryRowContext(ctx, id).Scan(&version, &data, &expires)
		return len(data), err
	})
	return l
}

func redisLane(b *testing.B, name string, opts ...redisstore.Option) *lane {
	b.Helper()
	addr := newServer(b).addr
	l := &lane{name: name, request: signedIn(b, openRedis(b, addr, opts...)())}
	// As redisstore.Open has it.
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{addr}, DisableCache: true, ConnWriteTimeout: 3 * time.Second,
	})
	must(b, "rueidis.NewClient", err)
	b.Cleanup(client.Close)
	// Without a deadline: the connection is one from now on that many calls may
	// share, as it is once two were made at the same time.
	keys, err := client.Do(b.Context(), client.B().Keys().Pattern("*").Build()).AsStrSlice()
	must(b, "KEYS", err)
	keys = slices.DeleteFunc(keys, func(key string) bool { return strings.HasSuffix(key, ":epoch") })
	if len(keys) != 1 {
		b.Fatalf("%s has the accounts %q; want one", name, keys)
	}
	l.bare = bounded(b, func(ctx context.Context) (int, error) {
		value, err := client.Do(ctx, client.B().Get().Key(keys[0]).Build()).AsBytes()
		return len(value), err
	})
	return l
}
