package cache

import (
	"encoding/binary"
	"errors"
)

// recordFormat is the first byte of every encoded record. Records of another
// format are treated as absent, never guessed at.
const recordFormat = 4

// errCorrupt means that a record's bytes are not what this version writes.
var errCorrupt = errors.New("powgin: a record is corrupt or of another version")

// An encoder appends the parts of a record; a decoder reads them in the same
// order. Numbers are varints, ids and hashes plain bytes, the rest has its
// length before it.
type encoder struct{ b []byte }

func (e *encoder) uint(n uint64)  { e.b = binary.AppendUvarint(e.b, n) }
func (e *encoder) time(t Time)    { e.b = binary.AppendVarint(e.b, int64(t)) }
func (e *encoder) raw(b []byte)   { e.b = append(e.b, b...) }
func (e *encoder) bytes(b []byte) { e.uint(uint64(len(b))); e.raw(b) }
func (e *encoder) text(s string)  { e.uint(uint64(len(s))); e.b = append(e.b, s...) }
func (e *encoder) flag(f bool) {
	if f {
		e.b = append(e.b, 1)
	} else {
		e.b = append(e.b, 0)
	}
}

func (e *encoder) writers(ws []Writer) {
	e.uint(uint64(len(ws)))
	for _, w := range ws {
		e.raw(w.id[:])
		e.time(w.deadline)
	}
}

// encodeAccount returns the account's bytes, with the user's as given. The
// version and the expiry are not in them: they are the record's own.
func encodeAccount(a *Account, user []byte) []byte {
	e := &encoder{b: make([]byte, 0, 512+len(user))}
	e.raw([]byte{recordFormat})
	for _, s := range [...]string{a.space.Namespace, a.tenant, a.space.Table, a.space.Type, a.key} {
		e.text(s)
	}
	e.raw(a.lease[:])
	e.raw(a.stamp[:])
	e.time(a.readAt)
	e.time(a.readAt - a.wholeAt)
	e.flag(user != nil)
	e.bytes(user)
	e.writers(a.writers)
	e.uint(uint64(len(a.sessions)))
	for i := range a.sessions {
		e.session(&a.sessions[i])
	}
	return e.b
}

func (e *encoder) session(s *Session) {
	e.raw(s.handle[:])
	e.raw([]byte{byte(s.transport)})
	e.flag(s.regenerate)
	e.flag(s.remembered)
	e.flag(s.resumed)
	e.raw(s.hash[:])
	for _, t := range [...]Time{s.created, s.renewed, s.signedIn, s.ends} {
		e.time(t)
	}
	e.flag(s.pending != nil)
	if p := s.pending; p != nil {
		e.raw(p.hash[:])
		e.raw(p.salt[:])
		e.time(p.madeAt)
	}
	e.flag(s.renewal != nil)
	if s.renewal != nil {
		e.renewal(s.renewal)
	}
	e.uint(uint64(len(s.retired)))
	for i := range s.retired {
		e.raw(s.retired[i].hash[:])
		e.time(s.retired[i].until)
		e.flag(s.retired[i].synced)
	}
	e.uint(uint64(len(s.methods)))
	for _, m := range s.methods {
		e.text(m)
	}
	e.uint(uint64(len(s.metadata)))
	for _, p := range s.metadata {
		e.text(p.Key)
		e.text(p.Value)
	}
}

func (e *encoder) renewal(n *renewal) {
	e.raw(n.hash[:])
	e.uint(uint64(len(n.families)))
	for i := range n.families {
		e.raw(n.families[i][:])
	}
	e.flag(n.repeat != nil)
	if g := n.repeat; g != nil {
		e.raw(g.hash[:])
		e.raw(g.salt[:])
		e.time(g.until)
	}
}

// maxRenewalSize bounds the encoded size of a renewal.
const maxRenewalSize = 3*32 + 2 + maxFamilies*32 + binary.MaxVarintLen64

// maxSize bounds the encoded size of a session for the rest of its life.
func (s *Session) maxSize() int {
	size := 12 + 4 + 32 + 5*binary.MaxVarintLen64 + 2*32 + maxRetired*(32+binary.MaxVarintLen64+1) + 5
	if s.renewal != nil {
		size += maxRenewalSize
	}
	for _, m := range s.methods {
		size += len(m) + 2
	}
	for _, p := range s.metadata {
		size += len(p.Key) + len(p.Value) + 4
	}
	return size
}

// maxSessionBytes is what sessions may take of an encoded account. The rest is
// for its names, its writers and, as far as it goes, the user.
const maxSessionBytes = maxEncoded - 16<<10

func encodeEpoch(ep *Epoch) []byte {
	e := &encoder{b: make([]byte, 0, 64)}
	e.raw([]byte{recordFormat})
	e.raw(ep.stamp[:])
	e.time(ep.revokedBefore)
	e.writers(ep.writers)
	return e.b
}
