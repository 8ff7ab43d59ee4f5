package cache

import (
	"testing"
	"time"
)

func TestWhatMayBeShownOfASession(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		begin := time.Now().UTC()
		o := k.signInAs("ann")
		first, ok := o.Info(k.cache.Rules())
		if !ok || first.Handle != o.Handle() || first.Transport != Cookie || first.Metadata != nil {
			t.Errorf("info = %+v, %v", first, ok)
		}
		for what, got := range map[string]time.Time{"created": first.Created, "renewed": first.Renewed, "signed in": first.SignedIn} {
			if !got.Equal(begin) {
				t.Errorf("%s at %v; want %v", what, got, begin)
			}
		}
		if want := begin.Add(30 * time.Minute); !first.Expires.Equal(want) {
			t.Errorf("expires at %v; want %v", first.Expires, want)
		}
		// A successor counts from when this request hands it out.
		time.Sleep(15 * time.Minute)
		renewed, _ := k.open(*o.Successor).Info(k.cache.Rules())
		if renewed.Hint == first.Hint || len(renewed.Hint) != len(first.Hint) || renewed.Hint == "" {
			t.Errorf("hint = %q, was %q; want another one", renewed.Hint, first.Hint)
		}
		if renewed.Handle != first.Handle || !renewed.Created.Equal(begin) || !renewed.SignedIn.Equal(begin) {
			t.Error("the session's name, birth or sign-in moved")
		}
		if want := begin.Add(15 * time.Minute); !renewed.Renewed.Equal(want) {
			t.Errorf("renewed at %v; want %v", renewed.Renewed, want)
		}
		if want := begin.Add(45 * time.Minute); !renewed.Expires.Equal(want) {
			t.Errorf("expires at %v; want %v", renewed.Expires, want)
		}
		// The list says the same of it.
		infos, err := k.cache.Sessions(t.Context(), o.Account())
		if err != nil || len(infos) != 1 || infos[0].Hint != renewed.Hint || !infos[0].Expires.Equal(renewed.Expires) {
			t.Errorf("Sessions = %+v, %v", infos, err)
		}
	})
}

// Store, Codec, Active and Event may be left out.
func TestTheSmallestConfig(t *testing.T) {
	t.Parallel()
	k := setup(t, nil, func(cfg *Config) { cfg.Codec, cfg.Active, cfg.Event = nil, nil, nil })
	k.people.write(person{Key: "ann", Name: "Ann", Locked: true})
	k.wantUser(k.open(*k.signInAs("ann").Successor), "Ann")
}

func TestNobodysAccess(t *testing.T) {
	t.Parallel()
	var x Access
	r := testRules()
	if _, ok := x.Info(&r); ok || x.Live() || x.InGrace() || x.UserKey() != "" || x.Handle() != (Handle{}) || x.Account() != (AccountID{}) {
		t.Error("the zero Access is somebody's")
	}
}

// A request in grace, and one whose token is long dead, do not hand out what
// they have as the newest.
func TestIsNewest(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.signInAs("ann").Successor)
		first := o.token
		newest := func(what string, token Token, want bool) {
			t.Helper()
			if got := k.cache.IsNewest(&token); got != want {
				t.Errorf("%s is the newest: %v; want %v", what, got, want)
			}
		}
		newest("the only token", first, true)
		k.syncNow(o)
		newest("a token in grace", first, false)
		newest("its successor", *o.Successor, true)
		second := *o.Successor
		time.Sleep(15 * time.Minute)
		third := *k.open(second).Successor
		newest("a pending token", third, true)
		newest("a token that has a successor", second, false)
		k.signOut(o)
		newest("a token of no session", third, false)
	})
}

func TestTheAgeOfACopy(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		o := k.open(token)
		if got := k.cache.Age(o.ReadAt); got != 0 {
			t.Errorf("a copy just read is %v old", got)
		}
		time.Sleep(40 * time.Second)
		again := k.open(token)
		if again.ReadAt != o.ReadAt || k.cache.Age(again.ReadAt) != 40*time.Second {
			t.Errorf("a cached copy is %v old; want 40s", k.cache.Age(again.ReadAt))
		}
		if got := k.cache.Age(o.ReadAt.Add(time.Hour)); got != 0 {
			t.Errorf("a copy of the future is %v old; want 0s", got)
		}
	})
}

func TestTimesComeBackAsTheyWent(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 2, 3, 4, 5, 6, 7, time.FixedZone("here", 3600))
	if got := TimeOf(now).Std(); !got.Equal(now) || got.Location() != time.UTC {
		t.Errorf("TimeOf(%v).Std() = %v", now, got)
	}
	if got := TimeOf(time.Time{}); got != 0 || !Time(0).Std().IsZero() {
		t.Errorf("the zero time is %v and comes back as %v", got, Time(0).Std())
	}
	if a, b := TimeOf(now), TimeOf(now.Add(time.Second)); b.Sub(a) != time.Second || a.Add(time.Second) != b {
		t.Error("Add and Sub disagree with time.Time")
	}
}

// Different spaces have different names, whatever stands in them, and users of
// different spaces or tenants different accounts.
func TestSpacesNeverMeet(t *testing.T) {
	t.Parallel()
	names := map[string]Space{}
	ids := map[AccountID]string{}
	parts := []string{"", "a", "ab", "b", "/", "a/b", "%2F", "{a}", "%", "1", "23", "12", "3"}
	for _, ns := range parts {
		for _, table := range parts {
			for _, typ := range parts {
				s := Space{ns, table, typ}
				if other, taken := names[s.Name()]; taken {
					t.Errorf("%q and %q are both named %s", s, other, s.Name())
				}
				names[s.Name()] = s
			}
			for _, key := range parts {
				for _, tenant := range parts[:6] {
					what := Space{ns, "t", table}.Name() + "|" + tenant + "|" + key
					id := Space{ns, "t", table}.account(tenant, key)
					if other, taken := ids[id]; taken {
						t.Errorf("%s and %s are one account", what, other)
					}
					ids[id] = what
				}
			}
		}
	}
}

// Errors that callers act on are told apart, and those that mean "could not
// tell" are all ErrUnavailable.
func TestErrors(t *testing.T) {
	t.Parallel()
	for _, err := range []error{ErrBusy, ErrFull, ErrWrongUser} {
		wantErr(t, "errors.Is", err, ErrUnavailable)
		if err.Error() == "" || err.Error() == ErrUnavailable.Error() {
			t.Errorf("%T says nothing of its own", err)
		}
	}
	wantErr(t, "a wrapped error", unavailable("read", errTable), ErrUnavailable)
	wantErr(t, "a wrapped error", unavailable("read", errTable), errTable)
	if err := unavailable("read", ErrBusy); err != ErrBusy { //nolint:errorlint // the very error is wanted, not one around it
		t.Errorf("unavailable(ErrBusy) = %v; want it as it is", err)
	}
}
