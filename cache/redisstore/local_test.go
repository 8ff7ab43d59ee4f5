package redisstore_test

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/redisstore"
)

func TestOwnWritesAreReadBackAtOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t, shared(t))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	defer readers.Wait()
	defer close(stop)
	for range 3 {
		readers.Go(func() { // so that loads are under way at every swap
			for {
				select {
				case <-stop:
					return
				default:
					if _, err := s.Load(t.Context(), account(1)); err != nil {
						t.Errorf("Load = %v", err)
						return
					}
				}
			}
		})
	}
	hits, stale := 0, 0
	last := s.put(account(1), "0")
	epoch := s.put(s.Epochs(app)[1], "0")
	for i := range 5000 {
		next := record(s.load(account(1)).Now, strconv.Itoa(i))
		s.land(account(1), last.Version, next)
		last = next
		if i%10 == 0 {
			next := record(s.load(account(1)).Now, strconv.Itoa(i))
			s.land(s.Epochs(app)[1], epoch.Version, next)
			epoch = next
		}
		for range 3 {
			if s.Holds(account(1)) {
				hits++
			}
			if l := s.load(account(1)); l.Record.Version != last.Version || l.Epoch.Version != epoch.Version {
				stale++
			}
		}
	}
	if stale > 0 {
		t.Errorf("%d of 15000 Loads right after a Swap brought what was there before", stale)
	}
	if hits == 0 {
		t.Error("no Load could be answered from the local tier, so nothing was tried")
	}
}

func TestChangesOfOthersAreSeen(t *testing.T) {
	t.Parallel()
	addr := shared(t)
	prefix := newPrefix()
	here, there := newStore(t, addr, prefix, undisturbed()), newStore(t, addr, prefix, redisstore.Strict())
	changes := map[string]func(){
		"another record": func() { there.put(account(1), "other") },
		"a deletion":     func() { there.land(account(1), there.load(account(1)).Record.Version, cache.Record{}) },
		"a first epoch":  func() { there.put(there.Epochs(app)[1], "first") },
		"another epoch":  func() { there.put(there.Epochs(app)[1], "second") },
	}
	for _, what := range []string{"another record", "a first epoch", "another epoch", "a deletion"} {
		held := here.hold(account(1), "held")
		other := here.hold(account(2), "beside it")
		changes[what]()
		want := there.load(account(1))
		eventually(t, "a Load sees "+what, func() bool {
			got := here.load(account(1))
			return got.Record.Version == want.Record.Version && got.Epoch.Version == want.Epoch.Version
		})
		if what == "another record" && want.Record.Version == held.Version {
			t.Error("nothing has changed, so nothing was tried")
		}
		if got := here.load(account(2)).Record.Version; got != other.Version {
			t.Errorf("Load of the account beside it = version %x; want %x", got, other.Version)
		}
	}
}

func TestFreshLoadsAskRedis(t *testing.T) {
	t.Parallel()
	p := newProxy(t, shared(t))
	prefix := newPrefix()
	here, there := newStore(t, p.address(), prefix, undisturbed()), newStore(t, shared(t), prefix, redisstore.Strict())
	here.hold(account(1), "held")
	// What the server tells comes late; answers to what is asked do, too.
	p.set(func(p *proxy) { p.delay = func() time.Duration { return 20 * time.Millisecond } })
	for range 5 {
		want := there.put(account(1), "other")
		if got := here.loadFresh(account(1)).Record.Version; got != want.Version {
			t.Errorf("Load after another's Swap = version %x; want %x", got, want.Version)
		}
	}
}

func TestAbsentAccountsAreLookedUp(t *testing.T) {
	t.Parallel()
	addr := shared(t)
	prefix := newPrefix()
	here, there := newStore(t, addr, prefix), newStore(t, addr, prefix, redisstore.Strict())
	for i := range 200 {
		key := account(i)
		if got := here.load(key).Record.Version; got != (cache.ID{}) {
			t.Fatalf("Load of an absent account = version %x", got)
		}
		want := there.put(key, "new")
		if got := here.load(key).Record.Version; got != want.Version {
			t.Fatalf("Load right after another's first Swap = version %x; want %x", got, want.Version)
		}
	}
}

func TestHeldRecordsExpire(t *testing.T) {
	t.Parallel()
	s := newStore(t, shared(t), undisturbed())
	s.put(s.Epochs(app)[1], "epoch")
	r := cache.Record{Version: cache.NewID(), Data: []byte("short")}
	r.Expires = s.load(account(1)).Now.Add(200 * time.Millisecond)
	s.land(account(1), cache.ID{}, r)
	held := 0
	last := cache.Time(0)
	for {
		if s.Holds(account(1)) {
			held++
		}
		l := s.load(account(1))
		if l.Now < last {
			t.Fatalf("the store's time went back by %v", last.Sub(l.Now))
		}
		last = l.Now
		if there := l.Record.Version == r.Version; there != (l.Now < r.Expires) {
			t.Fatalf("%v before its end the record is there: %v", r.Expires.Sub(l.Now), there)
		}
		if l.Now > r.Expires.Add(20*time.Millisecond) {
			break
		}
	}
	if held == 0 {
		t.Error("the record was never held, so nothing was tried")
	}
}

func TestLocalTierIsBounded(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 4000)
	for name, tt := range map[string]struct {
		option   redisstore.Option
		accounts int
		limit    func(records, bytes int) bool
	}{
		"by accounts":     {redisstore.LocalSize(100), 150, func(records, _ int) bool { return records <= 100 }},
		"by few accounts": {redisstore.LocalSize(3), 20, func(records, _ int) bool { return records <= 3 }},
		"by bytes":        {redisstore.LocalBytes(1 << 20), 300, func(_, bytes int) bool { return bytes <= 1<<20 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, shared(t), tt.option)
			most := 0
			for i := range tt.accounts {
				s.hold(account(i), big)
				records, bytes := s.Held()
				if !tt.limit(records, bytes) {
					t.Fatalf("after %d accounts it holds %d in %d bytes", i+1, records, bytes)
				}
				most = max(most, records)
			}
			if most < 3 {
				t.Errorf("it never held more than %d accounts", most)
			}
		})
	}
}

func TestTooLargeARecordIsNotHeld(t *testing.T) {
	t.Parallel()
	s := newStore(t, shared(t), redisstore.LocalBytes(64<<10))
	r := s.put(account(1), strings.Repeat("x", 2000))
	for range 20 {
		if got := s.load(account(1)).Record.Version; got != r.Version {
			t.Errorf("Load = version %x; want %x", got, r.Version)
		}
	}
	if records, bytes := s.Held(); records != 0 || bytes != 0 {
		t.Errorf("it holds %d records in %d bytes; want none", records, bytes)
	}
}

func TestAFlushDropsEverything(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	s := newStore(t, server.addr, undisturbed())
	for i := range 10 {
		s.hold(account(i), "held")
	}
	server.must("FLUSHALL")
	eventually(t, "nothing is held", func() bool {
		records, _ := s.Held()
		return records == 0
	})
	if got := s.load(account(1)).Record.Version; got != (cache.ID{}) {
		t.Errorf("Load after FLUSHALL = version %x; want the zero version", got)
	}
}

// Many goroutines on two nodes read and change few accounts. Every goroutine
// sees its own writes, and no version twice that its node has seen replaced.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	addr := shared(t)
	prefix := newPrefix()
	nodes := []*store{newStore(t, addr, prefix, redisstore.LocalSize(20)), newStore(t, addr, prefix)}
	const accounts, writers, each = 8, 4, 150
	var wait sync.WaitGroup
	var sum atomic.Int64
	for _, s := range nodes {
		for w := range writers {
			wait.Go(func() {
				for i := range each {
					if i%16 == 0 {
						s.put2(s.Epochs(app)[w], "epoch")
					}
					if s.increment(account((w + i) % accounts)) {
						sum.Add(1)
					}
				}
			})
		}
	}
	wait.Wait()
	got := int64(0)
	for i := range accounts {
		n, _ := strconv.ParseInt(string(nodes[0].loadFresh(account(i)).Record.Data), 10, 64)
		got += n
	}
	if got != sum.Load() || got != 2*writers*each {
		t.Errorf("after %d increments, all of them acknowledged, the records hold %d", sum.Load(), got)
	}
}

// put2 tries once to replace a record, on any goroutine.
func (s *store) put2(key cache.Key, data string) {
	l, err := s.Nearest(s.Context(), key)
	if err == nil {
		_, _, err = s.Swap(s.Context(), key, l.Record.Version, record(l.Now, data))
	}
	if err != nil {
		s.Errorf("replacing a record: %v", err)
	}
}

// increment adds one to a number, and reads it back.
func (s *store) increment(key cache.Key) bool {
	l, err := s.Nearest(s.Context(), key)
	for err == nil {
		n, _ := strconv.Atoi(string(l.Record.Data))
		next := record(l.Now, strconv.Itoa(n+1))
		var ok bool
		if l, ok, err = s.Swap(s.Context(), key, l.Record.Version, next); ok && err == nil {
			after, err := s.Nearest(s.Context(), key)
			if m, _ := strconv.Atoi(string(after.Record.Data)); err != nil || m <= n {
				s.Errorf("after a Swap to %d Load = %d, %v; want no less", n+1, m, err)
			}
			return true
		}
	}
	s.Errorf("incrementing: %v", err)
	return false
}
