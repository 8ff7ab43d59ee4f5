package powgin_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// 5. After COMMIT.

// inTransaction has alice's plan changed in a transaction that calls sync
// before its COMMIT.
func (a *app) inTransaction(plan string, sync func() error) (err error) {
	a.Helper()
	if failed := a.db.Transaction(func(tx *gorm.DB) error {
		if err := tx.Model(&User{}).Where("id = ?", 1).Update("plan", plan).Error; err != nil {
			return err
		}
		err = sync()
		return nil
	}); failed != nil {
		a.Error(failed)
	}
	return err
}

func TestSyncUserInsideATransactionSeesTheOldRow(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	alice, other := a.signIn(1), a.signIn(1)
	_, err := alice.does(func(c *Context) error {
		return a.inTransaction("pro", func() error { return c.SyncUser(person(1)) })
	})
	if err != nil {
		t.Fatalf("SyncUser inside the transaction = %v; want nil", err)
	}
	other.wantPlan("/", "free", "after a sync before COMMIT: the trap")
	if _, err := alice.syncUser(); err != nil {
		t.Fatal(err)
	}
	other.wantPlan("/", "pro", "after a sync after COMMIT")
}

func TestSyncUserInsideATransactionWithOneConnectionIsBusy(t *testing.T) {
	t.Parallel()
	a := newApp(t, silent)
	alice, other := a.signIn(1), a.signIn(1)
	other.wantPlan("/", "free", "at first")
	pool, err := a.db.DB()
	if err != nil {
		t.Fatal(err)
	}
	pool.SetMaxOpenConns(1)
	old, start := alice.token(), time.Now()
	res, err := alice.does(func(c *Context) error {
		return a.inTransaction("pro", func() error { return c.SyncUser(person(1)) })
	})
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("SyncUser took %v; want at most 3s", took)
	}
	alice.wantErr("SyncUser", err, powgin.ErrBusy)
	alice.wantErr("SyncUser", err, powgin.ErrUnavailable)
	res.want(http.StatusServiceUnavailable).wantToken(old)
	other.wantPlan("/", "pro", "the next request after COMMIT")
}

// 6. Options.

func TestOptionsOfSyncUser(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                     string
		opts                     []powgin.SyncOption
		newToken, oldLives, both bool // both: the other session lives as well
	}{
		{"none", nil, true, true, true},
		{"Grace", []powgin.SyncOption{powgin.Grace(time.Minute)}, true, true, true},
		{"Grace(0)", []powgin.SyncOption{powgin.Grace(0)}, true, false, true},
		{"KeepSession", []powgin.SyncOption{powgin.KeepSession()}, false, true, true},
		{"EndOthers", []powgin.SyncOption{powgin.EndOthers()}, true, true, false},
		{"Grace(0) and EndOthers", []powgin.SyncOption{powgin.Grace(0), powgin.EndOthers()}, true, false, false},
		{"KeepSession and EndOthers", []powgin.SyncOption{powgin.KeepSession(), powgin.EndOthers()}, false, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, p := newPeopleApp(t, nil)
			alice, other := a.signIn(1), a.signIn(1)
			alice.wantPlan("/", "free", "at first")
			old := alice.clone()
			p.setPlan("1", "pro")
			res, err := alice.syncUser(tt.opts...)
			if err != nil {
				t.Fatalf("SyncUser = %v; want nil", err)
			}
			if u := res.identity().User; u.Plan != "pro" {
				t.Errorf("the request sees plan %q; want pro", u.Plan)
			}
			if tt.newToken {
				res.wantToken(old.token())
			} else {
				res.wantNoCookie()
			}
			alice.get("/me").want(http.StatusOK)
			for _, o := range []struct {
				name  string
				b     *browser
				lives bool
			}{{"the old token", old, tt.oldLives}, {"the other session", other, tt.both}} {
				want := http.StatusUnauthorized
				if o.lives {
					want = http.StatusOK
				}
				if res := o.b.get("/me"); res.Code != want {
					t.Errorf("GET /me with %s = %d; want %d", o.name, res.Code, want)
				} else if o.lives && res.identity().User.Plan != "pro" {
					t.Errorf("%s shows plan %q; want pro", o.name, res.identity().User.Plan)
				}
			}
		})
	}
}

func TestOptionsThatDoNotApplyAreRefused(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	alice, other := a.signIn(1), a.signIn(1)
	alice.wantPlan("/", "free", "at first")
	p.setPlan("1", "pro")
	old := alice.token()
	for name, option := range map[string]powgin.SyncOption{
		"Grace(-1)":        powgin.Grace(-1),
		"Grace over 1m":    powgin.Grace(time.Minute + 1),
		"Regenerate()":     powgin.Regenerate(),
		"RevokeSessions()": powgin.RevokeSessions(),
	} {
		res, err := alice.syncUser(option)
		if !errors.Is(err, powgin.ErrOption) {
			t.Errorf("SyncUser with %s = %v; want ErrOption", name, err)
		}
		res.want(http.StatusInternalServerError).wantNoCookie()
	}
	for name, option := range map[string]powgin.SyncOption{
		"Grace(0)": powgin.Grace(0), "KeepSession()": powgin.KeepSession(), "EndOthers()": powgin.EndOthers(),
	} {
		if err := a.auth.Sync(t.Context(), person(1), option); !errors.Is(err, powgin.ErrOption) {
			t.Errorf("Auth.Sync with %s = %v; want ErrOption", name, err)
		}
	}
	if err := a.auth.Sync(t.Context(), User{}); !errors.Is(err, powgin.ErrNoUserKey) {
		t.Errorf("Auth.Sync of a zero key = %v; want ErrNoUserKey", err)
	}
	alice.wantPlan("/", "free", "since nothing was done")
	other.wantPlan("/", "free", "since nothing was done")
	if alice.token() != old {
		t.Error("the token was replaced")
	}
}

func TestAuthSyncRotatesNothingUnlessAsked(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	alice, other, bob := a.signIn(1), a.signIn(1), a.signIn(2)
	bob.wantPlan("/", "free", "at first")
	sync := func(opts ...powgin.SyncOption) {
		t.Helper()
		if err := a.auth.Sync(t.Context(), User{Model: gorm.Model{ID: 1}, Plan: "forged"}, opts...); err != nil {
			t.Fatal(err)
		}
	}
	p.setPlan("1", "pro")
	p.setPlan("2", "pro")
	sync()
	for _, b := range []*browser{alice, other} {
		if u := b.get("/").wantNoCookie().identity().User; u.Plan != "pro" {
			t.Errorf("after Sync the plan is %q; want pro", u.Plan)
		}
	}
	sync(powgin.Regenerate())
	for _, b := range []*browser{alice, other} {
		old := b.token()
		b.get("/").want(http.StatusOK).wantToken(old)
		b.get("/").want(http.StatusOK).wantNoCookie()
	}
	sync(powgin.RevokeSessions())
	alice.get("/me").want(http.StatusUnauthorized)
	other.get("/me").want(http.StatusUnauthorized)
	bob.wantPlan("/me", "free", "bob, whom nobody synced")
}
