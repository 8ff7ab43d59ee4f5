package cache

import "slices"

// An Epoch is the record that says "all users changed". A cached user counts
// only under the stamp that was current before the user was read. The epoch is
// kept beside every account, so that one load brings both.
type Epoch struct {
	version       ID
	stamp         ID // changes when all users change, and never returns
	writers       []Writer
	revokedBefore Time // sessions signed in earlier are dead; 0 = none are
	expires       Time
	opaque        []byte // of a record that came in as bytes
}

// revoked reports whether everyone's sessions as old as s were ended.
func (e *Epoch) revoked(s *Session) bool {
	return e != nil && s.signedIn < e.revokedBefore
}

// revokeAll ends everyone's sessions that were signed in before at. A moment
// that was set already never moves back.
func revokeAll(e *Epoch, now Time, stamp ID, at Time) *Epoch {
	e = settleEpoch(e, now, stamp)
	if e.revokedBefore >= at {
		return e
	}
	next := *e
	next.revokedBefore = at
	return &next
}

// settleEpoch returns e as it is at now, never nil. Where the record is absent
// it is made anew with a random stamp, before any read that may fill.
// Forgetting a writer past its deadline changes the stamp.
func settleEpoch(e *Epoch, now Time, stamp ID) *Epoch {
	switch {
	case e == nil:
		return &Epoch{stamp: stamp}
	case slices.ContainsFunc(e.writers, func(w Writer) bool { return w.deadline <= now }):
		next := *e
		next.writers, next.stamp = liveWriters(e.writers, now), stamp
		return &next
	}
	return e
}

// beginAll announces a change of all users, or of users that cannot be named.
// The stamp changes, so no cached user counts any more.
func beginAll(e *Epoch, now Time, stamp ID, w Writer) *Epoch {
	next := *settleEpoch(e, now, stamp)
	next.stamp = stamp
	next.writers = addWriter(next.writers, w)
	return &next
}

// endAll concludes such a change. The stamp changes again, whether or not the
// writer is still known: a user read between the two may be the old one.
func endAll(e *Epoch, now Time, stamp ID, writer ID) *Epoch {
	next := *settleEpoch(e, now, stamp)
	next.stamp = stamp
	next.writers = dropWriter(next.writers, writer)
	return &next
}

// addWriter returns ws with w, or with its later deadline where w announces
// itself again. At the bound all are folded into one with the latest deadline:
// it keeps readers out for at least as long as each of them would have.
func addWriter(ws []Writer, w Writer) []Writer {
	next := dropWriter(ws, w.id)
	if len(next) >= maxWriters {
		for _, o := range next {
			w.deadline = max(w.deadline, o.deadline)
		}
		// The folded writer's id is nobody's: it can only expire.
		return []Writer{{id: foldedWriter, deadline: w.deadline}}
	}
	return append(next, w)
}

var foldedWriter = ID{15: 1}

// dropWriter returns ws without the writer, always in new memory.
func dropWriter(ws []Writer, id ID) []Writer {
	next := make([]Writer, 0, len(ws)+1)
	for _, w := range ws {
		if w.id != id {
			next = append(next, w)
		}
	}
	return next
}
