package powgin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// outage is a way in which an app loses its users' database.
type outage struct{ down, up func(a *app) }

var outages = map[string]outage{
	"renamed table": {
		func(a *app) { a.exec("ALTER TABLE users RENAME TO people") },
		func(a *app) { a.exec("ALTER TABLE people RENAME TO users") },
	},
	"missing column": {
		func(a *app) { a.exec("ALTER TABLE users RENAME COLUMN plan TO tier") },
		func(a *app) { a.exec("ALTER TABLE users RENAME COLUMN tier TO plan") },
	},
	"closed pool": {
		func(a *app) {
			pool, err := a.db.DB()
			if err == nil {
				err = pool.Close()
			}
			if err != nil {
				a.Fatal(err)
			}
		},
		nil, // it stays closed
	},
}

func (a *app) exec(sql string) {
	a.Helper()
	if err := a.db.Exec(sql).Error; err != nil {
		a.Fatal(err)
	}
}

func TestWithTheDatabaseDownNobodyIsSignedOut(t *testing.T) {
	t.Parallel()
	for name, o := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, silent)
			ran := chain(a.router, "/chain", a.auth.Reload())
			alice, anonymous := a.signIn(1), a.browser()
			alice.wantPlan("/", "free", "at first")
			o.down(a)
			alice.wantPlan("/me", "free", "cached, with the database down")
			anonymous.get("/").want(http.StatusOK)
			anonymous.get("/reload").want(http.StatusUnauthorized)
			for _, path := range []string{"/reload", "/require-reload", "/refresh", "/chain", "/pro"} {
				alice.get(path).wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			}
			if ran() {
				t.Error("a handler ran although Reload could not tell")
			}
			alice.post("/signin/2").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			anonymous.post("/signin/2").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			alice.wantPlan("/me", "free", "after a sign-in that failed")
			if err := a.auth.Invalidate(t.Context(), "1"); err != nil {
				t.Fatal(err)
			}
			alice.get("/").wantProblem(http.StatusServiceUnavailable).wantNoCookie() // a miss
			if o.up == nil {
				return
			}
			o.up(a)
			a.set(1, "plan", "pro")
			if u := alice.get("/me").wantNoCookie().identity().User; u == nil || u.Plan != "pro" {
				t.Errorf("with the database back the page shows %+v; want alice on plan pro", u)
			}
			alice.post("/signin/2").want(http.StatusOK)
		})
	}
}

func TestSyncUserWithTheDatabaseDown(t *testing.T) {
	t.Parallel()
	a := newApp(t, silent)
	alice, other := a.signIn(1), a.signIn(1)
	other.wantPlan("/", "free", "at first")
	old := alice.token()
	res, err := alice.does(func(c *Context) error {
		outages["renamed table"].down(a)
		return c.SyncUser(c.MustUser())
	})
	alice.wantErr("SyncUser", err, powgin.ErrUnavailable)
	res.wantProblem(http.StatusServiceUnavailable).wantToken(old)
	other.get("/").wantProblem(http.StatusServiceUnavailable) // the old copy is gone
	outages["renamed table"].up(a)
	other.get("/me").want(http.StatusOK)
	alice.get("/me").want(http.StatusOK).wantNoCookie()
}

func TestARefusedRequestDoesNotRenew(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path   string
		maxAge time.Duration // of the cached copy
	}{
		"on a miss":     {"/", time.Minute},
		"before Reload": {"/reload", 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.MaxAge = tt.maxAge })
				alice := a.signIn(1)
				time.Sleep(10 * time.Minute)
				alice.get("/").want(http.StatusOK).wantNoCookie() // reads the user
				time.Sleep(6 * time.Minute)                       // the token is due
				token := alice.token()
				p.fail(true)
				alice.get(tt.path).wantProblem(http.StatusServiceUnavailable).wantNoCookie()
				p.fail(false)
				alice.get(tt.path).want(http.StatusOK).wantToken(token)
				alice.get("/me").want(http.StatusOK).wantNoCookie()
			})
		})
	}
}

func TestACachedRequestRenewsWithTheDatabaseDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.MaxAge = 10 * time.Minute })
		alice := a.signIn(1)
		time.Sleep(10 * time.Minute)
		alice.get("/").want(http.StatusOK)
		time.Sleep(6 * time.Minute)
		token := alice.token()
		p.fail(true)
		alice.get("/").want(http.StatusOK).wantToken(token)
	})
}

func TestReadsThatHangAreAnsweredInTime(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"GET /", "GET /reload", "GET /refresh", "GET /maxage", "POST /signin/2", "POST /sync"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, p := newPeopleApp(t, nil)
				a.handleSync("/sync")
				alice := a.signIn(1)
				if strings.HasPrefix(what, "POST") {
					alice.get("/").want(http.StatusOK) // so that Session has no need to read
				}
				token := alice.token()
				release := p.hold()
				defer release()
				start := time.Now()
				method, path, _ := strings.Cut(what, " ")
				res := alice.do(method, path).wantProblem(http.StatusServiceUnavailable)
				if took := time.Since(start); took > 2500*time.Millisecond {
					t.Errorf("%s took %v; want 2.5s at most", what, took)
				}
				if path == "/sync" {
					res.wantToken(token) // the rotation has landed
				} else {
					res.wantNoCookie()
				}
				p.onFind(nil)
				alice.get("/me").want(http.StatusOK)
			})
		})
	}
}

// handleSync adds a route that syncs alice.
func (a *app) handleSync(path string) {
	a.router.POST(path, powgin.Handle(func(c *Context) { answer(c, c.SyncUser(person(1))) }))
}

func TestAllReadsOfARequestShareOneBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, nil)
		a.router.POST("/three", a.auth.Reload(), powgin.Handle(func(c *Context) { answer(c, c.SyncUser(person(1))) }))
		alice := a.signIn(1)
		p.onFind(func(ctx context.Context, _ string) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		start := time.Now()
		alice.post("/three").wantProblem(http.StatusServiceUnavailable) // three reads of a second each
		if took := time.Since(start); took > 2500*time.Millisecond {
			t.Errorf("the request took %v; want 2.5s at most", took)
		}
	})
}

func TestAUsersThatPanicsOrErrsIsCouldNotTell(t *testing.T) {
	t.Parallel()
	for name, find := range map[string]func(context.Context, string) error{
		"an error": func(context.Context, string) error { return errDown },
		"a panic":  func(context.Context, string) error { panic("hunter2") },
		"a bug":    func(_ context.Context, key string) error { _ = []int{}[len(key)]; return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var told []error
			a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
				c.OnError = func(_ context.Context, err error) {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, err)
				}
			})
			a.handleSync("/sync")
			alice := a.signIn(1)
			token := alice.token()
			p.onFind(find)
			alice.get("/").wantProblem(http.StatusServiceUnavailable).wantNoCookie() // a miss
			alice.get("/reload").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			a.browser().post("/signin/2").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			p.onFind(nil)
			alice.get("/").want(http.StatusOK)
			p.onFind(find)
			alice.get("/refresh").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			alice.post("/signin/2").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
			alice.post("/sync").wantProblem(http.StatusServiceUnavailable).wantToken(token)
			p.onFind(nil)
			alice.wantPlan("/me", "free", "after it all")
			if len(told) != 6 {
				t.Errorf("OnError was told %d times; want 6", len(told))
			}
			for _, err := range told {
				if s := fmt.Sprintf("%v %+v %#v", err, err, err); !errors.Is(err, powgin.ErrUnavailable) || strings.Contains(s, token) || strings.Contains(s, "hunter2") {
					t.Errorf("OnError was told %s; want an ErrUnavailable without secrets", s)
				}
			}
		})
	}
}

func TestAnotherUsersRowIsNeverServed(t *testing.T) {
	t.Parallel()
	var mismatches atomic.Int64
	users := &mixedUp{}
	a, _ := newPeopleApp(t, func(c *powgin.Config[User]) {
		users.people = c.Users.(*people)
		c.Users = users
		c.OnEvent = func(e powgin.Event) {
			if e.Name == "key_mismatch" {
				mismatches.Add(1)
			}
		}
	})
	alice := a.signIn(1)
	users.swapped.Store(true)
	for _, path := range []string{"/", "/reload", "/refresh"} {
		res := alice.get(path).wantProblem(http.StatusServiceUnavailable).wantNoCookie()
		if strings.Contains(res.Body.String(), "bob") {
			t.Errorf("GET %s shows bob to alice: %s", path, res.Body)
		}
	}
	a.browser().post("/signin/1").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
	if mismatches.Load() == 0 {
		t.Error("no event told of a key mismatch")
	}
	users.swapped.Store(false)
	alice.get("/me").want(http.StatusOK)
}

// mixedUp is a Users that, once swapped, returns bob for everyone.
type mixedUp struct {
	*people
	swapped atomic.Bool
}

func (m *mixedUp) Find(ctx context.Context, key string) (User, bool, error) {
	if m.swapped.Load() {
		return User{Model: gorm.Model{ID: 2}, Name: "bob"}, true, nil
	}
	return m.people.Find(ctx, key)
}

// brokenStore fails, or hangs until its context ends.
type brokenStore struct {
	cache.Store
	state atomic.Int32
}

const (
	working = iota
	failing
	hanging
)

func (s *brokenStore) broken(ctx context.Context) error {
	switch s.state.Load() {
	case failing:
		return errDown
	case hanging:
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (s *brokenStore) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	if err := s.broken(ctx); err != nil {
		return cache.Loaded{}, err
	}
	return s.Store.Load(ctx, key)
}

func (s *brokenStore) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	if err := s.broken(ctx); err != nil {
		return cache.Loaded{}, false, err
	}
	return s.Store.Swap(ctx, key, old, next)
}

func TestWithTheStoreDownNobodyIsSignedOut(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]int32{"failing": failing, "hanging": hanging} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := &brokenStore{Store: cache.NewMemory(0)}
				a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.Store = store })
				ran := chain(a.router, "/chain")
				alice, anonymous := a.signIn(1), a.browser()
				store.state.Store(state)
				p.took()
				for _, what := range []string{"GET /chain", "GET /me", "GET /reload", "POST /signout", "POST /signin/2"} {
					method, path, _ := strings.Cut(what, " ")
					start := time.Now()
					alice.do(method, path).wantProblem(http.StatusServiceUnavailable).wantNoCookie()
					if took := time.Since(start); took > 2500*time.Millisecond {
						t.Errorf("%s took %v; want 2.5s at most", what, took)
					}
				}
				anonymous.post("/signin/2").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
				if ran() {
					t.Error("a handler ran although Session could not tell")
				}
				p.wantReads(t, 0, "with the store down")
				anonymous.get("/chain").want(http.StatusOK)
				store.state.Store(working)
				alice.get("/me").want(http.StatusOK).wantNoCookie()
			})
		})
	}
}

func TestAfterCloseNobodyIsSignedOut(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	alice := a.signIn(1)
	alice.get("/").want(http.StatusOK)
	if err := errors.Join(a.auth.Close(), a.auth.Close()); err != nil {
		t.Errorf("Close, twice = %v; want nil", err)
	}
	alice.get("/").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
	a.browser().get("/").want(http.StatusOK)
}
