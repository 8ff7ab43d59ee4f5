package cache

import "testing"

func TestTheEpochIsNeverGuessed(t *testing.T) {
	t.Parallel()
	stamp := numberedID(7)
	known := &Epoch{stamp: numberedID(1), revokedBefore: minute(1), writers: []Writer{writerUntil(1, 5), writerUntil(2, 9)}}
	for _, row := range []struct {
		name    string
		epoch   *Epoch
		at      float64
		stamp   ID
		writers int
		same    bool
	}{
		{"a lost epoch is made anew with a stamp nobody knows", nil, 1, stamp, 0, false},
		{"one without dead writers stays", known, 4, numberedID(1), 2, true},
		{"a writer past its deadline goes, and the stamp changes", known, 5, stamp, 1, false},
		{"the last writer goes, and the stamp changes", known, 9, stamp, 0, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			e := settleEpoch(row.epoch, minute(row.at), stamp)
			if e.stamp != row.stamp || len(e.writers) != row.writers || (e == row.epoch) != row.same {
				t.Errorf("stamp %x, %d writers, the same: %v; want %x, %d, %v",
					e.stamp, len(e.writers), e == row.epoch, row.stamp, row.writers, row.same)
			}
			if row.epoch != nil && e.revokedBefore != minute(1) {
				t.Error("the moment before which everyone's sessions were ended is lost")
			}
		})
	}
	if len(known.writers) != 2 || known.stamp != numberedID(1) {
		t.Error("a decision changed the epoch that it was given")
	}
}

func TestAllUsersChangeAtBeginAndAtEnd(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		epoch *Epoch
		left  int // writers after the end
	}{
		{"with nobody else writing", anEpoch(), 0},
		{"with another writer in flight", &Epoch{stamp: numberedID(1), writers: []Writer{writerUntil(8, 9)}}, 1},
		{"with a dead writer", &Epoch{stamp: numberedID(1), writers: []Writer{writerUntil(8, -1)}}, 0},
		{"where the epoch is lost", nil, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			begun := beginAll(row.epoch, minute(1), numberedID(5), writerUntil(7, 3))
			if begun.stamp != numberedID(5) || len(begun.writers) != row.left+1 {
				t.Errorf("begun: stamp %x, %d writers", begun.stamp, len(begun.writers))
			}
			ended := endAll(begun, minute(1), numberedID(6), numberedID(7))
			if ended.stamp != numberedID(6) || len(ended.writers) != row.left {
				t.Errorf("ended: stamp %x, %d writers; want %d", ended.stamp, len(ended.writers), row.left)
			}
			if again := endAll(ended, minute(1), numberedID(7), numberedID(7)); again.stamp != numberedID(7) {
				t.Error("an end of a writer that is no longer known leaves the stamp")
			}
		})
	}
}

func TestEveryonesSessionsEndBeforeAMoment(t *testing.T) {
	t.Parallel()
	s := aSession(1, renewedAt(20)) // signed in at minute 0, renewed since
	for _, row := range []struct {
		name  string
		epoch *Epoch
		want  bool
	}{
		{"no epoch ends nobody's", nil, false},
		{"an epoch without a moment ends nobody's", anEpoch(), false},
		{"a session signed in before it ends, however fresh its token", &Epoch{revokedBefore: minute(1)}, true},
		{"a session signed in at it lives", &Epoch{revokedBefore: minute(0)}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := row.epoch.revoked(&s); got != row.want {
				t.Errorf("revoked = %v; want %v", got, row.want)
			}
		})
	}
}
