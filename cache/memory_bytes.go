package cache

import (
	"context"
	"errors"
)

// Memory is a Store as well. A space belongs to a Cache, which keeps accounts
// in it decoded, or to callers of Swap, who keep bytes. Load of the former
// encodes on demand, without the user; Swap into it is refused: nobody but
// its Cache may change what the Cache decides on.

var _ Store = (*Memory)(nil)

var errSpaceTaken = errors.New("powgin: this space of the in-process store belongs to a Cache (or to Swap) already")

// An owner is who changes the records of a space.
type owner int

const (
	nobody owner = iota
	aCache
	bytesCallers
)

// claim makes o the owner of the space, if nobody else is.
func (s *memorySpace) claim(o owner) error {
	s.memory.mu.Lock()
	defer s.memory.mu.Unlock()
	if s.owner != nobody && s.owner != o {
		return errSpaceTaken
	}
	s.owner = o
	return nil
}

// opaqueRecord is a record that came in as bytes. It takes the place of an
// account's user; the account's other fields, but for version, expiry and
// serial, are empty.
type opaqueRecord struct{ data []byte }

func (a *Account) opaque() *opaqueRecord {
	if a == nil || a.space != nil {
		return nil
	}
	r, _ := a.user.(*opaqueRecord)
	return r
}

// Load implements Store.
func (m *Memory) Load(ctx context.Context, key Key) (Loaded, error) {
	if err := ctx.Err(); err != nil {
		return Loaded{}, unavailable("load a record", err)
	}
	return m.loaded(m.space(key.Space), key.ID), nil
}

func (m *Memory) loaded(s *memorySpace, id AccountID) Loaded {
	now := m.clock.now()
	l := Loaded{Now: now}
	if e := s.epoch.Load(); e != nil && (e.expires == 0 || e.expires > now) {
		l.Epoch = e.record()
	}
	if id == epochID {
		l.Record = l.Epoch
	} else if a := s.load(id, now); a != nil {
		l.Record = a.record()
	}
	return l
}

func (a *Account) record() Record {
	r := Record{Version: a.version, Expires: a.expires}
	if o := a.opaque(); o != nil {
		r.Data = o.data
	} else {
		r.Data = encodeAccount(a, nil)
	}
	return r
}

// Swap implements Store.
func (m *Memory) Swap(ctx context.Context, key Key, old ID, next Record) (Loaded, bool, error) {
	if err := ctx.Err(); err != nil {
		return Loaded{}, false, unavailable("change a record", err)
	}
	s := m.space(key.Space)
	if err := s.claim(bytesCallers); err != nil {
		return Loaded{}, false, err
	}
	if key.ID == epochID {
		return m.swapEpoch(s, old, next)
	}
	cur := s.load(key.ID, m.clock.now())
	if version(cur) != old {
		return m.loaded(s, key.ID), false, nil
	}
	var a *Account
	if next.Version != (ID{}) {
		a = &Account{version: next.Version, expires: next.Expires, user: &opaqueRecord{next.Data}}
	}
	ok, err := s.swap(key.ID, cur, a)
	return m.loaded(s, key.ID), ok, err
}

func version(a *Account) ID {
	if a == nil {
		return ID{}
	}
	return a.version
}

// Epochs implements Store: there is one epoch record a space.
func (m *Memory) Epochs(space string) []Key { return []Key{EpochKey(space)} }

func (m *Memory) swapEpoch(s *memorySpace, old ID, next Record) (Loaded, bool, error) {
	cur := s.epoch.Load()
	var seen ID
	if now := m.clock.now(); cur != nil && (cur.expires == 0 || cur.expires > now) {
		seen = cur.version
	}
	if seen != old {
		return m.loaded(s, epochID), false, nil
	}
	var e *Epoch
	if next.Version != (ID{}) {
		e = &Epoch{version: next.Version, expires: next.Expires, opaque: next.Data}
	}
	ok := s.epoch.CompareAndSwap(cur, e)
	return m.loaded(s, epochID), ok, nil
}

func (e *Epoch) record() Record {
	r := Record{Version: e.version, Expires: e.expires, Data: e.opaque}
	if r.Data == nil {
		r.Data = encodeEpoch(e)
	}
	return r
}
