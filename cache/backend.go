package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
)

// A backend is what the swap loop runs on: the in-process store's decoded
// accounts, or any Store through the record's encoding.
type backend interface {
	now() Time // the store's, as far as this node knows without asking
	load(ctx context.Context, id AccountID) (view, error)
	// loadNear is load from what the store keeps in this process, where it does;
	// near then tells that others may have changed it since.
	loadNear(ctx context.Context, id AccountID) (v view, near bool, err error)
	// known returns the account and the epoch as this node knows them without
	// asking, and false where it does not.
	known(id AccountID) (*Account, *Epoch, bool)
	swap(ctx context.Context, id AccountID, old view, next *Account) (view, bool, error)
	room() error // ErrFull where one account more would not fit
	epochs() int
	loadEpoch(ctx context.Context, copy int) (view, error)
	swapEpoch(ctx context.Context, copy int, old view, next *Epoch) (view, bool, error)
	watch(w *Watch) // has it woken when its account, or the epoch, may have changed
	unwatch(w *Watch)
	close()
}

// A view is an account and the epoch at one moment of the store's time. The
// versions are those of the store's records, which may be there although their
// bytes cannot be read and the account or epoch counts as absent.
type view struct {
	account      *Account
	epoch        *Epoch
	now          Time
	version      ID
	epochVersion ID
}

// unavailable wraps a store's error, so that callers need to know one only.
func unavailable(what string, err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrUnavailable, what, err)
}

// storeBackend runs on a Store's bytes.
type storeBackend struct {
	store Store
	name  string // of the space
	space *Space
	codec Codec // nil: users are not kept
	keyOf func(user any) string
	keys  []Key // of the epoch's copies
	event func(Event)
	near  NearStore // the store, where it is one; else nil
	memo  *memo
	epoch atomic.Pointer[Epoch] // as it was seen last, nil for never

	watchers watchers
	poller   *poller // nil on another view of the same records

	health health
	clock  clock
	offset atomic.Int64 // of the store's time to clock's, as of the last load
}

func newStoreBackend(store Store, space *Space, codec Codec, keyOf func(any) string, event func(Event), failures *atomic.Uint64) *storeBackend {
	name := space.Name()
	near, _ := store.(NearStore)
	b := &storeBackend{
		near: near, memo: new(memo),
		store: store, name: name, space: space, codec: codec, keyOf: keyOf,
		keys: store.Epochs(name), event: event, clock: newClock(),
		health: health{down: EventStoreDown, up: EventStoreUp, failures: failures, event: event},
	}
	b.poller = newPoller(b)
	return b
}

// on returns the backend on another view of the same records. What goes wrong
// there says nothing of the store.
func (b *storeBackend) on(store Store) *storeBackend {
	return &storeBackend{
		store: store, name: b.name, space: b.space, codec: b.codec, keyOf: b.keyOf, keys: b.keys,
		event: b.event, memo: b.memo, clock: b.clock,
		health: health{failures: new(atomic.Uint64), event: func(Event) {}},
	}
}

func (b *storeBackend) now() Time { return b.clock.now() + Time(b.offset.Load()) }

func (b *storeBackend) load(ctx context.Context, id AccountID) (view, error) {
	var l Loaded
	before := b.memo.place(id).Load()
	err := b.health.call(ctx, func(ctx context.Context) (err error) {
		l, err = b.store.Load(ctx, Key{b.name, id})
		return err
	})
	if err != nil {
		return view{}, unavailable("load an account", err)
	}
	return b.view(before, id, l)
}

func (b *storeBackend) loadNear(ctx context.Context, id AccountID) (view, bool, error) {
	if b.near != nil {
		before := b.memo.place(id).Load()
		if l, ok := b.near.LoadNear(Key{b.name, id}); ok {
			v, err := b.view(before, id, l)
			return v, true, err
		}
	}
	v, err := b.load(ctx, id)
	return v, false, err
}

func (b *storeBackend) known(id AccountID) (*Account, *Epoch, bool) {
	if e := b.memo.find(id); e != nil {
		return e.account, b.epoch.Load(), true
	}
	return nil, nil, false
}

// view decodes what was loaded. A broken record, or one of another version,
// is absent; a record of somebody else under this id is an error.
//
// before is what was remembered in the account's place before it was loaded.
func (b *storeBackend) view(before *memoEntry, id AccountID, l Loaded) (view, error) {
	b.offset.Store(int64(l.Now - b.clock.now()))
	v := view{now: l.Now, version: l.Record.Version, epochVersion: l.Epoch.Version}
	if v.epochVersion != (ID{}) {
		v.epoch, _ = b.decodeEpoch(l.Epoch)
	}
	if v.version == (ID{}) || b.isEpoch(id) {
		return v, nil
	}
	if v.account = b.memo.of(id, &l.Record); v.account != nil {
		return v, nil
	}
	a, user, err := decodeAccount(l.Record.Data)
	if err != nil {
		b.event(Event{Name: EventCorruptRecord})
		return v, nil //nolint:nilerr // a record that cannot be read is absent
	}
	if *a.space != *b.space || b.space.account(a.tenant, a.key) != id {
		b.event(Event{Name: EventKeyMismatch})
		return view{}, ErrWrongUser
	}
	a.space, a.version, a.expires = b.space, l.Record.Version, l.Record.Expires
	if user != nil && b.codec != nil {
		// A user of another shape is read again, like one that is not cached.
		if u, err := b.codec.Decode(user); err == nil {
			a.user = u
		}
	}
	if a.user != nil && b.keyOf(a.user) != a.key {
		b.event(Event{Name: EventKeyMismatch, UserKey: a.key})
		return view{}, ErrWrongUser
	}
	v.account = a
	b.memo.keep(before, id, &l.Record, a)
	return v, nil
}

// isEpoch reports whether id is that of an epoch record, which is no account's.
// A token may name any id.
func (b *storeBackend) isEpoch(id AccountID) bool {
	return slices.ContainsFunc(b.keys, func(k Key) bool { return k.ID == id })
}

func (b *storeBackend) decodeEpoch(r Record) (*Epoch, error) {
	e, err := decodeEpoch(r.Data)
	if err != nil {
		b.event(Event{Name: EventCorruptRecord})
		return nil, err
	}
	e.version, e.expires = r.Version, r.Expires
	b.epoch.Store(e)
	return e, nil
}

func (b *storeBackend) swap(ctx context.Context, id AccountID, old view, next *Account) (view, bool, error) {
	var r Record
	written := next
	if next != nil {
		r = Record{Version: next.version, Expires: next.expires}
		r.Data, written = b.encode(next)
	}
	var l Loaded
	var ok bool
	before := b.memo.place(id).Load()
	err := b.health.call(ctx, func(ctx context.Context) (err error) {
		l, ok, err = b.store.Swap(ctx, Key{b.name, id}, old.version, r)
		return err
	})
	if err != nil {
		return old, false, unavailable("change an account", err)
	}
	if ok {
		b.memo.put(id, &r, written)
		b.watchers.wake(id)
		old.account, old.version = next, r.Version
		return old, true, nil
	}
	v, err := b.view(before, id, l)
	return v, false, err
}

// encode returns the account's bytes, and the account as they have it. A user
// that the codec refuses, or that does not fit, is left out and will be read
// again.
func (b *storeBackend) encode(a *Account) ([]byte, *Account) {
	if a.user == nil {
		return encodeAccount(a, nil), a
	}
	if b.codec != nil {
		user, err := b.codec.Encode(a.user)
		if err == nil {
			if data := encodeAccount(a, user); len(data) <= maxEncoded {
				return data, a
			}
		}
		b.event(Event{Name: EventTooLarge, UserKey: a.key})
	}
	bare := *a
	bare.user = nil
	return encodeAccount(&bare, nil), &bare
}

// room returns nil: a Store tells only at a Swap that it is full.
func (b *storeBackend) room() error { return nil }

func (b *storeBackend) epochs() int { return len(b.keys) }

func (b *storeBackend) loadEpoch(ctx context.Context, i int) (view, error) {
	var l Loaded
	err := b.health.call(ctx, func(ctx context.Context) (err error) {
		l, err = b.store.Load(ctx, b.keys[i])
		return err
	})
	if err != nil {
		return view{}, unavailable("load the epoch", err)
	}
	return b.epochView(l), nil
}

func (b *storeBackend) epochView(l Loaded) view {
	v := view{now: l.Now, epochVersion: l.Record.Version}
	if v.epochVersion != (ID{}) {
		v.epoch, _ = b.decodeEpoch(l.Record)
	}
	return v
}

func (b *storeBackend) swapEpoch(ctx context.Context, i int, old view, next *Epoch) (view, bool, error) {
	r := Record{Version: next.version, Data: encodeEpoch(next), Expires: next.expires}
	var l Loaded
	var ok bool
	err := b.health.call(ctx, func(ctx context.Context) (err error) {
		l, ok, err = b.store.Swap(ctx, b.keys[i], old.epochVersion, r)
		return err
	})
	if err != nil {
		return old, false, unavailable("change the epoch", err)
	}
	if ok {
		b.epoch.Store(next)
		b.watchers.wakeAll()
		old.epoch, old.epochVersion = next, next.version
		return old, true, nil
	}
	return b.epochView(l), false, nil
}

func (b *storeBackend) watch(w *Watch) {
	b.watchers.add(w)
	b.poller.start()
}

func (b *storeBackend) unwatch(w *Watch) {
	if b.watchers.remove(w) {
		b.poller.leave()
	}
}

func (b *storeBackend) close() {
	b.poller.close()
	b.watchers.wakeAll()
}
