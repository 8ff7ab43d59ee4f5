package cache

// An Event is something that happened to an account. It never holds a token,
// a cookie or a user.
type Event struct {
	Name    string
	UserKey string // "" where it is not known
	Session Handle // zero where no session is meant
}

// The names of events.
const (
	EventSignedIn      = "signed_in"
	EventSignedOut     = "signed_out"
	EventRenewed       = "renewed"
	EventSynced        = "synced"
	EventRevoked       = "revoked"
	EventEvicted       = "evicted"
	EventReuse         = "reuse"
	EventInactive      = "inactive"
	EventKeyMismatch   = "key_mismatch"
	EventCorruptRecord = "corrupt_record"
	EventTooLarge      = "too_large"
)
