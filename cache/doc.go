// Package cache is the credentials cache: one record per user that holds the
// cached user and all of the user's sessions, changed only by compare-and-swap.
//
// It knows nothing of HTTP, Gin or GORM. Three kinds of code live here and
// stay apart:
//
//   - Decisions are pure functions of (record, time, input) to the next record:
//     sessions.go (sign in, end), rotate.go (renew, confirm, sync), lease.go
//     (fill, drop, begin and end of a write), epoch.go (all users changed).
//     They read no clock, draw no random number and do no I/O.
//   - The swap loop (swap.go) runs a decision on a [Store] until it lands.
//   - Operations ([Cache]) draw the random ids that a decision needs, run it,
//     and read users from their source where the cache may not answer
//     (read.go, flight.go).
//
// A [Store] moves bytes. [Memory], the in-process store, does so as well, and
// also keeps accounts decoded, which makes a look-up as cheap as that of a map.
package cache
