package pgfeed_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/powgin/powgin/cache/pgfeed"
)

func TestAChangeShowsOnTheNextRequest(t *testing.T) {
	t.Parallel()
	a := newApp(t, fivePeople()...)
	a.feed(a.auth, "users")
	v := a.visitors(5)
	for _, row := range []struct{ sql, want string }{
		{"UPDATE users SET plan = 'pro' WHERE id = 1", "pro"},
		{"INSERT INTO users (id, plan) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET plan = 'team'", "team"},
		{"WITH u AS (UPDATE users SET plan = 'basic' WHERE id = 1 RETURNING id) SELECT * FROM u", "basic"},
		{"DELETE FROM users WHERE id = 1", "nobody"},
	} {
		before := a.auth.Stats().Misses
		a.sql(row.sql)
		v[0].wantSoon(t, row.want)
		for _, other := range v[1:] {
			if got := other.plan(); got != "free" {
				t.Errorf("%s: another user's plan = %q; want free", row.sql, got)
			}
		}
		if got := a.auth.Stats().Misses - before; got != 1 {
			t.Errorf("%s: %d misses; want 1, that of the user who has changed", row.sql, got)
		}
	}
	a.sql("TRUNCATE users")
	for _, other := range v[1:] {
		other.wantSoon(t, "nobody")
	}
}

// The delay runs from the end of COMMIT to the end of the first request that
// shows the change.
func TestHowSoonAChangeShows(t *testing.T) {
	t.Parallel()
	a := newApp(t, fivePeople()...)
	a.feed(a.auth, "users")
	v := a.visitors(1)[0]
	var delays []time.Duration
	for n := range 200 {
		plan := fmt.Sprint("plan-", n)
		a.sql("UPDATE users SET plan = '" + plan + "' WHERE id = 1")
		delays = append(delays, v.wantSoon(t, plan))
	}
	slices.Sort(delays)
	t.Logf("of 200 changes: p50 %v, p95 %v, max %v", delays[99], delays[189], delays[199])
}

func TestOnlyACommitIsTold(t *testing.T) {
	t.Parallel()
	a := newApp(t, fivePeople()...)
	a.feed(a.auth, "users")
	v := a.visitors(5)
	other := &database{TB: t, conn: a.conn} // the connection that is in a transaction
	barrier := newConn(t, a.dsn)

	before := a.auth.Stats().Misses
	other.sql("BEGIN; UPDATE users SET plan = 'pro' WHERE id = 1")
	barrier.sql("UPDATE users SET plan = 'x' WHERE id = 2")
	v[1].wantSoon(t, "x")
	if got := v[0].plan(); got != "free" || a.auth.Stats().Misses != before+1 {
		t.Errorf("before COMMIT: plan %q, %d misses; want free, and 1 of another user", got, a.auth.Stats().Misses-before)
	}
	other.sql("COMMIT")
	v[0].wantSoon(t, "pro")

	before = a.auth.Stats().Misses
	other.sql("BEGIN; UPDATE users SET plan = 'team' WHERE id = 1; ROLLBACK")
	barrier.sql("UPDATE users SET plan = 'y' WHERE id = 2")
	v[1].wantSoon(t, "y")
	if got := v[0].plan(); got != "pro" || a.auth.Stats().Misses != before+1 {
		t.Errorf("after ROLLBACK: plan %q, %d misses; want pro, and 1 of another user", got, a.auth.Stats().Misses-before)
	}
}

func TestColumnsThatDoNotCountCostNothing(t *testing.T) {
	t.Parallel()
	a := newApp(t, fivePeople()...)
	a.feed(a.auth, "users", pgfeed.Columns("plan"))
	v := a.visitors(5)
	before := a.auth.Stats().Misses
	a.sql("UPDATE users SET seen = 1")
	a.sql("UPDATE users SET plan = plan")
	a.sql("UPDATE users SET seen = id, plan = CASE id WHEN 3 THEN 'pro' ELSE plan END")
	v[2].wantSoon(t, "pro")
	for _, i := range []int{0, 1, 3, 4} {
		if got := v[i].plan(); got != "free" {
			t.Errorf("another user's plan = %q; want free", got)
		}
	}
	if got := a.auth.Stats().Misses - before; got != 1 {
		t.Errorf("%d misses; want 1, of the user whose plan has changed", got)
	}
}

// Keys are what powgin makes of them.
func TestKeysArePowgins(t *testing.T) {
	t.Parallel()
	names := []string{"a,b", `a\,b`, `\`, "c", "Ä 'quoted' \"too\"", " padded ", "k", "a", "b"}
	t.Run("of one column of text", func(t *testing.T) {
		t.Parallel()
		var rows []named
		for _, name := range names {
			rows = append(rows, named{name, "free"})
		}
		a := newApp(t, rows...)
		a.feed(a.auth, "nameds", pgfeed.Key("name"), pgfeed.Columns("plan"))
		wantEachAlone(t, a, len(rows), func(i int) string { return "UPDATE nameds SET plan = 'pro' WHERE name = " + quoted(names[i]) })
	})
	t.Run("of two columns", func(t *testing.T) {
		t.Parallel()
		rows := []member{{"a,b", "c", "free"}, {"a", "b,c", "free"}, {`a\`, "b,c", "free"}, {`a\,b`, "c", "free"}, {"a", "c", "free"}}
		a := newApp(t, rows...)
		a.feed(a.auth, "members", pgfeed.Key("org", "name"))
		wantEachAlone(t, a, len(rows), func(i int) string {
			return "UPDATE members SET plan = 'pro' WHERE org = " + quoted(rows[i].Org) + " AND name = " + quoted(rows[i].Name)
		})
	})
}

// wantEachAlone changes one user after the other, and wants that to be seen, and
// to cost nobody else anything.
func wantEachAlone[U interface{ plan() string }](t *testing.T, a *app[U], n int, change func(i int) string) {
	t.Helper()
	v := a.visitors(n)
	for i := range v {
		before := a.auth.Stats().Misses
		a.sql(change(i))
		v[i].wantSoon(t, "pro")
		for _, other := range v {
			other.plan()
		}
		if got := a.auth.Stats().Misses - before; got != 1 {
			t.Errorf("%s: %d misses; want 1", change(i), got)
		}
	}
}
