package nodes

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// slack is how old a local tier's copies may be.
const slack = 100 * time.Millisecond

// An access is what a client did to a user's row: it saw a value, or it has made
// one and told powgin.
type access struct {
	name  string
	write bool
	value int
}

// register is a user's row: who reads gets what was written last. Each write
// adds one to what is there, so there is one order for them.
var register = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, _ any) (bool, any) {
		a, value := input.(access), state.(int)
		if a.write {
			return a.value == value+1, a.value
		}
		return a.value == value, value
	},
}

// A recorder collects a history.
type recorder struct {
	start time.Time

	mu      sync.Mutex
	history []porcupine.Operation // guarded by mu
}

func (r *recorder) now() int64 { return int64(time.Since(r.start)) }

func (r *recorder) add(client int, called int64, a access) {
	returned := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = append(r.history, porcupine.Operation{ClientId: client, Input: a, Call: called, Return: returned})
}

// shift has each read begin up to d earlier.
func shift(history []porcupine.Operation, d time.Duration) []porcupine.Operation {
	begun := make(map[access]int64) // when each value began to be written
	for _, o := range history {
		begun[o.Input.(access)] = o.Call
	}
	shifted := slices.Clone(history)
	for i, o := range history {
		if a := o.Input.(access); !a.write {
			// Before its value was written it could not be read anyway, and the
			// search is the shorter for knowing.
			a.write = true
			shifted[i].Call = max(o.Call-int64(d), min(o.Call, begun[a]))
		}
	}
	return shifted
}

// stale returns the first read that saw an older value than it should, or one
// that nobody had begun to write: with all writes and without the other reads it
// is not linearizable. Between the writes' beginning and end either value will do,
// whatever others have seen.
func stale(t testing.TB, history []porcupine.Operation) *access {
	t.Helper()
	writes := make(map[string][]porcupine.Operation)
	for _, o := range history {
		if a := o.Input.(access); a.write {
			writes[a.name] = append(writes[a.name], o)
		}
	}
	for _, o := range history {
		a := o.Input.(access)
		if a.write {
			continue
		}
		one := append(slices.Clip(writes[a.name]), o)
		if linearizable(t, one, time.Minute) != porcupine.Ok {
			return &a
		}
	}
	return nil
}

// linearizable is the judgement of porcupine on each user's history.
func linearizable(t testing.TB, history []porcupine.Operation, within time.Duration) porcupine.CheckResult {
	t.Helper()
	model := register
	model.Partition = byName
	return porcupine.CheckOperationsTimeout(model, history, within)
}

func byName(history []porcupine.Operation) (parts [][]porcupine.Operation) {
	index := make(map[string]int)
	for _, o := range history {
		name := o.Input.(access).name
		i, ok := index[name]
		if !ok {
			i = len(parts)
			index[name] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], o)
	}
	return parts
}

// play is how a history comes about.
type play struct {
	seed    uint64
	users   int
	clients int           // of each user
	turns   int           // of each client, at most
	within  time.Duration // and as many as fit in
	jobs    bool          // clients only read, and jobs alone change users
	sync    func(*site, *node, User) error
}

// aShort is a history of a few hundred accesses.
func aShort(seed uint64) play {
	return play{
		seed: seed, users: 3, clients: 3, turns: 60, within: 2 * time.Second,
		sync: func(s *site, n *node, u User) error { return n.auth.Sync(s.Context(), u) },
	}
}

// run has clients read and change their user, each request on any node, and a
// job of each user's change them beside.
func (p play) run(s *site) []porcupine.Operation {
	s.Helper()
	rec := &recorder{start: time.Now()}
	var all []func()
	for u := range p.users {
		name := fmt.Sprintf("user%d", u)
		s.users.add(name)
		for i := range p.clients {
			c, id := s.client(s.nodes[i%len(s.nodes)], name), len(all)
			all = append(all, func() { p.client(c, rec, id) })
		}
		id := len(all)
		all = append(all, func() { p.job(s, rec, name, id) })
	}
	var wait sync.WaitGroup
	for _, f := range all {
		wait.Go(f)
	}
	wait.Wait()
	return rec.history
}

// turn calls f with a node, some times.
func (p play) turn(s *site, rec *recorder, id int, f func(r *rand.Rand, n *node)) {
	r := rand.New(rand.NewPCG(p.seed, uint64(id)))
	for range p.turns {
		if time.Since(rec.start) > p.within {
			return
		}
		time.Sleep(time.Duration(r.IntN(8_000)) * time.Microsecond) // so that requests meet in other ways each time
		f(r, s.nodes[r.IntN(len(s.nodes))])
	}
}

func (p play) client(c *client, rec *recorder, id int) {
	p.turn(c.site, rec, id, func(r *rand.Rand, n *node) {
		called := rec.now()
		if r.IntN(5) == 0 && p.sync != nil && !p.jobs {
			if a := c.post(n, "/change"); a.status == http.StatusOK {
				rec.add(id, called, access{c.name, true, a.value})
			} else {
				c.Errorf("POST /change of %s = %v; want 200", c.name, a)
			}
			return
		}
		if a := c.me(n); a.status == http.StatusOK {
			rec.add(id, called, access{c.name, false, a.value})
		} else {
			c.Errorf("GET /me of %s = %v; want 200", c.name, a)
		}
	})
}

// job changes a user in the background.
func (p play) job(s *site, rec *recorder, name string, id int) {
	p.turn(s, rec, id, func(r *rand.Rand, n *node) {
		if r.IntN(5) > 0 {
			return
		}
		called := rec.now()
		u := s.users.change(name)
		if p.sync != nil {
			if err := p.sync(s, n, u); err != nil {
				s.Errorf("Sync of %s = %v; want nil", name, err)
			}
		}
		rec.add(id, called, access{name, true, u.Value})
	})
}

// TestHistories holds that who reads the current user on any node gets what the
// last change has made of them that powgin was told of before, or with a local
// tier a moment before.
func TestHistories(t *testing.T) {
	t.Parallel()
	onKinds(t, func(t *testing.T, k kind) {
		long, err := time.ParseDuration(setting("POWGIN_NODES_LONG", "0s"))
		must(t, "POWGIN_NODES_LONG", err)
		for end := time.Now().Add(long); ; {
			for nodes := 2; nodes <= 3; nodes++ {
				t.Run(fmt.Sprintf("%d nodes", nodes), func(t *testing.T) { history(t, k, nodes) })
			}
			if t.Failed() || !time.Now().Before(end) {
				return
			}
		}
	})
}

func history(t *testing.T, k kind, nodes int) {
	seed := newSeed(t)
	s := newSite(t, k.stores(t, nodes)...)
	h := aShort(seed).run(s)
	late := time.Duration(0)
	if k.near {
		late = slack
	}
	t.Logf("seed %d: %d accesses; linearizable at once: %v, with reads up to %v old: %v", seed, len(h),
		linearizable(t, h, time.Second), slack, linearizable(t, shift(h, slack), time.Second))
	if linearizable(t, shift(h, late), 20*time.Second) == porcupine.Illegal {
		t.Errorf("seed %d: with reads up to %v old the history is not linearizable", seed, late)
	}
	if a := stale(t, shift(h, late)); a != nil {
		t.Errorf("seed %d: a read of %s saw %d, which was older than %v by then", seed, a.name, a.value, late)
	}
}

// newSeed is another each time, unless one is set.
func newSeed(t testing.TB) uint64 {
	t.Helper()
	seed, err := strconv.ParseUint(setting("POWGIN_NODES_SEED", strconv.FormatUint(rand.Uint64(), 10)), 10, 64)
	must(t, "POWGIN_NODES_SEED", err)
	return seed
}
