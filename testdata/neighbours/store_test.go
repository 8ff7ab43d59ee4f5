package neighbours

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin/powgintest"
)

// The store of sessions cannot be reached: what a page that is open to all
// answers somebody who is signed in. (With powgin, whose store is in the
// process, it is the database of users that is away.)
func TestWhatAPageAnswersWithTheStoreDown(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": notThere, "memstore": notThere,
		"gorm": "200 nobody", "scs": "500", "powgin": "503",
	}, func(s *site) string {
		b := s.signIn(alice)
		if s.down != nil {
			s.down()
		} else {
			s.sql("ALTER TABLE users RENAME TO away")
			time.Sleep(minute)
		}
		return statusAndUser(b)
	})
}

// The database of users cannot be reached, and the sessions can. What happens
// is up to the app that reads the user; these ones answer 500.
func TestWhatAPageAnswersWithTheUsersDown(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "500", "memstore": "500", "gorm": "500", "scs": "500", "powgin": "503",
	}, func(s *site) string {
		b := s.signIn(alice)
		s.sql("ALTER TABLE users RENAME TO away")
		time.Sleep(minute)
		return statusAndUser(b)
	})
}

func statusAndUser(b *powgintest.Browser) string {
	switch r := b.Get("/me"); {
	case r.Status != http.StatusOK:
		return fmt.Sprint(r.Status)
	case r.Body == "":
		return "200 nobody"
	default:
		return "200 " + r.Body
	}
}

// Somebody has read the store, and makes a cookie of what is there.
func TestWhoACookieMadeOfTheStoreIs(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": notThere, "memstore": notThere, "powgin": notThere, // nobody can look
		"gorm": "nobody", // the cookie is signed, and the key is not in the store
		"scs":  alice, "scs, HashTokenInStore": "nobody",
		"powgin, Store": "nobody",
	}, func(s *site) string {
		cookies := s.signIn(alice).Cookies()
		if len(cookies) != 1 {
			s.Fatalf("alice has %d cookies; want 1", len(cookies))
		}
		values := s.stored(cookies[0].Value)
		if len(values) == 0 {
			s.Fatal("the store holds nothing")
		}
		for _, value := range values {
			thief := s.browser()
			thief.SetCookies(&http.Cookie{Name: cookies[0].Name, Value: value})
			if got := who(thief); got != "nobody" {
				return got
			}
		}
		return "nobody"
	})
}

// Two requests of one browser put something into the session at the same time.
func TestWhatTwoRequestsAtOnceLeaveInTheSession(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "pears", "memstore": "pears", "gorm": "pears", "scs": "pears",
		"powgin": notThere, // it keeps no values of the app's
	}, func(s *site) string {
		b := s.signIn(alice)
		s.during(
			func() { b.PostForm("/slow/basket", "item", "pears", "text", "pears") },
			func() { b.PostForm("/basket", "item", "apples", "text", "apples") })
		return strings.TrimSpace(b.Get("/basket/apples").Body + " " + b.Get("/basket/pears").Body)
	})
}

// A request puts five thousand characters into the session.
func TestWhatALongValueComesTo(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "500", "memstore": "200", "gorm": "500", "scs": "200",
		"powgin": notThere, // it keeps no values of the app's
	}, func(s *site) string {
		r := s.signIn(alice).PostForm("/basket", "item", "long", "text", strings.Repeat("long ", 1000))
		return fmt.Sprint(r.Status)
	})
}

// An admin ends all sessions of one user. scs visits everybody's for it.
func TestWhoIsSignedInOnceAUsersSessionsAreEnded(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": notThere, "memstore": notThere, "gorm": notThere, // there is no such call
		"scs": "nobody, nobody, " + bob, "powgin": "nobody, nobody, " + bob,
	}, func(s *site) string {
		first, second, other := s.signIn(alice), s.signIn(alice), s.signIn(bob)
		if s.auth == nil {
			first.PostForm("/sessions/revoke-all")
		} else if err := s.auth.RevokeUser(s.Context(), "1"); err != nil {
			s.Error(err)
		}
		return strings.Join([]string{who(first), who(second), who(other)}, ", ")
	})
}
