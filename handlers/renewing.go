package handlers

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// Renew takes a renewal token for a new access token and a new renewal token,
// and makes their user the current one. A token that renews nothing leaves the
// request as it is.
func (s *State) Renew(c *gin.Context, text string) error {
	a := s.auth
	switch {
	case a.RenewalTokens == nil:
		return ErrOption
	case s.detached(c) || c.Writer.Written():
		return ErrHeadersWritten
	}
	in, ok := s.renewing(text)
	if !ok {
		return ErrNotSignedIn
	}
	var o cache.Opened
	if err := s.spend(c, func(ctx context.Context) error { return a.Cache.Renew(ctx, in, &o) }); err != nil {
		return err
	}
	switch {
	case o.Live():
	case o.Ended:
		return cache.ErrInactive
	default:
		return ErrNotSignedIn
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.take(&o, originDatabase)
	s.sendTokens(c, &o, rotation)
	return nil
}

// RevokeToken ends the session that a renewal token is of. One that renews
// nothing is no error.
func (s *State) RevokeToken(c *gin.Context, text string) error {
	a := s.auth
	if a.RenewalTokens == nil {
		return ErrOption
	}
	in, ok := s.renewing(text)
	if !ok {
		return nil
	}
	return s.spend(c, func(ctx context.Context) error { return a.Cache.EndRenewable(ctx, in) })
}

// renewing reads the text of a renewal token.
func (s *State) renewing(text string) (*cache.Renewing, bool) {
	token, ok := s.auth.RenewalTokens.Parse(text)
	return &cache.Renewing{Transport: s.auth.Kind, Tenant: s.auth.tenant(s.Context), Token: token}, ok
}

// sendTokens has the response carry what a call has made, or keeps it for the
// app to hand out. It is called like sendToken.
func (s *State) sendTokens(c *gin.Context, o *cache.Opened, kind outgoing) {
	s.sendToken(c, o, kind)
	if o.Renewal != nil && s.auth.RenewalTokens != nil {
		s.more().renewal = s.auth.RenewalTokens.Format(*o.Renewal)
	}
}

// RenewalToken returns the renewal token that this request has to hand out, ""
// for none.
func (s *State) RenewalToken() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.some().renewal
}
