package powgin_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// What Pow's own tests hold Pow to, for its session and its credentials cache,
// holds here too, or is bettered on purpose. The numbers are those of the
// subtests in the pow_*_test.go files; those that are missing belong to Pow's
// stores, to formats of the past and to parts that powgin does not have.
//
//	Pow 1   users, user types and sessions stay apart   kept; one record a user
//	                                                    instead of three a session.
//	                                                    Listing all users is not
//	                                                    part of this API: the
//	                                                    sessions of one user are
//	Pow 2   a change shows in all sessions of the user  kept
//	Pow 3   a session ends alone                        kept; the last one takes the
//	                                                    cached user with it
//	Pow 4   timeouts over 30 minutes                    bettered: any is fine, and
//	                                                    nothing warns at each write
//	Pow 5   nothing to reload users from                bettered: New refuses it, not
//	                                                    the first request
//	Pow 6   reload serves the fresh user                kept
//	Pow 7   reload of a user who is gone                kept: nobody, which is told
//	                                                    from "could not tell"
//	Pow 8   a sign-in replaces the browser's session    kept, without a fingerprint
//	                                                    that outlives the session
//	Pow 9   composite primary keys                      kept
//	Pow 10  sessions end one by one                     kept; to the moment
//	Pow 12  nobody is nobody                            kept
//	Pow 13  a missing set-up is told clearly            kept: by New, and with 500
//	                                                    where Session did not run
//	Pow 14  an assigned user stays                      kept for AssignUser; a value
//	                                                    that other middleware left
//	                                                    under our key is not believed
//	Pow 15  a session gives the user and its facts      kept
//	Pow 16  what is stored replaces what was there      kept
//	Pow 17  a well-formed token of nobody               kept
//	Pow 18  an unsigned id that exists                  kept; it never reaches the store
//	Pow 19  renewal when due, and only then             kept; the id of the session is
//	                                                    no secret and stays
//	Pow 20  two requests at a renewal                   bettered: both get the same
//	                                                    successor, and both live on
//	Pow 21  the app's name in the key                   kept, as Namespace
//	Pow 22  reload finds the user gone                  kept: the session ends
//	Pow 23  a second sign-in replaces the first         kept; the ids share nothing
//	Pow 24  a sign-in defeats fixation                  kept
//	Pow 25  metadata; times are the server's            kept, in Config.Metadata
//	Pow 26  sign-out ends it here and there             kept
//	Pow 27  sign-in, then sign-out in one request       kept
//	Pow 28  a minimal set-up works                      kept: DB alone
//	Pow 37  the context key, two kinds of users         kept
//	Pow 38  a sign-in that fails signs nobody in        kept; the password is the app's
//	Pow 39  a changed user, a deleted user              kept; what is cached is read
//	                                                    from the database, and an error
//	                                                    keeps the session
//	Pow 40  signed tokens                               kept, with keys that can be
//	                                                    replaced
//
// Renewal and SyncUser better Pow in one more way that many of them show: an
// old token dies Grace after its successor is in use, not at once, so requests
// under way are not signed out.

func TestPowCredentials(t *testing.T) {
	t.Parallel()
	t.Run("Pow 1: users, user types and sessions stay apart", func(t *testing.T) {
		t.Parallel()
		store := cache.NewMemory(0)
		a := newApp(t, func(cfg *powgin.Config[User]) { cfg.Store = store })
		a.withStaff(store)
		alice, phone, bob, clerk := a.signIn(1), a.signIn(1), a.signIn(2), a.browser()
		clerk.post("/staff/signin/1").want(http.StatusOK)
		for b, want := range map[*browser]string{alice: "alice", phone: "alice", bob: "bob", clerk: "clerk"} {
			if got := b.get("/staff/names").Body.String(); got != "user "+want+", staff " && got != "user , staff "+want {
				t.Errorf("%s is told: %s", want, got)
			}
		}
		if list := alice.sessions(); len(list) != 2 || list[0].ID == list[1].ID {
			t.Errorf("alice's sessions are %+v; want two of her own", list)
		}
		if list := bob.sessions(); len(list) != 1 {
			t.Errorf("bob's sessions are %+v; want his own", list)
		}
		if n := store.Len(); n != 3 {
			t.Errorf("the store holds %d records; want one for each of three users", n)
		}
	})
	t.Run("Pow 2: a change shows in all sessions of the user, which stay as they are", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		alice, phone, bob := a.signIn(1), a.signIn(1), a.signIn(2)
		before := phone.session()
		alice.post("/plan/pro").want(http.StatusOK)
		phone.wantPlan("/me", "pro", "in another session")
		bob.wantPlan("/me", "free", "of another user")
		if after := phone.session(); !sameInfo(before, after) {
			t.Errorf("the other session is %+v; want %+v", after, before)
		}
	})
	t.Run("Pow 3: a session ends alone, and the last takes the cached user with it", func(t *testing.T) {
		t.Parallel()
		store := cache.NewMemory(0)
		a := newApp(t, func(cfg *powgin.Config[User]) { cfg.Store = store })
		alice, phone := a.signIn(1), a.signIn(1)
		alice.post("/signout").want(http.StatusOK)
		if list := phone.sessions(); len(list) != 1 || store.Len() != 1 {
			t.Errorf("%d sessions, %d records; want 1 and 1", len(list), store.Len())
		}
		phone.post("/signout").want(http.StatusOK)
		if store.Len() != 0 {
			t.Errorf("%d records after the last sign-out; want none", store.Len())
		}
	})
	t.Run("Pow 4: timeouts may be long", func(t *testing.T) {
		bubble(t, func(cfg *powgin.Config[User]) { cfg.IdleTimeout, cfg.AbsoluteTimeout = 7*24*time.Hour, 30*24*time.Hour }, func(a *app) {
			alice := a.signIn(1)
			time.Sleep(7*24*time.Hour - 1)
			alice.get("/me").want(http.StatusOK)
		})
	})
	t.Run("Pow 5: a set-up with nowhere to read users from is refused", func(t *testing.T) {
		t.Parallel()
		if auth, err := powgin.New(powgin.Config[User]{Reload: true}); err == nil || auth != nil {
			t.Errorf("New without DB and Users = %v, %v; want an error", auth, err)
		}
	})
	t.Run("Pow 6: reload serves the user as they are, in the same session", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, func(cfg *powgin.Config[User]) { cfg.Reload = true })
		alice := a.signIn(1)
		before := alice.session()
		a.set(1, "plan", "pro")
		alice.wantPlan("/me", "pro", "after a change that nobody announced")
		if after := alice.session(); !sameInfo(before, after) {
			t.Errorf("the session is %+v; want %+v", after, before)
		}
	})
	t.Run("Pow 7: reload of a user who is gone is nobody, which is not the same as no answer", func(t *testing.T) {
		t.Parallel()
		a, p := newPeopleApp(t, func(cfg *powgin.Config[User]) { cfg.Reload = true })
		alice := a.signIn(1)
		p.fail(true)
		alice.get("/").want(http.StatusServiceUnavailable)
		p.fail(false)
		alice.get("/me").want(http.StatusOK)
		p.change("1", nil)
		if u := alice.get("/").identity().User; u != nil {
			t.Errorf("the user is %+v; want nobody", u)
		}
	})
	t.Run("Pow 8: a sign-in replaces the session of its own browser only", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		alice, phone := a.signIn(1), a.signIn(1)
		old := alice.clone()
		alice.post("/signin/1").want(http.StatusOK)
		old.get("/me").want(http.StatusUnauthorized)
		phone.get("/me").want(http.StatusOK)
		if n := a.count("1"); n != 2 {
			t.Errorf("alice has %d sessions; want 2", n)
		}
	})
	t.Run("Pow 9: composite primary keys name one user", func(t *testing.T) {
		t.Parallel()
		testCompositeKeys(t)
	})
	t.Run("Pow 10: sessions end one by one, renewal starts the time anew, in the end nothing is left", func(t *testing.T) {
		var store *cache.Memory
		bubble(t, func(cfg *powgin.Config[User]) { store = cache.NewMemory(0); cfg.Store = store }, func(a *app) {
			first := a.signIn(1)
			time.Sleep(renew)
			renewed, third := a.signIn(1), a.signIn(1)
			time.Sleep(renew - 1)
			first.clone().get("/").want(http.StatusOK) // hands out a successor, as good as a renewal
			renewed.get("/me").want(http.StatusOK)
			time.Sleep(time.Nanosecond)
			renewed.get("/me").want(http.StatusOK)
			time.Sleep(renew)
			third.get("/me").want(http.StatusUnauthorized)
			renewed.get("/me").want(http.StatusOK)
			if n := a.count("1"); n != 2 {
				t.Errorf("alice has %d sessions; want 2", n)
			}
			time.Sleep(idle)
			if n := a.count("1"); n != 0 {
				t.Errorf("alice has %d sessions in the end; want none", n)
			}
			a.signIn(2).post("/signout") // whoever writes gives memory back
			time.Sleep(2 * time.Second)
			a.signIn(2).post("/signout")
			if n := store.Len(); n != 0 {
				t.Errorf("the store holds %d records in the end; want none", n)
			}
		})
	})
}

// membership is a user whose primary key has two parts.
type membership struct {
	Club   uint `gorm:"primaryKey;autoIncrement:false"`
	Number uint `gorm:"primaryKey;autoIncrement:false"`
	Name   string
}

func testCompositeKeys(t *testing.T) {
	db := openDB(t)
	if err := errors.Join(db.AutoMigrate(&membership{}), db.Create([]membership{
		{Club: 1, Number: 23, Name: "one"}, {Club: 12, Number: 3, Name: "other"},
	}).Error); err != nil {
		t.Fatal(err)
	}
	auth := powgin.Must(powgin.New(powgin.Config[membership]{DB: db, Transport: powgin.Cookie{Insecure: true}}))
	t.Cleanup(func() { _ = auth.Close() })
	a := &app{TB: t, db: db, router: gin.New()}
	a.router.Use(auth.Session())
	for path, m := range map[string]membership{"/1-23": {Club: 1, Number: 23}, "/12-3": {Club: 12, Number: 3}} {
		a.router.POST(path, func(c *gin.Context) { a.browser().wantErr("SignIn", powgin.SignIn(c, m), nil) })
	}
	a.router.GET("/name", func(c *gin.Context) {
		m, _ := powgin.CurrentUser[membership](c)
		key, _ := powgin.UserKey(c)
		c.String(http.StatusOK, "%s %s", m.Name, key)
	})
	for _, tt := range []struct {
		path, want string
		browsers   int
	}{
		{"/1-23", "one " + powgin.JoinKey("1", "23"), 2},
		{"/12-3", "other " + powgin.JoinKey("12", "3"), 1},
	} {
		for range tt.browsers {
			b := a.browser()
			b.post(tt.path).want(http.StatusOK)
			if got := b.get("/name").Body.String(); got != tt.want {
				t.Errorf("POST %s: GET /name = %q; want %q", tt.path, got, tt.want)
			}
		}
	}
	for m, want := range map[membership]int{{Club: 1, Number: 23}: 2, {Club: 12, Number: 3}: 1} {
		if list, err := auth.Sessions(context.Background(), auth.Key(m)); err != nil || len(list) != want {
			t.Errorf("user %q has the sessions %+v, %v; want %d", auth.Key(m), list, err, want)
		}
	}
}
