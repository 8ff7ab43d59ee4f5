package redisstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/rueidis"
)

// startWithin is how long the servers may take to be found fit.
const startWithin = 5 * time.Second

// New returns a Store on a client that the caller has made, and closes when the
// Store is closed. It asks the servers whether they will do, for 5 seconds at
// most, and fails where they do not answer or will not.
//
// The client has to write to, and read from, primaries: SendToReplicas must not
// send TIME, GET and EVALSHA elsewhere, or what is read is old. Two of its
// options are worth setting. ConnWriteTimeout is after how long a connection
// that does not answer is given up: 10 seconds, if nothing is said, which is
// longer than a request waits. And DisableCache, since the Store does not use
// the cache of rueidis. BlockingPoolSize must leave room for one connection to
// each server, on which the Store listens. [Open] takes care of all that.
func New(client rueidis.Client, opts ...Option) (*Store, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	if client == nil {
		return nil, errors.New("redisstore: New needs a client (make one with rueidis.NewClient, or use Open)")
	}
	return start(ctx, client, opts)
}

// Open makes a client, and a Store on it that owns it: Close closes both.
// Where they are not set, ConnWriteTimeout is 3 seconds and Dialer.Timeout 2,
// so that a connection which is dead without a word is soon replaced; and the
// cache of rueidis is always off, since the Store has its own. Where the
// servers do not answer, or will not do, it fails within 5 seconds, or when ctx
// ends.
func Open(ctx context.Context, client rueidis.ClientOption, opts ...Option) (*Store, error) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if _, err := settle(opts); err != nil {
		return nil, setUp(err)
	}
	client.DisableCache = true
	if client.ConnWriteTimeout == 0 {
		client.ConnWriteTimeout = 3 * time.Second
	}
	if client.Dialer.Timeout == 0 {
		client.Dialer.Timeout = 2 * time.Second
	}
	made, err := connect(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("redisstore: connect to Redis: %w", err)
	}
	s, err := start(ctx, made, opts)
	if err != nil {
		made.Close()
		return nil, err
	}
	s.owned = true
	return s, nil
}

// Must returns s, and panics where err is not nil: a mistake in the set-up
// stops the program at its start.
//
//	store := redisstore.Must(redisstore.New(client))
func Must(s *Store, err error) *Store {
	if err != nil {
		panic(err)
	}
	return s
}

// connect makes a client, and gives up when ctx ends.
func connect(ctx context.Context, opt rueidis.ClientOption) (rueidis.Client, error) {
	type outcome struct {
		client rueidis.Client
		err    error
	}
	made := make(chan outcome, 1)
	go func() {
		c, err := rueidis.NewClient(opt)
		made <- outcome{c, err}
	}()
	select {
	case o := <-made:
		return o.client, o.err
	case <-ctx.Done():
		go func() {
			if o := <-made; o.err == nil {
				o.client.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

func setUp(err error) error { return fmt.Errorf("redisstore: the options will not do: %w", err) }

// start makes a Store that works.
func start(ctx context.Context, client rueidis.Client, opts []Option) (*Store, error) {
	o, err := settle(opts)
	if err != nil {
		return nil, setUp(err)
	}
	s := &Store{prefix: o.prefix, client: client, log: o.log}
	s.clock = clock{start: time.Now(), stepped: func(by time.Duration) {
		s.log.Warn("redisstore: the server's clock has gone back; sessions live longer by that", "by", by)
	}}
	s.single = client.Mode() == rueidis.ClientModeStandalone && len(client.Nodes()) == 1
	if err := s.examine(ctx); err != nil {
		return nil, err
	}
	if err := s.listen(ctx, o); err != nil {
		return nil, failed("connect", err)
	}
	if err := s.try(ctx); err != nil {
		s.watch.close()
		return nil, err
	}
	return s, nil
}

// listen makes the local tier, unless the servers do not tell of changes, and
// the connections for it.
func (s *Store) listen(ctx context.Context, o *options) error {
	if !o.strict {
		l := newLocal(&s.clock, o.records, o.bytes, s.eachSpace)
		ws := newWatches(s, l, o.beat, o.belief)
		err := ws.start(ctx)
		if err == nil {
			s.local, s.watch = l, ws
			return nil
		}
		ws.close()
		s.log.Warn("redisstore: the server does not tell of changes (CLIENT TRACKING), so every load asks Redis, as with Strict", "error", err)
	}
	if !s.single {
		return nil
	}
	s.watch = newWatches(s, nil, o.beat, o.belief)
	if err := s.watch.start(ctx); err != nil {
		s.watch.close()
		return err
	}
	return nil
}

func (s *Store) eachSpace(f func(*space)) {
	s.byHash.Range(func(_, sp any) bool {
		f(sp.(*space))
		return true
	})
}
