package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache"
)

// maxAsking bounds how many calls may wait for the servers of a Cluster, or
// behind Sentinel. Servers that hang are asked no more than that; healthy ones
// never have so many to answer.
const maxAsking = 4096

var (
	errBusy   = fmt.Errorf("%d calls wait for an answer already", maxAsking)
	errClosed = errors.New("the store is closed")
	errAnswer = errors.New("the server's answer has another shape than was asked for")

	errMute        = errors.New("the connection is not one of RESP3")
	errUnconnected = errors.New("not connected")
)

// ask runs f, which asks the servers, and returns when f has ended or ctx has,
// whichever comes first. f is told whom to ask.
//
// A client of rueidis does not end with ctx everywhere: not while it connects,
// and not where a connection has as much to send as it may. One server is asked
// over a connection of the Store's own, which has neither (see watch). In front
// of several f has a goroutine of its own, and what nobody waits for any more
// ends with the connection.
func (s *Store) ask(ctx context.Context, what string, f func(context.Context, rueidis.CommandClient) (answer, error)) (answer, error) {
	a, err := answer{}, ctx.Err()
	switch {
	case err != nil:
	case s.closed.Load():
		err = errClosed
	case s.single:
		var w *watch
		if w, err = s.watch.connected(ctx); err == nil {
			a, err = f(ctx, w)
		}
		if lost(err) && ctx.Err() != nil {
			err = ctx.Err() // that is why
		}
	default:
		a, err = aside(ctx, s, func(ctx context.Context) (answer, error) { return f(ctx, s.client) })
	}
	if err != nil {
		return answer{}, failed(what, err)
	}
	return a, nil
}

// aside runs f on a goroutine of its own.
func aside[T any](ctx context.Context, s *Store, f func(context.Context) (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	if s.asking.Add(1) > maxAsking {
		s.asking.Add(-1)
		return *new(T), errBusy
	}
	done := make(chan outcome, 1)
	go func() {
		defer s.asking.Add(-1)
		v, err := f(patient{ctx})
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
	}
	select {
	case o := <-done: // both at once: what has happened is known
		return o.value, o.err
	default:
		return *new(T), ctx.Err()
	}
}

// patient is a context that cuts nothing short, and tells that it has ended to
// who asks before going on. Else a call that ends early would take down a
// connection that others use.
type patient struct{ context.Context }

func (patient) Deadline() (time.Time, bool) { return time.Time{}, false }
func (patient) Done() <-chan struct{}       { return nil }

// failed says what failed and why. Redis names commands and keys in its errors,
// never what is written.
func failed(what string, err error) error {
	if e, ok := rueidis.IsRedisErr(err); ok && strings.HasPrefix(e.Error(), "OOM ") {
		return fmt.Errorf("redisstore: %s: %w: %w", what, cache.ErrFull, err)
	}
	return fmt.Errorf("redisstore: %s: %w", what, err)
}

// lost reports whether err is that of a connection which was there.
func lost(err error) bool {
	for _, other := range []error{errBusy, errClosed, errAnswer, errUnconnected, rueidis.ErrClosing} {
		if errors.Is(err, other) {
			return false
		}
	}
	return err != nil && !refused(err)
}

// mute reports whether err is why a server does not tell of changes.
func mute(err error) bool { return refused(err) || errors.Is(err, errMute) }

// refused reports whether err is what a server has answered.
func refused(err error) bool {
	var e *rueidis.RedisError
	return errors.As(err, &e)
}
