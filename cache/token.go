package cache

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"log/slog"
	"sync"
)

// A Transport is how a token travels. A session is bound to its transport.
type Transport uint8

// The transports. Their numbers are part of stored records and of MACs.
const (
	Cookie Transport = iota + 1
	InSession
	Bearer
)

// rotates reports whether tokens of this transport get successors by
// themselves. A bearer token stays: its client could not learn a new one.
func (t Transport) rotates() bool { return t != Bearer }

// A Token proves a session. It prints as [redacted]; Tokens.Format gives its
// text. The zero Token proves nothing.
type Token struct {
	account AccountID
	secret  [32]byte
}

const redacted = "[redacted]"

// String returns "[redacted]".
func (Token) String() string { return redacted }

// GoString returns "[redacted]".
func (Token) GoString() string { return redacted }

// Format writes "[redacted]" whatever the verb is, %x and %v alike. (fmt never
// asks it for %p, a verb for pointers; go vet refuses that one for a Token.)
func (Token) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]" to log/slog.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]" to encoders.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// hash is what the store knows of the token.
func (t *Token) hash() Hash { return sha256.Sum256(t.secret[:]) }

// NewToken makes a token of an account. It proves nothing until a SignIn or Sync
// has landed with it.
func NewToken(account AccountID) (t Token) {
	t.account = account
	fill(t.secret[:])
	return t
}

// or returns t, or a new token where t is none of the account's.
func (t *Token) or(account AccountID) Token {
	if t.account != account {
		return NewToken(account)
	}
	return *t
}

// The labels keep a secret that is derived for one purpose from ever being one
// that is derived for another under the same key.
const (
	successorLabel = "powgin token successor v1"
	accessLabel    = "powgin renewed access token v1"
	renewalLabel   = "powgin renewed renewal token v1"
)

// successor derives the token that replaces t. Whoever holds t and the salt
// gets the same one, so parallel requests hand out one successor, and neither
// the store alone nor a stolen old token alone gives it.
func (t *Token) successor(h Handle, salt *Hash) Token { return t.derive(successorLabel, h, salt) }

func (t *Token) derive(label string, h Handle, salt *Hash) (next Token) {
	m := hmac.New(sha256.New, t.secret[:])
	m.Write([]byte(label))
	m.Write(t.account[:])
	m.Write(h[:])
	m.Write(salt[:])
	next.account = t.account
	m.Sum(next.secret[:0])
	return next
}

// A pair is what a renewable session's client holds.
type pair struct{ access, renewal Token }

// familySize is how much of its secret a renewal token has in common with those
// that it came from. 128 random bits are left to each of its own.
const familySize = 16

// renewed derives the tokens that the renewal token t gives. Whoever holds t
// and the salt gets the same ones.
func (t *Token) renewed(h Handle, salt *Hash) pair {
	p := pair{t.derive(accessLabel, h, salt), t.derive(renewalLabel, h, salt)}
	copy(p.renewal.secret[:familySize], t.secret[:familySize])
	return p
}

// family is what the store knows of what t and the renewal tokens derived from
// it have in common.
func (t *Token) family() Hash { return sha256.Sum256(t.secret[:familySize]) }

// Tokens writes tokens as text and reads them back, for one namespace and
// transport. It is safe for concurrent use.
//
// The text is URL-safe base64 of a fixed length: 1 byte that tells what it is, the account's
// id, 32 secret bytes and, with keys, a 16-byte MAC. With keys a forged token
// is refused before the store is asked.
type Tokens struct {
	format byte   // the first of each token
	prefix []byte // what the MAC covers before the token's own bytes
	macs   []*sync.Pool
	size   int // bytes before base64
}

const (
	tokenFormat   = 1
	renewalFormat = 2 // of renewal tokens; the MAC covers it
	tokenSize     = 1 + 16 + 32
	macSize       = 16
	maxText       = (tokenSize + macSize + 2) / 3 * 4
)

// tokenText refuses trailing bits that are not zero, so that a token has one
// text only. It is made once: Strict allocates a new encoding at each call.
var tokenText = base64.RawURLEncoding.Strict()

// NewTokens returns the Tokens of a namespace and transport. The first key
// signs and all of them verify; without keys tokens carry no MAC.
func NewTokens(namespace string, t Transport, keys [][]byte) *Tokens {
	return newTokens(tokenFormat, namespace, t, keys)
}

// NewRenewalTokens is NewTokens for renewal tokens. Their texts are as long as
// those of access tokens. Neither Tokens reads what the other wrote; with keys
// no text can be made from one of the other kind.
func NewRenewalTokens(namespace string, t Transport, keys [][]byte) *Tokens {
	return newTokens(renewalFormat, namespace, t, keys)
}

func newTokens(format byte, namespace string, t Transport, keys [][]byte) *Tokens {
	x := &Tokens{format: format, size: tokenSize}
	x.prefix = append(x.prefix, "powgin token mac v1\x00"...)
	x.prefix = append(x.prefix, byte(t), byte(len(namespace)>>8), byte(len(namespace)))
	x.prefix = append(x.prefix, namespace...)
	for _, k := range keys {
		key := append([]byte(nil), k...)
		x.macs = append(x.macs, &sync.Pool{New: func() any { return &macer{Hash: hmac.New(sha256.New, key)} }})
		x.size = tokenSize + macSize
	}
	return x
}

// Format returns the token's text.
func (x *Tokens) Format(t Token) string {
	var b [tokenSize]byte
	b[0] = x.format
	copy(b[1:], t.account[:])
	copy(b[17:], t.secret[:])
	text := b[:]
	if len(x.macs) > 0 {
		mac := x.mac(x.macs[0], &b)
		text = append(text, mac[:]...)
	}
	return tokenText.EncodeToString(text)
}

// Parse reads a token's text. It reports false for everything that Format
// did not write, and never tells why.
func (x *Tokens) Parse(s string) (t Token, ok bool) {
	if len(s) != tokenText.EncodedLen(x.size) {
		return t, false
	}
	var b [maxText]byte
	// Decode skips line breaks, which shows in how much it writes.
	if n, err := tokenText.Decode(b[:], []byte(s)); err != nil || n != x.size || b[0] != x.format {
		return t, false
	}
	if len(x.macs) > 0 && !x.verify((*[tokenSize]byte)(b[:]), b[tokenSize:x.size]) {
		return t, false
	}
	copy(t.account[:], b[1:])
	copy(t.secret[:], b[17:])
	return t, true
}

func (x *Tokens) verify(token *[tokenSize]byte, mac []byte) bool {
	for _, pool := range x.macs {
		want := x.mac(pool, token)
		if subtle.ConstantTimeCompare(want[:], mac) == 1 {
			return true
		}
	}
	return false
}

// A macer is a keyed hash with room for what goes in and out. It is pooled: a
// new HMAC for each request would cost more than the rest of the check.
type macer struct {
	hash.Hash
	in  [tokenSize]byte
	sum [sha256.Size]byte
}

func (x *Tokens) mac(pool *sync.Pool, token *[tokenSize]byte) (mac [macSize]byte) {
	m := pool.Get().(*macer)
	m.in = *token
	m.Reset()
	m.Write(x.prefix)
	m.Write(m.in[:])
	m.Sum(m.sum[:0])
	copy(mac[:], m.sum[:])
	m.in, m.sum = [tokenSize]byte{}, [sha256.Size]byte{}
	pool.Put(m)
	return mac
}
