package neighbours

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
)

// shows tells how long a page asked every ten minutes goes on to show
// something, up to 23 hours; want says that it shows what it should.
func shows(want func() bool) string {
	switch {
	case want():
		return "at once"
	case after(minute, want):
		return "after a minute"
	}
	for range 23 * 6 {
		if after(10*time.Minute, want) {
			return "within a day"
		}
	}
	return "not for 23 hours"
}

func after(d time.Duration, want func() bool) bool {
	time.Sleep(d)
	return want()
}

// The plan is changed in the database, by another service.
func TestWhenAChangedRowShows(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "at once", "memstore": "at once", "gorm": "at once", "scs": "at once",
		"cookie, user": "not for 23 hours", "memstore, user": "not for 23 hours",
		"gorm, user": "not for 23 hours", "scs, user": "not for 23 hours",
		"powgin": "after a minute",
	}, func(s *site) string {
		b := s.signIn(alice)
		s.sql("UPDATE users SET plan = 'pro'")
		return shows(func() bool { return plan(b) == "pro" })
	})
}

// The same at a route that reloads the user, which is what powgin has for
// pages that decide on it.
func TestAReloadedRouteShowsAChangedRowAtOnce(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": notThere, "memstore": notThere, "gorm": notThere, "scs": notThere,
		"powgin": "at once",
	}, func(s *site) string {
		b := s.signIn(alice)
		s.sql("UPDATE users SET plan = 'pro'")
		return shows(func() bool { return b.Get("/checkout").Body == "pro" })
	})
}

// The plan is changed by the site's own form, in another browser of the user.
func TestWhenAChangeShowsInAnotherBrowser(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "at once", "memstore": "at once", "gorm": "at once", "scs": "at once",
		"cookie, user": "not for 23 hours", "memstore, user": "not for 23 hours",
		"gorm, user": "not for 23 hours", "scs, user": "not for 23 hours",
		"powgin": "at once",
	}, func(s *site) string {
		b, other := s.signIn(alice), s.signIn(alice)
		plan(b) // what it has, it may keep
		s.app().Change(other)
		if got := plan(other); got != "pro" {
			s.Errorf("the browser that changed the plan shows %q; want pro", got)
		}
		return shows(func() bool { return plan(b) == "pro" })
	})
}

// The user is deleted in the database.
func TestWhenADeletedUserIsNobody(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "at once", "memstore": "at once", "gorm": "at once", "scs": "at once",
		"cookie, user": "not for 23 hours", "memstore, user": "not for 23 hours",
		"gorm, user": "not for 23 hours", "scs, user": "not for 23 hours",
		"powgin": "after a minute",
	}, func(s *site) string {
		b := s.signIn(alice)
		s.sql("DELETE FROM users WHERE email = '" + alice + "'")
		return shows(func() bool { return who(b) == "nobody" })
	})
}

// How many queries 100 pages of one user cost.
func TestHowOftenTheUserIsRead(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "100 queries", "memstore": "100 queries", "gorm": "200 queries", "scs": "100 queries",
		"cookie, user": "0 queries", "memstore, user": "0 queries", "gorm, user": "100 queries", "scs, user": "0 queries",
		"powgin": "0 queries",
	}, func(s *site) string {
		b := s.signIn(alice)
		plan(b)
		queries := s.countQueries()
		for range 100 {
			plan(b)
		}
		n := queries()
		if b.Get("/checkout"); s.auth != nil && queries() != n+1 {
			s.Errorf("powgin's reads are not counted")
		}
		return fmt.Sprintf("%d queries", n)
	})
}

// countQueries returns a function that tells how many queries there were since.
func (s *site) countQueries() func() int64 {
	var n atomic.Int64
	if err := s.db.Callback().Query().Before("gorm:query").Register("count", func(*gorm.DB) { n.Add(1) }); err != nil {
		s.Fatal(err)
	}
	return n.Load
}
