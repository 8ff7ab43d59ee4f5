package cache

import (
	"testing"
	"time"
)

func endsAtReuse(r *Rules) { r.EndAtReuse = true }

// replaced leaves ann with a session whose first token works no more.
func (k *kit) replaced() (old Token, o *Opened) {
	k.t.Helper()
	old = *k.signInAs("ann").Successor
	o = k.open(old)
	k.syncNow(o)
	time.Sleep(5 * time.Second)
	return old, o
}

func TestAReplacedTokenEndsItsSessionOnce(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old, o := k.replaced()
		other, bob := k.signInAs("ann"), k.signInAs("bob")
		for n := range 3 {
			if again := k.open(old); again.Live() || again.Ended {
				t.Errorf("use %d of the replaced token: live %v, ended %v; want nobody's", n+1, again.Live(), again.Ended)
			}
		}
		k.wantUser(k.open(*o.Successor), "")
		k.wantSessions("ann", other)
		k.wantSessions("bob", bob)
		want := Event{Name: EventRevoked, UserKey: "ann", Session: o.Handle()}
		if got := k.events.named(EventRevoked); len(got) != 1 || got[0] != want {
			t.Errorf("events: %v; want %v alone", got, want)
		}
		k.wantEvents(EventReuse, 1) // later it is a token of nobody
	}, rules(endsAtReuse))
}

func TestAReplacedTokenIsOnlyToldOfByDefault(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old, o := k.replaced()
		k.wantUser(k.open(old), "")
		k.wantUser(k.open(*o.Successor), "Ann")
		k.wantEvents(EventReuse, 1)
		k.wantEvents(EventRevoked, 0)
	})
}

func TestWhatIsNoReuse(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		wait time.Duration
		sent func(old Token) Opening
	}{
		{"a token in grace", 0, func(old Token) Opening { return Opening{Transport: Cookie, Token: old} }},
		{"one of another transport", 5 * time.Second, func(old Token) Opening { return Opening{Transport: Bearer, Token: old} }},
		{"one of another tenant", 5 * time.Second, func(old Token) Opening { return Opening{Transport: Cookie, Tenant: "north", Token: old} }},
		{"one of another account", 5 * time.Second, func(old Token) Opening {
			old.account[0]++
			return Opening{Transport: Cookie, Token: old}
		}},
		{"one that was made up", 5 * time.Second, func(old Token) Opening {
			old.secret[0]++
			return Opening{Transport: Cookie, Token: old}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				old := *k.signInAs("ann").Successor
				o := k.open(old)
				k.syncNow(o)
				time.Sleep(row.wait)
				in := row.sent(old)
				if err := k.cache.Open(t.Context(), &in, new(Opened)); err != nil {
					t.Fatal(err)
				}
				k.wantUser(k.open(*o.Successor), "Ann")
				k.wantEvents(EventReuse, 0)
				k.wantEvents(EventRevoked, 0)
			}, rules(endsAtReuse))
		})
	}
}

// A session that has ended already is not ended again.
func TestAReplacedTokenOfADeadSession(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old, _ := k.replaced()
		k.rememberAnn(Cookie) // keeps the record
		k.revokeAll(0)
		k.open(old)
		time.Sleep(time.Hour)
		k.open(old)
		k.wantEvents(EventReuse, 0)
		k.wantEvents(EventRevoked, 1) // RevokeAll's
	}, rules(endsAtReuse))
}

func TestManyUsesOfAReplacedTokenEndItsSessionOnce(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old, o := k.replaced()
		k.many(50, func() {
			if k.open(old).Live() {
				t.Error("a replaced token works")
			}
		})
		k.wantEvents(EventRevoked, 1)
		k.wantUser(k.open(*o.Successor), "")
	}, rules(endsAtReuse))
}

// Where the store cannot end it the request is nobody's all the same, and the
// next use ends it.
func TestAReplacedTokenWhoseSessionCannotBeEnded(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		old, o := k.replaced()
		store.before = func(int64) error { return errStore }
		k.wantUser(k.open(old), "")
		k.wantUser(k.open(*o.Successor), "Ann")
		k.wantEvents(EventRevoked, 0)
		store.before = nil
		lost := false
		store.after = func(int64) error { // it lands, and nobody is told
			if lost {
				return nil
			}
			lost = true
			return errStore
		}
		k.wantUser(k.open(old), "")
		k.wantUser(k.open(*o.Successor), "")
		k.wantEvents(EventRevoked, 1)
		k.wantEvents(EventReuse, 2)
	}, rules(endsAtReuse))
}
