package powgin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

const day = 24 * time.Hour

// The lines of a cookie as newApp sets it.
const (
	plainLine   = "powgin=TOKEN; Path=/; HttpOnly; SameSite=Lax"
	monthLine   = "powgin=TOKEN; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax"
	deletedLine = "powgin=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
)

func TestTheCookieOfALifetime(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		options []powgin.SignInOption
		want    string
	}{
		"the usual one goes with the browser":       {nil, plainLine},
		"For does not make it stay":                 {[]powgin.SignInOption{powgin.For(30 * day)}, plainLine},
		"nor does a short For":                      {[]powgin.SignInOption{powgin.For(time.Minute)}, plainLine},
		"Remember has it stay as long":              {[]powgin.SignInOption{powgin.Remember(30 * day)}, monthLine},
		"or shorter than a session idles":           {[]powgin.SignInOption{powgin.Remember(90 * time.Second)}, "powgin=TOKEN; Max-Age=90; Path=/; HttpOnly; SameSite=Lax"},
		"or as long as browsers keep one":           {[]powgin.SignInOption{powgin.Remember(400 * day)}, "powgin=TOKEN; Max-Age=34560000; Path=/; HttpOnly; SameSite=Lax"},
		"a part of a second is not promised":        {[]powgin.SignInOption{powgin.Remember(1500 * time.Millisecond)}, "powgin=TOKEN; Max-Age=1; Path=/; HttpOnly; SameSite=Lax"},
		"other options beside it change nothing":    {[]powgin.SignInOption{powgin.EndOthers(), powgin.Method("otp"), powgin.Remember(30 * day)}, monthLine},
		"and neither do they without it make it so": {[]powgin.SignInOption{powgin.EndOthers(), powgin.Method("otp")}, plainLine},
	} {
		bubbleIn(t, what, func(a *app) { a.browser().signInAgain(tt.options...).wantLines(tt.want) })
	}
	t.Run("over HTTPS it has its prefix and Secure as ever", func(t *testing.T) {
		bubble(t, func(c *powgin.Config[User]) { c.Transport = nil }, func(a *app) {
			a.browser().signInAgain(powgin.Remember(30 * day)).
				wantLines("__Host-powgin=TOKEN; Max-Age=2592000; Path=/; HttpOnly; Secure; SameSite=Lax")
		})
	})
}

func TestEveryNewCookieOfARememberedSessionStaysForTheRest(t *testing.T) {
	t.Parallel()
	const rest = "powgin=TOKEN; Max-Age=2591100; Path=/; HttpOnly; SameSite=Lax" // a month less RenewAfter
	bubbleIn(t, "that of a renewal, handed out twice or not", func(a *app) {
		alice := a.signInWith(powgin.Remember(30 * day))
		time.Sleep(renew - 1)
		alice.get("/me").want(http.StatusOK).wantLines()
		time.Sleep(time.Nanosecond)
		lost := alice.clone()
		alice.get("/me").want(http.StatusOK).wantLines(rest)
		lost.get("/me").want(http.StatusOK).wantLines(rest)
		alice.get("/me").want(http.StatusOK).wantLines()
	})
	bubbleIn(t, "that of SyncUser", func(a *app) {
		alice := a.signInWith(powgin.Remember(30 * day))
		time.Sleep(renew / 3)
		alice.post("/plan/pro").want(http.StatusOK).wantLines("powgin=TOKEN; Max-Age=2591700; Path=/; HttpOnly; SameSite=Lax")
		time.Sleep(renew / 3 * 2)
		r, err := alice.syncUser(powgin.Grace(0), powgin.EndOthers())
		alice.wantErr("SyncUser", err, nil)
		r.wantLines(rest)
		r, err = alice.syncUser(powgin.KeepSession())
		alice.wantErr("SyncUser", err, nil)
		r.wantLines()
	})
	bubbleIn(t, "that of a waking, a long time after", func(a *app) {
		alice := a.signInWith(powgin.Remember(30 * day))
		time.Sleep(20 * day)
		alice.get("/me").want(http.StatusOK).wantLines("powgin=TOKEN; Max-Age=864000; Path=/; HttpOnly; SameSite=Lax")
	})
	bubbleIn(t, "until it is signed out", func(a *app) {
		alice := a.signInWith(powgin.Remember(30 * day))
		alice.post("/signout").want(http.StatusOK).wantLines(deletedLine)
		if alice.token() != "" {
			t.Error("the browser has a cookie after signing out")
		}
	})
	bubbleIn(t, "until its user is gone", func(a *app) {
		alice := a.signInWith(powgin.Remember(30 * day))
		time.Sleep(day)
		a.exec("DELETE FROM users WHERE id = 1")
		alice.get("/me").want(http.StatusUnauthorized).wantLines(deletedLine)
	})
	bubbleIn(t, "until a sign-in that asks for nothing takes its place", func(a *app) {
		alice := a.signInWith(powgin.Remember(30 * day))
		alice.post("/signin/1").want(http.StatusOK).wantLines(plainLine)
		time.Sleep(renew)
		alice.get("/me").want(http.StatusOK).wantLines(plainLine)
		time.Sleep(idle)
		alice.get("/me").want(http.StatusUnauthorized)
	})
}

func TestForEndsASession(t *testing.T) {
	t.Parallel()
	for what, d := range map[string]time.Duration{
		"sooner than it idles": 10 * time.Minute,
		"within the day":       3*time.Hour + time.Second,
		"after many days":      20 * day,
	} {
		bubbleIn(t, what+", to the moment and however busy", func(a *app) {
			end := time.Now().Add(d)
			alice := a.signInWith(powgin.For(d))
			for left := d; left > renew; left = time.Until(end) {
				time.Sleep(min(renew, left/2))
				alice.get("/me").want(http.StatusOK)
				alice.get("/me").want(http.StatusOK)
			}
			time.Sleep(time.Until(end) - 1)
			alice.get("/me").want(http.StatusOK)
			if got := alice.session().ExpiresAt; !got.Equal(end) {
				t.Errorf("ExpiresAt = %v; want %v", got, end)
			}
			alice.post("/plan/pro").want(http.StatusOK)
			time.Sleep(time.Nanosecond)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	}
	bubbleIn(t, "which idles as ever", func(a *app) {
		alice := a.signInWith(powgin.For(400 * day))
		time.Sleep(idle)
		alice.get("/me").want(http.StatusUnauthorized)
	})
	bubbleIn(t, "and no other one", func(a *app) {
		phone, kiosk := a.signIn(1), a.signInWith(powgin.For(time.Minute))
		time.Sleep(time.Minute)
		kiosk.get("/me").want(http.StatusUnauthorized)
		phone.get("/me").want(http.StatusOK)
	})
}

func TestARememberedSessionLives(t *testing.T) {
	t.Parallel()
	bubbleIn(t, "to its end, idle or not", func(a *app) {
		idling, busy := a.signInWith(powgin.Remember(30*day)), a.signInWith(powgin.Remember(30*day))
		end := time.Now().Add(30 * day)
		for range 29 {
			time.Sleep(day)
			busy.get("/me").want(http.StatusOK)
		}
		if got := busy.session().ExpiresAt; !got.Equal(end) {
			t.Errorf("ExpiresAt = %v; want %v", got, end)
		}
		time.Sleep(time.Until(end) - 1)
		for _, b := range []*browser{idling, busy} {
			b.get("/me").want(http.StatusOK)
		}
		time.Sleep(time.Nanosecond)
		for _, b := range []*browser{idling, busy} {
			b.get("/me").want(http.StatusUnauthorized)
		}
		if n := a.count("1"); n != 0 {
			t.Errorf("alice has %d sessions; want none", n)
		}
	})
	bubbleIn(t, "no longer than it was asked to, though that is short", func(a *app) {
		alice := a.signInWith(powgin.Remember(time.Minute))
		time.Sleep(time.Minute - 1)
		alice.get("/me").want(http.StatusOK)
		time.Sleep(time.Nanosecond)
		alice.get("/me").want(http.StatusUnauthorized)
	})
	bubbleIn(t, "while it can be revoked, asleep as it is", func(a *app) {
		tablet, phone, laptop := a.signInWith(powgin.Remember(30*day)), a.signInWith(powgin.Remember(30*day)), a.signInWith(powgin.Remember(30*day))
		time.Sleep(day)
		list := phone.sessions()
		if len(list) != 3 {
			t.Fatalf("alice has the sessions %+v; want three", list)
		}
		phone.get("/me").want(http.StatusOK)
		phone.post("/revoke/" + list[0].ID).want(http.StatusOK)
		tablet.get("/me").want(http.StatusUnauthorized)
		phone.post("/revoke-others").want(http.StatusOK)
		laptop.get("/me").want(http.StatusUnauthorized)
		phone.get("/me").want(http.StatusOK)
	})
	bubbleIn(t, "with one live token, however it was woken", func(a *app) {
		alice := a.signInWith(powgin.Remember(30 * day))
		asleep := alice.clone()
		time.Sleep(day)
		for range 3 { // the answer was lost: the same token wakes it again
			asleep.clone().get("/me").want(http.StatusOK).wantCookie(true)
		}
		time.Sleep(day)
		alice.get("/me").want(http.StatusOK).wantCookie(true)
		alice.get("/me").want(http.StatusOK)
		time.Sleep(grace)
		asleep.get("/me").want(http.StatusUnauthorized)
		alice.get("/me").want(http.StatusOK)
	})
}

func TestWakingReadsTheUser(t *testing.T) {
	t.Parallel()
	// asleep returns alice's session that has just gone dormant, and her phone,
	// for which a copy of her has just been cached.
	asleep := func(a *app, p *people) (laptop, phone *browser) {
		laptop = a.signInWith(powgin.Remember(30 * day))
		time.Sleep(idle)
		phone = a.signIn(1)
		phone.get("/me").want(http.StatusOK)
		p.took()
		return laptop, phone
	}
	t.Run("although a young copy is cached", func(t *testing.T) {
		peopleBubble(t, nil, func(a *app, p *people) {
			laptop, phone := asleep(a, p)
			p.setPlan("1", "pro")
			phone.wantPlan("/me", "free", "from the cache")
			p.wantReads(t, 0, "from the cache")
			laptop.wantPlan("/me", "pro", "at the waking")
			p.wantReads(t, 1, "at the waking")
			laptop.wantPlan("/me", "pro", "once awake")
			p.wantReads(t, 0, "once awake")
		})
	})
	t.Run("and signs out who is gone", func(t *testing.T) {
		peopleBubble(t, nil, func(a *app, p *people) {
			laptop, phone := asleep(a, p)
			p.change("1", nil)
			phone.get("/me").want(http.StatusOK)
			laptop.get("/me").want(http.StatusUnauthorized).wantLines(deletedLine)
			phone.get("/me").want(http.StatusUnauthorized)
		})
	})
	t.Run("and signs out who is not active", func(t *testing.T) {
		peopleBubble(t, func(c *powgin.Config[User]) { c.Active = func(u User) bool { return !u.Locked } }, func(a *app, p *people) {
			laptop, _ := asleep(a, p)
			p.change("1", func(u *User) { u.Locked = true })
			laptop.get("/me").want(http.StatusUnauthorized).wantLines(deletedLine)
		})
	})
	for what, policy := range map[string]powgin.DownPolicy{
		"or cannot tell":                powgin.Unavailable,
		"or cannot tell, stale or not":  powgin.ServeStale(10 * time.Minute),
		"or lets it pass as somebody's": powgin.Anonymous,
	} {
		t.Run(what, func(t *testing.T) {
			peopleBubble(t, func(c *powgin.Config[User]) { c.WhenDown = policy }, func(a *app, p *people) {
				laptop, _ := asleep(a, p)
				p.fail(true)
				wantOutage(laptop.get("/me"))
				wantOutage(laptop.get("/me"))
				p.fail(false)
				laptop.get("/me").want(http.StatusOK).wantCookie(true)
			})
		})
	}
	t.Run("with Reload on every route too", func(t *testing.T) {
		peopleBubble(t, func(c *powgin.Config[User]) { c.Reload = true }, func(a *app, p *people) {
			laptop, _ := asleep(a, p)
			p.setPlan("1", "pro")
			laptop.wantPlan("/me", "pro", "at the waking")
			p.change("1", nil)
			laptop.get("/me").want(http.StatusUnauthorized)
		})
	})
}

func TestALifetimeInAStoreOfBytes(t *testing.T) {
	t.Parallel()
	t.Run("is kept with the session", func(t *testing.T) {
		bubble(t, func(c *powgin.Config[User]) { c.Store = &spyStore{Store: cache.NewMemory(0)} }, func(a *app) {
			a.recent()
			alice := a.signInWith(powgin.Remember(30*day), powgin.Method("password", "totp"))
			kiosk := a.signInWith(powgin.For(10 * time.Minute))
			alice.get("/recent").want(http.StatusOK)
			time.Sleep(10 * time.Minute)
			kiosk.get("/me").want(http.StatusUnauthorized)
			time.Sleep(10*day - 10*time.Minute)
			alice.get("/recent").want(http.StatusUnauthorized).wantLines("powgin=TOKEN; Max-Age=1728000; Path=/; HttpOnly; SameSite=Lax")
			if got := alice.session().Methods; len(got) != 2 || got[0] != "password" || got[1] != "totp" {
				t.Errorf("Methods = %q; want password and totp", got)
			}
			time.Sleep(20 * day)
			alice.get("/me").want(http.StatusUnauthorized)
		})
	})
}
