package cache

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// A swap whose outcome is not known, because the connection was lost after it,
// is decided again on what is there by then. These tests lose the connection
// after the n-th swap of an operation, for every n, and after each of its
// loads, and find it done once.

// unknown runs do, once for each swap and load that it makes, with that one
// lost; check looks at what is there afterwards.
func unknown(t *testing.T, do func(k *kit, o *Opened) error, check func(k *kit, o *Opened)) {
	t.Helper()
	for _, begin := range []struct {
		name string
		wait time.Duration
	}{{"at once", 0}, {"after the cached copy grew old", 2 * time.Minute}, {"after RenewAfter", 16 * time.Minute}} {
		for n := int64(1); n <= 4; n++ {
			t.Run(fmt.Sprintf("%s, swap %d lost", begin.name, n), func(t *testing.T) {
				t.Parallel()
				overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
					o := k.signInAs("ann")
					time.Sleep(begin.wait)
					at := store.swaps.Load() + n
					store.after = func(i int64) error {
						if i == at {
							return errStore
						}
						return nil
					}
					if err := do(k, o); err != nil {
						t.Fatalf("the operation = %v", err)
					}
					store.after = nil
					check(k, o)
				})
			})
		}
	}
}

func TestARenewalOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	unknown(t, func(k *kit, o *Opened) error {
		seen, err := k.tryOpen(*o.Successor)
		if err != nil {
			return err
		}
		k.wantUser(seen, "Ann")
		if seen.Successor == nil {
			return nil
		}
		confirmed, err := k.tryOpen(*seen.Successor)
		if err == nil {
			k.wantUser(confirmed, "Ann")
			*o = *confirmed
			o.Successor = seen.Successor
		}
		return err
	}, func(k *kit, o *Opened) {
		k.wantUser(k.open(*o.Successor), "Ann")
		k.wantSessions("ann", o)
		if s := k.record("ann").sessions[0]; len(s.retired) > 1 || s.pending != nil {
			k.t.Errorf("%d retired tokens, pending %v; want the renewal done once", len(s.retired), s.pending != nil)
		}
	})
}

func TestASyncOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	unknown(t, func(k *kit, o *Opened) error {
		k.people.write(person{Key: "ann", Name: "Anna"})
		return k.cache.Sync(k.t.Context(), o, Sync{Grace: -1, EndOthers: true})
	}, func(k *kit, o *Opened) {
		k.wantUser(o, "Anna")
		k.wantUser(k.open(*o.Successor), "Anna")
		k.wantSessions("ann", o)
		if s := k.record("ann").sessions[0]; len(s.retired) != 1 {
			k.t.Errorf("%d retired tokens; want the one that was replaced", len(s.retired))
		}
	})
}

func TestASignInOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	unknown(t, func(k *kit, o *Opened) error {
		fresh, ended, err := k.signIn(SignIn{UserKey: "bob", Carried: &o.Access})
		if err == nil && !ended {
			err = errors.New("the carried session is not reported to be ended")
		}
		*o = *fresh
		return err
	}, func(k *kit, o *Opened) {
		k.wantUser(k.open(*o.Successor), "Bob")
		k.wantSessions("bob", o)
		k.wantSessions("ann")
		k.wantEvents(EventSignedIn, 2)
	})
}

func TestASignInOfTheSameUserOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	unknown(t, func(k *kit, o *Opened) error {
		fresh, _, err := k.signIn(SignIn{UserKey: "ann", Carried: &o.Access})
		*o = *fresh
		return err
	}, func(k *kit, o *Opened) {
		k.wantUser(k.open(*o.Successor), "Ann")
		k.wantSessions("ann", o)
	})
}

// The very first sign-in of all makes the epoch too.
func TestTheFirstSignInOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for n := int64(1); n <= 3; n++ {
		t.Run(fmt.Sprintf("swap %d lost", n), func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
				store.after = func(i int64) error {
					if i == n {
						return errStore
					}
					return nil
				}
				o := k.signInAs("ann")
				store.after = nil
				k.wantUser(k.open(*o.Successor), "Ann")
				k.wantSessions("ann", o)
			})
		})
	}
}

func TestTheEndOfASessionOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(k *kit, o *Opened) error{
		"sign-out":   func(k *kit, o *Opened) error { return k.cache.EndSession(k.t.Context(), o.Account(), o.Handle()) },
		"revoke own": func(k *kit, o *Opened) error { return k.cache.Revoke(k.t.Context(), o, o.Handle()) },
		"revoke by another": func(k *kit, o *Opened) error {
			return k.cache.Revoke(k.t.Context(), k.signInAs("ann"), o.Handle())
		},
		"revoke by id":   func(k *kit, o *Opened) error { return k.cache.RevokeSession(k.t.Context(), "", "ann", o.Handle()) },
		"revoke of user": func(k *kit, _ *Opened) error { return k.cache.RevokeUser(k.t.Context(), "", "ann") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			unknown(t, end, func(k *kit, o *Opened) {
				k.wantUser(k.open(*o.Successor), "")
				if name == "sign-out" {
					k.wantEvents(EventSignedOut, 1)
				} else {
					k.wantEvents(EventRevoked, 1)
				}
			})
		})
	}
}

func TestAWriteOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			unknown(t, func(k *kit, _ *Opened) error {
				w := k.cache.NewWrite("", way.keys...)
				if err := w.Begin(k.t.Context()); err != nil {
					return err
				}
				k.people.write(person{Key: "ann", Name: "Anna"})
				return w.End(k.t.Context())
			}, func(k *kit, o *Opened) {
				k.wantUser(k.open(*o.Successor), "Anna")
				k.open(*o.Successor)
				if a := k.record("ann"); len(a.writers) != 0 || a.user == nil {
					k.t.Errorf("writers %v, user %v; want none in flight and the user cached", a.writers, a.user)
				}
			})
		})
	}
}

// A store that fails again and again is asked three times, and then the
// outcome is an error.
func TestAStoreThatFailsForGood(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		o := k.signInAs("ann")
		k.open(*o.Successor)
		store.before = func(int64) error { return errStore }
		swaps := store.swaps.Load()
		err := k.cache.Sync(t.Context(), o, Sync{Grace: -1})
		wantErr(t, "Sync", err, ErrUnavailable)
		wantErr(t, "Sync", err, errStore)
		if n := store.swaps.Load() - swaps; n != 1+maxRetries {
			t.Errorf("%d swaps were tried; want %d", n, 1+maxRetries)
		}
		// Nor is it asked again for a caller who has gone.
		gone, cancel := context.WithCancel(t.Context())
		store.before = func(int64) error { cancel(); return errStore }
		swaps = store.swaps.Load()
		wantErr(t, "RevokeUser", k.cache.RevokeUser(gone, "", "ann"), errStore)
		if n := store.swaps.Load() - swaps; n != 1 {
			t.Errorf("%d swaps were tried for a caller who has gone; want 1", n)
		}
		store.before = func(int64) error { return errStore }
		store.load = func(int64) error { return errStore }
		_, err = k.tryOpen(*o.Successor)
		wantErr(t, "Open", err, ErrUnavailable)
		_, _, err = k.signIn(SignIn{UserKey: "ann"})
		wantErr(t, "SignIn", err, ErrUnavailable)
		wantErr(t, "RevokeUser", k.cache.RevokeUser(t.Context(), "", "ann"), ErrUnavailable)
		_, err = k.cache.Sessions(t.Context(), o.Account())
		wantErr(t, "Sessions", err, ErrUnavailable)
		_, err = k.cache.Newest(t.Context(), &o.Access, true)
		wantErr(t, "Newest", err, ErrUnavailable)
		if !k.cache.IsNewest(o.Successor) {
			t.Error("IsNewest = false; want true, since nothing newer is known")
		}
		store.before, store.load = nil, nil
		k.wantUser(k.open(*o.Successor), "Ann")
	})
}

// A lease never returns, nor does the epoch's stamp. Were a change that landed
// unseen made again with the lease it had, a read that began under it would
// fill the cache, whatever was written since.
func TestAChangeMadeAgainHasAnotherLease(t *testing.T) {
	t.Parallel()
	const signIn = "sign-in that makes an account"
	for name, change := range map[string]func(k *kit, o *Opened) error{
		"sync": func(k *kit, o *Opened) error { return k.cache.Sync(k.t.Context(), o, Sync{Grace: -1, Keep: true}) },
		"sync from the background": func(k *kit, _ *Opened) error {
			return k.cache.SyncUser(k.t.Context(), "", "bob", BackgroundSync{})
		},
		"end of a write":              func(k *kit, _ *Opened) error { return k.cache.NewWrite("", "bob").End(k.t.Context()) },
		"end of a write of all users": func(k *kit, _ *Opened) error { return k.cache.NewWrite("").End(k.t.Context()) },
		"refresh that drops the copy": func(k *kit, o *Opened) error { return k.cache.drop(k.t.Context(), o.Account()) },
		signIn: func(k *kit, o *Opened) error {
			fresh, _, err := k.signIn(SignIn{UserKey: "bob"})
			*o = *fresh
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
				o := k.open(*k.signInAs("bob").Successor)
				token, other := o.token, k.anotherNode(store)
				slowly := func() error { _, err := other.tryOpen(token); return err }
				if name == signIn {
					k.signOut(o)
					slowly = func() error { _, _, err := other.signIn(SignIn{UserKey: "bob"}); return err }
				}
				answered := make(chan error)
				at := store.landed.Load() + 1
				var release func()
				store.after = func(int64) error {
					if release != nil || store.landed.Load() != at {
						return nil
					}
					// The change has landed, and its caller does not know. Somebody
					// begins to read under its lease; then the row is written.
					var read <-chan struct{}
					read, release = k.holdReads()
					go func() { answered <- slowly() }()
					<-read
					k.people.with(func() { k.people.after = nil })
					ways := [][]string{{"bob"}, nil} // bob's lease and everyone's stamp move on
					for _, keys := range ways {
						w := other.write(keys...)
						k.people.write(person{Key: "bob", Name: "Bobby"})
						other.end(w)
					}
					if name == signIn {
						if err := other.cache.RevokeUser(t.Context(), "", "bob"); err != nil {
							t.Error(err)
						}
					}
					return errStore
				}
				if err := change(k, o); err != nil {
					t.Fatal(err)
				}
				release()
				if err := <-answered; err != nil {
					t.Error(err)
				}
				if name == signIn {
					token = *o.Successor
				}
				k.wantUser(k.open(token), "Bobby")
			})
		})
	}
}
