package cache

import (
	"context"
	"time"
)

// A Watch follows a session and its user for as long as a connection lives. It is
// for one goroutine. Close it when it is of no more use.
type Watch struct {
	cache   *Cache
	account AccountID
	handle  Handle
	woken   chan struct{} // holds one value while there may be something new

	hash    Hash // of the token that it stands by
	inGrace bool // that was replaced before it began
	lease   ID   // under which the user was seen last
	stamp   ID   // the epoch's, of the same moment
	readAt  Time // of that user
	changes bool // whether a change was under way then
	failing bool // nobody could tell when it looked last
	waited  bool // for a change that is under way
	pause   Time // how long it may wait until it looks by itself
}

// Seen is what a Watch has found.
type Seen struct {
	// User is the user as they are now, whether or not they have changed; nil where
	// the session has ended. They must not be changed.
	User   any
	ReadAt Time
	// Ended reports that the session is over, and that there is nothing more to
	// follow.
	Ended bool
}

const (
	// changePause is how long a Watch leaves a change that is under way to be
	// concluded, before it reads the row; changeEvery is how often it reads it
	// from then on.
	changePause = Time(100 * time.Millisecond)
	changeEvery = Time(time.Second)
	// failedPause is how long it leaves alone who has not answered.
	failedPause = Time(time.Second)
	// longestPause bounds how long it trusts that it is woken.
	longestPause = Time(15 * time.Second)
	// toldPause bounds it where the time is told by somebody, who may move it.
	toldPause = Time(50 * time.Millisecond)
	// watchTurns is how many Watches of a Cache ask the store or the database at
	// once: where all users are said to have changed, requests go first.
	watchTurns = 8
)

// Watch follows a session. It returns nil for nobody's access.
func (c *Cache) Watch(x *Access) *Watch {
	if !x.Live() {
		return nil
	}
	w := &Watch{
		cache: c, account: x.token.account, handle: x.session.handle,
		woken: make(chan struct{}, 1), hash: x.token.hash(), inGrace: x.InGrace(),
	}
	w.rouse() // what has changed since the access was made is found at once
	c.counters.watches.Add(1)
	c.backend.watch(w)
	return w
}

// Close ends it: nothing is done for it any more. It is called once.
func (w *Watch) Close() {
	w.cache.counters.watches.Add(-1)
	w.cache.backend.unwatch(w)
}

func (w *Watch) rouse() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// Next waits until the session has ended, or until the user may have changed, by
// this node or another. An error means that it could not tell: Next may be called
// again, and tells the user anew once it can. Where ctx ends it returns its error.
func (w *Watch) Next(ctx context.Context) (Seen, error) {
	for {
		if err := w.wait(ctx); err != nil {
			return Seen{}, err
		}
		s, news, err := w.look(ctx)
		if err != nil {
			w.pause = failedPause
			if !w.failing {
				w.failing = true
				return Seen{}, err
			}
			continue
		}
		if news {
			w.failing = false
			return s, nil
		}
	}
}

func (w *Watch) wait(ctx context.Context) error {
	timer := time.NewTimer(time.Duration(max(w.pause, Time(time.Millisecond))))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.woken:
	case <-timer.C:
	}
	return ctx.Err()
}

// look finds out what there is now, and whether that is news.
func (w *Watch) look(ctx context.Context) (s Seen, news bool, err error) {
	c := w.cache
	if c.closed.Load() {
		return s, false, unavailable("watch a session", errClosed)
	}
	if c.memory == nil {
		leave, err := w.turn(ctx)
		if err != nil {
			return s, false, err
		}
		defer leave()
	}
	ctx, cancel := Bounded(ctx, Budget)
	defer cancel()
	v, err := c.backend.load(ctx, w.account)
	if err != nil {
		return s, false, err
	}
	if !w.follows(&v) {
		return Seen{Ended: true}, true, nil
	}
	defer w.rest(&v)
	a := v.account
	user, cached := c.cached(&v)
	gone := cached && !c.active(user)
	news = w.failing || a.lease != w.lease || v.stamp() != w.stamp
	if cached && !gone {
		w.saw(&v, a.readAt)
		return Seen{User: user, ReadAt: a.readAt}, news, nil
	}
	if !gone && !news && v.now.Sub(w.readAt) <= w.mayKeep(&v) || w.waitsFor(&v) {
		return s, false, nil
	}
	return w.read(ctx, &v)
}

// mayKeep returns how old what it knows of the user may be, where nothing was
// announced since.
func (w *Watch) mayKeep(v *view) time.Duration {
	if !w.changes {
		return w.cache.rules.UserAge()
	}
	if len(v.writers()) > 0 {
		return time.Duration(changeEvery)
	}
	return 0 // who has announced it is forgotten: nobody knows when it was made
}

// read reads the user, whom nobody has cached.
func (w *Watch) read(ctx context.Context, v *view) (Seen, bool, error) {
	c := w.cache
	if c.memory != nil {
		leave, err := w.turn(ctx)
		if err != nil {
			return Seen{}, false, err
		}
		defer leave()
	}
	x := Access{account: v.account, epoch: v.epoch, token: Token{account: w.account}}
	f, err := c.newest(ctx, &x, newestKey{account: w.account})
	if err != nil {
		return Seen{}, false, err
	}
	if f.User == nil {
		return Seen{Ended: true}, true, nil
	}
	w.saw(v, f.ReadAt)
	c.counters.reloads.Add(1)
	return Seen{User: f.User, ReadAt: f.ReadAt}, true, nil
}

// turn waits until few enough others ask.
func (w *Watch) turn(ctx context.Context) (leave func(), err error) {
	turns := w.cache.watching
	select {
	case turns <- struct{}{}:
		return func() { <-turns }, nil
	case <-ctx.Done():
		return nil, unavailable("wait for a turn to look at an account", ctx.Err())
	}
}

// saw notes under what the user was seen.
func (w *Watch) saw(v *view, readAt Time) {
	w.lease, w.stamp, w.readAt = v.account.lease, v.stamp(), readAt
	w.waited, w.changes = false, len(v.writers()) > 0
}

// stamp returns that of the epoch, zero where there is none.
func (v *view) stamp() ID {
	if v.epoch == nil {
		return ID{}
	}
	return v.epoch.stamp
}

// follows reports whether the session goes on, and with it the token that the Watch
// stands by: whoever opened the connection could open it now. A token that is
// replaced while it is watched is followed to its successor, which its client has;
// not so one that was replaced already when the Watch began.
func (w *Watch) follows(v *view) bool {
	r := w.cache.rules
	s := v.account.session(w.handle)
	if s == nil || s.end(r) <= v.now || v.epoch.revoked(s) || s.outdated(roleCurrent, v.now, r) {
		return false
	}
	switch s.role(&w.hash, v.now) {
	case roleNone, roleRetired:
		return false
	}
	if !w.inGrace {
		w.hash = s.hash
	}
	return true
}

// waitsFor reports whether a change is under way whose outcome it is better to
// read. It waits once for each.
func (w *Watch) waitsFor(v *view) bool {
	if w.waited || len(v.writers()) == 0 {
		return false
	}
	w.waited = true
	return true
}

// writers returns those who change the user now.
func (v *view) writers() []Writer {
	ws := liveWriters(v.account.writers, v.now)
	if v.epoch != nil {
		ws = append(ws, liveWriters(v.epoch.writers, v.now)...)
	}
	return ws
}

// rest works out for how long nothing happens by itself.
func (w *Watch) rest(v *view) {
	r, s := w.cache.rules, v.account.session(w.handle)
	next := s.end(r)
	if s.renewal != nil {
		next = min(next, s.idleEnd(r))
	}
	if old := s.retiredToken(&w.hash); old != nil {
		next = min(next, old.until)
	}
	for _, writer := range v.writers() {
		next = min(next, writer.deadline)
	}
	if old := max(w.readAt, v.account.readAt).Add(w.mayKeep(v)) + 1; old > v.now {
		next = min(next, old)
	}
	w.pause = min(next-v.now, longestPause)
	if w.waited {
		w.pause = min(w.pause, changePause)
	}
	if m := w.cache.memory; m != nil && m.memory.clock.told != nil {
		w.pause = min(w.pause, toldPause)
	}
}
