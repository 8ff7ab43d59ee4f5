package redisstore

import (
	"strings"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
)

// A bench is a local tier without servers: its test says what they answer.
type bench struct {
	*testing.T
	*local
	space *space
}

var accountID = cache.AccountID{0: 7, 1: 9}

func newBench(t *testing.T) *bench {
	t.Helper()
	c := &clock{start: time.Now()}
	c.answer(c.mono(), time.Now().UnixMicro())
	sp := newSpace("test", "hash")
	l := newLocal(c, 100, 1<<20, func(f func(*space)) { f(sp) })
	l.believe(1 << 62)
	return &bench{t, l, sp}
}

// answer returns what a server says that has these versions, 0 for an absent
// record.
func (b *bench) answer(account, epoch byte) *cache.Loaded {
	now := b.clock.now()
	l := &cache.Loaded{Now: now}
	if account != 0 {
		l.Record = cache.Record{Version: cache.ID{account}, Expires: now.Add(time.Hour), Data: []byte("data")}
	}
	if epoch != 0 {
		l.Epoch = cache.Record{Version: cache.ID{epoch}, Expires: now.Add(time.Hour)}
	}
	return l
}

// keep does what a load does when its answer is there.
func (b *bench) keepAnswer(begun beginning, l *cache.Loaded) {
	if b.wants(begun, l) {
		b.local.keep(begun, l)
	}
}

// want checks what is held, 0 for nothing.
func (b *bench) want(what string, account, epoch byte) {
	b.Helper()
	l, ok := b.local.load(b.space, accountID)
	if ok != (account != 0) || l.Record.Version != (cache.ID{account}) || l.Epoch.Version != (cache.ID{epoch}) {
		b.Errorf("%s it holds versions %x and %x, %v; want %x and %x", what, l.Record.Version[0], l.Epoch.Version[0], ok, account, epoch)
	}
}

func TestOnlyWhatIsThereIsHeld(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.keepAnswer(b.begin(b.space, accountID), b.answer(0, 1))
	b.want("after an absent account", 0, 0)
	b.keepAnswer(b.begin(b.space, accountID), b.answer(1, 0))
	b.want("after an account without an epoch", 1, 0)
	b.keepAnswer(b.begin(b.space, epochID(1)), b.answer(2, 2))
	b.want("after a load of the epoch itself", 1, 0)
}

// An answer that was on its way when something changed is from before it.
func TestAnswersOnTheirWayAreNotHeld(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*bench){
		"its account changed":         func(b *bench) { b.forget(b.space, accountID) },
		"its epoch changed":           func(b *bench) { b.forget(b.space, epochID(shardOf(accountID))) },
		"a connection came or went":   func(b *bench) { b.clear() },
		"the servers were not heard":  func(b *bench) { b.believe(0) },
		"what was heard was long ago": func(b *bench) { b.believe(b.clock.mono()) },
	} {
		b := newBench(t)
		begun := b.begin(b.space, accountID)
		change(b)
		b.keepAnswer(begun, b.answer(1, 1))
		b.believe(1 << 62)
		b.want("where "+what+" meanwhile", 0, 0)
		b.keepAnswer(b.begin(b.space, accountID), b.answer(2, 2))
		b.want("after the next answer", 2, 2)
		change(b)
		b.want("once "+what, 0, 0)
	}
}

func TestChangesElsewhereDropNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	other := newSpace("test", "other")
	begun := b.begin(b.space, accountID)
	elsewhere := func() {
		b.forget(b.space, cache.AccountID{0: accountID[0], 1: accountID[1] + 1})
		b.forget(b.space, cache.AccountID{0: accountID[0] + 4, 1: accountID[1]})
		b.forget(b.space, epochID(shardOf(accountID)+1))
		b.forget(other, epochID(shardOf(accountID)))
	}
	elsewhere()
	b.keepAnswer(begun, b.answer(1, 1))
	b.want("where others changed", 1, 1)
	elsewhere()
	b.forget(other, accountID)
	b.want("where others changed since", 1, 1)
}

// Of two answers that crossed there is no telling which is the newer.
func TestAnswersThatCrossAreNotHeld(t *testing.T) {
	t.Parallel()
	for what, second := range map[string][2]byte{"another account": {2, 1}, "another epoch": {1, 2}} {
		b := newBench(t)
		early, late := b.begin(b.space, accountID), b.begin(b.space, accountID)
		b.keepAnswer(late, b.answer(1, 1))
		b.want("after the first", 1, 1)
		b.keepAnswer(early, b.answer(second[0], second[1]))
		b.want("after "+what, 0, 0)
		b.keepAnswer(b.begin(b.space, accountID), b.answer(3, 3))
		b.want("after the next", 3, 3)
	}
}

func TestNothingIsBelievedForLong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.keepAnswer(b.begin(b.space, accountID), b.answer(1, 1))
	b.believe(b.clock.mono() + 1)
	for b.clock.mono() < b.believed.Load() {
	}
	b.want("when its time is over", 0, 0)
	b.believe(1 << 62)
	b.want("after another sign of life", 1, 1)
}

// Whoever is asked for often stays when those make room that are not.
func TestUsedRecordsAreSpared(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.keepAnswer(b.begin(b.space, accountID), b.answer(1, 1))
	for i := range 20 * b.most {
		b.want("beside others", 1, 1)
		other := cache.AccountID{0: accountID[0], 1: accountID[1], 2: 1, 3: byte(i), 4: byte(i >> 8)}
		b.keepAnswer(b.begin(b.space, other), b.answer(1, 1))
		if n := len(b.stripe(other).held); n > b.most {
			b.Fatalf("a stripe holds %d records; want at most %d", n, b.most)
		}
	}
}

func TestHeldBytesAreCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range 1000 {
		id := cache.AccountID{0: byte(i), 1: byte(i), 2: byte(i >> 8)}
		l := b.answer(byte(1+i%200), 1)
		l.Record.Data = []byte(strings.Repeat("x", i%700))
		b.keepAnswer(b.begin(b.space, id), l)
		if i%3 == 0 {
			b.forget(b.space, id)
		}
	}
	for i := range b.stripes {
		st := &b.stripes[i]
		bytes, n := 0, 0
		for h := st.line.next; h != &st.line; h = h.next {
			bytes, n = bytes+overhead+len(h.record.Data), n+1
			if st.held[h.place] != h {
				t.Errorf("stripe %d has in line what it does not hold", i)
			}
		}
		if bytes != st.bytes || n != len(st.held) || n > b.most || bytes > b.bytes {
			t.Errorf("stripe %d holds %d records, has %d in line with %d bytes and counts %d; want at most %d and %d",
				i, len(st.held), n, bytes, st.bytes, b.most, b.bytes)
		}
	}
}
