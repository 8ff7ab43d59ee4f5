package powgintest

import (
	"slices"
	"strings"
	"testing"
)

// AssertRotates fails t where the step, which changes a signed-in user's rights
// (their plan, their password), does not give the browser new cookies, or
// leaves the old ones signed in for longer than App.Grace. The browser itself
// has to stay signed in, and other users too. An answer must not set one cookie
// twice, since browsers differ in which of the two they keep, and a request
// under way with the old cookies must not be given any in their place: its
// answer may be the last to arrive.
//
// The step is given a browser in which Users[0] has just signed in.
func AssertRotates(t testing.TB, app App, step func(b *Browser)) {
	t.Helper()
	a := try(t, app)
	if step == nil {
		t.Fatalf("powgintest: AssertRotates without a step")
	}
	b, other := a.signedIn(a.alice), a.signedIn(a.bob)
	old := b.Clone()
	step(b)
	a.eachNameOnce(b.history()[len(old.history()):])
	rotated := b.changedSince(old)
	if len(rotated) == 0 {
		a.Errorf("the step brought the browser no new cookie, or only after the body had begun, when none can be sent: whoever copied its cookies before has what %s may do now", a.alice)
	}
	a.staysSignedIn(b, a.alice, "after the step")
	if len(rotated) > 0 {
		a.inGrace(old.Clone(), rotated)
	}
	a.pass(a.app.grace())
	if got := a.whoHas(old); got != "" && len(rotated) > 0 {
		a.Errorf("whoever copied the browser's cookies before the step is signed in as %s with them after it, when App.Grace (%v) has passed", got, a.app.grace())
	}
	a.staysSignedIn(b, a.alice, "once the old cookies have ended")
	a.staysSignedIn(other, a.bob, "after the step, done elsewhere,")
}

// eachNameOnce refuses answers that set a cookie twice.
func (a *trial) eachNameOnce(answers []cookieSet) {
	a.Helper()
	for _, answer := range answers {
		seen := map[string]int{}
		for _, c := range answer.cookies {
			if seen[c.Name]++; seen[c.Name] == 2 {
				a.Errorf("an answer of the step sets the cookie %q more than once: browsers differ in which they keep", c.Name)
			}
		}
	}
}

func (a *trial) staysSignedIn(b *Browser, user, when string) {
	a.Helper()
	if got := a.who(b); got != user {
		a.Errorf("%s the site takes the browser of %s for %s: a change of rights has to leave it signed in", when, user, named(got))
	}
}

// inGrace sends a request with the replaced cookies, as one that was under way.
func (a *trial) inGrace(late *Browser, rotated []string) {
	a.Helper()
	before := len(late.history())
	a.who(late)
	var given []string
	for _, answer := range late.history()[before:] {
		for _, c := range answer.cookies {
			if slices.Contains(rotated, c.Name) && !slices.Contains(given, c.Name) {
				given = append(given, c.Name)
			}
		}
	}
	if len(given) > 0 {
		a.Errorf("a request under way with the replaced cookies is answered with a new %s: a thief's follows the session, and a browser's own, arriving last, takes the session from it", strings.Join(given, ", "))
	}
}
