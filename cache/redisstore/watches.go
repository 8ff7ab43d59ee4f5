package redisstore

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// belief is how long the local tier is believed after a sign of life from
	// each server: that bounds how old it can be where a connection is dead and
	// nobody has noticed. A connection that gives none for so long is replaced.
	belief = 5 * time.Second
	// beat is how often each server is asked for one.
	beat = time.Second
	// afresh is how long a server that could not be reached is not tried again.
	afresh = 100 * time.Millisecond
)

// watches keeps a connection to every server that the client knows, to replicas
// too: any of them may be the next to take writes. The local tier is believed
// while all of them tell of changes and have given a sign of life of late. When
// there is one more of them or one less all copies are dropped.
type watches struct {
	store        *Store
	local        *local // nil: nothing needs to be told
	beat, belief time.Duration
	life         context.Context // of the connections
	cancel       context.CancelFunc
	ended        sync.WaitGroup                    // of connections and of who looks for servers
	line         atomic.Pointer[watch]             // to a server that is alone, while it is there
	heard        atomic.Pointer[map[string]*watch] // by address; nil where one is missing

	mu       sync.Mutex
	closed   bool              // guarded by mu
	known    map[string]*watch // guarded by mu; by address, those included that connect
	turn     chan struct{}     // guarded by mu; is closed when known has changed
	failure  error             // guarded by mu; of the last connection
	failedAt time.Time         // guarded by mu
	reported bool              // guarded by mu: that a server does not tell of changes
}

func newWatches(s *Store, l *local, beat, belief time.Duration) *watches {
	ws := &watches{store: s, local: l, beat: beat, belief: belief, known: make(map[string]*watch), turn: make(chan struct{})}
	ws.life, ws.cancel = context.WithCancel(context.Background())
	return ws
}

// start connects, and returns once every server has been tried, or ctx has
// ended. The error is a server's refusal.
func (ws *watches) start(ctx context.Context) error {
	tried := make(chan error)
	n := ws.align(func(err error) {
		select {
		case tried <- err:
		case <-ctx.Done():
		}
	})
	ws.ended.Go(func() {
		for {
			select {
			case <-time.After(ws.beat):
				ws.align(ws.report)
			case <-ws.life.Done():
				return
			}
		}
	})
	for range n {
		select {
		case err := <-tried:
			if mute(err) {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// align connects to servers that are new or were lost, and disconnects from
// those that are no more. It returns how many it connects to, each of which
// calls known once.
func (ws *watches) align(known func(error)) (n int) {
	nodes := ws.store.client.Nodes()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return 0
	}
	for addr, w := range ws.known {
		if nodes[addr] == nil {
			w.cancel()
		}
	}
	for addr, node := range nodes {
		if ws.known[addr] != nil {
			continue
		}
		n++
		ctx, cancel := context.WithCancel(ws.life)
		w := &watch{all: ws, cancel: cancel, places: make(chan struct{}, places)}
		ws.known[addr] = w
		ws.settle()
		go func() {
			begun := time.Now()
			failure := w.run(ctx, node, known)
			ws.forget(addr, w, failure)
			if failure == nil && time.Since(begun) > afresh {
				ws.align(ws.report)
			}
		}()
	}
	return n
}

// report logs that a server refuses to tell of changes, once.
func (ws *watches) report(err error) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if mute(err) && !ws.reported {
		ws.reported = true
		ws.store.log.Warn("redisstore: a server does not tell of changes, so every load asks Redis until it does", "error", err)
	}
}

// add begins to use a connection.
func (ws *watches) add(w *watch) error {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return errClosed
	}
	ws.ended.Add(1)
	w.listening = true
	if ws.store.single {
		ws.line.Store(w)
	}
	ws.local.clear() // what was asked for before it listened is not kept
	ws.settle()
	return nil
}

// remove ends to use a connection.
func (ws *watches) remove(w *watch) {
	ws.line.CompareAndSwap(w, nil)
	ws.mu.Lock()
	w.listening = false
	ws.settle()
	ws.local.clear()
	ws.mu.Unlock()
	go func() {
		defer ws.ended.Done()
		w.conn.Close() // takes up to a second where the server hangs
	}()
}

// forget makes room for another connection to the server. failure is why there
// was none, nil where there was one.
func (ws *watches) forget(addr string, w *watch, failure error) {
	w.cancel()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.known, addr)
	ws.failure, ws.failedAt = failure, time.Now()
	ws.settle()
}

func (ws *watches) alive(w *watch, until int64) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	w.until = until
	ws.believe()
}

// settle is called with mu held when a connection has come or gone.
func (ws *watches) settle() {
	close(ws.turn)
	ws.turn = make(chan struct{})
	heard := make(map[string]*watch, len(ws.known))
	for addr, w := range ws.known {
		if w.listening {
			heard[addr] = w
		}
	}
	ws.heard.Store(nil)
	if len(heard) == len(ws.known) {
		ws.heard.Store(&heard)
	}
	ws.believe()
}

// believe works out until when the local tier is believed. It is called with mu
// held.
func (ws *watches) believe() {
	until := int64(0)
	for _, w := range ws.known {
		if !w.listening {
			ws.local.believe(0)
			return
		}
		if until == 0 || w.until < until {
			until = w.until
		}
	}
	ws.local.believe(until)
}

// complete reports whether every server that the client knows is listened to.
// Who has just answered is one of them: a Cluster may have moved the record to
// a server that was not there a moment ago.
func (ws *watches) complete() bool {
	heard := ws.heard.Load()
	if heard == nil {
		return false
	}
	for addr := range ws.store.client.Nodes() {
		if (*heard)[addr] == nil {
			return false
		}
	}
	return true
}

// connected returns the connection to the server that is alone. Where there is
// none it waits for one that is being made, and makes one unless that has just
// failed.
func (ws *watches) connected(ctx context.Context) (*watch, error) {
	for {
		if w := ws.line.Load(); w != nil {
			return w, nil
		}
		ws.mu.Lock()
		there := ws.line.Load() != nil
		turn, idle, failure := ws.turn, len(ws.known) == 0, ws.failure
		recent := time.Since(ws.failedAt) < afresh
		closed := ws.closed
		ws.mu.Unlock()
		switch {
		case closed:
			return nil, errClosed
		case there: // since a moment ago
			continue
		case idle && failure != nil && recent:
			return nil, fmt.Errorf("%w: %w", errUnconnected, failure)
		case idle:
			ws.align(ws.report)
			continue
		}
		select {
		case <-turn:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// close ends it all. It waits for connections that are in use; one that is
// being made ends by itself.
func (ws *watches) close() {
	if ws == nil {
		return
	}
	ws.mu.Lock()
	ws.closed = true
	ws.mu.Unlock()
	ws.cancel()
	ws.ended.Wait()
}
