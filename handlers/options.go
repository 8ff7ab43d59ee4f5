package handlers

import (
	"time"
	"unicode"

	"github.com/powgin/powgin/cache"
)

// SessionOptions is what the options of SignIn, SyncUser and Auth.Sync add up
// to. Each call refuses, with ErrOption, what does not apply to it.
type SessionOptions struct {
	grace      *time.Duration
	keep       bool
	rotate     bool
	endOthers  bool
	regenerate bool
	revoke     bool

	lifetime  *time.Duration
	remember  *time.Duration
	renewable *time.Duration
	methods   []string
	imported  bool
}

// An Option sets one of them.
type Option func(*SessionOptions)

// The options, as package powgin documents them.
var (
	KeepSession    Option = func(o *SessionOptions) { o.keep = true }
	Rotate         Option = func(o *SessionOptions) { o.rotate = true }
	EndOthers      Option = func(o *SessionOptions) { o.endOthers = true }
	Regenerate     Option = func(o *SessionOptions) { o.regenerate = true }
	RevokeSessions Option = func(o *SessionOptions) { o.revoke = true }
)

// For sets how long the session may last.
func For(d time.Duration) Option { return func(o *SessionOptions) { o.lifetime = &d } }

// Remember sets for how long the session is remembered.
func Remember(d time.Duration) Option { return func(o *SessionOptions) { o.remember = &d } }

// Renewable sets for how long the session may be renewed.
func Renewable(d time.Duration) Option { return func(o *SessionOptions) { o.renewable = &d } }

// Method sets how the user has proved who they are.
func Method(methods []string) Option { return func(o *SessionOptions) { o.methods = methods } }

// Grace sets how long replaced tokens still work.
func Grace(d time.Duration) Option { return func(o *SessionOptions) { o.grace = &d } }

func (o *SessionOptions) background() bool { return o.regenerate || o.revoke }

// MaxGrace bounds every grace: a replaced token that works for longer is a
// second session in all but name.
const MaxGrace = time.Minute

func (o *SessionOptions) graceOrDefault() (time.Duration, error) {
	switch {
	case o.grace == nil:
		return -1, nil
	case *o.grace < 0 || *o.grace > MaxGrace:
		return 0, ErrOption
	}
	return *o.grace, nil
}

// maxMethod bounds the length of a method's name in bytes.
const maxMethod = 64

// life returns the lifetime of a new session, 0 for the usual one, and whether
// it is remembered. Only one of the options says it.
func (o *SessionOptions) life() (d time.Duration, remember bool, err error) {
	for _, given := range [...]*time.Duration{o.lifetime, o.remember, o.renewable} {
		switch {
		case given == nil:
		case d != 0 || *given <= 0 || *given > cache.MaxLifetime:
			return 0, false, ErrOption
		default:
			d = *given
		}
	}
	return d, o.remember != nil, nil
}

// checkMethods refuses what cannot be the name of a method. The names are the
// app's own, so a bad one is a mistake in it.
func (o *SessionOptions) checkMethods() error {
	if len(o.methods) > cache.MaxMethods {
		return ErrOption
	}
	for _, m := range o.methods {
		if m == "" || len(m) > maxMethod {
			return ErrOption
		}
		for _, r := range m {
			if r == unicode.ReplacementChar || !unicode.IsGraphic(r) {
				return ErrOption
			}
		}
	}
	return nil
}
