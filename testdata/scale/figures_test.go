package main

import (
	"math"
	"testing"
	"time"
)

// TestFigures holds how figures are written, and which of them stand for many.
func TestFigures(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		number(1): "1", number(999): "999", number(1000): "1,000", number(-131): "-131", number(1_234_567): "1,234,567",
		nanoseconds(0): "0 ns", nanoseconds(7): "7 ns", nanoseconds(999): "999 ns", nanoseconds(1000): "1 µs",
		nanoseconds(1234): "1.23 µs", nanoseconds(12_345): "12.3 µs", nanoseconds(123_456): "123 µs", nanoseconds(2e6): "2 ms", nanoseconds(3.5e9): "3.50 s",
		times(1.096): "1.10 ×", weight(767.6): "768 B", span([]int{3, 1, 2}): "1 to 3", span([]int{2, 2}): "2",
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	f := flowed{latencies: []time.Duration{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}
	for share, want := range map[float64]time.Duration{0: 1, 0.5: 6, 0.99: 10, 1: 10} {
		if got := f.at(share); got != want {
			t.Errorf("%v of the requests took at most %v; want %v", share, got, want)
		}
	}
	if got := f.slower(8); got != 2 {
		t.Errorf("%d took longer than 8; want 2", got)
	}
	if got := median([]float64{5, 1, 3}); got != 3 {
		t.Errorf("median = %v; want 3", got)
	}
}

// TestPausesAreThoseBetween holds that what a process did before is not counted.
func TestPausesAreThoseBetween(t *testing.T) {
	t.Parallel()
	bounds := []float64{0, 0.001, 0.002, math.Inf(1)}
	before := counted{GC: 1, Busy: 2, CPU: 2, Cycles: 3, bounds: bounds, pauses: []uint64{5, 0, 1}}
	after := counted{GC: 4, Busy: 6, CPU: 4, Cycles: 5, bounds: bounds, pauses: []uint64{103, 2, 1}}
	d := after.since(before)
	if got := d.given(); got != 0.5 {
		t.Errorf("the operating system gave %v of the time; want a half", got)
	}
	if got := (counted{Busy: 1}).given(); got != 1 {
		t.Errorf("where nobody knows it is taken to have given %v; want all", got)
	}
	if d.GC != 3 || d.Cycles != 2 || d.pause(0.5) != time.Millisecond || d.pause(1) != 2*time.Millisecond {
		t.Errorf("%v s, %d cycles, pauses %v and %v; want 3, 2, 1ms and 2ms", d.GC, d.Cycles, d.pause(0.5), d.pause(1))
	}
}
