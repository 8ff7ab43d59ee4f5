package powgin_test

import (
	"net/http"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

func TestACachedUserIsNoOlderThanAllowed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path   string
		config powgin.Config[User]
		age    time.Duration
	}{
		"a minute where nothing is said":       {"/", powgin.Config[User]{}, time.Minute},
		"Config.MaxAge":                        {"/", powgin.Config[User]{MaxAge: 10 * time.Second}, 10 * time.Second},
		"the route's MaxAge":                   {"/maxage", powgin.Config[User]{}, 10 * time.Second},
		"the route's MaxAge under NoMaxAge":    {"/maxage", powgin.Config[User]{MaxAge: powgin.NoMaxAge}, 10 * time.Second},
		"RenewAfter under NoMaxAge":            {"/", powgin.Config[User]{MaxAge: powgin.NoMaxAge}, 15 * time.Minute},
		"RenewAfter where MaxAge is longer":    {"/", powgin.Config[User]{MaxAge: time.Hour, RenewAfter: 5 * time.Minute}, 5 * time.Minute},
		"Config.MaxAge on a less strict route": {"/maxage", powgin.Config[User]{MaxAge: 3 * time.Second}, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, p := newPeopleApp(t, func(c *powgin.Config[User]) {
					c.MaxAge, c.RenewAfter = tt.config.MaxAge, tt.config.RenewAfter
				})
				alice := a.signIn(1)
				alice.get(tt.path).want(http.StatusOK)
				p.setPlan("1", "pro")
				p.took()
				time.Sleep(tt.age - time.Second)
				alice.wantPlan(tt.path, "free", "a second before")
				p.wantReads(t, 0, "a second before")
				time.Sleep(2 * time.Second)
				alice.wantPlan(tt.path, "pro", "a second after")
				p.wantReads(t, 1, "a second after")
				alice.wantPlan("/", "pro", "elsewhere")
				p.wantReads(t, 0, "elsewhere")
			})
		})
	}
}

func TestReloadIsForOneRequestAndRefreshForAll(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path, elsewhere string
	}{{"/reload", "free"}, {"/require-reload", "free"}, {"/refresh", "pro"}} {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			a, p := newPeopleApp(t, nil)
			alice, other := a.signIn(1), a.signIn(1)
			alice.wantPlan("/", "free", "at first")
			p.setPlan("1", "pro")
			p.took()
			alice.wantPlan(tt.path, "pro", "after the change")
			alice.wantPlan(tt.path, "pro", "once more")
			p.wantReads(t, 2, "two requests to "+tt.path)
			alice.wantPlan("/", tt.elsewhere, "elsewhere")
			other.wantPlan("/", tt.elsewhere, "in another session")
			p.wantReads(t, 0, "elsewhere")
		})
	}
}

func TestConfigReloadReadsOnceForEveryRequest(t *testing.T) {
	t.Parallel()
	a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.Reload = true })
	alice := a.signIn(1)
	p.took()
	for _, plan := range []string{"free", "pro", "team"} {
		p.setPlan("1", plan)
		alice.wantPlan("/", plan, "with Config.Reload")
		p.wantReads(t, 1, "with Config.Reload")
	}
	a.browser().wantPlan("/", "", "signed out")
	p.wantReads(t, 0, "signed out")
	p.change("1", nil)
	alice.get("/me").want(http.StatusUnauthorized)
}

func TestConcurrentMissesShareOneRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, nil)
		alice, other := a.signIn(1), a.signIn(1)
		if err := a.auth.Invalidate(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		p.took()
		release := p.hold()
		var waits []func() *response
		for range 100 {
			waits = append(waits, alice.later("GET", "/"), other.later("GET", "/me"))
		}
		synctest.Wait()
		release()
		for _, wait := range waits {
			if id := wait().identity(); id.User == nil || id.User.Plan != "free" {
				t.Fatalf("a shared read brought %+v; want alice on the free plan", id.User)
			}
		}
		p.wantReads(t, 1, "200 requests that miss at once")
	})
}

func TestAReadThatBeganBeforeAChangeIsNeitherKeptNorJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, p := newPeopleApp(t, nil)
		alice := a.signIn(1)
		p.took()
		release := p.hold()
		early := alice.later("GET", "/")
		synctest.Wait() // it has read the old row and is on its way back
		p.onFind(nil)
		p.setPlan("1", "pro")
		if err := a.auth.Sync(t.Context(), User{Model: gorm.Model{ID: 1}}); err != nil {
			t.Fatal(err)
		}
		alice.wantPlan("/", "pro", "while the old row is on its way")
		release()
		early().want(http.StatusOK)
		alice.wantPlan("/", "pro", "after the old row has come back")
		p.wantReads(t, 2, "one read before the change and one after it")
	})
}

func TestReloadIsNeverOlderThanItsRequest(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/reload", "/refresh"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, p := newPeopleApp(t, nil)
				alice := a.signIn(1)
				alice.get("/").want(http.StatusOK)
				p.took()
				release := p.hold()
				early := alice.later("GET", path)
				synctest.Wait() // it has read the old row
				p.onFind(nil)
				p.setPlan("1", "pro")
				var waits []func() *response
				for range 1000 {
					waits = append(waits, alice.later("GET", path))
				}
				synctest.Wait()
				p.wantReads(t, 1, "while the first read is under way")
				release()
				if u := early().identity().User; u.Plan != "free" {
					t.Errorf("the request before the change shows %q; want free", u.Plan)
				}
				for _, wait := range waits {
					if u := wait().identity().User; u == nil || u.Plan != "pro" {
						t.Fatalf("a request after the change shows %+v; want plan pro", u)
					}
				}
				p.wantReads(t, 1, "1000 requests that came during one read")
			})
		})
	}
}

func TestLoadedAtTellsHowOldTheCopyIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, _ := newPeopleApp(t, nil)
		alice := a.signIn(1)
		read := time.Now()
		loadedAt := func(path string) time.Time { return alice.get(path).identity().Session.LoadedAt }
		if got := loadedAt("/"); !got.Equal(read) {
			t.Errorf("LoadedAt = %v; want %v", got, read)
		}
		time.Sleep(30 * time.Second)
		if got := loadedAt("/"); !got.Equal(read) {
			t.Errorf("LoadedAt of the cached copy = %v; want %v", got, read)
		}
		if got := loadedAt("/reload"); !got.Equal(time.Now()) {
			t.Errorf("LoadedAt after Reload = %v; want %v", got, time.Now())
		}
		if got := loadedAt("/"); !got.Equal(read) {
			t.Errorf("LoadedAt elsewhere = %v; want %v", got, read)
		}
		if got := loadedAt("/refresh"); !got.Equal(time.Now()) {
			t.Errorf("LoadedAt after Refresh = %v; want %v", got, time.Now())
		}
		list, err := a.auth.Sessions(t.Context(), "1")
		if err != nil || len(list) != 1 || !list[0].LoadedAt.IsZero() {
			t.Errorf("Sessions = %+v, %v; want one whose LoadedAt is zero", list, err)
		}
	})
}

// announcer returns what announces changes of the users in store, as a writer
// that powgin knows of does before its COMMIT and after it.
func announcer(t *testing.T, store cache.Store) *cache.Cache {
	t.Helper()
	c, err := cache.New(cache.Config{
		Store: store,
		Space: cache.Space{Type: reflect.TypeFor[User]().PkgPath() + ".User"},
		Rules: cache.Rules{
			IdleTimeout: 30 * time.Minute, RenewAfter: 15 * time.Minute, AbsoluteTimeout: 24 * time.Hour,
			Grace: 5 * time.Second, MaxAge: time.Minute, MaxSessions: 100,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestWhileAWriteIsAnnouncedReadersGoToTheDatabase(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"exact users": {"1", "2"}, "all users": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := cache.NewMemory(0)
				a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.Store = store })
				write := announcer(t, store).NewWrite("", keys...)
				alice := a.signIn(1)
				alice.wantPlan("/", "free", "before the write")

				release := p.hold()
				early := alice.later("GET", "/refresh")
				synctest.Wait() // it has read the old row before the write was announced
				p.onFind(nil)
				if err := write.Begin(t.Context()); err != nil {
					t.Fatal(err)
				}
				release()
				early().want(http.StatusOK)
				bob := a.signIn(2) // who has had no account yet
				p.took()
				for range 3 {
					alice.wantPlan("/", "free", "before COMMIT")
					bob.wantPlan("/", "free", "before COMMIT")
				}
				p.wantReads(t, 6, "six requests before COMMIT")
				p.setPlan("1", "pro")
				p.setPlan("2", "pro")
				alice.wantPlan("/", "pro", "between COMMIT and the conclusion")
				bob.wantPlan("/", "pro", "between COMMIT and the conclusion")
				if err := write.End(t.Context()); err != nil {
					t.Fatal(err)
				}
				p.took()
				for range 3 {
					alice.wantPlan("/", "pro", "after the write")
					bob.wantPlan("/", "pro", "after the write")
				}
				p.wantReads(t, 2, "six requests of two users after the write")
			})
		})
	}
}

func TestAReadFromBeforeOrDuringAWriteFillsNothingAfterIt(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]bool{"from before": false, "from during": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store := cache.NewMemory(0)
				a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.Store = store })
				write := announcer(t, store).NewWrite("", "1")
				begin := func() {
					if err := write.Begin(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				alice := a.signIn(1)
				if during {
					begin()
				}
				release := p.hold()
				early := alice.later("GET", "/")
				synctest.Wait() // it has read the old row
				p.onFind(nil)
				if !during {
					begin()
				}
				p.setPlan("1", "pro")
				if err := write.End(t.Context()); err != nil {
					t.Fatal(err)
				}
				release()
				early().want(http.StatusOK)
				alice.wantPlan("/", "pro", "after the write")
			})
		})
	}
}

func TestAWriterThatCrashedIsForgottenAtItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := cache.NewMemory(0)
		a, p := newPeopleApp(t, func(c *powgin.Config[User]) { c.Store = store })
		alice := a.signIn(1)
		if err := announcer(t, store).NewWrite("", "1").Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.took()
		time.Sleep(cache.WriterDeadline - time.Second)
		alice.get("/").want(http.StatusOK)
		alice.get("/").want(http.StatusOK)
		p.wantReads(t, 2, "before the deadline")
		p.setPlan("1", "pro") // the COMMIT that came after all
		time.Sleep(time.Second)
		alice.wantPlan("/", "pro", "after the deadline")
		alice.wantPlan("/", "pro", "after the deadline")
		p.wantReads(t, 1, "after the deadline")
	})
}
