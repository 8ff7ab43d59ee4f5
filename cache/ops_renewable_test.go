package cache

import (
	"context"
	"slices"
	"testing"
	"time"
)

// renewableAnn signs ann in with a renewal token.
func (k *kit) renewableAnn() *Opened {
	k.t.Helper()
	o, _, err := k.signIn(SignIn{UserKey: "ann", Transport: Bearer, Renewable: true, Lifetime: 48 * time.Hour})
	if err != nil {
		k.t.Fatalf("SignIn = %v", err)
	}
	if o.Successor == nil || o.Renewal == nil || *o.Successor == *o.Renewal {
		k.t.Fatal("the sign-in gave no two tokens")
	}
	return o
}

func (k *kit) tryRenew(token Token) (*Opened, error) {
	o := new(Opened)
	return o, k.cache.Renew(k.t.Context(), &Renewing{Transport: Bearer, Token: token}, o)
}

func (k *kit) renew(token Token) *Opened {
	k.t.Helper()
	o, err := k.tryRenew(token)
	if err != nil {
		k.t.Fatalf("Renew = %v", err)
	}
	if (o.Successor != nil) != o.Live() || (o.Renewal != nil) != o.Live() {
		k.t.Errorf("live %v, access token %v, renewal token %v; want both or nobody", o.Live(), o.Successor != nil, o.Renewal != nil)
	}
	return o
}

// wantSamePair checks that two uses of one renewal token gave the same.
func (k *kit) wantSamePair(a, b *Opened) {
	k.t.Helper()
	if !a.Live() || !b.Live() || *a.Successor != *b.Successor || *a.Renewal != *b.Renewal {
		k.t.Errorf("live %v and %v; want both, and the same two tokens", a.Live(), b.Live())
	}
}

func TestAnAccessTokenWorksForTheIdleTimeAndIsNotMoved(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		token := *o.Successor
		if o := k.by(Bearer, token); o.Successor != nil || o.Renewal != nil {
			t.Error("a request was handed tokens")
		}
		before := k.record("ann")
		time.Sleep(29 * time.Minute)
		k.fresh()
		k.wantUser(k.by(Bearer, token), "Ann")
		if got, want := k.record("ann").session(o.Handle()), before.session(o.Handle()); got.renewed != want.renewed || got.hash != want.hash {
			t.Error("a request moved the access token")
		}
		time.Sleep(time.Minute - 1)
		k.wantUser(k.by(Bearer, token), "Ann")
		time.Sleep(time.Nanosecond)
		reads := int(k.people.reads.Load())
		k.wantUser(k.by(Bearer, token), "")
		k.wantReads(reads)
		k.wantEvents(EventReuse, 0)
		k.wantUser(k.renew(*o.Renewal), "Ann")
	})
}

func TestRenewingReplacesBothTokens(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		first := k.renewableAnn()
		time.Sleep(20 * time.Minute)
		k.people.write(person{Key: "ann", Name: "Anna"}) // unannounced
		second := k.renew(*first.Renewal)
		k.wantUser(second, "Anna")
		if second.From != FromDatabase || second.Handle() != first.Handle() || *second.Successor == *first.Successor || *second.Renewal == *first.Renewal {
			t.Error("the user is not from the database, the session is another, or a token stayed")
		}
		k.wantAge(second, 20*time.Minute)
		k.wantUser(k.by(Bearer, *second.Successor), "Anna")
		late := k.by(Bearer, *first.Successor)
		k.wantUser(late, "Anna")
		if !late.InGrace() {
			t.Error("the access token that was replaced is not in grace")
		}
		time.Sleep(5 * time.Second)
		k.wantUser(k.by(Bearer, *first.Successor), "")
		k.wantEvents(EventReuse, 0)
		k.wantEvents(EventRenewed, 1)
		if n := k.cache.Stats().Renewals; n != 1 {
			t.Errorf("%d renewals are counted; want 1", n)
		}
		third := k.renew(*second.Renewal)
		k.wantUser(k.by(Bearer, *third.Successor), "Anna")
	})
}

func TestARenewableSessionEndsAtItsAbsoluteEnd(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		time.Sleep(47 * time.Hour)
		if o = k.renew(*o.Renewal); !o.Live() {
			t.Fatal("it died in its lifetime")
		}
		k.wantAge(o, notRecent)
		time.Sleep(time.Minute)
		o = k.renew(*o.Renewal)
		k.wantAge(o, notRecent)
		time.Sleep(58*time.Minute + 30*time.Second)
		o = k.renew(*o.Renewal)
		k.wantUser(k.by(Bearer, *o.Successor), "Ann")
		time.Sleep(30 * time.Second)
		k.wantUser(k.by(Bearer, *o.Successor), "")
		k.wantUser(k.renew(*o.Renewal), "")
		k.wantEvents(EventReuse, 0)
	})
}

// An answer may be lost: whoever asks again in time is given the same, and one
// who asks at the same moment as well.
func TestALostAnswerIsGivenAgain(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		first := k.renew(*o.Renewal)
		before := k.record("ann")
		time.Sleep(5*time.Second - 1)
		k.wantSamePair(first, k.renew(*o.Renewal))
		if got := k.record("ann").session(o.Handle()); got.renewal.repeat.salt != before.session(o.Handle()).renewal.repeat.salt || len(got.retired) != 1 {
			t.Error("a repetition changed the session")
		}
		k.wantEvents(EventRenewed, 1)
		k.wantUser(k.by(Bearer, *first.Successor), "Ann")
		if k.record("ann").session(o.Handle()).renewal.repeat != nil {
			t.Error("the salt is there after the access token's first use")
		}
		k.wantUser(k.renew(*first.Renewal), "Ann")
	})
}

func TestARenewalTokenIsForRenewingOnly(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		k.wantUser(k.by(Bearer, *o.Renewal), "")
		k.wantUser(k.renew(*o.Successor), "")
		o = k.renew(*o.Renewal)
		k.wantUser(k.by(Bearer, *o.Renewal), "")
		k.wantUser(k.renew(*o.Successor), "")
		k.wantUser(k.by(Bearer, *o.Successor), "Ann")
		k.wantEvents(EventReuse, 0)
	})
}

func TestWhoRenewsNothing(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(in *Renewing){
		"another transport": func(in *Renewing) { in.Transport = Cookie },
		"another tenant":    func(in *Renewing) { in.Tenant = "north" },
		"another account":   func(in *Renewing) { in.Token.account[0]++ },
		"a made up secret":  func(in *Renewing) { in.Token.secret[0]++ },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o := k.renewableAnn()
				k.signInAs("ann") // one whose tokens are not renewable
				in := Renewing{Transport: Bearer, Token: *o.Renewal}
				change(&in)
				before, reads, got := k.record("ann"), k.people.reads.Load(), new(Opened)
				if err := k.cache.Renew(t.Context(), &in, got); err != nil || *got != (Opened{}) {
					t.Errorf("Renew = %v, %+v; want nobody", err, got)
				}
				if err := k.cache.EndRenewable(t.Context(), &in); err != nil {
					t.Errorf("EndRenewable = %v", err)
				}
				k.wantReads(int(reads))
				if !sameAccount(before, k.record("ann")) {
					t.Error("it left something behind")
				}
				k.wantEvents(EventReuse, 0)
				k.wantUser(k.renew(*o.Renewal), "Ann")
			})
		})
	}
}

func TestRenewingWhenTheUserIsGone(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(k *kit){
		"gone":   func(k *kit) { k.people.remove("ann") },
		"locked": func(k *kit) { k.people.write(person{Key: "ann", Locked: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o := k.renewableAnn()
				leave(k)
				got := k.renew(*o.Renewal)
				k.wantUser(got, "")
				if !got.Ended {
					t.Error("the session is not told to be ended")
				}
				k.wantSessions("ann")
			})
		})
	}
}

func TestRenewingWhenNobodyCanTell(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		o := k.renewableAnn()
		before := k.record("ann")
		unchanged := func(what string, want error) {
			t.Helper()
			got, err := k.tryRenew(*o.Renewal)
			wantErr(t, what, err, want)
			wantErr(t, what, err, ErrUnavailable)
			store.before, store.load = nil, nil
			if *got != (Opened{}) || !sameAccount(before, k.record("ann")) {
				t.Errorf("%s: the account changed, or somebody got in", what)
			}
		}
		k.people.with(func() { k.people.fail = errTable })
		unchanged("a table that cannot be read", errTable)
		k.people.with(func() { k.people.fail = nil })
		store.before = func(int64) error { return errStore }
		unchanged("a store that cannot be written", errStore)
		store.load = func(int64) error { return errStore }
		unchanged("a store that cannot be read", errStore)
		first := store.loads.Load() + 1
		store.load = func(n int64) error {
			if n == first {
				return nil
			}
			return errStore
		}
		epoch, err := store.Store.Load(t.Context(), EpochKey(testSpace.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := store.Store.Swap(t.Context(), EpochKey(testSpace.Name()), epoch.Record.Version, Record{}); err != nil {
			t.Fatal(err)
		}
		unchanged("an epoch that is lost", errStore)
		k.wantUser(k.renew(*o.Renewal), "Ann")
		store.load = func(int64) error { return errStore }
		wantErr(t, "EndRenewable", k.cache.EndRenewable(t.Context(), &Renewing{Transport: Bearer, Token: *o.Renewal}), errStore)
	})
}

func TestNobodyRenewsOnceTheCacheIsClosed(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		if err := k.cache.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := k.tryRenew(*o.Renewal)
		wantErr(t, "Renew", err, ErrUnavailable)
		wantErr(t, "EndRenewable", k.cache.EndRenewable(t.Context(), &Renewing{Transport: Bearer, Token: *o.Renewal}), ErrUnavailable)
	})
}

// However a session is ended, its renewal token ends with it.
func TestWhatEndsARenewableSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(ctx context.Context, k *kit, o *Opened) error{
		"sign-out": func(ctx context.Context, k *kit, o *Opened) error {
			return k.cache.EndSession(ctx, o.Account(), o.Handle())
		},
		"sign-out by the renewal token": func(ctx context.Context, k *kit, o *Opened) error {
			time.Sleep(time.Hour) // its access token is none any more
			return k.cache.EndRenewable(ctx, &Renewing{Transport: Bearer, Token: *o.Renewal})
		},
		"revoke": func(ctx context.Context, k *kit, o *Opened) error { return k.cache.Revoke(ctx, o, o.Handle()) },
		"revoke by handle": func(ctx context.Context, k *kit, o *Opened) error {
			return k.cache.RevokeSession(ctx, "", "ann", o.Handle())
		},
		"revoke of the user": func(ctx context.Context, k *kit, _ *Opened) error { return k.cache.RevokeUser(ctx, "", "ann") },
		"the end of all":     func(ctx context.Context, k *kit, _ *Opened) error { return k.cache.RevokeAll(ctx, 0) },
		"another's revoke": func(ctx context.Context, k *kit, _ *Opened) error {
			return k.cache.Revoke(ctx, k.signInAs("ann"), Handle{})
		},
		"another's sync": func(ctx context.Context, k *kit, _ *Opened) error {
			return k.cache.Sync(ctx, k.signInAs("ann"), Sync{EndOthers: true})
		},
		"a sync from the background": func(ctx context.Context, k *kit, _ *Opened) error {
			return k.cache.SyncUser(ctx, "", "ann", BackgroundSync{Revoke: true})
		},
		"a sign-in over it": func(_ context.Context, k *kit, o *Opened) error {
			_, _, err := k.signIn(SignIn{UserKey: "ann", Carried: &o.Access})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o := k.renewableAnn()
				if err := end(t.Context(), k, o); err != nil {
					t.Fatal(err)
				}
				k.wantUser(k.by(Bearer, *o.Successor), "")
				k.wantUser(k.renew(*o.Renewal), "")
				if slices.Contains(k.sessions("ann"), o.Handle()) {
					t.Error("the session is there still")
				}
				k.wantEvents(EventReuse, 0)
			})
		})
	}
}

func TestRenewingWhileTheUserIsWritten(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		w := k.write("ann")
		k.people.write(person{Key: "ann", Name: "Anna"})
		o = k.renew(*o.Renewal)
		k.wantUser(o, "Anna")
		if k.record("ann").user != nil {
			t.Error("a renewal filled the cache beside a writer")
		}
		k.people.remove("ann")
		if gone := k.renew(*o.Renewal); gone.Live() || gone.Ended {
			t.Errorf("live %v, ended %v; want nobody, and nothing ended while the row is written", gone.Live(), gone.Ended)
		}
		k.people.write(person{Key: "ann", Name: "Ann"})
		k.end(w)
		k.wantUser(k.renew(*o.Renewal), "Ann")
	})
}

func TestInspectTellsOfRenewals(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		state := func() SessionState { return k.inspect("ann").Sessions[0] }
		now := k.inspect("ann").Now
		if st := state(); !st.Renewable || st.AccessEnd != now.Add(30*time.Minute) || st.RepeatEnd != 0 {
			t.Errorf("after the sign-in: %+v", st)
		}
		time.Sleep(time.Minute)
		k.renew(*o.Renewal)
		now = k.inspect("ann").Now
		if st := state(); st.AccessEnd != now.Add(30*time.Minute) || st.RepeatEnd != now.Add(5*time.Second) || len(st.Grace) != 1 {
			t.Errorf("after a renewal: %+v", st)
		}
		time.Sleep(5 * time.Second)
		if st := state(); st.RepeatEnd != 0 || st.Retired != 0 || len(st.Grace) != 0 {
			t.Errorf("after the grace: %+v; want no repetition, and no token that would raise the alarm", st)
		}
		k.signOut(o)
		k.signInAs("ann")
		if st := state(); st.Renewable || st.AccessEnd != 0 {
			t.Errorf("a session that is not renewable: %+v", st)
		}
	})
}
