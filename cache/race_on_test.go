//go:build race

package cache

// underRace reports whether the race detector watches.
const underRace = true
