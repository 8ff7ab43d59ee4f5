package writes

import (
	"context"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"testing"

	"gorm.io/gorm"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

// A party is a way to change member 1 whose steps the test takes: between the
// announcement and the conclusion it calls a commitFunc.
type party struct {
	name   string
	all    bool // all users are announced
	locks  bool // SQLite has one such transaction at a time
	change func(*club, commitFunc) error
}

const (
	raises = "UPDATE members SET n = n + 1 WHERE id = 1"
	// These change and lock nothing, so that two transactions get as far as their
	// COMMIT; what they may change is announced all the same.
	namesOne = "UPDATE members SET n = n + 1 WHERE id = 1 AND 1 = 0"
	namesAll = "UPDATE members SET n = n + 1 WHERE 1 = 0"
)

var parties = []party{
	{name: "transaction of one", locks: true, change: transaction(namesOne)},
	{name: "transaction of all", locks: true, all: true, change: transaction(namesAll)},
	{name: "Auth.Write of one", change: written("1")},
	{name: "Auth.Write of all", all: true, change: written()},
}

// A commitFunc is given what runs a statement in the transaction, and its COMMIT.
type commitFunc = func(change func(string) error, commit func() error) error

func transaction(names string) func(*club, commitFunc) error {
	return func(c *club, commit commitFunc) error {
		ctx := committing(context.Background(), func(tx *sql.Tx) error {
			defer func() { _ = tx.Rollback() }() // of a turn that was left
			return commit(func(text string) error {
				_, err := tx.Exec(text)
				return err
			}, tx.Commit)
		})
		return c.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error { return tx.Exec(names).Error })
	}
}

func written(keys ...string) func(*club, commitFunc) error {
	return func(c *club, commit commitFunc) error {
		return c.auth.Write(context.Background(), keys, func(context.Context) error {
			return commit(func(text string) error { return c.beside.Exec(text).Error }, func() error { return nil })
		})
	}
}

// A turn is one run of a party, step by step.
type turn struct {
	*club
	party
	step                              int
	announced, commit, committed, end chan struct{}
	quit                              chan struct{} // closed by leave
	done                              chan error
}

func (c *club) turn(p party) *turn {
	return &turn{
		club: c, party: p, announced: make(chan struct{}), commit: make(chan struct{}),
		committed: make(chan struct{}), end: make(chan struct{}), quit: make(chan struct{}), done: make(chan error, 1),
	}
}

// next takes the next step: begin, commit or end.
func (t *turn) next() {
	t.Helper()
	t.step++
	switch t.step {
	case 1:
		go func() {
			defer close(t.done)
			t.done <- t.change(t.club, t.steps)
		}()
		t.wait(t.announced)
	case 2:
		close(t.commit)
		t.wait(t.committed)
	case 3:
		close(t.end)
		must(t, <-t.done)
	}
}

func (t *turn) steps(change func(string) error, commit func() error) error {
	close(t.announced)
	select {
	case <-t.commit:
	case <-t.quit:
		return errEnough
	}
	if err := change(raises); err != nil {
		return err
	}
	if err := commit(); err != nil {
		return err
	}
	close(t.committed)
	select {
	case <-t.end:
	case <-t.quit:
	}
	return nil
}

// leave ends a party that a test which has failed leaves halfway.
func (t *turn) leave() {
	if t.underWay() {
		close(t.quit)
		<-t.done //nolint:errcheck // the test has failed already
	}
}

func (t *turn) wait(reached chan struct{}) {
	t.Helper()
	select {
	case <-reached:
	case err := <-t.done:
		t.Fatalf("%s is over at step %d: %v", t.party.name, t.step, err)
	}
}

func (t *turn) underWay() bool { return t.step == 1 || t.step == 2 }

// orders are all in which two writers can take three steps each: "ABABAB" and so on.
func orders(a, b int) []string {
	if a == 0 && b == 0 {
		return []string{""}
	}
	var all []string
	if a > 0 {
		for _, rest := range orders(a-1, b) {
			all = append(all, "A"+rest)
		}
	}
	if b > 0 {
		for _, rest := range orders(a, b-1) {
			all = append(all, "B"+rest)
		}
	}
	return all
}

// look is one request, and whether the cache answered it.
func (c *club) look(b *powgintest.Browser) (fromCache bool, m Member) {
	c.Helper()
	before := c.auth.Stats()
	m, err := member(b.Get("/me"))
	must(c, err)
	after := c.auth.Stats()
	return after.Hits > before.Hits && after.Misses == before.Misses, m
}

// wantRow holds that the member is seen as in the database, by a request that the
// cache answers or does not.
func (c *club) wantRow(b *powgintest.Browser, id int, cached bool, when string) {
	c.Helper()
	fromCache, m := c.look(b)
	if row := c.row(id); m != row {
		c.Errorf("%s: member %d is seen as %+v; want %+v", when, id, m, row)
	}
	if fromCache != cached {
		c.Errorf("%s: member %d is answered from the cache: %v; want %v", when, id, fromCache, cached)
	}
}

// slow begins a request of member 1's that has read the row and gets no further
// until it is released.
func (c *club) slow(b *powgintest.Browser) (release func()) {
	c.Helper()
	read, on, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	r := httptest.NewRequestWithContext(finding(c.Context(), func() {
		close(read)
		<-on
	}), "GET", "/me", nil)
	go func() {
		defer close(done)
		b.Do(r)
	}()
	select {
	case <-read:
	case <-done:
		c.Fatal("a slow request has read nothing")
	}
	return func() {
		close(on)
		<-done
	}
}

// overlap takes the steps of two writers in this order. After each of them the row
// is what is seen, from the cache if nobody is at it. With slow, a request
// begins before each step as well, and is answered when all is over.
func (c *club) overlap(one, other *powgintest.Browser, p, q party, order string, slow bool) {
	c.Helper()
	c.look(one)
	c.look(other)
	c.wantRow(one, 1, true, "before all")
	c.wantRow(other, 2, true, "before all")
	a, b := c.turn(p), c.turn(q)
	defer a.leave()
	defer b.leave()
	steps := [...]string{"begin", "commit", "end"}
	when := ""
	for _, who := range order {
		t := a
		if who == 'B' {
			t = b
		}
		if slow {
			if !a.underWay() && !b.underWay() {
				must(c, c.auth.Invalidate(c.Context(), "1"))
			}
			defer func(release func()) {
				release()
				c.look(one)
				c.wantRow(one, 1, true, "after a slow request")
			}(c.slow(one))
		}
		when += fmt.Sprintf(" %s %c", steps[t.step], who)
		t.next()
		barred := a.underWay() || b.underWay()
		allBarred := a.underWay() && p.all || b.underWay() && q.all
		c.wantRow(one, 1, false, "after"+when)
		c.wantRow(one, 1, !barred, "after"+when+", the next request")
		if p.all || q.all {
			c.look(other)
		}
		c.wantRow(other, 2, !allBarred, "after"+when)
	}
}

// TestWritersOverlap holds, for every order in which two writers of the same user
// can begin, commit and end, that each request sees the row as it is, that none is
// answered from the cache while either may commit, and that the first one after
// both fills it, whatever requests that were slow bring later.
func TestWritersOverlap(t *testing.T) {
	t.Parallel()
	for _, place := range places {
		t.Run(place.name, func(t *testing.T) {
			t.Parallel()
			if setting("POWGIN_WRITES", "") == "few" && place.store != nil {
				t.Skip("POWGIN_WRITES=few leaves it out")
			}
			if place.slow && setting("POWGIN_WRITES", "") != "all" {
				t.Skip("POWGIN_WRITES=all runs it here too")
			}
			d := place.own(t)
			var store cache.Store
			if place.store != nil {
				store = place.store(t, d)
			}
			c := newClub(t, d, store)
			one, other := c.browser(1), c.browser(2)
			for i, p := range parties {
				for _, q := range parties[i:] {
					if d.Name() == "sqlite" && (p.locks || q.locks) {
						continue
					}
					t.Run(p.name+" and "+q.name, func(t *testing.T) {
						here := *c
						here.TB = t
						for _, order := range orders(3, 3) {
							if p.name == q.name && order[0] == 'B' {
								continue // it is another's mirror image
							}
							here.overlap(one, other, p, q, order, false)
							here.overlap(one, other, p, q, order, true)
							if t.Failed() {
								t.Fatalf("of %s and %s in the order %s", p.name, q.name, order)
							}
						}
					})
				}
			}
		})
	}
}
