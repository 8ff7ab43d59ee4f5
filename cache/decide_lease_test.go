package cache

import (
	"reflect"
	"testing"
)

func TestWhichReadsMayFill(t *testing.T) {
	t.Parallel()
	dead := writerUntil(9, -1)
	live := writerUntil(9, 99)
	for _, row := range []struct {
		name    string
		account *Account
		epoch   *Epoch
		want    bool
	}{
		{"a read under a lease and an epoch may", anAccount(aSession(1)), anEpoch(), true},
		{"a read of an absent account may not", nil, anEpoch(), false},
		{"a read under no epoch may not", anAccount(aSession(1)), nil, false},
		{"a read while a writer is in flight may not", withWriters(anAccount(aSession(1)), live), anEpoch(), false},
		{"a read while all users change may not", anAccount(aSession(1)), &Epoch{writers: []Writer{live}}, false},
		{"a read under a lease that a dead writer has yet to change may not", withWriters(anAccount(aSession(1)), dead), anEpoch(), false},
		{"a read under an epoch that a dead writer has yet to change may not", anAccount(aSession(1)), &Epoch{writers: []Writer{dead}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := permitFill(row.account, row.epoch, minute(3))
			if p.granted() != row.want {
				t.Errorf("granted = %v; want %v", p.granted(), row.want)
			}
			if want := (permit{lease: numberedID(1), stamp: numberedID(1), readAt: minute(3), wholeAt: minute(3)}); row.want && p != want {
				t.Errorf("permit = %v; want %v", p, want)
			}
		})
	}
}

func TestWhatAReadMayPutIntoTheCache(t *testing.T) {
	t.Parallel()
	p := permit{lease: numberedID(1), stamp: numberedID(1), readAt: minute(2)}
	moved := anAccount(aSession(1))
	moved.lease = numberedID(2)
	for _, row := range []struct {
		name    string
		permit  permit
		account *Account
		epoch   *Epoch
		want    bool
	}{
		{"a user read under the lease gets in", p, anAccount(aSession(1)), anEpoch(), true},
		{"one read without a permit does not", permit{}, anAccount(aSession(1)), anEpoch(), false},
		{"one read under another lease does not", p, moved, anEpoch(), false},
		{"one read under another epoch does not", p, anAccount(aSession(1)), &Epoch{stamp: numberedID(2)}, false},
		{"one whose epoch is lost does not", p, anAccount(aSession(1)), nil, false},
		{"one whose account is gone does not", p, nil, anEpoch(), false},
		{"one does not while a writer is in flight", p, withWriters(anAccount(aSession(1)), writerUntil(9, 99)), anEpoch(), false},
		{"one does not while all users change", p, anAccount(aSession(1)), &Epoch{stamp: numberedID(1), writers: []Writer{writerUntil(9, 99)}}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if row.account != nil {
				frozen(t, row.account)
			}
			next := fillUser(row.account, row.epoch, row.permit, person{Name: "New"}, numberedID(5))
			ended := endGone(row.account, row.epoch, row.permit, []Handle{numberedHandle(1)}, numberedID(5))
			if !row.want {
				if next != row.account || ended != row.account {
					t.Error("the account was changed")
				}
				return
			}
			if next.user != (person{Name: "New"}) || next.readAt != minute(2) || next.stamp != numberedID(1) || next.lease != numberedID(5) {
				t.Errorf("filled: user %v, read at %v, stamp %x, lease %x", next.user, next.readAt, next.stamp, next.lease)
			}
			if len(ended.sessions) != 0 || ended.user != nil || ended.lease != numberedID(5) {
				t.Errorf("ended: %d sessions, user %v, lease %x", len(ended.sessions), ended.user, ended.lease)
			}
		})
	}
}

// A fill changes the lease: of two reads that began under one, one fills.
func TestOneLeaseFillsOnce(t *testing.T) {
	t.Parallel()
	a, e := anAccount(aSession(1)), anEpoch()
	p := permitFill(a, e, minute(1))
	once := fillUser(a, e, p, person{Name: "first"}, numberedID(5))
	if twice := fillUser(once, e, p, person{Name: "second"}, numberedID(6)); twice != once {
		t.Errorf("the second read put %v into the cache", twice.user)
	}
}

// A read that finds the user gone ends the sessions of the record that it read
// under, and no sign-in that was made meanwhile.
func TestAUserWhoIsGoneLosesTheSessionsThatTheReadKnew(t *testing.T) {
	t.Parallel()
	a := frozen(t, anAccount(aSession(1), aSession(2), aSession(3)))
	p := permitFill(a, anEpoch(), minute(1))
	next := endGone(a, anEpoch(), p, []Handle{numberedHandle(1), numberedHandle(3)}, numberedID(5))
	if len(next.sessions) != 1 || next.sessions[0].handle != numberedHandle(2) {
		t.Errorf("sessions = %v; want the one that the read did not know", next.handles())
	}
}

func TestDroppingAUserChangesTheLease(t *testing.T) {
	t.Parallel()
	a := frozen(t, anAccount(aSession(1)))
	next := dropUser(a, numberedID(5))
	if next.user != nil || next.lease != numberedID(5) || len(next.sessions) != 1 {
		t.Errorf("dropped: user %v, lease %x, %d sessions", next.user, next.lease, len(next.sessions))
	}
	if dropUser(nil, numberedID(5)) != nil {
		t.Error("dropping a user made an account: an absent one is never filled")
	}
}

func TestAWriteLocksTheUserOut(t *testing.T) {
	t.Parallel()
	create := func() *Account { return &Account{space: &testSpace, key: "ann"} }
	for _, row := range []struct {
		name    string
		account *Account
		writers int // after the begin
		left    int // after the end
	}{
		{"with nobody else writing", anAccount(aSession(1)), 1, 0},
		{"with another writer in flight", withWriters(anAccount(aSession(1)), writerUntil(8, 5)), 2, 1},
		{"where the user has no account", nil, 1, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if row.account != nil {
				frozen(t, row.account)
			}
			begun := beginWrite(row.account, create, numberedID(5), writerUntil(7, 3))
			if begun.user != nil || begun.lease != numberedID(5) || len(begun.writers) != row.writers {
				t.Errorf("begun: user %v, lease %x, writers %v", begun.user, begun.lease, begun.writers)
			}
			ended := endWrite(begun, numberedID(6), numberedID(7))
			if ended.user != nil || ended.lease != numberedID(6) || len(ended.writers) != row.left {
				t.Errorf("ended: user %v, lease %x, writers %v", ended.user, ended.lease, ended.writers)
			}
			// The lease changes even where the writer was forgotten: its COMMIT
			// happened somewhere between.
			if again := endWrite(ended, numberedID(7), numberedID(7)); again.lease != numberedID(7) {
				t.Error("an end of a writer that is no longer known leaves the lease")
			}
		})
	}
	if endWrite(nil, numberedID(5), numberedID(7)) != nil {
		t.Error("the end of a write made an account")
	}
}

func TestWritersAreBounded(t *testing.T) {
	t.Parallel()
	var ws []Writer
	for n := range maxWriters {
		ws = addWriter(ws, writerUntil(byte(n), float64(n)))
	}
	if len(ws) != maxWriters {
		t.Fatalf("%d writers; want %d: up to the bound each is itself", len(ws), maxWriters)
	}
	// A writer that announces itself again takes its own place.
	again := addWriter(ws, writerUntil(3, 100))
	if len(again) != maxWriters || again[maxWriters-1] != writerUntil(3, 100) {
		t.Errorf("announced again: %d writers, the last one %v", len(again), again[len(again)-1])
	}
	for _, row := range []struct {
		name     string
		ws       []Writer
		add      Writer
		deadline float64
	}{
		{"the latest deadline may be that of one in flight", ws, writerUntil(99, 1), maxWriters - 1},
		{"the latest deadline may be that of the last one", ws, writerUntil(99, 500), 500},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			folded := addWriter(row.ws, row.add)
			if want := []Writer{{foldedWriter, minute(row.deadline)}}; !reflect.DeepEqual(folded, want) {
				t.Fatalf("folded = %v; want %v", folded, want)
			}
			// Nobody's end takes the folded one away; only its deadline does.
			for _, w := range append(row.ws, row.add) {
				if len(dropWriter(folded, w.id)) != 1 {
					t.Errorf("the end of writer %x took the folded one away", w.id[:1])
				}
			}
		})
	}
}

func TestDropWriterMakesNewMemory(t *testing.T) {
	t.Parallel()
	ws := []Writer{writerUntil(1, 1), writerUntil(2, 2), writerUntil(3, 3)}
	left := dropWriter(ws, numberedID(2))
	left[0].deadline = minute(77)
	if ws[0] != writerUntil(1, 1) || len(left) != 2 || left[1] != writerUntil(3, 3) {
		t.Errorf("left %v of %v", left, ws)
	}
}
