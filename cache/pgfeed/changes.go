package pgfeed

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxPending is how many keys wait for the cache; more than that stand for all.
const maxPending = 1000

// tellWithin is how long the cache may take.
const tellWithin = 5 * time.Second

// changes are what the cache is still to be told.
type changes struct {
	wake chan struct{} // holds one value while there is something

	mu   *sync.Mutex
	keys map[string]struct{} // guarded by mu
	all  bool                // guarded by mu: all users, so that keys is empty
	owed bool                // guarded by mu: until all users have been invalidated, the cache is behind
}

func newChanges() changes {
	return changes{wake: make(chan struct{}, 1), mu: new(sync.Mutex), keys: make(map[string]struct{})}
}

// take notes what a payload tells. One that is not of the triggers stands for all
// users, to be safe.
func (c *changes) take(payload string) {
	key, ok := strings.CutPrefix(payload, payloadKey)
	switch {
	case payload == payloadBeat, ok && key == "": // nobody's
	case ok:
		c.add(key)
	default:
		c.addAll(false)
	}
}

func (c *changes) add(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all {
		return
	}
	c.keys[key] = struct{}{}
	if len(c.keys) > maxPending {
		c.setAll()
	}
	c.rouse()
}

// addAll notes that all users have to be invalidated. The cache is behind until
// that is done if something may have been missed, or refused.
func (c *changes) addAll(missed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owed = c.owed || missed
	c.setAll()
	c.rouse()
}

func (c *changes) setAll() {
	c.all = true
	clear(c.keys)
}

func (c *changes) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *changes) behind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owed
}

// next takes out all that there is.
func (c *changes) next() (keys []string, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys, all = slices.Collect(maps.Keys(c.keys)), c.all
	c.all = false
	clear(c.keys)
	return keys, all
}

// told notes that all users were invalidated. What has come up meanwhile is still
// owed.
func (c *changes) told() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.all {
		c.owed = false
	}
}

// tell tells the cache of changes until ctx ends. What arrives during a call is
// one call with all else that does.
func (f *Feed) tell(ctx context.Context) {
	p := firstPause
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.changes.wake:
		}
		err := f.tellNext(ctx)
		if err == nil {
			p = firstPause
			continue
		}
		f.changes.addAll(true)
		if ctx.Err() != nil {
			return
		}
		f.log.Warn("pgfeed: the cache could not be told of changes, and is told again", "table", f.table.String(), "error", err)
		if !pause(ctx, p) {
			return
		}
		p = min(2*p, lastPause)
	}
}

func (f *Feed) tellNext(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	keys, all := f.changes.next()
	switch {
	case all:
		err := f.cache.InvalidateAll(ctx)
		if err == nil {
			f.changes.told()
		}
		return err
	case len(keys) > 0:
		return f.cache.Invalidate(ctx, keys...)
	}
	return nil
}
