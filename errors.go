package powgin

import (
	"github.com/gin-gonic/gin"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/handlers"
)

// Errors that a caller can act on; test for them with errors.Is. Abort answers
// each as it should be answered, with 500 where nothing else is said.
var (
	// ErrUnavailable means that the store or the database could not answer:
	// whether anybody is signed in is unknown. ErrBusy and ErrFull are kinds of
	// it. Abort answers 503.
	ErrUnavailable = cache.ErrUnavailable
	// ErrBusy means that no database connection, or no lock, came free in time,
	// for instance because SyncUser was called inside a transaction that holds
	// the last one.
	ErrBusy = cache.ErrBusy
	// ErrFull means that the store holds as many accounts as it may, and that
	// no expired one could make room. Nobody is signed out for a new sign-in.
	ErrFull = cache.ErrFull
	// ErrNotSignedIn means that the request has no session. Abort answers 401,
	// or redirects browsers to Config.SignInPath.
	ErrNotSignedIn = handlers.ErrNotSignedIn
	// ErrOtherUser means that the user is not the one whose session this is;
	// Auth.Sync is for other users. Abort answers 409.
	ErrOtherUser = handlers.ErrOtherUser
	// ErrNoUserKey means that the user's primary key is zero.
	ErrNoUserKey = handlers.ErrNoUserKey
	// ErrInactive means that the user does not exist, or that Config.Active
	// refused them. Abort answers 403.
	ErrInactive = cache.ErrInactive
	// ErrHeadersWritten means that the response has begun, so that a new token
	// could not be sent with it. After SyncUser the cached user is dropped all
	// the same, and the session renewed at its next request.
	ErrHeadersWritten = handlers.ErrHeadersWritten
	// ErrInGrace means that the request's token has been replaced, and that
	// what was asked needs the session's current one. Abort answers 409.
	ErrInGrace = cache.ErrInGrace
	// ErrNoSession means that the session is none of this user's. Abort answers
	// 404.
	ErrNoSession = cache.ErrNoSession
	// ErrTooManySessions means that the sign-in was denied since the user has
	// Config.MaxSessions of them and AtMaxSessions is Deny. Abort answers 429.
	ErrTooManySessions = cache.ErrTooManySessions
	// ErrReauthenticate means that the user signed in too long ago for what they
	// want: RequireRecentSignIn. Abort answers 401, or redirects browsers to
	// Config.ReauthPath.
	ErrReauthenticate = handlers.ErrReauthenticate
	// ErrForbidden means that a guard refused the user. Abort answers 403.
	ErrForbidden = handlers.ErrForbidden
	// ErrCrossOrigin means that an unsafe request came from another site. Abort
	// answers 403.
	ErrCrossOrigin = handlers.ErrCrossOrigin
	// ErrOption means that an option does not apply to the call it was given,
	// or has a value out of its range.
	ErrOption = handlers.ErrOption
)

// Abort ends the request with the answer that err is due, as powgin's own
// middleware would: for ErrNotSignedIn with a redirect of browsers to
// Config.SignInPath and for ErrReauthenticate to Config.ReauthPath, where they
// are set; else through Config.Refuse, where that is; else with problem details
// (RFC 9457). The answer is not to be stored, and 503 comes with Retry-After. An
// error that is none of this package's is 500; what is 500 or more is told to
// Config.OnError. Nothing of err itself reaches the client. Once the response has
// begun Abort only ends the chain; without a Session ahead of it there is no
// Config, and the answer is problem details.
func Abort(c *gin.Context, err error) { handlers.Abort(c, err) }

// AbortStatus returns the HTTP status that Abort answers err with, redirects
// apart.
func AbortStatus(err error) int { return handlers.Status(err) }

// LocalPath returns s and true where s is a path of this site that a redirect
// may lead to, with or without a query: what a parameter such as next has to
// pass. It returns "" and false for everything that a browser, or who cleans the
// path on the way, could take for another site: what does not begin with one
// slash, backslashes, control characters, double slashes beside dot segments; and
// for the empty string and anything over 2 KiB. It does not say that there is
// such a page.
func LocalPath(s string) (string, bool) { return handlers.LocalPath(s) }

// JoinKey makes one user key of several parts, different for different parts,
// for implementations of Users whose keys are composite: JoinKey("acme", "42") is
// "acme,42", and commas inside a part are escaped. It is what Auth.Key gives for
// a model with several primary key columns. One part is the key as it stands, and
// none is "".
func JoinKey(parts ...string) string { return handlers.JoinKey(parts...) }
