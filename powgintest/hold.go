package powgintest

import "io"

// A hold keeps a request in its handler, at the first read of its body.
type hold struct {
	reached chan struct{} // closed when the handler reads
	release chan struct{} // closed to let it go on
}

func newHold() *hold { return &hold{make(chan struct{}), make(chan struct{})} }

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
		<-b.hold.release
	}
	return b.ReadCloser.Read(p)
}
