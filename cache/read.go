package cache

import (
	"context"
	"time"
)

// A reading is what one read of a user's row brought.
type reading struct {
	user   any   // nil where the user may not be signed in
	readAt Time  // the store's time before the read
	filled bool  // the cached copy is this one now
	barred bool  // a change of the row was under way, so there is no cached copy
	ended  bool  // the user is gone, and the sessions that knew them are ended
	landed bool  // the swap that was to apply the reading is in the store
	failed error // what kept it out
	after  view  // where it landed, what is there since
}

// find reads the row and judges it: a user who does not exist or is not active
// is nil. A row of another user is an error and is never served.
func (c *Cache) find(ctx context.Context, key string) (user any, err error) {
	var found bool
	err = c.users.call(ctx, func(ctx context.Context) (err error) {
		user, found, err = c.source.Find(ctx, key)
		return err
	})
	switch {
	case err != nil:
		return nil, sourceError{unavailable("read a user", err)}
	case !found:
		c.event(Event{Name: EventInactive, UserKey: key})
		return nil, nil
	case c.keyOf(user) != key:
		c.event(Event{Name: EventKeyMismatch, UserKey: key})
		return nil, ErrWrongUser
	case !c.active(user):
		c.event(Event{Name: EventInactive, UserKey: key})
		return nil, nil
	}
	return user, nil
}

// unchanged reports whether the cached user may be cached anew under p, since they
// have the row's version. Once in RenewAfter the whole row is read all the same:
// somebody may change it and leave its version. Where it cannot be told here the
// row is read, and its error is the answer.
func (c *Cache) unchanged(ctx context.Context, key string, v *view, p *permit) (same bool) {
	a := v.account
	if c.versioned == nil || !p.granted() || a.user == nil || a.outdated(v.epoch) ||
		v.now.Sub(a.wholeAt) > c.rules.RenewAfter || !c.active(a.user) {
		return false
	}
	err := c.users.call(ctx, func(ctx context.Context) (err error) {
		same, err = c.versioned.Unchanged(ctx, key, a.user)
		return err
	})
	if same = same && err == nil; same {
		c.counters.checks.Add(1)
	}
	return same
}

// findAlone is find for a read that nobody joins. It too has a deadline of its
// own, and a panic in the app's code is an error.
func (c *Cache) findAlone(ctx context.Context, key string) (any, error) {
	r, err := c.flights.alone(ctx, func(ctx context.Context) (r reading, err error) {
		r.user, err = c.find(ctx, key)
		return r, err
	})
	return r.user, err
}

// prepare makes a read possible that may fill: the epoch is there, and writers
// past their deadline are forgotten, which changes the lease.
func (c *Cache) prepare(ctx context.Context, id AccountID, v view) (view, error) {
	if v.epoch == nil || len(v.epoch.writers) > 0 && !hasLiveWriter(v.epoch.writers, v.now) {
		stamp := NewID()
		if err := c.updateEpoch(ctx, func(e *Epoch, now Time) *Epoch {
			return settleEpoch(e, now, stamp)
		}); err != nil {
			return v, err
		}
		var err error
		if v, err = c.backend.load(ctx, id); err != nil {
			return v, err
		}
	}
	if a := v.account; a != nil && len(a.writers) > 0 && !hasLiveWriter(a.writers, v.now) {
		return c.update(ctx, id, &v, func(v view) (*Account, error) { return v.account, nil })
	}
	return v, nil
}

// A toRead says what a read is for.
type toRead struct {
	fill  bool // what it brings is cached
	check bool // a cached user will do whose version is the row's
	// also, where given, runs in the same swap.
	also func(*Account, Time) *Account
}

// read reads the row under v's lease and applies what it found: a user fills
// the cache, where that is asked for, and one who is gone loses the sessions
// that v held.
func (c *Cache) read(ctx context.Context, id AccountID, key string, v view, in toRead) (r reading, err error) {
	fill, also := in.fill, in.also
	p := permitFill(v.account, v.epoch, v.now)
	r.readAt, r.barred = v.now, !p.granted()
	if in.check && c.unchanged(ctx, key, &v, &p) {
		r.user, p.wholeAt = v.account.user, v.account.wholeAt
	} else if r.user, err = c.find(ctx, key); err != nil {
		return r, err
	}
	gone := r.user == nil
	if !gone && !fill && also == nil || !p.granted() && also == nil {
		return r, nil
	}
	var held []Handle
	if gone {
		held = v.account.handles()
	}
	lease := NewID()
	r.after, err = c.update(ctx, id, &v, func(v view) (*Account, error) {
		next := v.account
		r.filled, r.ended = false, false
		switch {
		case gone:
			next = endGone(next, v.epoch, p, held, lease)
			r.ended = next != v.account
			return next, nil
		case fill:
			next = fillUser(next, v.epoch, p, r.user, lease)
			r.filled = next != v.account
		}
		if also != nil && next != nil {
			next = also(next, v.now)
		}
		return next, nil
	})
	r.landed, r.failed = err == nil, err
	if gone {
		return r, err
	}
	return r, nil // the user was read; a fill that failed costs another read, no more
}

// Newest reads the user as they are in the database, by a read that begins
// after this call. With fill the copy replaces the cached one. The user is nil
// where they are gone or not active: then ended tells whether their sessions
// are ended, as they are unless a change of the row was under way.
func (c *Cache) Newest(ctx context.Context, x *Access, fill bool) (Fresh, error) {
	return c.reload(ctx, x, newestKey{account: x.token.account, fill: fill})
}

// Checked is Newest with fill, but that a cached user will do who has the row's
// version, where the source tells it.
func (c *Cache) Checked(ctx context.Context, x *Access) (Fresh, error) {
	return c.reload(ctx, x, newestKey{account: x.token.account, fill: true, check: c.versioned != nil})
}

func (c *Cache) reload(ctx context.Context, x *Access, kind newestKey) (Fresh, error) {
	c.counters.reloads.Add(1)
	f, err := c.newest(ctx, x, kind)
	if f.User != nil {
		c.counters.served(c.Age(f.ReadAt))
	}
	return f, err
}

func (c *Cache) newest(ctx context.Context, x *Access, kind newestKey) (Fresh, error) {
	id, key, fill := kind.account, x.UserKey(), kind.fill
	r, err := c.flights.shareNewest(ctx, kind, func(ctx context.Context) (reading, error) {
		for attempt := 0; ; attempt++ {
			v, err := c.backend.load(ctx, id)
			if err == nil {
				v, err = c.prepare(ctx, id, v)
			}
			if err != nil {
				return reading{}, err
			}
			r, err := c.read(ctx, id, key, v, toRead{fill: fill, check: kind.check})
			if err != nil || !fill || kind.once || r.filled || r.barred || r.user == nil {
				return r, err
			}
			if attempt > 0 {
				// Somebody changes the row as fast as it is read. Drop the copy,
				// which may be older than what this request has seen.
				return r, c.drop(ctx, id)
			}
		}
	})
	return Fresh{User: r.user, ReadAt: r.readAt, Ended: r.ended}, err
}

// Fresh is a user as a read brought them.
type Fresh struct {
	User   any  // nil: gone or not active
	ReadAt Time // the store's time before the read
	Ended  bool // the user is gone, and their sessions are ended
}

// Age returns how old a copy is that was read at readAt.
func (c *Cache) Age(readAt Time) time.Duration { return max(0, c.backend.now().Sub(readAt)) }

// drop forgets the cached user of an account, if there is one.
func (c *Cache) drop(ctx context.Context, id AccountID) error {
	lease := NewID()
	_, err := c.update(ctx, id, nil, func(v view) (*Account, error) {
		return dropUser(v.account, lease), nil
	})
	return err
}
