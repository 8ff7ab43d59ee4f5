package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"time"
)

// A pick is a browser that an operation is done for, and what it takes.
type pick struct {
	at                int
	cookie, key, path string
}

// An operation is something whose cost is measured.
type operation struct {
	name string
	n    int // so often in a round, where users have one session
	hot  bool
	do   func(*crowd, *pick) error
	// changes says that the pick's cookie is another after it.
	changes bool
	// ends says that the user has no session after it.
	ends bool
}

// operations are the rows of the curves.
var operations = []operation{
	{name: hotRequest, n: 20_000, hot: true, do: cachedRequest},
	{name: randomRequest, n: 20_000, do: cachedRequest},
	{name: syncUser, n: 4_000, changes: true, do: func(c *crowd, p *pick) (err error) {
		p.cookie, err = c.post("/sync", p.cookie)
		return err
	}},
	{name: signIn, n: 4_000, changes: true, do: func(c *crowd, p *pick) (err error) {
		p.cookie, err = c.post(p.path, p.cookie)
		return err
	}},
	{name: revokeUser, n: 2_000, ends: true, do: func(c *crowd, p *pick) error {
		return c.auth.RevokeUser(context.Background(), p.key)
	}},
	{name: revokeAll, n: 4_000, do: func(c *crowd, _ *pick) error {
		return c.auth.RevokeAll(context.Background(), longAgo())
	}},
	{name: listing, n: 4_000, do: func(c *crowd, p *pick) error {
		list, err := c.auth.Sessions(context.Background(), p.key)
		if err == nil && len(list) != c.sessions {
			err = fmt.Errorf("user %s has %d sessions; want %d", p.key, len(list), c.sessions)
		}
		return err
	}},
}

// Their names.
const (
	hotRequest    = "cached request, one hot user"
	randomRequest = "cached request, users at random"
	syncUser      = "SyncUser"
	signIn        = "sign-in"
	revokeUser    = "RevokeUser"
	revokeAll     = "RevokeAll"
	listing       = "Sessions"
)

func cachedRequest(c *crowd, p *pick) error {
	if status := c.get(p.cookie); status != http.StatusOK {
		return fmt.Errorf("GET / = %d; want 200", status)
	}
	return nil
}

var moments int64

// longAgo returns a moment later than the last one, before anybody signed in:
// RevokeAll has the same to do as ever, and nobody is to sign in again after it.
func longAgo() time.Time {
	moments++
	return time.Unix(1, moments)
}

// A cost is what one operation costs.
type cost struct{ NS, Allocs, Bytes float64 }

// measure does the operation n times and returns the cost of one. With count it
// counts allocations, which takes time of its own.
func (c *crowd) measure(op *operation, n int, count bool) (cost, error) {
	var spent time.Duration
	var before, after runtime.MemStats
	var allocs, bytes uint64
	for done := 0; done < n; {
		picks := c.pick(op, min(n-done, c.most(op)))
		if count {
			runtime.ReadMemStats(&before)
		}
		start := time.Now()
		for i := range picks {
			if err := op.do(c, &picks[i]); err != nil {
				return cost{}, fmt.Errorf("%s: %w", op.name, err)
			}
		}
		spent += time.Since(start)
		if count {
			runtime.ReadMemStats(&after)
			allocs += after.Mallocs - before.Mallocs
			bytes += after.TotalAlloc - before.TotalAlloc
		}
		if err := c.restore(op, picks); err != nil {
			return cost{}, fmt.Errorf("after %s: %w", op.name, err)
		}
		done += len(picks)
	}
	times := float64(n)
	return cost{float64(spent.Nanoseconds()) / times, float64(allocs) / times, float64(bytes) / times}, nil
}

// most returns how many an operation may be done for before all is as it was: a
// tenth of the users, where it changes them.
func (c *crowd) most(op *operation) int {
	if op.changes || op.ends {
		return max(1, c.accounts/10)
	}
	return op.n
}

// pick draws the browsers. No user is drawn twice where the operation changes
// them. The cookies lie side by side, as those of drawn do.
func (c *crowd) pick(op *operation, n int) []pick {
	picks := make([]pick, n)
	drawn := make(map[int]bool)
	block := make([]byte, 0, n*c.size)
	for i := range picks {
		at := 0
		for !op.hot {
			at = c.someone()
			if !op.changes && !op.ends || !drawn[at/c.sessions] {
				drawn[at/c.sessions] = true
				break
			}
		}
		picks[i].at = at
		block = append(block, c.cookies[at*c.size:(at+1)*c.size]...)
	}
	for i, cookie := range c.split(string(block)) {
		user := picks[i].at / c.sessions
		picks[i].cookie, picks[i].key, picks[i].path = cookie, keyOf(user), signInPath(user)
	}
	return picks
}

// restore has the crowd as it was, with the cookies that it has now.
func (c *crowd) restore(op *operation, picks []pick) error {
	for i := range picks {
		var err error
		switch {
		case op.changes:
			err = c.set(picks[i].at, picks[i].cookie)
		case op.ends:
			err = c.arrive(picks[i].at / c.sessions)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// revokeEverybody ends all sessions by one call of RevokeAll and returns how long
// it took. Nobody is signed in after it.
func (c *crowd) revokeEverybody() (cost, error) {
	start := time.Now()
	if err := c.auth.RevokeAll(context.Background(), time.Time{}); err != nil {
		return cost{}, err
	}
	took := time.Since(start)
	for range min(1000, c.accounts) {
		if status := c.get(c.at(c.someone())); status != http.StatusUnauthorized {
			return cost{}, fmt.Errorf("GET / after RevokeAll = %d; want 401", status)
		}
	}
	return cost{NS: float64(took.Nanoseconds())}, nil
}
