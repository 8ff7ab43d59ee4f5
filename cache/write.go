package cache

import "context"

// A Write announces changes of users before they are committed, and concludes
// them afterwards. In between readers go to the database and fill nothing, so
// no request ever finds the old user in the cache once the change is visible.
// A Write that is never concluded is forgotten WriterDeadline after its Begin:
// until then a COMMIT whose outcome is not known may still happen.
type Write struct {
	cache  *Cache
	tenant string
	keys   []string
	all    bool
	id     ID
}

// MaxWriteKeys is how many users one Write names before it stands for all.
const MaxWriteKeys = 100

// NewWrite returns a Write of these users, or of all users where keys is empty
// or names more than 100.
func (c *Cache) NewWrite(tenant string, keys ...string) *Write {
	w := &Write{cache: c, tenant: tenant, keys: keys, id: NewID()}
	w.all = len(keys) == 0 || len(keys) > MaxWriteKeys
	return w
}

// InTx makes the announcement a part of the change's own transaction, where the
// store wants it so, and reports whether it did. The cached users go when tx is
// committed, and stay when it is not: nothing is in flight then, and neither
// Begin nor End is to be called. tx is what the store's InTx takes.
func (w *Write) InTx(ctx context.Context, tx any) (bool, error) {
	store, ok := w.cache.store.(TxStore)
	if !ok {
		return false, nil
	}
	inner, ok := store.InTx(tx)
	if !ok {
		return false, nil
	}
	b := w.cache.backend.(*storeBackend).on(inner)
	if w.all {
		fresh := NewID()
		return true, w.cache.updateCopies(ctx, b, func(e *Epoch, now Time) *Epoch {
			return endAll(e, now, fresh, w.id)
		})
	}
	for _, key := range w.keys {
		lease := NewID()
		// It takes no turn: who has it may be waiting for this transaction.
		if _, err := w.cache.updateOn(ctx, b, w.cache.space.account(w.tenant, key), nil, func(v view) (*Account, error) {
			return dropUser(v.account, lease), nil
		}); err != nil {
			return true, err
		}
	}
	return true, nil
}

// Begin announces the change, or announces it again with a new deadline. After
// an error the change must not be committed.
func (w *Write) Begin(ctx context.Context) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	w.cache.counters.writers.begin(w.id)
	return nil
}

func (w *Write) begin(ctx context.Context) error {
	fresh := NewID()
	if w.all {
		return w.cache.updateEpoch(ctx, func(e *Epoch, now Time) *Epoch {
			return beginAll(e, now, fresh, Writer{w.id, now.Add(WriterDeadline)})
		})
	}
	for _, key := range w.keys {
		create := w.cache.creator(w.tenant, key, fresh)
		if _, err := w.cache.update(ctx, w.cache.space.account(w.tenant, key), nil, func(v view) (*Account, error) {
			return beginWrite(v.account, create, fresh, Writer{w.id, v.now.Add(WriterDeadline)}), nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// End concludes the change, once it is committed or definitely rolled back. It
// must not be called where the outcome is not known. An error means that some
// readers stay on the database until the deadline, and nothing worse.
func (w *Write) End(ctx context.Context) error {
	if err := w.end(ctx); err != nil {
		return err
	}
	w.cache.counters.writers.end(w.id)
	return nil
}

func (w *Write) end(ctx context.Context) error {
	fresh := NewID()
	if w.all {
		return w.cache.updateEpoch(ctx, func(e *Epoch, now Time) *Epoch {
			return endAll(e, now, fresh, w.id)
		})
	}
	var failed error
	for _, key := range w.keys {
		if _, err := w.cache.update(ctx, w.cache.space.account(w.tenant, key), nil, func(v view) (*Account, error) {
			return endWrite(v.account, fresh, w.id), nil
		}); err != nil {
			failed = err
		}
	}
	return failed
}
