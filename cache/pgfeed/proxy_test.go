package pgfeed_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
)

// A proxy stands between a feed and its server, and is told to do worse.
type proxy struct {
	listener net.Listener
	dsn      string // of the database, through the proxy
	target   string
	wait     sync.WaitGroup

	mu      sync.Mutex
	conns   []*passage // guarded by mu
	closed  bool       // guarded by mu: no new connections
	dead    bool       // guarded by mu: new connections pass nothing on
	deaf    bool       // guarded by mu: no notification passes
	open    int        // guarded by mu: connections of clients
	dialled int        // guarded by mu
}

// A passage is one connection through the proxy.
type passage struct {
	from, to net.Conn
	mu       sync.Mutex
	dead     bool // guarded by mu: nothing passes, and nobody is told
}

func newProxy(t testing.TB, dsn string) *proxy {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	p := &proxy{target: u.Host}
	if u.Port() == "" {
		p.target = net.JoinHostPort(u.Hostname(), "5432")
	}
	var config net.ListenConfig
	p.listener, err = config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	u.Host = p.listener.Addr().String()
	p.dsn = u.String()
	p.wait.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) serve() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.dialled++
		closed, dead := p.closed, p.dead
		p.mu.Unlock()
		to, err := net.Dial("tcp", p.target)
		if err != nil || closed {
			_ = from.Close()
			if err == nil {
				_ = to.Close()
			}
			continue
		}
		c := &passage{from: from, to: to, dead: dead}
		p.mu.Lock()
		p.conns = append(p.conns, c)
		p.mu.Unlock()
		p.wait.Go(func() {
			p.count(1)
			defer p.count(-1)
			c.copy(to, from, func(b []byte) []byte { return b })
		})
		p.wait.Go(func() { c.copy(from, to, p.muffle) })
	}
}

// copy passes on what comes, and ends both sides with the first that ends.
func (c *passage) copy(to io.Writer, from io.Reader, pass func([]byte) []byte) {
	defer c.close()
	b := make([]byte, 1<<16)
	for {
		n, err := from.Read(b)
		if n > 0 && !c.isDead() {
			if _, err := to.Write(pass(b[:n])); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// muffle takes the notifications out of what a server sends at once: messages of a
// letter, a length and as many bytes.
func (p *proxy) muffle(b []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.deaf {
		return b
	}
	var rest []byte
	for len(b) >= 5 {
		n := min(len(b), 1+int(binary.BigEndian.Uint32(b[1:])))
		if b[0] != 'A' {
			rest = append(rest, b[:n]...)
		}
		b = b[n:]
	}
	return rest
}

func (p *proxy) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open += n
}

func (p *proxy) isOpen() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open > 0
}

func (p *proxy) setDeaf(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = on
}

func (c *passage) isDead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *passage) close() { _, _ = c.from.Close(), c.to.Close() }

// freeze has the connections that there are pass nothing on, without a word; those
// to come as well, if all is set.
func (p *proxy) freeze(all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = all
	for _, c := range p.conns {
		c.mu.Lock()
		c.dead = true
		c.mu.Unlock()
	}
}

// admit lets new connections pass.
func (p *proxy) admit() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead, p.closed = false, false
}

// cut closes every connection that there is, and lets no other in until admit.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.conns {
		c.close()
	}
	p.conns = nil
}

func (p *proxy) dials() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dialled
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.cut()
	p.wait.Wait()
}
