package cache

import "errors"

// The outcomes a caller can act on. Errors of this package wrap one of them,
// or a store's own error; test for them with errors.Is.
//
// Each means that the answer is not known, or that the change was refused. A
// session that does not exist is no error: it is an answer.
var (
	// ErrUnavailable means that the store or the source of users could not
	// answer. Whether anybody is signed in is unknown.
	ErrUnavailable = errors.New("powgin: the store or the database cannot answer")
	// ErrBusy is an ErrUnavailable: no connection to the database came free in
	// time, or no lock, and nothing has happened. It is what a call answers that
	// is made inside a transaction which holds the pool's only connection.
	ErrBusy error = busyError{}
	// ErrFull means that the store is at its bound and that no expired
	// account could make room. It is an ErrUnavailable.
	ErrFull error = fullError{}
	// ErrWrongUser means that a record or a row belongs to another user than
	// the one it was asked for. It is an ErrUnavailable, never served.
	ErrWrongUser error = wrongUserError{}
	// ErrInactive means that the user is gone, or that Active refused them.
	ErrInactive = errors.New("powgin: the user does not exist or is not active")
	// ErrNoSession means that the session is none of this user's.
	ErrNoSession = errors.New("powgin: no such session")
	// ErrTooManySessions means that the user has as many sessions as they may
	// have, and that a further one is to be denied.
	ErrTooManySessions = errors.New("powgin: too many sessions")
	// ErrInGrace means that the request's token has been replaced, and that
	// what was asked needs the session's current one.
	ErrInGrace = errors.New("powgin: the request's token has been replaced")
)

// A sourceError is an ErrUnavailable of the source of users: the store may
// well have answered.
type sourceError struct{ error }

func (e sourceError) Unwrap() error { return e.error }

// The three below are kinds of ErrUnavailable, so that errors.Is(err,
// ErrUnavailable) is the one question a caller has to ask.

type busyError struct{}

func (busyError) Error() string {
	return "powgin: no database connection or lock came free in time (is powgin called inside an open transaction?)"
}
func (busyError) Unwrap() error { return ErrUnavailable }

type fullError struct{}

func (fullError) Error() string { return "powgin: the store holds as many accounts as it may" }
func (fullError) Unwrap() error { return ErrUnavailable }

type wrongUserError struct{}

func (wrongUserError) Error() string {
	return "powgin: a record or row belongs to another user than the one asked for"
}
func (wrongUserError) Unwrap() error { return ErrUnavailable }
