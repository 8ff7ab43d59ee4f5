package redisstore

import (
	"sync"
	"sync/atomic"

	"github.com/powgin/powgin/cache"
)

// A local is the tier in this process: copies of records that Redis has told of
// lately, and of the epochs that go with them. It is believed only as long as
// every server would say when one of them changes (see watches). A copy is
// dropped when its record changes, on any node, and all are when a connection
// is lost.
//
// An answer is kept only if nothing has changed since it was asked for: the
// message that tells of a change may come before the answer that is older. That
// is what begin and keep are for, and why every change is counted, also that of
// a record which is not held. A nil local holds nothing.
type local struct {
	clock    *clock
	believed atomic.Int64 // until when, as the clock's mono tells it
	stripes  []stripe     // their number is a power of two, at most that of the shards
	spaces   func(func(*space))
	most     int // records of a stripe
	bytes    int // of a stripe's records
}

// A stripe holds the records of some shards, in the order in which they came.
type stripe struct {
	mu      sync.RWMutex
	held    map[place]*held   // guarded by mu
	line    held              // guarded by mu; next is the oldest
	bytes   int               // guarded by mu
	changes [64]atomic.Uint32 // of records whose id has this second byte, modulo 64
}

type place struct {
	space *space
	id    cache.AccountID
}

// A held is a copy in a stripe's line.
type held struct {
	place      place
	record     cache.Record
	used       atomic.Bool // since it came, or since it was spared
	prev, next *held
}

// overhead is about what a copy takes beside its record's bytes.
const overhead = 256

func newLocal(c *clock, records, bytes int, spaces func(func(*space))) *local {
	n := shards
	for n > 1 && records/n < 16 {
		n /= 2
	}
	l := &local{clock: c, stripes: make([]stripe, n), spaces: spaces, most: records / n, bytes: bytes / n}
	for i := range l.stripes {
		l.stripes[i].empty()
	}
	return l
}

func (l *local) stripe(id cache.AccountID) *stripe { return &l.stripes[shardOf(id)&(len(l.stripes)-1)] }

func (st *stripe) changesOf(id cache.AccountID) *atomic.Uint32 {
	return &st.changes[int(id[1])%len(st.changes)]
}

// load returns an account that is held, with its epoch, and false where the
// server has to be asked: for everything that is not there, above all.
func (l *local) load(sp *space, id cache.AccountID) (found cache.Loaded, ok bool) {
	if l == nil || l.clock.mono() >= l.believed.Load() {
		return found, false
	}
	st := l.stripe(id)
	st.mu.RLock()
	h, epoch := st.held[place{sp, id}], sp.epochs[shardOf(id)].held
	st.mu.RUnlock()
	if h == nil || epoch == nil {
		return found, false
	}
	now := l.clock.now()
	if expired(h.record, now) || expired(*epoch, now) {
		return found, false
	}
	if !h.used.Load() {
		h.used.Store(true)
	}
	return cache.Loaded{Record: h.record, Epoch: *epoch, Now: now}, true
}

// believe sets until when what is held is believed, as the clock's mono tells
// it.
func (l *local) believe(until int64) {
	if l != nil {
		l.believed.Store(until)
	}
}

// A beginning is what was known when a load began.
type beginning struct {
	place           place
	account, epochs uint32 // changes
}

func (l *local) begin(sp *space, id cache.AccountID) (b beginning) {
	if l == nil {
		return b
	}
	return beginning{
		place:   place{sp, id},
		account: l.stripe(id).changesOf(id).Load(),
		epochs:  sp.epochs[shardOf(id)].changes.Load(),
	}
}

// wants reports whether there is anything to keep of what a load has brought. An
// absent account is not held. An absent epoch is: Redis tells of the first one
// as of any.
func (l *local) wants(b beginning, found *cache.Loaded) bool {
	return l != nil && found.Record.Version != (cache.ID{}) && !isEpoch(b.place.id) &&
		l.clock.mono() < l.believed.Load()
}

// keep holds what a load has brought, if nothing has changed since it began.
func (l *local) keep(b beginning, found *cache.Loaded) {
	st := l.stripe(b.place.id)
	cell := &b.place.space.epochs[shardOf(b.place.id)]
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.changesOf(b.place.id).Load() != b.account || cell.changes.Load() != b.epochs {
		return
	}
	before := st.held[b.place]
	if before != nil && before.record.Version != found.Record.Version ||
		cell.held != nil && cell.held.Version != found.Epoch.Version {
		// Two loads have crossed, and there is no telling which of them is
		// the newer. Redis is about to say that something has changed.
		st.changesOf(b.place.id).Add(1)
		cell.changes.Add(1)
		cell.held = nil
		st.remove(before)
		return
	}
	epoch := found.Epoch
	cell.held = &epoch
	st.remove(before)
	if overhead+len(found.Record.Data) > l.bytes {
		return
	}
	st.add(&held{place: b.place, record: found.Record})
	for len(st.held) > l.most || st.bytes > l.bytes {
		oldest := st.line.next
		st.remove(oldest)
		if oldest.used.Swap(false) {
			st.add(oldest) // spared, this once
		}
	}
}

// forget drops what is held of a record that is changing or has changed.
func (l *local) forget(sp *space, id cache.AccountID) {
	if l == nil {
		return
	}
	st := l.stripe(id)
	st.mu.Lock()
	defer st.mu.Unlock()
	if isEpoch(id) {
		cell := &sp.epochs[shardOf(id)]
		cell.changes.Add(1)
		cell.held = nil
		return
	}
	st.changesOf(id).Add(1)
	st.remove(st.held[place{sp, id}])
}

// clear drops everything. What loads bring that are under way is not kept.
func (l *local) clear() {
	if l == nil {
		return
	}
	for i := range l.stripes {
		st := &l.stripes[i]
		st.mu.Lock()
		for j := range st.changes {
			st.changes[j].Add(1)
		}
		l.spaces(func(sp *space) {
			for shard := i; shard < shards; shard += len(l.stripes) {
				sp.epochs[shard].changes.Add(1)
				sp.epochs[shard].held = nil
			}
		})
		st.empty()
		st.mu.Unlock()
	}
}

// empty is called with mu held, or before anybody else knows the stripe.
func (st *stripe) empty() {
	st.held, st.bytes = make(map[place]*held), 0
	st.line.prev, st.line.next = &st.line, &st.line
}

// add puts h at the end of the line. It is called with mu held.
func (st *stripe) add(h *held) {
	st.held[h.place] = h
	st.bytes += overhead + len(h.record.Data)
	h.prev, h.next = st.line.prev, &st.line
	h.prev.next, st.line.prev = h, h
}

// remove takes h out, nil for none. It is called with mu held.
func (st *stripe) remove(h *held) {
	if h == nil {
		return
	}
	delete(st.held, h.place)
	st.bytes -= overhead + len(h.record.Data)
	h.prev.next, h.next.prev = h.next, h.prev
}
