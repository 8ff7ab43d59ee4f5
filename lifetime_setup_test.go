package powgin_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/powgin/powgin"
)

// peopleBubble is bubble for an app whose users are in memory.
func peopleBubble(t *testing.T, change func(*powgin.Config[User]), story func(a *app, p *people)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { story(newPeopleApp(t, change)) })
}

// signInWith returns a browser with a session of alice that was begun with
// these options.
func (a *app) signInWith(opts ...powgin.SignInOption) *browser {
	a.Helper()
	b := a.browser()
	b.signInAgain(opts...)
	return b
}

// signInAgain has the browser sign alice in with these options.
func (b *browser) signInAgain(opts ...powgin.SignInOption) *response {
	b.Helper()
	r, err := b.does(func(c *Context) error { return c.SignIn(person(1), opts...) })
	if err != nil {
		b.Fatalf("SignIn = %v; want no error", err)
	}
	return r
}

// wantLines fails the test unless these are the Set-Cookie lines of the
// answer, with TOKEN in place of tokens.
func (r *response) wantLines(want ...string) *response {
	r.b.Helper()
	if got := r.headers()["Set-Cookie"]; !slices.Equal(got, want) {
		r.b.Errorf("%s sets the cookies\n\t%q; want\n\t%q", r.what, got, want)
	}
	return r
}

// A record of errors that an app was told of.
type record struct {
	mu   sync.Mutex
	list []error // guarded by mu
}

func (e *record) on(_ context.Context, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, err)
}

// took returns the errors since it was last asked.
func (e *record) took() []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}
