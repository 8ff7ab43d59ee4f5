package handlers

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// SessionInfo tells what may be shown of a session. Nothing in it is a
// credential. Its times are in UTC.
type SessionInfo struct {
	// ID names the session for its whole life.
	ID string `json:"id"`
	// Hint is another with every new token, to show or log.
	Hint string `json:"hint"`
	// Current tells that it is the session of the request that asks.
	Current bool `json:"current"`
	// CreatedAt is when it began.
	CreatedAt time.Time `json:"created_at"`
	// RenewedAt is when its newest token was made.
	RenewedAt time.Time `json:"renewed_at"`
	// SignedInAt is when the user last proved who they are.
	SignedInAt time.Time `json:"signed_in_at"`
	// ExpiresAt is when it ends if nothing renews it.
	ExpiresAt time.Time `json:"expires_at"`
	// LoadedAt is when this request's user was read; zero in lists.
	LoadedAt time.Time `json:"loaded_at,omitzero"`
	// Methods is what SignIn was given by Method.
	Methods []string `json:"methods,omitempty"`
	// Metadata is what Config.Metadata gave; nil for nothing.
	Metadata map[string]string `json:"metadata,omitempty"`
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
		Methods:    slices.Clone(i.Methods),
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
		return nil, s.nobody()
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
			return s.nobody()
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
		return s.nobody()
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
			s.deleteToken(c)
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

// RevokeAll ends everyone's sessions that were signed in before that moment.
func (a *Auth) RevokeAll(ctx context.Context, before time.Time) error {
	ctx, cancel := background(ctx)
	defer cancel()
	return a.Cache.RevokeAll(ctx, cache.TimeOf(before))
}

// RevokeUser ends all sessions of a user.
func (a *Auth) RevokeUser(ctx context.Context, key string) error {
	ctx, cancel := background(ctx)
	defer cancel()
	return a.Cache.RevokeUser(ctx, a.tenant(ctx), key)
}

// CachedUsers yields the users that are cached now, by value.
func (a *Auth) CachedUsers(ctx context.Context) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for user, err := range a.Cache.Users(ctx, a.tenant(withRequest(ctx))) {
			if err == nil {
				user = a.Copy(user)
			}
			if !yield(user, err) {
				return
			}
		}
	}
}
