package powgin

import (
	"context"
	"fmt"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/handlers"
)

// Context is a gin.Context that knows its user's type. [Handle] makes handlers
// of functions that take one; the zero Context is of no use. Like a gin.Context
// it belongs to the request's goroutine, but User and Session may be called by
// others too, and a Copy is for any. Kept after its request, it still tells the
// last user of that request, never another's, and changes no response.
type Context[U any] struct {
	*gin.Context
	state *handlers.State
}

// requestState holds a request's State and typed Context in one object, which
// the cached path would otherwise have to allocate twice.
type requestState[U any] struct {
	handlers.State
	context Context[U]
}

func newState[U any]() *handlers.State {
	r := new(requestState[U])
	r.context.state = &r.State
	r.Typed = &r.context
	return &r.State
}

// Handle makes a Gin handler of a function that takes a typed Context. A
// request without Session ahead of it is answered with 500 and a sentence that
// says what to add; a user type that no Session in the chain has is a mistake
// in the program, and panics.
func Handle[U any](h func(*Context[U])) gin.HandlerFunc {
	return func(c *gin.Context) {
		s := handlers.StateOf(c)
		if s == nil {
			Abort(c, handlers.ErrNoSessionMiddleware)
			return
		}
		typed := contextOf[U](s)
		typed.Context = c
		h(typed)
	}
}

// contextOf returns the typed Context of the innermost Session for U.
func contextOf[U any](s *handlers.State) *Context[U] {
	for o := s; o != nil; o = o.Outer() {
		if typed, ok := o.Typed.(*Context[U]); ok {
			return typed
		}
	}
	var u U
	panic(fmt.Sprintf("powgin: no Session in this chain has users of type %T; the innermost has %v", u, s.Auth().UserType))
}

// User returns the current user, and false for nobody. It follows what SignIn,
// SyncUser, AssignUser, SignOut, Reload and the like do in this request. The copy
// is this request's own: what a handler does to it is seen by the rest of this
// request at most.
func (c *Context[U]) User() (U, bool) {
	u, ok := c.state.User().(U)
	return u, ok
}

// MustUser returns the current user. It panics for nobody: it is for handlers
// behind RequireUser.
func (c *Context[U]) MustUser() U {
	u, ok := c.User()
	if !ok {
		panic("powgin: MustUser without a user: put RequireUser before this handler")
	}
	return u
}

// SignIn starts a session for the user, always with a new token, and ends the
// one that the request carried, whoever's it was. The user is read from the
// database by the key of the one given: that row becomes the current user.
// Checking the password is the app's part, before this.
//
// A user who does not exist or is not Active is ErrInactive, one without a key
// ErrNoUserKey; ErrTooManySessions, ErrFull and ErrUnavailable are what they
// say. Once the response has begun it is ErrHeadersWritten. The options are
// EndOthers, For, Remember, Renewable and Method. On an error nobody new is signed in; only
// where the store fails last, the other user's session that the request carried
// may have ended by then.
//
// Sessions of github.com/gin-contrib/sessions that are mounted ahead of the
// handler are saved under new IDs, and their old records deleted: see
// Config.DropAtSignIn for what they keep. One that cannot be saved is
// ErrUnavailable, and nothing has changed.
func (c *Context[U]) SignIn(user U, opts ...SignInOption) error {
	return c.state.SignIn(c.Context, keyOf(c.state, user), signInOptions(opts))
}

// SyncUser tells the cache that the request's own user was changed, and
// regenerates the session. Call it after COMMIT. In this order, the cached copy
// is dropped, the session gets a new token, the row is read again, and what it
// says is cached and becomes the current user: user only says whose entry is
// meant. The replaced token works for Config.Grace more; the user's other
// sessions keep theirs. The options are KeepSession, Grace, EndOthers and Rotate.
//
// Nobody signed in is ErrNotSignedIn, a user with another key than the session's
// ErrOtherUser, one without a key ErrNoUserKey. A user who turns out to be gone
// or not Active is signed out, and ErrInactive says so.
//
// If the row cannot be read it returns the error: the copy stays dropped, and
// the new token is sent. If the response has begun, the session is renewed at
// its next request and ErrHeadersWritten says so. A request whose token is in
// grace regenerates nothing, and is told so (ErrInGrace) only where it asked
// for Grace(0) or EndOthers.
//
// With the session's token mounted sessions of github.com/gin-contrib/sessions
// get new IDs too, and keep their values. Where one cannot be saved it is
// ErrUnavailable: no token is replaced, and the cached copy is dropped.
func (c *Context[U]) SyncUser(user U, opts ...SyncOption) error {
	return c.state.SyncUser(c.Context, keyOf(c.state, user), syncOptions(opts))
}

// SignOut ends the request's session, at once and with every token it knows,
// and has the client forget its cookie. On an error nothing has changed. With
// nobody signed in it does no harm. Once the response has begun the client keeps
// its cookie, which proves nothing any more.
//
// Mounted sessions of github.com/gin-contrib/sessions lose their values, their
// records and their cookies; saved later in the request they begin anew. A record
// that could not be deleted is told to Config.OnError. Once the response has begun
// they are left alone.
func (c *Context[U]) SignOut() error { return c.state.SignOut(c.Context) }

// AssignUser makes user the current one for the rest of this request, for the
// guards after it as well. It touches neither cache nor session and signs nobody
// in. Fields tagged powgin:"-" are zero in the current user, here as everywhere.
func (c *Context[U]) AssignUser(user U) { assign(c.state, user) }

// Session returns the request's session, and false for nobody.
func (c *Context[U]) Session() (SessionInfo, bool) { return c.state.Session() }

// Sessions returns the user's live sessions, the oldest first. It answers
// ErrNotSignedIn for nobody.
func (c *Context[U]) Sessions() ([]SessionInfo, error) { return c.state.Sessions(c.Context) }

// Revoke ends one of the user's sessions, at once and with every token it
// knows; ending the request's own is SignOut. It answers ErrNoSession for an
// id that is none of this user's, ErrNotSignedIn for nobody, and ErrInGrace where
// the request's token has been replaced, unless the session is its own.
func (c *Context[U]) Revoke(id string) error { return c.state.Revoke(c.Context, id) }

// RevokeOthers ends all of the user's sessions but the request's own, at once and
// with every token they know. It answers ErrNotSignedIn for nobody, and ErrInGrace
// where the request's token has been replaced.
func (c *Context[U]) RevokeOthers() error { return c.state.RevokeOthers(c.Context) }

// Watch follows the request's session and its user for as long as the handler
// runs, for one that keeps a connection open: server-sent events, a WebSocket, a
// long poll. The channel brings a Change when the session has ended, by whatever
// and on whichever node, when the user has changed, and when nobody can tell:
// within 200 milliseconds of the change being concluded, for one that is announced.
// One that nobody announces shows after Config.MaxAge, as it does to requests.
//
//	changes, err := c.Watch()
//	if err != nil {
//		powgin.Abort(c.Context, err)
//		return
//	}
//	for change := range changes {
//		if change.Ended {
//			return // the client, when it connects anew, is answered as anybody
//		}
//		user, _ := c.User()
//		…
//	}
//
// Before it brings a change it makes the user as they are now the request's
// current one, unless AssignUser has put another in their place. What happens
// while nobody receives is brought together, as what there is by then. The channel
// is closed after Ended, when the handler has returned or the client has gone, and
// when Watch is called again.
//
// A connection that is open moves no idle time: a session ends under it. It stands
// by the token that opened it: where that is replaced and works for Config.Grace
// the connection goes on, where it dies at once, by Grace(0) or with NoGrace, the
// connection has to be opened anew.
//
// Nobody signed in is ErrNotSignedIn. A WebSocket handshake that comes from
// another site is ErrCrossOrigin: call Watch before the connection is upgraded.
func (c *Context[U]) Watch() (<-chan Change, error) { return c.state.Watch(c.Context) }

// A Change is what Watch tells of. Where neither of its fields, Ended and Err, is
// set, the user has changed.
type Change = handlers.Change

// Token returns the token that this request is to hand to its client: with the
// transport Bearer, after SignIn, or after SyncUser with Rotate. It is "" in every
// other request, and with other transports, which send their tokens themselves.
// It is the user's password for as long as the session lives: it belongs into the
// answer's body and nowhere else.
func (c *Context[U]) Token() string { return c.state.Token() }

// RenewalToken returns the renewal token that goes with Token, after SignIn with
// Renewable, after Renew, and after SyncUser with Rotate of such a session; ""
// otherwise.
func (c *Context[U]) RenewalToken() string { return c.state.RenewalToken() }

// Renew takes a renewal token for two new ones, Token and RenewalToken, and makes
// its user, who is read from the database, the current one. It is for the route
// of a Bearer API where clients renew, and asks no access token. The old access
// token works for Config.Grace more.
//
// A renewal token is of single use. Within Config.Grace, and for as long as
// neither of the new ones has been used, using it again gives the same two: the
// answer may have been lost. Any other second use means that two have it: it ends
// the session, and is the event reuse. (RFC 9700, section 4.14.2)
//
// A client renews one at a time: of two that cross, the later may find its token
// used. What renews nothing is ErrNotSignedIn, a user who is gone or not Active
// ErrInactive; after ErrUnavailable the token may be used again. With transports
// other than Bearer it is ErrOption.
func (c *Context[U]) Renew(renewalToken string) error { return c.state.Renew(c.Context, renewalToken) }

// RevokeToken ends the session of a renewal token, with every token it knows: a
// sign-out for clients whose access token has run out. A token that renews nothing
// is no error, since there is nothing to end (RFC 7009, section 2.2); with
// transports other than Bearer it is ErrOption.
func (c *Context[U]) RevokeToken(renewalToken string) error {
	return c.state.RevokeToken(c.Context, renewalToken)
}

// Copy returns a copy that may be used by another goroutine and after the
// request. It sees what this request's User, Session and so on see, and its
// SyncUser drops the cached copy but regenerates nothing: no response is left
// to carry a token.
func (c *Context[U]) Copy() *Context[U] {
	return &Context[U]{Context: c.Context.Copy(), state: c.state}
}

// keyOf returns the key of user as the set-up of the state sees it.
func keyOf[U any](s *handlers.State, user U) string { return s.Auth().UserKey(user) }

func assign[U any](s *handlers.State, user U) { s.Assign(s.Auth().Clean(user)) }

// SessionInfo tells what may be shown of a session. Nothing in it is a
// credential. Its times are in UTC.
type SessionInfo = handlers.SessionInfo

// CurrentUser returns the current user of a request, and false for nobody and
// where no Session ran. The context may be a gin.Context, a request's context,
// or one derived from either. Among several Sessions it asks the innermost whose
// users are of type U; a type that none of them has is a mistake in the program,
// and panics.
func CurrentUser[U any](ctx context.Context) (U, bool) {
	s := handlers.StateOf(ctx)
	if s == nil {
		var none U
		return none, false
	}
	return contextOf[U](s).User()
}

// UserKey returns the key of the user whose session the request carries, by
// the innermost Session, and false for nobody: for logs and plain code that
// knows no user type. The context is as for CurrentUser. AssignUser does not
// change it.
func UserKey(ctx context.Context) (string, bool) {
	s := handlers.StateOf(ctx)
	if s == nil {
		return "", false
	}
	return s.UserKey()
}

// Age returns how old the copy of the session's user is that a request has,
// and false where it has none. The context is as for CurrentUser.
func Age(ctx context.Context) (time.Duration, bool) {
	s := handlers.StateOf(ctx)
	if s == nil {
		return 0, false
	}
	return s.Age()
}

// Unknown reports that a request has no user because nobody could tell who is
// signed in, and that the policy Anonymous let it pass. The context is as for
// CurrentUser.
func Unknown(ctx context.Context) bool {
	s := handlers.StateOf(ctx)
	return s != nil && s.Unknown()
}

// The functions below do for plain Gin handlers what the methods of Context do
// for typed ones. Without Session ahead of them they return an error.

// SignIn is Context.SignIn for plain handlers.
func SignIn[U any](c *gin.Context, user U, opts ...SignInOption) error {
	s, err := stateFor[U](c)
	if err != nil {
		return err
	}
	return s.SignIn(c, keyOf(s, user), signInOptions(opts))
}

// SyncUser is Context.SyncUser for plain handlers.
func SyncUser[U any](c *gin.Context, user U, opts ...SyncOption) error {
	s, err := stateFor[U](c)
	if err != nil {
		return err
	}
	return s.SyncUser(c, keyOf(s, user), syncOptions(opts))
}

// SignOut is Context.SignOut for plain handlers, and acts on the innermost
// Session.
func SignOut(c *gin.Context) error {
	s, err := innermost(c)
	if err != nil {
		return err
	}
	return s.SignOut(c)
}

// AssignUser is Context.AssignUser for plain handlers. Without Session it
// panics: there is nowhere to keep the user.
func AssignUser[U any](c *gin.Context, user U) {
	s, err := stateFor[U](c)
	if err != nil {
		panic(err)
	}
	assign(s, user)
}

// SessionOf is Context.Session for plain handlers, and acts on the innermost
// Session.
func SessionOf(c *gin.Context) (SessionInfo, bool) {
	s, err := innermost(c)
	if err != nil {
		return SessionInfo{}, false
	}
	return s.Session()
}

// SessionsOf is Context.Sessions for plain handlers, and acts on the innermost
// Session.
func SessionsOf(c *gin.Context) ([]SessionInfo, error) {
	s, err := innermost(c)
	if err != nil {
		return nil, err
	}
	return s.Sessions(c)
}

// Revoke is Context.Revoke for plain handlers, and acts on the innermost
// Session.
func Revoke(c *gin.Context, id string) error {
	s, err := innermost(c)
	if err != nil {
		return err
	}
	return s.Revoke(c, id)
}

// RevokeOthers is Context.RevokeOthers for plain handlers, and acts on the
// innermost Session.
func RevokeOthers(c *gin.Context) error {
	s, err := innermost(c)
	if err != nil {
		return err
	}
	return s.RevokeOthers(c)
}

// Watch is Context.Watch for plain handlers, and acts on the innermost Session.
func Watch(c *gin.Context) (<-chan Change, error) {
	s, err := innermost(c)
	if err != nil {
		return nil, err
	}
	return s.Watch(c)
}

func innermost(c *gin.Context) (*handlers.State, error) {
	if s := handlers.StateOf(c); s != nil {
		return s, nil
	}
	return nil, handlers.ErrNoSessionMiddleware
}

func stateFor[U any](c *gin.Context) (*handlers.State, error) {
	s, err := innermost(c)
	if err != nil {
		return nil, err
	}
	return contextOf[U](s).state, nil
}

// A SignInOption changes what SignIn does. One that has a value out of its
// range, or does not go with another, is ErrOption, and nothing has changed then.
type SignInOption interface {
	signIn(*handlers.SessionOptions)
}

// A SyncOption changes what SyncUser or Auth.Sync does. One that does not apply
// to the call is ErrOption, and nothing has changed then.
type SyncOption interface {
	sync(*handlers.SessionOptions)
}

// A SessionOption is a SignInOption and a SyncOption.
type SessionOption interface {
	SignInOption
	SyncOption
}

// For has the new session end d after sign-in whatever happens, in place of
// Config.AbsoluteTimeout: sooner in a kiosk, later in an app on a phone. d is
// above 0 and at most 400 days. Config.IdleTimeout counts as ever.
func For(d time.Duration) SignInOption { return signInOption(handlers.For(d)) }

// Remember has the new session live for d, above 0 and at most 400 days, in
// place of Config.AbsoluteTimeout, and its cookie with it: over the end of the
// browser and over Config.IdleTimeout. A session that was idle for longer is
// dormant. The request that wakes it reads the user from the database and is
// given a new token, and RequireRecentSignIn lets the session pass no more. It
// does not go with For.
func Remember(d time.Duration) SignInOption { return signInOption(handlers.Remember(d)) }

// Renewable has SignIn, with the transport Bearer, give a renewal token beside the
// access token. The access token works for Config.IdleTimeout, and nothing moves
// that; then Context.Renew takes the renewal token for new ones, until d after the
// sign-in: above 0 and at most 400 days. It does not go with For and Remember, nor
// with other transports.
func Renewable(d time.Duration) SignInOption { return signInOption(handlers.Renewable(d)) }

// Method records how the user has proved who they are, for SessionInfo.Methods
// and whoever decides by it: Method("password", "totp"). The names are the app's
// own; RFC 8176 has a list of usual ones. At most 8, of 1 to 64 bytes of
// printable text.
func Method(names ...string) SignInOption { return signInOption(handlers.Method(names)) }

// Grace has the tokens that SyncUser replaces work for d more, rather than for
// Config.Grace; from 0 to a minute, else SyncUser is ErrOption. Grace(0) ends them
// at once, and those of earlier rotations with them, also where a Bearer token
// stays; where that cannot be done SyncUser is ErrInGrace.
func Grace(d time.Duration) SyncOption { return syncOption(handlers.Grace(d)) }

// KeepSession has SyncUser leave the session's token as it is.
func KeepSession() SyncOption { return syncOption(handlers.KeepSession) }

// Rotate has SyncUser replace the token of a Bearer session, which otherwise
// stays; Context.Token has the new one. The client needs it also where SyncUser
// returns an error because the user could not be read. Once the response has begun
// the token stays, and SyncUser is ErrHeadersWritten. With other transports Rotate
// changes nothing: their tokens are replaced anyway. It does not go with
// KeepSession.
func Rotate() SyncOption { return syncOption(handlers.Rotate) }

// EndOthers ends the user's other sessions, in SignIn and SyncUser, at once and
// with every token they know.
func EndOthers() SessionOption { return sessionOption(handlers.EndOthers) }

// Regenerate has Auth.Sync give each of the user's sessions a new token at its
// next request. It is hygiene, not a defence: whoever has a token gets its
// successor too, so against them use RevokeSessions.
func Regenerate() SyncOption { return syncOption(handlers.Regenerate) }

// RevokeSessions has Auth.Sync end all of the user's sessions, at once and with
// every token they know.
func RevokeSessions() SyncOption { return syncOption(handlers.RevokeSessions) }

type syncOption handlers.Option

func (o syncOption) sync(s *handlers.SessionOptions) { o(s) }

type signInOption handlers.Option

func (o signInOption) signIn(s *handlers.SessionOptions) { o(s) }

type sessionOption handlers.Option

func (o sessionOption) sync(s *handlers.SessionOptions)   { o(s) }
func (o sessionOption) signIn(s *handlers.SessionOptions) { o(s) }

func syncOptions(opts []SyncOption) (sum handlers.SessionOptions) {
	for _, o := range opts {
		o.sync(&sum)
	}
	return sum
}

func signInOptions(opts []SignInOption) (sum handlers.SessionOptions) {
	for _, o := range opts {
		o.signIn(&sum)
	}
	return sum
}
