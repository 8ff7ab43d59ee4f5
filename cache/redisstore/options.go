package redisstore

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// An Option alters what [New] and [Open] make.
type Option func(*options)

type options struct {
	prefix         string
	strict         bool
	records, bytes int
	log            *slog.Logger
	beat, belief   time.Duration // other than in use only in tests
}

// The bounds of the local tier, where no option names others.
const (
	DefaultLocalSize  = 16_384
	DefaultLocalBytes = 64 << 20
)

// Prefix sets what every key begins with, behind a brace: "powgin" where it is
// not given. Stores with different prefixes have nothing in common, however
// many share the server. It must be 1 to 64 letters, digits and signs other
// than braces and colons. An ACL needs the keys ~{powgin:*.
func Prefix(prefix string) Option { return func(o *options) { o.prefix = prefix } }

// Strict turns the local tier off: every read asks Redis, and sees every change
// that any node has been told is made. That costs each request one round trip.
func Strict() Option { return func(o *options) { o.strict = true } }

// LocalSize bounds the number of accounts that the local tier holds; it is
// DefaultLocalSize where it is not given. It must be positive: [Strict] is for
// those who want none.
func LocalSize(accounts int) Option { return func(o *options) { o.records = accounts } }

// LocalBytes bounds the memory that they take, about; it is DefaultLocalBytes
// where it is not given. It must be positive. An account that takes more than a
// 64th of it may not be held.
func LocalBytes(bytes int) Option { return func(o *options) { o.bytes = bytes } }

// Logger sets where the Store says what its administrator should know: that the
// server may evict sessions, or that its clock has gone back. nil is
// [slog.Default].
func Logger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// settle returns what the options come to, or all that is wrong with them.
func settle(opts []Option) (*options, error) {
	o := &options{
		prefix: "powgin", records: DefaultLocalSize, bytes: DefaultLocalBytes,
		beat: beat, belief: belief,
	}
	for _, opt := range opts {
		opt(o)
	}
	if o.log == nil {
		o.log = slog.Default()
	}
	var wrong []error
	if n := len(o.prefix); n < 1 || n > 64 || strings.ContainsFunc(o.prefix, unfit) {
		wrong = append(wrong, fmt.Errorf("Prefix(%q) must be 1 to 64 visible characters without braces and colons", o.prefix))
	}
	if o.records <= 0 {
		wrong = append(wrong, fmt.Errorf("LocalSize(%d) must be positive (Strict turns the local tier off)", o.records))
	}
	if o.bytes <= 0 {
		wrong = append(wrong, fmt.Errorf("LocalBytes(%d) must be positive (Strict turns the local tier off)", o.bytes))
	}
	return o, errors.Join(wrong...)
}

// unfit reports whether a character has a meaning in keys, or none on a screen.
func unfit(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("{}:", r) }
