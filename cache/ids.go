package cache

import (
	"crypto/rand"
	"encoding/base64"
	"time"
)

// A Time is a moment by the store's clock, in nanoseconds since the Unix
// epoch. The zero Time means never.
type Time int64

// Add returns the moment d later.
func (t Time) Add(d time.Duration) Time { return t + Time(d) }

// Sub returns how much later t is than u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t - u) }

// Std returns t as a time.Time in UTC, and the zero time.Time for never.
func (t Time) Std() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}

// TimeOf returns t as a Time, and 0 for the zero time.Time.
func TimeOf(t time.Time) Time {
	if t.IsZero() {
		return 0
	}
	return Time(t.UnixNano())
}

// An ID is 128 random bits: a version, a lease, an epoch's stamp or a writer.
// IDs are never counters: a store that fails over may rewind a counter, and a
// number that was seen before would let a stale write in. The zero ID is none.
type ID [16]byte

// NewID draws an ID.
func NewID() (id ID) {
	fill(id[:])
	return id
}

// A Handle is the public name of a session: stable for its life, safe to show
// and to log, and no credential. It is drawn independently of every token.
type Handle [12]byte

func newHandle() (h Handle) {
	fill(h[:])
	return h
}

// String returns the handle as 16 URL-safe characters.
func (h Handle) String() string { return handleText.EncodeToString(h[:]) }

// ParseHandle reads what String wrote. It reports false for anything else.
func ParseHandle(s string) (h Handle, ok bool) {
	if len(s) != handleText.EncodedLen(len(h)) {
		return h, false
	}
	_, err := handleText.Decode(h[:], []byte(s))
	return h, err == nil && h.String() == s // Decode skips line breaks
}

var handleText = base64.RawURLEncoding.Strict()

// fill draws random bytes. crypto/rand never returns an error: it ends the
// program where the system has no randomness to give.
func fill(b []byte) { _, _ = rand.Read(b) }
