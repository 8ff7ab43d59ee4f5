package ginstores

import (
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// inCI are the servers that must be there where CI=true.
var inCI = map[string]bool{"POWGIN_TEST_REDIS": true, "POWGIN_TEST_POSTGRES": true}

// server returns the address that a variable names, or the usual one, and skips
// the test where nobody answers there.
func server(t testing.TB, variable, usual string) string {
	t.Helper()
	address := os.Getenv(variable)
	if address == "" {
		address = usual
	}
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		absent(t, variable, err)
	}
	_ = conn.Close()
	return address
}

// absent ends a test whose server does not answer.
func absent(t testing.TB, variable string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" && inCI[variable] {
		t.Fatalf("no server answers (%s names another one): %v", variable, err)
	}
	t.Skipf("no server answers (%s names another one): %v", variable, err)
}

// A proxy stands between a store and its server, so that a test can take the
// server away.
type proxy struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	conns   []net.Conn          // guarded by mu
	over    bool                // guarded by mu
	instead func(conn net.Conn) // guarded by mu; nil: the target answers
	wg      sync.WaitGroup
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{listener: listener, target: target}
	p.wg.Go(p.serve)
	t.Cleanup(p.cut)
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) serve() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		if instead := p.standIn(); instead != nil {
			if !p.keep(from) {
				return
			}
			p.wg.Go(func() {
				defer from.Close()
				instead(from)
			})
			continue
		}
		to, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = from.Close()
			continue
		}
		if !p.keep(from, to) {
			return
		}
		p.wg.Go(func() { copyAll(to, from) })
		p.wg.Go(func() { copyAll(from, to) })
	}
}

func (p *proxy) standIn() func(net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.instead
}

// replace closes every connection, and has instead answer new ones in place of
// the server.
func (p *proxy) replace(instead func(net.Conn)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.instead = instead
	p.closeAll()
}

// hangUp is a server that takes a connection and closes it.
func hangUp(net.Conn) {}

// saying is a server that has one answer to whatever it is sent.
func saying(answer string) func(net.Conn) {
	return func(conn net.Conn) {
		buffer := make([]byte, 4096)
		for {
			if _, err := conn.Read(buffer); err != nil {
				return
			}
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	}
}

// keep remembers the connections, and closes them where it is over.
func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.conns = append(p.conns, conns...)
		return true
	}
	for _, c := range conns {
		_ = c.Close()
	}
	return false
}

// copyAll ends both sides with the first that ends.
func copyAll(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
	_ = from.Close()
}

// cut closes every connection, and refuses new ones.
func (p *proxy) cut() {
	p.mu.Lock()
	p.over = true
	p.closeAll()
	p.mu.Unlock()
	_ = p.listener.Close()
	p.wg.Wait()
}

// closeAll needs mu.
func (p *proxy) closeAll() {
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}
