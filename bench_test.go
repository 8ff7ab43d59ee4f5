package powgin_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// The benchmarks send requests through the whole router. BenchmarkBareRoute is
// the route without anything, BenchmarkFloor a session look-up written by hand
// with no structure of a library; the ratios of one run are what counts.

// benchUser is a user of ten fields, as the figures speak of.
type benchUser struct {
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

// A sink is a response that keeps nothing but its header map, which it never
// clears: that would be charged to whoever sets a header.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(int)             {}

// serve sends the request b.N times.
func serve(b *testing.B, router *gin.Engine, r *http.Request) {
	b.Helper()
	w := &sink{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		router.ServeHTTP(w, r)
	}
}

func request(method, path, cookie string) *http.Request {
	r := httptest.NewRequest(method, "http://localhost"+path, nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	// A server's requests can be cancelled, which costs whoever waits for one.
	ctx, cancel := context.WithCancel(context.Background())
	r = r.WithContext(ctx)
	runtime.AddCleanup(r, func(cancel context.CancelFunc) { cancel() }, cancel)
	return r
}

func BenchmarkBareRoute(b *testing.B) {
	router := gin.New()
	router.GET("/", func(*gin.Context) {})
	serve(b, router, request("GET", "/", ""))
}

// floor is what a session look-up cannot do without.
type floor struct {
	mu       sync.RWMutex
	accounts map[[16]byte]*floorAccount
}

type floorAccount struct {
	hash                  [32]byte
	renewed, ends, loaded int64
	user                  *benchUser
}

type floorKey struct{}

var floorText = base64.RawURLEncoding.Strict()

func (f *floor) session(c *gin.Context) {
	cookie, err := c.Request.Cookie("powgin")
	if err != nil || len(cookie.Value) != 66 {
		return
	}
	var text, token [66]byte
	copy(text[:], cookie.Value)
	if _, err := floorText.Decode(token[:], text[:]); err != nil {
		return
	}
	hash := sha256.Sum256(token[17:49])
	f.mu.RLock()
	a := f.accounts[[16]byte(token[1:17])]
	f.mu.RUnlock()
	now := time.Now().UnixNano()
	if a == nil || a.hash != hash || now > a.ends || now-a.renewed > int64(time.Hour) || now-a.loaded > int64(time.Hour) {
		return
	}
	var user any = *a.user
	c.Set("current_user", user)
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), floorKey{}, user))
}

// newFloor returns the floor's router and the Cookie header of its session.
func newFloor(b *testing.B) (*gin.Engine, string) {
	b.Helper()
	f := &floor{accounts: map[[16]byte]*floorAccount{}}
	token := make([]byte, 49)
	for i := range token {
		token[i] = byte(i)
	}
	now := time.Now().UnixNano()
	user, _, _ := benchUsers{}.Find(b.Context(), "1")
	f.accounts[[16]byte(token[1:17])] = &floorAccount{
		hash: sha256.Sum256(token[17:]), renewed: now, loaded: now, ends: now + int64(time.Hour), user: &user,
	}
	router := gin.New()
	router.Use(f.session)
	router.GET("/", func(c *gin.Context) {
		if u, ok := c.Request.Context().Value(floorKey{}).(benchUser); !ok || u.ID != 1 {
			panic("the floor has found nobody: what is measured is worth nothing")
		}
	})
	return router, "powgin=" + floorText.EncodeToString(token)
}

func BenchmarkFloor(b *testing.B) {
	router, cookie := newFloor(b)
	serve(b, router, request("GET", "/", cookie))
}

// benchUsers keeps users in a map.
type benchUsers struct{}

func (benchUsers) Key(u benchUser) string { return fmt.Sprint(u.ID) }

func (benchUsers) Find(_ context.Context, key string) (u benchUser, found bool, err error) {
	_, err = fmt.Sscan(key, &u.ID)
	u.Email, u.Name, u.Plan, u.Role = "user"+key+"@example.com", "User "+key, "free", "member"
	u.CreatedAt, u.UpdatedAt, u.LastSeen = time.Unix(1e9, 0), time.Unix(1e9, 0), time.Unix(1e9, 0)
	return u, err == nil, err
}

// bench is an app over users in a map, with a session.
type bench struct {
	auth   *powgin.Auth[benchUser]
	router *gin.Engine
}

func newBench(b testing.TB, change func(*powgin.Config[benchUser])) *bench {
	b.Helper()
	cfg := powgin.Config[benchUser]{
		Users:       benchUsers{},
		IdleTimeout: 24 * time.Hour, MaxAge: powgin.NoMaxAge, MaxAccounts: 2_000_000,
	}
	if change != nil {
		change(&cfg)
	}
	auth, err := powgin.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = auth.Close() })
	x := &bench{auth: auth, router: gin.New()}
	x.router.Use(auth.Session())
	x.router.GET("/", powgin.Handle(func(c *powgin.Context[benchUser]) {
		if _, ok := c.User(); !ok {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	}))
	x.router.POST("/signin/:id", powgin.Handle(func(c *powgin.Context[benchUser]) {
		u, _, _ := benchUsers{}.Find(c, c.Param("id"))
		if err := c.SignIn(u); err != nil {
			b.Error(err)
		}
	}))
	return x
}

// signIn returns the Cookie header of a new session.
func (x *bench) signIn(b testing.TB, id int) string {
	b.Helper()
	w := httptest.NewRecorder()
	x.router.ServeHTTP(w, request("POST", fmt.Sprintf("/signin/%d", id), ""))
	for _, c := range w.Result().Cookies() {
		return c.Name + "=" + c.Value
	}
	b.Fatalf("sign-in of %d: %d, no cookie", id, w.Code)
	return ""
}

func BenchmarkCachedRequest(b *testing.B) {
	for name, keys := range map[string][][]byte{"plain": nil, "keys": {make([]byte, 32)}} {
		b.Run(name, func(b *testing.B) {
			x := newBench(b, func(c *powgin.Config[benchUser]) { c.Keys = keys })
			r := request("GET", "/", x.signIn(b, 1))
			x.router.ServeHTTP(httptest.NewRecorder(), r) // fills the cache
			serve(b, x.router, r)
		})
	}
}

// BenchmarkCachedOverFloor reports how many times the floor a cached request
// costs: the median over rounds of both in turn, so that a machine whose speed
// drifts treats both alike.
func BenchmarkCachedOverFloor(b *testing.B) {
	const requests = 5000
	floor, floorCookie := newFloor(b)
	x := newBench(b, nil)
	floorRequest, cachedRequest := request("GET", "/", floorCookie), request("GET", "/", x.signIn(b, 1))
	w := &sink{header: http.Header{}}
	round := func(router *gin.Engine, r *http.Request) time.Duration {
		start := time.Now()
		for range requests {
			router.ServeHTTP(w, r)
		}
		return time.Since(start)
	}
	var ratios []float64
	for b.Loop() {
		base := round(floor, floorRequest)
		ratios = append(ratios, float64(round(x.router, cachedRequest))/float64(base))
	}
	b.ReportMetric(median(ratios), "x-floor")
}

func BenchmarkUnknownToken(b *testing.B) {
	x := newBench(b, nil)
	cookie := []byte(x.signIn(b, 1))
	cookie[len(cookie)-10] ^= 1
	serve(b, x.router, request("GET", "/", string(cookie)))
}

// dbBench is an app over a real database.
func dbBench(b testing.TB) (*app, *browser) {
	a := newApp(b, nil)
	return a, a.signIn(1)
}

func (b *browser) header() string { return "powgin=" + b.token() }

func BenchmarkReload(b *testing.B) {
	a, alice := dbBench(b)
	a.router.GET("/bench", a.auth.Reload(), func(*gin.Context) {})
	serve(b, a.router, request("GET", "/bench", alice.header()))
}

// BenchmarkGormRead is the fastest well-behaved read of the same row by GORM,
// to hold BenchmarkReload against.
func BenchmarkGormRead(b *testing.B) {
	a, _ := dbBench(b)
	db := a.db.Session(&gorm.Session{PrepareStmt: true})
	router := gin.New()
	router.GET("/", func(c *gin.Context) {
		var u User
		err := db.WithContext(c.Request.Context()).
			Raw("SELECT `id`,`created_at`,`updated_at`,`deleted_at`,`email`,`name`,`plan`,`role`,`locked`,`credits` FROM `users` WHERE `id` = ? AND `deleted_at` IS NULL LIMIT 1", 1).
			Take(&u).Error
		if err != nil || u.ID != 1 {
			b.Fatal(err)
		}
	})
	serve(b, router, request("GET", "/", ""))
}

func BenchmarkSyncUser(b *testing.B) {
	x := newBench(b, nil)
	x.router.POST("/sync", powgin.Handle(func(c *powgin.Context[benchUser]) {
		if err := c.SyncUser(c.MustUser(), powgin.Grace(0)); err != nil {
			b.Error(err)
		}
	}))
	cookie := x.signIn(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		w := &sink{header: http.Header{}}
		x.router.ServeHTTP(w, request("POST", "/sync", cookie))
		cookie, _, _ = strings.Cut(w.header.Get("Set-Cookie"), ";")
	}
}

func BenchmarkSignIn(b *testing.B) {
	x := newBench(b, nil)
	serve(b, x.router, request("POST", "/signin/1", ""))
}

// BenchmarkHotUserParallel is the cached request of one user on all cores,
// beside the floor and the route without anything.
func BenchmarkHotUserParallel(b *testing.B) {
	x := newBench(b, nil)
	cookie := x.signIn(b, 1)
	x.router.ServeHTTP(httptest.NewRecorder(), request("GET", "/", cookie))
	bare := gin.New()
	bare.GET("/", func(*gin.Context) {})
	floor, floorCookie := newFloor(b)
	for _, run := range []struct {
		name, cookie string
		router       *gin.Engine
	}{{"cached", cookie, x.router}, {"floor", floorCookie, floor}, {"bare", cookie, bare}} {
		b.Run(run.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				w, r := &sink{header: http.Header{}}, request("GET", "/", run.cookie)
				for pb.Next() {
					run.router.ServeHTTP(w, r)
				}
			})
		})
	}
}

// BenchmarkLoopback sends the requests to servers over loopback HTTP and
// reports the requests per second of the cached route as a share of the
// floor's and of the bare route's: medians over rounds of all three in turn.
func BenchmarkLoopback(b *testing.B) {
	const requests = 300
	bare := gin.New()
	bare.GET("/", func(*gin.Context) {})
	floor, floorCookie := newFloor(b)
	x := newBench(b, nil)
	round := func(server *httptest.Server, cookie string) time.Duration {
		start := time.Now()
		for range requests {
			r, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, server.URL, nil)
			r.Header.Set("Cookie", cookie)
			w, err := server.Client().Do(r)
			if err != nil {
				b.Fatal(err)
			}
			if _ = w.Body.Close(); w.StatusCode != http.StatusOK {
				b.Fatalf("GET / = %d; want 200", w.StatusCode)
			}
		}
		return time.Since(start)
	}
	start := func(router *gin.Engine) *httptest.Server {
		server := httptest.NewServer(router)
		b.Cleanup(server.Close)
		return server
	}
	bareServer, floorServer, server := start(bare), start(floor), start(x.router)
	cookie := x.signIn(b, 1)
	var ofFloor, ofBare []float64
	for b.Loop() {
		cached := float64(round(server, cookie))
		ofFloor = append(ofFloor, float64(round(floorServer, floorCookie))/cached)
		ofBare = append(ofBare, float64(round(bareServer, cookie))/cached)
	}
	b.ReportMetric(median(ofFloor), "of-floor")
	b.ReportMetric(median(ofBare), "of-bare")
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkMillionUsers reports what a user with a session and a cached copy
// costs in memory, and a request among that many.
func BenchmarkMillionUsers(b *testing.B) {
	users := 1_000_000
	if f := flag.Lookup("test.benchtime"); testing.Short() || f != nil && f.Value.String() == "1x" {
		users = 20_000 // a run that only shows that this works
	}
	x := newBench(b, nil)
	cookies := make([]string, users)
	before := heap()
	for i := range cookies {
		cookies[i] = x.signIn(b, i+1)
	}
	w := &sink{header: http.Header{}}
	for i := range cookies {
		x.router.ServeHTTP(w, request("GET", "/", cookies[i])) // fills the cache
	}
	// What the test itself holds is the cookies: 73 bytes and their header.
	perUser := float64(heap()-before)/float64(users) - 80 - 16
	b.Run("hot", func(b *testing.B) {
		serve(b, x.router, request("GET", "/", cookies[0]))
		b.ReportMetric(perUser, "B/user")
	})
	b.Run("random", func(b *testing.B) {
		requests := make([]*http.Request, 1<<16)
		for i := range requests {
			requests[i] = request("GET", "/", cookies[rand.IntN(users)])
		}
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			x.router.ServeHTTP(w, requests[i%len(requests)])
			i++
		}
	})
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
