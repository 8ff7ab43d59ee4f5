package redisstore

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache"
)

// A Store keeps powgin's records in Redis or Valkey, on one server, behind
// Sentinel or in a Cluster. Make one with [New] or [Open]. It is safe for
// concurrent use, and many Auths and processes may share the servers.
type Store struct {
	prefix string
	client rueidis.Client
	owned  bool // Close closes the client
	single bool // there is one server, which the Store asks over its own connection
	log    *slog.Logger
	clock  clock
	local  *local   // nil with Strict
	watch  *watches // nil with Strict in front of several servers
	asking atomic.Int64
	closed atomic.Bool

	byName sync.Map // the name of a space to its *space
	byHash sync.Map // what stands for that name in keys to its *space
}

var _ cache.NearStore = (*Store)(nil)

// LoadNear implements [cache.NearStore]: it answers from the local tier, and
// reports false where that holds nothing, or is not believed just then. With
// Strict it always does.
func (s *Store) LoadNear(key cache.Key) (cache.Loaded, bool) {
	return s.local.load(s.space(key.Space), key.ID)
}

// Load implements [cache.Store]. It always asks Redis.
func (s *Store) Load(ctx context.Context, key cache.Key) (cache.Loaded, error) {
	sp, id := s.space(key.Space), key.ID
	load := func(ctx context.Context, c rueidis.CommandClient) (answer, error) {
		begun := s.local.begin(sp, id)
		a, err := s.load(ctx, c, sp, id)
		if err == nil && s.local.wants(begun, &a.loaded) && s.watch.complete() {
			s.local.keep(begun, &a.loaded)
		}
		return a, err
	}
	const what = "load a record"
	a, err := s.ask(ctx, what, load)
	if lost(err) && ctx.Err() == nil {
		// The connection may have been cut while nobody used it. To ask twice
		// does no harm.
		a, err = s.ask(ctx, what, load)
	}
	return a.loaded, err
}

// Swap implements [cache.Store]. An error means that the outcome is not known:
// the server may have swapped, or do so later, where the connection was lost or
// ctx ended. Where Redis has no memory left the error is a [cache.ErrFull] and
// nothing has changed; records can be deleted then, and not replaced.
func (s *Store) Swap(ctx context.Context, key cache.Key, old cache.ID, next cache.Record) (cache.Loaded, bool, error) {
	sp := s.space(key.Space)
	a, err := s.ask(ctx, "swap a record", func(ctx context.Context, c rueidis.CommandClient) (answer, error) {
		s.local.forget(sp, key.ID)
		defer s.local.forget(sp, key.ID) // a load may have begun before it was swapped
		return s.swap(ctx, c, sp, key.ID, old, next)
	})
	return a.loaded, a.swapped, err
}

// Close ends what the Store has started: its own connections, and the client
// where [Open] made it. Calls that come later fail. It may be called more than
// once, and returns nil.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.watch.close()
	if s.owned {
		s.client.Close()
	}
	return nil
}
