package cache

import (
	"context"
	"time"
)

// A Store keeps records: bytes with a version and an expiry. It knows nothing
// of what they hold. Implementations must be safe for concurrent use; package
// cachetest holds their contract as a test suite.
//
// An error means that the outcome is not known: a Swap that returned one may
// or may not have happened. A record that is absent is no error. Errors should
// name what failed and never hold a record's bytes.
type Store interface {
	// Load returns the record of key, the epoch record that goes with it and
	// the store's time, in one round trip. Absent records have a zero Version.
	// A record whose expiry has come is absent, to the moment.
	Load(ctx context.Context, key Key) (Loaded, error)

	// Swap puts next in the place of the record whose version is old, where
	// the zero version stands for an absent record, and reports true. Where
	// the record is another by now nothing changes, Swap reports false and
	// returns what Load would. A next with the zero Version deletes.
	//
	// Once Swap has reported true every Load sees the change, on every node
	// where the store promises that, and at least on this one.
	Swap(ctx context.Context, key Key, old ID, next Record) (Loaded, bool, error)

	// Epochs returns the keys of the space's epoch record: one, or one a shard
	// where accounts are kept in shards. Load of an account brings one of
	// them; a Load of such a key brings it as Record.
	Epochs(space string) []Key
}

// A NearStore is a Store that keeps copies of records in the process. Requests
// are answered from them where they show a signed-in user whom nothing is due
// for; for everything else the Store itself is asked, so that a copy can only
// say yes.
type NearStore interface {
	Store
	// LoadNear returns the copy of what Load would return, and false where there
	// is none that may be believed. Nothing that this process has changed is
	// missing in it, and what others change is missing for a moment at most: the
	// store's documentation says for how long. It never waits.
	LoadNear(key Key) (Loaded, bool)
}

// A TxStore is a Store in a database where the app may have a transaction that
// no change made beside it could wait for.
type TxStore interface {
	Store
	// InTx returns the Store as part of the transaction, which is of a type that
	// the store knows: what is changed through it is committed or rolled back
	// with the rest. It returns false where changes are to be made beside tx, as
	// for a transaction on another database.
	InTx(tx any) (Store, bool)
}

// A VersionStore is a Store that tells the versions of many records for less than
// as many Loads. Nodes with many live connections ask it several times a second
// whether others have changed what they follow.
type VersionStore interface {
	Store
	// Versions returns the versions of the records with these keys, in their order,
	// and the zero one for a record that is absent. All keys are of one space.
	Versions(ctx context.Context, keys []Key) ([]ID, error)
}

// A Key names a record.
type Key struct {
	Space string
	ID    AccountID
}

// A Record is what a Store keeps under a key.
type Record struct {
	Version ID     // zero for a record that is absent
	Data    []byte // never changed after it was handed over, by either side
	Expires Time   // by the store's clock
}

// Loaded is what one Load brings.
type Loaded struct {
	Record Record
	Epoch  Record
	Now    Time // the store's time of this load
}

// epochID is the id of an epoch record in stores that keep one a space. It is
// no account's: an account id is a truncated SHA-256.
var epochID = AccountID{}

// EpochKey returns the key of a space's epoch record, for stores that keep one.
func EpochKey(space string) Key { return Key{Space: space, ID: epochID} }

// A Codec turns a user into bytes and back, for stores outside the process.
type Codec interface {
	// Encode returns the user's bytes.
	Encode(user any) ([]byte, error)
	// Decode returns the user that Encode was given. An error means that the
	// bytes are of another shape: the user is read again.
	Decode(b []byte) (user any, err error)
}

// A clock tells a store's time: the wall clock at its start, moved on by the
// monotonic clock, so that a step of the wall clock ends no session.
type clock struct {
	start time.Time
	at    Time             // start, as a Time
	told  func() time.Time // another's, in place of all that; nil in use
}

func newClock() clock {
	start := time.Now()
	return clock{start: start, at: TimeOf(start)}
}

func (c *clock) now() Time {
	if c.told != nil {
		return TimeOf(c.told())
	}
	return c.at.Add(time.Since(c.start))
}
