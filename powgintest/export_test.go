package powgintest

import (
	"slices"
	"testing"

	"github.com/powgin/powgin/cache"
)

// Promises are those that ExerciseInBubble checks, by their names. Each is
// checked on the TB that it is given.
func Promises() map[string]func(testing.TB, cache.Store) {
	checks := make(map[string]func(testing.TB, cache.Store))
	for _, p := range slices.Concat(promises(), timedPromises()) {
		checks[p.name] = func(t testing.TB, store cache.Store) { p.check(newProof(t, store)) }
	}
	return checks
}
