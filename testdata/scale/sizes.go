package main

import (
	"math/rand/v2"
	"time"
)

// sizes say how much is measured.
type sizes struct {
	rounds, divide  int // an operation is done for a divide-th of its n
	seed            uint64
	accounts        []int
	memoryFrom      int // accounts; of fewer the table says nothing
	sessions        []int
	sessionAccounts int
	collect         time.Duration
	cycles          uint64
	goroutines      []int
	parallelUsers   int
	parallel        int // requests in a round
	storm           time.Duration
	rate            int // sign-ins in a second
	stormAccounts   int
	grown, window   int // sign-ins to an empty store, and those of which the slowest counts
	grownFrom       int // accounts that the first row is for
	growths         int // times that it is filled
	expiring        int // accounts
	survivors       int
	crowd           int // requests of one user at the same time
	different       int // users of a database, each of whom sends one
}

// full is what RESULTS.md has.
func full() *sizes {
	return &sizes{
		rounds: 15, divide: 1, seed: 1,
		accounts: []int{1, 10, 100, 1000, 10_000, 100_000, 1_000_000}, memoryFrom: 1000,
		sessions: []int{1, 2, 5, 10, 50, 100}, sessionAccounts: 2000,
		collect: 2 * time.Second, cycles: 8,
		goroutines: []int{1, 2, 4, 8, 16, 32, 64}, parallelUsers: 100_000, parallel: 40_000,
		storm: 5 * time.Second, rate: 10_000, stormAccounts: 100_000,
		grown: 1_000_000, window: 1000, grownFrom: 62_500, growths: 5,
		expiring: 300_000, survivors: 10_000, crowd: 1000, different: 1000,
	}
}

// quick shows that all of it works, and measures nothing.
func quick() *sizes {
	return &sizes{
		rounds: 1, divide: 400, seed: 1,
		accounts: []int{1, 10, 100}, memoryFrom: 10,
		sessions: []int{1, 2, 5}, sessionAccounts: 20,
		collect: time.Millisecond, cycles: 1,
		goroutines: []int{1, 2}, parallelUsers: 100, parallel: 200,
		storm: 50 * time.Millisecond, rate: 2000, stormAccounts: 100,
		grown: 100, window: 10, grownFrom: 20, growths: 2,
		expiring: 320, survivors: 20, crowd: 1000, different: 50,
	}
}

func (s *sizes) random() *rand.Rand { return rand.New(rand.NewPCG(s.seed, s.seed)) }
