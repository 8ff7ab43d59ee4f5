package neighbours

import (
	"testing"
	"testing/synctest"

	"github.com/alexedwards/scs/v2"
	"github.com/gin-gonic/gin"
)

// sites are the sites that situations can be tried at.
var sites = map[string]func(t *testing.T) *site{
	"cookie":   newGinSite("cookie"),
	"memstore": newGinSite("memstore"),
	"gorm":     newGinSite("gorm"),
	"scs":      newSCSSite(nil),
	"powgin":   newPowginSite,

	// With the user itself in the session, in place of their key.
	"cookie, user":   newGinUserSite("cookie"),
	"memstore, user": newGinUserSite("memstore"),
	"gorm, user":     newGinUserSite("gorm"),
	"scs, user":      newSCSUserSite,

	"scs, IdleTimeout":        newSCSSite(func(sm *scs.SessionManager) { sm.IdleTimeout = idle }),
	"scs, HashTokenInStore":   newSCSSite(func(sm *scs.SessionManager) { sm.HashTokenInStore = true }),
	"scs, without RenewToken": newCarelessSCSSite,

	"powgin, Store": newStoredPowginSite,
}

// newCarelessSCSSite starts an scs site whose sign-in calls no RenewToken.
func newCarelessSCSSite(t *testing.T) *site {
	s := newSCS(t, nil)
	s.wrap()
	s.router.POST("/login", func(c *gin.Context) {
		user, err := s.authenticate(c)
		if err != nil {
			fail(c, err)
			return
		}
		s.sm.Put(c.Request.Context(), "user_id", keyOf(user))
	})
	s.more()
	return s.site
}

// outcomes says by site what happens there. Where a situation cannot come
// about at one of the first five, it is notThere.
type outcomes map[string]string

const notThere = ""

// situation tries f at each site, and fails where something else happens than
// is written down.
func situation(t *testing.T, want outcomes, f func(s *site) string) {
	t.Helper()
	for _, name := range []string{"cookie", "memstore", "gorm", "scs", "powgin"} {
		if _, ok := want[name]; !ok {
			t.Errorf("nothing is written down for %s", name)
		}
	}
	for name, outcome := range want {
		if outcome == notThere {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if got := f(sites[name](t)); got != outcome {
					t.Errorf("what happens is %q; want %q, or a correction here and in README.md", got, outcome)
				}
			})
		})
	}
}
