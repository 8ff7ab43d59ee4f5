package powgintest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin/powgintest"
)

// The assertions that wait take no time in a bubble of testing/synctest. A
// database is opened inside of it, and closed with t.Cleanup.
func TestTheShopInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, all, router := newShop()
		app := shopApp(router)
		powgintest.AssertRotates(t, app, func(b *powgintest.Browser) {
			b.PostForm("/plan", "plan", "team")
		})
		powgintest.AssertStaleAtMost(t, app, time.Minute,
			func() { all.setPlan("alice@example.com", "basic") }, // as SQL by hand would
			func(b *powgintest.Browser) string { return b.Get("/account").Body },
		)
	})
}

// Where the app cannot be opened in a bubble, its store goes by another clock.
func TestTheShopWithAClock(t *testing.T) {
	t.Parallel()
	clock := powgintest.NewClock()
	router := newShopWith(clock.Store())
	app := shopApp(router)
	app.Wait = clock.Advance
	powgintest.AssertRotates(t, app, func(b *powgintest.Browser) {
		b.PostForm("/plan", "plan", "team")
	})
}
