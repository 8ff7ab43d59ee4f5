package cache

import "time"

// The model of the first search: one account, one epoch, one row, and actors
// that take their steps one at a time. Each load, read, COMMIT and swap is a
// step; what a step decides is decided by the package's own functions.

// tick is how far time moves at once: a writer that began before has missed
// its deadline after.
const tick = WriterDeadline

const maxActors = 3

// A world is one state of the model.
type world struct {
	account *Account
	epoch   *Epoch
	now     Time
	row     int // the version of the user's row that is committed
	floor   int // the oldest version that a request which begins now may see
	actors  [maxActors]actor
	left    budget
	drawn   uint64 // ids so far
	broken  string // the promise that the step to here broke
}

// A budget is how often things may still happen that no actor does.
type budget struct{ ticks, signOuts, evictions, lostEpochs int }

// An actor is one request or writer, where it is and what it holds.
type actor struct {
	does     job
	at       place
	view     view // as loaded; what the first swap is tried on
	permit   permit
	held     []Handle // of the sessions that the read began with
	floor    int      // the world's when it began
	saw      int      // the version that it read or wrote
	joined   int      // whose read it waits for
	again    bool     // this is its second try
	unknown  bool     // its COMMIT may yet be applied
	lease    ID       // that its unheard conclusion has set
	deadline Time     // of its announcement
}

// A model is what a search runs on: the rules, and the story they are tried in.
type model struct {
	protocol
	rules Rules
	// strict promises that nobody is served a version older than the committed
	// one. Otherwise older ones than those whose writer has concluded, or that
	// somebody was shown as the newest, may not be served.
	strict bool
	// ambiguous lets a COMMIT be answered with an error and be applied later,
	// or at once by a writer that crashes, or never.
	ambiguous bool
	// lossy lets the store forget records that it promised to keep.
	lossy bool
	// unheard lets the swap of a conclusion land without an answer, so that it
	// is made again.
	unheard bool
	// inactive is the version of the row in which the user is not active.
	inactive int

	after world // of the step that is being made
}

func (m *model) copyOf(w *world) *world {
	m.after = *w
	return &m.after
}

// A protocol is the package's decisions, each of which a test may replace by
// one that lacks a rule.
type protocol struct {
	settle      func(a *Account, e *Epoch, now Time, lease ID) *Account
	settleEpoch func(e *Epoch, now Time, stamp ID) *Epoch
	permitFill  func(a *Account, e *Epoch, now Time) permit
	fillUser    func(a *Account, e *Epoch, p permit, user any, lease ID) *Account
	dropUser    func(a *Account, lease ID) *Account
	endGone     func(a *Account, e *Epoch, p permit, held []Handle, lease ID) *Account
	beginWrite  func(a *Account, create func() *Account, lease ID, w Writer) *Account
	endWrite    func(a *Account, lease, writer ID) *Account
	beginAll    func(e *Epoch, now Time, stamp ID, w Writer) *Epoch
	endAll      func(e *Epoch, now Time, stamp, writer ID) *Epoch
	signIn      func(in *signIn, a *Account, e *Epoch) *Account
	kept        func(a *Account) *Account
	cached      func(v *view) (any, bool)

	// What the loop, the store, the flights and the callers keep to.
	newLease   func(a *Account, fresh ID) ID
	newVersion func(a *Account, fresh ID) ID
	expires    func(a *Account) Time
	mayForget  func(writers []Writer, now Time) bool
	mayCommit  func(now, deadline Time) bool
	joins      func(mine, theirs *permit) bool

	permitAfterRead bool // what may fill is decided after the read
	endsUnknown     bool // a writer whose COMMIT failed concludes
	leaseDrawnOnce  bool // a conclusion that is made again sets the same lease
	writerPuts      bool // a writer caches what it wrote
	refreshesOnce   bool // a refresh that could not fill lets it be
}

// asBuilt returns the protocol of this package.
func asBuilt(r *Rules) protocol {
	fresh := func(_ *Account, id ID) ID { return id }
	return protocol{
		settle: func(a *Account, e *Epoch, now Time, lease ID) *Account {
			return settle(a, e, now, lease, r)
		},
		settleEpoch: settleEpoch,
		permitFill:  permitFill,
		fillUser:    fillUser,
		dropUser:    dropUser,
		endGone:     endGone,
		beginWrite:  beginWrite,
		endWrite:    endWrite,
		beginAll:    beginAll,
		endAll:      endAll,
		signIn: func(in *signIn, a *Account, e *Epoch) *Account {
			next, _, _ := in.decide(a, e, r)
			return next
		},
		kept:       (*Account).kept,
		cached:     func(v *view) (any, bool) { return (&Cache{rules: r, followed: func() bool { return false }}).cached(v) },
		newLease:   fresh,
		newVersion: fresh,
		expires:    func(a *Account) Time { return a.expires },
		mayForget:  func(ws []Writer, now Time) bool { return !hasLiveWriter(ws, now) },
		mayCommit:  func(now, deadline Time) bool { return now < deadline },
		joins: func(mine, theirs *permit) bool {
			return mine.granted() && missKey{lease: mine.lease, stamp: mine.stamp} == missKey{lease: theirs.lease, stamp: theirs.stamp}
		},
	}
}

// longRules let nothing die of age while a search runs.
func longRules() Rules {
	const long = 1000 * tick
	return Rules{
		IdleTimeout: long, RenewAfter: long / 2, AbsoluteTimeout: long,
		Grace: 5 * time.Second, MaxAge: long, MaxSessions: 100,
	}
}

// draw returns an id that was never drawn before on the way to this state.
func (w *world) draw() (id ID) {
	w.drawn++
	for i := range 8 {
		id[8+i] = byte(w.drawn >> (8 * (7 - i)))
	}
	return id
}

func (w *world) load() view {
	v := view{epoch: w.epoch, now: w.now}
	if w.account != nil && w.account.expires > w.now {
		v.account, v.version = w.account, w.account.version
	}
	return v
}

// A choice is a decision of the model. lease is drawn for it alone.
type choice func(v view, lease ID) *Account

// try is one round of Cache.update: it decides on v and swaps, if the record
// still has v's version. It reports whether the loop would end here. Where it
// would not, v is what the swap found.
func (m *model) try(w *world, v *view, decide choice) bool {
	before := v.account
	settled := m.newLease(before, w.draw())
	v.account = m.settle(before, v.epoch, v.now, settled)
	purged := v.account != before && v.account.lease == settled
	next := decide(*v, m.newLease(v.account, w.draw()))
	if next == v.account && !purged || next == nil && before == nil {
		return true
	}
	if next = m.kept(next); next != nil {
		next.seal(m.newVersion(before, w.draw()), &m.rules)
		next.expires = m.expires(next)
	}
	if stored := w.load(); stored.version != v.version {
		*v = stored
		return false
	}
	w.account, v.account, v.version = next, next, ID{}
	if next != nil {
		v.version = next.version
	}
	return true
}

// update runs a whole Cache.update as one step. Versions never repeat, so its
// swap lands where nobody came between.
func (m *model) update(w *world, decide choice) {
	v := w.load()
	m.try(w, &v, decide)
}

// newAccount returns what makes the model's account.
func newAccount(lease ID) func() *Account {
	return func() *Account { return &Account{lease: lease} }
}

// hit returns the version that a request which begins now would be served from
// the cache.
func (m *model) hit(w *world) (version int, ok bool) {
	v := w.load()
	if v.account == nil || len(v.account.sessions) == 0 {
		return 0, false // nobody has a token of it
	}
	user, ok := m.cached(&v)
	if !ok {
		return 0, false
	}
	return user.(int), true
}

// check returns the promise that does not hold in w.
func (m *model) check(w *world) string {
	version, ok := m.hit(w)
	switch {
	case w.broken != "":
		return w.broken
	case !ok:
		return ""
	case version < w.floor:
		return "a stale read"
	case version > w.row:
		return "an uncommitted user is cached"
	case version != w.row && w.quiet():
		return "a stale user is cached for good"
	}
	return ""
}

// quiet reports whether nothing is under way.
func (w *world) quiet() bool {
	for i := range w.actors {
		a := &w.actors[i]
		if a.unknown || a.begun() && a.at != atDone {
			return false
		}
	}
	return true
}
