package powgintest

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/powgin/powgin/cache"
)

// Exercise holds powgin's promises against a store: sign-ins, sign-outs,
// changes of users and faults, by real requests with real cookies to two nodes
// of one app. Whoever writes a store, or is about to trust one, runs it in a
// test:
//
//	func TestPromises(t *testing.T) {
//		powgintest.Exercise(t, func(t *testing.T) cache.Store {
//			return mystore.New(testDatabase(t))
//		})
//	}
//
// Run cachetest.Exercise as well: it looks at the store alone, and tells
// what is wrong where Exercise only tells that somebody stayed signed in.
//
// newStore is called once for each subtest; the subtests run in parallel. It may
// return stores that share their database, or the same store each time: every
// subtest has Namespaces of its own, which nothing else has used before. What it
// starts it should end with t.Cleanup. The two nodes use the one store that it
// returns. Users live in a map, and it makes no difference whether the store
// keeps them.
//
// Nothing waits for an expiry, and what the suite leaves behind expires within
// an hour. Faults are injected between powgin and the store, by a [FlakyStore].
// A store that takes longer than some 50 milliseconds a call will fail for it:
// powgin answers a request with 503 where it takes more than 2.5 seconds.
// Where Gin is in its debug mode it is put into its test mode, or its messages
// would bury those of the suite.
func Exercise(t *testing.T, newStore func(t *testing.T) cache.Store) {
	t.Helper()
	for _, p := range promises() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			p.check(newProof(t, newStore(t)))
		})
	}
}

// ExerciseInBubble is [Exercise] with each subtest in a bubble of
// testing/synctest, where time passes only while everybody waits. There the
// promises about time are kept to the nanosecond: when sessions end, tokens are
// renewed and graces are over. It is for stores that keep the process's own time
// and wait for nothing outside of it.
func ExerciseInBubble(t *testing.T, newStore func(t *testing.T) cache.Store) {
	t.Helper()
	for _, p := range slices.Concat(promises(), timedPromises()) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { p.check(newProof(t, newStore(t))) })
		})
	}
}

// A promise of powgin, and what finds out whether it is kept.
type promise struct {
	name  string
	check func(*proof)
}

// promises are those that hold over any store, in any time.
func promises() []promise {
	return []promise{
		{"a sign-in gives a session on every node", signInGivesASession},
		{"a token that nobody was given is nobody's", unknownTokens},
		{"a sign-out ends every token at once", signOutEndsEveryToken},
		{"a revoked session ends at once", revokedSessionEnds},
		{"revoking the others leaves one", revokeOthers},
		{"revoking a user leaves none", revokeUser},
		{"revoking everyone leaves nobody", revokeEveryone},
		{"sign-ins at the same time all live", signInsAtTheSameTime},
		{"sign-ins that cross both live", signInsThatCross},
		{"one session too many ends another", oneSessionTooMany},
		{"one session too many is denied", oneSessionDenied},
		{"a session keeps its name and metadata", sessionKeepsItsName},
		{"an ended session leaves no record", endedSessionLeavesNoRecord},

		{"SyncUser shows the new row and replaces the token", syncShowsAndReplaces},
		{"what SyncUser is given is not kept", syncKeepsNoArgument},
		{"SyncUser ends what it is asked to end", syncEndsWhatItIsAsked},
		{"a change announced by one node shows on the other", announcedElsewhere},
		{"no request sees less than was announced before it", neverLessThanAnnounced},
		{"50 SyncUsers at once leave one session", syncAtOnce},
		{"Reload sees the row of now", reloadSeesNow},

		{"tenants are apart", tenantsAreApart},
		{"namespaces are apart", namespacesAreApart},
		{"two types of users are apart", typesAreApart},

		{"a user who is gone is signed out everywhere", goneIsSignedOut},
		{"with the users out of reach nobody is signed out", usersOutOfReach},
		{"with the store out of reach nobody is signed out", storeOutOfReach},
		{"a lost answer is settled", lostAnswers},
		{"an answer tells what has happened", answerTellsTheTruth},
		{"a renewal that fails signs nobody out", renewalsThatFail},
		{"a record that cannot be read is nobody's", corruptRecords},
		{"nothing brings an ended session back", nothingRevives},
	}
}

// timedPromises are those about time, which hold to the moment.
func timedPromises() []promise {
	return []promise{
		{"a session ends when it was idle for too long", idleEnds},
		{"a session ends at its absolute end", absoluteEnds},
		{"a token is renewed when it is due", renewedWhenDue},
		{"a renewal that is due and fails signs nobody out", dueRenewalsThatFail},
		{"a replaced token works for its grace", graceEnds},
		{"a change that nobody announced shows after MaxAge", unannouncedShows},
		{"the session that was renewed least recently makes room", leastRecentlyRenewed},
		{"an expired session leaves no record", expiredLeavesNoRecord},
		{"a store that hangs holds nobody up", hangingStore},
	}
}
