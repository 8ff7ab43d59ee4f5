package nodes

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/powgin/powgin/cache/redisstore"
)

// backWithin is how long after its server's return a node may still answer 503.
const backWithin = time.Second

// tiers are the two ways to have Redis.
var tiers = []struct {
	name string
	opts []redisstore.Option
	late time.Duration // how much later a node may know of what was changed on another
}{
	{"redis strict", []redisstore.Option{redisstore.Strict()}, 0},
	{"redis local", nil, bound},
}

// A crowd is clients who keep asking for their user, on any node.
type crowd struct {
	*site
	server  *server
	clients []*client
	start   time.Time
	stop    chan struct{}
	wait    sync.WaitGroup

	mu   sync.Mutex
	seen []seen // guarded by mu
}

// A seen is an answer that a client has had.
type seen struct {
	client     int
	from, till time.Duration // since the start
	status     int
}

// newCrowd has n clients ask on three nodes, each as a user of its own.
func newCrowd(t *testing.T, n int, opts ...redisstore.Option) *crowd {
	t.Helper()
	server := newServer(t)
	open := openRedis(t, server.addr, opts...)
	w := &crowd{site: newSite(t, open(), open(), open()), server: server, start: time.Now(), stop: make(chan struct{})}
	for i := range n {
		name := fmt.Sprintf("user%d", i)
		w.users.add(name)
		c := w.client(w.nodes[i%3], name)
		w.clients = append(w.clients, c)
		w.wait.Go(func() { w.keepAsking(i, c) })
	}
	t.Cleanup(w.end)
	return w
}

func (w *crowd) keepAsking(i int, c *client) {
	for turn := i; ; turn++ {
		select {
		case <-w.stop:
			return
		case <-time.After(2 * time.Millisecond):
		}
		from := w.now()
		a := c.me(w.nodes[turn%3]) // it fails the test where that is somebody else
		w.mu.Lock()
		w.seen = append(w.seen, seen{i, from, w.now(), a.status})
		w.mu.Unlock()
	}
}

func (w *crowd) now() time.Duration { return time.Since(w.start) }

// end stops asking.
func (w *crowd) end() {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.wait.Wait()
}

// during returns the answers to requests that began and ended in this time.
func (w *crowd) during(from, till time.Duration) (some []seen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.seen {
		if a.from >= from && a.till <= till {
			some = append(some, a)
		}
	}
	return some
}

// want fails the test where an answer has another status than these.
func (w *crowd) want(when string, some []seen, statuses ...int) {
	w.Helper()
	if len(some) == 0 {
		w.Errorf("nobody has asked %s", when)
	}
	for _, a := range some {
		if !slices.Contains(statuses, a.status) {
			w.Errorf("%s GET /me of user%d, asked at %v, = %d at %v; want one of %v", when, a.client, a.from, a.status, a.till, statuses)
			return
		}
	}
}

// revoke ends the sessions of the client's user, and returns when that is known.
func (w *crowd) revoke(n *node, client int) (time.Duration, error) {
	w.Helper()
	err := n.auth.RevokeUser(w.Context(), w.clients[client].name)
	return w.now(), err
}

// of returns the answers that a client has had, and those that the others have.
func of(client int, all []seen) (its, others []seen) {
	for _, a := range all {
		if a.client == client {
			its = append(its, a)
		} else {
			others = append(others, a)
		}
	}
	return its, others
}

// last503 returns how long after a moment 503 was answered to a request that
// began after it, 0 where none was.
func last503(all []seen, after time.Duration) (d time.Duration) {
	for _, a := range all {
		if a.status == http.StatusServiceUnavailable && a.from >= after {
			d = max(d, a.till-after)
		}
	}
	return d
}

// TestServerLosesEverything holds what is left where Redis is killed and comes
// back with nothing: 503 while it is away, and then everybody is nobody.
func TestServerLosesEverything(t *testing.T) {
	t.Parallel()
	for _, tier := range tiers {
		t.Run(tier.name, func(t *testing.T) {
			t.Parallel()
			w := newCrowd(t, 6, tier.opts...)
			time.Sleep(200 * time.Millisecond)
			revoked, err := w.revoke(w.nodes[1], 0)
			must(t, "RevokeUser", err)
			time.Sleep(200 * time.Millisecond)
			killing := w.now()
			w.server.kill()
			killed := w.now()
			time.Sleep(500 * time.Millisecond)
			starting := w.now()
			w.server.start()
			back := w.now()
			time.Sleep(backWithin + 500*time.Millisecond)
			end := w.now()
			w.end()

			its, others := of(0, w.during(0, end))
			w.want("before the server was killed", ended(others, killing), http.StatusOK)
			w.want("while it is away", begun(ended(others, starting), killed), http.StatusServiceUnavailable, http.StatusOK)
			w.want("once nodes know", begun(ended(others, starting), killed+100*time.Millisecond), http.StatusServiceUnavailable)
			w.want("since it is back", begun(others, back), http.StatusServiceUnavailable, http.StatusUnauthorized)
			w.want("after a second", begun(others, back+backWithin), http.StatusUnauthorized)
			w.want("of whom was revoked", begun(its, revoked+min(tier.late, nearly)), http.StatusUnauthorized, http.StatusServiceUnavailable)
			t.Logf("%d requests; the last 503 %v after the server's return", len(w.seen), last503(w.seen, back))

			for i, c := range w.clients {
				c.signIn(w.nodes[i%3])
				for _, n := range w.nodes {
					c.wantMe(n, http.StatusOK, 0, "signed in again,")
				}
			}
		})
	}
}

// ended returns the answers of which a moment was not reached.
func ended(all []seen, till time.Duration) (some []seen) {
	for _, a := range all {
		if a.till <= till {
			some = append(some, a)
		}
	}
	return some
}

// begun returns the answers to requests that began after a moment.
func begun(all []seen, from time.Duration) (some []seen) {
	for _, a := range all {
		if a.from >= from {
			some = append(some, a)
		}
	}
	return some
}

// TestServerHangs holds that where Redis stands still for a second nobody is taken
// for signed out, and nobody whose session has ended for signed in.
func TestServerHangs(t *testing.T) {
	t.Parallel()
	for _, tier := range tiers {
		t.Run(tier.name, func(t *testing.T) {
			t.Parallel()
			w := newCrowd(t, 6, tier.opts...)
			time.Sleep(200 * time.Millisecond)
			before, err := w.revoke(w.nodes[1], 0)
			must(t, "RevokeUser", err)
			time.Sleep(200 * time.Millisecond)
			w.server.pause()
			type outcome struct {
				at  time.Duration
				err error
			}
			during := make(chan outcome, 1)
			go func() {
				at, err := w.revoke(w.nodes[2], 1)
				during <- outcome{at, err}
			}()
			time.Sleep(time.Second)
			w.server.resume()
			back := w.now()
			told := <-during
			time.Sleep(backWithin + 500*time.Millisecond)
			w.end()

			first, others := of(0, w.seen)
			second, others := of(1, others)
			w.want("of whom was revoked before", begun(first, before+min(tier.late, nearly)), http.StatusUnauthorized, http.StatusServiceUnavailable)
			if told.err == nil {
				w.want("of whom was revoked meanwhile", begun(second, told.at+min(tier.late, nearly)), http.StatusUnauthorized, http.StatusServiceUnavailable)
			}
			w.want("of the others", others, http.StatusOK, http.StatusServiceUnavailable)
			w.want("of the others after a second", begun(others, back+backWithin), http.StatusOK)
			t.Logf("%d requests; RevokeUser meanwhile = %v; the last 503 %v after the server's return", len(w.seen), told.err, last503(w.seen, back))
		})
	}
}
