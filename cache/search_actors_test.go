package cache

import "fmt"

// A job is what an actor is there for.
type job int8

const (
	idles          job = iota
	writes             // announces a change of the user, commits, concludes
	writesAll          // the same for all users
	reads              // a request that finds the user in the cache or reads the row
	signsIn            // a sign-in of the user
	refreshes          // a request that must have the newest row, and caches it
	writesAndSyncs     // a handler that commits unannounced and then syncs
)

// A place is how far an actor has come.
type place int8

const (
	atIdle place = iota
	atCommitting
	atConcluding
	atDropping   // the cached user, as a sync does first
	atEpochBare  // the epoch has to be made or settled first
	atEpochReady // and loaded again
	atPurging    // a dead writer has to be forgotten first
	atSharing    // looks for a read to join
	atReading
	atReturning
	atWaiting // for a read that it joined
	atFilling
	atEnding // the sessions of a user who is gone
	atLanding
	atGivingUp // a refresh that could not fill drops the user
	atDone
)

// actorNames names each actor by its job and number.
var actorNames = func() (names [writesAndSyncs + 1][maxActors]string) {
	for does, job := range [...]string{
		writes: "writer", writesAll: "writer of all", reads: "reader", signsIn: "sign-in",
		refreshes: "refresh", writesAndSyncs: "sync",
	} {
		for i := range names[does] {
			names[does][i] = fmt.Sprint(job, " ", i+1)
		}
	}
	return names
}()

// A turn takes steps of one actor.
type turn struct {
	*model
	before *world
	actor  int
	emit   func(took step, after *world, broken string)
}

// take emits the step of the turn's actor that f makes.
func (t *turn) take(what string, f func(w *world, a *actor)) {
	w := t.copyOf(t.before)
	a := &w.actors[t.actor]
	who := actorNames[a.does][t.actor]
	f(w, a)
	t.emit(step{who, what}, w, t.check(w))
}

func (m *model) next(w *world, emit func(step, *world, string)) {
	for i := range w.actors {
		t := turn{m, w, i, emit}
		a := &w.actors[i]
		if a.unknown && m.mayCommit(w.now, a.deadline) {
			t.take("has its COMMIT applied late", func(w *world, a *actor) {
				m.commit(w, a)
				a.unknown = false
			})
		}
		if w.mustWait(i) {
			continue
		}
		switch a.does {
		case writes, writesAll:
			t.write(a)
		case reads, signsIn, refreshes, writesAndSyncs:
			t.read(a)
		}
	}
	m.happen(w, emit)
}

// mustWait lets actors with the same job begin in their order. They are alike,
// so any other order is one of these by other names.
func (w *world) mustWait(i int) bool {
	if w.actors[i].begun() {
		return false
	}
	for j := range w.actors[:i] {
		if w.actors[j].does == w.actors[i].does && !w.actors[j].begun() {
			return true
		}
	}
	return false
}

func (a *actor) begun() bool { return a.at != atIdle || a.again }

// happen emits what happens by itself.
func (m *model) happen(w *world, emit func(step, *world, string)) {
	by := func(who, what string, left func(*budget) *int, f func(w *world)) {
		if *left(&w.left) == 0 {
			return
		}
		n := m.copyOf(w)
		*left(&n.left)--
		f(n)
		emit(step{who, what}, n, m.check(n))
	}
	by("time", "passes the deadlines", func(b *budget) *int { return &b.ticks }, func(w *world) {
		w.now = w.now.Add(tick)
	})
	if w.account != nil {
		by("the user", "signs out everywhere", func(b *budget) *int { return &b.signOuts }, func(w *world) {
			m.update(w, func(v view, _ ID) *Account {
				return endSessions(v.account, func(*Session) bool { return true })
			})
		})
		if m.lossy || m.mayForget(w.account.writers, w.now) {
			by("the store", "forgets the account", func(b *budget) *int { return &b.evictions }, func(w *world) {
				w.account = nil
			})
		}
	}
	if w.epoch != nil && (m.lossy || m.mayForget(w.epoch.writers, w.now)) {
		by("the store", "forgets the epoch", func(b *budget) *int { return &b.lostEpochs }, func(w *world) {
			w.epoch = nil
		})
	}
}

func (m *model) commit(w *world, a *actor) {
	w.row++
	a.saw = w.row
	if m.strict {
		w.floor = w.row
	}
}

// writerID is what the i-th actor announces itself by.
func writerID(i int) ID { return ID{0: 0xff, 15: byte(i)} }

func (t *turn) write(a *actor) {
	switch a.at {
	case atIdle:
		t.take("announces a change", t.begin)
	case atCommitting:
		if t.mayCommit(t.before.now, a.deadline) {
			t.take("commits", func(w *world, a *actor) {
				t.commit(w, a)
				a.at = atConcluding
			})
			if t.ambiguous {
				t.take("sends COMMIT and hears nothing", func(_ *world, a *actor) {
					a.unknown, a.at = true, atDone
					if t.endsUnknown {
						a.at = atConcluding
					}
				})
			}
		} else if !a.again {
			t.take("is late and announces itself again", func(w *world, a *actor) {
				a.again = true
				t.begin(w, a)
			})
		}
		t.take("rolls back", func(_ *world, a *actor) { a.at = atConcluding })
	case atConcluding:
		t.take("concludes", t.end)
		if t.unheard && a.lease == (ID{}) {
			t.take("concludes and hears nothing", func(w *world, a *actor) {
				a.lease = t.conclude(w, a, w.draw())
			})
		}
	}
}

func (t *turn) begin(w *world, a *actor) {
	a.deadline, a.at = w.now.Add(tick), atCommitting
	announced := Writer{writerID(t.actor), a.deadline}
	if a.does == writesAll {
		w.epoch = t.beginAll(w.epoch, w.now, w.draw(), announced)
		return
	}
	t.update(w, func(v view, lease ID) *Account {
		return t.beginWrite(v.account, newAccount(lease), lease, announced)
	})
}

func (t *turn) end(w *world, a *actor) {
	lease := w.draw()
	if t.leaseDrawnOnce && a.lease != (ID{}) {
		lease = a.lease
	}
	t.conclude(w, a, lease)
	a.at = atDone
	w.floor = max(w.floor, a.saw) // 0 where it rolled back
	if t.writerPuts && a.saw > 0 && w.account != nil {
		next := w.account.edit(0)
		next.user, next.stamp = a.saw, w.epoch.stamp
		next.seal(w.draw(), &t.rules)
		w.account = next
	}
}

// conclude changes the record, and returns the lease or stamp that it set.
func (t *turn) conclude(w *world, a *actor, drawn ID) ID {
	if a.does == writesAll {
		w.epoch = t.endAll(w.epoch, w.now, drawn, writerID(t.actor))
		return drawn
	}
	t.update(w, func(v view, _ ID) *Account {
		drawn = t.newLease(v.account, drawn)
		return t.endWrite(v.account, drawn, writerID(t.actor))
	})
	return drawn
}
