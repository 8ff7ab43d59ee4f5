package pgfeed_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin/cache/pgfeed"
)

func TestAConnectionThatTheServerEnds(t *testing.T) {
	t.Parallel()
	a := newApp(t, fivePeople()...)
	feed := a.feedBy(a.dsn+"&application_name="+a.schema+"_feed", a.auth, "users")
	v := a.visitors(2)
	for _, plan := range []string{"pro", "team", "basic"} {
		a.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '" + a.schema + "_feed'")
		a.sql("UPDATE users SET plan = '" + plan + "' WHERE id = 1")
		v[0].wantSoon(t, plan)
		eventually(t, "the feed is alive", feed.Alive)
	}
	a.sql("UPDATE users SET plan = 'pro' WHERE id = 2")
	v[1].wantSoon(t, "pro")
}

func TestChangesWhileTheServerIsOutOfReach(t *testing.T) {
	t.Parallel()
	a := newApp(t, fivePeople()...)
	p := newProxy(t, a.dsn)
	said := make(chan string, 100)
	feed := a.feedBy(p.dsn, a.auth, "users", pgfeed.Logger(slog.New(slog.NewTextHandler(lines(said), nil))))
	v := a.visitors(2)
	p.cut()
	if line := <-said; feed.Alive() || !strings.Contains(line, "connection is lost") {
		t.Errorf("when the log says %q the feed is alive: %v; want one that says that it is lost, and false", line, feed.Alive())
	}
	a.sql("UPDATE users SET plan = 'pro' WHERE id = 1")
	dials := p.dials()
	eventually(t, "the feed tries again", func() bool { return p.dials() > dials+1 })
	if got := v[0].plan(); got != "free" || feed.Alive() {
		t.Errorf("while the server is out of reach: plan %q, alive %v; want free, false", got, feed.Alive())
	}
	p.admit()
	v[0].wantSoon(t, "pro")
	eventually(t, "the feed is alive", feed.Alive)
	a.sql("UPDATE users SET plan = 'team' WHERE id = 2")
	v[1].wantSoon(t, "team")
}

// lines are the lines of a log.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// Nothing tells that the other side is gone.
func TestAHalfOpenConnection(t *testing.T) {
	t.Parallel()
	a := newApp(t, fivePeople()...)
	p := newProxy(t, a.dsn)
	feed := a.feedBy(p.dsn, a.auth, "users")
	v := a.visitors(2)
	start := time.Now()
	p.freeze(false)
	a.sql("UPDATE users SET plan = 'pro' WHERE id = 1")
	v[0].wantSoon(t, "pro")
	t.Logf("seen %v after the connection died", time.Since(start).Round(10*time.Millisecond))
	eventually(t, "the feed is alive", feed.Alive)
	a.sql("UPDATE users SET plan = 'team' WHERE id = 2")
	v[1].wantSoon(t, "team")
}

// A server may answer and not tell: somebody in between has the connection that
// listens.
func TestAConnectionThatAnswersAndDoesNotTell(t *testing.T) {
	t.Parallel()
	a := newApp(t, fivePeople()...)
	p := newProxy(t, a.dsn+"&sslmode=disable")
	feed := a.feedBy(p.dsn, a.auth, "users")
	v := a.visitors(1)[0]
	p.setDeaf(true)
	a.sql("UPDATE users SET plan = 'pro' WHERE id = 1")
	eventually(t, "the feed is not alive", func() bool { return !feed.Alive() })
	eventually(t, "the feed connects anew", func() bool { return p.dials() > 1 })
	p.setDeaf(false)
	v.wantSoon(t, "pro")
	eventually(t, "the feed is alive", feed.Alive)

	p.setDeaf(true)
	_, err := pgfeed.Start(t.Context(), p.dsn, a.auth, "users", pgfeed.Migrate(), quiet)
	if err == nil || !strings.Contains(err.Error(), "pooler") {
		t.Errorf("Start where no NOTIFY comes back = %v; want an error that names the pooler", err)
	}
}

// A connection on which nothing happens stays, and counts as alive.
func TestAQuietConnectionStays(t *testing.T) {
	t.Parallel()
	d, r := newDatabase(t), &recorder{}
	d.users()
	p := newProxy(t, d.dsn)
	feed := d.feedBy(p.dsn, r, "users")
	start := time.Now()
	eventually(t, "5 seconds are over", func() bool { return time.Since(start) > 5*time.Second })
	if !feed.Alive() || p.dials() != 1 {
		t.Errorf("after 5 quiet seconds: alive %v, %d connections; want true, 1", feed.Alive(), p.dials())
	}
	d.sql(touch)
	if got, want := r.since(t, mark), []string{everybody}; !slices.Equal(got, want) {
		t.Errorf("told %q beside the change; want %q, of the start", got, want)
	}
}

func TestCloseOfADeadConnection(t *testing.T) {
	t.Parallel()
	d, r := newDatabase(t), &recorder{}
	d.users()
	p := newProxy(t, d.dsn)
	feeds := []*pgfeed.Feed{d.feedBy(p.dsn, r, "users"), d.feedBy(p.dsn, r, "users"), d.feedBy(p.dsn, r, "users")}
	wantClosed := func(when string, feed *pgfeed.Feed) {
		t.Helper()
		start := time.Now()
		if err := feed.Close(); err != nil {
			t.Errorf("Close %s = %v; want nil", when, err)
		}
		if took := time.Since(start); took > 8*time.Second {
			t.Errorf("Close %s took %v; want it soon", when, took)
		}
		if feed.Alive() {
			t.Errorf("a feed is alive after Close %s", when)
		}
	}
	p.freeze(true)
	wantClosed("at once", feeds[0])
	eventually(t, "the feeds are not alive", func() bool { return !feeds[1].Alive() && !feeds[2].Alive() })
	wantClosed("when it has noticed", feeds[1])
	eventually(t, "the last one connects again, in vain", func() bool { return p.dials() > 3 })
	wantClosed("while it connects", feeds[2])
	wantClosed("once more", feeds[2])
	start := time.Now()
	eventually(t, "no connection is left", func() bool { return !p.isOpen() })
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("the last connection was left %v after Close; want none", took)
	}
}

func TestAFeedEndsWithItsContext(t *testing.T) {
	t.Parallel()
	d, r := newDatabase(t), &recorder{}
	d.users()
	ctx, cancel := context.WithCancel(t.Context())
	feed, err := pgfeed.Start(ctx, d.dsn, r, "users", pgfeed.Migrate(), quiet)
	must(t, err)
	cancel()
	eventually(t, "the feed is not alive", func() bool { return !feed.Alive() })
	must(t, feed.Close())
}

// What the cache does not take is told again, as a change of all users.
func TestACacheThatFails(t *testing.T) {
	t.Parallel()
	d, r := newDatabase(t), &recorder{}
	d.users()
	feed := d.feed(r, "users")
	r.since(t, everybody)
	for _, statement := range []string{"UPDATE users SET plan = 'x' WHERE id = 2", "TRUNCATE users"} {
		tries := r.failed()
		r.fail(true)
		d.sql(statement)
		eventually(t, "the feed is not alive", func() bool { return !feed.Alive() })
		eventually(t, "the cache is told again", func() bool { return r.failed() > tries+2 })
		if feed.Alive() {
			t.Errorf("%s: the feed is alive while the cache fails", statement)
		}
		r.fail(false)
		eventually(t, "the feed is alive", feed.Alive)
		if got, want := r.since(t, everybody), []string{}; !slices.Equal(got, want) {
			t.Errorf("%s: told %q beside all; want nothing", statement, got)
		}
	}
	d.sql("INSERT INTO users VALUES (1, 'free', 0); " + touch)
	if got := r.since(t, mark); len(got) > 0 {
		t.Errorf("told %q once the cache works; want the one change", got)
	}
}

// A cache that is slow keeps nothing from being heard, and is told in one call
// what has come up.
func TestWhatComesUpDuringACallIsOneCall(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	d.users()
	c := &slowCache{calls: make(chan []string), answer: make(chan struct{})}
	go func() { c.answer <- struct{}{} }() // to Start
	go func() { <-c.calls }()
	feed := d.feed(c, "users")
	d.sql("DELETE FROM users WHERE id = 299")
	if got := <-c.calls; !slices.Equal(got, []string{"299"}) {
		t.Errorf("the first call has %q; want 299", got)
	}
	other := &recorder{}
	beside := d.feed(other, "users") // hears the same
	for id := range 10 {
		d.sql("UPDATE users SET seen = 5 WHERE id = 1" + string(rune('0'+id)))
	}
	d.sql(touch)
	other.since(t, mark)
	start := time.Now()
	eventually(t, "5 seconds are over", func() bool { return time.Since(start) > 4*time.Second })
	if !feed.Alive() || !beside.Alive() {
		t.Error("the feed is not alive while the cache is slow")
	}
	c.answer <- struct{}{}
	got := <-c.calls
	slices.Sort(got)
	if want := append([]string{"1"}, ids(10, 19)...); !slices.Equal(got, want) {
		t.Errorf("the next call has %q; want %q", got, want)
	}
	c.answer <- struct{}{}
}

// A slowCache tells of each call, and has it wait for an answer.
type slowCache struct {
	calls  chan []string
	answer chan struct{}
}

func (c *slowCache) Invalidate(_ context.Context, keys ...string) error {
	c.calls <- keys
	<-c.answer
	return nil
}

func (c *slowCache) InvalidateAll(ctx context.Context) error { return c.Invalidate(ctx) }
