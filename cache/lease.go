package cache

import "slices"

// A permit lets a read of the user's row fill the cache. It is granted before
// the read and names the lease and the epoch under which the read began; a
// fill is admitted only while both still hold. The zero permit fills nothing.
type permit struct {
	lease  ID
	stamp  ID
	readAt Time

	wholeAt Time // where the read has only found that a cached user is the row's still
}

func (p *permit) granted() bool { return p.lease != ID{} }

// permitFill decides, before a read, whether it may fill. An absent account is
// never filled: whatever was announced about its user has left no trace in it.
// With a writer in flight the row may be the old one or the new one.
func permitFill(a *Account, e *Epoch, now Time) permit {
	if a == nil || e == nil {
		return permit{}
	}
	// One past its deadline counts as well: the lease has yet to change for it.
	if len(a.writers) > 0 || len(e.writers) > 0 {
		return permit{}
	}
	return permit{lease: a.lease, stamp: e.stamp, readAt: now, wholeAt: now}
}

// holds reports whether what was read under p may still enter the account.
func (p *permit) holds(a *Account, e *Epoch) bool {
	return p.granted() && a != nil && e != nil &&
		a.lease == p.lease && e.stamp == p.stamp &&
		len(a.writers) == 0 && len(e.writers) == 0
}

// fillUser puts the user that was read under p into the account, if p still
// holds. The lease changes, so of two reads under one lease one fills.
func fillUser(a *Account, e *Epoch, p permit, user any, lease ID) *Account {
	if !p.holds(a, e) {
		return a
	}
	next := a.edit(0)
	next.fill(p, user, lease)
	return next
}

// fill puts the user into an account that is being edited, and under whose
// lease p was granted.
func (a *Account) fill(p permit, user any, lease ID) {
	a.user, a.readAt, a.wholeAt, a.stamp, a.lease = user, p.readAt, p.wholeAt, p.stamp, lease
}

// outdated reports whether the cached user counts no more, since all users were
// said to have changed after they were read.
func (a *Account) outdated(e *Epoch) bool { return e == nil || a.stamp != e.stamp }

// dropUser forgets the cached user. The lease changes, so a read that began
// before fills nothing. An absent account stays absent: it is never filled.
func dropUser(a *Account, lease ID) *Account {
	if a == nil {
		return nil
	}
	next := a.edit(0)
	next.user, next.lease = nil, lease
	return next
}

// endGone applies a read that found the user gone or not active. It ends the
// sessions of the record under which the read began, and no others: a sign-in
// made meanwhile has seen a newer row.
func endGone(a *Account, e *Epoch, p permit, held []Handle, lease ID) *Account {
	if !p.holds(a, e) {
		return a
	}
	next := a.edit(0)
	next.sessions = next.sessions[:0]
	for i := range a.sessions {
		if !slices.Contains(held, a.sessions[i].handle) {
			next.sessions = append(next.sessions, a.sessions[i])
		}
	}
	next.user, next.lease = nil, lease
	return next
}

func (a *Account) handles() []Handle {
	hs := make([]Handle, len(a.sessions))
	for i := range a.sessions {
		hs[i] = a.sessions[i].handle
	}
	return hs
}

// beginWrite announces a change of the user's row before its COMMIT: the
// writer goes in, the cached user out, and the lease changes. The account is
// created where there is none, so that a reader who signs in meanwhile knows.
func beginWrite(a *Account, create func() *Account, lease ID, w Writer) *Account {
	var next *Account
	if a == nil {
		next = create()
	} else {
		next = a.edit(0)
	}
	next.writers = addWriter(next.writers, w)
	next.user, next.lease = nil, lease
	return next
}

// endWrite concludes it after the COMMIT: the writer goes out and the lease
// changes, even if the writer is no longer known or others remain.
func endWrite(a *Account, lease ID, writer ID) *Account {
	if a == nil {
		return nil
	}
	next := a.edit(0)
	next.writers = dropWriter(next.writers, writer)
	next.user, next.lease = nil, lease
	return next
}
