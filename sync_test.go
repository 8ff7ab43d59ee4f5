package powgin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// 1. Whose session it is.

func TestSyncUserIsForTheSessionsOwnUser(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		signedIn bool
		user     User
		want     error
		status   int
	}{
		{"nobody is signed in", false, person(1), powgin.ErrNotSignedIn, http.StatusUnauthorized},
		{"nobody is signed in, zero key", false, User{}, powgin.ErrNotSignedIn, http.StatusUnauthorized},
		{"another user's key", true, person(2), powgin.ErrOtherUser, http.StatusConflict},
		{"nobody's key", true, person(77), powgin.ErrOtherUser, http.StatusConflict},
		{"a zero key", true, User{Name: "alice", Email: "alice@example.com"}, powgin.ErrNoUserKey, http.StatusInternalServerError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, p := newPeopleApp(t, nil)
			alice, bob := a.browser(), a.signIn(2)
			if tt.signedIn {
				alice = a.signIn(1)
			}
			bob.wantPlan("/", "free", "at first")
			token := alice.token()
			before := alice.get("/").identity()
			p.setPlan("1", "pro")
			p.setPlan("2", "pro")
			res, err := alice.does(func(c *Context) error { return c.SyncUser(tt.user) })
			res.want(tt.status).wantNoCookie()
			alice.wantErr("SyncUser", err, tt.want)
			if errors.Is(tt.want, powgin.ErrOtherUser) && !strings.Contains(err.Error(), "Auth.Sync") {
				t.Errorf("%q does not name Auth.Sync", err)
			}
			if after := alice.get("/").identity(); alice.token() != token || !sameSession(before, after) {
				t.Errorf("the session became %+v; want it to stay %+v", after.Session, before.Session)
			}
			bob.wantPlan("/", "free", "bob, whose entry nobody synced")
			if list, _ := a.auth.Sessions(t.Context(), "2"); len(list) != 1 {
				t.Errorf("bob has %d sessions; want 1", len(list))
			}
		})
	}
}

func sameSession(a, b identity) bool {
	if a.Session == nil || b.Session == nil {
		return a.Session == b.Session
	}
	return a.Session.ID == b.Session.ID && a.Session.Hint == b.Session.Hint
}

// 2. What gets in.

func TestSyncUserTakesTheRowAndNothingOfItsArgument(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	alice, other := a.signIn(1), a.signIn(1)
	alice.wantPlan("/", "free", "at first")
	for name, given := range map[string]User{
		"half-filled": person(1),
		"forged":      {Model: gorm.Model{ID: 1}, Email: "x@example.com", Plan: "forged", Role: "admin", Credits: 1e9, PasswordHash: "x"},
	} {
		a.set(1, "plan", name)
		res, err := alice.does(func(c *Context) error {
			err := c.SyncUser(given)
			if v, _ := c.Get("current_user"); err == nil && v.(User).Plan != name {
				t.Errorf("c.Get after the sync of a %s struct = %+v; want the row", name, v)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for where, u := range map[string]*User{
			"in the request": res.identity().User,
			"in the next":    alice.get("/").identity().User,
			"elsewhere":      other.get("/").identity().User,
		} {
			if u.Plan != name || u.Email != "alice@example.com" || u.Role != "member" || u.Credits != 0 || u.PasswordHash != "" {
				t.Errorf("%s, after the sync of a %s struct, alice is %+v; want her row", where, name, u)
			}
		}
	}
}

func TestSyncUserWhoseReadFailsStillDropsAndRotates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, nil)
		alice, other := a.signIn(1), a.signIn(1)
		alice.wantPlan("/", "free", "at first")
		old := alice.clone()
		p.setPlan("1", "pro")
		res, err := alice.does(func(c *Context) error {
			p.fail(true)
			defer p.fail(false)
			err := c.SyncUser(person(1))
			if u, ok := c.User(); !ok || u.Plan != "free" {
				t.Errorf("User after a sync that could not read = %+v, %v; want who it was", u, ok)
			}
			if _, ok := c.Session(); !ok {
				t.Error("the session is gone after a sync that could not read")
			}
			return err
		})
		alice.wantErr("SyncUser", err, powgin.ErrUnavailable)
		res.want(http.StatusServiceUnavailable).wantToken(old.token())
		p.took()
		other.wantPlan("/", "pro", "the next request")
		p.wantReads(t, 1, "the next request")
		time.Sleep(6 * time.Second)
		old.get("/me").want(http.StatusUnauthorized)
		alice.get("/me").want(http.StatusOK)
	})
}

func TestSyncUserOfSomebodyWhoIsGoneSignsOut(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	alice, other := a.signIn(1), a.signIn(1)
	res, err := alice.does(func(c *Context) error {
		p.change("1", nil)
		err := c.SyncUser(person(1))
		if u, ok := c.User(); ok {
			t.Errorf("User after the sync = %+v; want nobody", u)
		}
		return err
	})
	alice.wantErr("SyncUser", err, powgin.ErrInactive)
	res.want(http.StatusForbidden)
	if lines := res.setCookies(); len(lines) != 1 || !strings.HasPrefix(lines[0], "powgin=; Max-Age=0") {
		t.Errorf("cookies %q; want the one that deletes ours", lines)
	}
	other.get("/me").want(http.StatusUnauthorized)
}

// 3. The session.

func TestSyncUserRegeneratesTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, _ := newPeopleApp(t, nil)
		alice := a.signIn(1)
		before, old := alice.get("/").identity().Session, alice.clone()
		time.Sleep(time.Minute)
		res, err := alice.syncUser()
		if err != nil {
			t.Fatal(err)
		}
		after := res.wantToken(old.token()).identity().Session
		if after.ID != before.ID || after.Hint == before.Hint {
			t.Errorf("ID %s and hint %s became %s and %s; want the same ID and another hint", before.ID, before.Hint, after.ID, after.Hint)
		}
		if !after.RenewedAt.Equal(time.Now()) || !after.SignedInAt.Equal(before.SignedInAt) || !after.CreatedAt.Equal(before.CreatedAt) {
			t.Errorf("%+v became %+v; want only RenewedAt to move", before, after)
		}
		time.Sleep(4 * time.Second)
		old.get("/me").want(http.StatusOK).wantNoCookie()
		time.Sleep(2 * time.Second)
		old.get("/me").want(http.StatusUnauthorized)
		alice.get("/me").want(http.StatusOK).wantNoCookie()
	})
}

// 4. Where no token can travel.

func TestSyncUserOnceTheBodyHasBegun(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	alice, other := a.signIn(1), a.signIn(1)
	other.wantPlan("/", "free", "at first")
	var errs []error
	a.router.POST("/late", powgin.Handle(func(c *Context) {
		_, _ = c.Writer.WriteString("begun")
		p.setPlan("1", "pro")
		errs = append(errs, c.SyncUser(person(1), powgin.KeepSession()), c.SyncUser(person(1)))
	}))
	old := alice.token()
	alice.post("/late").want(http.StatusOK).wantNoCookie()
	if errs[0] != nil {
		t.Errorf("SyncUser with KeepSession = %v; want nil: it has no token to send", errs[0])
	}
	alice.wantErr("SyncUser", errs[1], powgin.ErrHeadersWritten)
	other.wantPlan("/", "pro", "another session")
	alice.get("/").want(http.StatusOK).wantToken(old)
	alice.get("/me").want(http.StatusOK).wantNoCookie()
}

func TestSyncUserOnATokenInGrace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts []powgin.SyncOption
		want error
	}{
		"plainly":            {nil, nil},
		"with KeepSession":   {[]powgin.SyncOption{powgin.KeepSession()}, nil},
		"with another grace": {[]powgin.SyncOption{powgin.Grace(time.Minute)}, nil},
		"with Grace(0)":      {[]powgin.SyncOption{powgin.Grace(0)}, powgin.ErrInGrace},
		"with EndOthers":     {[]powgin.SyncOption{powgin.EndOthers()}, powgin.ErrInGrace},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, p := newPeopleApp(t, nil)
				alice, other := a.signIn(1), a.signIn(1)
				late := alice.clone()
				if _, err := alice.syncUser(); err != nil {
					t.Fatal(err)
				}
				token := alice.token()
				other.wantPlan("/", "free", "at first")
				p.setPlan("1", "pro")
				res, err := late.syncUser(tt.opts...)
				if !errors.Is(err, tt.want) {
					t.Errorf("SyncUser = %v; want %v", err, tt.want)
				}
				res.wantNoCookie()
				other.wantPlan("/", "pro", "another session")
				alice.get("/me").want(http.StatusOK).wantNoCookie()
				if alice.token() != token {
					t.Error("the session's token was replaced")
				}
				time.Sleep(6 * time.Second)
				late.get("/me").want(http.StatusUnauthorized)
				alice.get("/me").want(http.StatusOK)
			})
		})
	}
}

// overtaken has alice sync in a request that is held in its handler while
// meanwhile runs, and returns what becomes of it.
func (a *app) overtaken(alice *browser, meanwhile func(), opts ...powgin.SyncOption) (res *response, err error) {
	a.Helper()
	enter, goOn := make(chan struct{}), make(chan struct{})
	a.router.POST("/held", powgin.Handle(func(c *Context) {
		close(enter)
		<-goOn
		err = c.SyncUser(person(1), opts...)
		answer(c, err)
	}))
	a.router.POST("/sync", powgin.Handle(func(c *Context) { answer(c, c.SyncUser(person(1))) }))
	wait := alice.later("POST", "/held")
	<-enter
	meanwhile()
	close(goOn)
	return wait(), err
}

func TestSyncUserOvertakenByAnotherSync(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		opts []powgin.SyncOption
		want error
	}{
		"plainly":        {nil, nil},
		"with Grace(0)":  {[]powgin.SyncOption{powgin.Grace(0)}, powgin.ErrInGrace},
		"with EndOthers": {[]powgin.SyncOption{powgin.EndOthers()}, powgin.ErrInGrace},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, p := newPeopleApp(t, nil)
			alice, other := a.signIn(1), a.signIn(1)
			slow := alice.clone()
			res, err := a.overtaken(slow, func() {
				alice.post("/sync").want(http.StatusOK)
				other.wantPlan("/", "free", "between the two")
				p.setPlan("1", "pro")
			}, tt.opts...)
			if !errors.Is(err, tt.want) {
				t.Errorf("SyncUser = %v; want %v", err, tt.want)
			}
			res.wantNoCookie()
			other.wantPlan("/", "pro", "another session")
			alice.get("/me").want(http.StatusOK).wantNoCookie()
		})
	}
}

func TestSyncUserAfterTheConfirmationOfItsOwnSuccessorRotates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, _ := newPeopleApp(t, nil)
		alice := a.signIn(1)
		time.Sleep(16 * time.Minute) // the token is due
		slow, old := alice.clone(), alice.token()
		res, err := a.overtaken(slow, func() {
			alice.get("/").want(http.StatusOK).wantToken(old)
			alice.get("/").want(http.StatusOK).wantNoCookie() // the successor is confirmed
		}, powgin.Grace(0))
		if err != nil {
			t.Fatalf("SyncUser = %v; want nil", err)
		}
		res.wantToken(old)
		alice.get("/me").want(http.StatusUnauthorized)
		slow.get("/me").want(http.StatusOK).wantNoCookie()
	})
}

func TestSyncUserTwiceInOneRequestSendsOneTokenThatLives(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]powgin.SyncOption{
		"plainly": nil, "then with Grace(0)": {powgin.Grace(0)}, "then with EndOthers": {powgin.EndOthers()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, _ := newPeopleApp(t, nil)
				alice := a.signIn(1)
				old := alice.clone()
				res, err := alice.does(func(c *Context) error {
					return errors.Join(c.SyncUser(person(1)), c.SyncUser(person(1), opts...))
				})
				if err != nil {
					t.Fatal(err)
				}
				res.want(http.StatusOK).wantToken(old.token())
				time.Sleep(6 * time.Second)
				alice.get("/me").want(http.StatusOK).wantNoCookie()
				old.get("/me").want(http.StatusUnauthorized)
			})
		})
	}
}

func TestSyncUserDropsForAClientThatHangsUp(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	alice, other := a.signIn(1), a.signIn(1)
	other.wantPlan("/", "free", "at first")
	ctx, hangUp := context.WithCancel(t.Context())
	var err error
	a.router.POST("/hung-up", powgin.Handle(func(c *Context) {
		p.setPlan("1", "pro")
		hangUp()
		if c.Request.Context().Err() == nil {
			t.Error("the request's context is not cancelled")
		}
		err = c.SyncUser(person(1))
	}))
	r := httptest.NewRequestWithContext(ctx, "POST", "http://app.example/hung-up", nil)
	r.AddCookie(&http.Cookie{Name: "powgin", Value: alice.token()})
	a.router.ServeHTTP(httptest.NewRecorder(), r)
	if err != nil {
		t.Errorf("SyncUser = %v; want nil", err)
	}
	other.wantPlan("/", "pro", "after the hang-up")
}
