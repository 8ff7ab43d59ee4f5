package cache

import "time"

// Rules are the times and bounds that decisions keep to. Every field counts as
// it stands: a zero Grace is no grace. Only a MaxSessions below one counts as
// one.
type Rules struct {
	IdleTimeout     time.Duration // a session dies this long after its last renewal
	RenewAfter      time.Duration // a token older than this gets a successor
	AbsoluteTimeout time.Duration // a session dies this long after sign-in, whatever happens
	Grace           time.Duration // a replaced token works this much longer
	MaxAge          time.Duration // a cached user older than this is read again
	MaxSessions     int           // sessions of one user
	DenyAtMax       bool          // refuse the sign-in that is one too many, rather than evict
	EndAtReuse      bool          // end a session whose replaced token comes back, rather than only report it
}

// WriterDeadline is how long a writer that announced itself and never
// concluded keeps readers on the database. A COMMIT must end within it.
const WriterDeadline = 30 * time.Second

const (
	maxWriters  = 64        // writers in flight of one account; more are folded into one
	maxRetired  = 16        // replaced tokens of a session that still work
	maxUsed     = 4         // replaced tokens that it remembers when they do not
	maxEncoded  = 256 << 10 // bytes of an encoded account
	maxMetadata = 8         // entries of a session's metadata
	maxMetaText = 256       // bytes of one metadata key or value
)

// UserAge is the oldest a cached user may be. An entry older than RenewAfter
// is read again even where MaxAge sets no bound, so that an invalidation which
// was lost is not lost for ever.
func (r *Rules) UserAge() time.Duration {
	if r.MaxAge < r.RenewAfter {
		return r.MaxAge
	}
	return r.RenewAfter
}
