package powgin_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gin-contrib/sessions"

	"github.com/powgin/powgin"
)

func TestRevokedInSession(t *testing.T) {
	t.Parallel()
	inBoth(t, "by the handlers for it", nil, func(s *inShop) {
		s.endpoints()
		laptop, phone, tablet := s.arrive(), s.arrive(), s.arrive()
		laptop.post("/put/cart/apples").want(http.StatusOK)
		ids := s.store.ids()
		s.store.took()
		laptop.do("DELETE", "/api/sessions/"+phone.session().ID).want(http.StatusNoContent).wantLines()
		phone.wantIn("", "after being revoked")
		laptop.do("DELETE", "/api/sessions").want(http.StatusNoContent).wantLines()
		tablet.wantIn("", "after the others were revoked")
		laptop.wantIn("alice", "after revoking the others")
		laptop.do("DELETE", "/api/sessions/"+laptop.session().ID).want(http.StatusNoContent).wantLines()
		laptop.wantIn("", "after revoking its own")
		laptop.wantKept("cart=apples", "after revoking its own") // powgin's part is over, the app's is not
		s.wantRecords(ids, "after all")
		laptop.post("/put/cart/pears").want(http.StatusOK)
		laptop.wantKept("cart=pears", "after a Save")
		laptop.wantIn("", "after a Save")
		if n := s.count("1"); n != 0 {
			t.Errorf("alice has %d sessions; want none", n)
		}
	})
	inBoth(t, "its own, and saved in the same request", nil, func(s *inShop) {
		b := s.arrive()
		r, err := b.does(func(c *Context) error {
			info, _ := c.Session()
			if err := c.Revoke(info.ID); err != nil {
				return err
			}
			sessions.Default(c.Context).Set("bye", "alice")
			return sessions.Default(c.Context).Save()
		})
		b.wantErr("Revoke", err, nil)
		if r.want(http.StatusOK); len(r.setCookies()) != 1 {
			t.Errorf("the answer sets %q; want the session's cookie", r.setCookies())
		}
		b.wantKept("bye=alice", "afterwards")
		b.wantIn("", "afterwards")
		if got := s.tokenIn(b, "powgin"); got != nil {
			t.Errorf("the session still has %v under the key powgin; want nothing", got)
		}
	})
	inBoth(t, "of users that were moved", nil, func(s *inShop) {
		b := s.arrive()
		old := b.clone()
		b.post("/sync").want(http.StatusOK)
		if err := s.auth.RevokeUser(s.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		old.wantIn("", "in grace")
		b.wantIn("", "under the newest cookie")
	})
	inBoth(t, "with EndOthers", nil, func(s *inShop) {
		s.syncs("/others", powgin.EndOthers())
		laptop, phone := s.arrive(), s.arrive()
		laptop.post("/others").want(http.StatusOK)
		phone.wantIn("", "after EndOthers")
		laptop.wantIn("alice", "after EndOthers")
	})
}

func TestAUserWhoIsGoneOrNotActive(t *testing.T) {
	t.Parallel()
	active := func(c *powgin.Config[User]) { c.Active = func(u User) bool { return !u.Locked } }
	for what, gone := range map[string]func(*User){"deleted": nil, "locked": func(u *User) { u.Locked = true }} {
		for _, path := range []string{"/reload", "/refresh", "/me"} {
			inBoth(t, what+", found at GET "+path, active, func(s *inShop) {
				b, phone := s.arrive(), s.arrive()
				b.post("/put/cart/apples").want(http.StatusOK)
				s.people.change("1", gone)
				time.Sleep(2 * time.Minute) // the copy has come of age
				b.get(path).want(http.StatusUnauthorized).wantLines()
				b.wantIn("", "afterwards")
				phone.wantIn("", "in another browser")
				b.wantKept("cart=apples", "afterwards")
				b.post("/signin/1").want(http.StatusForbidden).wantLines()
				b.post("/signin/2").want(http.StatusOK)
				b.wantIn("bob", "after bob's sign-in")
				b.wantKept("", "after bob's sign-in") // the cart was alice's
			})
		}
		inBoth(t, what+", found by SyncUser", active, func(s *inShop) {
			b := s.arrive()
			b.post("/put/cart/apples").want(http.StatusOK)
			ids := s.store.ids()
			s.people.change("1", gone)
			b.post("/sync").want(http.StatusForbidden).wantLines()
			s.wantRecords(ids, "after the sync")
			b.wantIn("", "after the sync")
			b.wantKept("cart=apples", "after the sync")
		})
		inBoth(t, what+", found where a renewal is due", active, func(s *inShop) {
			b := s.arrive()
			s.people.change("1", gone)
			ids := s.store.ids()
			time.Sleep(renew)
			b.get("/me").want(http.StatusUnauthorized).wantLines()
			s.wantRecords(ids, "afterwards")
			b.wantIn("", "afterwards")
		})
	}
}

func TestBeyondMaxSessionsInSession(t *testing.T) {
	t.Parallel()
	inBoth(t, "the least recently renewed is evicted", atMost(powgin.Evict), func(s *inShop) {
		list := make([]*browser, 4)
		for i := range list {
			list[i] = s.arrive()
			time.Sleep(time.Second)
		}
		list[0].wantIn("", "beyond MaxSessions")
		for _, b := range list[1:] {
			b.wantIn("alice", "within MaxSessions")
		}
	})
	inBoth(t, "a sign-in is denied, and nothing changed", atMost(powgin.Deny), func(s *inShop) {
		for range 3 {
			s.arrive()
		}
		b := s.withCart()
		ids := s.store.ids()
		b.post("/signin/1").wantProblem(http.StatusTooManyRequests).wantLines()
		s.wantRecords(ids, "after the sign-in that was denied")
		b.wantKept("cart=apples", "after the sign-in that was denied")
		b.wantIn("", "after the sign-in that was denied")
	})
}

func TestAnInSessionTokenThatComesBack(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		atReuse powgin.AtReuse
		user    string // under the newest cookie, afterwards
	}{"is told of": {powgin.ReportOnly, "alice"}, "ends its session under EndSession": {powgin.EndSession, ""}} {
		for _, after := range []time.Duration{grace, grace + 2*time.Minute} {
			inBoth(t, what+", "+after.String()+" later", func(c *powgin.Config[User]) { c.AtReuse = tt.atReuse }, func(s *inShop) {
				b := s.arrive()
				session := b.session().ID
				thief := b.clone()
				b.post("/sync").want(http.StatusOK)
				time.Sleep(after)
				thief.get("/me").want(http.StatusUnauthorized).wantLines()
				b.wantIn(tt.user, "after the token has come back")
				for name, want := range map[string]bool{"reuse": true, "revoked": tt.user == ""} {
					var list []powgin.Event
					if want {
						list = []powgin.Event{{Name: name, UserKey: "1", Session: session}}
					}
					if got := s.events.of(name); !slices.Equal(got, list) {
						t.Errorf("%s events = %+v; want %+v", name, got, list)
					}
				}
			})
		}
	}
	inBoth(t, "in grace is no reuse", func(c *powgin.Config[User]) { c.AtReuse = powgin.EndSession }, func(s *inShop) {
		b := s.arrive()
		late := b.clone()
		b.post("/sync").want(http.StatusOK)
		time.Sleep(grace - 1)
		late.wantIn("alice", "in grace")
		b.wantIn("alice", "afterwards")
		if n := s.events.times("reuse"); n != 0 {
			t.Errorf("%d reuse events; want none", n)
		}
	})
}

func TestTheEventsOfAnInSessionToken(t *testing.T) {
	t.Parallel()
	inBoth(t, "are those of any other", nil, func(s *inShop) {
		b := s.arrive()
		id := b.session().ID
		b.post("/sync").want(http.StatusOK)
		time.Sleep(renew)
		b.get("/me").want(http.StatusOK)
		b.post("/put/cart/apples").want(http.StatusOK)
		b.post("/signout").want(http.StatusOK)
		var want []powgin.Event
		for _, name := range []string{"signed_in", "synced", "renewed", "signed_out"} {
			want = append(want, powgin.Event{Name: name, UserKey: "1", Session: id})
		}
		if got := s.events.all(); !slices.Equal(got, want) {
			t.Errorf("the events are\n\t%+v; want\n\t%+v", got, want)
		}
	})
}
