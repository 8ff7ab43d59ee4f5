// Package handlers is powgin's Gin side, without type parameters: middleware,
// transports, the state of a request, and the readers of users. Package powgin
// gives it types and is what apps import; this package's API is for powgin
// alone and may change with any version.
//
// Where things are: auth.go holds what one set-up resolves to, state.go what a
// request knows; session.go, reload.go and guard.go are the middleware;
// signin.go, sync.go and sessions.go what a handler may ask for; cookie.go and
// writer.go how a token travels; refuse.go how a request is turned away; and
// model*.go, loader*.go, copyplan*.go and secrets*.go what is worked out about
// a user type, once, when it is set up.
package handlers
