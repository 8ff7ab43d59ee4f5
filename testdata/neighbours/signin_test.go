package neighbours

import (
	"testing"
	"time"

	"github.com/powgin/powgin/powgintest"
)

const (
	idle   = 30 * time.Minute
	minute = time.Minute + time.Millisecond
)

// An attacker signs in as bob, plants that cookie in somebody's browser, and
// alice signs in there.
func TestWhomAPlantedCookieReads(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": bob, "memstore": alice, "gorm": alice,
		"scs": "nobody", "scs, without RenewToken": alice,
		"powgin": "nobody",
	}, func(s *site) string {
		attacker := s.signIn(bob)
		victim := s.copied(attacker)
		s.app().SignIn(victim, alice)
		if got := who(victim); got != alice {
			s.Errorf("the victim is %s; want %s", got, alice)
		}
		return who(attacker)
	})
}

// Somebody copied a browser's cookies, and then it signs out.
func TestWhoACopiedCookieIsAfterTheSignOut(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": alice, "memstore": "nobody", "gorm": "nobody", "scs": "nobody", "powgin": "nobody",
	}, func(s *site) string {
		b := s.signIn(alice)
		thief := s.copied(b)
		s.app().SignOut(b)
		if got := who(b); got != "nobody" {
			s.Errorf("the browser that signed out is %s", got)
		}
		return who(thief)
	})
}

// Somebody copied a browser's cookies, whose time ends after 24 hours, and uses
// them 25 hours after the sign-in.
func TestWhoACopiedCookieIsAfterItsTime(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": alice, "memstore": alice, "gorm": "nobody", "scs": "nobody", "powgin": "nobody",
	}, func(s *site) string {
		thief := s.copied(s.signIn(alice))
		time.Sleep(25 * time.Hour)
		return who(thief)
	})
}

// A form is on its way while another tab signs out, and is saved afterwards.
func TestWhomASlowFormLeavesSignedIn(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": alice, "memstore": alice, "gorm": alice,
		"scs": alice, "scs, IdleTimeout": alice,
		"powgin": "nobody",
	}, func(s *site) string {
		b := s.signIn(alice)
		s.during(func() { b.PostForm("/slow", "plan", "pro") }, func() { s.app().SignOut(b) })
		return who(b)
	})
}

// A page is on its way, which changes nothing, while another tab signs out.
func TestWhomASlowPageLeavesSignedIn(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": "nobody", "memstore": "nobody", "gorm": "nobody",
		"scs": "nobody", "scs, IdleTimeout": alice,
		"powgin": "nobody",
	}, func(s *site) string {
		b := s.signIn(alice)
		s.during(func() { b.Get("/report") }, func() { s.app().SignOut(b) })
		return who(b)
	})
}

// The plan is changed, which renews the token where there is such a thing; a
// copy of the cookies from before is used half a minute later.
func TestWhoTheOldCookieIsAfterAChangeOfPlan(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": alice, "memstore": alice, "gorm": alice,
		"scs": "nobody", "scs, IdleTimeout": "nobody",
		"powgin": "nobody",
	}, func(s *site) string {
		b := s.signIn(alice)
		thief := s.copied(b)
		s.app().Change(b)
		time.Sleep(minute / 2)
		s.staysSignedIn(b)
		return who(thief)
	})
}

// The same, with a page on its way that was sent with the old cookie and is
// answered last.
func TestWhoTheOldCookieIsAfterASlowPage(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": alice, "memstore": alice, "gorm": alice,
		"scs": "nobody", "scs, IdleTimeout": alice,
		"powgin": "nobody",
	}, func(s *site) string {
		b := s.signIn(alice)
		thief := s.copied(b)
		s.during(func() { b.Get("/report") }, func() { s.app().Change(b) })
		time.Sleep(minute / 2)
		s.staysSignedIn(b)
		return who(thief)
	})
}

// staysSignedIn fails the test unless the browser is alice's.
func (s *site) staysSignedIn(b *powgintest.Browser) {
	s.Helper()
	if got := who(b); got != alice {
		s.Errorf("the browser is %s; want %s", got, alice)
	}
}

// The plan is changed just before the 24 hours of a session are over, and the
// browser is used twenty minutes after that. Until then it asks for a page every ten
// minutes.
func TestWhoIsSignedInAfterTheAbsoluteTimeout(t *testing.T) {
	t.Parallel()
	situation(t, outcomes{
		"cookie": alice, "memstore": alice, "gorm": alice,
		"scs": alice, "powgin": "nobody",
	}, func(s *site) string {
		b := s.signIn(alice)
		const step = 10 * time.Minute
		for range 24*time.Hour/step - 1 {
			time.Sleep(step)
			s.staysSignedIn(b)
		}
		s.app().Change(b)
		time.Sleep(2 * step)
		return who(b)
	})
}
