package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// An Access is what a request may see by the token that it carries: a session
// and the account it belongs to, as they were at one moment. The zero Access
// is that of nobody.
type Access struct {
	account *Account
	epoch   *Epoch
	session *Session
	role    role
	token   Token
}

// view returns what the access was made from, to decide on without loading it
// again, as of now. An account that has a session was decoded, so the versions
// are its own.
func (x *Access) view(now Time) view {
	v := view{account: x.account, epoch: x.epoch, now: now, version: x.account.version}
	if x.epoch != nil {
		v.epochVersion = x.epoch.version
	}
	return v
}

// moveTo makes the access speak for the account as it is in v, and reports
// false where its session has ended meanwhile.
func (x *Access) moveTo(v view) bool {
	s := v.account.session(x.session.handle)
	if s == nil {
		return false
	}
	x.account, x.epoch, x.session = v.account, v.epoch, s
	return true
}

// Live reports whether the token proved a session.
func (x *Access) Live() bool { return x.session != nil }

// InGrace reports whether the token has been replaced and still works. Such a
// request sees the current user, gets no token and changes no session.
func (x *Access) InGrace() bool { return x.role == roleGrace }

// Settled reports whether every token that the session had before is dead by
// now.
func (c *Cache) Settled(x *Access) bool {
	now := c.backend.now()
	return x.session == nil || !slices.ContainsFunc(x.session.retired, func(t retired) bool { return t.until > now })
}

// Account returns the id of the session's account.
func (x *Access) Account() AccountID { return x.token.account }

// UserKey returns the key of the session's user, "" for nobody.
func (x *Access) UserKey() string { return x.account.userKey() }

func (a *Account) userKey() string {
	if a == nil {
		return ""
	}
	return a.key
}

// Handle returns the session's handle, the zero one for nobody.
func (x *Access) Handle() Handle {
	if x.session == nil {
		return Handle{}
	}
	return x.session.handle
}

// look is the decision whether a token proves a session. A token of another
// tenant or transport, of a dead session or of none are all answered alike:
// with nobody.
//
// The session that it returns is the one whose replaced token came back, nil
// for none.
func (c *Cache) look(x *Access, v *view, t Transport, tenant string, token *Token) (reused *Session) {
	a := v.account
	if a == nil || a.tenant != tenant {
		return nil
	}
	hash := token.hash()
	s, ro := a.find(&hash, v.now)
	switch {
	case s == nil, s.transport != t, s.end(c.rules) <= v.now, v.epoch.revoked(s),
		s.outdated(ro, v.now, c.rules):
		return nil
	case ro == roleRetired:
		c.counters.reuseAlarms.Add(1)
		c.event(Event{Name: EventReuse, UserKey: a.key, Session: s.handle})
		return s
	case ro == roleGrace:
		c.counters.graceUses.Add(1)
	}
	x.account, x.epoch, x.session, x.role, x.token = a, v.epoch, s, ro, *token
	return nil
}

// cached returns the user in the account, and whether it may be served.
func (c *Cache) cached(v *view) (user any, ok bool) {
	a := v.account
	if a == nil || a.user == nil || a.outdated(v.epoch) {
		return nil, false
	}
	age := v.now.Sub(a.readAt)
	return a.user, age <= c.rules.UserAge() || age <= c.rules.RenewAfter && c.followed()
}

// Info tells what may be shown of a session.
type Info struct {
	Handle    Handle
	Hint      string // changes with every token; no credential
	Transport Transport
	Created   time.Time // when the session began
	Renewed   time.Time // when its token was made
	SignedIn  time.Time // when the user last proved who they are
	Expires   time.Time // when it ends if nothing renews it
	Methods   []string  // how they proved it; must not be changed
	Metadata  []Pair    // must not be changed
}

// Info returns what may be shown of the session, and false for nobody. A
// successor that this request hands out counts as the session's token.
func (x *Access) Info(r *Rules) (Info, bool) {
	if x.session == nil {
		return Info{}, false
	}
	return x.session.info(r), true
}

func (s *Session) info(r *Rules) Info {
	i := Info{
		Handle:    s.handle,
		Hint:      s.hash.hint(),
		Transport: s.transport,
		Created:   s.created.Std(),
		Renewed:   s.renewed.Std(),
		SignedIn:  s.signedIn.Std(),
		Expires:   s.end(r).Std(),
		Methods:   s.methods,
		Metadata:  s.metadata,
	}
	if s.pending != nil {
		i.Hint, i.Renewed = s.pending.hash.hint(), s.pending.madeAt.Std()
	}
	return i
}

// hint names a token in logs and pages: a hash of what the store holds, too
// short to be turned back and of no use at the store.
func (h *Hash) hint() string {
	sum := sha256.Sum256(h[:])
	return hex.EncodeToString(sum[:6])
}

// Rules returns the times and bounds that the cache keeps to.
func (c *Cache) Rules() *Rules { return c.rules }
