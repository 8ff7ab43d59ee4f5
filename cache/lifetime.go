package cache

import "time"

// MaxLifetime bounds the lifetime that a sign-in may ask for: 400 days, which
// is also the longest that browsers keep a cookie (RFC 6265bis, section 5.5).
const MaxLifetime = 400 * 24 * time.Hour

// end returns when the session dies if nothing renews it. A successor that
// was handed out moves the idle time once, used or not.
func (s *Session) end(r *Rules) Time {
	if s.remembered {
		return s.ends
	}
	return min(s.idleEnd(r), s.ends)
}

// idleEnd returns when the session has been idle for too long: it dies or,
// where it is remembered, goes dormant.
func (s *Session) idleEnd(r *Rules) Time { return s.lastRenewed().Add(r.IdleTimeout) }

// lastRenewed returns when the newest token was made that the session knows,
// or the idle time was last moved.
func (s *Session) lastRenewed() Time {
	if s.pending != nil {
		return max(s.renewed, s.pending.madeAt)
	}
	return s.renewed
}

// dormant reports whether the session lives only because it is remembered. The
// request that wakes it reads its user from the database.
func (s *Session) dormant(now Time, r *Rules) bool {
	return s.remembered && s.idleEnd(r) <= now
}

// wake notes that a dormant session goes on, before its idle time is moved:
// from here on the sign-in counts as recent no more.
func (s *Session) wake(now Time, r *Rules) {
	if s.dormant(now, r) {
		s.resumed = true
	}
}

// SignInAge returns how long ago the session's user proved who they are, and
// false where that tells nothing: for nobody, and for a session that has been
// dormant or was signed in elsewhere.
func (c *Cache) SignInAge(x *Access) (time.Duration, bool) {
	s, now := x.session, c.backend.now()
	if s == nil || s.resumed || s.dormant(now, c.rules) {
		return 0, false
	}
	return now.Sub(s.signedIn), true
}

// Remembered returns how long the client should keep the session's token when
// it ends its own session; 0 stands for no longer than that.
func (c *Cache) Remembered(x *Access) time.Duration {
	if x.session == nil || !x.session.remembered {
		return 0
	}
	return max(0, x.session.ends.Sub(c.backend.now()))
}
