package cache

// A mutation takes a rule out of a protocol.
type mutation func(p *protocol)

// counted is an id that is the n-th of its kind, where ids are counted.
func counted(n byte) ID { return ID{0: countedMark, 15: n} }

// countFrom returns the id after the given one, and the first after none.
func countFrom(id ID) ID {
	if id[0] != countedMark {
		return counted(1)
	}
	return counted(id[15] + 1)
}

// onBegin lets change alter what the announcement of a write makes of a.
func onBegin(change func(next, a *Account)) mutation {
	return func(p *protocol) {
		begin := p.beginWrite
		p.beginWrite = func(a *Account, create func() *Account, lease ID, w Writer) *Account {
			next := begin(a, create, lease, w)
			if a != nil {
				change(next, a)
			}
			return next
		}
	}
}

// onEnd does so for the conclusion.
func onEnd(change func(next, a *Account)) mutation {
	return func(p *protocol) {
		end := p.endWrite
		p.endWrite = func(a *Account, lease, writer ID) *Account {
			next := end(a, lease, writer)
			if a != nil {
				change(next, a)
			}
			return next
		}
	}
}

var (
	beginKeepsLease = onBegin(func(next, a *Account) { next.lease = a.lease })
	beginKeepsUser  = onBegin(func(next, a *Account) { next.user = a.user })
	endKeepsLease   = onEnd(func(next, a *Account) { next.lease = a.lease })
	endKeepsUser    = onEnd(func(next, a *Account) { next.user = a.user })

	endKeepsLeaseOfOthers = onEnd(func(next, a *Account) {
		if len(next.writers) > 0 {
			next.lease = a.lease
		}
	})
)

func beginCreatesNothing(p *protocol) {
	begin := p.beginWrite
	p.beginWrite = func(a *Account, create func() *Account, lease ID, w Writer) *Account {
		if a == nil {
			return nil
		}
		return begin(a, create, lease, w)
	}
}

func purgeKeepsLease(p *protocol) {
	settle := p.settle
	p.settle = func(a *Account, e *Epoch, now Time, lease ID) *Account {
		next := settle(a, e, now, lease)
		if next != a {
			next.lease = a.lease
		}
		return next
	}
}

func permitIgnoresWriters(p *protocol) {
	permitFill := p.permitFill
	p.permitFill = func(a *Account, e *Epoch, now Time) permit {
		if a != nil {
			alone := *a
			alone.writers = nil
			a = &alone
		}
		return permitFill(a, e, now)
	}
}

func permitIgnoresWritersOfAll(p *protocol) {
	permitFill := p.permitFill
	p.permitFill = func(a *Account, e *Epoch, now Time) permit {
		if e != nil {
			e = &Epoch{stamp: e.stamp}
		}
		return permitFill(a, e, now)
	}
}

func permitAfterRead(p *protocol) { p.permitAfterRead = true }

// fillHolding makes fills admit more than they may: it changes what they
// compare, by way of copies.
func fillHolding(change func(a *Account, e *Epoch, p *permit)) mutation {
	return func(p *protocol) {
		fill := p.fillUser
		p.fillUser = func(a *Account, e *Epoch, have permit, user any, lease ID) *Account {
			if a == nil || e == nil {
				return a
			}
			admitted, at := *a, Epoch{stamp: e.stamp, writers: e.writers}
			change(&admitted, &at, &have)
			next := fill(&admitted, &at, have, user, lease)
			if next == &admitted {
				return a
			}
			next.writers = a.writers
			return next
		}
	}
}

var (
	fillIgnoresLease   = fillHolding(func(a *Account, _ *Epoch, p *permit) { p.lease = a.lease })
	fillIgnoresEpoch   = fillHolding(func(_ *Account, e *Epoch, p *permit) { p.stamp = e.stamp })
	fillIgnoresWriters = fillHolding(func(a *Account, e *Epoch, _ *permit) { a.writers, e.writers = nil, nil })
)

func fillKeepsLease(p *protocol) {
	fill := p.fillUser
	p.fillUser = func(a *Account, e *Epoch, have permit, user any, lease ID) *Account {
		if next := fill(a, e, have, user, lease); next != a {
			next.lease = a.lease
			return next
		}
		return a
	}
}

func dropKeepsLease(p *protocol) {
	drop := p.dropUser
	p.dropUser = func(a *Account, lease ID) *Account {
		next := drop(a, lease)
		if a != nil {
			next.lease = a.lease
		}
		return next
	}
}

func signInIgnoresLease(p *protocol) {
	add := p.signIn
	p.signIn = func(in *signIn, a *Account, e *Epoch) *Account {
		late := *in
		if a != nil && in.fill.granted() {
			late.fill.lease = a.lease
		}
		return add(&late, a, e)
	}
}

// absentIsFilled lets a read under no account at all fill the account that is
// made after it.
func absentIsFilled(p *protocol) {
	permitFill, add := p.permitFill, p.signIn
	p.permitFill = func(a *Account, e *Epoch, now Time) permit {
		if a == nil && e != nil && len(e.writers) == 0 {
			return permit{lease: counted(0), stamp: e.stamp}
		}
		return permitFill(a, e, now)
	}
	p.signIn = func(in *signIn, a *Account, e *Epoch) *Account {
		next := add(in, a, e)
		if a == nil && in.fill.lease == counted(0) && e.stamp == in.fill.stamp {
			next.user, next.stamp = in.user, e.stamp
		}
		return next
	}
}

func beginAllKeepsStamp(p *protocol) {
	begin := p.beginAll
	p.beginAll = func(e *Epoch, now Time, stamp ID, w Writer) *Epoch {
		next := begin(e, now, stamp, w)
		if e != nil {
			next.stamp = e.stamp
		}
		return next
	}
}

func endAllKeepsStamp(p *protocol) {
	end := p.endAll
	p.endAll = func(e *Epoch, now Time, stamp, writer ID) *Epoch {
		next := end(e, now, stamp, writer)
		if e != nil {
			next.stamp = e.stamp
		}
		return next
	}
}

// stampsRepeat lets the epoch say no more than whether a change is under way.
func stampsRepeat(p *protocol) {
	begin, end := p.beginAll, p.endAll
	p.beginAll = func(e *Epoch, now Time, _ ID, w Writer) *Epoch { return begin(e, now, counted(1), w) }
	p.endAll = func(e *Epoch, now Time, _, writer ID) *Epoch { return end(e, now, counted(2), writer) }
}

// absentEpochIsConstant makes a lost epoch anew under the same stamp.
func absentEpochIsConstant(p *protocol) {
	settle := p.settleEpoch
	p.settleEpoch = func(e *Epoch, now Time, stamp ID) *Epoch {
		if e == nil {
			stamp = counted(1)
		}
		return settle(e, now, stamp)
	}
}

func leasesRepeat(p *protocol) {
	p.newLease = func(a *Account, _ ID) ID {
		if a == nil {
			return counted(1)
		}
		return countFrom(a.lease)
	}
}

func versionsRepeat(p *protocol) {
	p.newVersion = func(a *Account, _ ID) ID {
		if a == nil {
			return counted(1)
		}
		return countFrom(a.version)
	}
}

// endsWithSessions deletes a record with its last session.
func endsWithSessions(p *protocol) {
	p.kept = func(a *Account) *Account {
		if a == nil || len(a.sessions) == 0 {
			return nil
		}
		return a
	}
}

func expiresWithSessions(p *protocol) {
	p.expires = func(a *Account) Time {
		if len(a.sessions) == 0 {
			return 0
		}
		return a.expires
	}
}

func forgetsWriters(p *protocol) { p.mayForget = func([]Writer, Time) bool { return true } }
func commitsLate(p *protocol)    { p.mayCommit = func(Time, Time) bool { return true } }
func endsUnknown(p *protocol)    { p.endsUnknown = true }
func leaseDrawnOnce(p *protocol) { p.leaseDrawnOnce = true }
func writerPuts(p *protocol)     { p.writerPuts = true }
func refreshesOnce(p *protocol)  { p.refreshesOnce = true }

func joinsAny(p *protocol) { p.joins = func(_, _ *permit) bool { return true } }

func joinsWithoutPermit(p *protocol) {
	p.joins = func(mine, theirs *permit) bool {
		return mine.lease == theirs.lease && mine.stamp == theirs.stamp
	}
}

func goneIgnoresLease(p *protocol) {
	gone := p.endGone
	p.endGone = func(a *Account, e *Epoch, have permit, held []Handle, lease ID) *Account {
		if a != nil {
			have.lease = a.lease
		}
		return gone(a, e, have, held, lease)
	}
}

func goneEndsAll(p *protocol) {
	gone := p.endGone
	p.endGone = func(a *Account, e *Epoch, have permit, held []Handle, lease ID) *Account {
		if a != nil {
			held = a.handles()
		}
		return gone(a, e, have, held, lease)
	}
}
