package cache

import (
	"testing"
	"time"
)

func TestASyncOfARenewableSession(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name      string
		in        Sync
		renewable bool
		access    bool // replaced
	}{
		{"keeps both tokens", Sync{Grace: -1}, true, false},
		{"keeps them where it is to mark the session", Sync{Grace: -1, Mark: true, Rotate: true}, true, false},
		{"keeps them where it is to keep them", Sync{Grace: -1, Keep: true, Rotate: true}, true, false},
		{"replaces both where it is asked", Sync{Grace: -1, Rotate: true}, true, true},
		{"replaces a bearer token where it is asked", Sync{Grace: -1, Rotate: true}, false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				in, _, err := k.signIn(SignIn{UserKey: "ann", Transport: Bearer, Renewable: row.renewable})
				if err != nil {
					t.Fatal(err)
				}
				o := k.by(Bearer, *in.Successor)
				k.people.write(person{Key: "ann", Name: "Anna"})
				if err := k.cache.Sync(t.Context(), o, row.in); err != nil {
					t.Fatal(err)
				}
				k.wantUser(o, "Anna")
				wantSuccessor(t, o, row.access)
				if want := row.access && row.renewable; (o.Renewal != nil) != want {
					t.Errorf("a renewal token was handed out: %v; want %v", o.Renewal != nil, want)
				}
				old := k.by(Bearer, *in.Successor)
				k.wantUser(old, "Anna")
				if old.InGrace() != row.access || old.session.regenerate {
					t.Errorf("in grace %v, marked %v; want %v and unmarked", old.InGrace(), old.session.regenerate, row.access)
				}
				if !row.access {
					return
				}
				k.wantUser(k.by(Bearer, *o.Successor), "Anna")
				time.Sleep(5 * time.Second)
				k.wantUser(k.by(Bearer, *in.Successor), "")
				if row.renewable {
					next := k.renew(*o.Renewal)
					k.wantUser(k.by(Bearer, *next.Successor), "Anna")
					k.wantEvents(EventReuse, 0)
				}
			})
		})
	}
}

// The renewal token that a sync replaced works no more at once: whoever has it
// was not told of the new one.
func TestARenewalTokenThatASyncReplaced(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		in := k.renewableAnn()
		o := k.by(Bearer, *in.Successor)
		if err := k.cache.Sync(t.Context(), o, Sync{Grace: -1, Rotate: true}); err != nil {
			t.Fatal(err)
		}
		k.wantUser(k.renew(*in.Renewal), "")
		k.wantUser(k.by(Bearer, *o.Successor), "")
		k.wantEvents(EventReuse, 1)
	})
}

func TestASyncOfARenewableSessionOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	unknown(t, func(k *kit, o *Opened) error {
		*o = *k.renewableAnn()
		return k.cache.Sync(k.t.Context(), o, Sync{Grace: -1, Rotate: true})
	}, func(k *kit, o *Opened) {
		k.wantUser(k.by(Bearer, *o.Successor), "Ann")
		k.wantUser(k.renew(*o.Renewal), "Ann")
		k.wantEvents(EventReuse, 0)
	})
}

func TestTheBackgroundMarksNoRenewableSession(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		in := k.renewableAnn()
		if err := k.cache.SyncUser(t.Context(), "", "ann", BackgroundSync{Regenerate: true}); err != nil {
			t.Fatal(err)
		}
		if k.record("ann").sessions[0].regenerate {
			t.Error("the session is marked")
		}
		o := k.by(Bearer, *in.Successor)
		k.wantUser(o, "Ann")
		wantSuccessor(t, o, false)
		k.wantUser(k.renew(*in.Renewal), "Ann")
	})
}

// A sync is no sign-in, and neither is a renewal.
func TestOnlyASignInIsRecentForARenewableSession(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		time.Sleep(10 * time.Minute)
		o = k.renew(*o.Renewal)
		k.wantAge(o, 10*time.Minute)
		if err := k.cache.Sync(t.Context(), o, Sync{Grace: -1, Rotate: true}); err != nil {
			t.Fatal(err)
		}
		k.wantAge(o, 10*time.Minute)
		time.Sleep(30 * time.Minute) // the access token ends under its request
		k.wantAge(o, notRecent)
		o = k.renew(*o.Renewal)
		k.wantAge(o, notRecent)
		k.wantAge(k.by(Bearer, *o.Successor), notRecent)
	})
}

// A sync that keeps the tokens hands out none, whatever the request was given.
func TestASyncAfterARenewalHandsOutNothingTwice(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renew(*k.renewableAnn().Renewal)
		k.syncNow(o)
		if o.Successor != nil || o.Renewal != nil {
			t.Errorf("access token %v, renewal token %v; want neither", o.Successor != nil, o.Renewal != nil)
		}
	})
}
