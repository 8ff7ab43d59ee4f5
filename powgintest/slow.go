package powgintest

import (
	"sync/atomic"
	"time"
)

// patience is how long the site may take where one request could be waiting for
// another that is held back. Nothing but a fault takes it: the sites that
// answer at all do so long before. In a bubble of testing/synctest it has
// passed as soon as every goroutine waits for another.
const patience = 20 * time.Second

// A slowChange is App.Change under way, held in its handler.
type slowChange struct {
	*trial
	hold     *hold
	done     chan struct{} // closed when App.Change has ended
	returned bool          // by itself, not with t.Fatal; to be read after done
}

// startChange calls App.Change with the browser, and returns when its handler
// reads the form. It ends the test where that never comes.
func (a *trial) startChange(b *Browser) *slowChange {
	a.Helper()
	s := &slowChange{trial: a, hold: newHold(), done: make(chan struct{})}
	b.holdNext(s.hold)
	go func() {
		defer close(s.done)
		a.app.Change(b)
		s.returned = true
	}()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-s.hold.reached:
		return s
	case <-s.done:
		s.unread()
	case <-timeout.C:
		a.Fatalf("powgintest: the handler of App.Change has neither read its request's body nor answered within %v", patience)
	}
	return nil
}

// unread ends the test of an App.Change that could not be held.
func (s *slowChange) unread() {
	s.Helper()
	if !s.returned {
		s.FailNow() // it has said why
	}
	s.Fatalf("powgintest: App.Change ended and no handler had read the body of a request: let it send one form, with Browser.PostForm, to a handler that reads a field of it (c.PostForm) for a signed-in user")
}

// while calls f, which uses the site in another tab, with the change held. A
// site that has f wait for the change to end is let go on, so that nothing
// hangs, and the test ended: between requests that wait for each other there is
// nothing to find out.
func (s *slowChange) while(what string, f func()) {
	s.Helper()
	defer s.hold.release() // also where f ends the test
	var waited atomic.Bool
	watch := time.AfterFunc(patience, func() {
		waited.Store(true)
		s.hold.release()
	})
	f()
	watch.Stop()
	if waited.Load() {
		s.wait()
		s.Fatalf("powgintest: %s waited for %v, until a slow request of the same session was let go on: whoever sends a body slowly keeps the user from it", what, patience)
	}
}

// finish lets the change go on, waits for its end, and returns what its answer
// set.
func (s *slowChange) finish() cookieSet {
	s.Helper()
	s.hold.release()
	s.wait()
	return s.hold.answer
}

// wait ends the test where the change has not ended by itself.
func (s *slowChange) wait() {
	s.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-s.done:
		if !s.returned {
			s.FailNow() // it has said why
		}
	case <-timeout.C:
		s.Fatalf("powgintest: App.Change has not ended within %v after its handler got the body", patience)
	}
}
