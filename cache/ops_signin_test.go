package cache

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

func TestASignInMakesANewSessionAlways(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		first := k.signInAs("ann")
		k.wantUser(first, "Ann")
		time.Sleep(time.Minute)
		in := SignIn{UserKey: "ann", Carried: &first.Access, Metadata: []Pair{{"ip", "::1"}, {"agent", "Fire\nfox"}}}
		second, ended, err := k.signIn(in)
		if err != nil || ended {
			t.Fatalf("SignIn = %v, %v", ended, err)
		}
		if second.Handle() == first.Handle() || *second.Successor == *first.Successor {
			t.Error("the session or its token is the old one")
		}
		k.wantUser(k.open(*first.Successor), "")
		k.wantUser(k.open(*second.Successor), "Ann")
		k.wantSessions("ann", second)
		info, ok := second.Info(k.cache.Rules())
		if want := []Pair{{"agent", "Firefox"}, {"ip", "::1"}}; !ok || !reflect.DeepEqual(info.Metadata, want) {
			t.Errorf("metadata = %v; want %v", info.Metadata, want)
		}
		k.wantEvents(EventSignedIn, 2)
	})
}

func TestWhomASignInRefuses(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.people.write(person{Key: "eve", Name: "Eve", Locked: true})
		bob := k.signInAs("bob")
		for _, key := range []string{"eve", "nobody", ""} {
			_, ended, err := k.signIn(SignIn{UserKey: key, Carried: &bob.Access})
			wantErr(t, "SignIn("+key+")", err, ErrInactive)
			if ended {
				t.Error("the carried session was ended")
			}
			if k.record(key) != nil {
				t.Errorf("%s has an account", key)
			}
		}
		k.wantUser(k.open(*bob.Successor), "Bob")
		k.wantEvents(EventInactive, 3)
	})
}

// The session that a request carried ends whoever's it is, and however old the
// token was.
func TestASignInEndsTheCarriedSession(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, from string
		ended      bool
	}{
		{"of the same user", "ann", false},
		{"of another user", "bob", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				carried, other := k.signInAs(row.from), k.signInAs(row.from)
				_, ended, err := k.signIn(SignIn{UserKey: "ann", Carried: &carried.Access})
				if err != nil || ended != row.ended {
					t.Errorf("SignIn = %v, %v; want %v", ended, err, row.ended)
				}
				k.wantUser(k.open(*carried.Successor), "")
				// In grace as well.
				old := k.open(*other.Successor)
				k.syncNow(old)
				late := k.open(*other.Successor)
				if !late.InGrace() {
					t.Fatal("not in grace")
				}
				fresh, _, err := k.signIn(SignIn{UserKey: "ann", Carried: &late.Access})
				if err != nil {
					t.Fatal(err)
				}
				k.wantUser(k.open(*other.Successor), "")
				k.wantUser(k.open(*old.Successor), "")
				k.wantUser(k.open(*fresh.Successor), "Ann")
				// And one that has ended meanwhile is no obstacle.
				if _, _, err := k.signIn(SignIn{UserKey: "ann", Carried: &late.Access}); err != nil {
					t.Errorf("SignIn with a dead session = %v", err)
				}
				// Nobody's access is no session.
				if _, ended, err := k.signIn(SignIn{UserKey: "ann", Carried: new(Access)}); err != nil || ended {
					t.Errorf("SignIn of nobody = %v, %v", ended, err)
				}
			})
		})
	}
}

// Ending the carried session and adding the new one is one swap within an
// account, so no moment knows both or neither.
func TestASignInOfTheSameUserIsOneSwap(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		o := k.signInAs("ann")
		swaps := store.swaps.Load()
		if _, _, err := k.signIn(SignIn{UserKey: "ann", Carried: &o.Access, EndOthers: true}); err != nil {
			t.Fatal(err)
		}
		if n := store.swaps.Load() - swaps; n != 1 {
			t.Errorf("%d swaps; want 1", n)
		}
	})
}

func TestTheBoundOfSessions(t *testing.T) {
	t.Parallel()
	two := func(r *Rules) { r.MaxSessions = 2 }
	t.Run("evicts the expired first, then the least recently renewed", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			one := k.signInAs("ann")
			time.Sleep(10 * time.Minute)
			two := k.signInAs("ann")
			time.Sleep(10 * time.Minute)
			one = k.open(*one.Successor) // renewed: two is the older one now
			three := k.signInAs("ann")
			k.wantSessions("ann", one, three)
			k.wantUser(k.open(*two.Successor), "")
			if got := k.events.named(EventEvicted); len(got) != 1 || got[0].Session != two.Handle() || got[0].UserKey != "ann" {
				t.Errorf("events of eviction: %v; want one that names the session", got)
			}
			time.Sleep(29 * time.Minute)
			three = k.open(*three.Successor)
			time.Sleep(2 * time.Minute) // one is dead by now
			four := k.signInAs("ann")
			k.wantSessions("ann", three, four)
			k.wantEvents(EventEvicted, 1)
		}, rules(two))
	})
	t.Run("or denies, and nothing changes", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			one, other, bob := k.signInAs("ann"), k.signInAs("ann"), k.signInAs("bob")
			before := k.record("ann")
			_, ended, err := k.signIn(SignIn{UserKey: "ann", Carried: &bob.Access})
			wantErr(t, "SignIn", err, ErrTooManySessions)
			if ended || !sameAccount(before, k.record("ann")) {
				t.Error("a sign-in that was denied changed something")
			}
			_, _, err = k.signIn(SignIn{UserKey: "ann"})
			wantErr(t, "SignIn", err, ErrTooManySessions)
			k.wantSessions("bob", bob)
			// The owner gets in again, by what ends another session.
			second, _, err := k.signIn(SignIn{UserKey: "ann", Carried: &one.Access})
			if err != nil {
				t.Fatalf("SignIn with a carried session = %v", err)
			}
			k.wantSessions("ann", other, second)
			third, _, err := k.signIn(SignIn{UserKey: "ann", EndOthers: true})
			if err != nil {
				t.Fatalf("SignIn that ends the others = %v", err)
			}
			k.wantSessions("ann", third)
			k.wantEvents(EventEvicted, 0)
		}, rules(func(r *Rules) { r.MaxSessions, r.DenyAtMax = 2, true }))
	})
}

// At its bound the store takes no new account, and nobody is signed out for
// it: neither others nor the one who asks.
func TestASignInIntoAFullStoreChangesNothing(t *testing.T) {
	t.Parallel()
	for name, store := range map[string]func() Store{
		"decoded": func() Store { return NewMemory(1) },
		"bytes":   func() Store { return byteStore{NewMemory(1)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := setup(t, store())
				bob, carried := k.signInAs("bob"), k.signInAs("bob")
				_, ended, err := k.signIn(SignIn{UserKey: "ann", Carried: &carried.Access})
				wantErr(t, "SignIn", err, ErrFull)
				wantErr(t, "SignIn", err, ErrUnavailable)
				if name == "decoded" {
					if ended {
						t.Error("the carried session was ended")
					}
					k.wantSessions("bob", bob, carried)
				}
				// A user who is in the store already may have another session.
				k.signInAs("bob")
				// And once there is room, the sign-in is possible.
				for _, h := range k.sessions("bob") {
					if err := k.cache.RevokeSession(t.Context(), "", "bob", h); err != nil {
						t.Fatal(err)
					}
				}
				k.signInAs("ann")
			})
		})
	}
}

// The last session of another user makes room for the one that replaces it.
func TestASignInIntoAFullStoreMayReplaceItsOwnAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := setup(t, NewMemory(1))
		bob := k.signInAs("bob")
		ann, ended, err := k.signIn(SignIn{UserKey: "ann", Carried: &bob.Access})
		if err != nil || !ended {
			t.Fatalf("SignIn = %v, %v; want the old session ended", ended, err)
		}
		k.wantUser(k.open(*ann.Successor), "Ann")
	})
}

// Where the old session cannot be ended nothing has changed; where the new one
// cannot be added after it, the caller learns that the old one is gone.
func TestASignInOverTwoAccountsThatFails(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		from  int64 // the first swap that fails
		ended bool
	}{
		{"while it ends the old session", 1, false},
		{"while it adds the new one", 2, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
				ann, bob := k.signInAs("ann"), k.signInAs("bob")
				done := store.swaps.Load()
				store.before = func(n int64) error {
					if n >= done+row.from {
						return errStore
					}
					return nil
				}
				o, ended, err := k.signIn(SignIn{UserKey: "ann", Carried: &bob.Access})
				wantErr(t, "SignIn", err, ErrUnavailable)
				wantErr(t, "SignIn", err, errStore)
				if ended != row.ended {
					t.Errorf("ended = %v; want %v", ended, row.ended)
				}
				if o.Live() || o.Successor != nil {
					t.Error("the request has a session all the same")
				}
				store.before = nil
				k.wantSessions("ann", ann)
				want := "Bob"
				if row.ended {
					want = ""
				}
				k.wantUser(k.open(*bob.Successor), want)
			})
		})
	}
}

func TestASignInDuringAWriteDoesNotFill(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.signInAs("ann")
		w := k.write("ann")
		o := k.signInAs("ann")
		k.wantUser(o, "Ann")
		if a := k.record("ann"); a.user != nil {
			t.Errorf("cached: %v; want nobody while a change is under way", a.user)
		}
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.end(w)
		k.wantUser(k.open(*o.Successor), "Anna")
	})
}
