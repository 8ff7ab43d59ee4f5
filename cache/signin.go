package cache

import (
	"context"
	"slices"
	"time"
)

// A SignIn asks for a new session.
type SignIn struct {
	Transport Transport
	Tenant    string
	UserKey   string
	Metadata  []Pair
	// Token is the new session's, where it has to be known beforehand; zero
	// stands for one that SignIn makes.
	Token Token
	// Methods is how the user proved who they are, at most MaxMethods of them.
	Methods []string
	// Carried is what the request was signed in with, if anything. Its session
	// ends, whoever's it is.
	Carried *Access
	// EndOthers ends the user's other sessions too.
	EndOthers bool
	// Lifetime bounds the session; 0 stands for Rules.AbsoluteTimeout. At most
	// MaxLifetime.
	Lifetime time.Duration
	// Remember keeps the session for all its lifetime, however idle.
	Remember bool
	// Renewable gives the client a renewal token beside the access token. It
	// stands for Remember, too: Lifetime is how long the session may be renewed.
	// The access token works for Rules.IdleTimeout and stays as it is; then the
	// client has to renew.
	Renewable bool
	// Elsewhere says that the user has not proved who they are here and now:
	// the session takes over one of another library.
	Elsewhere bool
}

// MaxMethods is how many methods of authentication a session remembers.
const MaxMethods = maxMetadata

// SignIn makes a new session with a new token, always, and fills o with it. It
// reads the user first and refuses one who does not exist or is not active with
// ErrInactive. It answers ErrTooManySessions and ErrFull with nothing changed.
//
// The session that the request carried ends. Where it belongs to another user,
// it ends once the new one is sure to be possible; ended then reports whether
// it did, also when the sign-in fails after it.
func (c *Cache) SignIn(ctx context.Context, in *SignIn, o *Opened) (ended bool, err error) {
	id := c.space.account(in.Tenant, in.UserKey)
	v, err := c.backend.load(ctx, id)
	if err == nil {
		v, err = c.prepare(ctx, id, v)
	}
	if err != nil {
		return false, err
	}
	p := permitFill(v.account, v.epoch, v.now)
	user, err := c.findAlone(ctx, in.UserKey)
	if err != nil {
		return false, err
	}
	if user == nil {
		return false, ErrInactive
	}
	token := in.Token.or(id)
	d := c.newSignIn(in, token, v)
	d.fill, d.user = p, user
	if old := in.Carried; old != nil && old.Live() {
		if old.Account() == id {
			d.ending = old.Handle()
		} else {
			// Judged before anything is changed, so that a sign-in which is
			// refused signs nobody out.
			if err := c.judge(v, d, old); err != nil {
				return false, err
			}
			if err := c.EndSession(ctx, old.Account(), old.Handle()); err != nil {
				return false, err
			}
			ended = true
		}
	}
	return ended, c.land(ctx, id, v, d, o, user, token)
}

// judge tells whether a sign-in is possible that will end a session of another
// account first.
func (c *Cache) judge(v view, d *signIn, old *Access) error {
	a := settle(v.account, v.epoch, v.now, d.lease, c.rules)
	if _, _, err := d.decide(a, v.epoch, c.rules); err != nil {
		return err
	}
	if !a.counted() && len(old.account.sessions) > 1 {
		return c.backend.room() // the other account stays, so one more must fit
	}
	return nil
}

// land swaps the session in.
func (c *Cache) land(ctx context.Context, id AccountID, v view, d *signIn, o *Opened, user any, token Token) error {
	var evicted []Session
	var ended endings
	readAt := v.now
	w, err := c.update(ctx, id, &v, func(v view) (*Account, error) {
		next, out, err := d.decide(v.account, v.epoch, c.rules)
		if err != nil {
			return nil, err
		}
		evicted = append(evicted, out...)
		return ended.of(v.account, next), nil
	})
	if err != nil {
		return err
	}
	*o = Opened{User: user, ReadAt: readAt, From: FromDatabase, Successor: &token, Renewal: d.renewal}
	o.Access = Access{w.account, w.epoch, w.account.session(d.session.handle), roleCurrent, token}
	for _, h := range ended {
		c.event(Event{Name: d.fate(h, evicted), UserKey: w.account.key, Session: h})
	}
	c.event(Event{Name: EventSignedIn, UserKey: w.account.key, Session: d.session.handle})
	return nil
}

// fate names what the sign-in did to a session that it ended.
func (in *signIn) fate(h Handle, evicted []Session) string {
	switch {
	case slices.ContainsFunc(evicted, func(s Session) bool { return s.handle == h }):
		return EventEvicted
	case h == in.ending:
		return EventSignedOut
	}
	return EventRevoked
}

func (c *Cache) newSignIn(in *SignIn, token Token, v view) *signIn {
	now, signedIn := v.now, v.now
	if v.epoch != nil {
		// The clock may stand still, or be another shard's: who signs in after
		// everyone's sessions were ended is not one of those.
		signedIn = max(now, v.epoch.revokedBefore)
	}
	life := in.Lifetime
	if life <= 0 {
		life = c.rules.AbsoluteTimeout
	}
	lease := NewID()
	d := &signIn{
		session: Session{
			handle: newHandle(), transport: in.Transport, hash: token.hash(),
			created: now, renewed: now, signedIn: signedIn, ends: now.Add(min(life, max(MaxLifetime, c.rules.AbsoluteTimeout))),
			remembered: in.Remember || in.Renewable, resumed: in.Elsewhere,
			methods: slices.Clone(in.Methods), metadata: cleanMetadata(in.Metadata),
		},
		others: in.EndOthers,
		lease:  lease,
		create: c.creator(in.Tenant, in.UserKey, lease),
	}
	if in.Renewable {
		renewal := NewToken(token.account)
		d.renewal, d.session.renewal = &renewal, newRenewal(&renewal)
	}
	return d
}

// creator returns what makes the account of a user who has none. Only a
// sign-in and the announcement of a write use it.
func (c *Cache) creator(tenant, key string, lease ID) func() *Account {
	return func() *Account {
		b := &block{Account: Account{space: c.space, tenant: tenant, key: key, lease: lease}}
		b.sessions = b.one[:0]
		return &b.Account
	}
}
