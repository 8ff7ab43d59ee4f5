package cache

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func (k *kit) inspect(key string) Inspection {
	k.t.Helper()
	in, err := k.cache.Inspect(k.t.Context(), k.cache.Account("", key))
	if err != nil {
		k.t.Fatalf("Inspect = %v", err)
	}
	return in
}

func TestInspectTellsOfTheCopy(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		if in := k.inspect("ann"); !reflect.DeepEqual(in, Inspection{Now: in.Now}) || in.Now == 0 {
			t.Errorf("an absent account is %+v; want an empty one, with the time", in)
		}
		k.signInAs("ann")
		k.fresh()
		readAt := k.record("ann").readAt
		time.Sleep(time.Minute)
		want := func(what string, cached, outdated bool) {
			t.Helper()
			in := k.inspect("ann")
			if in.Cached != cached || in.Outdated != outdated || cached && in.ReadAt != readAt || !cached && in.ReadAt != 0 {
				t.Errorf("%s: cached %v, outdated %v, read at %v; want %v, %v", what, in.Cached, in.Outdated, in.ReadAt, cached, outdated)
			}
		}
		want("after a sign-in", true, false)
		k.end(k.write())
		want("after a write of all users", true, true)
		k.end(k.write("ann"))
		want("after a write", false, false)
		k.wantReads(2)
	})
}

func TestInspectTellsWhoHoldsReadersOff(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.signInAs("ann")
		now := k.inspect("ann").Now
		mine := k.write("ann")
		time.Sleep(time.Second)
		all := k.write()
		time.Sleep(time.Second)
		k.write("ann") // nobody concludes it
		want := func(what string, writers, everybodys []Time) {
			t.Helper()
			if in := k.inspect("ann"); !slices.Equal(in.Writers, writers) || !slices.Equal(in.AllWriters, everybodys) {
				t.Errorf("%s: until %v, and for all until %v; want %v, %v", what, in.Writers, in.AllWriters, writers, everybodys)
			}
		}
		until := func(d time.Duration) Time { return now.Add(WriterDeadline + d) }
		want("three at once", []Time{until(0), until(2 * time.Second)}, []Time{until(time.Second)})
		k.end(mine)
		want("after one", []Time{until(2 * time.Second)}, []Time{until(time.Second)})
		time.Sleep(WriterDeadline - time.Second)
		want("after a deadline", []Time{until(2 * time.Second)}, nil)
		k.end(all)
		time.Sleep(time.Second)
		want("after the last deadline", nil, nil)
	})
}

func TestInspectTellsOfSessionsAndTheirTokens(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.signInAs("ann") // runs out
		time.Sleep(20 * time.Minute)
		sleeper := k.rememberAnn(Cookie)
		start := k.inspect("ann").Now
		o, _ := k.threeTokens("ann") // 15 minutes later
		if err := k.cache.SyncUser(t.Context(), "", "ann", BackgroundSync{Regenerate: true}); err != nil {
			t.Fatal(err)
		}
		other, _, err := k.signIn(SignIn{UserKey: "ann", Methods: []string{"password"}, Metadata: []Pair{{"agent", "Firefox"}}})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Minute)
		in := k.inspect("ann")
		if len(in.Sessions) != 3 {
			t.Fatalf("%d sessions; want the three that live", len(in.Sessions))
		}
		for i, want := range []struct {
			handle          Handle
			dormant, marked bool
			successor       Time
			grace           []Time
			retired         int
		}{
			{sleeper.Handle(), true, true, 0, nil, 0},
			{o.Handle(), false, true, 0, []Time{start.Add(time.Hour)}, 1},
			{other.Handle(), false, false, 0, nil, 0},
		} {
			s := in.Sessions[i]
			if s.Handle != want.handle || s.Dormant != want.dormant || s.Marked != want.marked ||
				s.Successor != want.successor || !slices.Equal(s.Grace, want.grace) || s.Retired != want.retired {
				t.Errorf("session %d is %+v; want %+v", i, s, want)
			}
		}
		infos, err := k.cache.Sessions(t.Context(), o.Account())
		if err != nil || len(infos) != 3 || !reflect.DeepEqual(infos[2], in.Sessions[2].Info) {
			t.Errorf("Sessions tell %+v, %v; want the same as Inspect", infos, err)
		}
		o = k.open(*o.Successor)
		if s := k.inspect("ann").Sessions[1]; s.Successor != in.Now || s.Marked || s.Renewed != in.Now.Std() {
			t.Errorf("after a renewal: %+v; want a successor of now, and the mark gone", s)
		}
		k.syncNow(o) // replaces both tokens
		time.Sleep(5 * time.Second)
		if s := k.inspect("ann").Sessions[1]; s.Retired != 4 || s.Grace != nil || s.Successor != 0 || s.Marked {
			t.Errorf("after a sync and its grace: %+v; want four retired tokens, and nothing else", s)
		}
	})
}

func TestInspectTellsWhenEveryonesSessionsEnded(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.signInAs("ann")
		if got := k.inspect("ann").RevokedBefore; got != 0 {
			t.Errorf("RevokedBefore = %v; want 0", got)
		}
		time.Sleep(time.Minute)
		k.revokeAll(0)
		in := k.inspect("ann")
		if in.RevokedBefore != in.Now+1 || len(in.Sessions) != 0 {
			t.Errorf("RevokedBefore = %v, %d sessions; want just after now and none", in.RevokedBefore, len(in.Sessions))
		}
		if in := k.inspect("bob"); in.RevokedBefore == 0 {
			t.Error("an account that is absent hides the moment")
		}
	})
}

// Whatever is printed of an inspection, no part of a token or of its hash is in
// it, nor the user.
func TestInspectTellsNoSecrets(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		k.people.write(person{Key: "ann", Name: "Annabel"})
		o, tokens := k.threeTokens("ann")
		k.signInAs("ann")
		time.Sleep(15 * time.Minute)
		tokens = append(tokens, *k.open(tokens[2]).Successor)
		in := k.inspect("ann")
		printed := fmt.Sprintf("%+v %#v", in, in)
		texts := NewTokens("app", Cookie, nil)
		salt := k.record("ann").sessions[0].pending.salt
		secrets := map[string][]byte{"the salt": salt[:]}
		for i, token := range append(tokens, *k.signInAs("ann").Successor, NewToken(o.Account())) {
			h := token.hash()
			secrets[fmt.Sprint("the hash of token ", i+1)] = h[:]
			secrets[fmt.Sprint("the secret of token ", i+1)] = token.secret[:]
			secrets[fmt.Sprint("the text of token ", i+1)] = []byte(texts.Format(token))
		}
		for name, secret := range secrets {
			for form, text := range map[string]string{
				"as it is": string(secret), "in hex": hex.EncodeToString(secret[:6]), "in HEX": strings.ToUpper(hex.EncodeToString(secret[:6])),
				"in base64": handleText.EncodeToString(secret[:6]), "as numbers": strings.Trim(fmt.Sprint(secret[:6]), "[]"),
				"as a literal": strings.Trim(fmt.Sprintf("%#v", secret[:6]), "[]byte{}"),
			} {
				if strings.Contains(printed, text) {
					t.Errorf("%s is printed %s", name, form)
				}
			}
		}
		if strings.Contains(printed, "Annabel") {
			t.Error("the user is printed")
		}
		if !strings.Contains(printed, o.Handle().String()) {
			t.Error("the handle is not printed, so that this test shows nothing")
		}
		if h := o.session.hash; bytes.Contains([]byte(printed), []byte(h.hint())) == (in.Sessions[0].Hint != h.hint()) {
			t.Error("the hint is not what stands for the token")
		}
	})
}

func TestInspectOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
		o := k.signInAs("ann")
		store.load = func(int64) error { return errStore }
		_, err := k.cache.Inspect(t.Context(), o.Account())
		wantErr(t, "Inspect", err, ErrUnavailable)
		store.load = nil
		closeAll(t, k.cache)
		_, err = k.cache.Inspect(t.Context(), o.Account())
		wantErr(t, "Inspect of a closed cache", err, ErrUnavailable)
	})
}

// listed returns the names of the users that are yielded, and the errors.
func (k *kit) listed(ctx context.Context, tenant string) (names []string, errs []error) {
	for user, err := range k.cache.Users(ctx, tenant) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		names = append(names, user.(person).Name)
	}
	slices.Sort(names)
	return names, errs
}

func TestUsersAreThoseWhoAreCached(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := setup(t, NewMemory(0))
		want := func(what, tenant string, want ...string) {
			t.Helper()
			if got, errs := k.listed(t.Context(), tenant); !slices.Equal(got, want) || errs != nil {
				t.Errorf("%s: %v, %v; want %v", what, got, errs, want)
			}
		}
		in := func(tenant string, keys ...string) {
			for _, key := range keys {
				o, _, err := k.signIn(SignIn{UserKey: key, Tenant: tenant})
				if err != nil {
					t.Fatal(err)
				}
				got := new(Opened)
				if err := k.cache.Open(t.Context(), &Opening{Transport: Cookie, Tenant: tenant, Token: *o.Successor}, got); err != nil {
					t.Fatal(err)
				}
			}
		}
		want("an empty store", "")
		k.signInAs("ann")
		want("before the user is read under a lease", "")
		in("", "ann", "bob")
		in("north", "bob")
		want("two of them", "", "Ann", "Bob")
		want("another tenant's", "north", "Bob")
		want("a tenant without users", "south")
		for _, err := range k.cache.Users(t.Context(), "") {
			wantErr(t, "Users", err, nil)
			break // and nothing goes on
		}
		k.write("bob")
		want("one that is being changed", "", "Ann")
		time.Sleep(10 * time.Minute) // old, which is not asked
		want("old ones", "", "Ann")
		k.end(k.write())
		want("when all are outdated", "")
		in("", "ann")
		want("one that was read since", "", "Ann")
		time.Sleep(30*time.Minute - 1)
		want("just before the account is over", "", "Ann")
		time.Sleep(time.Nanosecond)
		want("when it is over", "")
	})
}

func TestUsersEndWithOneError(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, row := range []struct {
		name   string
		store  Store
		ctx    context.Context
		closed bool
		want   error
	}{
		{"a store of bytes", byteStore{NewMemory(0)}, t.Context(), false, errors.ErrUnsupported},
		{"a caller who has gone", NewMemory(0), gone, false, ErrUnavailable},
		{"a caller who has gone, to the cause", NewMemory(0), gone, false, context.Canceled},
		{"a closed cache", NewMemory(0), t.Context(), true, ErrUnavailable},
		{"a closed cache over bytes", byteStore{NewMemory(0)}, t.Context(), true, ErrUnavailable},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := setup(t, row.store)
			k.open(*k.signInAs("ann").Successor)
			if row.closed {
				closeAll(t, k.cache)
			}
			names, errs := k.listed(row.ctx, "")
			if names != nil || len(errs) != 1 || !errors.Is(errs[0], row.want) {
				t.Errorf("users %v, errors %v; want none and one %v", names, errs, row.want)
			}
		})
	}
}
