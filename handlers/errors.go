package handlers

import "errors"

// What a handler may be told, beside the errors of package cache. The texts
// tell the developer what to do next; they are not shown to users.
var (
	// ErrNotSignedIn means that the request has no session.
	ErrNotSignedIn = errors.New("powgin: nobody is signed in on this request")
	// ErrOtherUser means that the user is not the one whose session this is.
	ErrOtherUser = errors.New("powgin: this is another user than the session's; to sync a user from outside their own requests use Auth.Sync")
	// ErrNoUserKey means that the user's primary key is zero.
	ErrNoUserKey = errors.New("powgin: the user has no primary key yet")
	// ErrHeadersWritten means that the response has begun, or is not this
	// goroutine's, so that no new token can travel with it.
	ErrHeadersWritten = errors.New("powgin: the response has begun: a new token cannot be sent any more")
	// ErrReauthenticate means that the user has to prove once more who they are.
	ErrReauthenticate = errors.New("powgin: the user signed in too long ago for this: have them sign in again")
	// ErrForbidden means that a guard refused the user.
	ErrForbidden = errors.New("powgin: the user may not do this")
	// ErrCrossOrigin means that an unsafe request came from another site.
	ErrCrossOrigin = errors.New("powgin: an unsafe request came from another origin")
	// ErrNoSessionMiddleware means that the chain lacks the middleware that
	// everything else builds on.
	ErrNoSessionMiddleware = errors.New("powgin: no Session middleware ran for this request: add router.Use(auth.Session()) before this route")
	// ErrNoGinSession means that the chain lacks the session that tokens are to
	// be in.
	ErrNoGinSession = errors.New("powgin: no session of gin-contrib/sessions is mounted for InSession: add router.Use(sessions.Sessions(name, store)) before auth.Session(), and with several sessions name one in InSession.Session")
	// ErrSessionConflict means that two set-ups in one chain would read each
	// other's users or cookies.
	ErrSessionConflict = errors.New("powgin: two Auths in one chain need different user types, ContextKeys and cookie names or InSession keys (Namespace is part of the name)")
	// ErrOption means that an option does not apply to the call it was given.
	ErrOption = errors.New("powgin: this option does not apply here")
)
