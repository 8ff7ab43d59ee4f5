package cache

import (
	"testing"
	"time"
)

// syncing is a sync of session 1 at minute 20 by a request with token n, to
// token 40, with a minute of grace.
func syncing(n byte, changes ...func(*rotation)) *rotation {
	in := &rotation{
		handle: numberedHandle(1), hash: hashOf(n), to: hashOf(40),
		grace: time.Minute, now: minute(20),
	}
	for _, change := range changes {
		change(in)
	}
	return in
}

// roles returns what each token is to the account at a minute.
func roles(a *Account, at float64, tokens ...Hash) []role {
	var rs []role
	for _, h := range tokens {
		_, r := a.find(&h, minute(at))
		rs = append(rs, r)
	}
	return rs
}

func wantRoles(t *testing.T, a *Account, at float64, want map[Hash]role) {
	t.Helper()
	for h, w := range want {
		if got := roles(a, at, h)[0]; got != w {
			t.Errorf("minute %v: token %x is %v; want %v", at, h[:2], got, w)
		}
	}
}

func TestASyncRetiresEveryTokenOfItsSession(t *testing.T) {
	t.Parallel()
	a := frozen(t, anAccount(
		aSession(1, marked, pendingSince(15, 7), withRetired(3, 20.5, false), withRetired(4, 99, false)),
		aSession(2, marked),
	))
	next, ok := syncing(1).decide(a, ruled(nil))
	if !ok {
		t.Fatal("the sync was refused")
	}
	s := next.session(numberedHandle(1))
	if s.hash != hashOf(40) || s.pending != nil || s.regenerate || s.renewed != minute(20) {
		t.Errorf("session = %+v; want the new token, nothing pending, no mark, renewed now", s)
	}
	wantRoles(t, next, 20.4, map[Hash]role{
		hashOf(1): roleGrace, pending7.hash(): roleGrace, hashOf(3): roleGrace, hashOf(4): roleGrace, hashOf(40): roleCurrent,
	})
	// A token in grace never gets a later end, and none outlives the sync's.
	wantRoles(t, next, 20.5, map[Hash]role{hashOf(3): roleRetired, hashOf(1): roleGrace})
	wantRoles(t, next, 21, map[Hash]role{
		hashOf(1): roleRetired, pending7.hash(): roleRetired, hashOf(4): roleRetired, hashOf(40): roleCurrent,
	})
	for _, r := range s.retired {
		if !r.synced {
			t.Errorf("token %x is not told to be replaced by a sync", r.hash[:2])
		}
	}
	if s := next.session(numberedHandle(2)); s.hash != hashOf(2) || !s.regenerate {
		t.Error("another session was changed")
	}
}

func TestASyncWithoutGraceEndsEveryTokenNow(t *testing.T) {
	t.Parallel()
	a := frozen(t, anAccount(aSession(1, pendingSince(15, 7), withRetired(3, 99, false))))
	next, _ := syncing(1, func(in *rotation) { in.grace = 0 }).decide(a, ruled(nil))
	wantRoles(t, next, 20, map[Hash]role{
		hashOf(1): roleRetired, pending7.hash(): roleRetired, hashOf(3): roleRetired, hashOf(40): roleCurrent,
	})
}

func TestWhoMaySync(t *testing.T) {
	t.Parallel()
	withPending := aSession(1, pendingSince(15, 7))
	confirmed, _ := request(pending7, anAccount(withPending), 16, ruled(nil))
	synced, _ := syncing(1, func(in *rotation) { in.to = hashOf(41) }).decide(anAccount(aSession(1)), ruled(nil))
	for _, row := range []struct {
		name    string
		account *Account
		sync    *rotation
		want    bool
	}{
		{"the current token may", anAccount(aSession(1)), syncing(1), true},
		{"the current token may while it has a successor", anAccount(withPending), syncing(1), true},
		{"a successor may at its first use", anAccount(withPending), &rotation{handle: numberedHandle(1), hash: pending7.hash(), now: minute(20)}, true},
		{"a token retired under its request by its own successor may", confirmed, syncing(1), true},
		{"it may also when its grace is over", confirmed, syncing(1, func(in *rotation) { in.now = minute(29) }), true},
		{"a token that another sync replaced may not", synced, syncing(1), false},
		{"an unknown token may not", anAccount(aSession(1)), syncing(8), false},
		{"a token of another session may not", anAccount(aSession(1), aSession(2)), syncing(2), false},
		{"nobody may once the session has ended", anAccount(aSession(2)), syncing(1), false},
		{"nobody may without an account", nil, syncing(1), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			next, ok := row.sync.decide(row.account, ruled(nil))
			if ok != row.want {
				t.Errorf("decide = %v; want %v", ok, row.want)
			}
			if !ok && next != row.account {
				t.Error("a sync that was refused changed the account")
			}
		})
	}
}

func TestASyncMayKeepTheTokenAndEndTheOthers(t *testing.T) {
	t.Parallel()
	keep := func(in *rotation) { in.keep = true }
	others := func(in *rotation) { in.others = true }
	for _, row := range []struct {
		name     string
		sync     *rotation
		sessions int
		token    Hash
	}{
		{"keeping the token changes nothing", syncing(1, keep), 3, hashOf(1)},
		{"ending the others leaves one session with a new token", syncing(1, others), 1, hashOf(40)},
		{"both leave one session with its token", syncing(1, keep, others), 1, hashOf(1)},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := frozen(t, anAccount(aSession(2), aSession(1), aSession(3)))
			next, ok := row.sync.decide(a, ruled(nil))
			if !ok || len(next.sessions) != row.sessions || next.session(numberedHandle(1)).hash != row.token {
				t.Errorf("decide = %v with %d sessions; want %d and the right token", ok, len(next.sessions), row.sessions)
			}
		})
	}
}

// A sync that landed unseen is found to be there.
func TestASyncDecidedTwiceRotatesOnce(t *testing.T) {
	t.Parallel()
	in := syncing(1, func(in *rotation) { in.others = true })
	once, _ := in.decide(anAccount(aSession(1), aSession(2)), ruled(nil))
	twice, ok := in.decide(frozen(t, once), ruled(nil))
	if !ok || twice != once {
		t.Errorf("the second time: %v, changed: %v; want true and nothing changed", ok, twice != once)
	}
}

// A sync that keeps the token and allows no grace ends those in grace, of its
// own session alone.
func TestASyncThatKeepsTheTokenEndsGrace(t *testing.T) {
	t.Parallel()
	keep := func(grace time.Duration) func(*rotation) {
		return func(in *rotation) { in.keep, in.grace = true, grace }
	}
	a := frozen(t, anAccount(
		aSession(1, withRetired(3, 20.5, false), withRetired(4, 19, false)),
		aSession(2, withRetired(5, 20.5, false)),
	))
	next, ok := syncing(1, keep(0)).decide(a, ruled(nil))
	if !ok {
		t.Fatal("the sync was refused")
	}
	wantRoles(t, next, 20, map[Hash]role{
		hashOf(1): roleCurrent, hashOf(3): roleRetired, hashOf(4): roleRetired, hashOf(5): roleGrace,
	})
	if again, _ := syncing(1, keep(0)).decide(next, ruled(nil)); again != next {
		t.Error("with nothing in grace the account changed")
	}
	if same, _ := syncing(1, keep(time.Minute)).decide(a, ruled(nil)); same != a {
		t.Error("a sync that allows a grace changed the account")
	}
}
