package cache

// An Event is something that happened to an account. It never holds a token,
// a cookie or a user.
type Event struct {
	Name    string
	UserKey string // "" where it is not known
	Session Handle // zero where no session is meant
}

// endings collects the sessions that a change ends, over all rounds of its
// swap: one that landed unheard is decided again and finds nothing to end.
type endings []Handle

// of notes what next lacks of a, and returns next.
func (e *endings) of(a, next *Account) *Account {
	if a == nil {
		return next
	}
	var ended endings
	for i := range a.sessions {
		if h := a.sessions[i].handle; next.session(h) == nil {
			ended = append(ended, h)
		}
	}
	if len(ended) > len(*e) {
		*e = ended
	}
	return next
}

// tell emits an event for each.
func (c *Cache) tell(name, userKey string, ended endings) {
	for _, h := range ended {
		c.event(Event{Name: name, UserKey: userKey, Session: h})
	}
}

// The names of events.
const (
	EventSignedIn      = "signed_in"
	EventSignedOut     = "signed_out"
	EventRenewed       = "renewed"
	EventSynced        = "synced"
	EventRevoked       = "revoked"
	EventEvicted       = "evicted"
	EventExpired       = "expired"
	EventReuse         = "reuse"
	EventInactive      = "inactive"
	EventKeyMismatch   = "key_mismatch"
	EventCorruptRecord = "corrupt_record"
	EventTooLarge      = "too_large"
	EventStoreDown     = "store_down"
	EventStoreUp       = "store_up"
	EventDatabaseDown  = "database_down"
	EventDatabaseUp    = "database_up"
)
