package powgintest

import (
	"io"
	"sync"
)

// A hold keeps a request in its handler, at the first read of its body.
type hold struct {
	reached chan struct{} // closed when the handler reads
	release func()        // lets it go on; more than once is fine
	gate    chan struct{} // closed by release
	answer  cookieSet     // what the request's answer set; to be read once that is there
}

func newHold() *hold {
	h := &hold{reached: make(chan struct{}), gate: make(chan struct{})}
	h.release = sync.OnceFunc(func() { close(h.gate) })
	return h
}

// body returns a body that waits before its first byte.
func (h *hold) body(of io.ReadCloser) io.ReadCloser { return &heldBody{ReadCloser: of, hold: h} }

type heldBody struct {
	io.ReadCloser
	hold *hold
	read bool
}

func (b *heldBody) Read(p []byte) (int, error) {
	if !b.read {
		b.read = true
		close(b.hold.reached)
		<-b.hold.gate
	}
	return b.ReadCloser.Read(p)
}

// holdNext has the browser's next request with a body wait at the hold; nil has
// none wait.
func (b *Browser) holdNext(h *hold) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = h
}
