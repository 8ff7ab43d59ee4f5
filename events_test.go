package powgin_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// eventsApp runs a story on an app whose events are kept, in a bubble.
func eventsApp(t *testing.T, change func(*powgin.Config[User]), story func(t *testing.T, a *app, p *people, events *journal)) {
	t.Helper()
	events := &journal{}
	agedApp(t, func(c *powgin.Config[User]) {
		c.OnEvent = events.on
		if change != nil {
			change(c)
		}
	}, func(t *testing.T, a *app, p *people) { story(t, a, p, events) })
}

// clear forgets the events so far.
func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.list = nil
}

// want fails the test where the events since it was last asked are others, in
// whatever order.
func (j *journal) want(t *testing.T, when string, want ...powgin.Event) {
	t.Helper()
	got := j.all()
	j.clear()
	order := func(list []powgin.Event) []string {
		var s []string
		for _, e := range list {
			s = append(s, fmt.Sprintf("%s of user %q, session %q, fields %q", e.Name, e.UserKey, e.Session, e.Fields))
		}
		slices.Sort(s)
		return s
	}
	if g, w := order(got), order(want); !slices.Equal(g, w) {
		t.Errorf("%s: the events are\n\t%q; want\n\t%q", when, g, w)
	}
}

func TestASessionThatRanOutIsToldOnce(t *testing.T) {
	t.Parallel()
	expired := func(key, id string) powgin.Event {
		return powgin.Event{Name: "expired", UserKey: key, Session: id}
	}
	t.Run("when its account is written to", func(t *testing.T) {
		t.Parallel()
		eventsApp(t, nil, func(t *testing.T, a *app, _ *people, events *journal) {
			idled := a.signIn(1).session().ID
			time.Sleep(idle / 2)
			alice := a.signIn(1)
			other := alice.session().ID
			time.Sleep(idle / 2)
			events.clear()
			alice.get("/me").want(http.StatusOK) // renews, and finds the other over
			events.want(t, "at the renewal", expired("1", idled), powgin.Event{Name: "renewed", UserKey: "1", Session: other})
			alice.get("/me").want(http.StatusOK)
			a.forget(t)
			events.want(t, "after it")
		})
	})
	t.Run("when the in-process store forgets its account", func(t *testing.T) {
		t.Parallel()
		eventsApp(t, nil, func(t *testing.T, a *app, _ *people, events *journal) {
			first, second := a.signIn(1).session().ID, a.signIn(1).session().ID
			events.clear()
			time.Sleep(idle + 2*time.Second)
			events.want(t, "before anybody looks")
			bob := a.signIn(2).session().ID // whose swap sweeps
			events.want(t, "at somebody else's sign-in", expired("1", first), expired("1", second),
				powgin.Event{Name: "signed_in", UserKey: "2", Session: bob})
		})
	})
	t.Run("when its user signs in again", func(t *testing.T) {
		t.Parallel()
		eventsApp(t, nil, func(t *testing.T, a *app, _ *people, events *journal) {
			first := a.signIn(1).session().ID
			events.clear()
			time.Sleep(idle) // to the moment, before the store would sweep it
			next := a.signIn(1).session().ID
			events.want(t, "at the sign-in", expired("1", first), powgin.Event{Name: "signed_in", UserKey: "1", Session: next})
			time.Sleep(3 * time.Second)
			a.signIn(2)
			events.clear()
			a.signIn(2)
			if events.times("expired") != 0 {
				t.Errorf("the events are %v; want none of a session that was told already", events.all())
			}
		})
	})
	t.Run("in another Store, when its account is written to", func(t *testing.T) {
		t.Parallel()
		eventsApp(t, func(c *powgin.Config[User]) { c.Store = newSpyStore() }, func(t *testing.T, a *app, _ *people, events *journal) {
			idled := a.signIn(1).session().ID
			time.Sleep(idle / 2)
			alice := a.signIn(1)
			time.Sleep(idle / 2)
			events.clear()
			alice.get("/me").want(http.StatusOK)
			if got := events.of("expired"); len(got) != 1 || got[0] != expired("1", idled) {
				t.Errorf("the expired events are %v; want one of session %s", got, idled)
			}
		})
	})
	t.Run("and not as expired where it was revoked", func(t *testing.T) {
		t.Parallel()
		eventsApp(t, nil, func(t *testing.T, a *app, _ *people, events *journal) {
			a.signIn(1)
			time.Sleep(time.Second)
			events.clear()
			if err := a.auth.RevokeAll(t.Context(), time.Time{}); err != nil {
				t.Fatal(err)
			}
			events.want(t, "RevokeAll", powgin.Event{Name: "revoked"})
			next := a.signIn(1).session().ID
			time.Sleep(idle + 2*time.Second)
			events.clear()
			a.signIn(2)
			if got := events.of("expired"); len(got) != 1 || got[0] != expired("1", next) {
				t.Errorf("the expired events are %v; want one of session %s alone", got, next)
			}
		})
	})
}

// Each way to end sessions has its name.
func TestWhatEndsASessionIsTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		event string
		end   func(t *testing.T, a *app, alice *browser, other string)
		also  []string // events of alice's own session
	}{
		"Context.Revoke":       {"revoked", func(_ *testing.T, _ *app, b *browser, other string) { b.post("/revoke/" + other).want(http.StatusOK) }, nil},
		"Context.RevokeOthers": {"revoked", func(_ *testing.T, _ *app, b *browser, _ string) { b.post("/revoke-others").want(http.StatusOK) }, nil},
		"Auth.Revoke": {"revoked", func(t *testing.T, a *app, _ *browser, other string) {
			if err := a.auth.Revoke(t.Context(), "1", other); err != nil {
				t.Error(err)
			}
		}, nil},
		"Auth.RevokeUser": {"revoked", func(t *testing.T, a *app, _ *browser, _ string) {
			if err := a.auth.RevokeUser(t.Context(), "1"); err != nil {
				t.Error(err)
			}
		}, []string{"revoked"}},
		"Sync with RevokeSessions": {"revoked", func(t *testing.T, a *app, _ *browser, _ string) {
			if err := a.auth.Sync(t.Context(), person(1), powgin.RevokeSessions()); err != nil {
				t.Error(err)
			}
		}, []string{"revoked"}},
		"SyncUser with EndOthers": {"revoked", func(t *testing.T, _ *app, b *browser, _ string) {
			if _, err := b.syncUser(powgin.EndOthers()); err != nil {
				t.Error(err)
			}
		}, []string{"synced"}},
		"the user is gone": {"", func(_ *testing.T, a *app, b *browser, _ string) {
			a.config.Users.(*people).change("1", nil)
			b.get("/refresh").want(http.StatusUnauthorized)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eventsApp(t, nil, func(t *testing.T, a *app, _ *people, events *journal) {
				alice := a.reader()
				own, other := alice.session().ID, a.signIn(1).session().ID
				events.clear()
				tt.end(t, a, alice, other)
				var want []powgin.Event
				if tt.event != "" {
					want = append(want, powgin.Event{Name: tt.event, UserKey: "1", Session: other})
				} else {
					want = append(want, powgin.Event{Name: "inactive", UserKey: "1"})
				}
				for _, name := range tt.also {
					want = append(want, powgin.Event{Name: name, UserKey: "1", Session: own})
				}
				events.want(t, name, want...)
			})
		})
	}
}

func TestReuseIsToldAndEndsTheSessionWhereAsked(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		at   powgin.AtReuse
		want []string
		live int
	}{
		"ReportOnly": {powgin.ReportOnly, []string{"reuse"}, http.StatusOK},
		"EndSession": {powgin.EndSession, []string{"reuse", "revoked"}, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eventsApp(t, func(c *powgin.Config[User]) { c.AtReuse = tt.at }, func(t *testing.T, a *app, _ *people, events *journal) {
				a.handleSync("/sync")
				alice := a.reader()
				id, thief := alice.session().ID, alice.clone()
				alice.post("/sync").want(http.StatusOK)
				thief.get("/me").want(http.StatusOK) // in grace
				time.Sleep(grace)
				events.clear()
				for range 3 { // told once a minute
					thief.get("/me").want(http.StatusUnauthorized)
				}
				var want []powgin.Event
				for _, name := range tt.want {
					want = append(want, powgin.Event{Name: name, UserKey: "1", Session: id})
				}
				events.want(t, "the replaced token comes back", want...)
				alice.get("/me").want(tt.live)
			})
		})
	}
}

// What clients can cause at will is told once a minute for each user.
func TestWhatClientsCanCauseIsToldOnceAMinute(t *testing.T) {
	t.Parallel()
	cross := []string{"Sec-Fetch-Site", "cross-site"}
	for name, tt := range map[string]struct {
		cause func(a *app, alice *browser)
		want  powgin.Event
	}{
		"duplicate_cookie": {func(a *app, alice *browser) {
			a.browser().get("/", "Cookie", "powgin="+alice.token()+"; powgin="+madeUp())
		}, powgin.Event{Name: "duplicate_cookie"}},
		"cross_origin_refused": {func(_ *app, alice *browser) { alice.post("/signout", cross...) }, powgin.Event{Name: "cross_origin_refused"}},
		"inactive, gone": {func(a *app, _ *browser) { a.browser().post("/signin/9") },
			powgin.Event{Name: "inactive", UserKey: "9"}},
		"inactive, refused": {func(a *app, _ *browser) { a.browser().post("/signin/2") },
			powgin.Event{Name: "inactive", UserKey: "2"}},
		"key_mismatch": {func(a *app, alice *browser) {
			m := a.config.Users.(*mixedUp)
			m.swapped.Store(true)
			alice.get("/reload").want(http.StatusServiceUnavailable)
			m.swapped.Store(false)
		}, powgin.Event{Name: "key_mismatch", UserKey: "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eventsApp(t, func(c *powgin.Config[User]) {
				c.Users = &mixedUp{people: c.Users.(*people)}
				c.Active = func(u User) bool { return u.Name != "bob" }
			}, func(t *testing.T, a *app, _ *people, events *journal) {
				alice := a.reader()
				events.clear()
				for range 5 {
					tt.cause(a, alice)
				}
				events.want(t, "five times", tt.want)
				time.Sleep(time.Minute - 1)
				tt.cause(a, alice)
				events.want(t, "within the minute")
				time.Sleep(time.Nanosecond)
				tt.cause(a, alice)
				events.want(t, "after a minute", tt.want)
			})
		})
	}
}

// spoilingStore is a Store whose records are junk while it spoils.
type spoilingStore struct {
	cache.Store
	spoils atomic.Bool
}

func (s *spoilingStore) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	l, err := s.Store.Load(ctx, key)
	if s.spoils.Load() && l.Record.Version != (cache.ID{}) {
		l.Record.Data = []byte("junk")
	}
	return l, err
}

func TestARecordThatCannotBeReadIsTold(t *testing.T) {
	t.Parallel()
	store := &spoilingStore{Store: cache.NewMemory(0)}
	eventsApp(t, func(c *powgin.Config[User]) { c.Store = store }, func(t *testing.T, a *app, _ *people, events *journal) {
		alice := a.reader()
		events.clear()
		store.spoils.Store(true)
		alice.get("/me").want(http.StatusUnauthorized)
		alice.get("/me").want(http.StatusUnauthorized)
		events.want(t, "two requests", powgin.Event{Name: "corrupt_record"})
		store.spoils.Store(false)
		alice.get("/me").want(http.StatusOK)
		events.want(t, "once it can be read")
	})
}

// Outages are told when they begin and when they end, at most once a minute.
func TestOutagesAreToldWhenTheyBeginAndEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		what string
		fail func(a *app, down bool)
	}{
		"the database": {"database", func(a *app, down bool) { a.config.Users.(*people).fail(down) }},
		"the store":    {"store", func(a *app, down bool) { a.config.Store.(*spyStore).failLoads.Store(down) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eventsApp(t, func(c *powgin.Config[User]) { c.Store = newSpyStore() }, func(t *testing.T, a *app, _ *people, events *journal) {
				alice := a.reader()
				down, up := powgin.Event{Name: tt.what + "_down"}, powgin.Event{Name: tt.what + "_up"}
				outage := func(when string, want ...powgin.Event) {
					t.Helper()
					events.clear()
					tt.fail(a, true)
					for range 3 {
						alice.get("/reload").want(http.StatusServiceUnavailable)
					}
					tt.fail(a, false)
					for range 3 {
						alice.get("/reload").want(http.StatusOK)
					}
					events.want(t, when, want...)
				}
				outage("the first outage", down, up)
				outage("another within the minute")
				time.Sleep(time.Minute)
				outage("another a minute later", down, up)
			})
		})
	}
	t.Run("and not for what is no outage", func(t *testing.T) {
		t.Parallel()
		eventsApp(t, func(c *powgin.Config[User]) { c.MaxAccounts = 1 }, func(t *testing.T, a *app, _ *people, events *journal) {
			a.signIn(1)
			events.clear()
			a.browser().post("/signin/2").want(http.StatusServiceUnavailable) // full
			a.browser().post("/signin/9").want(http.StatusForbidden)
			events.want(t, "a full store and somebody unknown", powgin.Event{Name: "inactive", UserKey: "9"})
		})
	})
}
