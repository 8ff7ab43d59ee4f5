package powgintest

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// An App is a site under test, and how one uses it. The functions send
// requests with the browser they are given, as many as it takes, and must not
// keep it. A function that finds that the site cannot be used at all ends the
// test, as with t.Fatal.
type App struct {
	// Handler is the whole site: the router with all its middleware.
	Handler http.Handler
	// Users are two users who can sign in, by whatever name SignIn takes.
	Users [2]string
	// SignIn signs the user in, as the site's own form does. AssertNoFixation
	// also calls it on a goroutine of its own, and ends that where the form would
	// be sent: at the first request that is not a GET.
	SignIn func(b *Browser, user string)
	// SignOut signs the browser out, as the site's own button does.
	SignOut func(b *Browser)
	// WhoAmI returns the name of the user that the site takes the browser for,
	// as in Users, and "" for nobody. It asks a page that is open to all, or
	// takes a refusal for nobody.
	WhoAmI func(b *Browser) string
	// Change changes something of the signed-in user by a form, one POST whose
	// handler reads its body. AssertNoRevival alone needs it, and calls it on a
	// goroutine of its own.
	Change func(b *Browser)

	// Grace is how long a replaced token may still work, for requests under
	// way; 0 stands for 5 seconds, negative for not at all.
	Grace time.Duration
	// Wait lets that much time pass for the app; nil stands for time.Sleep,
	// which takes no time in a bubble of testing/synctest. With a [Clock] it is
	// Clock.Advance.
	Wait func(time.Duration)
}

const defaultGrace = 5 * time.Second

// grace returns how long replaced tokens may work, 0 for not at all.
func (app *App) grace() time.Duration {
	if app.Grace == 0 {
		return defaultGrace
	}
	return max(app.Grace, 0)
}

// fault says what is wrong with the App before any of it was used, "" for
// nothing.
func (app *App) fault() string {
	var missing []string
	for _, field := range [...]struct {
		name string
		is   bool
	}{
		{"Handler", app.Handler != nil}, {"SignIn", app.SignIn != nil},
		{"SignOut", app.SignOut != nil}, {"WhoAmI", app.WhoAmI != nil},
	} {
		if !field.is {
			missing = append(missing, "App."+field.name)
		}
	}
	switch {
	case len(missing) > 0:
		return strings.Join(missing, ", ") + ": nil; every assertion needs them"
	case app.Users[0] == "" || app.Users[1] == "" || app.Users[0] == app.Users[1]:
		return "App.Users are not two names, different and not empty"
	}
	return ""
}

// A trial is an App under one assertion.
type trial struct {
	testing.TB
	app        App
	alice, bob string // the two users
}

// try begins an assertion. It ends the test where the App cannot be used.
func try(t testing.TB, app App) *trial {
	t.Helper()
	if fault := app.fault(); fault != "" {
		t.Fatalf("powgintest: %s", fault)
	}
	if app.Wait == nil {
		app.Wait = time.Sleep
	}
	a := &trial{t, app, app.Users[0], app.Users[1]}
	if got := a.who(a.browser()); got != "" {
		t.Fatalf("powgintest: App.WhoAmI of a browser without cookies = %q; want \"\", nobody", got)
	}
	return a
}

func (a *trial) browser() *Browser { return NewBrowser(a.TB, a.app.Handler) }

// who asks the site whom it takes the browser for.
func (a *trial) who(b *Browser) string {
	a.Helper()
	who := a.app.WhoAmI(b)
	if who != "" && who != a.alice && who != a.bob {
		a.Fatalf("powgintest: App.WhoAmI = %.80q; want %q or %q, as in App.Users, or \"\" for nobody", who, a.alice, a.bob)
	}
	return who
}

// whoHas asks the site whom it takes a browser for that has the same cookies.
// The browser itself keeps those.
func (a *trial) whoHas(b *Browser) string {
	a.Helper()
	return a.who(b.Clone())
}

// signedIn returns a new browser in which the user has signed in.
func (a *trial) signedIn(user string) *Browser {
	a.Helper()
	b := a.browser()
	a.app.SignIn(b, user)
	if got := a.whoHas(b); got != user {
		a.Fatalf("powgintest: after App.SignIn of %q in a browser without cookies App.WhoAmI = %q; want %q", user, got, user)
	}
	return b
}

// moment is how much later than a limit the assertions ask, so that what ends
// just then has ended.
const moment = time.Millisecond

// pass lets more time pass for the app than the limit, which may be 0.
func (a *trial) pass(limit time.Duration) {
	if limit > 0 {
		a.app.Wait(limit + moment)
	}
}

// named is how a message speaks of whom a browser is taken for.
func named(who string) string {
	if who == "" {
		return "nobody"
	}
	return who
}
