package cache

import (
	"errors"
	"sync"
	"testing"
	"time"
)

// wantOvertaken checks whether a token that proves nothing is taken for one that
// was on its way.
func (k *kit) wantOvertaken(token Token, want bool, when string) {
	k.t.Helper()
	if o := k.open(token); o.Live() || o.Overtaken != want {
		k.t.Errorf("%s: live %v, overtaken %v; want nobody's, overtaken %v", when, o.Live(), o.Overtaken, want)
	}
}

func TestATokenThatWasOvertaken(t *testing.T) {
	t.Parallel()
	t.Run("by a sync", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			old := *k.signInAs("ann").Successor
			o := k.open(old)
			k.syncNow(o)
			time.Sleep(5*time.Second - 1)
			if late := k.open(old); !late.Live() || late.Overtaken {
				t.Errorf("in grace: live %v, overtaken %v; want a live one", late.Live(), late.Overtaken)
			}
			time.Sleep(time.Nanosecond)
			k.wantOvertaken(old, true, "at the end of its grace")
			time.Sleep(time.Minute - 1)
			k.wantOvertaken(old, true, "shortly before a minute is over")
			time.Sleep(time.Nanosecond)
			k.wantOvertaken(old, false, "a minute later")
			k.wantUser(k.open(*o.Successor), "Ann")
		})
	})
	t.Run("by a sync without grace", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			old := *k.signInAs("ann").Successor
			o := k.open(old)
			wantErr(t, "Sync", k.cache.Sync(t.Context(), o, Sync{}), nil)
			k.wantOvertaken(old, true, "at once")
			time.Sleep(time.Minute)
			k.wantOvertaken(old, false, "a minute later")
		})
	})
	t.Run("by its own successor", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			old := *k.signInAs("ann").Successor
			time.Sleep(15 * time.Minute)
			next := *k.open(old).Successor
			k.open(next)
			time.Sleep(5 * time.Second)
			k.wantOvertaken(old, true, "after its grace")
		})
	})
	t.Run("and ends its session where that is the rule", func(t *testing.T) {
		t.Parallel()
		everywhere(t, func(t *testing.T, k *kit) {
			old, o := k.replaced()
			k.wantOvertaken(old, true, "at its first use")
			k.wantOvertaken(old, false, "when its session has ended")
			k.wantUser(k.open(*o.Successor), "")
		}, rules(endsAtReuse))
	})
}

func TestWhatWasNotOvertaken(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old, o := k.replaced()
		ended := *k.signInAs("bob").Successor
		k.signOut(k.open(ended))
		other := old
		other.secret[0]++
		for what, in := range map[string]Opening{
			"no token":             {Transport: Cookie},
			"one of no account":    {Transport: Cookie, Token: NewToken(AccountID{7})},
			"one of no session":    {Transport: Cookie, Token: other},
			"one that was ended":   {Transport: Cookie, Token: ended},
			"another transport's":  {Transport: Bearer, Token: old},
			"another tenant's":     {Transport: Cookie, Tenant: "north", Token: old},
			"the newest one there": {Transport: Cookie, Token: *o.Successor},
		} {
			got := new(Opened)
			if err := k.cache.Open(t.Context(), &in, got); err != nil || got.Overtaken {
				t.Errorf("%s: overtaken %v, %v; want false", what, got.Overtaken, err)
			}
		}
		k.signOut(k.open(*o.Successor))
		k.wantOvertaken(old, false, "when its session has ended")
	})
}

func TestWhoWasHandedTheSuccessorFirst(t *testing.T) {
	t.Parallel()
	for what, noUser := range map[string]bool{"with the user": false, "without": true} {
		for name, age := range map[string]time.Duration{"cached": 30 * time.Second, "not cached": 2 * time.Minute} {
			t.Run(what+", "+name, func(t *testing.T) {
				t.Parallel()
				everywhere(t, func(t *testing.T, k *kit) {
					token := *k.signInAs("ann").Successor
					time.Sleep(15*time.Minute - age)
					if o := k.open(token); o.Successor != nil || o.Repeated != 0 {
						t.Errorf("before it is due Repeated = %v; want 0", o.Repeated)
					}
					time.Sleep(age)
					for _, step := range []struct{ wait, want time.Duration }{{0, -1}, {0, 0}, {1, 1}, {3*time.Second - 1, 3 * time.Second}} {
						time.Sleep(step.wait)
						o, in := new(Opened), Opening{Transport: Cookie, Token: token, NoUser: noUser}
						if err := k.cache.Open(t.Context(), &in, o); err != nil || o.Successor == nil || o.Repeated != step.want {
							t.Errorf("Open = %v with Repeated %v; want a successor, and %v", err, o.Repeated, step.want)
						}
					}
				})
			})
		}
	}
}

func TestOneOfManyIsHandedTheSuccessorFirst(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]time.Duration{"cached": 0, "not cached": 2 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				token := *k.signInAs("ann").Successor
				time.Sleep(14 * time.Minute)
				k.open(token)
				time.Sleep(time.Minute + wait)
				opened := make([]*Opened, 20)
				var wg sync.WaitGroup
				for i := range opened {
					wg.Go(func() { opened[i] = k.open(token) })
				}
				wg.Wait()
				first := 0
				for _, o := range opened {
					if o.Successor == nil || *o.Successor != *opened[0].Successor {
						t.Error("not all are handed the same successor")
					}
					if o.Repeated < 0 {
						first++
					}
				}
				if first != 1 {
					t.Errorf("%d were handed the successor first; want one", first)
				}
			})
		})
	}
}

func TestSettled(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		settled := func(o *Opened, want bool, when string) {
			t.Helper()
			if got := k.cache.Settled(&o.Access); got != want {
				t.Errorf("%s: Settled = %v; want %v", when, got, want)
			}
		}
		settled(new(Opened), true, "nobody's")
		o := k.open(*k.signInAs("ann").Successor)
		settled(o, true, "with its first token")
		k.syncNow(o)
		settled(o, false, "after a sync")
		time.Sleep(5*time.Second - 1)
		settled(o, false, "at the last moment of the grace")
		time.Sleep(time.Nanosecond)
		settled(o, true, "after the grace")
		time.Sleep(15 * time.Minute)
		o = k.open(*o.Successor)
		settled(o, true, "with a successor that nobody has used")
		o = k.open(*o.Successor)
		settled(o, false, "with one that was used just now")
		wantErr(t, "Sync", k.cache.Sync(t.Context(), o, Sync{}), nil)
		settled(o, true, "after a sync without grace")
		k.signOut(o)
		settled(o, true, "as it was when it ended")
	})
}

// wantWorks checks whether a token works.
func (k *kit) wantWorks(token Token, want bool, when string) {
	k.t.Helper()
	if got := k.cache.Works(k.t.Context(), &token); got != want {
		k.t.Errorf("%s: Works = %v; want %v", when, got, want)
	}
}

func TestWorks(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.wantWorks(Token{}, false, "no token")
		k.wantWorks(NewToken(AccountID{7}), false, "one of no account")
		o := k.open(*k.signInAs("ann").Successor)
		first := o.token
		k.wantWorks(first, true, "the only one")
		k.wantWorks(NewToken(o.Account()), false, "one of no session")
		k.syncNow(o)
		k.wantWorks(first, true, "in grace")
		time.Sleep(5 * time.Second)
		k.wantWorks(first, false, "after its grace")
		second := *o.Successor
		time.Sleep(15 * time.Minute)
		third := *k.open(second).Successor
		k.wantWorks(second, true, "with a successor that nobody has used")
		k.wantWorks(third, true, "that successor")
		k.open(third)
		k.wantWorks(second, true, "with a successor that was used just now")
		k.signOut(k.open(third))
		for _, token := range []Token{first, second, third} {
			k.wantWorks(token, false, "after the sign-out")
		}
	})
	everywhere(t, func(t *testing.T, k *kit) {
		idle, revoked := *k.signInAs("ann").Successor, *k.signInAs("bob").Successor
		wantErr(t, "RevokeUser", k.cache.RevokeUser(t.Context(), "", "bob"), nil)
		k.wantWorks(revoked, false, "after RevokeUser")
		time.Sleep(30*time.Minute - 1)
		k.wantWorks(idle, true, "shortly before the end of the idle time")
		time.Sleep(time.Nanosecond)
		k.wantWorks(idle, false, "at the end of the idle time")
		all := *k.signInAs("bob").Successor
		wantErr(t, "RevokeAll", k.cache.RevokeAll(t.Context(), 0), nil)
		k.wantWorks(all, false, "after RevokeAll")
		if k.cache.IsNewest(&all) {
			t.Error("after RevokeAll IsNewest = true; want false")
		}
	})
}

// Where the store cannot tell, nothing is known to have changed.
func TestATokenThatCannotBeLookedUp(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		store.load = func(int64) error { return errors.New("out of reach") }
		k.wantWorks(token, true, "with the store out of reach")
		if !k.cache.IsNewest(&token) {
			t.Error("with the store out of reach IsNewest = false; want true")
		}
	})
}

func TestATokenThatWasMadeBefore(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		ann := k.cache.Account("", "ann")
		given := NewToken(ann)
		k.wantUser(k.open(given), "")
		o, _, err := k.signIn(SignIn{UserKey: "ann", Token: given})
		wantErr(t, "SignIn", err, nil)
		if *o.Successor != given {
			t.Error("SignIn hands out another token than it was given")
		}
		next := NewToken(ann)
		k.wantUser(k.open(next), "")
		o = k.open(given)
		wantErr(t, "Sync", k.cache.Sync(t.Context(), o, Sync{Grace: -1, Token: next}), nil)
		if *o.Successor != next {
			t.Error("Sync hands out another token than it was given")
		}
		k.wantUser(k.open(next), "Ann")
		for what, token := range map[string]Token{"none": {}, "one of another account": NewToken(AccountID{7})} {
			o, _, err := k.signIn(SignIn{UserKey: "ann", Token: token})
			wantErr(t, "SignIn given "+what, err, nil)
			signedIn := *o.Successor
			wantErr(t, "Sync given "+what, k.cache.Sync(t.Context(), o, Sync{Token: token}), nil)
			for call, made := range map[string]Token{"SignIn": signedIn, "Sync": *o.Successor} {
				if made == token || made.account != ann {
					t.Errorf("%s given %s takes it; want a token of the account", call, what)
				}
			}
			k.wantUser(k.open(*o.Successor), "Ann")
		}
		if first, second := NewToken(ann), NewToken(ann); first == second || first.account != ann {
			t.Error("NewToken makes the same token twice, or one of another account")
		}
	})
}
