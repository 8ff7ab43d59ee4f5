package redisstore_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A proxy stands between a client and its server, counts what passes, and is
// told to do worse.
type proxy struct {
	listener net.Listener
	target   string
	wait     sync.WaitGroup

	trips    atomic.Int64 // questions that were put once the last was answered
	mu       sync.Mutex
	conns    []net.Conn           // guarded by mu
	over     bool                 // guarded by mu
	swallow  bool                 // guarded by mu: nothing passes, and nobody is told
	loseNext []byte               // guarded by mu: the answer to what holds this is lost, with the connection
	delay    func() time.Duration // guarded by mu; nil for none
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	p := &proxy{listener: l, target: target}
	p.wait.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) serve() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = from.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, from, to)
		over := p.over
		p.mu.Unlock()
		if over {
			_, _ = from.Close(), to.Close()
			return
		}
		c := &passage{proxy: p}
		p.wait.Go(func() { c.copy(to, from, c.asked) })
		p.wait.Go(func() { c.copy(from, to, c.answered) })
	}
}

// A passage is one connection through the proxy.
type passage struct {
	*proxy
	mu      sync.Mutex
	waiting bool // guarded by mu: for an answer
	lost    bool // guarded by mu: the next answer is
}

// copy passes on what comes, as far as look allows, and ends both sides with
// the first that ends.
func (c *passage) copy(to, from net.Conn, look func([]byte) bool) {
	defer func() { _, _ = to.Close(), from.Close() }()
	b := make([]byte, 1<<20)
	for {
		n, err := from.Read(b)
		if n > 0 && !c.swallows() {
			if !look(b[:n]) {
				return
			}
			if d := c.slow(); d > 0 {
				time.Sleep(d)
			}
			if _, err := io.Copy(to, bytes.NewReader(b[:n])); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (c *passage) asked(b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.waiting {
		c.waiting = true
		c.trips.Add(1)
	}
	c.proxy.mu.Lock()
	defer c.proxy.mu.Unlock()
	if c.loseNext != nil && bytes.Contains(b, c.loseNext) {
		c.loseNext, c.lost = nil, true
	}
	return true
}

func (c *passage) answered([]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = false
	return !c.lost
}

func (p *proxy) swallows() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.swallow
}

func (p *proxy) slow() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.delay == nil {
		return 0
	}
	return p.delay()
}

// set changes how the proxy behaves.
func (p *proxy) set(change func(*proxy)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// cut closes every connection that there is.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func (p *proxy) close() {
	p.set(func(p *proxy) { p.over = true })
	_ = p.listener.Close()
	p.cut()
	p.wait.Wait()
}
