package cache

import "encoding/binary"

// A decoder reads what an encoder wrote. After the first fault every further
// read returns zero values and err stays set, so callers check once.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) fail() { d.failed, d.b = true, nil }

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.fail()
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

// varint reads a number, and refuses one that is written longer than need be:
// a record has one encoding only.
func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || n > 1 && d.b[n-1] == 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) time() Time {
	v, n := binary.Varint(d.b)
	if n <= 0 || n > 1 && d.b[n-1] == 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return Time(v)
}

func (d *decoder) id() (id ID)  { copy(id[:], d.take(len(id))); return id }
func (d *decoder) hash() Hash   { var h Hash; copy(h[:], d.take(len(h))); return h }
func (d *decoder) text() string { return string(d.take(d.length())) }

func (d *decoder) byte() byte {
	if b := d.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *decoder) flag() bool {
	b := d.byte()
	if b > 1 {
		d.fail()
	}
	return b == 1
}

// length reads the size of something of at least a byte each that follows.
func (d *decoder) length() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) writers() []Writer {
	n := d.length()
	if n > maxWriters || n == 0 {
		if n > 0 {
			d.fail()
		}
		return nil
	}
	ws := make([]Writer, n)
	for i := range ws {
		ws[i] = Writer{id: d.id(), deadline: d.time()}
	}
	return ws
}

// decodeAccount reads what encodeAccount wrote, and the user's bytes, which
// share b's memory. Anything else is errCorrupt.
func decodeAccount(b []byte) (a *Account, user []byte, err error) {
	d := &decoder{b: b}
	if d.byte() != recordFormat {
		return nil, nil, errCorrupt
	}
	space := Space{Namespace: d.text()}
	tenant := d.text()
	space.Table, space.Type = d.text(), d.text()
	a = &Account{space: &space, tenant: tenant, key: d.text()}
	a.lease, a.stamp, a.readAt = d.id(), d.id(), d.time()
	a.wholeAt = a.readAt - d.time()
	has := d.flag()
	user = d.take(d.length())
	if !has {
		if len(user) > 0 {
			d.fail()
		}
		user = nil
	}
	a.writers = d.writers()
	n := d.length()
	for range n {
		if d.failed {
			break
		}
		a.sessions = append(a.sessions, d.session())
	}
	if d.failed || len(d.b) > 0 {
		return nil, nil, errCorrupt
	}
	a.index = newTokenIndex(a.sessions)
	return a, user, nil
}

func (d *decoder) session() (s Session) {
	copy(s.handle[:], d.take(len(s.handle)))
	s.transport = Transport(d.byte())
	s.regenerate, s.remembered, s.resumed = d.flag(), d.flag(), d.flag()
	s.hash = d.hash()
	s.created, s.renewed, s.signedIn, s.ends = d.time(), d.time(), d.time(), d.time()
	if d.flag() {
		s.pending = &pending{hash: d.hash(), salt: d.hash(), madeAt: d.time()}
	}
	if d.flag() {
		s.renewal = d.renewal()
	}
	if n := d.length(); n > maxRetired {
		d.fail()
	} else if n > 0 {
		s.retired = make([]retired, n)
		for i := range s.retired {
			s.retired[i] = retired{hash: d.hash(), until: d.time(), synced: d.flag()}
		}
	}
	if n := d.length(); n > MaxMethods {
		d.fail()
	} else if n > 0 {
		s.methods = make([]string, n)
		for i := range s.methods {
			s.methods[i] = d.text()
		}
	}
	if n := d.length(); n > maxMetadata {
		d.fail()
	} else if n > 0 {
		s.metadata = make([]Pair, n)
		for i := range s.metadata {
			s.metadata[i] = Pair{d.text(), d.text()}
		}
	}
	return s
}

func (d *decoder) renewal() *renewal {
	n := &renewal{hash: d.hash()}
	count := d.length()
	if count < 1 || count > maxFamilies {
		d.fail()
		return n
	}
	n.families = make([]Hash, count)
	for i := range n.families {
		n.families[i] = d.hash()
	}
	if d.flag() {
		n.repeat = &repeat{hash: d.hash(), salt: d.hash(), until: d.time()}
	}
	return n
}

func decodeEpoch(b []byte) (*Epoch, error) {
	d := &decoder{b: b}
	if d.byte() != recordFormat {
		return nil, errCorrupt
	}
	e := &Epoch{stamp: d.id(), revokedBefore: d.time(), writers: d.writers()}
	if d.failed || len(d.b) > 0 {
		return nil, errCorrupt
	}
	return e, nil
}
