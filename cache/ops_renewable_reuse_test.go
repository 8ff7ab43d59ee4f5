package cache

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// Whoever uses a renewal token that was used before may be the client or a
// thief. The session ends for both.
func TestAUsedRenewalTokenEndsItsSession(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		use  func(k *kit, first *Opened) (newest *Opened)
	}{
		{"after the grace", func(_ *kit, first *Opened) *Opened {
			time.Sleep(5 * time.Second)
			return first
		}},
		{"after the new access token was used", func(k *kit, first *Opened) *Opened {
			k.wantUser(k.by(Bearer, *first.Successor), "Ann")
			return first
		}},
		{"after the new renewal token was used", func(k *kit, first *Opened) *Opened { return k.renew(*first.Renewal) }},
		{"after twenty others were used", func(k *kit, first *Opened) *Opened {
			for range 20 {
				first = k.renew(*first.Renewal)
			}
			return first
		}},
		{"after days", func(_ *kit, first *Opened) *Opened {
			time.Sleep(46 * time.Hour)
			return first
		}},
		{"after a sync replaced its successor", func(k *kit, first *Opened) *Opened {
			if err := k.cache.Sync(k.t.Context(), first, Sync{Grace: -1, Rotate: true}); err != nil {
				k.t.Fatal(err)
			}
			return first
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o := k.renewableAnn()
				newest := row.use(k, k.renew(*o.Renewal))
				bob := k.signInAs("bob")
				other := k.rememberAnn(Cookie)
				got, err := k.tryRenew(*o.Renewal)
				if err != nil || *got != (Opened{}) {
					t.Errorf("Renew = %v, live %v; want nobody", err, got.Live())
				}
				k.wantUser(k.by(Bearer, *newest.Successor), "")
				k.wantUser(k.renew(*newest.Renewal), "")
				k.wantUser(k.renew(*o.Renewal), "")
				k.wantSessions("ann", other)
				k.wantSessions("bob", bob)
				for _, name := range []string{EventReuse, EventRevoked} {
					if got := k.events.named(name); len(got) != 1 || got[0].Session != o.Handle() || got[0].UserKey != "ann" {
						t.Errorf("events %q: %v; want one that names the session", name, got)
					}
				}
				if n := k.cache.Stats().ReuseAlarms; n != 1 {
					t.Errorf("%d alarms are counted; want 1", n)
				}
			})
		})
	}
}

func TestAUsedRenewalTokenThatSignsOut(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		k.renew(*k.renew(*o.Renewal).Renewal)
		if err := k.cache.EndRenewable(t.Context(), &Renewing{Transport: Bearer, Token: *o.Renewal}); err != nil {
			t.Fatal(err)
		}
		k.wantSessions("ann")
		k.wantEvents(EventReuse, 1)
	})
}

// Where the session cannot be ended it is an error, and the next use tries again.
func TestAForkedSessionThatCannotBeEnded(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		o := k.renewableAnn()
		k.renew(*o.Renewal)
		time.Sleep(5 * time.Second)
		store.before = func(int64) error { return errStore }
		_, err := k.tryRenew(*o.Renewal)
		wantErr(t, "Renew", err, errStore)
		store.before = nil
		k.wantUser(k.renew(*o.Renewal), "")
		k.wantSessions("ann")
	})
}

func TestParallelUsesOfARenewalTokenGetTheSamePair(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		k.people.with(func() {
			k.people.before = func(context.Context) error { time.Sleep(10 * time.Millisecond); return nil }
		})
		opened := make([]*Opened, 30)
		var wg sync.WaitGroup
		for i := range opened {
			wg.Go(func() { opened[i], _ = k.tryRenew(*o.Renewal) })
		}
		wg.Wait()
		for _, o := range opened {
			k.wantSamePair(o, opened[0])
		}
		k.wantEvents(EventRenewed, 1)
		k.wantEvents(EventReuse, 0)
		// And parallel first uses of the access token confirm it once.
		for i := range opened {
			wg.Go(func() { opened[i] = k.by(Bearer, *opened[i].Successor) })
		}
		wg.Wait()
		if s := k.record("ann").sessions[0]; s.renewal.repeat != nil || len(s.retired) != 1 {
			t.Errorf("repeatable %v, %d retired; want it confirmed, and one", s.renewal.repeat != nil, len(s.retired))
		}
	})
}

// Two uses of one token cost one change, and one each for the cached user.
func TestARenewalIsOneSwap(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		o := k.renewableAnn()
		count := func(what string, loads, swaps int64, do func()) {
			t.Helper()
			l, s := store.loads.Load(), store.swaps.Load()
			do()
			if l, s = store.loads.Load()-l, store.swaps.Load()-s; l != loads || s != swaps {
				t.Errorf("%s costs %d loads and %d swaps; want %d and %d", what, l, s, loads, swaps)
			}
		}
		var first *Opened
		count("a renewal", 1, 1, func() { first = k.renew(*o.Renewal) })
		count("the access token's first use", 1, 1, func() { k.by(Bearer, *first.Successor) })
		count("its second use", 1, 0, func() { k.by(Bearer, *first.Successor) })
		count("an unknown token", 1, 0, func() { k.renew(*first.Successor) })
	})
}

// A use that came in time gets no more than nothing where another overtook it,
// and ends nothing: its client has got the tokens by the other.
func TestAUseThatIsOvertakenEndsNothing(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.renewableAnn()
		read, release := k.holdReads()
		slow := make(chan *Opened)
		go func() {
			got, err := k.tryRenew(*o.Renewal)
			if err != nil {
				t.Errorf("Renew = %v", err)
			}
			slow <- got
		}()
		<-read
		k.people.with(func() { k.people.after = nil })
		first := k.renew(*o.Renewal)
		k.wantUser(k.by(Bearer, *first.Successor), "Ann")
		release()
		if got := <-slow; *got != (Opened{}) {
			t.Errorf("live %v; want nobody", got.Live())
		}
		k.wantUser(k.by(Bearer, *first.Successor), "Ann")
		k.wantUser(k.renew(*first.Renewal), "Ann")
		k.wantEvents(EventReuse, 0)
	})
}

// A confirmation that fails is not the request's, and is tried again.
func TestAConfirmationThatFails(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		o := k.renewableAnn()
		first := k.renew(*o.Renewal)
		store.before = func(int64) error { return errStore }
		k.wantUser(k.by(Bearer, *first.Successor), "Ann")
		store.before = nil
		k.wantSamePair(first, k.renew(*o.Renewal)) // nothing was noted
		k.wantUser(k.by(Bearer, *first.Successor), "Ann")
		k.wantUser(k.renew(*o.Renewal), "")
		k.wantEvents(EventReuse, 1)
	})
}

func TestARenewalTokenOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, grace := range map[string]time.Duration{"with grace": 5 * time.Second, "without": 0} {
		for n := int64(1); n <= 3; n++ {
			t.Run(fmt.Sprintf("%s, swap %d lost", name, n), func(t *testing.T) {
				t.Parallel()
				overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
					k.cache.rules.Grace = grace
					o := k.renewableAnn()
					at := store.swaps.Load() + n
					store.after = func(i int64) error {
						if i == at {
							return errStore
						}
						return nil
					}
					first := k.renew(*o.Renewal)
					k.wantUser(k.by(Bearer, *first.Successor), "Ann")
					second := k.renew(*first.Renewal)
					store.after = nil
					k.wantUser(k.by(Bearer, *second.Successor), "Ann")
					k.wantSessions("ann", o)
					k.wantEvents(EventRenewed, 2)
					k.wantEvents(EventReuse, 0)
				})
			})
		}
	}
}

// The swap lands unheard, another use is given the same pair and uses it, and
// only then is the outcome looked for.
func TestARenewalThatLandedUnheardAndWasUsedSince(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		o := k.renewableAnn()
		other := k.anotherNode(store)
		at := store.swaps.Load() + 1
		var meanwhile *Opened
		store.after = func(i int64) error {
			if i != at {
				return nil
			}
			meanwhile = other.renew(*o.Renewal)
			other.by(Bearer, *meanwhile.Successor)
			return errStore
		}
		k.wantSamePair(k.renew(*o.Renewal), meanwhile)
		k.wantEvents(EventRenewed, 1)
		k.wantEvents(EventReuse, 0)
	})
}

// Many clients renew, many use what they have got, and spinning writers change
// the account all the while: each chain goes on.
func TestManyRenewalsUnderSpinningWriters(t *testing.T) {
	t.Parallel()
	inRealTime(t, func(t *testing.T, k, other *kit) {
		k.cache.rules.Grace, other.cache.rules.Grace = time.Hour, time.Hour
		opened := make([]*Opened, 4)
		for i := range opened {
			opened[i] = k.renewableAnn()
		}
		stop := other.spin()
		var wg sync.WaitGroup
		for i := range opened {
			wg.Go(func() {
				for range 3 {
					token := *opened[i].Renewal
					a, b := other.renew(token), k.renew(token)
					k.wantSamePair(a, b)
					k.wantUser(k.by(Bearer, *a.Successor), "Ann")
					opened[i] = b
				}
			})
		}
		wg.Wait()
		stop()
		k.wantSessions("ann", k.renew(*opened[0].Renewal), opened[1], opened[2], opened[3])
		k.wantEvents(EventRenewed, 4*3+1)
	})
}

// A session that has ended already raises no alarm.
func TestAUsedRenewalTokenOfADeadSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(k *kit){
		"ended with all":    func(k *kit) { wantErr(k.t, "RevokeAll", k.cache.RevokeAll(k.t.Context(), 0), nil) },
		"at its end":        func(*kit) { time.Sleep(time.Hour) },
		"of nobody anymore": func(k *kit) { wantErr(k.t, "RevokeUser", k.cache.RevokeUser(k.t.Context(), "", "ann"), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				k.rememberAnn(Cookie) // keeps the record
				o, _, err := k.signIn(SignIn{UserKey: "ann", Transport: Bearer, Renewable: true, Lifetime: time.Hour})
				if err != nil {
					t.Fatal(err)
				}
				k.renew(*k.renew(*o.Renewal).Renewal)
				end(k)
				k.wantUser(k.renew(*o.Renewal), "")
				k.wantEvents(EventReuse, 0)
			})
		})
	}
}
