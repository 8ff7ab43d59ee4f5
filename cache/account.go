package cache

import (
	"crypto/subtle"
	"encoding/binary"
	"slices"
)

// An Account is a user's one record: the cached user and all sessions. It is
// immutable once published; every decision makes a new one. Users leave it
// only as copies.
type Account struct {
	space  *Space
	tenant string
	key    string

	version ID // new at every swap; for the compare-and-swap only
	lease   ID // changes whenever what may be cached changes; see lease.go
	stamp   ID // the epoch under which user was read

	user     any  // as Config.Source returned it, nil where none is cached
	readAt   Time // the store's time before the read that brought user, or has found that it is the row's still
	wholeAt  Time // the same, of the read that brought it
	expires  Time // when the record may be forgotten
	serial   uint64
	writers  []Writer
	sessions []Session
	index    *tokenIndex // nil for few sessions
}

// A Writer has announced a change of the user's row and not yet concluded it.
type Writer struct {
	id       ID
	deadline Time
}

// A Session is one signed-in client.
type Session struct {
	handle     Handle
	transport  Transport
	regenerate bool // give the client a new token at its next request
	remembered bool // it lives to its absolute end, idle or not
	resumed    bool // it was dormant, or signed in elsewhere: no proof of late who the user is
	hash       Hash // of the current token
	created    Time // never moves
	renewed    Time // when the current token was made, or the idle time last moved
	signedIn   Time // when the user last proved who they are
	ends       Time // the absolute end
	pending    *pending
	renewal    *renewal  // nil: the session is not renewable
	retired    []retired // newest last
	methods    []string  // how the user proved who they are, as the app said
	metadata   []Pair
}

// A pending successor has been handed out and not yet been used.
type pending struct {
	hash   Hash
	salt   Hash // with the current token's secret it gives the successor's
	madeAt Time
}

// A retired token was replaced. Until until it still works; afterwards it is
// remembered for the reuse alarm.
type retired struct {
	hash  Hash
	until Time
	// synced tells a token that a sync replaced from one whose own successor
	// was confirmed. Requests under way on the latter may still rotate.
	synced bool
}

// A Pair is one entry of a session's metadata.
type Pair struct{ Key, Value string }

// A Hash is the SHA-256 of a token's secret, or a salt of that size.
type Hash [32]byte

func (h *Hash) equal(o *Hash) bool { return subtle.ConstantTimeCompare(h[:], o[:]) == 1 }

func (h *Hash) prefix() uint64 { return binary.LittleEndian.Uint64(h[:8]) }

// block is how most accounts are allocated: an account and its one session
// side by side, which is a third of the memory less than two objects.
type block struct {
	Account
	one [1]Session
}

// edit returns a copy of a with room for extra more sessions. The copy may be
// changed until it is published; what its sessions point to may not.
func (a *Account) edit(extra int) *Account {
	n := len(a.sessions) + extra
	var next *Account
	if n <= 1 {
		b := &block{Account: *a}
		next, b.sessions = &b.Account, b.one[:0]
	} else {
		c := *a
		next, c.sessions = &c, make([]Session, 0, n)
	}
	next.sessions = append(next.sessions, a.sessions...)
	next.index = nil
	return next
}

// without returns a copy of a that lacks the sessions for which gone is true,
// or a itself where there are none.
func (a *Account) without(gone func(*Session) bool) *Account {
	if a == nil || !slices.ContainsFunc(a.sessions, func(s Session) bool { return gone(&s) }) {
		return a
	}
	next := a.edit(0)
	next.sessions = slices.DeleteFunc(next.sessions, func(s Session) bool { return gone(&s) })
	return next
}

// session returns the session with this handle, nil where there is none.
func (a *Account) session(h Handle) *Session {
	if a == nil {
		return nil
	}
	for i := range a.sessions {
		if a.sessions[i].handle == h {
			return &a.sessions[i]
		}
	}
	return nil
}

// settle returns a as it is at now: without dead sessions and without writers
// past their deadline. Forgetting a writer changes the lease: its COMMIT may
// have happened at any moment, so nothing read before may be filled.
func settle(a *Account, e *Epoch, now Time, lease ID, r *Rules) *Account {
	if a == nil {
		return nil
	}
	next := a.without(func(s *Session) bool { return s.end(r) <= now || e.revoked(s) })
	if slices.ContainsFunc(a.writers, func(w Writer) bool { return w.deadline <= now }) {
		if next == a {
			next = a.edit(0)
		}
		next.writers = liveWriters(a.writers, now)
		next.user, next.lease = nil, lease
	}
	return next
}

func liveWriters(ws []Writer, now Time) []Writer {
	var live []Writer
	for _, w := range ws {
		if w.deadline > now {
			live = append(live, w)
		}
	}
	return live
}

func hasLiveWriter(ws []Writer, now Time) bool {
	return slices.ContainsFunc(ws, func(w Writer) bool { return w.deadline > now })
}

// kept returns a, or nil where nothing is left in it that a record is for: a
// record with neither session nor writer is deleted.
func (a *Account) kept() *Account {
	if a == nil || len(a.sessions) == 0 && len(a.writers) == 0 {
		return nil
	}
	return a
}

// seal makes an edited account ready to be published under version.
func (a *Account) seal(version ID, r *Rules) {
	a.version = version
	a.expires = 0
	for i := range a.sessions {
		a.expires = max(a.expires, a.sessions[i].end(r))
	}
	for _, w := range a.writers {
		a.expires = max(a.expires, w.deadline)
	}
	a.index = newTokenIndex(a.sessions)
}
