package redisstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

// A watch of a server that is alone is also what the server is asked over. It
// is a [rueidis.CommandClient] on which every call ends with its context, or
// within patience and a second where that is cancelled early, nobody else asks
// anything, and the server hangs.
//
// rueidis makes calls wait, whatever their context says, where more than its
// queue holds have no answer. So each takes a place first. One that leaves early
// leaves its place taken, for the answer that is to come, until a later question
// is answered.
var _ rueidis.CommandClient = (*watch)(nil)

const (
	// places is how many calls may be under way on a connection. The queue of a
	// client holds four times as many, if nothing else is said.
	places = 256
	// patience is how long a call that was cancelled may take to end.
	patience = 20 * time.Millisecond
)

// B implements [rueidis.CommandClient].
func (w *watch) B() rueidis.Builder { return w.conn.B() }

// Do implements [rueidis.CommandClient].
func (w *watch) Do(ctx context.Context, command rueidis.Completed) rueidis.RedisResult {
	return w.DoMulti(ctx, command)[0]
}

// DoMulti implements [rueidis.CommandClient].
func (w *watch) DoMulti(ctx context.Context, commands ...rueidis.Completed) []rueidis.RedisResult {
	select {
	case w.places <- struct{}{}:
	case <-ctx.Done():
		return failures(len(commands), ctx.Err())
	}
	begun := w.all.store.clock.mono()
	over := w.mind(ctx)
	replies := w.conn.DoMulti(ctx, commands...)
	over()
	switch err := replies[0].NonRedisError(); {
	case err == nil:
		w.answered.Store(w.all.store.clock.mono())
		w.free(w.left.Swap(0) + 1)
		if demoted(replies[0].Error()) {
			w.lose() // the name may be another server's by now
		}
	case ctx.Err() == nil, !errors.Is(err, ctx.Err()), w.silent(ctx, begun):
		<-w.places
		w.lose()
	default:
		w.left.Add(1)
	}
	return replies
}

// mind sees to it that a call ends with ctx which is alone on its connection:
// rueidis reads the answer without a look at ctx then, until its deadline. The
// call says when it is over.
func (w *watch) mind(ctx context.Context) (over func()) {
	if _, ok := ctx.Deadline(); !ok || w.all.local != nil {
		return func() {}
	}
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-ended:
		case <-time.After(patience):
			w.lose()
			w.conn.Close()
		}
	})
	return func() {
		close(ended)
		stop()
	}
}

// silent reports whether nobody has had an answer since a call began whose
// deadline has passed. rueidis has closed the connection then if that call was
// alone, and it is no loss otherwise.
func (w *watch) silent(ctx context.Context, begun int64) bool {
	return w.all.local == nil && errors.Is(ctx.Err(), context.DeadlineExceeded) && w.answered.Load() < begun
}

// lose has the connection replaced. Whoever asks from now on waits for the next.
func (w *watch) lose() {
	w.all.line.CompareAndSwap(w, nil)
	w.cancel()
}

// demoted reports whether err is that of a server which takes no writes any
// more.
func demoted(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	return ok && strings.HasPrefix(e.Error(), "READONLY")
}

// free gives places back.
func (w *watch) free(n int32) {
	for range n {
		<-w.places
	}
}

func failures(n int, err error) []rueidis.RedisResult {
	all := make([]rueidis.RedisResult, n)
	for i := range all {
		all[i] = rueidis.NewErrorResult(err)
	}
	return all
}
