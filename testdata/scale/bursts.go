package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin"
)

// A board keeps users in a map. A read tells of the row as it was when the read
// began, and may be held up.
type board struct {
	mu    sync.Mutex
	rows  map[string]member
	reads atomic.Int64
	hold  atomic.Pointer[func() bool] // the next read waits until it is true; nil: it does not
}

func (b *board) Key(m member) string { return members{}.Key(m) }

func (b *board) Find(ctx context.Context, key string) (member, bool, error) {
	b.reads.Add(1)
	b.mu.Lock()
	m, found := b.rows[key]
	b.mu.Unlock()
	if until := b.hold.Swap(nil); until != nil {
		for !(*until)() {
			select {
			case <-ctx.Done():
				return m, false, ctx.Err()
			case <-time.After(50 * time.Microsecond):
			}
		}
	}
	return m, found, nil
}

// change changes a row and returns what is in it now.
func (b *board) change(key string) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	m := b.rows[key]
	m.Credits++
	b.rows[key] = m
	return m.Credits
}

// A burst is what came of requests that were sent at the same time.
type burst struct {
	requests, reads int
	older           int // answered with a user older than the request
	refused         int
	latencies       []time.Duration // sorted
}

// addPages adds the pages whose answer tells which user they saw.
func (s *site) addPages() {
	page := func(c *gin.Context) {
		if m, ok := powgin.CurrentUser[member](c); ok {
			c.Header("Seen", strconv.FormatInt(m.Credits, 10))
		} else {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	}
	s.router.GET("/cached", page)
	s.router.GET("/reload", s.auth.Reload(), page)
}

// send sends n requests at the same time. before returns the cookie of a request,
// and what it has to see, at the moment it is sent.
func (s *site) send(path string, n int, before func(i int) (cookie string, want int64)) burst {
	b := burst{requests: n, latencies: make([]time.Duration, n)}
	var older, refused atomic.Int64
	var done sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		c := newClient(s.router)
		done.Go(func() {
			<-begin
			cookie, want := before(i)
			start := time.Now()
			status := c.send(http.MethodGet, path, cookie)
			b.latencies[i] = time.Since(start)
			if status != http.StatusOK {
				refused.Add(1)
			} else if seen, err := strconv.ParseInt(c.sink.header.Get("Seen"), 10, 64); err != nil || seen < want {
				older.Add(1)
			}
		})
	}
	close(begin)
	done.Wait()
	slices.Sort(b.latencies)
	b.older, b.refused = int(older.Load()), int(refused.Load())
	return b
}

// crowded sends requests of one user that all wait at the same time: the first
// read goes on once all others have come to share one. So many of them do not
// share the first one: with a plain miss one reads for all, with Reload one more
// has to read for those that came while the first read was under way.
func crowded(n, apart int, path string, drop bool) (_ burst, err error) {
	b := &board{rows: map[string]member{}}
	m, _, _ := members{}.Find(context.Background(), keyOf(0))
	b.rows[keyOf(0)] = m
	s, err := newSite(func(cfg *powgin.Config[member]) { cfg.Users = b })
	if err != nil {
		return burst{}, err
	}
	defer func() { err = errors.Join(err, s.auth.Close()) }()
	s.addPages()
	c := newClient(s.router)
	cookie, err := c.post(signInPath(0), "")
	if err != nil {
		return burst{}, err
	}
	if status := c.get(cookie); status != http.StatusOK {
		return burst{}, fmt.Errorf("GET / = %d; want 200", status)
	}
	before := func(int) (string, int64) { return cookie, b.change(keyOf(0)) }
	if drop {
		want := b.change(keyOf(0)) // and is announced, so that the copy is dropped
		before = func(int) (string, int64) { return cookie, want }
		if err := s.auth.Invalidate(context.Background(), keyOf(0)); err != nil {
			return burst{}, err
		}
	}
	reads, shared := b.reads.Load(), s.auth.Stats().SharedLoads
	all := func() bool { return s.auth.Stats().SharedLoads-shared >= uint64(n-apart) }
	b.hold.Store(&all)
	result := s.send(path, n, before)
	result.reads = int(b.reads.Load() - reads)
	return result, nil
}

// reloads measures requests that wait for the same read, or at the same time.
func reloads(s *sizes, r *report) error {
	misses, err := crowded(s.crowd, 1, "/cached", true)
	if err != nil {
		return err
	}
	reload, err := crowded(s.crowd, 2, "/reload", false)
	if err != nil {
		return err
	}
	t := table{
		title: "Requests of one user at the same time",
		note:  "All wait at once: the first read goes on when the others have come. With Reload each has changed the row just before it was sent, and has to see that.",
		head:  []string{"what", "requests", "reads", "served a user older than the request", "refused"},
	}
	for _, row := range []struct {
		name string
		burst
	}{{"plain misses", misses}, {"Reload", reload}} {
		t.rows = append(t.rows, []string{row.name, number(row.requests), number(row.reads), number(row.older), number(row.refused)})
	}
	r.add(t)
	r.goal(fmt.Sprintf("reads for %s plain misses of one user", number(misses.requests)), float64(misses.reads), 1, plain)
	r.goal(fmt.Sprintf("reads for %s Reloads of one user", number(reload.requests)), float64(reload.reads), 5, plain)
	r.goal("users served who were older than the request", float64(misses.older+reload.older), 0, plain)
	return reloadsOfARow(s, r)
}
