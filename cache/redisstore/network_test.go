package redisstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/redisstore"
)

func TestConnectionIsCutDuringASwap(t *testing.T) {
	t.Parallel()
	onTiers(t, func(t *testing.T, server *server, opts ...redisstore.Option) {
		p := newProxy(t, server.addr)
		s := newStore(t, p.address(), opts...)
		r := s.put(account(1), "0")
		for i := range 20 {
			next := record(s.load(account(1)).Now, fmt.Sprint(i))
			p.set(func(p *proxy) { p.loseNext = next.Version[:] })
			if _, ok, err := s.Swap(t.Context(), account(1), r.Version, next); ok || err == nil {
				t.Fatalf("Swap whose answer is lost = %v, %v; want false and an error", ok, err)
			}
			// The server has swapped, and that is to be seen.
			if got := s.load(account(1)).Record.Version; got != next.Version {
				t.Fatalf("Load after it = version %x; want %x, which the server has", got, next.Version)
			}
			r = next
		}
	})
}

func TestIdleConnectionIsCut(t *testing.T) {
	t.Parallel()
	onTiers(t, func(t *testing.T, server *server, opts ...redisstore.Option) {
		p := newProxy(t, server.addr)
		s := newStore(t, p.address(), append(opts, undisturbed())...)
		r := s.put(account(1), "there")
		for range 20 {
			p.cut()
			if got := s.loadFresh(account(1)).Record.Version; got != r.Version {
				t.Errorf("Load = version %x; want %x", got, r.Version)
			}
		}
	})
}

func TestALostConnectionDropsEverything(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	p := newProxy(t, server.addr)
	prefix := newPrefix()
	here, there := newStore(t, p.address(), prefix, undisturbed()), newStore(t, server.addr, prefix, redisstore.Strict())
	for i := range 20 {
		here.hold(account(i), "held")
	}
	p.cut()
	eventually(t, "nothing is held", func() bool {
		records, _ := here.Held()
		return records == 0
	})
	want := there.put(account(1), "other")
	for range 100 {
		if got := here.loadAgain(account(1)).Record.Version; got != want.Version {
			t.Fatalf("Load after the connection was lost = version %x; want %x", got, want.Version)
		}
	}
	eventually(t, "records are held again", func() bool {
		here.load(account(1))
		return here.Holds(account(1))
	})
}

// A dead connection that nobody has closed tells of nothing, and of no end.
func TestHalfOpenConnectionIsNotBelieved(t *testing.T) {
	t.Parallel()
	const belief = 500 * time.Millisecond
	server := newServer(t)
	p := newProxy(t, server.addr)
	prefix := newPrefix()
	here := newStore(t, p.address(), prefix, redisstore.Pace(50*time.Millisecond, belief))
	there := newStore(t, server.addr, prefix, redisstore.Strict())
	for range 3 {
		here.wantAgain(account(1), there.put(account(1), "held"))
		p.set(func(p *proxy) { p.swallow = true })
		swallowed := time.Now()
		next := there.put(account(1), "other")
		late := time.Time{}
		for here.Believed() || time.Since(swallowed) < belief {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if l, err := here.Nearest(ctx, account(1)); err == nil && l.Record.Version != next.Version {
				late = start
			}
			cancel()
		}
		if late.IsZero() {
			t.Error("the old record was not to be had for a moment, so nothing was tried")
		}
		if age := late.Sub(swallowed); age > belief {
			t.Errorf("%v after the connection died a Load began that brought what had changed; want at most %v", age, belief)
		}
		within(t, 200*time.Millisecond, "Load", func(ctx context.Context) {
			if l, err := here.Nearest(ctx, account(1)); err == nil {
				t.Errorf("Load over a dead connection brings version %x; want an error", l.Record.Version)
			}
		})
		p.set(func(p *proxy) { p.swallow = false })
		here.wantAgain(account(1), next)
	}
}

// wantAgain waits until the record is to be had, and held.
func (s *store) wantAgain(key cache.Key, want cache.Record) {
	s.Helper()
	eventually(s, "the record can be loaded again, and is held", func() bool {
		l := s.loadAgain(key)
		return s.Holds(key) && l.Record.Version == want.Version
	})
}

// A life is what swaps were acknowledged: the version that each has replaced.
type life struct {
	testing.TB
	mu       sync.Mutex
	replaced map[cache.ID]cache.ID // guarded by mu
}

// swapped notes a swap that landed, and checks that it is the only one from its
// version. The zero version may be replaced often, after deletions.
func (h *life) swapped(old, next cache.ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if other, ok := h.replaced[old]; ok && old != (cache.ID{}) {
		h.Errorf("version %x was replaced by %x and by %x", old, other, next)
	}
	h.replaced[old] = next
}

// live swaps and loads until ctx ends. Calls may fail; none may be late, take
// time back, or succeed on a version that is no more.
func (h *life) live(ctx context.Context, s *redisstore.Store, key cache.Key) (landed int) {
	var now cache.Time
	for ctx.Err() == nil {
		within(h, 300*time.Millisecond, "a Load and a Swap", func(call context.Context) {
			l, err := s.Nearest(call, key)
			for err == nil {
				if l.Now < now {
					h.Errorf("the store's time went back by %v", now.Sub(l.Now))
				}
				now = l.Now
				old, next := l.Record.Version, record(l.Now, "living")
				var ok bool
				if l, ok, err = s.Swap(call, key, old, next); ok && err == nil {
					landed++
					h.swapped(old, next.Version)
					return
				}
			}
		})
		// The node that is closer to the server would win every race.
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
	}
	return landed
}

// harass runs many lives on two nodes while disturb does its worst.
func harass(t *testing.T, through, direct string, disturb func(ctx context.Context), opts ...redisstore.Option) {
	t.Helper()
	opts = append(opts, newPrefix(), redisstore.Pace(50*time.Millisecond, 500*time.Millisecond))
	nodes := []*store{newStore(t, through, opts...), newStore(t, direct, opts...)}
	h := &life{TB: t, replaced: make(map[cache.ID]cache.ID)}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var wait sync.WaitGroup
	landed := make([]int, 8)
	for i := range landed {
		wait.Go(func() { landed[i] = h.live(ctx, nodes[i%2].Store, account(i/4)) })
	}
	disturb(ctx)
	wait.Wait()
	for i, s := range nodes {
		if landed[i]+landed[i+2]+landed[i+4]+landed[i+6] == 0 {
			t.Errorf("no swap of node %d has landed", i)
		}
		for i := range 2 {
			s.loadAgain(account(i))
			last := s.loadFresh(account(i)).Record.Version
			if next, ok := h.replaced[last]; ok && last != (cache.ID{}) {
				t.Errorf("Load = version %x, which %x has replaced", last, next)
			}
		}
	}
}

func TestNetworkIsBad(t *testing.T) {
	t.Parallel()
	onTiers(t, func(t *testing.T, server *server, opts ...redisstore.Option) {
		p := newProxy(t, server.addr)
		harass(t, p.address(), server.addr, func(ctx context.Context) {
			p.set(func(p *proxy) {
				p.delay = func() time.Duration { return time.Duration(rand.ExpFloat64() * float64(2*time.Millisecond)) }
			})
			for ctx.Err() == nil {
				time.Sleep(50 * time.Millisecond)
				swallow := rand.IntN(6) == 0
				p.set(func(p *proxy) { p.swallow = swallow })
				if swallow {
					time.Sleep(50 * time.Millisecond)
					p.set(func(p *proxy) { p.swallow = false })
				}
				if swallow || rand.IntN(3) == 0 {
					p.cut() // a stream with a hole in it would hold up what comes
				}
			}
		}, opts...)
	})
}

func TestServerStumbles(t *testing.T) {
	t.Parallel()
	onTiers(t, func(t *testing.T, server *server, opts ...redisstore.Option) {
		harass(t, server.addr, server.addr, func(ctx context.Context) {
			for ctx.Err() == nil {
				server.pause()
				time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
				server.resume()
				time.Sleep(100 * time.Millisecond)
				_, _ = server.say("CLIENT KILL TYPE normal")
				_, _ = server.say("SCRIPT FLUSH")
			}
		}, opts...)
	})
}
