package handlers

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
)

// A State is what one request knows of its session and user. It is the
// request's context as well, so that services and loggers which are handed
// only that find the user.
//
// A State outlives its request harmlessly: it then keeps its last values and
// changes nothing in the response.
type State struct {
	context.Context // the request's own, as it was when Session ran

	// Typed is the *powgin.Context of this request, for the handlers of its
	// user type. It shares the State's memory.
	Typed any

	// request is the http.Request that the handlers get, whose context is the
	// State. Kept here it is one allocation less in every request.
	request  http.Request
	received *http.Request // the one that it is a copy of

	auth  *Auth
	outer *State // of the Session middleware ahead of this one, if any
	gin   *gin.Context
	flags atomic.Uint32 // over is set with mu held

	mu       sync.Mutex   // guards what follows
	origin   origin       // where the user came from
	required bool         // RequireUser let the request pass
	access   cache.Access // nobody's where there is no session
	readAt   cache.Time   // when the session's user was read, by the store's time
	user     any          // by value; nil for nobody
	rare     *rare        // nil for most
}

// rare is what few requests need of a State.
type rare struct {
	writer  *writer       // nil until a cookie is to be sent
	out     sent          // what it sends
	mounted *carried      // where the token is in a mounted session
	token   string        // for the app to hand out, "" for none
	renewal string        // the renewal token beside it, "" for none
	spent   time.Duration // of cache.Budget, on calls so far
	demand  *demand       // the strictest that the route has made; nil for none
	audit   *cache.Opened // what the request was served, to be compared with the row; nil for most
	watch   func()        // ends what follows the request's session; nil for nothing
	failed  error         // why nobody can tell, where Config.WhenDown lets the request pass
}

// The flags of a State.
const (
	over    uint32 = 1 << iota // the request has been answered
	covered                    // another Session runs behind this one
)

func (s *State) is(flag uint32) bool { return s.flags.Load()&flag != 0 }

// more returns the rare part, to be changed. It is called with mu held, or
// before anybody else knows the state.
func (s *State) more() *rare {
	if s.rare == nil {
		s.rare = new(rare)
	}
	return s.rare
}

// some returns the rare part, to be read. It is called like more.
func (s *State) some() rare {
	if s.rare == nil {
		return rare{}
	}
	return *s.rare
}

// fail notes why nobody can tell; nil for that somebody can. It is called like
// more.
func (s *State) fail(err error) {
	if err != nil || s.rare != nil {
		s.more().failed = err
	}
}

// stateKey finds the State in a gin.Context and in a request's context.
type stateKey struct{}

// Value returns the State itself for its own key.
func (s *State) Value(key any) any {
	if key == (stateKey{}) {
		return s
	}
	return s.Context.Value(key)
}

// StateOf returns the state of the innermost Session middleware that ran for
// this request, nil where none did. The context may be a gin.Context, a
// request's context, or one derived from either.
func StateOf(ctx context.Context) *State {
	if c, ok := ctx.(*gin.Context); ok {
		return stateIn(c)
	}
	if s, ok := ctx.(*State); ok {
		return s
	}
	if s, ok := ctx.Value(stateKey{}).(*State); ok {
		return s
	}
	if c, ok := ctx.Value(gin.ContextKey).(*gin.Context); ok {
		return stateIn(c)
	}
	return nil
}

// stateIn looks at the request's context first, which is the State itself
// unless the app has put another around it, and then where no change of the
// request reaches: among the gin.Context's keys.
func stateIn(c *gin.Context) *State {
	if c.Request != nil {
		// The app may have put back a request from between two Sessions.
		if s, ok := c.Request.Context().(*State); ok && !s.is(covered) {
			return s
		}
	}
	if v, ok := c.Get(stateKey{}); ok {
		s, _ := v.(*State)
		return s
	}
	return nil
}

// Of returns the state that this set-up's Session middleware made for the
// request, nil where it did not run.
func (a *Auth) Of(ctx context.Context) *State {
	return StateOf(ctx).Find(func(s *State) bool { return s.auth == a })
}

// Find returns the innermost state, from s outwards, for which ok is true.
func (s *State) Find(ok func(*State) bool) *State {
	for ; s != nil; s = s.outer {
		if ok(s) {
			return s
		}
	}
	return nil
}

// Outer returns the state of the Session middleware ahead of this one, nil for
// none.
func (s *State) Outer() *State { return s.outer }

// Auth returns the set-up whose Session middleware made the state.
func (s *State) Auth() *Auth { return s.auth }

// User returns the current user by value, nil for nobody.
func (s *State) User() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.user
}

// UserKey returns the key of the session's user, and false without a session.
func (s *State) UserKey() (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.access.UserKey(), s.access.Live()
}

// Token returns the token that this request has to hand out, "" for none.
func (s *State) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.some().token
}

// Assign makes user, a value of the user type, the current user of this
// request only. nil stands for nobody.
func (s *State) Assign(user any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setUser(user)
	s.origin = originAssigned
}

// setUser is called with mu held.
func (s *State) setUser(user any) {
	s.user = user
	if !s.is(over) {
		s.gin.Set(s.auth.contextKey, user)
	}
}

// take makes what was opened the request's own. It is called with mu held.
func (s *State) take(o *cache.Opened, from origin) {
	s.access, s.readAt, s.origin = o.Access, o.ReadAt, from
	s.fail(nil)
	if o.User == nil {
		s.setUser(nil)
		return
	}
	s.setUser(s.auth.Copy(o.User))
}

// lose makes the request nobody's, as far as is known. It is called with mu
// held.
func (s *State) lose() {
	s.access, s.origin = cache.Access{}, originNobody
	s.fail(nil)
	s.setUser(nil)
}

// Age returns how long ago the session's user was read, and false without a
// session.
func (s *State) Age() (time.Duration, bool) {
	o := s.snapshot()
	if !o.Live() {
		return 0, false
	}
	return s.auth.Cache.Age(o.ReadAt), true
}

// snapshot returns what is known of the session now.
func (s *State) snapshot() cache.Opened {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cache.Opened{Access: s.access, ReadAt: s.readAt}
}

// detached reports whether c cannot carry this request's answer: it is a copy,
// or the request is over and its gin.Context may be another request's by now.
func (s *State) detached(c *gin.Context) bool {
	return s.is(over) || c != s.gin
}

// spend runs one call to the store or the database within what this request
// may still spend on such calls before its first byte; after it, and for a
// copied context, each call has as much. The client's hanging up does not end
// it: what a change must do to the cache is done whoever is still listening.
func (s *State) spend(c *gin.Context, call func(context.Context) error) error {
	counts := !s.detached(c) && !c.Writer.Written()
	left := cache.Budget
	if counts {
		s.mu.Lock()
		left -= s.some().spent
		s.mu.Unlock()
	}
	ctx, cancel := cache.Bounded(s.Context, left)
	defer cancel()
	start := time.Now()
	err := call(ctx)
	if counts {
		s.mu.Lock()
		s.more().spent += time.Since(start)
		s.mu.Unlock()
	}
	return err
}
