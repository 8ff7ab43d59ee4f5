package cache

import (
	"context"
	"errors"
	"fmt"
	"iter"
)

// An Inspection tells what an account's record holds, for those who have to
// find out why a user is seen as they are. Nothing in it is a credential.
type Inspection struct {
	Now        Time   // the store's time
	Cached     bool   // a user is cached
	Outdated   bool   // … but all users were said to have changed since
	ReadAt     Time   // when that user was read
	Writers    []Time // until when changes of this user hold readers off, unless concluded
	AllWriters []Time // the same of changes of all users
	// RevokedBefore is the moment before which everyone's sessions were ended,
	// zero for never.
	RevokedBefore Time
	Sessions      []SessionState // live ones, the oldest first
}

// A SessionState is a session and what its tokens are.
type SessionState struct {
	Info
	Dormant   bool   // only its being remembered keeps it alive
	Marked    bool   // its next request is given a new token
	Successor Time   // when a successor was made that has yet to be used; zero for none
	Grace     []Time // until when replaced tokens still work
	Retired   int    // replaced tokens that work no more and would raise the alarm
	Renewable bool   // its client has a renewal token
	AccessEnd Time   // until when the access token of a renewable session works
	RepeatEnd Time   // until when its renewal token that was used last may be used again; zero for never
}

// Inspect returns what the account holds, and an empty Inspection for one that
// is absent.
func (c *Cache) Inspect(ctx context.Context, id AccountID) (Inspection, error) {
	if c.closed.Load() {
		return Inspection{}, unavailable("inspect an account", errClosed)
	}
	v, err := c.backend.load(ctx, id)
	if err != nil {
		return Inspection{}, err
	}
	in := Inspection{Now: v.now}
	if e := v.epoch; e != nil {
		in.AllWriters, in.RevokedBefore = deadlines(e.writers, v.now), e.revokedBefore
	}
	a := settle(v.account, v.epoch, v.now, ID{}, c.rules)
	if a == nil {
		return in, nil
	}
	in.Writers = deadlines(a.writers, v.now)
	if a.user != nil {
		in.Cached, in.ReadAt = true, a.readAt
		in.Outdated = a.outdated(v.epoch)
	}
	for i := range a.sessions {
		in.Sessions = append(in.Sessions, a.sessions[i].state(v.now, c.rules))
	}
	return in, nil
}

func deadlines(ws []Writer, now Time) (at []Time) {
	for _, w := range liveWriters(ws, now) {
		at = append(at, w.deadline)
	}
	return at
}

func (s *Session) state(now Time, r *Rules) SessionState {
	st := SessionState{Info: s.info(r), Dormant: s.dormant(now, r), Marked: s.regenerate}
	if s.pending != nil {
		st.Successor = s.pending.madeAt
	}
	for _, t := range s.retired {
		switch {
		case t.until > now:
			st.Grace = append(st.Grace, t.until)
		case s.renewal == nil:
			st.Retired++
		}
	}
	if s.renewal != nil {
		s.renewable(&st, now, r)
	}
	return st
}

func (s *Session) renewable(st *SessionState, now Time, r *Rules) {
	st.Renewable, st.AccessEnd = true, min(s.idleEnd(r), s.ends)
	if g := s.renewal.repeat; g != nil && g.until > now {
		st.RepeatEnd = g.until
	}
}

// Users yields the tenant's users that are cached now and not outdated; how old
// they are is not asked. Accounts that come or go meanwhile may be missed. It
// yields one error, last: that the store cannot list what it holds
// (errors.ErrUnsupported), that it cannot answer, or that ctx has ended.
func (c *Cache) Users(ctx context.Context, tenant string) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		switch {
		case c.closed.Load():
			yield(nil, unavailable("list cached users", errClosed))
			return
		case c.memory == nil:
			yield(nil, fmt.Errorf("powgin: this store cannot list cached users: %w", errors.ErrUnsupported))
			return
		}
		for _, a := range c.memory.all() {
			if err := ctx.Err(); err != nil {
				yield(nil, unavailable("list cached users", err))
				return
			}
			if a.tenant != tenant || a.user == nil || a.outdated(c.memory.epoch.Load()) {
				continue
			}
			if !yield(a.user, nil) {
				return
			}
		}
	}
}

// all yields the accounts of the space that have not expired.
func (s *memorySpace) all() iter.Seq2[AccountID, *Account] {
	return func(yield func(AccountID, *Account) bool) {
		for id, a := range s.accounts.All() {
			if a.expires > s.memory.clock.now() && !yield(id, a) {
				return
			}
		}
	}
}
