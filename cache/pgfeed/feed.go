package pgfeed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Cache is told who has changed: *powgin.Auth is one. The feed calls it from one
// goroutine, never twice at once, and gives it 5 seconds; a call that does not heed
// its context keeps Close waiting.
type Cache interface {
	// Invalidate drops the cached copies of the users with these keys.
	Invalidate(ctx context.Context, userKeys ...string) error
	// InvalidateAll drops those of all users.
	InvalidateAll(ctx context.Context) error
}

const (
	// startWithin is how long the server may take at first, aliveFor how long the
	// feed is believed without having heard anything.
	startWithin = 10 * time.Second
	aliveFor    = 3 * time.Second

	// After firstPause whatever failed is tried again, then after twice as long
	// each time, up to lastPause.
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// A Feed tells a cache of the changes of a table. Make one with [Start]. It is safe
// for concurrent use.
type Feed struct {
	*options
	config *pgx.ConnConfig
	cache  Cache

	end     context.CancelFunc
	wait    sync.WaitGroup
	changes changes
	listens atomic.Bool
	heard   atomic.Int64 // when, as the time since started
	started time.Time
}

// Start connects to PostgreSQL, listens to the changes of the table, has all users
// invalidated, and goes on in the background until Close is called or ctx ends. Its
// values, such as a tenant, are those that the cache is given.
//
// The connection string is a URL or has the form "host=… dbname=…"; the feed takes
// one connection, to the primary. It fails, within 10 seconds, where the server
// cannot be reached or the cache cannot be told, where the table or one of its
// columns does not exist, and where the triggers are missing and Migrate is not
// given. No error holds a password.
//
// After that the feed does not fail: it connects again, 0.1 to 2 seconds after a
// failure, and tells the cache again what that did not take.
func Start(ctx context.Context, connString string, cache Cache, table string, opts ...Option) (*Feed, error) {
	o, err := settle(table, opts)
	if err != nil {
		return nil, err
	}
	if cache == nil {
		return nil, errors.New("pgfeed: Start needs a cache, which is your *powgin.Auth")
	}
	f := &Feed{options: o, cache: cache, started: time.Now(), changes: newChanges()}
	if f.config, err = parse(connString); err != nil {
		return nil, err
	}
	ctx, f.end = context.WithCancel(ctx)
	l, err := f.begin(ctx)
	if err != nil {
		f.end()
		return nil, fmt.Errorf("pgfeed: %w", err)
	}
	f.wait.Go(func() { f.run(ctx, l) })
	f.wait.Go(func() { f.tell(ctx) })
	return f, nil
}

// begin makes the first connection, and has the cache told.
func (f *Feed) begin(ctx context.Context) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	l, err := f.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.cache.InvalidateAll(ctx); err != nil {
		l.close()
		return nil, fmt.Errorf("have all users invalidated: %w", err)
	}
	f.listening()
	return l, nil
}

// Alive reports whether changes show at once: the feed has heard from the server
// within the last 3 seconds, and the cache has taken all that there was to tell
// since the connection was made, or was in the course of taking it. A feed that is
// not alive is busy becoming so. It is false after Close, and for a nil Feed.
func (f *Feed) Alive() bool {
	if f == nil {
		return false
	}
	heard := f.started.Add(time.Duration(f.heard.Load()))
	return f.listens.Load() && time.Since(heard) < aliveFor && !f.changes.behind()
}

// Close ends the feed and its connection, and waits for a call of the cache that
// is under way. Changes that it has not told yet are lost. It may be called more
// than once, and returns nil.
func (f *Feed) Close() error {
	f.end()
	f.wait.Wait()
	return nil
}

// listening notes that the connection works.
func (f *Feed) listening() {
	f.hear()
	f.listens.Store(true)
}

func (f *Feed) hear() { f.heard.Store(int64(time.Since(f.started))) }

// run listens, and connects anew when the connection is lost.
func (f *Feed) run(ctx context.Context, l *line) {
	defer f.listens.Store(false)
	for {
		err := f.listen(ctx, l)
		f.listens.Store(false)
		l.close()
		if ctx.Err() != nil {
			return
		}
		f.log.Warn("pgfeed: the connection is lost: changes made outside the app do not show until it is back", "table", f.table.String(), "error", err)
		if l = f.reconnect(ctx); l == nil {
			return
		}
		// First all users are owed, and only then the feed is connected, or it
		// would be alive in between.
		f.changes.addAll(true)
		f.listening()
		f.log.Info("pgfeed: the connection is back", "table", f.table.String())
	}
}

// reconnect returns a new connection, or nil when ctx ends.
func (f *Feed) reconnect(ctx context.Context) *line {
	for p := firstPause; pause(ctx, p); p = min(2*p, lastPause) {
		within, cancel := context.WithTimeout(ctx, startWithin)
		l, err := f.connect(within)
		cancel()
		if err == nil {
			return l
		}
		level := slog.LevelDebug
		if errors.Is(err, errTriggers) {
			level = slog.LevelError // it does not pass by itself
		}
		f.log.Log(ctx, level, "pgfeed: connecting again failed", "table", f.table.String(), "error", err)
	}
	return nil
}

// pause waits for about d: nodes that lost the same server come back one by one.
// It is false when ctx ends.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
