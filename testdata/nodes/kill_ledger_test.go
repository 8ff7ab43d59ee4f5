package nodes

import (
	"sync"
	"time"
)

// A ledger is what clients were told, and so what they may rely on.
type ledger struct {
	near bool // nodes keep copies, which may be a moment old

	mu       sync.Mutex
	synced   map[string][]plan   // guarded by mu; by user: changes that SyncUser was answered for
	stored   map[string][]plan   // guarded by mu; by user: what the row was seen to be
	sessions map[string]*session // guarded by mu; by ID
}

func newLedger(near bool) *ledger {
	return &ledger{
		near: near, synced: make(map[string][]plan), stored: make(map[string][]plan), sessions: make(map[string]*session),
	}
}

// A word is what a node has said.
type word struct {
	at time.Time
	by *process
}

// A plan is one that a user has had since that word.
type plan struct {
	word
	number int
}

// A session may have been ended by any request that asked for it, also by one
// whose answer was lost. One that was answered has ended it.
type session struct {
	risky bool
	ended *word
	how   string // the request that has ended it
}

// reached reports whether a node has to know of the word when it is asked.
func (l *ledger) reached(w word, n *process, asked time.Time) bool {
	if l.near && n != w.by && n.begun.Before(w.at) {
		return asked.After(w.at.Add(bound))
	}
	return asked.After(w.at)
}

// changed notes that a node has answered for a change.
func (l *ledger) changed(name string, by *process, number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.synced[name] = append(settled(l.synced[name]), plan{word{time.Now(), by}, number})
}

// saw notes what is in the database, whoever was told of it.
func (l *ledger) saw(name string, number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored[name] = append(settled(l.stored[name]), plan{word{at: time.Now()}, number})
}

// settled folds together what everybody knows by now.
func settled(all []plan) []plan {
	for len(all) > 1 && time.Since(all[1].at) > 2*bound {
		all[1].number = max(all[0].number, all[1].number)
		all = all[1:]
	}
	return all
}

// least returns the plan that the user has at least where a node is asked.
func (l *ledger) least(name string, n *process, asked time.Time) (number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.synced[name] {
		if l.reached(p.word, n, asked) {
			number = max(number, p.number)
		}
	}
	for _, p := range l.stored[name] {
		if asked.After(p.at.Add(oldest + slack)) {
			number = max(number, p.number)
		}
	}
	return number
}

// begins notes a session that somebody was told of.
func (l *ledger) begins(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sessions[id] = new(session)
}

// mayEnd notes that a session is about to be ended.
func (l *ledger) mayEnd(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sessions[id]; s != nil {
		s.risky = true
	}
}

// ends notes that a node has answered for the end of a session.
func (l *ledger) ends(id string, r reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sessions[id]; s != nil && s.ended == nil {
		s.ended, s.how = &word{time.Now(), r.node}, r.what
	}
}

// risky reports whether somebody has wanted to end the session.
func (l *ledger) risky(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions[id].risky
}

// dead returns what has ended the session where a node that is asked has to know
// of that, "" otherwise.
func (l *ledger) dead(id string, n *process, asked time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.sessions[id]; s.ended != nil && l.reached(*s.ended, n, asked) {
		return s.how
	}
	return ""
}

// hasEnded reports whether any node has answered for the session's end.
func (l *ledger) hasEnded(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sessions[id].ended != nil
}
