package cache

import (
	"context"
	"testing"
	"time"
)

func (k *kit) revokeAll(before Time) {
	k.t.Helper()
	if err := k.cache.RevokeAll(k.t.Context(), before); err != nil {
		k.t.Fatalf("RevokeAll = %v", err)
	}
}

// revokedBefore returns the moment that the epoch beside this user's account
// holds.
func (k *kit) revokedBefore(key string) Time {
	k.t.Helper()
	v, err := k.cache.backend.load(k.t.Context(), k.cache.Account("", key))
	if err != nil || v.epoch == nil {
		k.t.Fatalf("load the epoch: %v, %v", v.epoch, err)
	}
	return v.epoch.revokedBefore
}

func TestRevokeAllEndsWhatWasSignedInBefore(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		before func(first Time) Time // ann signed in at first, bob ten minutes later
		ann    string
		bob    string
	}{
		{"zero is now", func(Time) Time { return 0 }, "", ""},
		{"a moment to come is now", func(first Time) Time { return first.Add(time.Hour) }, "", ""},
		{"between the sign-ins", func(first Time) Time { return first.Add(5 * time.Minute) }, "", "Bob"},
		{"the moment of a sign-in", func(first Time) Time { return first.Add(10 * time.Minute) }, "", "Bob"},
		{"right after it", func(first Time) Time { return first.Add(10*time.Minute + 1) }, "", ""},
		{"the first sign-in's moment", func(first Time) Time { return first }, "Ann", "Bob"},
		{"long ago", func(Time) Time { return 1 }, "Ann", "Bob"},
		{"before the clock's zero", func(Time) Time { return -1 }, "Ann", "Bob"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				ann := k.signInAs("ann")
				first := ann.session.signedIn
				time.Sleep(10 * time.Minute)
				bob := k.signInAs("bob")
				time.Sleep(time.Minute)
				k.revokeAll(row.before(first))
				k.wantUser(k.open(*ann.Successor), row.ann)
				k.wantUser(k.open(*bob.Successor), row.bob)
				time.Sleep(time.Nanosecond)
				k.wantUser(k.open(*k.signInAs("ann").Successor), "Ann")
				if got := k.events.named(EventRevoked); len(got) != 1 || got[0] != (Event{Name: EventRevoked}) {
					t.Errorf("events: %v; want one that names nobody", got)
				}
				k.wantEvents(EventExpired, 0)
			})
		})
	}
}

// However young its token, whatever its transport, awake or asleep.
func TestRevokeAllEndsEveryKindOfSession(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		sleeper := k.rememberAnn(Cookie)
		time.Sleep(20 * time.Minute)
		o, tokens := k.threeTokens("ann")
		k.syncNow(o)
		tokens = append(tokens, *o.Successor)
		type sent struct {
			in    Transport
			token Token
		}
		all := []sent{{Cookie, *sleeper.Successor}}
		for _, token := range tokens {
			all = append(all, sent{Cookie, token})
		}
		for _, in := range []Transport{InSession, Bearer} {
			all = append(all, sent{in, *k.rememberAnn(in).Successor})
		}
		time.Sleep(time.Nanosecond)
		k.revokeAll(0)
		for i, s := range all {
			if o := k.by(s.in, s.token); o.Live() || o.User != nil {
				t.Errorf("token %d of %d, transport %v, still works", i+1, len(all), s.in)
			}
		}
		k.wantSessions("ann")
		k.wantEvents(EventReuse, 0)
	})
}

func TestRevokeAllNeverMovesBack(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.signInAs("ann")
		time.Sleep(2 * time.Minute)
		k.revokeAll(o.session.signedIn.Add(time.Minute))
		at := k.revokedBefore("ann")
		for _, before := range []Time{1, o.session.signedIn, at} {
			k.revokeAll(before)
			if got := k.revokedBefore("ann"); got != at {
				t.Errorf("the moment moved by %v; want it where it was", got.Sub(at))
			}
		}
		k.wantUser(k.open(*o.Successor), "")
		k.end(k.write())
		if got := k.revokedBefore("ann"); got != at {
			t.Errorf("a write of all users moved the moment by %v", got.Sub(at))
		}
		k.revokeAll(0)
		if got := k.revokedBefore("ann"); got != at.Add(time.Minute)+1 {
			t.Errorf("the moment is %v after the last one; want just over a minute", got.Sub(at))
		}
	})
}

// It says nothing about users, so that the database is not asked for all of
// them at once.
func TestRevokeAllLeavesCachedUsers(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		before := k.record("ann")
		time.Sleep(time.Second)
		k.revokeAll(before.sessions[0].signedIn)
		reads := int(k.people.reads.Load())
		k.wantUser(k.open(token), "Ann")
		k.wantReads(reads)
		if !sameAccount(before, k.record("ann")) {
			t.Error("an account was changed")
		}
	})
}

// The moment is kept for as long as any session may live that it ended.
func TestRevokeAllHoldsForTheLongestLife(t *testing.T) {
	t.Parallel()
	for name, absolute := range map[string]time.Duration{"as asked for": 24 * time.Hour, "as usual": MaxLifetime + 24*time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o, _, err := k.signIn(SignIn{UserKey: "ann", Remember: true, Lifetime: max(absolute, MaxLifetime)})
				if err != nil {
					t.Fatal(err)
				}
				life := o.session.ends.Sub(o.session.signedIn)
				time.Sleep(time.Nanosecond)
				k.revokeAll(0)
				time.Sleep(life - 2)
				if got := k.record("ann"); got == nil || len(got.sessions) != 1 {
					t.Fatalf("record: %v; want the session to be there, so that the epoch alone ends it", got)
				}
				k.wantUser(k.open(*o.Successor), "")
			}, rules(func(r *Rules) { r.AbsoluteTimeout = absolute }))
		})
	}
}

func TestRevokeAllReachesEveryShard(t *testing.T) {
	t.Parallel()
	overShards(t, func(t *testing.T, k *kit, store shardedStore, tokens []Token) {
		time.Sleep(time.Minute)
		first := store.swaps.Load() + 1
		store.before = func(n int64) error {
			if n > first {
				return errStore
			}
			time.Sleep(time.Minute)
			return nil
		}
		wantErr(t, "RevokeAll that one shard does not hear of", k.cache.RevokeAll(t.Context(), 0), errStore)
		k.wantEvents(EventRevoked, 0)
		store.before = func(int64) error { time.Sleep(time.Second); return nil }
		k.revokeAll(0)
		for _, token := range tokens {
			k.wantUser(k.open(token), "")
		}
		// However long it takes to tell all shards, they are told one moment.
		moments := make(map[Time]bool)
		for i := range k.cache.backend.epochs() {
			v, err := k.cache.backend.loadEpoch(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			moments[v.epoch.revokedBefore] = true
		}
		if len(moments) != 1 {
			t.Errorf("the shards hold %d moments; want one", len(moments))
		}
		store.before = nil
		k.wantUser(k.open(*k.signInAs("bob").Successor), "Bob")
	})
}

// One that landed unheard is not done again for those who signed in since.
func TestRevokeAllOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		ann := k.signInAs("ann")
		other := k.anotherNode(store)
		var bob *Opened
		time.Sleep(time.Minute)
		store.after = func(int64) error {
			if bob != nil {
				return nil
			}
			time.Sleep(time.Second)
			bob = other.signInAs("bob")
			return errStore
		}
		k.revokeAll(0)
		k.wantUser(k.open(*ann.Successor), "")
		k.wantUser(k.open(*bob.Successor), "Bob")
		k.wantEvents(EventRevoked, 1)
	})
}

func TestRevokeAllThatFails(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		o := k.signInAs("ann")
		time.Sleep(time.Minute)
		store.before = func(int64) error { return errStore }
		wantErr(t, "RevokeAll", k.cache.RevokeAll(t.Context(), 0), ErrUnavailable)
		store.before, store.load = nil, func(int64) error { return errStore }
		wantErr(t, "RevokeAll", k.cache.RevokeAll(t.Context(), 0), ErrUnavailable)
		store.load = nil
		k.wantUser(k.open(*o.Successor), "Ann")
		k.wantEvents(EventRevoked, 0)
		if err := k.cache.Close(); err != nil {
			t.Fatal(err)
		}
		wantErr(t, "RevokeAll of a closed cache", k.cache.RevokeAll(t.Context(), 0), ErrUnavailable)
	})
}

// Nothing that was under way brings a session back that RevokeAll has ended: a
// request that had begun may finish, and the next one is nobody's.
func TestRevokeAllIsFinal(t *testing.T) {
	t.Parallel()
	opens := func(k *kit, o *Opened) (*Opened, error) { return o, reopen(k, o) }
	for _, row := range []struct {
		name  string
		sleep time.Duration
		hands bool // out a successor, before it is ended
		slow  func(k *kit, o *Opened) (*Opened, error)
	}{
		{"against a fill", 2 * time.Minute, false, opens},
		{"against a renewal that reads", 16 * time.Minute, false, opens},
		{"against a confirmation that reads", 16 * time.Minute, true, opens},
		{"against the waking of a session", 40 * time.Minute, false, opens},
		{"against the late use of a successor", 50 * time.Minute, true, opens},
		{"against a reload", 0, false, func(k *kit, o *Opened) (*Opened, error) {
			_, err := k.cache.Newest(context.Background(), &o.Access, true)
			return o, err
		}},
		{"against a sync", 0, false, func(k *kit, o *Opened) (*Opened, error) {
			return o, k.cache.Sync(context.Background(), o, Sync{Grace: time.Minute})
		}},
		{"against a sync from the background", 0, false, func(k *kit, o *Opened) (*Opened, error) {
			err := k.cache.SyncUser(context.Background(), "", "ann", BackgroundSync{Regenerate: true})
			return o, errOr(err, reopen(k, o))
		}},
		{"against a sign-in", 0, false, func(k *kit, _ *Opened) (*Opened, error) {
			o, _, err := k.signIn(SignIn{UserKey: "ann"})
			return o, err
		}},
		{"against a sign-in that takes a session's place", 0, false, func(k *kit, o *Opened) (*Opened, error) {
			o, _, err := k.signIn(SignIn{UserKey: "ann", Carried: &o.Access})
			return o, err
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				token := *k.rememberAnn(Cookie).Successor
				if row.hands {
					time.Sleep(15 * time.Minute)
					token = *k.open(token).Successor
				}
				time.Sleep(row.sleep)
				o := k.peek(token)
				read, release := k.holdReads()
				done := make(chan error, 1)
				go func() {
					var err error
					o, err = row.slow(k, o)
					done <- err
				}()
				<-read
				k.people.with(func() { k.people.after = nil })
				time.Sleep(time.Nanosecond)
				k.revokeAll(0)
				release()
				if err := <-done; err != nil {
					t.Errorf("the request under way = %v", err)
				}
				for _, dead := range append(k.made(o), token) {
					if k.open(dead).Live() {
						t.Error("a token of the session works again")
					}
				}
				k.wantSessions("ann")
			})
		})
	}
}

func errOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// What begins after it finds the session gone.
func TestAfterRevokeAllAnOldRequestChangesNothing(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		one, two := k.signInAs("ann"), k.signInAs("ann")
		time.Sleep(time.Second)
		k.revokeAll(0)
		wantErr(t, "Revoke", k.cache.Revoke(t.Context(), one, two.Handle()), ErrNoSession)
		wantErr(t, "Revoke of all others", k.cache.Revoke(t.Context(), one, Handle{}), ErrNoSession)
		wantErr(t, "RevokeSession", k.cache.RevokeSession(t.Context(), "", "ann", two.Handle()), ErrNoSession)
		k.signOut(one)
		k.wantEvents(EventSignedOut, 0)
		k.wantEvents(EventExpired, 0)
		three := k.signInAs("ann")
		k.wantSessions("ann", three)
		if got := len(k.record("ann").sessions); got != 1 {
			t.Errorf("the record holds %d sessions; want the new one, and room for it", got)
		}
	}, rules(func(r *Rules) { r.MaxSessions, r.DenyAtMax = 2, true }))
}
