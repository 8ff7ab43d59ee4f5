package neighbours

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"
	"gorm.io/gorm"

	"github.com/powgin/powgin"
)

// importFromSCS returns the Config.Import that finds sessions of scs.
func importFromSCS(sm *scs.SessionManager, db *gorm.DB) func(*gin.Context) (powgin.Imported, error) {
	return func(c *gin.Context) (powgin.Imported, error) {
		ctx := c.Request.Context()
		key := sm.GetString(ctx, "user_id")
		if key == "" {
			return powgin.Imported{}, nil
		}
		closed, err := importClosed(ctx, db, key)
		if err != nil || closed {
			return powgin.Imported{}, err
		}
		return powgin.Imported{UserKey: key, End: func() error {
			return sm.Destroy(ctx)
		}}, nil
	}
}

// moveFromSCS moves a site that had this IdleTimeout.
func moveFromSCS(t *testing.T, idle time.Duration) change {
	before := newSCS(t, func(sm *scs.SessionManager) { sm.IdleTimeout = idle })
	before.wrap()
	before.routes()
	after := movedSCS{before.moved(), newSCSLike(before.sm)}
	after.setUp()
	return change{before.site, after.site}
}

// newSCSLike returns another process's manager of the same store.
func newSCSLike(sm *scs.SessionManager) *scs.SessionManager {
	next := scs.New()
	endSweeper(next)
	next.Store, next.IdleTimeout = sm.Store, sm.IdleTimeout
	return next
}

// A movedSCS is a powgin site whose flash messages stay in scs.
type movedSCS struct {
	powginSite
	sm *scs.SessionManager
}

func (s movedSCS) setUp() {
	db, router, sm := s.db, s.router, s.sm
	importFromSCS := func(sm *scs.SessionManager, db *gorm.DB) func(*gin.Context) (powgin.Imported, error) {
		return s.holdImports(importFromSCS(sm, db))
	}

	router.GET("/file", s.held.hold) // for everyone, so that it comes before Session

	auth := powgin.Must(powgin.New(powgin.Config[User]{
		DB:         db,
		SignInPath: "/login",
		HomePath:   "/plan",
		Import:     importFromSCS(sm, db),
	}))
	sm.IdleTimeout = 0 // with it each request writes its session back, those that have ended too
	sm.Cookie.Secure = true
	router.Use(auth.Session())
	handler := sm.LoadAndSave(router) // outermost, so that Import finds the session

	s.adopt(auth)
	s.handler = handler
	s.importRoutes(s.changePlan, s.profile)
}

func (s movedSCS) changePlan(c *Context) {
	user := c.MustUser()
	ctx := c.Request.Context()
	err := s.db.WithContext(ctx).Model(&user).Update("plan", c.PostForm("plan")).Error
	if err == nil {
		err = c.SyncUser(user)
	}
	if err != nil {
		powgin.Abort(c.Context, err)
		return
	}
	s.sm.Put(ctx, "flash", "Your plan is changed.")
	c.Redirect(http.StatusSeeOther, "/plan")
}

func (s movedSCS) profile(c *Context) {
	text := c.MustUser().Email
	if flash := s.sm.PopString(c.Request.Context(), "flash"); flash != "" {
		text += ": " + flash
	}
	c.String(http.StatusOK, text)
}

// A file is on its way while the browser's session is imported; a copy of the
// old cookie is used then.
func TestWhyTheChangeFromSCSEndsItsIdleTimeout(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		idle time.Duration
		want string
	}{{0, "nobody"}, {idle, alice}} {
		t.Run(tt.idle.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				before := newSCS(t, func(sm *scs.SessionManager) { sm.IdleTimeout = idle })
				before.wrap()
				before.routes()
				after := movedSCS{before.moved(), newSCSLike(before.sm)}
				after.setUp()
				if tt.idle > 0 { // left on; setUp turns it off
					after.sm.IdleTimeout = tt.idle
				}
				b := change{before.site, after.site}.signedInBefore()
				late := after.copied(b)
				after.during(func() { b.Get("/file") }, func() { after.staysSignedIn(b) })
				if got := who(late); got != tt.want {
					t.Errorf("with an IdleTimeout of %v the old cookie is %s; want %s", tt.idle, got, tt.want)
				}
			})
		})
	}
}

func TestFlashesMayStayInSCS(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := moveFromSCS(t, 0).after
		b := s.signIn(alice)
		s.app().Change(b)
		for _, want := range []string{alice + ": Your plan is changed.", alice} {
			if got := b.Get("/profile").Body; got != want {
				t.Errorf("the profile = %q; want %q", got, want)
			}
		}
	})
}
