package powgin_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// policies are all kinds of Config.WhenDown.
var policies = map[string]powgin.DownPolicy{
	"Unavailable":     powgin.Unavailable,
	"Anonymous":       powgin.Anonymous,
	"ServeStale(10m)": powgin.ServeStale(10 * time.Minute),
}

// underEveryPolicy runs a story once for each policy, in a bubble of its own.
func underEveryPolicy(t *testing.T, change func(*powgin.Config[User]), story func(t *testing.T, a *app, p *people)) {
	t.Helper()
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
					c.WhenDown = policy
					if change != nil {
						change(c)
					}
				})
				story(t, a, p)
			})
		})
	}
}

// reader returns a browser of alice's whose user is cached from now.
func (a *app) reader() *browser {
	a.Helper()
	b := a.signIn(1)
	b.get("/refresh").want(http.StatusOK)
	return b
}

// troubles keeps what OnError is told.
type troubles struct {
	mu   sync.Mutex
	errs []error           // guarded by mu
	ctxs []context.Context // guarded by mu
}

func (o *troubles) on(ctx context.Context, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.errs, o.ctxs = append(o.errs, err), append(o.ctxs, ctx)
}

// take returns what was told since it was last asked.
func (o *troubles) take() (ctxs []context.Context, errs []error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	ctxs, errs = o.ctxs, o.errs
	o.ctxs, o.errs = nil, nil
	return ctxs, errs
}

// wantTold fails the test where OnError was told less or more often than n
// times, or of anything but an outage.
func (o *troubles) wantTold(t testing.TB, n int, when string) {
	t.Helper()
	_, errs := o.take()
	if len(errs) != n {
		t.Errorf("%s: OnError was told %d times (%v); want %d", when, len(errs), errs, n)
	}
	for _, err := range errs {
		if !errors.Is(err, powgin.ErrUnavailable) {
			t.Errorf("%s: OnError was told %v; want an ErrUnavailable", when, err)
		}
	}
}

func TestWhenDownIsCheckedAtSetUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*powgin.Config[User])
		want   string // in the error; "" for a Config that is fine
	}{
		"Unavailable": {func(c *powgin.Config[User]) { c.WhenDown = powgin.Unavailable }, ""},
		"Anonymous":   {func(c *powgin.Config[User]) { c.WhenDown = powgin.Anonymous }, ""},
		"ten minutes": {func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(10 * time.Minute) }, ""},
		"more than ten minutes": {func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(10*time.Minute + 1) },
			"Config.WhenDown (ServeStale(10m0.000000001s)) must be Unavailable, Anonymous, or ServeStale of at most 10m0s"},
		"a negative age": {func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(-time.Minute) },
			"Config.WhenDown (ServeStale(-1m0s)) must be Unavailable"},
		"MaxAge": {func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(time.Minute) },
			"Config.WhenDown (ServeStale(1m0s)) must be longer than MaxAge (1m0s), or it serves nobody"},
		"less than MaxAge": {func(c *powgin.Config[User]) {
			c.MaxAge, c.WhenDown = 5*time.Minute, powgin.ServeStale(2*time.Minute)
		}, "must be longer than MaxAge (5m0s)"},
		"less than RenewAfter without MaxAge": {func(c *powgin.Config[User]) {
			c.MaxAge, c.WhenDown = powgin.NoMaxAge, powgin.ServeStale(10*time.Minute)
		}, "must be longer than MaxAge (15m0s)"},
	} {
		cfg := powgin.Config[User]{Users: &people{}}
		tt.change(&cfg)
		auth, err := powgin.New(cfg)
		switch {
		case err == nil && tt.want != "":
			t.Errorf("%s: New is fine with it; want %q", name, tt.want)
		case err != nil && (tt.want == "" || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: New = %v; want %q", name, err, tt.want)
		}
		if auth != nil {
			_ = auth.Close()
		}
	}
}

func TestWhenDownForIsAskedOnlyWhenSomethingFailed(t *testing.T) {
	t.Parallel()
	asked := map[string]int{}
	var mu sync.Mutex
	a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
		c.WhenDown = powgin.Anonymous // which WhenDownFor replaces
		c.WhenDownFor = func(c *gin.Context) powgin.DownPolicy {
			mu.Lock()
			defer mu.Unlock()
			asked[c.FullPath()]++
			if c.FullPath() == "/pages/:page" {
				return powgin.Anonymous
			}
			return powgin.Unavailable
		}
	})
	a.handle("GET", "/pages/:page", whoami)
	alice, nobody := a.signIn(1), a.browser()
	for _, path := range []string{"/", "/me", "/reload", "/refresh", "/pages/1"} {
		alice.get(path).want(http.StatusOK)
	}
	nobody.get("/me").want(http.StatusUnauthorized)
	alice.get("/guest").want(http.StatusForbidden)
	p.fail(true)
	alice.get("/me").want(http.StatusOK) // cached
	nobody.get("/").want(http.StatusOK)
	if len(asked) > 0 {
		t.Errorf("WhenDownFor was asked %v although nothing had failed", asked)
	}
	if err := a.auth.Invalidate(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	alice.get("/").wantProblem(http.StatusServiceUnavailable)
	alice.get("/pages/2").want(http.StatusOK)
	alice.get("/pages/3").want(http.StatusOK)
	if len(asked) != 2 || asked["/"] != 1 || asked["/pages/:page"] != 2 {
		t.Errorf("WhenDownFor was asked %v; want once for / and twice for /pages/:page", asked)
	}
}

// What WhenDownFor may not return counts as the nearest that it may.
func TestWhenDownForKeepsToTheBounds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		policy powgin.DownPolicy
		age    time.Duration
		want   int
	}{
		"a negative age":           {powgin.ServeStale(-2), 2 * time.Minute, http.StatusServiceUnavailable},
		"the least age":            {math.MinInt64, 2 * time.Minute, http.StatusServiceUnavailable},
		"less than MaxAge":         {powgin.ServeStale(30 * time.Second), 61 * time.Second, http.StatusServiceUnavailable},
		"an hour, after 10m":       {powgin.ServeStale(time.Hour), 10 * time.Minute, http.StatusOK},
		"an hour, after more":      {powgin.ServeStale(time.Hour), 10*time.Minute + 1, http.StatusServiceUnavailable},
		"the longest, after more":  {math.MaxInt64, 10*time.Minute + 1, http.StatusServiceUnavailable},
		"three minutes, after 3m":  {powgin.ServeStale(3 * time.Minute), 3 * time.Minute, http.StatusOK},
		"three minutes, and after": {powgin.ServeStale(3 * time.Minute), 3*time.Minute + 1, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
					c.WhenDownFor = func(*gin.Context) powgin.DownPolicy { return tt.policy }
				})
				alice := a.reader()
				p.fail(true)
				time.Sleep(tt.age)
				alice.get("/me").want(tt.want).wantNoCookie().wantNoStore()
			})
		})
	}
}

func TestAnotherUsersRowIsRefusedUnderEveryPolicy(t *testing.T) {
	t.Parallel()
	underEveryPolicy(t, func(c *powgin.Config[User]) {
		c.Users = &mixedUp{people: c.Users.(*people)}
	}, func(t *testing.T, a *app, _ *people) {
		alice := a.reader()
		time.Sleep(2 * time.Minute)
		a.config.Users.(*mixedUp).swapped.Store(true)
		for _, path := range []string{"/", "/me", "/reload", "/refresh", "/maxage", "/guest"} {
			res := alice.get(path).wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			if strings.Contains(res.Body.String(), "bob") {
				t.Errorf("GET %s shows bob to alice: %s", path, res.Body)
			}
		}
	})
}

// crossedStore is a Store that, once crossed, gives everyone the record that it
// saw last.
type crossedStore struct {
	cache.Store
	crossed atomic.Bool
	last    atomic.Pointer[cache.Record]
}

func (s *crossedStore) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	l, err := s.Store.Load(ctx, key)
	if s.crossed.Load() {
		l.Record = *s.last.Load()
	}
	return l, err
}

func (s *crossedStore) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	s.last.Store(&next)
	return s.Store.Swap(ctx, key, old, next)
}

func TestAnotherUsersRecordIsRefusedUnderEveryPolicy(t *testing.T) {
	t.Parallel()
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &crossedStore{Store: cache.NewMemory(0)}
			a, _ := newPeopleApp(t, func(c *powgin.Config[User]) { c.WhenDown, c.Store = policy, store })
			alice, bob := a.signIn(1), a.signIn(2)
			store.crossed.Store(true)
			alice.get("/").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			store.crossed.Store(false)
			alice.get("/me").want(http.StatusOK)
			bob.get("/me").want(http.StatusOK)
		})
	}
}

func TestAReloadThatFailsBehindAGuardIsRefusedUnderEveryPolicy(t *testing.T) {
	t.Parallel()
	anyone := func(User) bool { return true }
	underEveryPolicy(t, nil, func(t *testing.T, a *app, p *people) {
		ran := map[string]func() bool{}
		for path, hs := range map[string][]gin.HandlerFunc{
			"/user-reload":     {a.auth.RequireUser(), a.auth.Reload()},
			"/user-refresh":    {a.auth.RequireUser(), a.auth.Refresh()},
			"/user-maxage":     {a.auth.RequireUser(), a.auth.MaxAge(0)},
			"/require-reload2": {a.auth.Require(anyone), a.auth.Reload()},
			"/recent-reload":   {a.auth.RequireRecentSignIn(time.Hour), a.auth.Reload()},
			"/functions":       {powgin.RequireUser(), powgin.Reload()},
			"/reload-user":     {a.auth.Reload(), a.auth.RequireUser()},
			"/reload-guest":    {a.auth.Reload(), a.auth.RequireGuest()},
		} {
			ran[path] = chain(a.router, path, hs...)
		}
		alice := a.reader()
		p.fail(true)
		for path, ran := range ran {
			alice.get(path, "Accept", page).wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			if ran() {
				t.Errorf("the handler of %s ran", path)
			}
		}
		p.fail(false)
		alice.get("/user-reload").want(http.StatusOK)
	})
}

func TestEveryPolicyKeepsToTheBudget(t *testing.T) {
	t.Parallel()
	underEveryPolicy(t, nil, func(t *testing.T, a *app, p *people) {
		alice := a.signIn(1)
		for _, age := range []time.Duration{time.Second, 2 * time.Minute} {
			for _, path := range []string{"/", "/me", "/reload", "/refresh", "/maxage", "/require-reload", "/guest"} {
				p.onFind(nil)
				alice.get("/refresh").want(http.StatusOK)
				time.Sleep(age)
				release := p.hold()
				start := time.Now()
				alice.get(path).wantNoCookie().wantNoStore()
				if took := time.Since(start); took > 2500*time.Millisecond {
					t.Errorf("GET %s with a copy of %v took %v; want 2.5s at most", path, age, took)
				}
				release()
				synctest.Wait()
			}
		}
	})
}

func TestOnErrorIsToldOfWhatWhenDownLetsPass(t *testing.T) {
	t.Parallel()
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { onErrorIsToldOnce(t, policy) })
		})
	}
}

func onErrorIsToldOnce(t *testing.T, policy powgin.DownPolicy) {
	o := &troubles{}
	a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.WhenDown, c.OnError = policy, o.on })
	alice := a.signIn(1)
	alice.get("/me").want(http.StatusOK)
	a.browser().get("/me").want(http.StatusUnauthorized)
	o.wantTold(t, 0, "with nothing down")
	time.Sleep(2 * time.Minute)
	p.fail(true)
	alice.get("/")
	ctxs, errs := o.take()
	if len(errs) != 1 || !errors.Is(errs[0], powgin.ErrUnavailable) || !errors.Is(errs[0], errDown) {
		t.Fatalf("OnError was told %v; want the one cause", errs)
	}
	// Its context is the request's, whatever became of the request.
	_, known := powgin.UserKey(ctxs[0])
	if want := policy > 0; known != want {
		t.Errorf("UserKey of OnError's context is known: %t; want %t", known, want)
	}
	if got, want := powgin.Unknown(ctxs[0]), policy == powgin.Anonymous; got != want {
		t.Errorf("Unknown of OnError's context = %t; want %t", got, want)
	}
}
