package cache

import (
	"encoding/binary"
	"hash/crc32"
	"sync/atomic"
)

// memoSize is how many decoded accounts a node remembers of a store outside the
// process. A power of two.
const memoSize = 1 << 14

// A memo remembers the accounts that this node has decoded or written last, so
// that a record which has not changed is not decoded again. An account has one
// place in it, which the next one there takes over: it is bounded, and nobody
// waits for anybody.
type memo struct {
	places [memoSize]atomic.Pointer[memoEntry]
}

// A memoEntry is a record as this node knows it; the account is nil where it
// was deleted.
type memoEntry struct {
	id      AccountID
	version ID
	sum     uint32 // of the bytes: a record that was damaged keeps its version
	account *Account
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (m *memo) place(id AccountID) *atomic.Pointer[memoEntry] {
	return &m.places[binary.LittleEndian.Uint64(id[:])%memoSize]
}

// find returns what is known of an account, nil for nothing.
func (m *memo) find(id AccountID) *memoEntry {
	if e := m.place(id).Load(); e != nil && e.id == id {
		return e
	}
	return nil
}

// of returns the account that a record holds, nil where that is not known.
func (m *memo) of(id AccountID, r *Record) *Account {
	if e := m.find(id); e != nil && e.version == r.Version && e.sum == crc32.Checksum(r.Data, castagnoli) {
		return e.account
	}
	return nil
}

// keep remembers what a load has brought, unless something was remembered in its
// place since before: that may be newer.
func (m *memo) keep(before *memoEntry, id AccountID, r *Record, a *Account) {
	m.place(id).CompareAndSwap(before, &memoEntry{id, r.Version, crc32.Checksum(r.Data, castagnoli), a})
}

// put remembers what a swap has written. Those who swap an account take turns.
func (m *memo) put(id AccountID, r *Record, a *Account) {
	m.place(id).Store(&memoEntry{id, r.Version, crc32.Checksum(r.Data, castagnoli), a})
}
