package cache

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestSyncUserServesTheRowAndRotates(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old := *k.signInAs("ann").Successor
		other := *k.signInAs("ann").Successor
		o := k.open(old)
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.syncNow(o)
		k.wantUser(o, "Anna")
		wantSuccessor(t, o, true)
		if o.InGrace() || *o.Successor == old {
			t.Error("the request does not speak for a new token")
		}
		reads := int(k.people.reads.Load())
		late := k.open(old)
		k.wantUser(late, "Anna")
		wantSuccessor(t, late, false)
		k.wantUser(k.open(*o.Successor), "Anna")
		k.wantUser(k.open(other), "Anna") // the user's other sessions see it too
		k.wantReads(reads)
		time.Sleep(5 * time.Second)
		k.wantUser(k.open(old), "")
		k.wantUser(k.open(*o.Successor), "Anna")
		k.wantEvents(EventSynced, 1)
	})
}

// The grace begins with the sync, not with the request that makes it.
func TestGraceCountsFromTheSync(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old := *k.signInAs("ann").Successor
		o := k.open(old)
		time.Sleep(10 * time.Second) // a slow handler
		k.syncNow(o)
		time.Sleep(5*time.Second - 1)
		k.wantUser(k.open(old), "Ann")
		time.Sleep(time.Nanosecond)
		k.wantUser(k.open(old), "")
		info, _ := o.Info(k.cache.Rules())
		if got := info.Renewed.Sub(info.Created); got != 10*time.Second {
			t.Errorf("the new token was made %v after sign-in; want 10s", got)
		}
	})
}

func TestWhatASyncMayAskFor(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name      string
		sync      Sync
		successor bool // the response carries a token
		old       bool // the old token works at once after it
		later     bool // and after 5 s
		others    bool // the user's other session lives
	}{
		{"nothing but the grace of the rules", Sync{Grace: -1}, true, true, false, true},
		{"a longer grace", Sync{Grace: time.Minute}, true, true, true, true},
		{"no grace", Sync{Grace: 0}, true, false, false, true},
		{"the token to be kept", Sync{Grace: -1, Keep: true}, false, true, true, true},
		{"the others to end", Sync{Grace: -1, EndOthers: true}, true, true, false, false},
		{"the token to be kept and the others to end", Sync{Grace: -1, Keep: true, EndOthers: true}, false, true, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				old := *k.signInAs("ann").Successor
				other := *k.signInAs("ann").Successor
				o := k.open(old)
				k.people.write(person{Key: "ann", Name: "Anna"})
				if err := k.cache.Sync(t.Context(), o, row.sync); err != nil {
					t.Fatalf("Sync = %v", err)
				}
				k.wantUser(o, "Anna")
				wantSuccessor(t, o, row.successor)
				name := map[bool]string{true: "Anna"}
				k.wantUser(k.open(old), name[row.old])
				k.wantUser(k.open(other), name[row.others])
				time.Sleep(5 * time.Second)
				k.wantUser(k.open(old), name[row.later])
				if row.successor {
					k.wantUser(k.open(*o.Successor), "Anna")
				}
			})
		})
	}
}

// Every token that the session knows is replaced: the current one, the
// successor on its way and those in grace, which get no later end.
func TestASyncReplacesWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		first := *k.signInAs("ann").Successor
		time.Sleep(15 * time.Minute)
		second := *k.open(first).Successor
		k.open(second) // first is in grace for 5 s
		time.Sleep(15 * time.Minute)
		third := *k.open(second).Successor // pending
		if err := k.cache.Sync(t.Context(), k.open(second), Sync{Grace: time.Minute}); err != nil {
			t.Fatal(err)
		}
		k.wantUser(k.open(first), "")
		for _, token := range []Token{second, third} {
			o := k.open(token)
			k.wantUser(o, "Ann")
			wantSuccessor(t, o, false)
			if !o.InGrace() {
				t.Error("a token that was replaced is not in grace")
			}
		}
		time.Sleep(time.Minute)
		k.wantUser(k.open(second), "")
		k.wantUser(k.open(third), "")
	})
}

func TestATokenInGraceGetsNoLaterEnd(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		first := *k.signInAs("ann").Successor
		o := k.open(first)
		k.syncNow(o)
		time.Sleep(4 * time.Second)
		if err := k.cache.Sync(t.Context(), o, Sync{Grace: time.Hour}); err != nil {
			t.Fatal(err)
		}
		k.wantUser(k.open(first), "Ann")
		time.Sleep(time.Second)
		k.wantUser(k.open(first), "")
	})
}

// After its own rotation a request speaks for the new token.
func TestARequestMaySyncTwice(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.signInAs("ann").Successor)
		k.syncNow(o)
		first := *o.Successor
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.syncNow(o)
		if *o.Successor == first {
			t.Error("the second sync kept the token")
		}
		k.wantUser(k.open(*o.Successor), "Anna")
		if err := k.cache.Sync(t.Context(), o, Sync{Grace: -1, EndOthers: true}); err != nil {
			t.Errorf("the third sync = %v", err)
		}
	})
}

// A response that has begun cannot carry a token: the next request gets one.
func TestASyncMayMarkTheSession(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token, other := *k.signInAs("ann").Successor, *k.signInAs("ann").Successor
		o := k.open(token)
		if err := k.cache.Sync(t.Context(), o, Sync{Grace: -1, Mark: true}); err != nil {
			t.Fatal(err)
		}
		wantSuccessor(t, o, false)
		wantSuccessor(t, k.open(other), false)
		o = k.open(token)
		wantSuccessor(t, o, true)
		wantSuccessor(t, k.open(*o.Successor), false)
	})
}

func TestABearerTokenIsNotReplacedByASync(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o, _, err := k.signIn(SignIn{UserKey: "ann", Transport: Bearer})
		if err != nil {
			t.Fatal(err)
		}
		token := *o.Successor
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.syncNow(o)
		k.wantUser(o, "Anna")
		wantSuccessor(t, o, false)
		var next Opened
		if err := k.cache.Open(t.Context(), &Opening{Transport: Bearer, Token: token}, &next); err != nil || next.InGrace() {
			t.Errorf("Open = %v, in grace %v", err, next.InGrace())
		}
	})
}

// A token in grace makes the cache read the user again and does no more. What
// cannot be done is said.
func TestASyncInGrace(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		sync Sync
		want error
	}{
		{"replaces nothing", Sync{Grace: -1}, nil},
		{"keeps nothing", Sync{Grace: -1, Keep: true}, nil},
		{"marks nothing", Sync{Grace: -1, Mark: true}, nil},
		{"cannot end the others", Sync{Grace: -1, EndOthers: true}, ErrInGrace},
		{"cannot end the tokens in grace", Sync{Grace: 0}, ErrInGrace},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			overGraces(t, func(t *testing.T, k *kit, late, o *Opened) {
				other := *k.signInAs("ann").Successor
				k.people.write(person{Key: "ann", Name: "Anna"})
				time.Sleep(6 * time.Second) // its grace ends while it is under way
				err := k.cache.Sync(t.Context(), late, row.sync)
				if !errors.Is(err, row.want) {
					t.Errorf("Sync = %v; want %v", err, row.want)
				}
				k.wantUser(late, "Anna")
				wantSuccessor(t, late, false)
				current := k.open(o.token)
				k.wantUser(current, "Anna")
				wantSuccessor(t, current, false)
				if current.InGrace() {
					t.Error("the current token was replaced")
				}
				k.wantUser(k.open(other), "Anna")
			})
		})
	}
}

// Two requests with one token: the first confirms the successor, and the
// second was not replaced by a sync. It may still rotate and revoke.
func TestATokenRetiredUnderItsRequest(t *testing.T) {
	t.Parallel()
	begin := func(k *kit) (slow *Opened, next Token) {
		token := *k.signInAs("ann").Successor
		time.Sleep(15 * time.Minute)
		slow = k.open(token)
		next = *slow.Successor
		k.open(next)
		time.Sleep(10 * time.Second) // longer than the grace
		return slow, next
	}
	t.Run("by its own successor may rotate", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			slow, next := begin(k)
			k.syncNow(slow)
			wantSuccessor(t, slow, true)
			k.wantUser(k.open(*slow.Successor), "Ann")
			if o := k.open(next); !o.InGrace() {
				t.Error("the confirmed token is not in grace after the sync")
			}
		})
	})
	t.Run("by its own successor may revoke", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			slow, _ := begin(k)
			other := k.signInAs("ann")
			if err := k.cache.Revoke(t.Context(), slow, other.Handle()); err != nil {
				t.Errorf("Revoke = %v", err)
			}
			k.wantUser(k.open(*other.Successor), "")
		})
	})
	t.Run("by a sync may do neither", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			slow, next := begin(k)
			other := k.signInAs("ann")
			o := k.open(next)
			k.syncNow(o)
			time.Sleep(10 * time.Second)
			wantErr(t, "Sync", k.cache.Sync(t.Context(), slow, Sync{Grace: -1}), ErrNoSession)
			wantErr(t, "Sync without grace", k.cache.Sync(t.Context(), slow, Sync{}), ErrInGrace)
			wantErr(t, "Revoke", k.cache.Revoke(t.Context(), slow, other.Handle()), ErrInGrace)
			wantErr(t, "Revoke of the others", k.cache.Revoke(t.Context(), slow, Handle{}), ErrInGrace)
			wantSuccessor(t, slow, false)
			k.wantUser(k.open(*o.Successor), "Ann")
			k.wantUser(k.open(*other.Successor), "Ann")
		})
	})
}

// If the read fails the entry stays dropped, and the rotation counts.
func TestASyncWhoseReadFailsHasRotated(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old := *k.signInAs("ann").Successor
		k.open(old)
		o := k.open(old)
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.people.with(func() { k.people.fail = errTable })
		err := k.cache.Sync(t.Context(), o, Sync{Grace: -1})
		wantErr(t, "Sync", err, errTable)
		wantSuccessor(t, o, true)
		_, err = k.tryOpen(old)
		wantErr(t, "Open", err, ErrUnavailable)
		k.people.with(func() { k.people.fail = nil })
		k.wantUser(k.open(*o.Successor), "Anna")
		if o := k.open(old); !o.InGrace() {
			t.Error("the old token was not replaced")
		}
	})
}

// A fill that loses its lease is left at that: the copy is dropped already.
func TestASyncWhoseFillLosesDoesNothingMore(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.signInAs("ann").Successor)
		reads := int(k.people.reads.Load())
		k.people.with(func() {
			k.people.after = func(context.Context, any) error { k.end(k.write("ann")); return nil }
		})
		k.syncNow(o)
		k.wantUser(o, "Ann")
		k.wantReads(reads + 1)
		if a := k.record("ann"); a.user != nil {
			t.Errorf("cached: %v; want nobody", a.user)
		}
	})
}

func TestASyncOfAUserWhoIsGone(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.signInAs("ann").Successor)
		k.people.remove("ann")
		wantErr(t, "Sync", k.cache.Sync(t.Context(), o, Sync{Grace: -1}), ErrInactive)
		k.wantUser(o, "")
		if !o.Ended || k.record("ann") != nil {
			t.Errorf("Ended = %v; want the session ended", o.Ended)
		}
	})
}

func TestAUserIsSyncedFromTheBackground(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		sync := func(key string, in BackgroundSync) {
			t.Helper()
			if err := k.cache.SyncUser(t.Context(), "", key, in); err != nil {
				t.Fatalf("SyncUser(%s) = %v", key, err)
			}
		}
		k.people.write(person{Key: "ann", Name: "Anna"})
		sync("ann", BackgroundSync{})
		o := k.open(token)
		k.wantUser(o, "Anna")
		wantSuccessor(t, o, false)
		sync("ann", BackgroundSync{Regenerate: true})
		wantSuccessor(t, k.open(token), true)
		sync("bob", BackgroundSync{Regenerate: true}) // who has no account
		sync("nobody", BackgroundSync{Revoke: true})
		if k.record("bob") != nil || k.record("nobody") != nil {
			t.Error("a sync made an account")
		}
		sync("ann", BackgroundSync{Revoke: true, Regenerate: true})
		k.wantUser(k.open(token), "")
		if k.record("ann") != nil {
			t.Error("the record is still there")
		}
	})
}
