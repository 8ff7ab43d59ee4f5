package powgin_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// Member is a user with everything that copies could share by mistake.
type Member struct {
	ID     string
	Tags   []string
	Prefs  map[string]string
	Lists  map[string][]string
	Home   *Address
	Others []*Address
}

// Address is a part of a Member.
type Address struct{ Street string }

func newMember(id string) Member {
	return Member{
		ID: id, Tags: []string{"tag"}, Prefs: map[string]string{"k": "pref"}, Lists: map[string][]string{"k": {"list"}},
		Home: &Address{"home"}, Others: []*Address{{"other"}},
	}
}

// shown is what a page would show of the member.
func (m Member) shown() string {
	return fmt.Sprint(m.ID, m.Tags, m.Prefs, m.Lists, *m.Home, *m.Others[0])
}

// spoil changes whatever can be reached from the member.
func (m Member) spoil() {
	m.Tags[0], m.Prefs["k"], m.Lists["k"][0], m.Home.Street, m.Others[0].Street = "x", "x", "x", "x", "x"
	m.Prefs["new"], m.Others[0] = "x", &Address{"x"}
}

// oneMember is a Config.Users that returns the same memory again and again, as
// an app may that keeps its users in a map.
type oneMember struct{ member Member }

func (*oneMember) Key(m Member) string { return m.ID }

func (o *oneMember) Find(context.Context, string) (Member, bool, error) { return o.member, true, nil }

func TestWhatAHandlerDoesToItsUserStaysInItsRequest(t *testing.T) {
	t.Parallel()
	users := &oneMember{newMember("1")}
	auth := powgin.Must(powgin.New(powgin.Config[Member]{Users: users, Transport: powgin.Cookie{Insecure: true}}))
	t.Cleanup(func() { _ = auth.Close() })
	router := gin.New()
	router.Use(auth.Session())
	want := newMember("1").shown()
	show := func(c *powgin.Context[Member]) {
		m, _ := c.User()
		fromKey, _ := c.MustGet("current_user").(Member)
		fromContext, _ := powgin.CurrentUser[Member](c.Request.Context())
		c.String(http.StatusOK, m.shown())
		if m.shown() != fromKey.shown() || m.shown() != fromContext.shown() {
			t.Errorf("three ways to the user give %s, %s and %s", m.shown(), fromKey.shown(), fromContext.shown())
		}
	}
	router.GET("/show", powgin.Handle(show))
	router.GET("/reload", auth.Reload(), powgin.Handle(show))
	spoil := func(c *powgin.Context[Member]) {
		m, _ := c.User()
		m.spoil()
		c.Status(http.StatusOK)
	}
	router.GET("/spoil", powgin.Handle(spoil))
	router.GET("/spoil-reloaded", auth.Reload(), powgin.Handle(spoil))
	router.GET("/spoil-refreshed", auth.Refresh(), powgin.Handle(spoil))
	router.POST("/spoil-synced", powgin.Handle(func(c *powgin.Context[Member]) {
		m, _ := c.User()
		if err := c.SyncUser(m); err != nil {
			t.Error(err)
		}
		spoil(c)
	}))
	router.POST("/spoil-assigned", powgin.Handle(func(c *powgin.Context[Member]) {
		own := newMember("1")
		c.AssignUser(own)
		spoil(c)
		if own.shown() != want {
			t.Errorf("the app's own value became %s through AssignUser; want %s", own.shown(), want)
		}
	}))
	router.POST("/signin", powgin.Handle(func(c *powgin.Context[Member]) {
		if err := c.SignIn(Member{ID: "1"}); err != nil {
			t.Error(err)
		}
		spoil(c)
	}))
	a := &app{TB: t, router: router}
	b := a.browser()
	check := func(after string) {
		t.Helper()
		for _, path := range []string{"/show", "/reload"} {
			if got := b.get(path).want(http.StatusOK).Body.String(); got != want {
				t.Errorf("after %s GET %s shows %s; want %s", after, path, got, want)
			}
		}
		if got := users.member.shown(); got != want {
			t.Errorf("after %s the app's own memory has %s; want %s", after, got, want)
		}
	}
	for _, path := range []string{"/signin", "/spoil-synced", "/spoil-assigned", "/signin"} {
		b.post(path).want(http.StatusOK)
		check("POST " + path)
	}
	for _, path := range []string{"/spoil", "/spoil-reloaded", "/spoil-refreshed"} {
		b.get(path).want(http.StatusOK)
		check("GET " + path)
	}
	users.member.spoil() // the app changes its memory: a change like any other
	if got := b.get("/show").Body.String(); got != want {
		t.Errorf("the cached copy follows the app's memory: %s; want %s", got, want)
	}
	users.member = newMember("1")

	var requests sync.WaitGroup
	for range 8 { // each spoils its own copy, as -race can tell
		requests.Go(func() {
			for range 20 {
				b.get("/spoil")
				b.get("/spoil-refreshed")
			}
		})
	}
	requests.Wait()
	check("parallel requests")
}

func TestParallelRequestsOfTwoUsersNeverMeet(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.handleSync("/sync")
	var requests sync.WaitGroup
	for id, name := range map[uint]string{1: "alice", 2: "bob"} {
		for range 3 {
			b := a.signIn(id)
			requests.Go(func() {
				for i := range 100 {
					path := []string{"/", "/reload", "/refresh"}[i%3]
					if u := b.get(path).shows(); u == nil || u.Name != name || u.ID != id {
						t.Errorf("GET %s of %s shows %+v", path, name, u)
					}
				}
			})
		}
	}
	for range 100 {
		if err := a.auth.Invalidate(t.Context(), "1", "2"); err != nil {
			t.Error(err)
		}
	}
	requests.Wait()
}

func TestAChangeShowsAtOnceInAllSessionsOfItsUserOnly(t *testing.T) {
	t.Parallel()
	for name, announce := range map[string]func(*app, *browser) error{
		"SyncUser":        func(_ *app, alice *browser) error { _, err := alice.syncUser(); return err },
		"Auth.Sync":       func(a *app, _ *browser) error { return a.auth.Sync(a.Context(), person(1)) },
		"Auth.Invalidate": func(a *app, _ *browser) error { return a.auth.Invalidate(a.Context(), "1") },
		"Auth.Sync for a caller who hangs up": func(a *app, _ *browser) error {
			ctx, hangUp := context.WithCancel(a.Context())
			hangUp()
			return a.auth.Sync(ctx, person(1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, nil)
			alice, other, bob := a.signIn(1), a.signIn(1), a.signIn(2)
			for _, b := range []*browser{alice, other, bob} {
				b.wantPlan("/", "free", "at first")
			}
			a.set(1, "plan", "pro")
			a.set(2, "plan", "pro")
			if err := announce(a, alice); err != nil {
				t.Fatal(err)
			}
			alice.wantPlan("/", "pro", "alice")
			other.wantPlan("/", "pro", "alice's other session")
			bob.wantPlan("/", "free", "bob, whose change nobody announced")
		})
	}
}

func TestNoRequestEverSeesLessThanWhatWasAnnouncedBeforeIt(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, nil)
	var announced atomic.Int64
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 4 {
		b := a.signIn(1)
		path := []string{"/", "/reload", "/", "/refresh"}[i]
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				least := announced.Load()
				if u := b.get(path).shows(); u == nil || u.Credits < least {
					t.Errorf("GET %s shows %+v; want at least %d credits", path, u, least)
					return
				}
			}
		})
	}
	for n := range int64(300) {
		p.change("1", func(u *User) { u.Credits = n })
		if err := a.auth.Sync(t.Context(), person(1)); err != nil {
			t.Error(err)
		}
		announced.Store(n)
	}
	close(stop)
	readers.Wait()
}

func TestAUserWhoIsGoneLosesEverySessionAtTheNextRead(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(a *app) error{
		"deleted":      func(a *app) error { return a.db.Unscoped().Delete(&User{}, 1).Error },
		"soft-deleted": func(a *app) error { return a.db.Delete(&User{}, 1).Error },
		"not Active":   func(a *app) error { return a.db.Model(&User{}).Where("id = ?", 1).Update("locked", true).Error },
	} {
		for _, path := range []string{"/reload", "/refresh", "/"} {
			t.Run(name+", seen by "+path, func(t *testing.T) {
				t.Parallel()
				a := newApp(t, func(c *powgin.Config[User]) { c.Active = func(u User) bool { return !u.Locked } })
				alice, other, bob := a.signIn(1), a.signIn(1), a.signIn(2)
				alice.get("/me").want(http.StatusOK)
				if err := remove(a); err != nil {
					t.Fatal(err)
				}
				other.get("/me").want(http.StatusOK) // cached: MaxAge bounds how long
				if path == "/" {
					if err := a.auth.Invalidate(t.Context(), "1"); err != nil {
						t.Fatal(err)
					}
				}
				if res := alice.get(path); path == "/" && res.identity().User != nil || path != "/" && res.Code != http.StatusUnauthorized {
					t.Errorf("GET %s = %d %s; want it not to know alice", path, res.Code, res.Body)
				}
				if alice.token() != "" {
					t.Error("the browser keeps its cookie")
				}
				other.get("/me").want(http.StatusUnauthorized)
				bob.get("/me").want(http.StatusOK)
				a.browser().post("/signin/1").want(http.StatusForbidden).wantNoCookie()
				a.exec("UPDATE users SET locked = false, deleted_at = NULL WHERE id = 1")
				other.get("/me").want(http.StatusUnauthorized) // an ended session stays ended
			})
		}
	}
}

func TestASignInMadeWhileSomebodyWasFoundGoneLives(t *testing.T) {
	t.Parallel()
	for name, held := range map[string]bool{"made at once": false, "begun before": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, p := newPeopleApp(t, nil)
				alice, fresh := a.signIn(1), a.browser()
				alice.get("/").want(http.StatusOK)
				row := p.row("1")
				signIn := func() *response { return fresh.post("/signin/1") }
				if held {
					release := p.hold()
					wait := fresh.later("POST", "/signin/1")
					synctest.Wait() // it has read the row
					signIn = func() *response { release(); return wait() }
					if err := a.auth.Invalidate(t.Context(), "1"); err != nil {
						t.Fatal(err)
					}
				}
				p.change("1", nil)
				release := p.hold()
				wait := alice.later("GET", "/refresh")
				synctest.Wait() // it has found nobody
				p.onFind(nil)
				p.put(row)
				signIn().want(http.StatusOK)
				release()
				wait().want(http.StatusUnauthorized)
				fresh.get("/me").want(http.StatusOK)
				fresh.get("/reload").want(http.StatusOK)
			})
		})
	}
}

func TestSomebodyFoundGoneDuringAWriteIsRefusedAndNotSignedOut(t *testing.T) {
	t.Parallel()
	store := cache.NewMemory(0)
	a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.Store = store })
	write := announcer(t, store).NewWrite("", "1")
	alice := a.signIn(1)
	if err := write.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	row := p.row("1")
	p.change("1", nil)
	for _, path := range []string{"/me", "/reload", "/refresh"} {
		alice.get(path).want(http.StatusUnauthorized).wantNoCookie()
	}
	p.put(row) // it is not known yet what the write will have done
	if err := write.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	alice.get("/me").want(http.StatusOK).wantNoCookie()
}

func TestACachedCopyThatIsNotActiveIsReadAgainBeforeAnyoneIsSignedOut(t *testing.T) {
	t.Parallel()
	var least atomic.Int64 // Active may change its mind about the same user
	a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
		c.Active = func(u User) bool { return u.Credits >= least.Load() }
	})
	alice, other := a.signIn(1), a.signIn(1)
	alice.get("/").want(http.StatusOK)
	p.took()
	least.Store(1)
	p.change("1", func(u *User) { u.Credits = 1 })
	alice.get("/me").want(http.StatusOK).wantNoCookie()
	p.wantReads(t, 1, "after Active refused the cached copy")
	other.get("/me").want(http.StatusOK)
	p.wantReads(t, 0, "once it was read again")

	least.Store(2)
	p.fail(true)
	alice.get("/me").wantProblem(http.StatusServiceUnavailable).wantNoCookie()
	p.fail(false)
	p.change("1", func(u *User) { u.Credits = 2 })
	alice.get("/me").want(http.StatusOK).wantNoCookie() // nobody was signed out by what could not be read

	least.Store(3)
	alice.get("/me").want(http.StatusUnauthorized)
	other.get("/me").want(http.StatusUnauthorized)
	least.Store(0)
	other.get("/me").want(http.StatusUnauthorized)
}
