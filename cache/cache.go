package cache

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
)

// Config is what a Cache is made of. All fields but Store, MaxAccounts, Codec,
// Active and Event are required.
type Config struct {
	// Store keeps the accounts; nil stands for an in-process store of this
	// cache's own, for MaxAccounts.
	Store Store
	// MaxAccounts bounds that store; 0 stands for DefaultMaxAccounts.
	MaxAccounts int
	// Space is the family of accounts that this cache serves.
	Space Space
	// Rules are the times and bounds.
	Rules Rules
	// Source reads users from where they are kept.
	Source Source
	// Key returns the key of a user that Source returned.
	Key func(user any) string
	// Active reports whether the user may be signed in; nil: everyone may.
	Active func(user any) bool
	// Codec turns users into bytes; nil: a store outside the process keeps
	// sessions only.
	Codec Codec
	// Followed reports whether all changes of users are heard of by now, so that a
	// copy older than Rules.MaxAge does; nil: they are not. It must be fast.
	Followed func() bool
	// Event is told what happens; nil: nobody is. It must not block.
	Event func(Event)
}

// A Source reads users from where they are kept.
type Source interface {
	// Find returns the user with this key as it is now: never from a replica,
	// never through an open transaction. A user who does not exist is false
	// with a nil error; an error means that it could not tell.
	Find(ctx context.Context, key string) (user any, found bool, err error)
}

// A VersionedSource is a Source that can tell for less than a Find whether a user
// is as it has read them.
type VersionedSource interface {
	Source
	// Unchanged reports whether the row is still the one that Find has made user of.
	// False stands for everything else that is known: another version, no row, no
	// version to tell by. An error means that it could not tell.
	Unchanged(ctx context.Context, key string, user any) (bool, error)
}

// A Cache serves the accounts of one space. It is safe for concurrent use.
type Cache struct {
	backend   backend
	memory    *memorySpace // what the backend runs on, if that answers from this process
	store     Store
	space     *Space
	rules     *Rules
	source    Source
	versioned VersionedSource // the source, where it is one; else nil
	followed  func() bool
	keyOf     func(any) string
	active    func(any) bool
	event     func(Event)
	queues    *queues
	flights   flights
	users     health // of source
	counters  counters
	watching  chan struct{} // holds one value for each Watch that asks
	closed    atomic.Bool
	unclaim   func()
	unobserve func()
}

// New returns a Cache. It refuses a space whose namespace another Cache on the
// same store uses for another type of user.
func New(cfg Config) (*Cache, error) {
	c := &Cache{
		store:     cfg.Store,
		space:     &cfg.Space,
		rules:     &cfg.Rules,
		source:    cfg.Source,
		keyOf:     cfg.Key,
		active:    cfg.Active,
		event:     cfg.Event,
		queues:    newQueues(),
		watching:  make(chan struct{}, watchTurns),
		unobserve: func() {},
	}
	c.versioned, _ = cfg.Source.(VersionedSource)
	if c.followed = cfg.Followed; c.followed == nil {
		c.followed = func() bool { return false }
	}
	if c.active == nil {
		c.active = func(any) bool { return true }
	}
	if c.event == nil {
		c.event = func(Event) {}
	}
	c.users.down, c.users.up = EventDatabaseDown, EventDatabaseUp
	c.users.failures, c.users.event = &c.counters.failures, c.event
	if err := c.open(cfg); err != nil {
		return nil, err
	}
	return c, nil
}

// open takes the store into use.
func (c *Cache) open(cfg Config) (err error) {
	if c.store == nil {
		c.store, c.unclaim = NewMemory(cfg.MaxAccounts), func() {}
	} else if c.unclaim, err = claim(c.store, cfg.Space); err != nil {
		return err
	}
	if m, ok := c.store.(*Memory); ok {
		s := m.space(cfg.Space.Name())
		if err := s.claim(aCache); err != nil {
			c.unclaim()
			return err
		}
		c.backend, c.memory = memoryBackend{s}, s
		if cfg.Event != nil {
			c.unobserve = s.observe(c.expired)
		}
	} else {
		c.backend = newStoreBackend(c.store, c.space, cfg.Codec, c.keyOf, c.event, &c.counters.failures)
	}
	return nil
}

// Close ends the cache: reads under way are waited for, later calls are
// answered with ErrUnavailable. The store is left as it is. Calling it twice
// is fine.
func (c *Cache) Close() error {
	if !c.closed.Swap(true) {
		c.flights.close()
		c.backend.close()
		c.unclaim()
		c.unobserve()
	}
	return nil
}

var errClosed = errors.New("the cache is closed")

// Account returns the id of a user's account.
func (c *Cache) Account(tenant, key string) AccountID { return c.space.account(tenant, key) }

// claims remembers which type of user each namespace of a store is for: two
// types in one namespace would share cookie names, and a user of one could be
// taken for a user of the other.
var claims = struct {
	sync.Mutex
	held map[claimKey]*claimed
}{held: make(map[claimKey]*claimed)}

type claimKey struct {
	store     Store
	namespace string
}

type claimed struct {
	space Space
	count int
}

// ErrNamespaceTaken means that another Cache keeps users of another type in
// the same store under the same namespace.
var ErrNamespaceTaken = errors.New("powgin: another type of user has this Namespace in this Store; give each its own Namespace")

func claim(store Store, space Space) (release func(), err error) {
	if !reflect.ValueOf(store).Comparable() {
		return func() {}, nil // each value is a store of its own
	}
	key := claimKey{store, space.Namespace}
	claims.Lock()
	defer claims.Unlock()
	held := claims.held[key]
	if held == nil {
		held = &claimed{space: space}
		claims.held[key] = held
	}
	if held.space != space {
		return nil, ErrNamespaceTaken
	}
	held.count++
	return func() {
		claims.Lock()
		defer claims.Unlock()
		if held.count--; held.count == 0 {
			delete(claims.held, key)
		}
	}, nil
}
