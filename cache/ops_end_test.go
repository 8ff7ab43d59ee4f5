package cache

import (
	"slices"
	"testing"
	"time"
)

// threeTokens leaves a session with a current token, a pending one and one in
// grace.
func (k *kit) threeTokens(key string) (o *Opened, tokens []Token) {
	k.t.Helper()
	first := *k.signInAs(key).Successor
	o = k.open(first)
	if err := k.cache.Sync(k.t.Context(), o, Sync{Grace: time.Hour}); err != nil {
		k.t.Fatal(err)
	}
	second := *o.Successor
	time.Sleep(15 * time.Minute)
	o = k.open(second)
	tokens = []Token{first, second, *o.Successor}
	for _, token := range tokens {
		if !k.open(token).Live() {
			k.t.Fatal("one of three tokens is dead")
		}
	}
	return o, tokens
}

func TestTheEndOfASessionEndsEveryToken(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		end  func(k *kit, o *Opened) error
	}{
		{"sign-out", func(k *kit, o *Opened) error { return k.cache.EndSession(k.t.Context(), o.Account(), o.Handle()) }},
		{"revoke by id", func(k *kit, o *Opened) error {
			return k.cache.RevokeSession(k.t.Context(), "", "ann", o.Handle())
		}},
		{"revoke by the session itself", func(k *kit, o *Opened) error { return k.cache.Revoke(k.t.Context(), o, o.Handle()) }},
		{"revoke by another session", func(k *kit, o *Opened) error { return k.cache.Revoke(k.t.Context(), k.signInAs("ann"), o.Handle()) }},
		{"revoke of all others", func(k *kit, _ *Opened) error { return k.cache.Revoke(k.t.Context(), k.signInAs("ann"), Handle{}) }},
		{"revoke of the user", func(k *kit, _ *Opened) error { return k.cache.RevokeUser(k.t.Context(), "", "ann") }},
		{"sync from the background that revokes", func(k *kit, _ *Opened) error {
			return k.cache.SyncUser(k.t.Context(), "", "ann", BackgroundSync{Revoke: true})
		}},
		{"sign-in that ends the others", func(k *kit, _ *Opened) error {
			_, _, err := k.signIn(SignIn{UserKey: "ann", EndOthers: true})
			return err
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o, tokens := k.threeTokens("ann")
				bob := k.signInAs("bob")
				if err := row.end(k, o); err != nil {
					t.Fatal(err)
				}
				for i, token := range tokens {
					if k.open(token).Live() {
						t.Errorf("token %d is alive", i+1)
					}
				}
				if slices.Contains(k.sessions("ann"), o.Handle()) {
					t.Error("the session is listed")
				}
				k.wantUser(k.open(*bob.Successor), "Bob")
			})
		})
	}
}

func TestRevokeAnswersWhatItDid(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		own, other, bob := k.signInAs("ann"), k.signInAs("ann"), k.signInAs("bob")
		revoke := func(o *Opened, h Handle) error { return k.cache.Revoke(t.Context(), o, h) }
		wantErr(t, "Revoke of another user's session", revoke(own, bob.Handle()), ErrNoSession)
		wantErr(t, "Revoke of an unknown session", revoke(own, Handle{1}), ErrNoSession)
		wantErr(t, "Revoke of another session", revoke(own, other.Handle()), nil)
		if err := revoke(own, other.Handle()); err == nil {
			t.Error("Revoke of a session that has ended = nil; want ErrNoSession")
		}
		if err := revoke(own, Handle{}); err != nil {
			t.Errorf("Revoke of no others = %v", err)
		}
		wantErr(t, "Revoke by a session that has ended", revoke(other, own.Handle()), ErrNoSession)
		wantErr(t, "Revoke of the others by a session that has ended", revoke(other, Handle{}), ErrNoSession)
		k.wantSessions("ann", own)
		k.wantSessions("bob", bob)
		wantErr(t, "RevokeSession", k.cache.RevokeSession(t.Context(), "", "ann", bob.Handle()), ErrNoSession)
		wantErr(t, "RevokeSession of nobody", k.cache.RevokeSession(t.Context(), "", "nobody", own.Handle()), ErrNoSession)
		wantErr(t, "RevokeSession of another tenant", k.cache.RevokeSession(t.Context(), "north", "ann", own.Handle()), ErrNoSession)
		if err := k.cache.RevokeUser(t.Context(), "", "nobody"); err != nil {
			t.Errorf("RevokeUser of nobody = %v", err)
		}
		k.signOut(own)
		k.signOut(own) // twice is no error
		k.wantEvents(EventRevoked, 1)
		k.wantEvents(EventSignedOut, 1)
	})
}

func TestATokenInGraceRevokesOnlyItsOwnSession(t *testing.T) {
	t.Parallel()
	overGraces(t, func(t *testing.T, k *kit, late, _ *Opened) {
		other := k.signInAs("ann")
		wantErr(t, "Revoke of another session", k.cache.Revoke(t.Context(), late, other.Handle()), ErrInGrace)
		wantErr(t, "Revoke of the others", k.cache.Revoke(t.Context(), late, Handle{}), ErrInGrace)
		k.wantUser(k.open(*other.Successor), "Ann")
		if err := k.cache.Revoke(t.Context(), late, late.Handle()); err != nil {
			t.Errorf("Revoke of its own session = %v", err)
		}
		k.wantSessions("ann", other)
	})
}

// The last sign-out leaves nothing behind: no user, no sessions.
func TestTheLastSignOutDeletesTheRecord(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		one, two := k.signInAs("ann"), k.signInAs("ann")
		k.open(*one.Successor)
		k.signOut(one)
		if k.record("ann") == nil {
			t.Error("the record went with the first of two sessions")
		}
		k.signOut(two)
		if a := k.record("ann"); a != nil {
			t.Errorf("the record is still there: %+v", a)
		}
	})
}

// A writer in flight keeps the record: without it a reader who signs in would
// not know that the row is changing.
func TestAWriterKeepsTheRecord(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.signInAs("ann")
		w := k.write("ann")
		k.signOut(o)
		if a := k.record("ann"); a == nil || len(a.writers) != 1 {
			t.Fatal("the record went with a writer in flight")
		}
		if err := k.cache.RevokeUser(t.Context(), "", "ann"); err != nil || k.record("ann") == nil {
			t.Errorf("RevokeUser = %v; the record must stay", err)
		}
		again := k.signInAs("ann")
		if k.open(*again.Successor); k.record("ann").user != nil {
			t.Error("a read filled the cache while the row was changing")
		}
		k.signOut(again)
		k.end(w)
		if k.record("ann") != nil {
			t.Error("the record is still there after the last that it was for")
		}
	})
}

func TestSessionsAreListedTheOldestFirst(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		one := k.signInAs("ann")
		time.Sleep(10 * time.Minute)
		two, three := k.signInAs("ann"), k.signInAs("ann")
		k.wantSessions("ann", one, two, three)
		time.Sleep(10 * time.Minute)
		k.open(*one.Successor) // renewing moves nobody
		k.wantSessions("ann", one, two, three)
		time.Sleep(20 * time.Minute)
		k.wantSessions("ann", one) // the others are dead
		k.wantSessions("bob")
	})
}
