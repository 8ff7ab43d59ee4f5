package cache

import (
	"testing"
	"time"
)

func remembered(s *Session) { s.remembered = true }
func resumed(s *Session)    { s.resumed = true }

func endsAt(m float64) func(*Session) {
	return func(s *Session) { s.ends = minute(m) }
}

func TestWhenASessionEndsAndWhenItSleeps(t *testing.T) {
	t.Parallel()
	const never = -1
	for _, row := range []struct {
		name    string
		session Session
		ends    float64
		sleeps  float64
	}{
		{"one that is never used ends when idle", aSession(1), 30, never},
		{"one that was renewed counts from then", aSession(1, renewedAt(20)), 50, never},
		{"one with a successor counts from when that was made", aSession(1, pendingSince(15, 7)), 45, never},
		{"one whose lifetime is shorter than the idle time ends with it", aSession(1, endsAt(25)), 25, never},
		{"one at its absolute end is not prolonged", aSession(1, renewedAt(20), endsAt(40)), 40, never},
		{"one that is remembered goes to sleep when idle", aSession(1, remembered), 24 * 60, 30},
		{"one that is remembered and was renewed sleeps later", aSession(1, remembered, renewedAt(20)), 24 * 60, 50},
		{"one that is remembered, with a successor, counts from that", aSession(1, remembered, pendingSince(15, 7)), 24 * 60, 45},
		{"one whose remembered life is shorter than the idle time never sleeps", aSession(1, remembered, endsAt(25)), 25, 30},
		{"one that has slept ends as it would have", aSession(1, remembered, resumed, renewedAt(600)), 24 * 60, 630},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r, s := ruled(nil), row.session
			if got := s.end(r); got != minute(row.ends) {
				t.Errorf("ends at minute %v; want %v", got.Sub(minute0).Minutes(), row.ends)
			}
			if row.sleeps == never {
				if s.dormant(minute(24*60), r) {
					t.Error("it is dormant; want one that is not remembered never to be")
				}
				return
			}
			if s.dormant(minute(row.sleeps)-1, r) || !s.dormant(minute(row.sleeps), r) {
				t.Errorf("dormant a moment before minute %v and at it = %v, %v; want false, true",
					row.sleeps, s.dormant(minute(row.sleeps)-1, r), s.dormant(minute(row.sleeps), r))
			}
		})
	}
}

// Whatever moves the idle time of a session that slept leaves a note of it;
// what does not move it leaves it asleep.
func TestWhatWakesASession(t *testing.T) {
	t.Parallel()
	one := numberedToken(1)
	for _, row := range []struct {
		name    string
		session Session
		token   Token
		at      float64
		resumed bool // afterwards
		asleep  bool // still
	}{
		{"a renewal of one that is awake notes nothing", aSession(1, remembered), one, 29.9, false, false},
		{"a renewal of one that sleeps is noted", aSession(1, remembered), one, 30, true, false},
		{"a renewal long afterwards is noted", aSession(1, remembered), one, 23 * 60, true, false},
		{"a successor that is confirmed in time notes nothing", aSession(1, remembered, pendingSince(15, 7)), pending7, 44.9, false, false},
		{"a successor that is confirmed late is noted", aSession(1, remembered, pendingSince(15, 7)), pending7, 45, true, false},
		{"a successor that is handed out again does not wake", aSession(1, remembered, pendingSince(15, 7)), one, 45, false, true},
		{"a bearer token wakes and is noted", aSession(1, remembered, bearer), one, 30, true, false},
		{"a bearer token of one that is awake notes nothing", aSession(1, remembered, bearer), one, 29.9, false, false},
		{"a mark does not count as sleep", aSession(1, remembered, marked), one, 1, false, false},
		{"a token in grace does not wake", aSession(1, remembered, withRetired(3, 99, false)), numberedToken(3), 30, false, true},
		{"a dead token does not wake", aSession(1, remembered, withRetired(3, 1, false)), numberedToken(3), 30, false, true},
		{"an unknown token does not wake", aSession(1, remembered), numberedToken(4), 30, false, true},
		{"what was noted stays", aSession(1, remembered, resumed), one, 20, true, false},
		{"a session from elsewhere stays one", aSession(1, resumed), one, 20, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := ruled(nil)
			next, _ := request(row.token, frozen(t, anAccount(row.session)), row.at, r)
			s := next.session(numberedHandle(1))
			if s.resumed != row.resumed || s.dormant(minute(row.at), r) != row.asleep {
				t.Errorf("resumed %v, dormant %v; want %v, %v", s.resumed, s.dormant(minute(row.at), r), row.resumed, row.asleep)
			}
			if s.remembered != row.session.remembered || s.ends != row.session.ends || s.signedIn != row.session.signedIn {
				t.Error("a request changed what the sign-in said of the session")
			}
		})
	}
}

func TestARotationWakesASession(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		session Session
		token   Token
		keep    bool
		at      float64
		resumed bool
		asleep  bool
	}{
		{"one that is awake", aSession(1, remembered), numberedToken(1), false, 29.9, false, false},
		{"one that sleeps", aSession(1, remembered), numberedToken(1), false, 30, true, false},
		{"one that sleeps, by its successor", aSession(1, remembered, pendingSince(15, 7)), pending7, false, 45, true, false},
		{"one that sleeps and keeps its token", aSession(1, remembered), numberedToken(1), true, 30, false, true},
		{"one that sleeps, by a token that may not", aSession(1, remembered, withRetired(3, 99, true)), numberedToken(3), false, 30, false, true},
		{"one that has slept before", aSession(1, remembered, resumed), numberedToken(1), false, 1, true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := ruled(nil)
			in := rotation{handle: numberedHandle(1), hash: row.token.hash(), to: hashOf(9), keep: row.keep, now: minute(row.at)}
			next, _ := in.decide(frozen(t, anAccount(row.session)), r)
			s := next.session(numberedHandle(1))
			if s.resumed != row.resumed || s.dormant(in.now, r) != row.asleep {
				t.Errorf("resumed %v, dormant %v; want %v, %v", s.resumed, s.dormant(in.now, r), row.resumed, row.asleep)
			}
		})
	}
}

func TestARecordLivesAsLongAsWhoIsRemembered(t *testing.T) {
	t.Parallel()
	a := anAccount(aSession(1), aSession(2, remembered, endsAt(600)))
	if a.expires != minute(600) {
		t.Errorf("the record expires at minute %v; want 600", a.expires.Sub(minute0).Minutes())
	}
	r := ruled(nil)
	next := settle(frozen(t, a), anEpoch(), minute(300), numberedID(2), r)
	if len(next.sessions) != 1 || next.sessions[0].handle != numberedHandle(2) || next.user == nil {
		t.Errorf("%d sessions are left; want the one that sleeps, beside the cached user", len(next.sessions))
	}
	if settle(a, anEpoch(), minute(600), numberedID(2), r).kept() != nil {
		t.Error("something is left at the absolute end")
	}
}

func TestAMomentThatEndsEveryonesSessions(t *testing.T) {
	t.Parallel()
	stamp := numberedID(7)
	set := &Epoch{stamp: numberedID(1), revokedBefore: minute(5), writers: []Writer{writerUntil(1, 8)}}
	for _, row := range []struct {
		name    string
		epoch   *Epoch
		now, at float64
		before  float64 // the moment afterwards
		stamp   ID
		same    bool
	}{
		{"is set where none was", anEpoch(), 6, 4, 4, numberedID(1), false},
		{"moves on", set, 7, 6, 6, numberedID(1), false},
		{"never moves back", set, 7, 4, 5, numberedID(1), true},
		{"may be set twice", set, 7, 5, 5, numberedID(1), true},
		{"is set where the epoch is lost", nil, 6, 4, 4, stamp, false},
		{"is set beside a writer past its deadline", set, 8, 6, 6, stamp, false},
		{"stays where only such a writer goes", set, 8, 4, 5, stamp, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			e := revokeAll(row.epoch, minute(row.now), stamp, minute(row.at))
			if e.revokedBefore != minute(row.before) || e.stamp != row.stamp || (e == row.epoch) != row.same {
				t.Errorf("before minute %v, stamp %x, the same: %v; want %v, %x, %v",
					e.revokedBefore.Sub(minute0).Minutes(), e.stamp[:1], e == row.epoch, row.before, row.stamp[:1], row.same)
			}
		})
	}
	if set.revokedBefore != minute(5) || len(set.writers) != 1 {
		t.Error("a decision changed the epoch that it was given")
	}
}

func TestSettlingEndsWhatWasRevokedForAll(t *testing.T) {
	t.Parallel()
	late := func(s *Session) { s.signedIn = minute(2) }
	a := frozen(t, anAccount(aSession(1, renewedAt(9)), aSession(2, late), aSession(3, remembered)))
	next := settle(a, &Epoch{stamp: numberedID(1), revokedBefore: minute(2)}, minute(10), numberedID(2), ruled(nil))
	if len(next.sessions) != 1 || next.sessions[0].handle != numberedHandle(2) {
		t.Errorf("%d sessions are left; want the one that was signed in at the moment", len(next.sessions))
	}
	if next.user == nil || next.lease != a.lease {
		t.Error("the cached user went, too")
	}
}

func TestWhichCountAnAgeGoesTo(t *testing.T) {
	t.Parallel()
	for i, bound := range ageBounds {
		if got := ageBucket(bound); got != i {
			t.Errorf("an age of %v goes to %d; want %d", bound, got, i)
		}
		if got := ageBucket(bound + 1); got != i+1 {
			t.Errorf("an age of %v and a moment goes to %d; want %d", bound, got, i+1)
		}
	}
	for age, want := range map[time.Duration]int{0: 0, -time.Second: 0, MaxLifetime: len(ageBounds)} {
		if got := ageBucket(age); got != want {
			t.Errorf("an age of %v goes to %d; want %d", age, got, want)
		}
	}
}
