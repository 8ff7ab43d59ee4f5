package cache

import "testing"

// search goes through the story with a protocol that lacks rules.
func (s story) search(without ...mutation) result {
	r := longRules()
	m, w := s(&r)
	for _, take := range without {
		take(&m.protocol)
	}
	return search(&m, w)
}

// Nobody is served a user older than what the cache was told, no uncommitted
// user is ever cached, and once all is quiet the cache is empty or agrees with
// the database.
func TestEveryScheduleKeepsThePromises(t *testing.T) {
	onlyOneGoroutine(t)
	t.Parallel()
	for _, row := range []struct {
		name  string
		story story
	}{
		{"a writer and two readers", oneWriter},
		{"a writer, a reader and a sign-in", oneSignIn},
		{"a writer and the user's first sign-in", firstSignIn},
		{"two writers and a reader", twoWriters},
		{"a writer of all users and two readers", allUsers},
		{"a writer of all users, a reader and a sign-in", allSignIn},
		{"two writers of all users and a reader", twoOfAll},
		{"a writer, a writer of all users and a reader", oneAndAll},
		{"no epoch at first", noEpoch},
		{"an unannounced write and a sync, a refresh and a reader", syncs},
		{"an unannounced write and a sync, a writer and a reader", syncAndWriter},
		{"a writer whose announcement is lost", lostWriter},
		{"a writer of all users whose announcement is lost", lostOfAll},
		{"two writers that conclude", concluding},
		{"two writers that conclude more than once", repeated},
		{"two writers of all users that conclude more than once", repeatedOfAll},
		{"a user who becomes active", comingUser},
		{"a user who becomes inactive", goingUser},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			wantNone(t, row.story.search())
		})
	}
}

// Without any one of these rules there is a schedule that breaks a promise.
func TestEachRuleIsNeeded(t *testing.T) {
	onlyOneGoroutine(t)
	t.Parallel()
	for _, row := range []struct {
		rule    string
		story   story
		without mutation
	}{
		{"begin takes the user out", oneWriter, beginKeepsUser},
		{"begin leaves a record of a user who had none", firstSignIn, beginCreatesNothing},
		{"end takes the user out, its writer known or not", lostWriter, endKeepsUser},
		{"end changes the lease, its writer known or not", lostWriter, endKeepsLease},
		{"no End after a COMMIT of unknown outcome", oneWriter, endsUnknown},
		{"no End of all after a COMMIT of unknown outcome", allUsers, endsUnknown},
		{"COMMIT before the deadline", oneWriter, commitsLate},
		{"COMMIT before the deadline of all", allUsers, commitsLate},
		{"only reads fill", twoWriters, writerPuts},

		{"what may fill is decided before the read", oneWriter, permitAfterRead},
		{"what may fill is decided before the read, for all users", allUsers, permitAfterRead},
		{"no permit with a writer in the record", oneWriter, permitIgnoresWriters},
		{"no permit with a writer in the epoch", allUsers, permitIgnoresWritersOfAll},
		{"a fill keeps to the lease of its load", oneSignIn, fillIgnoresLease},
		{"a sign-in keeps to the lease of its load", oneSignIn, signInIgnoresLease},
		{"a fill is stamped with the epoch of its load", allSignIn, fillIgnoresEpoch},
		{"a fill changes the lease", syncs, fillKeepsLease},
		{"a drop changes the lease", syncs, dropKeepsLease},
		{"a refresh that lost reads again or drops", syncs, refreshesOnce},
		{"an absent account is never filled", firstSignIn, absentIsFilled},

		{"a plain miss joins only its own lease", oneWriter, joinsAny},
		{"no joining with a writer in the record", oneWriter, joinsWithoutPermit},
		{"no joining with a writer in the epoch", allUsers, joinsWithoutPermit},

		{"the epoch changes at begin", allUsers, beginAllKeepsStamp},
		{"the epoch changes at end", lostOfAll, endAllKeepsStamp},
		{"the epoch never repeats", twoOfAll, stampsRepeat},
		{"a lost epoch is made anew at random", noEpoch, absentEpochIsConstant},

		{"a record with a live writer is not evicted", oneSignIn, forgetsWriters},
		{"an epoch with a live writer is not evicted", allUsers, forgetsWriters},
		{"a record with a live writer survives its last session", oneSignIn, endsWithSessions},
		{"a record lives as long as its writers", firstSignIn, expiresWithSessions},
		{"leases never repeat", oneSignIn, leasesRepeat},
		{"a conclusion that is made again sets another lease", repeated, leaseDrawnOnce},
		{"a conclusion that is made again sets another stamp", repeatedOfAll, leaseDrawnOnce},
		{"versions never repeat", oneSignIn, versionsRepeat},

		{"a user who is gone loses sessions only under the lease", comingUser, goneIgnoresLease},
		{"a user who is gone loses only sessions that the read began with", goingUser, goneEndsAll},
	} {
		t.Run("without "+row.rule, func(t *testing.T) {
			t.Parallel()
			wantSome(t, row.story.search(row.without))
		})
	}
}

// These rules stand behind others: where both of a pair hold, either may fail.
// Where the first does not, the second is needed.
func TestEachRuleIsNeededWhereAnotherFails(t *testing.T) {
	onlyOneGoroutine(t)
	t.Parallel()
	for _, row := range []struct {
		rule    string
		story   story
		failed  []mutation
		without mutation
	}{
		{"begin changes the lease, should end not", oneWriter, []mutation{endKeepsLease}, beginKeepsLease},
		{"end changes the lease, should begin not", oneWriter, []mutation{beginKeepsLease}, endKeepsLease},
		{"a dead writer's lease is changed, should begin not", oneWriter, []mutation{beginKeepsLease}, purgeKeepsLease},
		{"no fill beside a writer, should begin not change the lease", oneWriter, []mutation{beginKeepsLease}, fillIgnoresWriters},
		{
			"end changes the lease beside other writers, should fills not mind them", concluding,
			[]mutation{permitIgnoresWriters, fillIgnoresWriters}, endKeepsLeaseOfOthers,
		},
	} {
		t.Run("without "+row.rule, func(t *testing.T) {
			t.Parallel()
			wantNone(t, row.story.search(row.failed...))
			wantSome(t, row.story.search(append(row.failed, row.without)...))
		})
	}
}
