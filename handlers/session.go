package handlers

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// Session returns the middleware that everything else builds on: it finds the
// request's session and makes its user the current one.
func (a *Auth) Session() gin.HandlerFunc {
	return func(c *gin.Context) {
		s := a.begin(c)
		if s == nil {
			return
		}
		defer s.finish()
		c.Next()
		s.audit()
	}
}

// begin returns the state it made for the request, nil where there is nothing
// to finish: the request was refused, or this set-up's Session ran already.
func (a *Auth) begin(c *gin.Context) *State {
	if err := a.checkOrigin(c.Request); err != nil {
		a.Events.Emit(Event{Name: EventCrossOriginRefused})
		a.refuse(c, nil, err)
		return nil
	}
	outer := stateIn(c)
	for o := outer; o != nil; o = o.outer {
		if o.auth == a {
			outer.enterAgain(c)
			return nil
		}
		if o.auth.conflicts(a) {
			a.refuse(c, nil, ErrSessionConflict)
			return nil
		}
	}
	a.warnInsecure(c.Request)
	s := a.NewState()
	s.Context, s.auth, s.outer, s.gin = c.Request.Context(), a, outer, c
	if outer != nil {
		outer.flags.Or(covered)
	}
	c.Set(stateKey{}, s)
	s.received = c.Request
	s.request = *c.Request.WithContext(s)
	c.Request = &s.request
	if err := s.open(c); err != nil {
		a.refuse(c, s, err)
		s.finish()
		return nil
	}
	return s
}

// open finds the session and its user.
func (s *State) open(c *gin.Context) error {
	a := s.auth
	text, found, err := a.carrier.read(s, c)
	if a.sender == nil {
		a.carrier.vary(c.Writer.Header())
	}
	if err != nil {
		return s.withstand(c, nil, err)
	}
	if found > 1 {
		a.Events.Emit(Event{Name: EventDuplicateCookie})
		return nil
	}
	if found == 0 {
		return s.importSession(c)
	}
	in := cache.Opening{Transport: a.Kind, NoUser: a.Reload}
	var ok bool
	if in.Token, ok = a.Tokens.Parse(text); !ok {
		s.loseToken(c, &cache.Opened{})
		return s.importSession(c)
	}
	in.Tenant = a.tenant(s.Context)
	var o cache.Opened
	err = a.Cache.Open(s.Context, &in, &o)
	if o.Spent > 0 {
		s.more().spent += o.Spent
	}
	if err != nil {
		return s.withstand(c, &o, err)
	}
	return s.opening(c, &o)
}

// opening gives the request what was found. Nobody else knows the state yet.
func (s *State) opening(c *gin.Context, o *cache.Opened) error {
	switch {
	case o.Live():
	case o.Ended:
		s.deleteToken(c)
		return nil
	default:
		s.loseToken(c, o)
		return s.importSession(c)
	}
	s.access, s.readAt = o.Access, o.ReadAt
	c.Writer.Header()["Cache-Control"] = noStore
	if o.Successor != nil {
		s.sendToken(c, o, renewal)
	}
	if s.auth.Reload {
		return s.reload(c, demandReload)
	}
	s.user, s.origin = s.auth.Copy(o.User), origin(o.From)
	c.Set(s.auth.contextKey, s.user)
	s.chooseAudit(o)
	return nil
}

// noStore is shared by all responses: its capacity is its length, so whoever
// appends to a header copies it.
var noStore = []string{"no-store"}[:1:1]

// finish runs when the handlers have returned, or panic: a cookie whose change
// has landed goes out even so. A handler that wrote nothing is answered by Gin
// itself, past our writer.
func (s *State) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.respondLocked()
	if form := s.request.MultipartForm; form != nil {
		// net/http removes the files of an upload that it finds in its own.
		s.received.MultipartForm = form
	}
	if s.outer != nil {
		s.outer.flags.And(^covered)
	}
	if end := s.some().watch; end != nil {
		end()
	}
	s.flags.Or(over)
}

// enterAgain puts back what a gin.Context loses when the app sends it through
// the router once more (gin.Engine.HandleContext).
func (s *State) enterAgain(c *gin.Context) {
	if _, ok := c.Get(stateKey{}); ok {
		return
	}
	c.Set(stateKey{}, s)
	for o := s; o != nil; o = o.outer {
		if user := o.User(); user != nil {
			c.Set(o.auth.contextKey, user)
		}
		if t, ok := o.auth.carrier.(*inSession); ok {
			t.enterAgain(o, c)
			defer o.respond() // Gin answers by itself where the handlers write nothing
		}
	}
	c.Next()
}

// respond sees to the cookies, if nothing has been sent yet.
func (s *State) respond() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.respondLocked()
}

func (s *State) respondLocked() {
	if w := s.some().writer; w != nil {
		w.beginLocked()
	}
}

// background returns a context for calls that are made outside the request of
// the user concerned. They are carried out although ctx is cancelled: the row
// has changed already, and a caller who hangs up must not leave the old one in
// the cache.
func background(ctx context.Context) (context.Context, context.CancelFunc) {
	return cache.Bounded(withRequest(ctx), cache.Budget)
}

// withRequest returns a context that finds in its request what a gin.Context
// does not: the tenant, above all, which must not depend on whether a handler
// passes c or c.Request.Context().
func withRequest(ctx context.Context) context.Context {
	c, ok := ctx.Value(gin.ContextKey).(*gin.Context)
	if !ok || c.Request == nil {
		return ctx
	}
	return requestContext{ctx, c.Request.Context()}
}

type requestContext struct {
	context.Context
	request context.Context
}

func (c requestContext) Value(key any) any {
	if v := c.Context.Value(key); v != nil {
		return v
	}
	return c.request.Value(key)
}
