package powgin_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// cachedPlans returns name and plan of the users that are cached, in order.
func (a *app) cachedPlans(ctx context.Context) (list []string) {
	a.Helper()
	for user, err := range a.auth.CachedUsers(ctx) {
		if err != nil {
			a.Fatalf("CachedUsers: %v; want no error", err)
		}
		list = append(list, user.Name+" "+user.Plan)
	}
	slices.Sort(list)
	return list
}

// wantCached fails the test unless these users are cached.
func (a *app) wantCached(when string, want ...string) {
	a.Helper()
	if got := a.cachedPlans(context.Background()); !slices.Equal(got, want) {
		a.Errorf("%s: CachedUsers yields %q; want %q", when, got, want)
	}
}

// lastError returns the users that CachedUsers yields, and the error.
func (a *app) lastError(ctx context.Context) (users int, err error) {
	a.Helper()
	for user, e := range a.auth.CachedUsers(ctx) {
		if err != nil {
			a.Errorf("CachedUsers went on after %v", err)
		}
		if err = e; err == nil {
			users++
		} else if user != (User{}) {
			a.Errorf("CachedUsers yields %q beside an error; want no user", user.Name)
		}
	}
	return users, err
}

func TestCachedUsersAreThoseThatTheCacheWouldServe(t *testing.T) {
	t.Parallel()
	bubbleIn(t, "and no others", func(a *app) {
		a.wantCached("at first")
		alice, bob := a.signIn(1), a.signIn(2)
		phone := a.signIn(1)
		for _, b := range []*browser{alice, bob, phone} {
			b.get("/me").want(http.StatusOK)
		}
		a.wantCached("with three sessions of two users", "alice free", "bob free")
		a.set(1, "plan", "pro")
		a.wantCached("after a change that nobody announced", "alice free", "bob free")
		alice.wantErr("Sync", a.auth.Sync(context.Background(), person(1)), nil)
		a.wantCached("once a change is announced", "bob free")
		phone.get("/me").want(http.StatusOK)
		a.wantCached("once the user was read again", "alice pro", "bob free")
		bob.post("/signout").want(http.StatusOK)
		a.wantCached("without bob's last session", "alice pro")
		time.Sleep(idle)
		a.wantCached("when all have expired")
	})
	bubbleIn(t, "without the fields that are not cached", func(a *app) {
		a.signIn(1).get("/me").want(http.StatusOK)
		for user, err := range a.auth.CachedUsers(context.Background()) {
			if err != nil || user.PasswordHash != "" || user.Email != "alice@example.com" {
				t.Errorf("CachedUsers yields %+v, %v; want alice without her PasswordHash", user, err)
			}
		}
	})
	bubbleIn(t, "as copies", func(a *app) {
		alice := a.signIn(1)
		alice.get("/me").want(http.StatusOK)
		for user, err := range a.auth.CachedUsers(context.Background()) {
			user.Plan = "changed"
			alice.wantErr("CachedUsers", err, nil)
			alice.wantPlan("/me", "free", "while a copy is changed to "+user.Plan)
		}
		a.wantCached("after a copy was changed", "alice free")
	})
	bubbleIn(t, "as often as it is asked, and until the caller has enough", func(a *app) {
		for id := uint(1); id <= 2; id++ {
			a.signIn(id).get("/me").want(http.StatusOK)
		}
		list := a.auth.CachedUsers(context.Background())
		for range 2 {
			n := 0
			for _, err := range list {
				a.browser().wantErr("CachedUsers", err, nil)
				n++
				break
			}
			if n != 1 {
				t.Errorf("CachedUsers yielded %d users to a caller who wanted one", n)
			}
		}
		a.wantCached("afterwards", "alice free", "bob free")
	})
}

func TestCachedUsersOfEachTenantAndNamespace(t *testing.T) {
	t.Parallel()
	t.Run("are its own", func(t *testing.T) {
		store := cache.NewMemory(0)
		peopleBubble(t, func(c *powgin.Config[User]) {
			c.Store, c.Tenant, c.Users = store, tenantOf, tenants{c.Users.(*people)}
		}, func(a *app, _ *people) {
			a.mount(tenantOfHeader)
			for _, tenant := range []string{"red", "blue"} {
				b := a.browser()
				b.post("/signin/1", "Tenant", tenant).want(http.StatusOK)
				b.get("/me", "Tenant", tenant).want(http.StatusOK)
			}
			shop, _ := newPeopleApp(a.TB, func(c *powgin.Config[User]) { c.Store, c.Namespace = store, "shop" })
			shop.signIn(2).get("/me").want(http.StatusOK)
			for tenant, want := range map[string]string{"red": "alice of red free", "blue": "alice of blue free", "": ""} {
				got := a.cachedPlans(context.WithValue(context.Background(), tenantKey{}, tenant))
				if len(got) != min(len(want), 1) || want != "" && got[0] != want {
					t.Errorf("tenant %q: CachedUsers yields %q; want %q alone", tenant, got, want)
				}
			}
			shop.wantCached("in the other namespace", "bob free")
		})
	})
}

func TestCachedUsersThatCannotBeListed(t *testing.T) {
	t.Parallel()
	t.Run("since the store keeps bytes", func(t *testing.T) {
		bubble(t, func(c *powgin.Config[User]) { c.Store = newSpyStore() }, func(a *app) {
			a.signIn(1).get("/me").want(http.StatusOK)
			if n, err := a.lastError(context.Background()); n != 0 || !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("CachedUsers yields %d users and %v; want none and errors.ErrUnsupported", n, err)
			}
		})
	})
	t.Run("since the Auth is closed", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.signIn(1).get("/me").want(http.StatusOK)
			mustClose(t, a.auth)
			if n, err := a.lastError(context.Background()); n != 0 || !errors.Is(err, powgin.ErrUnavailable) {
				t.Errorf("CachedUsers yields %d users and %v; want none and ErrUnavailable", n, err)
			}
		})
	})
	t.Run("since the caller has gone", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			a.signIn(1).get("/me").want(http.StatusOK)
			a.signIn(2).get("/me").want(http.StatusOK)
			ctx, cancel := context.WithCancel(context.Background())
			users, failed := 0, error(nil)
			for _, err := range a.auth.CachedUsers(ctx) {
				if failed = err; err == nil {
					users++
					cancel()
				}
			}
			cancel()
			if users != 1 || !errors.Is(failed, powgin.ErrUnavailable) || !errors.Is(failed, context.Canceled) {
				t.Errorf("CachedUsers yields %d users and %v; want one, then ErrUnavailable and context.Canceled", users, failed)
			}
		})
	})
}

func TestCachedUsersWhileTheyComeAndGo(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	const n = 50
	for id := uint(3); id < 3+n; id++ {
		p.put(User{Model: person(id).Model, Name: "somebody", Plan: "free"})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for id := uint(3); id < 3+n; id++ {
			b := a.signIn(id)
			b.get("/me")
			if id%2 == 0 {
				b.post("/signout")
			}
		}
	}()
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		default:
		}
		for _, user := range a.cachedPlans(context.Background()) {
			if user != "somebody free" {
				t.Errorf("CachedUsers yields %q; want whole users", user)
			}
		}
	}
	if got := len(a.cachedPlans(context.Background())); got != n/2 {
		t.Errorf("CachedUsers yields %d users; want %d", got, n/2)
	}
}
