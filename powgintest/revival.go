package powgintest

import "testing"

// AssertNoRevival fails t where a slow request signs a browser in again after a
// sign-out, or brings a session back that a new sign-in has ended. It holds
// App.Change back in its handler, at the first read of its body, while another
// tab of the browser signs out, or signs in anew. Then the change finishes.
// Neither the browser, which keeps the cookies of all answers as they arrive,
// nor any copy of the cookies that it had on the way may be signed in by the
// session that has ended. At last the browser signs out, and every copy has to
// be nobody's.
//
// Where a sign-out waits for the change to end, AssertNoRevival gives up after
// 20 seconds and fails; in a bubble of testing/synctest it does so at once,
// but for a wait at a mutex, which no bubble sees.
func AssertNoRevival(t testing.TB, app App) {
	t.Helper()
	a := try(t, app)
	if app.Change == nil {
		t.Fatalf("powgintest: App.Change is nil; AssertNoRevival needs it")
	}
	a.slowOverSignOut()
	a.slowOverSignIn(a.bob)
	a.slowOverSignIn(a.alice)
}

// slowOverSignOut has a change finish after another tab has signed out.
func (a *trial) slowOverSignOut() {
	a.Helper()
	b := a.signedIn(a.alice)
	late := a.across(b, "App.SignOut", func() { a.app.SignOut(b) })
	if got := a.whoHas(b); got != "" {
		a.Errorf("a browser that signed out while a slow request was under way is signed in as %s once that is answered: whoever sits down at it has the account", got)
	}
	if got := a.whoHas(late); got != "" {
		a.Errorf("whoever copied a browser's cookies is signed in as %s with them once a request has finished that was under way at its sign-out", got)
	}
	a.allDead(b, "signed out during a slow request")
}

// slowOverSignIn has a change of alice's finish after another tab has signed in
// anew.
func (a *trial) slowOverSignIn(user string) {
	a.Helper()
	b := a.signedIn(a.alice)
	old := b.Clone()
	late := a.across(b, "App.SignIn", func() { a.app.SignIn(b, user) })
	now := a.whoHas(b)
	if now != "" && now != user {
		a.Errorf("%s signed in while a slow request of %s's session was under way, and once that is answered the browser is %s's: the session before comes back", user, a.alice, now)
	}
	for _, ended := range []*Browser{old, late} {
		if got := a.whoHas(ended); got != "" {
			a.Errorf("whoever copied %s's cookies before %s signed in in that browser is signed in as %s once a request has finished that was under way", a.alice, user, got)
			break
		}
	}
	if now == user {
		a.app.SignOut(b)
		a.allDead(b, "signed in anew during a slow request, and then out,")
	}
}

// across starts a change in the browser, does something in another of its tabs,
// and has the change finish. It returns a browser which had the change's answer
// follow on the cookies that it was sent with.
func (a *trial) across(b *Browser, what string, do func()) (late *Browser) {
	a.Helper()
	slow := a.startChange(b)
	before := b.history()
	slow.while(what, do)
	return b.given(append(before, slow.finish()))
}

// allDead asks for every moment of the browser whether a copy of its cookies
// from then is signed in.
func (a *trial) allDead(b *Browser, what string) {
	a.Helper()
	for _, copied := range b.moments() {
		if got := a.who(copied); got != "" {
			a.Errorf("whoever replays cookies of a browser that %s is signed in as %s with them", what, got)
			return
		}
	}
}
