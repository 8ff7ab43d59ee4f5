package writes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/powgintest"
)

const (
	readers = 8
	writers = 4
)

// Runs differ in what becomes of one write in five, between its COMMIT and the
// conclusion.
const (
	allIsWell = "all is well"
	somebody  = "writers die"
	awayAtEnd = "the store goes away"
)

// A stress has readers and writers meet, for a while.
type stress struct {
	*club
	run    string
	seed   uint64
	fate   *fate
	mortal bool // the store is one
	stop   context.CancelFunc

	// alive is held by writers, and by the clock while it moves on past the
	// deadline of those who are dead.
	alive     sync.RWMutex
	committed [members + 1]atomic.Int64 // each member's n is at least that

	reads, refused, stale, writes, deaths, failed atomic.Int64

	mu    sync.Mutex
	diary []entry // guarded by mu
}

// An entry says what a writer has done to some members.
type entry struct {
	at   time.Time
	ids  []int
	text string
}

func (s *stress) note(ids []int, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.diary) >= 2000 {
		s.diary = slices.Delete(s.diary, 0, 1000)
	}
	s.diary = append(s.diary, entry{time.Now(), ids, fmt.Sprintf(format, args...)})
}

// recent is what was last done to a member.
func (s *stress) recent(id int, began time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, e := range slices.Backward(s.diary) {
		if slices.Contains(e.ids, id) && len(lines) < 40 {
			lines = append(lines, fmt.Sprintf("%12v %s", e.at.Sub(began), e.text))
		}
	}
	slices.Reverse(lines)
	return strings.Join(lines, "\n")
}

// atLeast publishes that a member's n is committed.
func (s *stress) atLeast(id, n int) {
	for known := &s.committed[id]; ; {
		if old := known.Load(); old >= int64(n) || known.CompareAndSwap(old, int64(n)) {
			return
		}
	}
}

func (s *stress) fail(format string, args ...any) {
	s.Errorf("seed %d: "+format, append([]any{s.seed}, args...)...)
	s.stop()
}

// read holds that a request sees what was committed before it began, and nothing
// that never was.
func (s *stress) read(reader, id int, b *powgintest.Browser) {
	floor, began := int(s.committed[id].Load()), time.Now()
	r := b.Get("/me")
	took := time.Since(began)
	s.reads.Add(1)
	if r.Status == http.StatusServiceUnavailable {
		s.refused.Add(1) // nobody is told anything
		return
	}
	m, err := member(r)
	switch {
	case r.Status != http.StatusOK || err != nil:
		s.fail("reader %d: GET /me of member %d = %d %s", reader, id, r.Status, r.Body)
	case m.Mark != "":
		s.fail("reader %d: member %d is seen as %+v, which was %s; what was done, from the request's begin, which took %v:\n%s",
			reader, id, m, m.Mark, took, s.recent(id, began))
	case m.N < floor:
		s.stale.Add(1)
		var row Member
		_ = s.beside.Find(&row, id).Error
		s.fail("reader %d: member %d is seen as %+v, although n was %d before the request; the row is %+v, and the next request sees %s; what was done, from the request's begin, which took %v:\n%s",
			reader, id, m, floor, row, b.Get("/me").Body, took, s.recent(id, began))
	}
}

// clock moves the store's time on, whenever no writer is at work: those who are
// dead are forgotten then.
func (s *stress) clock(ctx context.Context) {
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			s.alive.Lock()
			s.fate.pass(cache.WriterDeadline + time.Second)
			s.alive.Unlock()
		}
	}
}

// pause waits for a while, d at most.
func pause(ctx context.Context, r *rand.Rand, d time.Duration) {
	wait := time.NewTimer(time.Duration(r.Int64N(int64(d))))
	defer wait.Stop()
	select {
	case <-ctx.Done():
	case <-wait.C:
	}
}

// play runs readers and writers for so long.
func (s *stress) play(within time.Duration) {
	browsers := make([]*powgintest.Browser, readers)
	for i := range browsers {
		browsers[i] = s.browser(i%members + 1)
	}
	// A busy machine takes its time: something has to have been held.
	ctx, cancel := context.WithTimeout(context.Background(), within+time.Minute)
	defer cancel()
	s.stop = cancel
	before := s.auth.Stats()
	time.AfterFunc(within, func() {
		for ctx.Err() == nil && (s.auth.Stats().Hits-before.Hits < 20 || s.writes.Load()-s.failed.Load() < 20) {
			pause(ctx, rand.New(rand.NewPCG(s.seed, 0)), 10*time.Millisecond)
		}
		cancel()
	})
	var all sync.WaitGroup
	for i, b := range browsers {
		r := rand.New(rand.NewPCG(s.seed, uint64(writers+i)))
		all.Go(func() {
			for ctx.Err() == nil {
				s.read(i, i%members+1, b)
				pause(ctx, r, 300*time.Microsecond) // so that writers have their share
			}
		})
	}
	for i := range writers {
		r := rand.New(rand.NewPCG(s.seed, uint64(i)))
		all.Go(func() {
			for ctx.Err() == nil {
				s.write(i, r)
				pause(ctx, r, 4*time.Millisecond) // so that something is cached
			}
		})
	}
	if s.run != allIsWell {
		all.Go(func() { s.clock(ctx) })
	}
	all.Wait()
	after := s.auth.Stats()
	hits := after.Hits - before.Hits
	s.Logf("seed %d: %d reads, %d refused; %d hits (%.0f %%); %d writes, of which %d died and %d failed; stale %d",
		s.seed, s.reads.Load(), s.refused.Load(), hits, 100*float64(hits)/float64(max(1, s.reads.Load())),
		s.writes.Load(), s.deaths.Load(), s.failed.Load(), s.stale.Load())
	if hits == 0 || s.writes.Load() == s.failed.Load() {
		s.Errorf("%d hits, and %d of %d writes failed: nothing was held", hits, s.failed.Load(), s.writes.Load())
	}
}

// TestNoRequestSeesWhatIsOver holds that a request which begins after a COMMIT
// sees what was committed, whatever way the row was written in, and whatever
// becomes of the writer after that; and that nobody ever sees what is rolled back.
func TestNoRequestSeesWhatIsOver(t *testing.T) {
	t.Parallel()
	within, err := time.ParseDuration(setting("POWGIN_WRITES_LONG", "800ms"))
	must(t, err)
	for _, p := range places {
		for _, run := range []string{allIsWell, somebody, awayAtEnd} {
			t.Run(p.name+", "+run, func(t *testing.T) {
				t.Parallel()
				newStress(t, p, run).play(within)
			})
		}
	}
}

func newStress(t *testing.T, p place, run string) *stress {
	t.Helper()
	seed, err := strconv.ParseUint(setting("POWGIN_WRITES_SEED", strconv.FormatUint(rand.Uint64(), 10)), 10, 64)
	must(t, err)
	s := &stress{run: run, seed: seed, fate: new(fate)}
	d := p.own(t)
	var store cache.Store
	switch {
	case p.store != nil:
		store, s.mortal = &mortal{p.store(t, d), s.fate}, true
	case run == awayAtEnd:
		store, s.mortal = &mortal{cache.NewMemory(100), s.fate}, true
	default:
		store = cache.NewMemoryWithClock(100, s.fate.now) // as it is: it moves no bytes then
	}
	s.club = newClub(t, d, store)
	return s
}
