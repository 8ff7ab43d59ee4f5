package powgin_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// The weaknesses of Pow's design that have to do with who can end what.

func TestPowWeaknessesOfControl(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("W13: a user has no more sessions than MaxSessions, 100 unless told otherwise", func(t *testing.T) {
		t.Parallel()
		a, _ := newPeopleApp(t, nil)
		first := a.signIn(1)
		for range 100 {
			a.signIn(1)
		}
		if n := a.count("1"); n != 100 {
			t.Errorf("alice has %d sessions; want 100", n)
		}
		first.get("/me").want(http.StatusUnauthorized)
	})
	t.Run("W15: the last sign-out leaves nothing of the user behind", func(t *testing.T) {
		t.Parallel()
		store := cache.NewMemory(0)
		a, p := newPeopleApp(t, func(cfg *powgin.Config[User]) { cfg.Store = store })
		a.syncs("/sync")
		alice := a.signIn(1)
		alice.get("/me").want(http.StatusOK)
		alice.post("/sync").want(http.StatusOK)
		alice.post("/signout").want(http.StatusOK)
		if n := store.Len(); n != 0 {
			t.Errorf("the store holds %d accounts; want none", n)
		}
		p.took()
		a.signIn(1).get("/me").want(http.StatusOK)
		if p.took() == 0 {
			t.Error("the next sign-in was served by a copy that was kept")
		}
	})
	t.Run("W18: a sync from outside touches neither tokens nor times", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			alice := a.signIn(1)
			before := alice.session()
			time.Sleep(time.Minute)
			a.set(1, "plan", "pro")
			alice.wantErr("Sync", a.auth.Sync(ctx, person(1)), nil)
			alice.get("/me").want(http.StatusOK).wantCookie(false)
			alice.wantPlan("/me", "pro", "after the sync")
			if after := alice.session(); !sameInfo(before, after) {
				t.Errorf("the session is %+v; want %+v", after, before)
			}
		})
	})
	for what, lose := range map[string]func(a *app) error{
		"deleted": func(a *app) error { return a.db.Delete(&User{}, 1).Error },
		"locked":  func(a *app) error { return a.db.Model(&User{}).Where("id = 1").Update("locked", true).Error },
	} {
		t.Run("W19: a user who is "+what+" is signed out everywhere", func(t *testing.T) {
			for how, notice := range map[string]func(a *app, b *browser){
				"once told":               func(a *app, b *browser) { b.wantErr("Sync", a.auth.Sync(ctx, person(1)), nil) },
				"at a reload":             func(_ *app, b *browser) { b.get("/reload").want(http.StatusUnauthorized) },
				"when the copy grows old": func(*app, *browser) { time.Sleep(time.Minute + 1) },
			} {
				t.Run(how, func(t *testing.T) {
					bubble(t, func(cfg *powgin.Config[User]) { cfg.Active = func(u User) bool { return !u.Locked } }, func(a *app) {
						alice, phone := a.signIn(1), a.signIn(1)
						alice.get("/me").want(http.StatusOK)
						alice.wantErr("the change", lose(a), nil)
						notice(a, alice.clone())
						for _, b := range []*browser{alice, phone} {
							b.get("/me").want(http.StatusUnauthorized)
						}
						if n := a.count("1"); n != 0 {
							t.Errorf("alice has %d sessions; want none", n)
						}
						a.browser().post("/signin/1").want(http.StatusForbidden)
					})
				})
			}
		})
	}
	t.Run("W20: the sessions on other devices end with one call", func(t *testing.T) {
		for what, end := range map[string]func(c *Context) error{
			"RevokeOthers":             func(c *Context) error { return c.RevokeOthers() },
			"SyncUser with EndOthers":  func(c *Context) error { return c.SyncUser(person(1), powgin.EndOthers(), powgin.Grace(0)) },
			"SignIn with EndOthers":    func(c *Context) error { return c.SignIn(person(1), powgin.EndOthers()) },
			"Sync with RevokeSessions": nil,
			"RevokeUser":               nil,
		} {
			bubbleIn(t, what, func(a *app) {
				a.handle("POST", "/end", func(c *Context) { answer(c, end(c)) })
				alice, phone, tablet, bob := a.signIn(1), a.signIn(1), a.signIn(1), a.signIn(2)
				stays := http.StatusOK
				switch {
				case end != nil:
					alice.post("/end").want(http.StatusOK)
				case what == "RevokeUser":
					alice.wantErr(what, a.auth.RevokeUser(ctx, "1"), nil)
					stays = http.StatusUnauthorized
				default:
					alice.wantErr(what, a.auth.Sync(ctx, person(1), powgin.RevokeSessions()), nil)
					stays = http.StatusUnauthorized
				}
				alice.get("/me").want(stays)
				phone.get("/me").want(http.StatusUnauthorized)
				tablet.get("/me").want(http.StatusUnauthorized)
				bob.get("/me").want(http.StatusOK)
			})
		}
	})
	t.Run("W32: two users of one browser have nothing in common", func(t *testing.T) {
		bubble(t, nil, func(a *app) {
			b := a.signIn(1)
			alice, first := b.session(), b.token()
			time.Sleep(time.Second)
			b.post("/signin/2").want(http.StatusOK)
			bob, second := b.session(), b.token()
			x, y := reflect.ValueOf(alice), reflect.ValueOf(bob)
			for i := range x.NumField() {
				field := x.Type().Field(i).Name
				if field != "Current" && !x.Field(i).IsZero() && reflect.DeepEqual(x.Field(i).Interface(), y.Field(i).Interface()) {
					t.Errorf("%s is %v for both", field, x.Field(i))
				}
			}
			if first[2:22] == second[2:22] || first[24:] == second[24:] {
				t.Error("the tokens have parts in common")
			}
		})
	})
	t.Run("W33: the list of sessions tells of each, and ids are neither tokens nor user keys", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		alice := a.signIn(1)
		a.signIn(1)
		for _, s := range alice.sessions() {
			if s.ID == "" || s.Hint == "" || s.CreatedAt.IsZero() || s.RenewedAt.IsZero() || s.SignedInAt.IsZero() || s.ExpiresAt.IsZero() {
				t.Errorf("the list has %+v; want every field set", s)
			}
			if strings.Contains(alice.token(), s.ID) {
				t.Error("the token contains the session's id")
			}
			alice.wantErr("RevokeUser with a session's id", a.auth.RevokeUser(ctx, s.ID), nil)
		}
		alice.wantErr("Revoke with a user key", a.auth.Revoke(ctx, "1", "1"), powgin.ErrNoSession)
		if n := a.count("1"); n != 2 {
			t.Errorf("alice has %d sessions; want 2", n)
		}
	})
}

// tenantKey is where the tests' middleware puts the tenant.
type tenantKey struct{}

// tenantOf returns the tenant of a request.
func tenantOf(ctx context.Context) string {
	tenant, _ := ctx.Value(tenantKey{}).(string)
	return tenant
}

// tenants are users of equal keys, one a tenant.
type tenants struct{ *people }

func (ts tenants) Find(ctx context.Context, key string) (User, bool, error) {
	u, found, err := ts.people.Find(ctx, key)
	u.Name += " of " + tenantOf(ctx)
	return u, found, err
}

func TestPowWeaknessW21(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, func(cfg *powgin.Config[User]) {
		cfg.Users, cfg.Tenant = tenants{cfg.Users.(*people)}, tenantOf
	})
	a.mount(func(c *gin.Context) {
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), tenantKey{}, c.GetHeader("Tenant")))
	})
	in := func(tenant string) context.Context {
		return context.WithValue(context.Background(), tenantKey{}, tenant)
	}
	signIn := func(tenant string) *browser {
		b := a.browser()
		b.post("/signin/1", "Tenant", tenant).want(http.StatusOK)
		return b
	}
	red, blue := signIn("red"), signIn("blue")
	for tenant, b := range map[string]*browser{"red": red, "blue": blue} {
		if got, want := b.get("/me", "Tenant", tenant).identity().User.Name, "alice of "+tenant; got != want {
			t.Errorf("the user of %s's session = %q; want %q", tenant, got, want)
		}
	}
	nobody := a.browser().get("/me", "Tenant", "blue")
	crossed := red.get("/me", "Tenant", "blue").want(http.StatusUnauthorized)
	if !reflect.DeepEqual(nobody.headers(), crossed.headers()) || fmt.Sprint(nobody.Body) != fmt.Sprint(crossed.Body) {
		t.Errorf("a token of another tenant is answered with %v %s; want what nobody gets", crossed.headers(), crossed.Body)
	}
	if list, err := a.auth.Sessions(in("red"), "1"); err != nil || len(list) != 1 {
		t.Errorf("the sessions of red's user 1 = %+v, %v; want one", list, err)
	}
	red.wantErr("RevokeUser in blue", a.auth.RevokeUser(in("blue"), "1"), nil)
	red.get("/me", "Tenant", "red").want(http.StatusOK)
	blue.get("/me", "Tenant", "blue").want(http.StatusUnauthorized)
}
