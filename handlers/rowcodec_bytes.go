package handlers

import (
	"encoding/binary"
	"errors"
	"math"
	"time"
)

// maxDepth bounds how deep pointers, slices and maps may be nested in a user.
const maxDepth = 100

var errDepth = errors.New("powgin: a user leads back to itself, or is nested too deep, and is not cached")

// A rowWriter appends to what becomes a user's bytes. After the first error
// nothing more is written.
type rowWriter struct {
	b     []byte
	depth int
	err   error
}

func (w *rowWriter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// enter goes one level deeper, and reports false where that is too deep.
func (w *rowWriter) enter() bool {
	w.depth++
	if w.depth > maxDepth {
		w.fail(errDepth)
	}
	return w.err == nil
}

func (w *rowWriter) leave() { w.depth-- }

func (w *rowWriter) byte(b byte)   { w.b = append(w.b, b) }
func (w *rowWriter) uint(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *rowWriter) int(n int64)   { w.b = binary.AppendVarint(w.b, n) }
func (w *rowWriter) float(f float64) {
	w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(f))
}
func (w *rowWriter) text(s string)    { w.uint(uint64(len(s))); w.b = append(w.b, s...) }
func (w *rowWriter) bytes(b []byte)   { w.uint(uint64(len(b))); w.b = append(w.b, b...) }
func (w *rowWriter) time(t time.Time) { w.int(t.Unix()); w.uint(uint64(t.Nanosecond())) }

func (w *rowWriter) bool(b bool) {
	if b {
		w.byte(1)
	} else {
		w.byte(0)
	}
}

// A rowReader takes apart what a rowWriter has put together. After the first
// error it reads zeros.
type rowReader struct {
	b   []byte
	err error
}

func (r *rowReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// take returns the next n bytes, which are the reader's own.
func (r *rowReader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail(errShape)
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *rowReader) byte() byte {
	if b := r.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (r *rowReader) bool() bool { return r.byte() != 0 }

func (r *rowReader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	r.skip(size)
	return n
}

func (r *rowReader) int() int64 {
	n, size := binary.Varint(r.b)
	r.skip(size)
	return n
}

func (r *rowReader) skip(size int) {
	if size <= 0 {
		r.fail(errShape)
		return
	}
	r.b = r.b[size:]
}

func (r *rowReader) float() float64 {
	if b := r.take(8); len(b) == 8 {
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	}
	return 0
}

func (r *rowReader) bytes() []byte { return r.take(r.uint()) }

func (r *rowReader) time() time.Time { return time.Unix(r.int(), int64(r.uint())).UTC() }

// length reads how many elements follow, each of at least size bytes.
func (r *rowReader) length(size int) int {
	n := r.uint()
	if limit := uint64(len(r.b)) / uint64(max(size, 1)); n > limit && (size > 0 || n > maxEmpty) {
		r.fail(errShape)
		return 0
	}
	return int(n)
}

// maxEmpty bounds how many elements a list may have that take no bytes at all.
const maxEmpty = 1 << 16
