package powgintest

import (
	"strings"
	"testing"
)

// AssertNoFixation fails t where somebody can prepare a browser so that they
// are signed in as whoever signs in there, and where signing in or out leaves
// older cookies of the browser signed in. It has users sign in over cookies
//
//   - of an anonymous visit,
//   - of another user's session,
//   - that nobody was ever given,
//   - that were signed out,
//   - of their own session;
//
// whoever kept copies of these must be nobody from then on, at once. Each
// failure says what an attacker can do.
func AssertNoFixation(t testing.TB, app App) {
	t.Helper()
	a := try(t, app)
	a.signedIn(a.alice) // else nothing below would mean anything
	a.plantVisit()
	a.plantSession()
	a.plantInvented()
	a.plantSignedOut()
	a.signInOver(a.alice)
	a.signInOver(a.bob)
}

// plantVisit plants the cookies of somebody who has looked around, and opened
// the sign-in form without sending it.
func (a *trial) plantVisit() {
	a.Helper()
	attacker := a.browser()
	attacker.Get("/")
	a.who(attacker)
	a.openForm(attacker)
	a.plant(attacker, "the cookies of an anonymous visit")
}

// openForm calls App.SignIn as far as its first request that is not a GET,
// which is not sent.
func (a *trial) openForm(b *Browser) {
	b.leaveAtForms(true)
	defer b.leaveAtForms(false)
	left := make(chan struct{})
	go func() {
		defer close(left)
		a.app.SignIn(b, a.bob)
	}()
	<-left
}

// plantSession plants the cookies of an attacker's own session.
func (a *trial) plantSession() {
	a.Helper()
	a.plant(a.signedIn(a.bob), "the cookies of their own session")
}

// plantInvented plants values under the names that the site uses. They look
// like the site's own.
func (a *trial) plantInvented() {
	a.Helper()
	attacker := a.signedIn(a.bob).forged(func(value string) string { return strings.Map(nextAlike, value) })
	if got := a.whoHas(attacker); got != "" {
		a.Errorf("an attacker who invents values for the site's cookies is signed in as %s", got)
		return
	}
	a.plant(attacker, "cookies with invented values")
}

// nextAlike returns another digit for a digit and another letter for a letter,
// a hexadecimal one for one that may be.
func nextAlike(c rune) rune {
	for _, class := range [...]string{"0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ"} {
		if i := strings.IndexRune(class, c); i >= 0 {
			return rune(class[(i+1)%len(class)])
		}
	}
	return c
}

// plantSignedOut has an attacker sign out, and plants the cookies from before
// and those that are left.
func (a *trial) plantSignedOut() {
	a.Helper()
	kept, left := a.signedOut()
	if got := a.whoHas(left); got != "" {
		a.Errorf("whoever sits down at a browser after its sign-out is signed in as %s there", got)
	}
	if got := a.whoHas(kept); got != "" {
		a.Errorf("whoever copied a browser's cookies is signed in as %s with them after its sign-out: the sign-out deletes cookies, and has to end the session", got)
	}
	a.plant(kept, "cookies that were signed out")
	_, left = a.signedOut() // anew, since the same session may be alice's by now
	a.plant(left, "the cookies that a sign-out left")
}

// signedOut has an attacker sign in and out. It returns a browser with the
// cookies from between, and one with those that are left.
func (a *trial) signedOut() (kept, left *Browser) {
	a.Helper()
	left = a.signedIn(a.bob)
	kept = left.Clone()
	a.app.SignOut(left)
	return kept, left
}

// plant has alice sign in in a browser with the attacker's cookies. The
// attacker must have gained nothing by it.
func (a *trial) plant(attacker *Browser, what string) {
	a.Helper()
	before := a.whoHas(attacker)
	victim := attacker.Clone()
	a.app.SignIn(victim, a.alice)
	if got := a.whoHas(victim); got != a.alice {
		a.Errorf("an attacker plants %s in somebody's browser: %s signs in there and is %s afterwards, so that the attacker finds in that account what they enter", what, a.alice, named(got))
	}
	if got := a.whoHas(attacker); got != "" && got != before {
		a.Errorf("an attacker plants %s in somebody's browser: as soon as %s signs in there, the attacker is signed in as %s (session fixation: a sign-in has to make a new session)", what, a.alice, got)
	}
}

// signInOver has a user sign in in a browser where alice is signed in.
func (a *trial) signInOver(user string) {
	a.Helper()
	b := a.signedIn(a.alice)
	copied := b.Clone()
	a.app.SignIn(b, user)
	if got := a.whoHas(b); got != user {
		a.Errorf("after %s has signed in in a browser where %s was signed in, it is %s there: whoever uses it acts for the wrong user", user, a.alice, named(got))
	}
	if got := a.whoHas(copied); got != "" {
		a.Errorf("whoever copied the cookies of %s's browser is signed in as %s with them after %s has signed in there anew: a sign-in has to end the session before it, without grace", a.alice, got, user)
	}
}
