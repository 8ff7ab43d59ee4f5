package powgintest

import (
	"net/http"
	"time"
)

// An App is a site under test, and how one uses it. The functions send
// requests with the browser they are given, as many as it takes, and must not
// keep it.
type App struct {
	// Handler is the whole site: the router with all its middleware.
	Handler http.Handler
	// Users are two users who can sign in, by whatever name SignIn takes.
	Users [2]string
	// SignIn signs the user in, as the site's own form does.
	SignIn func(b *Browser, user string)
	// SignOut signs the browser out, as the site's own button does.
	SignOut func(b *Browser)
	// WhoAmI returns the name of the user that the site takes the browser for,
	// as in Users, and "" for nobody. It asks a page that is open to all, or
	// takes a refusal for nobody.
	WhoAmI func(b *Browser) string
	// Change changes something of the signed-in user by a form, one POST whose
	// handler reads its body. AssertNoRevival alone needs it.
	Change func(b *Browser)

	// Grace is how long a replaced token may still work, for requests under
	// way; 0 stands for 5 seconds, negative for not at all.
	Grace time.Duration
	// Wait lets that much time pass for the app; nil stands for time.Sleep,
	// which takes no time in a bubble of testing/synctest. With a [Clock] it is
	// Clock.Advance.
	Wait func(time.Duration)
}
