package redisstore

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// A watch is a connection of the Store's own to one server. It is told there of
// every key of the Store that changes: by prefix, so that what the server needs
// for it does not grow with what is held here, and it makes no difference which
// connection has brought a record. And one server that is alone is asked over
// it: every call on it ends with its context.
type watch struct {
	all    *watches
	cancel context.CancelFunc
	conn   rueidis.DedicatedClient
	gone   <-chan error // ends when the connection is lost; nil where nothing is told

	places   chan struct{} // taken by calls that are under way
	left     atomic.Int32  // places of calls that have left early
	answered atomic.Int64  // when the last call had its answer, as mono tells it

	listening bool  // guarded by all.mu
	until     int64 // what it told is believed until then, as mono tells it; guarded by all.mu
}

// run keeps the connection until it is lost or ctx ends. It says when there is
// one, and returns why there was none.
func (w *watch) run(ctx context.Context, node rueidis.Client, known func(error)) error {
	// It blocks for as long as a connection may take, and ends with nothing.
	w.conn, _ = node.Dedicate()
	err := w.listen(ctx)
	if err == nil {
		err = w.ask(ctx)
	}
	if err == nil {
		err = w.all.add(w)
	}
	known(err)
	if err != nil {
		w.conn.Close() // the pool gets it back closed, and gives it to nobody
		return err
	}
	defer w.all.remove(w)
	for err == nil {
		select {
		case <-time.After(w.all.beat):
		case why := <-w.gone:
			w.all.store.log.Debug("redisstore: a connection was lost", "error", why)
			return nil
		case <-ctx.Done():
			return nil
		}
		err = w.ask(ctx)
	}
	return nil
}

// listen asks the server to tell of changes, unless nobody wants to know.
func (w *watch) listen(ctx context.Context) error {
	if w.all.local == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.all.belief)
	defer cancel()
	b := w.conn.B()
	// A server takes the command below over RESP2 as well, and tells nothing.
	hello, err := w.conn.Do(ctx, b.Arbitrary("HELLO").Build()).AsMap()
	if err != nil {
		return err
	}
	protocol := hello["proto"]
	if n, err := protocol.AsInt64(); err != nil || n < 3 {
		return errMute
	}
	w.gone = w.conn.SetOnInvalidations(w.all.changed)
	for _, r := range w.conn.DoMulti(ctx,
		b.Arbitrary("CLIENT", "TRACKING", "OFF").Build(), // the client may have turned on another kind
		b.Arbitrary("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "{"+w.all.store.prefix+":").Build(),
	) {
		if err := r.Error(); err != nil {
			return err
		}
	}
	return nil
}

// ask asks for a sign of life. What the server has to tell comes before the
// answer, so whatever changed before the question is known here by then.
func (w *watch) ask(ctx context.Context) error {
	c := &w.all.store.clock
	if t := w.answered.Load(); w.all.local == nil && t != 0 && c.mono()-t < w.all.beat.Microseconds() {
		return nil // others have had one
	}
	ctx, cancel := context.WithTimeout(ctx, w.all.belief)
	defer cancel()
	sent := c.mono()
	m, err := w.conn.Do(ctx, w.conn.B().Time().Build()).ToArray()
	if err != nil {
		return err
	}
	t, err := serverTime(m)
	if err != nil {
		return err
	}
	c.answer(sent, t)
	w.free(w.left.Swap(0))
	w.all.alive(w, sent+w.all.belief.Microseconds())
	return nil
}

// changed drops the copies of the records under these keys, and all copies for
// nil: a flush, or a connection that was lost.
func (ws *watches) changed(keys []rueidis.RedisMessage) {
	if keys == nil {
		ws.local.clear()
		return
	}
	for i := range keys {
		key, err := keys[i].ToString()
		if err != nil {
			continue
		}
		if sp, id, ok := ws.store.place(key); ok {
			ws.local.forget(sp, id)
		}
	}
}
