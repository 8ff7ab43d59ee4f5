package powgintest

import (
	"testing"
	"time"
)

// AssertStaleAtMost fails t where a page still shows the user as they were, for
// longer than limit after a change that nobody has told the site of; with limit
// 0 the very next request has to show it. shows returns what the page shows of
// the user, and must return the same for as long as nothing changes. change
// alters the row of Users[0] behind the app's back: by SQL, as another service
// would. It is called once.
//
// The page is asked all through the limit, so that a cache which forgets only
// what nobody asks for is found out. The browser has to stay signed in.
func AssertStaleAtMost(t testing.TB, app App, limit time.Duration, change func(), shows func(b *Browser) string) {
	t.Helper()
	a := try(t, app)
	if change == nil || shows == nil || limit < 0 {
		t.Fatalf("powgintest: AssertStaleAtMost needs change, shows and a limit that is not negative")
	}
	b := a.signedIn(a.alice)
	before := shows(b)
	if again := shows(b); again != before {
		t.Fatalf("powgintest: shows returned %.80q and then %.80q, with no change between: it has to leave out what is another at every request", before, again)
	}
	change()
	a.passAsking(limit, func() { shows(b) })
	after := shows(b)
	if who := a.who(b); who != a.alice {
		a.Errorf("%v after the change the site takes the browser of %s for %s; want it signed in, and the page to show the change", limit, a.alice, named(who))
		return
	}
	if after == before {
		a.Errorf("%v after the change the page shows %.80q as before it: what was taken from %s in the database can be used still", limit, after, a.alice)
	}
}

// passAsking lets the limit pass in steps, and asks after each but the last.
func (a *trial) passAsking(limit time.Duration, ask func()) {
	const steps = 8
	step := limit / steps
	if step == 0 {
		a.pass(limit)
		return
	}
	for range steps - 1 {
		a.app.Wait(step)
		ask()
	}
	a.pass(limit - (steps-1)*step)
}
