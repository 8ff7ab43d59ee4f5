package powgin_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// auditApp runs a story on an app that compares every cached user with the row, in
// a bubble. alice is signed in and cached.
func auditApp(t *testing.T, story func(t *testing.T, a *app, p *people, alice *browser, events *journal)) {
	t.Helper()
	eventsApp(t, func(c *powgin.Config[User]) { c.Audit = 1 }, func(t *testing.T, a *app, p *people, events *journal) {
		alice := a.reader()
		synctest.Wait()
		events.clear()
		story(t, a, p, alice, events)
	})
}

// wantAudits fails the test where another number of comparisons was made since, or
// found a difference.
func wantAudits(t *testing.T, a *app, before powgin.Stats, audits, differences uint64) {
	t.Helper()
	synctest.Wait()
	after := a.auth.Stats()
	if got := after.Audits - before.Audits; got != audits {
		t.Errorf("%d cached users were compared; want %d", got, audits)
	}
	if got := after.Differences - before.Differences; got != differences {
		t.Errorf("%d differences are counted; want %d", got, differences)
	}
}

func TestAuditFindsAndMendsWhatNobodyAnnounced(t *testing.T) {
	t.Parallel()
	auditApp(t, func(t *testing.T, a *app, p *people, alice *browser, events *journal) {
		p.change("1", func(u *User) { u.Plan, u.Role, u.PasswordHash = "pro", "secret role", "another" })
		before := a.auth.Stats()
		if got := alice.get("/me").identity().User.Plan; got != "free" {
			t.Errorf("the request itself shows the plan %q; want the cached one", got)
		}
		wantAudits(t, a, before, 1, 1)
		events.want(t, "after a change that nobody announced", powgin.Event{Name: "difference", UserKey: "1", Fields: "Plan Role"})
		if got := alice.get("/me").identity().User.Plan; got != "pro" {
			t.Errorf("the next request shows the plan %q; want the row's", got)
		}
		wantAudits(t, a, before, 2, 1)
	})
}

func TestAuditOfAUserWhoIsGone(t *testing.T) {
	t.Parallel()
	auditApp(t, func(t *testing.T, a *app, p *people, alice *browser, events *journal) {
		p.change("1", nil)
		before := a.auth.Stats()
		alice.get("/me").want(http.StatusOK)
		wantAudits(t, a, before, 1, 1)
		alice.get("/me").want(http.StatusUnauthorized)
	})
}

func TestAuditOfWhatWasAnnounced(t *testing.T) {
	t.Parallel()
	auditApp(t, func(t *testing.T, a *app, p *people, alice *browser, events *journal) {
		before := a.auth.Stats()
		alice.get("/me").want(http.StatusOK)
		wantAudits(t, a, before, 1, 0)

		// A change that is concluded while the row is being read.
		reading, go1 := make(chan struct{}), make(chan struct{})
		p.onFind(func(context.Context, string) error {
			p.onFind(nil)
			close(reading)
			<-go1
			return nil
		})
		alice.get("/me").want(http.StatusOK)
		<-reading
		p.setPlan("1", "pro")
		if err := a.auth.Invalidate(t.Context(), "1"); err != nil {
			t.Fatal(err)
		}
		close(go1)
		wantAudits(t, a, before, 2, 0) // it had read the row before the change

		// One that is under way: nothing is served from the cache.
		alice.get("/me").want(http.StatusOK)
		err := a.auth.Write(t.Context(), []string{"1"}, func(context.Context) error {
			p.setPlan("1", "team")
			alice.get("/me").want(http.StatusOK)
			synctest.Wait()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		wantAudits(t, a, before, 2, 0)
		events.want(t, "after changes that were announced")
	})
}

// Without it nothing is read, and where the table cannot be read OnError is told.
func TestAuditOffAndDown(t *testing.T) {
	t.Parallel()
	eventsApp(t, nil, func(t *testing.T, a *app, p *people, _ *journal) {
		alice := a.reader()
		before := a.auth.Stats()
		p.setPlan("1", "pro")
		alice.get("/me").want(http.StatusOK)
		wantAudits(t, a, before, 0, 0)
	})
	told := &troubles{}
	eventsApp(t, func(c *powgin.Config[User]) { c.Audit, c.OnError = 1, told.on }, func(t *testing.T, a *app, p *people, _ *journal) {
		alice := a.reader()
		time.Sleep(time.Second)
		synctest.Wait()
		p.fail(true)
		before := a.auth.Stats()
		alice.get("/me").want(http.StatusOK)
		wantAudits(t, a, before, 0, 0)
		told.wantTold(t, 1, "after an audit that could not read the row")
	})
}

// Of a difference the fields are named, and of a write that could not be announced
// nothing is, whatever the rows hold.
func TestNothingThatIsToldOfWritesHoldsASecret(t *testing.T) {
	t.Parallel()
	l, store := newTelltale(), powgintest.NewFlakyStore(cache.NewMemory(0))
	a := newApp(t, func(c *powgin.Config[User]) {
		c.OnEvent, c.OnError, c.Audit, c.Store, c.Writes = l.onEvent, l.onError, 1, store, powgin.LaxWrites
	})
	alice := a.signIn(1)
	l.tokens[alice.token()] = true
	alice.get("/me").want(http.StatusOK)
	a.set(1, "name", canary)
	for deadline := time.Now().Add(10 * time.Second); !l.told("difference"); time.Sleep(time.Millisecond) {
		if alice.get("/me").want(http.StatusOK); time.Now().After(deadline) {
			t.Fatal("after 10 seconds no difference is told")
		}
	}
	if err := a.db.Use(a.auth); err != nil {
		t.Fatal(err)
	}
	store.Down(true)
	a.set(1, "plan", canary)
	if !l.told("unannounced") {
		t.Error("a write that could not be announced is not told")
	}
	if leaks := l.leaks(); len(leaks) > 0 {
		t.Errorf("OnEvent and OnError are told %q", leaks)
	}
}

func (l *telltale) told(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names[name]
}
