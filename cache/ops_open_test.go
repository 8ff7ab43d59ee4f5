package cache

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestOpenServesTheCachedUser(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		k.wantReads(1)
		k.wantUser(k.open(token), "Ann")
		k.wantReads(2) // the account was new: what was read before it was there is not kept
		for range 10 {
			k.wantUser(k.open(token), "Ann")
		}
		k.wantReads(2)
		time.Sleep(time.Minute)
		k.wantUser(k.open(token), "Ann")
		k.wantReads(2) // MaxAge is the age up to which it is served
		k.people.write(person{Key: "ann", Name: "Anna"})
		time.Sleep(time.Nanosecond)
		k.wantUser(k.open(token), "Anna")
		k.wantUser(k.open(token), "Anna")
		k.wantReads(3)
	})
}

// Another sign-in of a user who has an account fills in what it read.
func TestSignInFillsTheCache(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.signInAs("ann")
		second := k.signInAs("ann")
		k.wantUser(second, "Ann")
		k.wantUser(k.open(*second.Successor), "Ann")
		k.wantReads(2)
	})
}

// Without a bound on its age a copy is read again all the same once it is
// older than RenewAfter: an invalidation that was lost is not lost for ever.
func TestNoMaxAgeEndsAtRenewAfter(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		k.people.write(person{Key: "ann", Name: "Anna"}) // and nobody tells the cache
		time.Sleep(15*time.Minute - 1)
		k.wantUser(k.open(token), "Ann")
		time.Sleep(2 * time.Nanosecond)
		k.wantUser(k.open(token), "Anna")
	}, rules(func(r *Rules) { r.MaxAge = math.MaxInt64 }))
}

func TestOpenReadsNothingWhereTheRequestReadsByItself(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		time.Sleep(15 * time.Minute)
		for range 2 {
			var o Opened
			if err := k.cache.Open(t.Context(), &Opening{Transport: Cookie, Token: token, NoUser: true}, &o); err != nil {
				t.Fatal(err)
			}
			if o.User != nil || !o.Live() || o.Successor == nil {
				t.Errorf("user %v, live %v, successor %v; want the session renewed and nobody read", o.User, o.Live(), o.Successor != nil)
			}
		}
		k.wantReads(1)
	})
}

// All tokens that prove nothing are answered alike, with one load and no
// trace.
func TestTokensThatProveNothing(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		ann := *k.signInAs("ann").Successor
		bob := k.signInAs("bob")
		k.signOut(bob)
		k.open(ann)
		stale := *k.signInAs("ann").Successor
		k.signOut(k.open(stale))
		k.open(ann)
		reads, events := int(k.people.reads.Load()), len(k.events.seen)
		other := ann
		other.secret[0] ^= 1
		for name, in := range map[string]Opening{
			"no token at all":                 {Transport: Cookie},
			"a token of no account":           {Transport: Cookie, Token: NewToken(AccountID{7})},
			"a token of an account deleted":   {Transport: Cookie, Token: *bob.Successor},
			"a token of no session":           {Transport: Cookie, Token: other},
			"a token of a session signed out": {Transport: Cookie, Token: stale},
			"a token of another transport":    {Transport: Bearer, Token: ann},
			"a token of no transport":         {Token: ann},
			"a token of another tenant":       {Transport: Cookie, Tenant: "north", Token: ann},
		} {
			var o Opened
			if err := k.cache.Open(t.Context(), &in, &o); err != nil || o.Live() || o.User != nil || o.Successor != nil || o.Ended || o.UserKey() != "" {
				t.Errorf("%s: %v, live %v, user %v; want nobody", name, err, o.Live(), o.User)
			}
			v, err := k.cache.backend.load(t.Context(), in.Token.account)
			if in.Token.account != ann.account && (err != nil || v.account != nil) {
				t.Errorf("%s leaves an account behind: %v, %v", name, v.account, err)
			}
		}
		k.wantReads(reads)
		if got := k.events.seen[events:]; len(got) != 0 {
			t.Errorf("events: %v; want none", got)
		}
		k.wantUser(k.open(ann), "Ann")
	})
}

func TestEachLookCostsOneLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &watchedStore{Store: NewMemory(0)}
		k := setup(t, store)
		token := *k.signInAs("ann").Successor
		k.open(token)
		for name, tok := range map[string]Token{"a hit": token, "no account": NewToken(AccountID{7}), "no session": NewToken(token.account)} {
			loads, swaps := store.loads.Load(), store.swaps.Load()
			k.open(tok)
			if l, s := store.loads.Load()-loads, store.swaps.Load()-swaps; l != 1 || s != 0 {
				t.Errorf("%s costs %d loads and %d swaps; want 1 and 0", name, l, s)
			}
		}
	})
}

func TestASessionDiesOfIdleness(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		time.Sleep(14 * time.Minute)
		k.wantUser(k.open(token), "Ann") // too early to move anything
		time.Sleep(16*time.Minute - 1)
		k.wantUser(k.open(token), "Ann") // renews
		other := k.signInAs("ann")
		time.Sleep(30*time.Minute - 1)
		other = k.open(*other.Successor) // renews, and keeps the record
		time.Sleep(time.Nanosecond)
		k.wantUser(k.open(token), "")
		k.wantSessions("ann", other)
		time.Sleep(30 * time.Minute)
		k.wantUser(k.open(*other.Successor), "")
		if a := k.record("ann"); a != nil {
			t.Errorf("the record is still there: %v", a)
		}
	})
}

func TestASessionEndsAbsolutely(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		for n := range 4*24 - 1 {
			time.Sleep(15 * time.Minute)
			o := k.open(token)
			if o.Successor == nil {
				t.Fatal("no successor")
			}
			if n%2 == 0 {
				k.syncNow(o)
			}
			token = *o.Successor
		}
		time.Sleep(15*time.Minute - 1)
		k.wantUser(k.open(token), "Ann")
		time.Sleep(time.Nanosecond)
		k.wantUser(k.open(token), "")
	})
}

// A sign-in may ask for a shorter or longer life than the rules give.
func TestASessionMayHaveALifetimeOfItsOwn(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o, _, err := k.signIn(SignIn{UserKey: "ann", Lifetime: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - 1)
		k.wantUser(k.open(*o.Successor), "Ann")
		time.Sleep(time.Nanosecond)
		k.wantUser(k.open(*o.Successor), "")
	})
}

func TestTenantsShareNothing(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		north, _, err := k.signIn(SignIn{UserKey: "ann", Tenant: "north"})
		if err != nil {
			t.Fatal(err)
		}
		south, _, err := k.signIn(SignIn{UserKey: "ann", Tenant: "south"})
		if err != nil {
			t.Fatal(err)
		}
		if north.Account() == south.Account() {
			t.Fatal("two tenants' users have one account")
		}
		// The account's id in the token is not enough: the record names its
		// tenant.
		for tenant, want := range map[string]bool{"north": true, "south": false, "": false} {
			var o Opened
			err := k.cache.Open(t.Context(), &Opening{Transport: Cookie, Tenant: tenant, Token: *north.Successor}, &o)
			if err != nil || o.Live() != want {
				t.Errorf("tenant %q sees north's session: %v, %v; want %v", tenant, o.Live(), err, want)
			}
		}
	})
}

// A session that everyone's end has reached is nobody's, and goes with the
// next change of its account.
func TestARevokedEpochEndsSessions(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		old := k.signInAs("ann")
		time.Sleep(time.Second)
		if err := k.cache.updateEpoch(t.Context(), func(e *Epoch, now Time) *Epoch {
			next := *e
			next.revokedBefore = now
			return &next
		}); err != nil {
			t.Fatal(err)
		}
		k.wantUser(k.open(*old.Successor), "")
		fresh := k.signInAs("ann")
		k.wantUser(k.open(*fresh.Successor), "Ann")
		k.wantSessions("ann", fresh)
	})
}
