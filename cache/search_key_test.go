package cache

// A keyWriter writes down a state so that states which behave alike are
// written alike: ids are replaced by the order of their first appearance, and
// what no step will look at again is left out.
type keyWriter struct {
	b   []byte
	ids [32]Hash
	n   int
}

func (k *keyWriter) byte(n int) { k.b = append(k.b, byte(n)) }

func (k *keyWriter) flag(f bool) {
	if f {
		k.byte(1)
	} else {
		k.byte(0)
	}
}

// countedMark is the first byte of ids that a test counts instead of drawing
// them. Which number they are tells states apart.
const countedMark = 0xc0

func (k *keyWriter) id(id ID) {
	switch {
	case id == ID{}:
		k.byte(0)
	case id[0] == countedMark:
		k.byte(countedMark | int(id[15]))
	default:
		var h Hash
		copy(h[:], id[:])
		k.hash(h)
	}
}

func (k *keyWriter) hash(h Hash) {
	for i := range k.ids[:k.n] {
		if k.ids[i] == h {
			k.byte(i + 1)
			return
		}
	}
	k.ids[k.n] = h
	k.n++
	k.byte(k.n)
}

func (k *keyWriter) time(t Time) { k.byte(int(t / Time(tick))) }

func (k *keyWriter) writers(ws []Writer) {
	k.byte(len(ws))
	for _, w := range ws {
		k.byte(int(w.id[15]))
		k.time(w.deadline)
	}
}

func (k *keyWriter) account(a *Account) {
	k.flag(a != nil)
	if a == nil {
		return
	}
	if a.version[0] == countedMark {
		k.id(a.version)
	}
	k.id(a.lease)
	if a.user == nil {
		k.byte(0)
	} else {
		k.byte(a.user.(int))
		k.id(a.stamp)
	}
	k.writers(a.writers)
	k.byte(len(a.sessions))
	for i := range a.sessions {
		k.byte(int(a.sessions[i].handle[0]))
	}
}

func (k *keyWriter) epoch(e *Epoch) {
	k.flag(e != nil)
	if e != nil {
		k.id(e.stamp)
		k.writers(e.writers)
	}
}

// view leaves out the account where it is the one that is stored.
func (k *keyWriter) view(v *view, stored *Account) {
	same := v.account == stored
	k.flag(same)
	if !same {
		k.account(v.account)
	}
	k.epoch(v.epoch)
	k.time(v.now)
}

func (m *model) key(b []byte, w *world) []byte {
	k := keyWriter{b: b}
	stored := w.load().account
	k.account(stored)
	k.epoch(w.epoch)
	k.time(w.now)
	k.byte(w.row)
	k.byte(w.floor)
	k.byte(w.left.ticks | w.left.signOuts<<2 | w.left.evictions<<4 | w.left.lostEpochs<<6)
	for i := range w.actors {
		k.actor(&w.actors[i], stored)
		if m.leaseDrawnOnce {
			k.id(w.actors[i].lease)
		}
		k.flag(w.awaited(i))
		if w.awaited(i) {
			k.byte(w.actors[i].saw)
		}
	}
	return k.b
}

// awaited reports whether others wait for what the i-th actor reads.
func (w *world) awaited(i int) bool {
	for j := range w.actors {
		if w.actors[j].at == atWaiting && w.actors[j].joined == i {
			return true
		}
	}
	return false
}

func (k *keyWriter) actor(a *actor, stored *Account) {
	k.byte(int(a.does))
	k.byte(int(a.at))
	k.flag(a.again)
	k.flag(a.unknown)
	if a.unknown || a.at == atCommitting {
		k.time(a.deadline)
	}
	switch a.at {
	case atConcluding, atDropping, atGivingUp:
		k.byte(a.saw)
		k.flag(a.lease != ID{})
	case atEpochBare, atEpochReady:
		k.byte(a.floor)
	case atReturning:
		k.byte(a.saw)
		k.id(a.permit.lease)
		k.id(a.permit.stamp)
	case atWaiting:
		k.byte(a.floor)
		k.byte(a.joined)
	case atPurging:
		k.byte(a.floor)
		k.view(&a.view, stored)
	case atSharing, atReading, atFilling, atEnding, atLanding:
		k.byte(a.floor)
		k.byte(a.saw)
		k.view(&a.view, stored)
		k.id(a.permit.lease)
		k.id(a.permit.stamp)
		k.byte(len(a.held))
	}
}
