package cache

// A story is what a search goes through: who acts, and what may happen.
type story func(r *Rules) (model, world)

// strictly tells a story in which writers announce themselves: nobody may be
// served a version older than the committed one, at any moment.
func strictly(left budget, jobs ...job) story {
	return func(r *Rules) (model, world) {
		m := model{rules: *r, protocol: asBuilt(r), strict: true, ambiguous: true}
		return m, newWorld(r, left, jobs)
	}
}

// weakly tells one in which the cache can know of a change only when its
// writer concludes or syncs. All of them do.
func weakly(left budget, jobs ...job) story {
	return func(r *Rules) (model, world) {
		m, w := strictly(left, jobs...)(r)
		m.strict, m.ambiguous = false, false
		return m, w
	}
}

// losing lets the store forget what it promised to keep.
func losing(s story) story {
	return func(r *Rules) (model, world) {
		m, w := s(r)
		m.lossy = true
		return m, w
	}
}

// unheard lets the conclusion of a write land without an answer.
func unheard(s story) story {
	return func(r *Rules) (model, world) {
		m, w := s(r)
		m.unheard = true
		return m, w
	}
}

// withoutAccount lets a story begin before the user has ever signed in.
func withoutAccount(s story) story {
	return func(r *Rules) (model, world) {
		m, w := s(r)
		w.account = nil
		return m, w
	}
}

// withoutEpoch lets a story begin before the epoch has been made.
func withoutEpoch(s story) story {
	return func(r *Rules) (model, world) {
		m, w := s(r)
		w.epoch = nil
		return m, w
	}
}

// withInactive lets the user be inactive in one version of the row.
func withInactive(version int, s story) story {
	return func(r *Rules) (model, world) {
		m, w := s(r)
		m.inactive = version
		return m, w
	}
}

// newWorld returns the state that stories begin with: a user with a session,
// not cached.
func newWorld(r *Rules, left budget, jobs []job) world {
	w := world{now: Time(tick), row: 1, floor: 1, left: left}
	w.account = &Account{lease: w.draw(), sessions: []Session{newModelSession(9, w.now, r)}}
	w.account.seal(w.draw(), r)
	w.epoch = &Epoch{stamp: w.draw()}
	for i, j := range jobs {
		w.actors[i].does = j
	}
	return w
}

// The stories that the package has to stand.
var (
	oneWriter     = strictly(budget{ticks: 1, signOuts: 1, evictions: 1}, writes, reads, reads)
	oneSignIn     = strictly(budget{ticks: 1, signOuts: 1, evictions: 1}, writes, reads, signsIn)
	firstSignIn   = withoutAccount(strictly(budget{ticks: 1, signOuts: 1, evictions: 1}, writes, reads, signsIn))
	twoWriters    = strictly(budget{ticks: 1, signOuts: 1}, writes, writes, reads)
	allUsers      = strictly(budget{ticks: 1, evictions: 1, lostEpochs: 1}, writesAll, reads, reads)
	allSignIn     = strictly(budget{ticks: 1, lostEpochs: 1}, writesAll, reads, signsIn)
	twoOfAll      = strictly(budget{ticks: 1, lostEpochs: 1}, writesAll, writesAll, reads)
	oneAndAll     = strictly(budget{ticks: 1, signOuts: 1}, writesAll, writes, reads)
	noEpoch       = withoutEpoch(strictly(budget{lostEpochs: 1}, writesAll, reads, reads))
	syncs         = weakly(budget{}, writesAndSyncs, refreshes, reads)
	syncAndWriter = weakly(budget{}, writesAndSyncs, writes, reads)
	lostWriter    = losing(weakly(budget{evictions: 1}, writes, reads, signsIn))
	lostOfAll     = losing(weakly(budget{lostEpochs: 1}, writesAll, reads, reads))
	repeated      = unheard(strictly(budget{}, writes, writes, reads))
	repeatedOfAll = unheard(strictly(budget{}, writesAll, writesAll, reads))
	concluding    = weakly(budget{}, writes, writes, reads)
	comingUser    = withInactive(1, strictly(budget{ticks: 1}, writes, reads, signsIn))
	goingUser     = withInactive(2, strictly(budget{ticks: 1}, writes, reads, signsIn))
)
