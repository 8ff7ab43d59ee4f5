package pgfeed

import "slices"

// MaxPending is for tests.
const MaxPending = maxPending

// Pending returns what the cache is told of these payloads.
func Pending(payloads ...string) (keys []string, all bool) {
	c := newChanges()
	for _, payload := range payloads {
		c.take(payload)
	}
	keys, all = c.next()
	slices.Sort(keys)
	return keys, all
}
