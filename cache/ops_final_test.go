package cache

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Nothing that a slow request does brings a session back: no operation adds
// one but a sign-in.

// enders are the ways in which another request ends ann's sessions.
var enders = []struct {
	name string
	end  func(k *kit, o *Opened) error
}{
	{"sign-out", func(k *kit, o *Opened) error { return k.cache.EndSession(k.t.Context(), o.Account(), o.Handle()) }},
	{"revoke", func(k *kit, _ *Opened) error { return k.cache.RevokeUser(k.t.Context(), "", "ann") }},
	{"sign-in as somebody else", func(k *kit, o *Opened) error {
		_, _, err := k.signIn(SignIn{UserKey: "bob", Carried: &o.Access})
		return err
	}},
}

// finally runs slow, a request that has begun, up to its read of the user or,
// with hold false, up to where it is; ends the session; lets slow go on; and
// checks that every token is dead.
func finally(t *testing.T, hold bool, prepare func(k *kit, token Token) *Opened, slow func(k *kit, o *Opened) (err error)) {
	t.Helper()
	for _, row := range enders {
		for _, remains := range []bool{false, true} {
			name := row.name
			if remains {
				name += " with another session left"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				everywhere(t, func(t *testing.T, k *kit) {
					token := *k.signInAs("ann").Successor
					if remains && row.name != "revoke" {
						k.signInAs("ann")
					}
					o := prepare(k, token)
					read, release := k.holdReads()
					if !hold {
						k.people.with(func() { k.people.after = nil })
					}
					done := make(chan error, 1)
					if hold {
						go func() { done <- slow(k, o) }()
						<-read
						k.people.with(func() { k.people.after = nil })
					}
					at := o
					if at == nil || !at.Live() {
						at = k.peek(token)
					}
					if err := row.end(k, at); err != nil {
						t.Fatal(err)
					}
					if !hold {
						done <- slow(k, o)
					}
					release()
					<-done
					for _, dead := range append(k.made(o), token) {
						if k.open(dead).Live() {
							t.Error("a token of the session works again")
						}
					}
					for _, h := range k.sessions("ann") {
						if h == at.Handle() {
							t.Error("the session is back")
						}
					}
					if len(k.sessions("ann")) == 0 && k.record("ann") != nil {
						t.Error("the record is back")
					}
				})
			})
		}
	}
}

// peek looks at a session without moving it.
func (k *kit) peek(token Token) *Opened {
	k.t.Helper()
	v, err := k.cache.backend.load(k.t.Context(), token.account)
	if err != nil {
		k.t.Fatal(err)
	}
	o := new(Opened)
	k.cache.look(&o.Access, &v, Cookie, "", &token)
	return o
}

// made returns the tokens that a request handed out.
func (k *kit) made(o *Opened) []Token {
	if o == nil || o.Successor == nil {
		return nil
	}
	return []Token{*o.Successor}
}

// nothing opens the request only later.
func nothing(pause time.Duration) func(*kit, Token) *Opened {
	return func(k *kit, token Token) *Opened {
		k.open(token)
		time.Sleep(pause)
		return k.peek(token)
	}
}

func reopen(k *kit, o *Opened) error {
	token := o.token
	*o = Opened{}
	return k.cache.Open(context.Background(), &Opening{Transport: Cookie, Token: token}, o)
}

func TestASignOutIsFinalAgainstAFill(t *testing.T) {
	t.Parallel()
	finally(t, true, nothing(2*time.Minute), reopen)
}

func TestASignOutIsFinalAgainstARenewalThatReads(t *testing.T) {
	t.Parallel()
	finally(t, true, nothing(16*time.Minute), reopen)
}

func TestASignOutIsFinalAgainstAConfirmationThatReads(t *testing.T) {
	t.Parallel()
	finally(t, true, func(k *kit, token Token) *Opened {
		time.Sleep(16 * time.Minute)
		next := *k.open(token).Successor
		time.Sleep(2 * time.Minute)
		return k.peek(next)
	}, reopen)
}

func TestASignOutIsFinalAgainstASync(t *testing.T) {
	t.Parallel()
	finally(t, false, func(k *kit, token Token) *Opened { return k.open(token) }, func(k *kit, o *Opened) error {
		err := k.cache.Sync(context.Background(), o, Sync{Grace: -1})
		wantErr(k.t, "Sync", err, ErrNoSession)
		wantSuccessor(k.t, o, false)
		return err
	})
}

// The request renewed the token while it read the user; its own account is the
// newest that it knows, and must not come back whole.
func TestASignOutIsFinalAgainstASyncAfterARenewalThatRead(t *testing.T) {
	t.Parallel()
	finally(t, false, func(k *kit, token Token) *Opened {
		k.open(token)
		time.Sleep(16 * time.Minute)
		o := k.open(token)
		wantSuccessor(k.t, o, true)
		return o
	}, func(k *kit, o *Opened) error {
		err := k.cache.Sync(context.Background(), o, Sync{Grace: -1})
		wantErr(k.t, "Sync", err, ErrNoSession)
		return err
	})
}

func TestASignOutIsFinalAgainstASyncThatReads(t *testing.T) {
	t.Parallel()
	finally(t, true, func(k *kit, token Token) *Opened { return k.open(token) }, func(k *kit, o *Opened) error {
		return k.cache.Sync(context.Background(), o, Sync{Grace: -1})
	})
}

func TestASignOutIsFinalAgainstARefresh(t *testing.T) {
	t.Parallel()
	finally(t, true, func(k *kit, token Token) *Opened { return k.open(token) }, func(k *kit, o *Opened) error {
		_, err := k.cache.Newest(context.Background(), &o.Access, true)
		return err
	})
}

func TestASignOutIsFinalAgainstARenewal(t *testing.T) {
	t.Parallel()
	finally(t, false, nothing(16*time.Minute), func(k *kit, o *Opened) error {
		k.cache.advance(context.Background(), o)
		wantSuccessor(k.t, o, false)
		return nil
	})
}

// A revoke of another session by a request whose own has ended changes nothing.
func TestASessionThatEndedRevokesNothing(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o, other := k.signInAs("ann"), k.signInAs("ann")
		k.signOut(o)
		wantErr(t, "Revoke", k.cache.Revoke(t.Context(), o, other.Handle()), ErrNoSession)
		k.wantSessions("ann", other)
	})
}

// A record that was deleted and made anew is another one: what was decided on
// the old one does not fit it.
func TestARecordMadeAnewIsAnother(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.signInAs("ann")
		k.open(*o.Successor)
		time.Sleep(2 * time.Minute)
		read, release := k.holdReads()
		done := make(chan *Opened)
		go func() { done <- k.open(*o.Successor) }()
		<-read
		k.people.with(func() { k.people.after = nil })
		k.signOut(o)
		k.people.write(person{Key: "ann", Name: "Anna"})
		fresh := k.signInAs("ann")
		release()
		k.wantUser(<-done, "Ann") // it was under way, and read before the change
		synctest.Wait()
		k.wantUser(k.open(*fresh.Successor), "Anna")
		k.wantSessions("ann", fresh)
	})
}
