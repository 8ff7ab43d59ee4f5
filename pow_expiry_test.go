package powgin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// The weaknesses of Pow's design that have to do with time.

func TestPowWeaknessesOfTime(t *testing.T) {
	t.Parallel()
	t.Run("W3: a busy session does not keep an old user", func(t *testing.T) {
		for _, tt := range []struct {
			what   string
			maxAge time.Duration
			until  time.Duration
		}{
			{"by default", 0, time.Minute},
			{"with a bound", 10 * time.Second, 10 * time.Second},
			{"without a bound", powgin.NoMaxAge, renew},
		} {
			t.Run(tt.what, func(t *testing.T) {
				bubble(t, func(cfg *powgin.Config[User]) { cfg.MaxAge = tt.maxAge }, func(a *app) {
					alice := a.signIn(1)
					alice.wantPlan("/me", "free", "at first")
					a.set(1, "plan", "pro") // and nobody says so
					step := tt.until / 10
					for range 10 {
						time.Sleep(step)
						alice.wantPlan("/me", "free", "while the copy may be used")
					}
					time.Sleep(time.Nanosecond)
					alice.wantPlan("/me", "pro", "once it is too old")
				})
			})
		}
	})
	t.Run("W7: a session is not shortened by another one of the user", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			first := a.signIn(1)
			time.Sleep(idle / 2)
			second := a.signIn(1)
			time.Sleep(idle / 2)
			first.get("/me").want(http.StatusUnauthorized)
			time.Sleep(idle/2 - 1)
			second.get("/me").want(http.StatusOK)
		})
	})
	t.Run("W8: equal keys in two namespaces have times of their own", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			store := cache.NewMemory(0)
			in := func(namespace string, idle time.Duration) *browser {
				a, _ := newPeopleApp(t, func(cfg *powgin.Config[User]) {
					cfg.Store, cfg.Namespace, cfg.IdleTimeout = store, namespace, idle
				})
				return a.signIn(1)
			}
			short, long := in("short", time.Minute), in("long", time.Hour)
			shortest := in("shortest", time.Second)
			time.Sleep(time.Minute - 1)
			shortest.get("/me").want(http.StatusUnauthorized)
			short.clone().get("/me").want(http.StatusOK)
			time.Sleep(time.Minute)
			short.get("/me").want(http.StatusUnauthorized)
			long.get("/me").want(http.StatusOK)
		})
	})
	t.Run("W9: a session that was renewed outlives the moment at which it would have ended", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(idle - 1)
			alice.get("/me").want(http.StatusOK)
			for range 3 {
				time.Sleep(2 * time.Second)
				a.signIn(2).post("/signout") // gives back what is due
			}
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("W16: a session ends AbsoluteTimeout after its sign-in", func(t *testing.T) {
		bubble(t, func(cfg *powgin.Config[User]) { cfg.AbsoluteTimeout = 2 * time.Hour }, func(a *app) {
			a.syncs("/sync")
			alice := a.signIn(1)
			for range 11 {
				time.Sleep(10 * time.Minute)
				alice.post("/sync").want(http.StatusOK)
			}
			time.Sleep(10*time.Minute - 1)
			alice.post("/sync").want(http.StatusOK)
			time.Sleep(time.Nanosecond)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("W17: a renewal that would come too late is refused at set-up", func(t *testing.T) {
		t.Parallel()
		db := openDB(t)
		for _, after := range []time.Duration{time.Hour, 2 * time.Hour} {
			_, err := powgin.New(powgin.Config[User]{DB: db, IdleTimeout: time.Hour, RenewAfter: after})
			if err == nil || !strings.Contains(err.Error(), "Config.RenewAfter") {
				t.Errorf("New with RenewAfter %v and IdleTimeout 1h = %v; want an error that names RenewAfter", after, err)
			}
		}
		auth, err := powgin.New(powgin.Config[User]{DB: db, IdleTimeout: time.Minute})
		if err != nil {
			t.Fatalf("New with a short IdleTimeout alone = %v", err)
		}
		t.Cleanup(func() { _ = auth.Close() })
	})
}

// crowd signs in n users of their own.
func crowd(a *app, p *people, n int) []*browser {
	list := make([]*browser, n)
	for i := range list {
		id := uint(100 + i)
		p.put(User{Model: gorm.Model{ID: id}, Name: fmt.Sprint("user ", id)})
		list[i] = a.signIn(id)
	}
	return list
}

func TestPowWeaknessesOfExpiry(t *testing.T) {
	t.Parallel()
	const n = 500
	story := func(most int, tell func(t *testing.T, a *app, p *people, store *cache.Memory)) func(*testing.T) {
		return func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := cache.NewMemory(most)
				a, p := newPeopleApp(t, func(cfg *powgin.Config[User]) { cfg.Store = store })
				tell(t, a, p, store)
			})
		}
	}
	t.Run("W10: a session that has ended is refused whether or not anybody cleared it away", story(0,
		func(t *testing.T, a *app, p *people, store *cache.Memory) {
			browsers := crowd(a, p, n)
			time.Sleep(idle)
			for _, b := range browsers {
				b.get("/me").want(http.StatusUnauthorized)
			}
			if got := store.Len(); got != n {
				t.Errorf("%d accounts are still in memory; want all %d, which shows that none was cleared away", got, n)
			}
		}))
	t.Run("W11: whoever comes after many sessions have ended clears away a few, and nobody waits for the rest", story(0,
		func(t *testing.T, a *app, p *people, store *cache.Memory) {
			crowd(a, p, n)
			time.Sleep(idle + 2*time.Second)
			const few = 50
			left := store.Len()
			for i := range 100 {
				a.signIn(1).post("/signout").want(http.StatusOK)
				now := store.Len()
				if cleared := left - now; cleared < 0 || cleared > few {
					t.Fatalf("request pair %d cleared away %d accounts; want a few", i+1, cleared)
				}
				left = now
			}
			if left != 0 {
				t.Errorf("%d accounts are left after 100 pairs of requests; want none", left)
			}
		}))
	t.Run("W11: at the bound the ended make room, the living never", story(n,
		func(t *testing.T, a *app, p *people, _ *cache.Memory) {
			crowd(a, p, n)
			a.browser().post("/signin/1").want(http.StatusServiceUnavailable)
			time.Sleep(idle)
			alice := a.signIn(1)
			alice.get("/me").want(http.StatusOK)
		}))
	t.Run("W12: a user who takes long to read keeps nobody else waiting", story(0,
		func(t *testing.T, a *app, p *people, _ *cache.Memory) {
			open := make(chan struct{})
			p.onFind(func(ctx context.Context, key string) error {
				if key != "1" {
					return nil
				}
				select {
				case <-open:
					return nil
				case <-ctx.Done():
					return errors.New("nobody opened the gate")
				}
			})
			alice := a.browser()
			waiting := alice.later("POST", "/signin/1")
			synctest.Wait()
			before := time.Now()
			for _, b := range crowd(a, p, 20) {
				b.get("/me").want(http.StatusOK)
				b.post("/signout").want(http.StatusOK)
			}
			if waited := time.Since(before); waited != 0 {
				t.Errorf("the others waited %v; want not at all", waited)
			}
			close(open)
			waiting().want(http.StatusOK)
		}))
}
