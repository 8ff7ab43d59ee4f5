package powgin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// cookieName is the cookie of an app with the Config of newApp.
const cookieName = "powgin"

// bubble runs a story on an app of its own, in a bubble where time passes only
// when the story sleeps.
func bubble(t *testing.T, change func(*powgin.Config[User]), story func(a *app)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { story(newApp(t, change)) })
}

// with returns a browser that sends this value as its session cookie.
func (a *app) with(token string) *browser {
	b := a.browser()
	b.cookies[cookieName] = token
	return b
}

// handle adds a route.
func (a *app) handle(method, path string, h func(*Context)) {
	a.router.Handle(method, path, powgin.Handle(h))
}

// syncs adds a route that syncs alice with these options.
func (a *app) syncs(path string, opts ...powgin.SyncOption) {
	a.handle("POST", path, func(c *Context) { answer(c, c.SyncUser(person(1), opts...)) })
}

// A gate holds requests in their handler until it is opened.
type gate struct{ entered, open chan struct{} }

// slow adds a route whose handler waits at the gate and then goes on.
func (a *app) slow(method, path string, then func(*Context)) *gate {
	g := &gate{make(chan struct{}), make(chan struct{})}
	a.handle(method, path, func(c *Context) {
		g.entered <- struct{}{}
		<-g.open
		then(c)
	})
	return g
}

// start sends a request, waits until it is held at the gate, and returns what
// waits for its answer.
func (g *gate) start(b *browser, method, path string) (finish func() *response) {
	done := make(chan *response, 1)
	go func() { done <- b.do(method, path) }()
	<-g.entered
	var once sync.Once
	return func() *response {
		once.Do(func() { close(g.open) })
		return <-done
	}
}

// all sends n requests at once, each from a browser with b's cookies as they
// are now, and returns the answers.
func (b *browser) all(n int, method, path string) []*response {
	b.Helper()
	answers := make([]*response, n)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		c := b.clone()
		wg.Go(func() {
			<-begin
			answers[i] = c.do(method, path)
		})
	}
	close(begin)
	wg.Wait()
	return answers
}

// sent returns the session token that the answer carries, "" for none. More
// than one Set-Cookie line fails the test.
func (r *response) sent() string {
	r.b.Helper()
	lines := r.setCookies()
	if len(lines) > 1 {
		r.b.Fatalf("%s: %d Set-Cookie lines; want at most one: %q", r.what, len(lines), lines)
	}
	for _, c := range r.Result().Cookies() {
		if strings.Contains(c.Name, cookieName) {
			return c.Value
		}
	}
	return ""
}

// wantCookie fails the test unless the answer carries a new session cookie, or
// none, as want says.
func (r *response) wantCookie(want bool) *response {
	r.b.Helper()
	if got := r.sent() != ""; got != want {
		r.b.Errorf("%s: a new cookie is sent = %t; want %t", r.what, got, want)
	}
	return r
}

// session returns the session that the app tells this browser of.
func (b *browser) session() powgin.SessionInfo {
	b.Helper()
	id := b.get("/me").identity()
	if id.Session == nil {
		b.Fatal("GET /me tells of no session")
	}
	return *id.Session
}

// count returns how many live sessions a user has.
func (a *app) count(key string) int {
	a.Helper()
	list, err := a.auth.Sessions(context.Background(), key)
	if err != nil {
		a.Fatal(err)
	}
	return len(list)
}

// journal keeps the events of an app.
type journal struct {
	mu   sync.Mutex
	list []powgin.Event // guarded by mu
}

func (j *journal) on(e powgin.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = append(j.list, e)
}

// all returns the events so far.
func (j *journal) all() []powgin.Event {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.list)
}

// of returns the events of this name.
func (j *journal) of(name string) []powgin.Event {
	return slices.DeleteFunc(j.all(), func(e powgin.Event) bool { return e.Name != name })
}

// times returns how many events there were of this name.
func (j *journal) times(name string) int { return len(j.of(name)) }

// spyStore counts what a store is asked, and fails where it is told to.
type spyStore struct {
	cache.Store
	loads, swaps           atomic.Int64
	failLoads, failingSwap atomic.Bool
}

var errStoreDown = errors.New("the store is down")

func newSpyStore() *spyStore { return &spyStore{Store: cache.NewMemory(0)} }

func (s *spyStore) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	s.loads.Add(1)
	if s.failLoads.Load() {
		return cache.Loaded{}, errStoreDown
	}
	return s.Store.Load(ctx, key)
}

func (s *spyStore) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	s.swaps.Add(1)
	if s.failingSwap.Load() {
		return cache.Loaded{}, false, errStoreDown
	}
	return s.Store.Swap(ctx, key, old, next)
}

// wantAll fails the test unless every answer has this status.
func wantAll(answers []*response, status int) {
	for _, r := range answers {
		r.b.Helper()
		r.want(status)
	}
}
