package handlers

import (
	"context"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// Config is a set-up as package powgin hands it down: complete, checked, and
// without types: a user is an interface that holds a value of UserType. Every
// field but Tenant, Metadata, Import, DropAtSignIn, WhenDownFor, Refuse and the
// paths is required.
type Config struct {
	Cache  *cache.Cache
	Tokens *cache.Tokens
	Kind   cache.Transport
	Cookie Cookie // where Kind is cache.Cookie
	// InSession is where the token is, where Kind is cache.InSession.
	InSession InSession
	// RenewalTokens are what renewable sessions are renewed by, nil where there
	// are none: with carriers that send tokens by themselves.
	RenewalTokens *cache.Tokens
	UserType      reflect.Type
	// UserKey returns the key of a user.
	UserKey func(user any) string
	// Copy returns a cached user as one request's own: what it may change in them
	// nobody else sees.
	Copy func(cached any) any
	// Clean returns a user who shares nothing with the app's and lacks what must
	// not be in the current user.
	Clean func(user any) any
	// NewState returns the state of a request, beside the typed context that
	// handlers of this user type get.
	NewState func() *State

	Reload     bool
	ContextKey string
	Audit      int // one in so many cached users is compared with the row; 0: none
	Tenant     func(context.Context) string
	Metadata   func(*gin.Context) map[string]string

	Import       func(*gin.Context) (Imported, error)
	DropAtSignIn []any

	WhenDown    DownPolicy
	WhenDownFor func(*gin.Context) DownPolicy

	SignInPath  string
	HomePath    string
	ReauthPath  string
	Refuse      func(*gin.Context, error)
	CrossOrigin *http.CrossOriginProtection
	OnError     func(context.Context, error)
	Events      *Events
}

// Auth is one set-up at work. It is safe for concurrent use and never changes
// after New.
type Auth struct {
	Config
	contextKey any // ContextKey, boxed once: boxing it per request allocates
	carrier    carrier
	sender     sender // the carrier, where it is one
	warn       sync.Once
	auditing   atomic.Bool
}

// New returns the Auth of a set-up.
func New(cfg Config) *Auth {
	a := &Auth{Config: cfg, contextKey: cfg.ContextKey, carrier: newCarrier(&cfg)}
	a.sender, _ = a.carrier.(sender)
	return a
}

func (a *Auth) tenant(ctx context.Context) string {
	if a.Tenant == nil {
		return ""
	}
	return a.Tenant(ctx)
}

// tenantOf returns the tenant that a context names, and false where tenants are
// set and it names none: what it is about may be anyone's.
func (a *Auth) tenantOf(ctx context.Context) (tenant string, known bool) {
	tenant = a.tenant(ctx)
	return tenant, tenant != "" || a.Tenant == nil
}

// conflicts reports whether two set-ups cannot serve one request side by side.
func (a *Auth) conflicts(b *Auth) bool {
	return a.UserType == b.UserType || a.ContextKey == b.ContextKey || a.carrier.name() == b.carrier.name() ||
		a.sharesValue(b)
}

// sharesValue reports whether the tokens of two set-ups are the same value of the
// same session: where one names it and the other takes the only one there is, that
// is the one.
func (a *Auth) sharesValue(b *Auth) bool {
	x, y := a.InSession, b.InSession
	return a.Kind == cache.InSession && b.Kind == cache.InSession && x.Key == y.Key && (x.Session == "" || y.Session == "")
}
