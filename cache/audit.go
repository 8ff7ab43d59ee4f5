package cache

import "context"

// Audit compares the cached user that a request was served with the row, where
// nothing was announced since: neither a change that has ended nor one under way.
// It reports a difference, with the row as it is, or nil for a user who is gone;
// the copy is replaced then, as by any other read. Where the copy has been dropped
// or replaced meanwhile there is nothing to compare, and no difference.
func (c *Cache) Audit(ctx context.Context, o *Opened, same func(cached, row any) bool) (row any, differs bool, err error) {
	a, id := o.account, o.token.account
	v, err := c.backend.load(ctx, id)
	if err != nil {
		return nil, false, err
	}
	p := permitFill(v.account, v.epoch, v.now)
	if !p.granted() || p.lease != a.lease || a.user == nil || a.outdated(v.epoch) {
		return nil, false, nil
	}
	row, err = c.findAlone(ctx, a.key)
	if err != nil {
		return nil, false, err
	}
	if row != nil && same(a.user, row) {
		c.counters.audits.Add(1)
		return row, false, nil
	}
	// Only a read that fills was made under a lease that held to its end.
	r, err := c.read(ctx, id, a.key, v, toRead{fill: true})
	if err != nil || !r.filled && !r.ended {
		return nil, false, err
	}
	c.counters.audits.Add(1)
	if r.user != nil && same(a.user, r.user) {
		return r.user, false, nil
	}
	c.counters.differences.Add(1)
	return r.user, true, nil
}
