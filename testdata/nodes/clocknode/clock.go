package main

import (
	"sync/atomic"
	"time"
	_ "unsafe" // for the name below
)

// wallOffset is what the test's package time adds to the wall clock. Go's own
// knows nothing of it.
//
//go:linkname wallOffset time.wallOffset
var wallOffset atomic.Int64

// set puts the wall clock this far ahead of the right time.
func set(offset time.Duration) { wallOffset.Store(int64(offset)) }
