package handlers

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// SessionInfo tells what may be shown of a session. Package powgin documents
// its fields.
type SessionInfo struct {
	ID         string
	Hint       string
	Current    bool
	CreatedAt  time.Time
	RenewedAt  time.Time
	SignedInAt time.Time
	ExpiresAt  time.Time
	LoadedAt   time.Time
	Metadata   map[string]string
}

func sessionInfo(i *cache.Info, current cache.Handle) SessionInfo {
	info := SessionInfo{
		ID:         i.Handle.String(),
		Hint:       i.Hint,
		Current:    i.Handle == current,
		CreatedAt:  i.Created,
		RenewedAt:  i.Renewed,
		SignedInAt: i.SignedIn,
		ExpiresAt:  i.Expires,
	}
	if len(i.Metadata) > 0 {
		info.Metadata = make(map[string]string, len(i.Metadata))
		for _, p := range i.Metadata {
			info.Metadata[p.Key] = p.Value
		}
	}
	return info
}

// Session returns the request's own session, and false without one.
func (s *State) Session() (SessionInfo, bool) {
	o := s.snapshot()
	i, ok := o.Info(s.auth.Cache.Rules())
	if !ok {
		return SessionInfo{}, false
	}
	info := sessionInfo(&i, i.Handle)
	info.LoadedAt = o.ReadAt.Std()
	return info, true
}

// Sessions returns all sessions of the request's user, the oldest first.
func (s *State) Sessions(c *gin.Context) ([]SessionInfo, error) {
	o := s.snapshot()
	if !o.Live() {
		return nil, ErrNotSignedIn
	}
	var list []SessionInfo
	err := s.spend(c, func(ctx context.Context) (err error) {
		list, err = s.auth.list(ctx, o.Account(), o.Handle())
		return err
	})
	return list, err
}

// Sessions returns all sessions of a user.
func (a *Auth) Sessions(ctx context.Context, key string) ([]SessionInfo, error) {
	ctx, cancel := background(ctx)
	defer cancel()
	return a.list(ctx, a.Cache.Account(a.tenant(ctx), key), cache.Handle{})
}

func (a *Auth) list(ctx context.Context, id cache.AccountID, current cache.Handle) ([]SessionInfo, error) {
	infos, err := a.Cache.Sessions(ctx, id)
	if err != nil {
		return nil, err
	}
	list := make([]SessionInfo, len(infos))
	for i := range infos {
		list[i] = sessionInfo(&infos[i], current)
	}
	return list, nil
}

// Revoke ends one of the sessions of the request's user.
func (s *State) Revoke(c *gin.Context, id string) error {
	h, ok := cache.ParseHandle(id)
	if !ok || h == (cache.Handle{}) {
		if o := s.snapshot(); !o.Live() {
			return ErrNotSignedIn
		}
		return cache.ErrNoSession
	}
	return s.revoke(c, h)
}

// RevokeOthers ends all of them but the request's own.
func (s *State) RevokeOthers(c *gin.Context) error { return s.revoke(c, cache.Handle{}) }

func (s *State) revoke(c *gin.Context, h cache.Handle) error {
	o := s.snapshot()
	if !o.Live() {
		return ErrNotSignedIn
	}
	if err := s.spend(c, func(ctx context.Context) error {
		return s.auth.Cache.Revoke(ctx, &o, h)
	}); err != nil {
		return err
	}
	if h == o.Handle() {
		detached := s.detached(c)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lose()
		if !detached {
			s.deleteCookie(c)
		}
	}
	return nil
}

// RevokeSession ends one session of a user, from outside their requests.
func (a *Auth) RevokeSession(ctx context.Context, key, id string) error {
	h, ok := cache.ParseHandle(id)
	if !ok {
		return cache.ErrNoSession
	}
	ctx, cancel := background(ctx)
	defer cancel()
	return a.Cache.RevokeSession(ctx, a.tenant(ctx), key, h)
}

// RevokeUser ends all sessions of a user.
func (a *Auth) RevokeUser(ctx context.Context, key string) error {
	ctx, cancel := background(ctx)
	defer cancel()
	return a.Cache.RevokeUser(ctx, a.tenant(ctx), key)
}
