package cache

import (
	"context"
	"testing"
	"testing/synctest"
)

func TestACloseRefusesLaterCalls(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.signInAs("ann").Successor)
		w, all := k.write("bob"), k.write()
		before := k.record("ann")
		for range 2 {
			if err := k.cache.Close(); err != nil {
				t.Fatalf("Close = %v", err)
			}
		}
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"Open":          func() error { _, err := k.tryOpen(o.token); return err },
			"SignIn":        func() error { _, _, err := k.signIn(SignIn{UserKey: "ann"}); return err },
			"Sync":          func() error { return k.cache.Sync(ctx, o, Sync{Grace: -1}) },
			"SyncUser":      func() error { return k.cache.SyncUser(ctx, "", "ann", BackgroundSync{Revoke: true}) },
			"EndSession":    func() error { return k.cache.EndSession(ctx, o.Account(), o.Handle()) },
			"Revoke":        func() error { return k.cache.Revoke(ctx, o, o.Handle()) },
			"RevokeSession": func() error { return k.cache.RevokeSession(ctx, "", "ann", o.Handle()) },
			"RevokeUser":    func() error { return k.cache.RevokeUser(ctx, "", "ann") },
			"Sessions":      func() error { _, err := k.cache.Sessions(ctx, o.Account()); return err },
			"Newest":        func() error { _, err := k.cache.Newest(ctx, &o.Access, true); return err },
			"Begin":         func() error { return k.cache.NewWrite("", "ann").Begin(ctx) },
			"Begin of all":  func() error { return k.cache.NewWrite("").Begin(ctx) },
			"End":           func() error { return w.End(ctx) },
			"End of all":    func() error { return all.End(ctx) },
		} {
			wantErr(t, name, call(), ErrUnavailable)
		}
		if !sameAccount(before, k.record("ann")) {
			t.Error("a call after Close changed the account")
		}
	})
}

func TestACloseWaitsForReads(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(k *kit, o *Opened) error{
		"of a miss": func(k *kit, o *Opened) error { _, err := k.tryOpen(o.token); return err },
		"of a refresh": func(k *kit, o *Opened) error {
			_, err := k.cache.Newest(k.t.Context(), &o.Access, false)
			return err
		},
		"during a write": func(k *kit, o *Opened) error { _, err := k.tryOpen(o.token); return err },
		"of a sign-in":   func(k *kit, _ *Opened) error { _, _, err := k.signIn(SignIn{UserKey: "bob"}); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o := k.signInAs("ann")
				if name == "during a write" {
					k.write("ann")
				}
				stale()
				read, release := k.holdReads()
				answered := make(chan error)
				go func() { answered <- begin(k, o) }()
				<-read
				closed := make(chan struct{})
				go func() {
					if err := k.cache.Close(); err != nil {
						t.Error(err)
					}
					close(closed)
				}()
				synctest.Wait()
				select {
				case <-closed:
					t.Error("Close did not wait for the read")
				default:
				}
				release()
				<-closed
				err := <-answered
				if name == "of a sign-in" {
					wantErr(t, "a sign-in that Close overtook", err, ErrUnavailable)
				} else if err != nil {
					t.Errorf("a read that had begun before Close = %v", err)
				}
			})
		})
	}
}

// The store is left as it is: the next cache finds the sessions there.
func TestTheStoreOutlivesTheCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &watchedStore{Store: NewMemory(0), t: t}
		k := setup(t, store)
		token := *k.signInAs("ann").Successor
		k.open(token)
		if err := k.cache.Close(); err != nil {
			t.Fatal(err)
		}
		next := k.anotherNode(store)
		reads := int(k.people.reads.Load())
		next.wantUser(next.open(token), "Ann")
		next.wantReads(reads)
	})
}

// A caller that has gone changes nothing more, and is told why.
func TestACallerWhoIsGoneChangesNothing(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.signInAs("ann").Successor)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, err := range map[string]error{
			"Sync":       k.cache.Sync(ctx, o, Sync{Grace: -1}),
			"RevokeUser": k.cache.RevokeUser(ctx, "", "ann"),
			"Begin":      k.cache.NewWrite("", "ann").Begin(ctx),
		} {
			wantErr(t, name, err, ErrUnavailable)
			wantErr(t, name, err, context.Canceled)
		}
		k.wantUser(k.open(o.token), "Ann")
	})
}

// A change that waits for its turn gives up with its caller.
func TestACallerWhoLeavesTheQueue(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		o := k.signInAs("ann")
		gate := make(chan struct{})
		store.before = func(int64) error { <-gate; return nil }
		slow := make(chan error)
		go func() { slow <- k.cache.SyncUser(context.Background(), "", "ann", BackgroundSync{}) }()
		synctest.Wait()
		ctx, leave := context.WithCancel(t.Context())
		left := make(chan error)
		go func() { left <- k.cache.EndSession(ctx, o.Account(), o.Handle()) }()
		synctest.Wait()
		leave()
		err := <-left
		wantErr(t, "EndSession", err, ErrUnavailable)
		wantErr(t, "EndSession", err, context.Canceled)
		close(gate)
		if err := <-slow; err != nil {
			t.Errorf("the change that was under way = %v", err)
		}
		k.signOut(o)
	})
}

type uncomparable struct {
	Store
	_ []int
}

type wrapper struct{ Store }

// A store that cannot be compared is one of its own; nobody panics over it.
func TestAStoreInsideAWrapperThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := setup(t, wrapper{uncomparable{Store: NewMemory(0)}})
		k.wantUser(k.open(*k.signInAs("ann").Successor), "Ann")
		if err := k.cache.Close(); err != nil {
			t.Error(err)
		}
	})
}
