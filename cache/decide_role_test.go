package cache

import (
	"testing"
	"time"
)

func TestWhatATokenIsToItsSession(t *testing.T) {
	t.Parallel()
	successor := func(salt byte) Hash {
		next := successorOf(numberedToken(1), salt)
		return next.hash()
	}
	for _, row := range []struct {
		name    string
		session Session
		token   Hash
		at      float64
		want    role
	}{
		{"the newest token is current", aSession(1), hashOf(1), 1, roleCurrent},
		{"a token of nobody is unknown", aSession(1), hashOf(2), 1, roleNone},
		{"a successor that was handed out is pending", aSession(1, pendingSince(1, 7)), successor(7), 1, rolePending},
		{"a token with a pending successor is still current", aSession(1, pendingSince(1, 7)), hashOf(1), 1, roleCurrent},
		{"a successor by another salt is unknown", aSession(1, pendingSince(1, 7)), successor(8), 1, roleNone},
		{"a replaced token is in grace", aSession(1, withRetired(3, 2, false)), hashOf(3), 1.99, roleGrace},
		{"grace ends to the moment", aSession(1, withRetired(3, 2, false)), hashOf(3), 2, roleRetired},
		{"a dead token is remembered", aSession(1, withRetired(3, 2, true)), hashOf(3), 900, roleRetired},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := row.session.role(&row.token, minute(row.at)); got != row.want {
				t.Errorf("role = %v; want %v", got, row.want)
			}
		})
	}
}

// A request finds its session among one and among a hundred, by each of the
// tokens that the session knows.
func TestFindAmongManySessions(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, indexFrom - 1, indexFrom, 100} {
		var sessions []Session
		for i := range n {
			s := aSession(byte(i), pendingSince(1, byte(i)))
			s.retired = []retired{{hash: hashOf(byte(100 + i)), until: minute(9)}}
			sessions = append(sessions, s)
		}
		a := anAccount(sessions...)
		if (a.index != nil) != (n >= indexFrom) {
			t.Errorf("%d sessions: index = %v", n, a.index)
		}
		for i := range n {
			for h, want := range map[Hash]role{
				sessions[i].hash:            roleCurrent,
				sessions[i].pending.hash:    rolePending,
				sessions[i].retired[0].hash: roleGrace,
			} {
				s, got := a.find(&h, minute(2))
				if got != want || s == nil || s.handle != sessions[i].handle {
					t.Errorf("%d sessions: token of session %d: found %v as %v; want %v", n, i, s, got, want)
				}
			}
		}
		h := hashOf(254)
		if s, got := a.find(&h, minute(2)); s != nil || got != roleNone {
			t.Errorf("%d sessions: an unknown token is %v of %v", n, got, s)
		}
		// An account that is being changed has sessions in other places than
		// the one it was made from.
		fewer := a.without(func(s *Session) bool { return s.handle == sessions[0].handle })
		last := sessions[n-1].hash
		if s, got := fewer.find(&last, minute(2)); n > 1 && (got != roleCurrent || s.handle != sessions[n-1].handle) {
			t.Errorf("%d sessions, the first one gone: the last one's token is %v", n, got)
		}
		// The index compares 64 bits. A token that shares them is another all
		// the same.
		h = sessions[0].hash
		h[31] ^= 1
		if s, got := a.find(&h, minute(2)); s != nil || got != roleNone {
			t.Errorf("%d sessions: a token of the same prefix is %v of %v", n, got, s)
		}
	}
}

func TestWhenASessionDies(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		session Session
		want    float64
	}{
		{"30 minutes after sign-in if nothing renews it", aSession(1), 30},
		{"30 minutes after its last renewal", aSession(1, renewedAt(20)), 50},
		{"an unconfirmed successor moves the idle time once", aSession(1, pendingSince(16, 1)), 46},
		{"at its absolute end whatever renews it", aSession(1, renewedAt(24*60-1)), 24 * 60},
		{"at its absolute end whatever is pending", aSession(1, pendingSince(24*60-1, 1)), 24 * 60},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := row.session.end(ruled(nil)); got != minute(row.want) {
				t.Errorf("end = minute %v; want %v", got.Sub(minute0).Minutes(), row.want)
			}
		})
	}
}

func TestSettleForgetsWhatIsOver(t *testing.T) {
	t.Parallel()
	r, lease := ruled(nil), numberedID(77)
	for _, row := range []struct {
		name     string
		account  *Account
		epoch    *Epoch
		at       float64
		sessions int
		writers  int
		lease    ID
		same     bool
	}{
		{"nothing is over", anAccount(aSession(1)), anEpoch(), 1, 1, 0, numberedID(1), true},
		{"a session is dead at its end, to the moment", anAccount(aSession(1), aSession(2, renewedAt(1))), anEpoch(), 30, 1, 0, numberedID(1), false},
		{"without an epoch nobody was revoked", anAccount(aSession(1)), nil, 1, 1, 0, numberedID(1), true},
		{"everyone's sessions were ended", anAccount(aSession(1)), &Epoch{revokedBefore: minute(1)}, 1, 0, 0, numberedID(1), false},
		{"those who signed in after that live", anAccount(aSession(1)), &Epoch{revokedBefore: minute(0)}, 1, 1, 0, numberedID(1), true},
		{"a writer before its deadline stays", withWriters(anAccount(aSession(1)), writerUntil(1, 2)), anEpoch(), 1.9, 1, 1, numberedID(1), true},
		{"a writer past its deadline goes, and the lease changes", withWriters(anAccount(aSession(1)), writerUntil(1, 2)), anEpoch(), 2, 1, 0, lease, false},
		{"of two writers the later one stays", withWriters(anAccount(), writerUntil(1, 2), writerUntil(2, 3)), anEpoch(), 2, 0, 1, lease, false},
		{"a session and a writer go together", withWriters(anAccount(aSession(1)), writerUntil(1, 2)), anEpoch(), 40, 0, 0, lease, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := settle(frozen(t, row.account), row.epoch, minute(row.at), lease, r)
			if len(a.sessions) != row.sessions || len(a.writers) != row.writers || a.lease != row.lease {
				t.Errorf("settled: %d sessions, %d writers, lease %x; want %d, %d, %x",
					len(a.sessions), len(a.writers), a.lease, row.sessions, row.writers, row.lease)
			}
			if (a == row.account) != row.same {
				t.Errorf("the same account = %v; want %v", a == row.account, row.same)
			}
		})
	}
	if a := settle(nil, nil, minute(1), lease, r); a != nil {
		t.Errorf("an absent account settles to %v", a)
	}
}

// The record lives for as long as anything in it does, and no longer.
func TestTheRecordExpiresWithTheLastThatIsInIt(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		account *Account
		want    float64
	}{
		{"with its session", anAccount(aSession(1)), 30},
		{"with the last of its sessions", anAccount(aSession(1), aSession(2, renewedAt(10)), aSession(3)), 40},
		{"with a successor that was handed out", anAccount(aSession(1, pendingSince(15, 1))), 45},
		{"with a writer that outlives the sessions", withWriters(anAccount(aSession(1)), writerUntil(1, 31)), 31},
		{"with its sessions where they outlive the writer", withWriters(anAccount(aSession(1)), writerUntil(1, 29)), 30},
		{"with its writer where there is no session", withWriters(anAccount(), writerUntil(1, 3)), 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.account.seal(numberedID(5), ruled(nil))
			if row.account.expires != minute(row.want) {
				t.Errorf("expires at minute %v; want %v", row.account.expires.Sub(minute0).Minutes(), row.want)
			}
			if row.account.version != numberedID(5) {
				t.Errorf("version = %x", row.account.version)
			}
		})
	}
}

func TestARecordIsKeptForSessionsAndWritersOnly(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		account *Account
		want    bool
	}{
		{"an absent one is not", nil, false},
		{"one with a cached user alone is not", anAccount(), false},
		{"one with a session is", anAccount(aSession(1)), true},
		{"one with a writer is", withWriters(anAccount(), writerUntil(1, 1)), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := row.account.kept() != nil; got != row.want {
				t.Errorf("kept = %v; want %v", got, row.want)
			}
		})
	}
}

func TestAUserIsNeverOlderThanTheRules(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		maxAge time.Duration
		want   time.Duration
	}{
		{"MaxAge bounds it", time.Minute, time.Minute},
		{"RenewAfter bounds it where MaxAge is longer", time.Hour, 15 * time.Minute},
		{"RenewAfter bounds it where MaxAge is none", 1<<63 - 1, 15 * time.Minute},
		{"no age at all is allowed", 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if got := ruled(func(r *Rules) { r.MaxAge = row.maxAge }).UserAge(); got != row.want {
				t.Errorf("userAge = %v; want %v", got, row.want)
			}
		})
	}
}
