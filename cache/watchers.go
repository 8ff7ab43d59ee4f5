package cache

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// watchers are the Watches of one space, by account: whoever changes a record
// wakes those who follow it.
type watchers struct {
	count atomic.Int64 // of Watches, so that a swap that nobody follows costs one load

	mu    sync.Mutex
	of    map[AccountID][]*Watch // guarded by mu
	fresh map[AccountID]struct{} // guarded by mu; those that somebody has begun to follow since accounts was called
}

func (ws *watchers) add(w *Watch) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.of == nil {
		ws.of, ws.fresh = make(map[AccountID][]*Watch), make(map[AccountID]struct{})
	}
	ws.of[w.account] = append(ws.of[w.account], w)
	ws.fresh[w.account] = struct{}{}
	ws.count.Add(1)
}

// remove reports whether none is left.
func (ws *watchers) remove(w *Watch) (none bool) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	before := ws.of[w.account]
	after := slices.DeleteFunc(before, func(o *Watch) bool { return o == w })
	if len(after) > 0 {
		ws.of[w.account] = after
	} else {
		delete(ws.of, w.account)
		delete(ws.fresh, w.account)
	}
	return ws.count.Add(int64(len(after)-len(before))) == 0
}

// wake has those who follow an account look at it.
func (ws *watchers) wake(id AccountID) {
	if ws.count.Load() == 0 {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, w := range ws.of[id] {
		w.rouse()
	}
}

func (ws *watchers) wakeAll() {
	if ws.count.Load() == 0 {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, all := range ws.of {
		for _, w := range all {
			w.rouse()
		}
	}
}

// accounts returns those that are followed, and those of them that it returns for
// the first time.
func (ws *watchers) accounts() (ids []AccountID, fresh map[AccountID]struct{}) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ids = make([]AccountID, 0, len(ws.of))
	for id := range ws.of {
		ids = append(ids, id)
	}
	fresh, ws.fresh = ws.fresh, make(map[AccountID]struct{})
	return ids, fresh
}

const (
	// pollEvery is how often a node looks at what is followed on it: a change on
	// another node is to be told within 200 milliseconds.
	pollEvery = 100 * time.Millisecond
	// pollLoads is how many records it loads at once, where the store has no
	// Versions.
	pollLoads = 16
)

// A poller finds out what other nodes have changed in a store outside the process.
type poller struct {
	backend *storeBackend
	stop    chan struct{} // closed to end it
	left    chan struct{} // holds one value while nobody may be left
	done    sync.WaitGroup

	mu              sync.Mutex
	running, closed bool // guarded by mu

	seen    map[AccountID]sight // its goroutine's own
	failing bool                // its goroutine's own
}

// A sight is what a record was when it was looked at last.
type sight struct{ version, epoch ID }

func newPoller(b *storeBackend) *poller {
	return &poller{backend: b, stop: make(chan struct{}), left: make(chan struct{}, 1)}
}

// start has it run for as long as there is something to follow.
func (p *poller) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.running {
		return
	}
	p.running = true
	p.done.Go(p.run)
}

// leave has it end where nobody is left.
func (p *poller) leave() {
	select {
	case p.left <- struct{}{}:
	default:
	}
}

// rests reports whether nothing is followed any more. It has to be started again
// then.
func (p *poller) rests() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.backend.watchers.count.Load() > 0 {
		return false
	}
	p.running, p.seen, p.failing = false, nil, false
	return true
}

// close ends it, and waits until it has ended. It is not started any more.
func (p *poller) close() {
	p.mu.Lock()
	p.closed = true
	close(p.stop)
	p.mu.Unlock()
	p.done.Wait()
}

func (p *poller) run() {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-p.left:
			if p.rests() {
				return
			}
		case <-tick.C:
			p.round()
		}
	}
}

// round wakes those whose record, or epoch, is another than a round ago. Those that
// somebody has begun to follow since are woken too: what was seen of them then may
// be what there is now, and something else in between.
func (p *poller) round() {
	ids, fresh := p.backend.watchers.accounts()
	ctx, cancel := context.WithTimeout(context.Background(), Budget)
	defer cancel()
	now, err := p.look(ctx, ids)
	if err != nil {
		if !p.failing {
			p.failing = true
			p.backend.watchers.wakeAll() // for each to find out that nobody can tell
		}
		return
	}
	for id, s := range now {
		if _, isNew := fresh[id]; isNew || p.failing || p.seen[id] != s {
			p.backend.watchers.wake(id)
		}
	}
	p.seen, p.failing = now, false
}

func (p *poller) look(ctx context.Context, ids []AccountID) (map[AccountID]sight, error) {
	b := p.backend
	if s, ok := b.store.(VersionStore); ok {
		return p.versions(ctx, s, ids)
	}
	now := make(map[AccountID]sight, len(ids))
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	slots := make(chan struct{}, pollLoads)
	for _, id := range ids {
		if b.near != nil {
			if l, ok := b.near.LoadNear(Key{b.name, id}); ok {
				mu.Lock()
				now[id] = sight{l.Record.Version, l.Epoch.Version}
				mu.Unlock()
				continue
			}
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			v, err := b.load(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			now[id] = sight{v.version, v.epochVersion}
		})
	}
	all.Wait()
	return now, failed
}

func (p *poller) versions(ctx context.Context, s VersionStore, ids []AccountID) (map[AccountID]sight, error) {
	b := p.backend
	keys := make([]Key, 0, len(ids)+len(b.keys))
	keys = append(keys, b.keys...)
	for _, id := range ids {
		keys = append(keys, Key{b.name, id})
	}
	var versions []ID
	err := b.health.call(ctx, func(ctx context.Context) (err error) {
		versions, err = s.Versions(ctx, keys)
		return err
	})
	if err != nil {
		return nil, err
	}
	// One changed copy of the epoch stands for all.
	var epoch ID
	for _, v := range versions[:len(b.keys)] {
		for i := range epoch {
			epoch[i] ^= v[i]
		}
	}
	now := make(map[AccountID]sight, len(ids))
	for i, id := range ids {
		now[id] = sight{versions[len(b.keys)+i], epoch}
	}
	return now, nil
}
