package neighbours

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gin-gonic/gin"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/powgintest"
)

// An ImportClosed says of a user that sessions from before the change count no
// more.
type ImportClosed struct {
	UserKey string `gorm:"primaryKey"`
}

func closeImport(ctx context.Context, db *gorm.DB, userKey string) error {
	return db.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&ImportClosed{userKey}).Error
}

func importClosed(ctx context.Context, db *gorm.DB, userKey string) (bool, error) {
	var n int64
	err := db.WithContext(ctx).Model(&ImportClosed{}).Where("user_key = ?", userKey).Count(&n).Error
	return n > 0, err
}

// signOutForGood ends the session, and the import of this user's other
// sessions.
func (s powginSite) signOutForGood(c *Context) {
	if key, ok := powgin.UserKey(c); ok {
		if err := closeImport(c.Request.Context(), s.db, key); err != nil {
			powgin.Abort(c.Context, err)
			return
		}
	}
	s.signOut(c)
}

// A change is a site before it moved to powgin, and after.
type change struct{ before, after *site }

// changes are the sites that move, by what kept their sessions before.
var changes = map[string]func(t *testing.T) change{
	"cookie":           func(t *testing.T) change { return moveFromGin(t, "cookie") },
	"memstore":         func(t *testing.T) change { return moveFromGin(t, "memstore") },
	"gorm":             func(t *testing.T) change { return moveFromGin(t, "gorm") },
	"scs":              func(t *testing.T) change { return moveFromSCS(t, 0) },
	"scs, IdleTimeout": func(t *testing.T) change { return moveFromSCS(t, idle) },
}

// moved returns the site that follows s, on the same database and without
// routes yet.
func (s *site) moved() powginSite {
	s.Helper()
	if err := s.db.AutoMigrate(&ImportClosed{}); err != nil {
		s.Fatal(err)
	}
	return powginSite{&site{T: s.T, db: s.db, router: gin.New(), held: newGate()}}
}

// eachChange tries f at each site that moves.
func eachChange(t *testing.T, f func(c change)) {
	t.Helper()
	for name, start := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { f(start(t)) })
		})
	}
}

// signedInBefore returns a browser at the new site that signed in at the old
// one.
func (c change) signedInBefore() *powgintest.Browser {
	c.before.Helper()
	return c.after.copied(c.before.signIn(alice))
}

func TestTheChangeSignsNobodyOut(t *testing.T) {
	t.Parallel()
	eachChange(t, func(c change) {
		b := c.signedInBefore()
		for range 2 {
			if got := who(b); got != alice {
				t.Errorf("after the change the browser is %s; want %s", got, alice)
			}
		}
		if list, err := c.after.auth.Sessions(c.after.Context(), "1"); err != nil || len(list) != 1 {
			t.Errorf("alice has %d sessions (%v); want the one that both requests share", len(list), err)
		}
		if got := who(c.after.browser()); got != "nobody" {
			t.Errorf("a browser without cookies is %s; want nobody", got)
		}
	})
}

func TestASignOutAfterTheChangeIsFinal(t *testing.T) {
	t.Parallel()
	eachChange(t, func(c change) {
		b := c.signedInBefore()
		copies := []*powgintest.Browser{c.after.copied(b)}
		c.after.staysSignedIn(b)
		copies = append(copies, c.after.copied(b))
		c.after.app().SignOut(b)
		for i, thief := range append(copies, b) {
			if got := who(thief); got != "nobody" {
				t.Errorf("after the sign-out the cookies of moment %d are %s; want nobody", i+1, got)
			}
		}
		c.after.app().SignIn(b, alice)
		c.after.staysSignedIn(b)
	})
}

// A browser's first requests after the change are often several at once.
func TestTheFirstRequestsAfterTheChange(t *testing.T) {
	t.Parallel()
	eachChange(t, func(c change) {
		const requests = 5
		b := c.signedInBefore()
		var all sync.WaitGroup
		answers := make(chan string, requests)
		for range requests {
			all.Go(func() {
				r := b.Get("/importing")
				answers <- fmt.Sprint(r.Status, " ", r.Body)
			})
		}
		for range requests {
			<-c.after.held.reached // all of them have found the old session
		}
		c.after.held.open()
		all.Wait()
		close(answers)
		for answer := range answers {
			if answer != "200 "+alice {
				t.Errorf("one of %d requests at once = %s; want 200 %s", requests, answer, alice)
			}
		}
		c.after.staysSignedIn(b)
		if list, err := c.after.auth.Sessions(c.after.Context(), "1"); err != nil || len(list) != requests {
			t.Errorf("alice has %d sessions (%v); want one for each request", len(list), err)
		}
		c.after.app().SignOut(b)
		if got := who(b); got != "nobody" {
			t.Errorf("after the sign-out the browser is %s; want nobody", got)
		}
	})
}

// holdImports has requests for /importing wait once they have found the old
// session, so that several find it. One at a time looks for it and ends it: the
// GORM store of gin-contrib/sessions writes its own settings at every request,
// unguarded.
func (s *site) holdImports(find func(*gin.Context) (powgin.Imported, error)) func(*gin.Context) (powgin.Imported, error) {
	var mu sync.Mutex
	return func(c *gin.Context) (powgin.Imported, error) {
		mu.Lock()
		found, err := find(c)
		mu.Unlock()
		if c.Request.URL.Path == "/importing" {
			s.held.hold(c)
		}
		end := found.End
		found.End = func() error {
			mu.Lock()
			defer mu.Unlock()
			return end()
		}
		return found, err
	}
}

// A request that was sent with the old cookie and comes once the old session
// has ended is nobody's: there is nothing to know it by.
func TestALateRequestWithTheOldCookie(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"cookie": alice, // nothing ends there
		"gorm":   "nobody", "memstore": "nobody", "scs": "nobody",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := changes[name](t)
				b := c.signedInBefore()
				late := c.after.copied(b)
				c.after.staysSignedIn(b)
				if got := who(late); got != want {
					t.Errorf("it is %s; want %s", got, want)
				}
			})
		})
	}
}

// The assertions hold while Import is there, too.
func TestPowgintestDuringTheChange(t *testing.T) {
	t.Parallel()
	eachChange(t, func(c change) {
		powgintest.AssertNoFixation(c.after.T, c.after.app())
		powgintest.AssertNoRevival(c.after.T, c.after.app())
		powgintest.AssertRotates(c.after.T, c.after.app(), c.after.app().Change)
	})
}

// With the database down nobody can tell whether an import is closed.
func TestAnImportThatCannotTell(t *testing.T) {
	t.Parallel()
	eachChange(t, func(c change) {
		b := c.signedInBefore()
		c.after.sql("ALTER TABLE import_closeds RENAME TO away")
		if got := who(b); got != http.StatusText(http.StatusServiceUnavailable) {
			t.Errorf("the browser is answered with %s; want 503", got)
		}
		c.after.sql("ALTER TABLE away RENAME TO import_closeds")
		c.after.staysSignedIn(b)
	})
}

// With the store of the old sessions down nobody is imported and nobody lost:
// scs refuses the request, the GORM store of gin-contrib/sessions says nothing.
func TestAnImportFromAStoreThatIsDown(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"gorm": "nobody", "scs": http.StatusText(http.StatusInternalServerError),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := changes[name](t)
				b := c.signedInBefore()
				c.before.down()
				if got := who(b); got != want {
					t.Errorf("the browser is answered with %s; want %s", got, want)
				}
				c.before.up()
				c.after.staysSignedIn(b)
			})
		})
	}
}

// Whoever was imported has not just proved who they are.
func TestAnImportedUserIsAskedOnceMore(t *testing.T) {
	t.Parallel()
	eachChange(t, func(c change) {
		b := c.signedInBefore()
		for _, want := range []int{http.StatusUnauthorized, http.StatusOK} {
			if got := b.Get("/secret").Status; got != want {
				t.Errorf("GET /secret = %d; want %d", got, want)
			}
			c.after.app().SignIn(b, alice)
		}
	})
}
