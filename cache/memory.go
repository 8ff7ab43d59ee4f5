package cache

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/puzpuzpuz/xsync/v4"
)

// DefaultMaxAccounts is how many accounts with sessions a Memory holds where
// it is not told otherwise.
const DefaultMaxAccounts = 100_000

// Memory is the in-process store. It keeps accounts decoded, so a look-up
// costs what a look-up in a concurrent map costs, and forgets everything when
// the process ends.
//
// It starts no goroutine: expiry is checked at every read, to the moment, and
// memory is given back in small batches by whoever writes. Make one with
// [NewMemory]. It is safe for concurrent use.
type Memory struct {
	clock  clock
	max    int64
	count  atomic.Int64 // accounts with sessions
	serial atomic.Uint64
	due    expiryQueue

	mu     sync.Mutex
	spaces map[string]*memorySpace // guarded by mu
}

// memorySpace holds one space's accounts and its epoch.
type memorySpace struct {
	memory   *Memory
	accounts *accountMap
	epoch    atomic.Pointer[Epoch]
	owner    owner                          // guarded by memory.mu
	onExpiry atomic.Pointer[func(*Account)] // told of accounts that are forgotten; nil: nobody is

	observers []*func(*Account) // guarded by memory.mu; the first is onExpiry
	watchers  watchers
}

// NewMemory returns an empty in-process store for at most maxAccounts accounts
// with sessions, or DefaultMaxAccounts where maxAccounts is not positive. At
// the bound expired accounts make room; where there are none a sign-in is
// answered with ErrFull rather than others being signed out.
func NewMemory(maxAccounts int) *Memory {
	if maxAccounts <= 0 {
		maxAccounts = DefaultMaxAccounts
	}
	return &Memory{clock: newClock(), max: int64(maxAccounts), spaces: make(map[string]*memorySpace)}
}

// NewMemoryWithClock is NewMemory with now in place of the time: for tests that
// move time themselves. now must never go back, and be safe for concurrent use.
func NewMemoryWithClock(maxAccounts int, now func() time.Time) *Memory {
	m := NewMemory(maxAccounts)
	m.clock.told = now
	return m
}

// Len returns the number of accounts with sessions, those included that have
// expired and whose memory has not been given back yet.
func (m *Memory) Len() int { return int(m.count.Load()) }

func (m *Memory) space(name string) *memorySpace {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.spaces[name]
	if s == nil {
		s = &memorySpace{memory: m, accounts: newAccountMap()}
		m.spaces[name] = s
	}
	return s
}

// load returns the account, nil where it is absent or has expired.
func (s *memorySpace) load(id AccountID, now Time) *Account {
	if a, ok := s.accounts.Load(id); ok && a.expires > now {
		return a
	}
	return nil
}

// swap puts next in the place of old, which is nil for an absent account. A
// nil next deletes.
func (s *memorySpace) swap(id AccountID, old, next *Account) (bool, error) {
	m, now := s.memory, s.memory.clock.now()
	m.sweep(now, 1)
	reserved := next.counted() && !old.counted()
	if reserved && !m.reserve(now) {
		return false, ErrFull
	}
	var replaced *Account // what was there, expired or not
	swapped, created := false, false
	s.accounts.Compute(id, func(cur *Account, loaded bool) (*Account, xsync.ComputeOp) {
		live := cur
		if !loaded || cur.expires <= now {
			live = nil
		}
		if live != old {
			return cur, xsync.CancelOp
		}
		swapped, replaced = true, cur
		if next == nil {
			return nil, xsync.DeleteOp
		}
		if created = live == nil; created {
			next.serial = m.serial.Add(1)
		} else {
			next.serial = live.serial
		}
		return next, xsync.UpdateOp
	})
	if !swapped {
		if reserved {
			m.count.Add(-1)
		}
		return false, nil
	}
	if replaced.counted() && (reserved || !next.counted()) {
		m.count.Add(-1)
	}
	if old == nil && replaced != nil {
		s.forgotten(replaced)
	}
	if created {
		m.due.add(accountRef{s, id, next.serial}, next.expires)
	}
	s.watchers.wake(id)
	return true, nil
}

// counted reports whether the account counts towards the bound: one without
// sessions is there for a writer, which the bound must never stop.
func (a *Account) counted() bool { return a != nil && (len(a.sessions) > 0 || a.opaque() != nil) }

// reserve counts one more account, after making room if it must.
func (m *Memory) reserve(now Time) bool {
	for swept := false; ; {
		n := m.count.Load()
		switch {
		case n < m.max:
			if m.count.CompareAndSwap(n, n+1) {
				return true
			}
		case swept:
			return false
		default:
			m.sweep(now, -1)
			swept = true
		}
	}
}

// sweep forgets expired accounts, a number of batches of them, or all that
// have expired by now where batches is negative. Only then are accounts looked
// at that are due within the current second.
func (m *Memory) sweep(now Time, batches int) {
	cutoff := now
	if batches >= 0 {
		cutoff = now.Add(-1e9)
	}
	type survivor struct {
		ref accountRef
		at  Time
	}
	var survivors []survivor
	for ; batches != 0; batches-- {
		batch := m.due.take(cutoff)
		if batch == nil {
			break
		}
		for _, ref := range batch.refs[:batch.n] {
			if at, alive := ref.space.forget(ref, now); alive {
				survivors = append(survivors, survivor{ref, at})
			}
		}
	}
	for _, s := range survivors {
		m.due.add(s.ref, s.at)
	}
}

// forget deletes the account if it has expired. It returns the expiry of one
// that lives on.
func (s *memorySpace) forget(ref accountRef, now Time) (at Time, alive bool) {
	var deleted *Account
	s.accounts.Compute(ref.id, func(cur *Account, loaded bool) (*Account, xsync.ComputeOp) {
		if !loaded || cur.serial != ref.serial {
			return cur, xsync.CancelOp
		}
		if cur.expires > now {
			at, alive = cur.expires, true
			return cur, xsync.CancelOp
		}
		deleted = cur
		return nil, xsync.DeleteOp
	})
	if deleted.counted() {
		s.memory.count.Add(-1)
	}
	if deleted != nil {
		s.forgotten(deleted)
	}
	return at, alive
}

// observe has f told of accounts whose time is over, once each, until end is
// called. Where several Caches share the space the first is told.
func (s *memorySpace) observe(f func(*Account)) (end func()) {
	mu := &s.memory.mu
	mu.Lock()
	defer mu.Unlock()
	s.observers = append(s.observers, &f)
	s.chooseObserver()
	return func() {
		mu.Lock()
		defer mu.Unlock()
		s.observers = slices.DeleteFunc(s.observers, func(o *func(*Account)) bool { return o == &f })
		s.chooseObserver()
	}
}

// chooseObserver is called with memory.mu held.
func (s *memorySpace) chooseObserver() {
	var first *func(*Account)
	if len(s.observers) > 0 {
		first = s.observers[0]
	}
	s.onExpiry.Store(first)
}

func (s *memorySpace) forgotten(a *Account) {
	if f := s.onExpiry.Load(); f != nil {
		(*f)(a)
	}
}

// memoryBackend runs the swap loop on decoded accounts.
type memoryBackend struct{ *memorySpace }

func (b memoryBackend) now() Time { return b.memory.clock.now() }

func (b memoryBackend) load(_ context.Context, id AccountID) (view, error) {
	now := b.memory.clock.now()
	return view{account: b.memorySpace.load(id, now), epoch: b.epoch.Load(), now: now}, nil
}

func (b memoryBackend) loadNear(ctx context.Context, id AccountID) (view, bool, error) {
	v, err := b.load(ctx, id)
	return v, false, err
}

func (b memoryBackend) known(id AccountID) (*Account, *Epoch, bool) {
	return b.memorySpace.load(id, b.memory.clock.now()), b.epoch.Load(), true
}

func (b memoryBackend) swap(ctx context.Context, id AccountID, old view, next *Account) (view, bool, error) {
	if err := ctx.Err(); err != nil {
		return old, false, unavailable("change an account", err)
	}
	ok, err := b.memorySpace.swap(id, old.account, next)
	if err != nil || !ok {
		v, _ := b.load(ctx, id)
		return v, false, err
	}
	old.account = next
	return old, true, nil
}

func (b memoryBackend) room() error {
	m := b.memory
	if m.count.Load() >= m.max {
		m.sweep(m.clock.now(), -1)
	}
	if m.count.Load() >= m.max {
		return ErrFull
	}
	return nil
}

func (memoryBackend) epochs() int { return 1 }

func (b memoryBackend) loadEpoch(context.Context, int) (view, error) {
	return view{epoch: b.epoch.Load(), now: b.memory.clock.now()}, nil
}

func (b memoryBackend) swapEpoch(ctx context.Context, i int, old view, next *Epoch) (view, bool, error) {
	if b.epoch.CompareAndSwap(old.epoch, next) {
		b.watchers.wakeAll()
		old.epoch = next
		return old, true, nil
	}
	v, err := b.loadEpoch(ctx, i)
	return v, false, err
}

func (b memoryBackend) watch(w *Watch)   { b.watchers.add(w) }
func (b memoryBackend) unwatch(w *Watch) { b.watchers.remove(w) }
func (b memoryBackend) close()           { b.watchers.wakeAll() }
