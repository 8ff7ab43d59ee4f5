package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Budget bounds all store and database calls of one request, and so a read
// that several requests wait for.
const Budget = 2500 * time.Millisecond

// Bounded returns a context for such calls that ends after d, and not when
// ctx does: a client's hanging up must not fail others who wait for the same
// read, nor leave a change half done.
func Bounded(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	return bounded{ctx}, cancel
}

// bounded tells contexts that Bounded has made.
type bounded struct{ context.Context }

// inlineBudget is what a request must have left to run a read for others on
// its own goroutine, in the time that it has. With less it runs on another, so
// that this request keeps to its own time and the others still get theirs.
const inlineBudget = Budget - 250*time.Millisecond

// flights let concurrent reads of one user share a query. There are two kinds.
//
// Plain misses are shared by (account, lease, epoch): whoever loaded the same
// lease may use a read that has begun already, since a finished write would
// have changed the lease.
//
// Reads that must be newer than the request that asks (Reload, Refresh, MaxAge,
// SyncUser) are shared only by those who came before the read began: one runs,
// and at most one waits to follow it.
type flights struct {
	mu     sync.Mutex
	closed bool                // guarded by mu
	miss   map[missKey]*flight // guarded by mu
	newest map[newestKey]*lane // guarded by mu
	active sync.WaitGroup      // added to under mu, and only while not closed
	shared atomic.Uint64       // those who joined
}

type missKey struct {
	account AccountID
	lease   ID
	stamp   ID
}

type newestKey struct {
	account AccountID
	fill    bool
	check   bool // see toRead
	once    bool // a fill that loses its lease is left at that
}

// A lane is a running flight and the one that will follow it, if any.
type lane struct{ running, next *flight }

// A flight is one read. Its result is set before done is closed.
type flight struct {
	work   work
	done   chan struct{}
	result reading
	err    error
}

type work func(context.Context) (reading, error)

// errUnfinished is the outcome of work that ends its goroutine: nobody was
// found gone by it.
var errUnfinished = unavailable("read a user", errors.New("the read ended without an answer"))

func newFlight(w work) *flight {
	return &flight{work: w, done: make(chan struct{}), err: errUnfinished}
}

// run is runBounded with the whole Budget, on a context that the caller's
// cancellation does not reach: one client's hang-up must not fail the others.
func (f *flight) run(ctx context.Context, end func()) {
	ctx, cancel := Bounded(ctx, Budget)
	defer cancel()
	f.runBounded(ctx, end)
}

// runBounded does the flight's work and then end. A panic in the app's code
// becomes an error for everyone who waits.
func (f *flight) runBounded(ctx context.Context, end func()) {
	defer func() {
		if p := recover(); p != nil {
			f.err = unavailable("read a user", fmt.Errorf("panic with a %T", p))
		}
		end()
		close(f.done)
	}()
	f.result, f.err = f.work(ctx)
}

// lead runs the flight here, or on a goroutine of its own where the caller has
// too little time left, and returns its outcome.
func (f *flight) lead(ctx context.Context, end func()) (reading, error) {
	if d, ok := ctx.Deadline(); ok && time.Until(d) < inlineBudget {
		go f.run(ctx, end)
		return f.wait(ctx)
	}
	if _, ok := ctx.(bounded); ok {
		f.runBounded(ctx, end) // another context of that kind is 6 allocations, and 3 % of a Reload
	} else {
		f.run(ctx, end)
	}
	return f.result, f.err
}

func (f *flight) wait(ctx context.Context) (reading, error) {
	select {
	case <-f.done:
		return f.result, f.err
	case <-ctx.Done():
		return reading{}, sourceError{unavailable("wait for a user to be read", ctx.Err())}
	}
}

// alone runs w as a read that nobody joins.
func (fs *flights) alone(ctx context.Context, w work) (reading, error) {
	fs.mu.Lock()
	if fs.closed {
		fs.mu.Unlock()
		return reading{}, unavailable("read a user", errClosed)
	}
	fs.active.Add(1)
	fs.mu.Unlock()
	return newFlight(w).lead(ctx, fs.active.Done)
}

// shareMiss joins the read of this miss that is under way, or runs w as it.
func (fs *flights) shareMiss(ctx context.Context, key missKey, w work) (reading, error) {
	fs.mu.Lock()
	if f := fs.miss[key]; f != nil {
		fs.mu.Unlock()
		fs.shared.Add(1)
		return f.wait(ctx)
	}
	if fs.closed {
		fs.mu.Unlock()
		return reading{}, unavailable("read a user", errClosed)
	}
	f := newFlight(w)
	if fs.miss == nil {
		fs.miss = make(map[missKey]*flight)
	}
	fs.miss[key] = f
	fs.active.Add(1)
	fs.mu.Unlock()
	return f.lead(ctx, func() {
		fs.mu.Lock()
		delete(fs.miss, key)
		fs.mu.Unlock()
		fs.active.Done()
	})
}

// shareNewest joins the read that has yet to begin, or runs w as it as soon as
// the one under way has ended.
func (fs *flights) shareNewest(ctx context.Context, key newestKey, w work) (reading, error) {
	fs.mu.Lock()
	if fs.closed {
		fs.mu.Unlock()
		return reading{}, unavailable("read a user", errClosed)
	}
	l := fs.newest[key]
	if l == nil {
		l = &lane{running: newFlight(w)}
		if fs.newest == nil {
			fs.newest = make(map[newestKey]*lane)
		}
		fs.newest[key] = l
		fs.active.Add(1)
		fs.mu.Unlock()
		return l.running.lead(ctx, func() { fs.follow(ctx, key, l) })
	}
	if l.next == nil {
		l.next = newFlight(w)
		fs.active.Add(1)
	} else if !key.once { // a sync's read is nobody's reload
		fs.shared.Add(1)
	}
	f := l.next
	fs.mu.Unlock()
	return f.wait(ctx)
}

// follow ends the lane's running flight and starts the one that waits for it.
func (fs *flights) follow(ctx context.Context, key newestKey, l *lane) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.active.Done()
	l.running, l.next = l.next, nil
	if l.running == nil {
		delete(fs.newest, key)
		return
	}
	go l.running.run(ctx, func() { fs.follow(ctx, key, l) })
}

// close waits for the reads under way, and refuses later ones.
func (fs *flights) close() {
	fs.mu.Lock()
	fs.closed = true
	fs.mu.Unlock()
	fs.active.Wait()
}
