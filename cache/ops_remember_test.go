package cache

import (
	"testing"
	"time"
)

// by begins a request whose token travels so.
func (k *kit) by(in Transport, token Token) *Opened {
	k.t.Helper()
	o := new(Opened)
	if err := k.cache.Open(k.t.Context(), &Opening{Transport: in, Token: token}, o); err != nil {
		k.t.Fatalf("Open = %v", err)
	}
	return o
}

// rememberAnn signs ann in to be remembered.
func (k *kit) rememberAnn(in Transport) *Opened {
	k.t.Helper()
	o, _, err := k.signIn(SignIn{UserKey: "ann", Transport: in, Remember: true})
	if err != nil {
		k.t.Fatalf("SignIn = %v", err)
	}
	return o
}

// wantAge checks for how long the sign-in counts as recent; negative stands
// for one that does not.
func (k *kit) wantAge(o *Opened, want time.Duration) {
	k.t.Helper()
	age, ok := k.cache.SignInAge(&o.Access)
	if ok != (want >= 0) || ok && age != want {
		k.t.Errorf("SignInAge = %v, %v; want %v", age, ok, want)
	}
}

const notRecent = -1

// fresh has another request read ann, so that the cached copy is of now.
func (k *kit) fresh() { k.signInAs("ann") }

// newestOf is the token that the client holds after a request.
func newestOf(o *Opened) Token {
	if o.Successor != nil {
		return *o.Successor
	}
	return o.token
}

func TestARememberedSessionLivesToItsAbsoluteEnd(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.rememberAnn(Cookie)
		token, other := *o.Successor, *k.signInAs("ann").Successor
		if got := k.cache.Remembered(&o.Access); got != 24*time.Hour {
			t.Errorf("Remembered = %v at sign-in; want 24h", got)
		}
		k.wantAge(o, 0)
		time.Sleep(23 * time.Hour)
		k.wantUser(k.open(other), "")
		o = k.open(token)
		k.wantUser(o, "Ann")
		if got := k.cache.Remembered(&o.Access); got != time.Hour {
			t.Errorf("Remembered = %v an hour before the end; want 1h", got)
		}
		time.Sleep(time.Hour - 1)
		o = k.open(*o.Successor)
		k.wantUser(o, "Ann")
		time.Sleep(time.Nanosecond)
		if got := k.cache.Remembered(&o.Access); got != 0 {
			t.Errorf("Remembered = %v at the end; want 0", got)
		}
		k.wantUser(k.open(newestOf(o)), "")
		k.wantSessions("ann")
	})
}

func TestWhoIsNotRememberedIsNotToBeKept(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		for name, o := range map[string]*Opened{"nobody": {}, "a session of the browser": k.signInAs("ann")} {
			if got := k.cache.Remembered(&o.Access); got != 0 {
				t.Errorf("Remembered of %s = %v; want 0", name, got)
			}
		}
		k.wantAge(new(Opened), notRecent)
	})
}

// wakings are the roads on which a request finds a session that slept. sleep
// leaves the session asleep and returns the token that the client holds.
var wakings = []struct {
	name  string
	in    Transport
	sleep func(k *kit, token Token) Token
}{
	{"by the current token", Cookie, func(_ *kit, token Token) Token {
		time.Sleep(31 * time.Minute)
		return token
	}},
	{"to the moment", Cookie, func(_ *kit, token Token) Token {
		time.Sleep(30 * time.Minute)
		return token
	}},
	{"by a successor that is used late", Cookie, func(k *kit, token Token) Token {
		time.Sleep(15 * time.Minute)
		token = *k.open(token).Successor
		time.Sleep(30 * time.Minute)
		return token
	}},
	{"by a successor that was handed out asleep", Cookie, func(k *kit, token Token) Token {
		time.Sleep(15 * time.Minute)
		k.open(token) // its answer is lost
		time.Sleep(30 * time.Minute)
		again := k.open(token)
		k.wantAge(again, notRecent)
		return *again.Successor
	}},
	{"by a marked session's token", Cookie, func(k *kit, token Token) Token {
		if err := k.cache.SyncUser(k.t.Context(), "", "ann", BackgroundSync{Regenerate: true}); err != nil {
			k.t.Error(err)
		}
		time.Sleep(31 * time.Minute)
		return token
	}},
	{"inside a session of the app's", InSession, func(_ *kit, token Token) Token {
		time.Sleep(31 * time.Minute)
		return token
	}},
	{"by a bearer token, which stays", Bearer, func(_ *kit, token Token) Token {
		time.Sleep(31 * time.Minute)
		return token
	}},
}

// However it is woken, the user is read, and the sign-in is no longer recent,
// neither in that request nor in any later one.
func TestWakingReadsTheUserAndIsRemembered(t *testing.T) {
	t.Parallel()
	for _, row := range wakings {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				token := row.sleep(k, *k.rememberAnn(row.in).Successor)
				k.fresh()
				k.people.write(person{Key: "ann", Name: "Anna"}) // unannounced
				reads := int(k.people.reads.Load())
				o := k.by(row.in, token)
				k.wantUser(o, "Anna")
				k.wantReads(reads + 1)
				if o.From != FromDatabase {
					t.Errorf("the user came from %v; want the database", o.From)
				}
				k.wantAge(o, notRecent)
				for range 3 { // awake, it is served the cached copy as any other
					o = k.by(row.in, newestOf(o))
					k.wantUser(o, "Anna")
					k.wantAge(o, notRecent)
				}
				k.wantReads(reads + 1)
				if s := k.record("ann").session(o.Handle()); !s.resumed || s.dormant(k.cache.backend.now(), k.cache.rules) {
					t.Errorf("resumed %v; want it noted, and the session awake", s.resumed)
				}
			})
		})
	}
}

// A session that only got old, and did not sleep, is renewed on the cached copy.
func TestARememberedSessionThatIsAwakeIsServedTheCopy(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.rememberAnn(Cookie).Successor
		time.Sleep(30*time.Minute - 1)
		k.fresh()
		reads := int(k.people.reads.Load())
		o := k.open(token)
		wantSuccessor(t, o, true)
		k.wantReads(reads)
		k.wantAge(o, 30*time.Minute-1)
		time.Sleep(time.Minute)
		k.wantAge(k.open(*o.Successor), 31*time.Minute-1)
	})
}

// While no request wakes it, each one reads: one answer may be lost after the other.
func TestASuccessorHandedOutAgainDoesNotWake(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.rememberAnn(Cookie).Successor
		time.Sleep(15 * time.Minute)
		k.open(token)
		time.Sleep(30 * time.Minute)
		reads := int(k.people.reads.Load())
		for n := range 3 {
			o := k.open(token)
			k.wantReads(reads + n + 1)
			k.wantAge(o, notRecent)
		}
	})
}

// A request that reads its user by itself wakes the session as well.
func TestARequestThatWantsNoUserWakesTheSession(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.rememberAnn(Cookie).Successor
		time.Sleep(31 * time.Minute)
		o := new(Opened)
		if err := k.cache.Open(t.Context(), &Opening{Transport: Cookie, Token: token, NoUser: true}, o); err != nil {
			t.Fatal(err)
		}
		k.wantReads(1)
		wantSuccessor(t, o, true)
		k.wantAge(o, notRecent)
		k.wantAge(k.open(*o.Successor), notRecent)
	})
}

// Where the store cannot be written the request cannot note that it woke the
// session. Then that counts as asleep still, until something can.
func TestAWakingThatCannotBeNoted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		in      Transport
		sync    Sync
		resumed bool
	}{
		{"and a sync that can", Cookie, Sync{Grace: -1}, true},
		{"and a sync that keeps the token", Cookie, Sync{Grace: -1, Keep: true}, false},
		{"and a sync that leaves a mark", Cookie, Sync{Grace: -1, Mark: true}, false},
		{"and a sync by a bearer token", Bearer, Sync{Grace: -1}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
				token := *k.rememberAnn(row.in).Successor
				time.Sleep(31 * time.Minute)
				store.before = func(int64) error { return errStore }
				o := k.by(row.in, token)
				k.wantUser(o, "Ann")
				wantSuccessor(t, o, false)
				k.wantAge(o, notRecent)
				store.before = nil
				if err := k.cache.Sync(t.Context(), o, row.sync); err != nil {
					t.Fatalf("Sync = %v", err)
				}
				k.wantAge(o, notRecent)
				if s := k.record("ann").sessions[0]; s.resumed != row.resumed {
					t.Errorf("resumed = %v; want %v", s.resumed, row.resumed)
				}
				reads := int(k.people.reads.Load())
				o = k.by(row.in, newestOf(o))
				k.wantAge(o, notRecent)
				if got := int(k.people.reads.Load()) - reads; (got == 0) != row.resumed {
					t.Errorf("the next request reads %d times; want it to read while the session sleeps", got)
				}
				k.wantAge(k.by(row.in, newestOf(o)), notRecent)
			})
		})
	}
}

// A session does not wake by a read that fails.
func TestAWakingThatCannotReadTheUser(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		token := *k.rememberAnn(Cookie).Successor
		time.Sleep(31 * time.Minute)
		k.fresh()
		k.people.with(func() { k.people.fail = errTable })
		o, err := k.tryOpen(token)
		wantErr(t, "Open", err, errTable)
		if k.cache.Stale(o, err, time.Hour) {
			t.Error("a request that wakes its session is served a cached copy")
		}
		k.wantAge(o, notRecent)
		if s := k.record("ann").sessions[0]; s.resumed || s.pending != nil {
			t.Errorf("resumed %v, successor %v; want the session still asleep", s.resumed, s.pending != nil)
		}
		k.people.with(func() { k.people.fail = nil })
		k.wantUser(k.open(token), "Ann")
	})
}

// Nothing that the session does makes its sign-in recent again; a new one does.
func TestOnlyANewSignInIsRecentAgain(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"having slept", "having come from elsewhere"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, k *kit) {
				o, _, err := k.signIn(SignIn{UserKey: "ann", Remember: true, Elsewhere: from != "having slept"})
				if err != nil {
					t.Fatal(err)
				}
				if from == "having slept" {
					time.Sleep(time.Hour)
				}
				for range 5 {
					o = k.open(newestOf(o))
					k.wantAge(o, notRecent)
					k.syncNow(o)
					k.wantAge(o, notRecent)
					time.Sleep(16 * time.Minute)
				}
				signedIn, _, err := k.signIn(SignIn{UserKey: "ann", Carried: &o.Access})
				if err != nil {
					t.Fatal(err)
				}
				k.wantAge(signedIn, 0)
				time.Sleep(time.Minute)
				k.wantAge(k.open(*signedIn.Successor), time.Minute)
				k.wantAge(signedIn, time.Minute)
			})
		})
	}
}

// A request may run for so long that its session goes to sleep under it.
func TestASessionThatFallsAsleepUnderItsRequest(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		o := k.open(*k.rememberAnn(Cookie).Successor)
		time.Sleep(30*time.Minute - 1)
		k.wantAge(o, 30*time.Minute-1)
		time.Sleep(time.Nanosecond)
		k.wantAge(o, notRecent)
		k.syncNow(o) // moves the idle time, so it has to note the sleep
		k.wantAge(o, notRecent)
	})
}

// A place in the number of sessions is no better kept by who is remembered.
func TestASessionThatSleepsMakesRoomFirst(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, k *kit) {
		sleeper := k.rememberAnn(Cookie)
		time.Sleep(31 * time.Minute)
		one, two := k.signInAs("ann"), k.signInAs("ann")
		k.wantSessions("ann", one, two)
		if got := k.events.named(EventEvicted); len(got) != 1 || got[0].Session != sleeper.Handle() {
			t.Errorf("evicted: %v; want the session that sleeps", got)
		}
	}, rules(func(r *Rules) { r.MaxSessions = 2 }))
}
