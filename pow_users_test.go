package powgin_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// Staff is a second kind of user.
type Staff struct {
	gorm.Model
	Name string
}

// withStaff adds a group of routes that know both kinds of users. Store may be
// the one in which the app keeps its users, or nil.
func (a *app) withStaff(store cache.Store) *powgin.Auth[Staff] {
	a.Helper()
	if err := a.db.AutoMigrate(&Staff{}); err != nil {
		a.Fatal(err)
	}
	if err := a.db.Create(&Staff{Name: "clerk"}).Error; err != nil {
		a.Fatal(err)
	}
	auth, err := powgin.New(powgin.Config[Staff]{
		DB: a.db, Store: store, Namespace: "staff", ContextKey: "current_staff", Transport: powgin.Cookie{Insecure: true},
	})
	if err != nil {
		a.Fatal(err)
	}
	a.Cleanup(func() { _ = auth.Close() })
	g := a.router.Group("/staff", auth.Session())
	g.POST("/signin/:id", powgin.Handle(func(c *powgin.Context[Staff]) {
		var s Staff
		_, _ = fmt.Sscan(c.Param("id"), &s.ID)
		if err := c.SignIn(s); err != nil {
			powgin.Abort(c.Context, err)
		}
	}))
	g.POST("/signout", func(c *gin.Context) { a.browser().wantErr("SignOut", powgin.SignOut(c), nil) })
	g.POST("/both", func(c *gin.Context) {
		a.browser().wantErr("SignIn of alice", powgin.SignIn(c, person(1)), nil)
		a.browser().wantErr("SignIn of the clerk", powgin.SignIn(c, Staff{Model: gorm.Model{ID: 1}}), nil)
	})
	g.GET("/names", func(c *gin.Context) {
		u, _ := c.Get("current_user")
		s, _ := c.Get("current_staff")
		user, _ := u.(User)
		staff, _ := s.(Staff)
		c.String(http.StatusOK, "user %s, staff %s", user.Name, staff.Name)
	})
	return auth
}

// wantNobody fails the test unless err is the one wanted, and nobody is signed
// in on the request.
func (a *app) wantNobody(c *Context, err, want error) {
	a.Helper()
	a.browser().wantErr("the error", err, want)
	if u, ok := c.User(); ok {
		a.Errorf("%s is signed in; want nobody", u.Name)
	}
}

func TestPowUsers(t *testing.T) {
	t.Parallel()
	t.Run("Pow 37: the user is under the key that was configured, each kind under its own", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		a.withStaff(nil)
		b := a.browser()
		both := b.post("/staff/both").want(http.StatusOK)
		if n := len(both.setCookies()); n != 2 {
			t.Errorf("signing in as both sets %q; want one cookie each", both.setCookies())
		}
		wantNames := func(want string) {
			t.Helper()
			if got := b.get("/staff/names").Body.String(); got != want {
				t.Errorf("GET /staff/names = %q; want %q", got, want)
			}
		}
		wantNames("user alice, staff clerk")
		b.post("/staff/signout").want(http.StatusOK)
		wantNames("user alice, staff ")
		b.post("/signout").want(http.StatusOK)
		wantNames("user , staff ")
	})
	t.Run("Pow 37: a user who is assigned is the current one for this request", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, func(cfg *powgin.Config[User]) { cfg.ContextKey = "me" })
		a.handle("GET", "/as", func(c *Context) {
			c.AssignUser(User{Name: "carol"})
			u, _ := c.Get("me")
			c.String(http.StatusOK, u.(User).Name)
		})
		alice := a.signIn(1)
		if got := alice.get("/as").Body.String(); got != "carol" {
			t.Errorf("the user under the key = %q; want carol", got)
		}
		if got := alice.get("/me").identity().User.Name; got != "alice" {
			t.Errorf("the user of the next request = %q; want alice", got)
		}
	})
	t.Run("Pow 38: a sign-in that fails signs nobody in", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		a.handle("POST", "/try", func(c *Context) {
			a.wantNobody(c, c.SignIn(person(99)), powgin.ErrInactive)
			a.wantNobody(c, c.SignIn(User{Name: "alice"}), powgin.ErrNoUserKey)
		})
		b := a.browser()
		b.post("/try").want(http.StatusOK).wantCookie(false)
		b.get("/me").want(http.StatusUnauthorized)
	})
	t.Run("Pow 39: an update of the user renews the session with what the database says", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		alice := a.signIn(1)
		before := alice.session()
		r := alice.post("/plan/pro").wantCookie(true)
		if after := r.identity(); after.User.Plan != "pro" || after.Session.ID != before.ID || after.Session.Hint == before.Hint {
			t.Errorf("plan %q in session %+v; want pro and a new token of %+v", after.User.Plan, after.Session, before)
		}
	})
	t.Run("Pow 39: deleting the user signs them out", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, nil)
		a.handle("POST", "/delete", func(c *Context) {
			if err := a.db.Delete(&User{}, 1).Error; err != nil {
				a.Error(err)
			}
			a.wantNobody(c, c.SyncUser(c.MustUser()), powgin.ErrInactive)
		})
		alice, phone := a.signIn(1), a.signIn(1)
		alice.post("/delete").want(http.StatusOK)
		for _, b := range []*browser{alice, phone} {
			b.get("/me").want(http.StatusUnauthorized)
		}
		if alice.token() != "" {
			t.Error("the browser still has a cookie")
		}
	})
	t.Run("Pow 39: an update that fails leaves the session alone", func(t *testing.T) {
		t.Parallel()
		a := newApp(t, silent)
		alice := a.signIn(1)
		before := alice.session()
		if err := a.db.Exec("CREATE TRIGGER no BEFORE UPDATE ON users BEGIN SELECT RAISE(ABORT, 'no'); END").Error; err != nil {
			t.Fatal(err)
		}
		alice.post("/plan/pro").want(http.StatusInternalServerError).wantCookie(false)
		if after := alice.session(); !sameInfo(before, after) {
			t.Errorf("the session is %+v; want %+v", after, before)
		}
	})
	t.Run("Pow 40: a signed token is accepted, a changed one is not", func(t *testing.T) {
		t.Parallel()
		a := keyed(t, nil, 0)
		token := a.signIn(1).token()
		a.with(token).get("/me").want(http.StatusOK)
		a.with("B" + token[1:]).get("/me").want(http.StatusUnauthorized)
		a.with(token[:66]).get("/me").want(http.StatusUnauthorized)
	})
}
