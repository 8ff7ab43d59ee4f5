package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/powgin/powgin"
)

// A crowd is a site with signed-in users, all of them cached, and the cookies of
// their browsers. It is for one goroutine.
type crowd struct {
	*site
	*client
	accounts, sessions int
	random             *rand.Rand

	// cookies are all of one size and lie side by side, so that the collector has
	// no pointers to follow which are not powgin's.
	cookies []byte
	size    int

	bytes, objects float64 // an account's, on the heap
}

// newCrowd signs users in, each from so many browsers, and has each cached.
func newCrowd(accounts, sessions int, change func(*powgin.Config[member])) (*crowd, error) {
	s, err := newSite(change)
	if err != nil {
		return nil, err
	}
	c := &crowd{site: s, client: newClient(s.router), accounts: accounts, sessions: sessions, random: rand.New(rand.NewPCG(1, 2))}
	first, err := c.post(signInPath(0), "")
	if err != nil {
		return nil, err
	}
	c.size = len(first)
	c.cookies = make([]byte, accounts*sessions*c.size)
	if err := c.auth.RevokeUser(c.request.Context(), keyOf(0)); err != nil {
		return nil, err
	}
	before := heap()
	for user := range accounts {
		if err := c.arrive(user); err != nil {
			return nil, err
		}
	}
	after := heap()
	c.bytes = (float64(after.HeapAlloc) - float64(before.HeapAlloc)) / float64(accounts)
	c.objects = (float64(after.HeapObjects) - float64(before.HeapObjects)) / float64(accounts)
	// The collector waits for the heap to double. The cookies are not the app's:
	// without this they would make it wait longer.
	debug.SetGCPercent(max(1, int(100*(after.HeapAlloc-uint64(len(c.cookies)))/after.HeapAlloc)))
	return c, nil
}

// arrive signs a user in from each browser and has them cached.
func (c *crowd) arrive(user int) error {
	path := signInPath(user)
	for session := range c.sessions {
		cookie, err := c.post(path, "")
		if err != nil {
			return err
		}
		if err := c.set(user*c.sessions+session, cookie); err != nil {
			return err
		}
	}
	if status := c.get(c.at(user * c.sessions)); status != http.StatusOK {
		return fmt.Errorf("GET / of user %d = %d; want 200", user, status)
	}
	return nil
}

// at returns a browser's cookie.
func (c *crowd) at(i int) string { return string(c.cookies[i*c.size : (i+1)*c.size]) }

// set keeps a browser's cookie.
func (c *crowd) set(i int, cookie string) error {
	if len(cookie) != c.size {
		return fmt.Errorf("a cookie of %d characters; want %d as the first had", len(cookie), c.size)
	}
	copy(c.cookies[i*c.size:], cookie)
	return nil
}

// someone returns a browser at random.
func (c *crowd) someone() int { return c.random.IntN(c.accounts * c.sessions) }

// drawn returns the cookies of n browsers at random. They lie side by side, so
// that reading them costs a request next to nothing.
func (c *crowd) drawn(n int) []string {
	block := make([]byte, 0, n*c.size)
	for range n {
		i := c.someone()
		block = append(block, c.cookies[i*c.size:(i+1)*c.size]...)
	}
	return c.split(string(block))
}

func (c *crowd) split(block string) []string {
	cookies := make([]string, len(block)/c.size)
	for i := range cookies {
		cookies[i] = block[i*c.size : (i+1)*c.size]
	}
	return cookies
}

func (c *crowd) leave() error {
	c.cookies = nil
	debug.SetGCPercent(100)
	return c.auth.Close()
}

// heap tells of the heap once the collector has run.
func heap() (m runtime.MemStats) {
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}
