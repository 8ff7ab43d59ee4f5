package cache

import "slices"

// read takes a step of a request that may read the row.
func (t *turn) read(a *actor) {
	switch a.at {
	case atIdle:
		t.start(a)
	case atDropping:
		t.take("drops the cached user", t.drop)
	case atGivingUp:
		t.take("drops the cached user", t.giveUp)
	case atEpochBare:
		t.take("makes the epoch ready", func(w *world, a *actor) {
			w.epoch = t.settleEpoch(w.epoch, w.now, w.draw())
			a.at = atEpochReady
		})
	case atEpochReady:
		t.take("loads again", func(w *world, a *actor) {
			a.view = w.load()
			t.afterEpoch(a)
		})
	case atPurging:
		t.take("tries to forget a dead writer", func(w *world, a *actor) {
			if t.try(w, &a.view, func(v view, _ ID) *Account { return v.account }) {
				t.beforeRead(a)
			}
		})
	case atSharing:
		t.take("looks for a read to join", t.share)
	case atReading:
		t.take("reads the row", t.readRow)
	case atWaiting:
		if leader := &t.before.actors[a.joined]; leader.at == atDone {
			t.take("is served what it waited for", func(w *world, a *actor) {
				if a.at = atDone; leader.saw < a.floor {
					w.broken = "a stale read, by joining"
				}
			})
		}
	case atReturning:
		t.take("is served what it read", t.finish)
	case atFilling:
		t.take("tries to fill", t.fill)
	case atEnding:
		t.take("tries to end the sessions of a user who is gone", t.endSessions)
	case atLanding:
		t.take("tries to add the session", t.land)
	}
}

// start begins a request. One that would be served from the cache, or that no
// longer has a session, does nothing that another could see.
func (t *turn) start(a *actor) {
	if a.does == writesAndSyncs {
		t.take("commits unannounced", func(w *world, a *actor) {
			t.commit(w, a)
			a.at = atDropping
		})
		return
	}
	v := t.before.load()
	if a.does != signsIn && (v.account == nil || len(v.account.sessions) == 0) {
		return
	}
	if _, hit := t.cached(&v); hit && a.does == reads {
		return
	}
	t.take("loads", func(w *world, a *actor) {
		a.view, a.floor = v, w.floor
		if v.epoch == nil || len(v.epoch.writers) > 0 && !hasLiveWriter(v.epoch.writers, v.now) {
			a.at = atEpochBare
			return
		}
		t.afterEpoch(a)
	})
}

func (t *turn) afterEpoch(a *actor) {
	if r := a.view.account; r != nil && len(r.writers) > 0 && !hasLiveWriter(r.writers, a.view.now) {
		a.at = atPurging
		return
	}
	t.beforeRead(a)
}

// beforeRead decides whether the read to come may fill.
func (t *turn) beforeRead(a *actor) {
	a.permit = t.permitFill(a.view.account, a.view.epoch, a.view.now)
	a.held = nil
	if a.view.account != nil {
		a.held = a.view.account.handles()
	}
	a.at = atReading
	if a.does == reads {
		a.at = atSharing
	}
}

func (t *turn) share(w *world, a *actor) {
	a.at = atReading
	for i := range w.actors {
		o := &w.actors[i]
		if i != t.actor && o.leads() && t.joins(&a.permit, &o.permit) {
			a.joined, a.at = i, atWaiting
			return
		}
	}
}

// leads reports whether others may wait for what the actor reads.
func (a *actor) leads() bool {
	switch a.at {
	case atReading, atReturning, atFilling, atEnding:
		return a.does == reads
	}
	return false
}

func (t *turn) readRow(w *world, a *actor) {
	a.saw = w.row
	gone := a.saw == t.inactive
	switch {
	case a.does == signsIn && gone:
		a.at = atDone
	case a.does == signsIn:
		a.at = atLanding
	case t.permitAfterRead:
		a.at = atFilling
	case !a.permit.granted():
		a.at = atReturning
	case gone:
		a.at = atEnding
	default:
		a.at = atFilling
	}
}

func (t *turn) fill(w *world, a *actor) {
	if t.permitAfterRead {
		a.view = w.load()
		a.permit = t.permitFill(a.view.account, a.view.epoch, a.view.now)
	}
	filled := false
	if t.try(w, &a.view, func(v view, lease ID) *Account {
		next := t.fillUser(v.account, v.epoch, a.permit, a.saw, lease)
		filled = next != v.account
		return next
	}) {
		t.afterFill(a, filled)
	}
}

// afterFill lets a request that must have the newest row read it once more
// where it could not fill, and at last drop what is cached.
func (t *turn) afterFill(a *actor, filled bool) {
	switch {
	case a.does == reads || filled || t.refreshesOnce:
		a.at = atReturning
	case a.again:
		a.at = atGivingUp
	default:
		a.again, a.at = true, atIdle
	}
}

func (t *turn) finish(w *world, a *actor) {
	a.at = atDone
	if a.does == refreshes {
		w.floor = max(w.floor, a.saw) // its client has seen it
	}
}

// drop begins a sync. What is left of it is a refresh.
func (t *turn) drop(w *world, a *actor) {
	t.update(w, func(v view, lease ID) *Account { return t.dropUser(v.account, lease) })
	w.floor = max(w.floor, a.saw)
	a.does, a.at = refreshes, atIdle
}

func (t *turn) giveUp(w *world, a *actor) {
	t.update(w, func(v view, lease ID) *Account { return t.dropUser(v.account, lease) })
	t.finish(w, a)
}

func (t *turn) endSessions(w *world, a *actor) {
	before := w.load().account
	if !t.try(w, &a.view, func(v view, lease ID) *Account {
		return t.endGone(v.account, v.epoch, a.permit, a.held, lease)
	}) {
		return
	}
	t.finish(w, a)
	if before == nil {
		return
	}
	for _, h := range before.handles() {
		switch {
		case w.account.session(h) != nil:
		case w.row != t.inactive:
			w.broken = "an active user is signed out"
		case !slices.Contains(a.held, h):
			w.broken = "a sign-in made meanwhile is undone"
		}
	}
}

func (t *turn) land(w *world, a *actor) {
	in := signIn{
		session: newModelSession(t.actor+1, a.view.now, &t.rules),
		fill:    a.permit,
		user:    a.saw,
	}
	if t.try(w, &a.view, func(v view, lease ID) *Account {
		in.lease, in.create = lease, newAccount(lease)
		return t.signIn(&in, v.account, v.epoch)
	}) {
		t.finish(w, a)
	}
}

// newModelSession returns session n of the model, signed in at now.
func newModelSession(n int, now Time, r *Rules) Session {
	return Session{
		handle: Handle{byte(n)}, transport: Cookie, hash: Hash{byte(n)},
		created: now, renewed: now, signedIn: now, ends: now.Add(r.AbsoluteTimeout),
	}
}
