package cache

import "context"

// Renewing is what a client carries to Renew.
type Renewing struct {
	Transport Transport
	Tenant    string
	Token     Token // the renewal token
}

// Renew replaces both tokens of a renewable session, and fills o with them and
// with the user, whom it reads first. o must be zero. Where the user is gone or
// not active their sessions end, as at any read. An unknown token changes
// nothing and leaves nothing behind: o stays nobody's.
//
// A renewal token is of single use. While neither of the tokens that it gave
// has been used, and for no longer than Rules.Grace, using it again gives the
// same ones: the answer may have been lost. Any other use means that two have
// it. It ends the session at once, whatever Rules.EndAtReuse says, and o stays
// nobody's (RFC 9700, section 4.14.2).
//
// An error means that it could not tell, or that the session could not be
// changed: the token may be used again.
func (c *Cache) Renew(ctx context.Context, in *Renewing, o *Opened) error {
	if c.closed.Load() {
		return unavailable("renew a session", errClosed)
	}
	v, err := c.backend.load(ctx, in.Token.account)
	if err != nil {
		return err
	}
	s, ro := c.lookRenewal(&v, in)
	switch ro {
	case renewalUnknown:
		return nil
	case renewalUsed:
		return c.endForked(ctx, &v, in.Token.account, s.handle)
	}
	ex := newExchange(&in.Token, s.handle, v.now)
	return c.exchange(ctx, &ex, v, o)
}

// EndRenewable signs out by a renewal token: it ends the token's session,
// whatever became of the access token. A token that was used before tells of
// reuse, as at Renew. An unknown one is no error.
func (c *Cache) EndRenewable(ctx context.Context, in *Renewing) error {
	if c.closed.Load() {
		return unavailable("end a session", errClosed)
	}
	v, err := c.backend.load(ctx, in.Token.account)
	if err != nil {
		return err
	}
	s, ro := c.lookRenewal(&v, in)
	switch ro {
	case renewalUnknown:
		return nil
	case renewalUsed:
		return c.endForked(ctx, &v, in.Token.account, s.handle)
	}
	return c.EndSession(ctx, in.Token.account, s.handle)
}

// lookRenewal is the decision what a renewal token is. One of another tenant or
// transport, of a dead session or of none are all answered alike.
func (c *Cache) lookRenewal(v *view, in *Renewing) (*Session, renewalRole) {
	if v.account == nil || v.account.tenant != in.Tenant {
		return nil, renewalUnknown
	}
	s, ro := v.account.findRenewal(&in.Token, v.now)
	if s == nil || s.transport != in.Transport || s.end(c.rules) <= v.now || v.epoch.revoked(s) {
		return nil, renewalUnknown
	}
	return s, ro
}

// endForked ends a session one of whose renewal tokens was used twice. Who of
// the two is the client cannot be told. A session that could not be ended is an
// error: who uses the token next tries again.
func (c *Cache) endForked(ctx context.Context, v *view, id AccountID, h Handle) error {
	c.counters.reuseAlarms.Add(1)
	c.event(Event{Name: EventReuse, UserKey: v.account.key, Session: h})
	_, err := c.end(ctx, id, EventRevoked, func(s *Session) bool { return s.handle == h })
	return err
}

// exchange reads the user and swaps the new tokens in, in the swap that fills
// the cache.
func (c *Cache) exchange(ctx context.Context, in *exchange, v view, o *Opened) error {
	id, key := in.token.account, v.account.key
	v, err := c.prepare(ctx, id, v)
	if err != nil {
		return err
	}
	// What the read leaves here is looked at only after the read has ended.
	var p *pair
	also := func(a *Account, now Time) (next *Account) {
		next, p = in.decide(a, now, c.rules)
		return next
	}
	r, err := c.flights.alone(ctx, func(ctx context.Context) (reading, error) {
		return c.read(ctx, id, key, v, toRead{fill: true, also: also})
	})
	switch {
	case err != nil:
		return err
	case r.user == nil:
		o.Ended = r.ended
		return nil
	case r.failed != nil:
		return r.failed
	case p == nil:
		return nil
	}
	c.exchanged(in, p, &r, o)
	return nil
}

// exchanged gives the request what came of the exchange.
func (c *Cache) exchanged(in *exchange, p *pair, r *reading, o *Opened) {
	a := r.after.account
	*o = Opened{User: r.user, ReadAt: r.readAt, From: FromDatabase, Successor: &p.access, Renewal: &p.renewal}
	o.Access = Access{a, r.after.epoch, a.session(in.handle), roleCurrent, p.access}
	// Uses of one token may hand out the same pair; the one whose salt it has made it.
	if *p == in.token.renewed(in.handle, &in.salt) {
		c.counters.renewals.Add(1)
		c.event(Event{Name: EventRenewed, UserKey: a.key, Session: in.handle})
	}
}
