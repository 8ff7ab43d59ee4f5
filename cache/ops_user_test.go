package cache

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stale lets the cached copies grow too old to be served.
func stale() { time.Sleep(2 * time.Minute) }

func TestAUserWhoIsGoneLosesTheirSessions(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(*people)
	}{
		{"deleted", func(p *people) { p.remove("ann") }},
		{"locked", func(p *people) { p.write(person{Key: "ann", Name: "Ann", Locked: true}) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				one, two := k.signInAs("ann"), k.signInAs("ann")
				row.change(k.people)
				stale()
				o := k.open(*one.Successor)
				k.wantUser(o, "")
				if !o.Ended {
					t.Error("Ended = false; want the request to know that its session was ended")
				}
				if k.record("ann") != nil {
					t.Error("the record is still there")
				}
				if o := k.open(*two.Successor); o.Live() || o.Ended {
					t.Errorf("the user's other session: live %v, ended %v; want nobody", o.Live(), o.Ended)
				}
				k.wantEvents(EventInactive, 1)
			})
		})
	}
}

// Only the cached copy says that the user is locked: the database is asked
// before anybody is signed out.
func TestACachedCopyThatActiveRefusesIsReadAgain(t *testing.T) {
	t.Parallel()
	locked := false
	asked := func(cfg *Config) {
		cfg.Active = func(user any) bool { return user.(person).Name != "Ann" || !locked }
	}
	synctest.Test(t, func(t *testing.T) {
		k := setup(t, nil, asked)
		token := *k.signInAs("ann").Successor
		k.open(token)
		locked = true
		k.people.with(func() { k.people.fail = errTable })
		_, err := k.tryOpen(token)
		wantErr(t, "Open while the database cannot tell", err, errTable)
		k.people.with(func() { k.people.fail = nil })
		k.people.write(person{Key: "ann", Name: "Anna"})
		k.wantUser(k.open(token), "Anna")
		k.wantUser(k.open(token), "Anna")
		k.wantReads(4)
		// And once the database says so too, the session ends.
		locked = false
		k.people.write(person{Key: "ann", Name: "Ann"})
		stale()
		k.wantUser(k.open(token), "Ann")
		locked = true
		o := k.open(token)
		k.wantUser(o, "")
		if !o.Ended || k.record("ann") != nil {
			t.Errorf("Ended = %v, record %v; want the session ended", o.Ended, k.record("ann"))
		}
	})
}

// While the row is being changed nobody knows whether it is the old one or the
// new one: the request is refused, and the session stays.
func TestAUserWhoIsGoneDuringAWriteIsRefusedOnly(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.signInAs("ann")
		w := k.write("ann")
		k.people.remove("ann")
		seen := k.open(*o.Successor)
		k.wantUser(seen, "")
		if seen.Ended {
			t.Error("Ended = true; want the request refused and no more")
		}
		k.wantSessions("ann", o)
		k.people.write(person{Key: "ann", Name: "Ann"}) // rolled back
		k.end(w)
		k.wantUser(k.open(*o.Successor), "Ann")
	})
}

// A sign-in that was made while the row was read as gone has seen a newer one.
func TestASignInDuringAReadThatFindsTheUserGoneLives(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		one := k.signInAs("ann")
		stale()
		k.people.remove("ann")
		read, release := k.holdReads()
		done := make(chan *Opened)
		go func() { done <- k.open(*one.Successor) }()
		<-read
		k.people.write(person{Key: "ann", Name: "Ann"})
		k.people.with(func() { k.people.after = nil })
		two := k.signInAs("ann")
		release()
		k.wantUser(<-done, "")
		k.wantUser(k.open(*two.Successor), "Ann")
		if a := k.record("ann"); a.session(two.Handle()) == nil {
			t.Error("the new session ended with the old ones")
		}
	})
}

// holdReads lets reads that have seen the row wait before they answer. It
// returns what tells of each, and what lets them go on.
func (k *kit) holdReads() (read <-chan struct{}, release func()) {
	seen, gate := make(chan struct{}, 1000), make(chan struct{})
	k.people.with(func() {
		k.people.after = func(context.Context, any) error {
			seen <- struct{}{}
			<-gate
			return nil
		}
	})
	return seen, func() { close(gate) }
}

func TestWhatASourceDoesWrong(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		spoil func(*people)
		want  error
		event string
	}{
		{"it answers an error", func(p *people) { p.fail = errTable }, errTable, ""},
		{"it answers that it is busy", func(p *people) { p.fail = ErrBusy }, ErrBusy, ""},
		{"it panics", func(p *people) { p.before = func(context.Context) error { panic("the table of secrets") } }, ErrUnavailable, ""},
		{"it brings another user's row", func(p *people) {
			p.alter = func(person, bool) (person, bool) { return person{Key: "bob", Name: "Bob"}, true }
		}, ErrWrongUser, EventKeyMismatch},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o := k.signInAs("ann")
				other := k.signInAs("bob")
				writing := k.signInAs("ann")
				stale()
				before := k.record("ann")
				k.people.with(func() { row.spoil(k.people) })
				check := func(what string, err error) {
					t.Helper()
					wantErr(t, what, err, ErrUnavailable)
					wantErr(t, what, err, row.want)
					if err != nil && strings.Contains(err.Error(), "secret") {
						t.Errorf("%s: the error tells what the panic said: %v", what, err)
					}
				}
				_, err := k.tryOpen(*o.Successor)
				check("Open", err)
				_, err = k.cache.Newest(t.Context(), &o.Access, true)
				check("Newest", err)
				_, _, err = k.signIn(SignIn{UserKey: "ann", Carried: &other.Access})
				check("SignIn", err)
				after := k.record("ann")
				if !sameAccount(before, after) {
					t.Errorf("the account changed from %+v to %+v", before, after)
				}
				w := k.write("ann")
				_, err = k.tryOpen(*writing.Successor)
				check("Open during a write", err)
				k.end(w)
				if row.event != "" && len(k.events.named(row.event)) == 0 {
					t.Errorf("no event %s", row.event)
				}
				k.people.with(func() { k.people.fail, k.people.before, k.people.alter = nil, nil, nil })
				k.wantUser(k.open(*o.Successor), "Ann")
				k.wantUser(k.open(*other.Successor), "Bob")
			})
		})
	}
}

// A session whose renewal and read fall together stays as it was where the
// read fails.
func TestAReadThatFailsRenewsNothing(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		time.Sleep(20 * time.Minute)
		k.people.with(func() { k.people.fail = errTable })
		_, err := k.tryOpen(token)
		wantErr(t, "Open", err, errTable)
		if s := k.record("ann").sessions[0]; s.pending != nil {
			t.Error("a successor was made")
		}
		k.people.with(func() { k.people.fail = nil })
		if o := k.open(token); o.Successor == nil {
			t.Error("no successor once the read is possible")
		}
	})
}

// A caller that hangs up while others wait for its read fails nobody else,
// and the read goes on.
func TestACallerThatHangsUpFailsNobodyElse(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		stale()
		var canceled error
		k.people.with(func() {
			k.people.after = func(ctx context.Context, _ any) error {
				time.Sleep(time.Second)
				canceled = ctx.Err()
				return nil
			}
		})
		ctx, hangUp := context.WithCancel(t.Context())
		first, joined := make(chan error), make(chan *Opened)
		go func() { first <- k.cache.Open(ctx, &Opening{Transport: Cookie, Token: token}, new(Opened)) }()
		synctest.Wait()
		go func() { joined <- k.open(token) }()
		synctest.Wait()
		hangUp()
		k.wantUser(<-joined, "Ann")
		<-first
		if canceled != nil {
			t.Errorf("the read was canceled with its first caller: %v", canceled)
		}
		k.wantReads(2)
		k.wantUser(k.open(token), "Ann")
		k.wantReads(2)
	})
}

// A caller who waits for a read keeps to its own time; the read goes on for
// the others.
func TestACallerWithLittleTimeDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.signInAs("ann")
		k.people.with(func() {
			k.people.after = func(context.Context, any) error { time.Sleep(2 * time.Second); return nil }
		})
		joined := make(chan error)
		go func() {
			time.Sleep(time.Second / 2)
			_, err := k.cache.Newest(t.Context(), &o.Access, true)
			joined <- err
		}()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		_, err := k.cache.Newest(ctx, &o.Access, true)
		wantErr(t, "Newest", err, ErrUnavailable)
		wantErr(t, "Newest", err, context.DeadlineExceeded)
		if d := time.Since(begin); d != time.Second {
			t.Errorf("the caller waited %v; want 1s", d)
		}
		if err := <-joined; err != nil {
			t.Errorf("the other caller's read = %v", err)
		}
	})
}

// A read has a deadline of its own, and one that keeps it answers within it.
func TestAReadHasADeadlineOfItsOwn(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		stale()
		k.people.with(func() {
			k.people.before = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		})
		begin := time.Now()
		_, err := k.tryOpen(token)
		wantErr(t, "Open", err, context.DeadlineExceeded)
		if d := time.Since(begin); d != Budget {
			t.Errorf("the read took %v; want %v", d, Budget)
		}
		w := k.write("ann")
		_, err = k.tryOpen(token)
		wantErr(t, "Open during a write", err, context.DeadlineExceeded)
		k.end(w)
		_, _, err = k.signIn(SignIn{UserKey: "ann"})
		wantErr(t, "SignIn", err, context.DeadlineExceeded)
	})
}
