package cache

import (
	"testing"
	"time"
)

// A copy too old is served where the source of users fails, and only there.
func TestACopyTooOldIsServedWhereNoReadIsPossible(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		k.fresh()
		readAt := k.record("ann").readAt
		time.Sleep(5 * time.Minute)
		k.people.with(func() { k.people.fail = errTable })
		for _, row := range []struct {
			maxAge time.Duration
			want   bool
		}{{5*time.Minute - 1, false}, {5 * time.Minute, true}, {time.Hour, true}, {0, false}, {-1, false}} {
			o, err := k.tryOpen(token)
			if got := k.cache.Stale(o, err, row.maxAge); got != row.want {
				t.Errorf("Stale of at most %v = %v; want %v", row.maxAge, got, row.want)
			}
			if !row.want {
				if o.User != nil || o.From != FromNowhere {
					t.Errorf("the request has user %v from %v; want none", o.User, o.From)
				}
				continue
			}
			k.wantUser(o, "Ann")
			if o.From != FromStale || o.ReadAt != readAt {
				t.Errorf("from %v, read at %v; want a stale copy of %v", o.From, o.ReadAt, readAt)
			}
		}
		// A reload that fails may be answered with the copy as well.
		o := k.peek(token)
		_, err := k.cache.Newest(t.Context(), &o.Access, false)
		if !k.cache.Stale(o, err, time.Hour) {
			t.Error("Stale = false after a reload that failed; want true")
		}
	})
}

func TestWhatIsNotServedThoughNoReadIsPossible(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		spoil func(k *kit, o *Opened)
	}{
		{"a copy that was dropped", func(k *kit, _ *Opened) {
			wantErr(k.t, "SyncUser", k.cache.SyncUser(k.t.Context(), "", "ann", BackgroundSync{}), nil)
		}},
		{"a copy whose user is being changed", func(k *kit, _ *Opened) { k.write("ann") }},
		{"a copy that is outdated", func(k *kit, _ *Opened) { k.end(k.write()) }},
		{"a copy while all users are being changed", func(k *kit, _ *Opened) { k.write() }},
		{"a copy that says inactive", func(k *kit, _ *Opened) { k.cache.active = func(any) bool { return false } }},
		{"a session that has ended", func(k *kit, o *Opened) { k.signOut(o) }},
		{"a session of those that all ended", func(k *kit, _ *Opened) { k.revokeAll(0) }},
		{"a session that slept", func(k *kit, _ *Opened) { time.Sleep(time.Hour) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				session := k.rememberAnn(Cookie)
				k.fresh()
				stale()
				k.people.with(func() { k.people.fail = errTable })
				row.spoil(k, session)
				o, err := k.tryOpen(*session.Successor)
				if o.Live() == (err == nil) {
					t.Fatalf("Open = %v, live %v; want an error for a session that lives", err, o.Live())
				}
				if k.cache.Stale(o, err, MaxLifetime) || o.User != nil {
					t.Errorf("served %v; want nobody", o.User)
				}
				if err == nil && k.cache.Stale(o, sourceError{errTable}, MaxLifetime) {
					t.Error("served to nobody's request")
				}
				if n := k.cache.Stats().Stale; n != 0 {
					t.Errorf("%d are counted as served; want 0", n)
				}
			})
		})
	}
}

// Where the store fails nobody knows whether the session still lives, nor is a
// copy for one whose row was another user's.
func TestNoCopyIsServedForOtherFailures(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		token := *k.signInAs("ann").Successor
		k.fresh()
		stale()
		loads := store.loads.Load()
		for _, row := range []struct {
			name string
			fail func(n int64) error
		}{
			{"a store that is down", func(int64) error { return errStore }},
			{"a store that goes down before the reload", func(n int64) error {
				if n > loads+1 {
					return errStore
				}
				return nil
			}},
		} {
			store.load = row.fail
			loads = store.loads.Load()
			o, err := k.tryOpen(token)
			if err == nil {
				_, err = k.cache.Newest(t.Context(), &o.Access, true)
				o.User = nil
			}
			wantErr(t, row.name, err, errStore)
			if k.cache.Stale(o, err, time.Hour) || o.User != nil {
				t.Errorf("%s: a copy is served", row.name)
			}
		}
		store.load = nil
		stale()
		k.people.with(func() {
			k.people.alter = func(person, bool) (person, bool) { return person{Key: "bob", Name: "Bob"}, true }
		})
		o, err := k.tryOpen(token)
		wantErr(t, "Open", err, ErrWrongUser)
		if k.cache.Stale(o, err, time.Hour) {
			t.Error("a copy is served for a row of another user")
		}
		if k.cache.Stale(o, nil, time.Hour) {
			t.Error("a copy is served without a failure")
		}
	})
}

// Where the user came from is told of every request.
func TestWhereAUserCameFrom(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		want := func(what string, o *Opened, from Origin) {
			t.Helper()
			if o.From != from {
				t.Errorf("%s: from %v; want %v", what, o.From, from)
			}
		}
		o := k.signInAs("ann")
		want("a sign-in", o, FromDatabase)
		k.fresh()
		token := *o.Successor
		want("a hit", k.open(token), FromCache)
		stale()
		want("a miss", k.open(token), FromDatabase)
		want("nobody's", k.open(NewToken(o.Account())), FromNowhere)
		o = k.open(token)
		k.syncNow(o)
		want("a sync", o, FromDatabase)
		k.people.with(func() { k.people.fail = errTable })
		wantErr(t, "Sync", k.cache.Sync(t.Context(), o, Sync{Grace: -1}), errTable)
		want("a sync that cannot read", o, FromNowhere)
	})
}
