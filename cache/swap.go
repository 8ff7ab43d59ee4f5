package cache

import (
	"context"
	"errors"
	"sync"
)

// A decision turns the settled account of a view into the next one. Returning
// the account it was given changes nothing; returning an account that holds
// neither session nor writer deletes it. It may run several times, each time
// on what is there by then, and must give the same answer for the same view.
type decision func(v view) (*Account, error)

// update runs decide on the account until its outcome is in the store, or
// until ctx ends. known, where given, spares the first load. It returns the
// account as it is afterwards.
//
// A swap whose outcome is not known is settled by deciding again: whatever is
// random in a decision was drawn before, so a change that landed is found to
// be there.
func (c *Cache) update(ctx context.Context, id AccountID, known *view, decide decision) (view, error) {
	if c.closed.Load() {
		return view{}, unavailable("change an account", errClosed)
	}
	leave, err := c.enter(ctx, id)
	if err != nil {
		return view{}, err
	}
	defer leave()
	return c.updateOn(ctx, c.backend, id, known, decide)
}

func (c *Cache) updateOn(ctx context.Context, b backend, id AccountID, known *view, decide decision) (v view, err error) {
	if known != nil {
		// A handler may have run for long since: what is decided now must not
		// count from then.
		v = *known
		v.now = max(v.now, b.now())
	} else if v, err = b.load(ctx, id); err != nil {
		return view{}, err
	}
	settled := NewID() // the lease, should the settling of the account change it
	retries := 0
	for {
		before := v.account
		v.account = settle(before, v.epoch, v.now, settled, c.rules)
		lapsed := c.lapsed(before, v)
		purged := v.account != before && v.account.lease == settled
		next, err := decide(v)
		if err != nil {
			return v, err
		}
		if next == v.account && !purged || next == nil && before == nil {
			return v, nil
		}
		if next = next.kept(); next != nil {
			if before == nil || next.lease != before.lease {
				// Drawn at each attempt: one that landed unseen must not come
				// back, or a read that began under it could fill.
				next.lease = NewID()
			}
			next.seal(NewID(), c.rules)
		}
		v.account = before
		w, ok, err := b.swap(ctx, id, v, next)
		if ok {
			c.tell(EventExpired, before.userKey(), lapsed)
			return w, nil
		}
		if err != nil {
			if w, err = again(ctx, err, &retries, func() (view, error) { return b.load(ctx, id) }); err != nil {
				return v, err
			}
		}
		v = w
	}
}

// lapsed returns the sessions of a that settling it to v has dropped because
// their time was over.
func (c *Cache) lapsed(a *Account, v view) (lapsed endings) {
	if a == v.account {
		return nil
	}
	for i := range a.sessions {
		if s := &a.sessions[i]; s.end(c.rules) <= v.now && !v.epoch.revoked(s) {
			lapsed = append(lapsed, s.handle)
		}
	}
	return lapsed
}

// expired tells of the sessions in an account that the store has forgotten.
func (c *Cache) expired(a *Account) {
	e := c.memory.epoch.Load()
	for i := range a.sessions {
		if s := &a.sessions[i]; !e.revoked(s) {
			c.event(Event{Name: EventExpired, UserKey: a.key, Session: s.handle})
		}
	}
}

// maxRetries bounds how often a swap of unknown outcome is decided again.
const maxRetries = 2

// again loads what is there after a swap that failed, unless there is no point.
func again(ctx context.Context, cause error, retries *int, load func() (view, error)) (view, error) {
	if ctx.Err() != nil || *retries >= maxRetries || errors.Is(cause, ErrFull) || errors.Is(cause, ErrBusy) {
		return view{}, cause
	}
	*retries++
	return load()
}

// updateEpoch runs decide on every copy of the epoch until it has landed on
// all of them: on all at once, but one decision at a time.
func (c *Cache) updateEpoch(ctx context.Context, decide func(e *Epoch, now Time) *Epoch) error {
	if c.closed.Load() {
		return unavailable("change the epoch", errClosed)
	}
	return c.updateCopies(ctx, c.backend, decide)
}

func (c *Cache) updateCopies(ctx context.Context, b backend, decide func(e *Epoch, now Time) *Epoch) error {
	n := b.epochs()
	if n == 1 {
		return c.updateCopy(ctx, b, 0, decide)
	}
	var mu sync.Mutex
	alone := func(e *Epoch, now Time) *Epoch {
		mu.Lock()
		defer mu.Unlock()
		return decide(e, now)
	}
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = c.updateCopy(ctx, b, i, alone) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Cache) updateCopy(ctx context.Context, b backend, i int, decide func(e *Epoch, now Time) *Epoch) error {
	load := func() (view, error) { return b.loadEpoch(ctx, i) }
	v, err := load()
	if err != nil {
		return err
	}
	retries := 0
	for {
		next := decide(v.epoch, v.now)
		if next == v.epoch {
			return nil
		}
		if v.epoch == nil || next.stamp != v.epoch.stamp {
			next.stamp = NewID() // as an account's lease
		}
		next.version = NewID()
		next.expires = c.epochExpiry(v.now)
		w, ok, err := b.swapEpoch(ctx, i, v, next)
		if ok {
			return nil
		}
		if err != nil {
			if w, err = again(ctx, err, &retries, load); err != nil {
				return err
			}
		}
		v = w
	}
}

// epochExpiry keeps an epoch for as long as the longest session, since it may
// hold the moment before which everyone's sessions were ended.
func (c *Cache) epochExpiry(now Time) Time {
	return now.Add(max(c.rules.AbsoluteTimeout, MaxLifetime))
}

// queues make the writers of one account on this node take turns, first come
// first served, so that none starves under any number of others and a store
// outside the process does not see them fight.
type queues [256]chan struct{}

func newQueues() *queues {
	q := new(queues)
	for i := range q {
		q[i] = make(chan struct{}, 1)
	}
	return q
}

// enter waits for this writer's turn and returns what ends it.
func (c *Cache) enter(ctx context.Context, id AccountID) (leave func(), err error) {
	turn := c.queues[id[0]]
	select {
	case turn <- struct{}{}:
	default:
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return nil, unavailable("wait for a turn to change an account", ctx.Err())
		}
	}
	return func() { <-turn }, nil
}
