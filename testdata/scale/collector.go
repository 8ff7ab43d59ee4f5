package main

import (
	"fmt"
	"math"
	"net/http"
	"runtime"
	"runtime/metrics"
	"slices"
	"time"
)

// What the runtime tells of its collector, and of locks that were waited for.
const (
	gcPauses = "/sched/pauses/total/gc:seconds"
	gcTime   = "/cpu/classes/gc/total:cpu-seconds"
	gcIdle   = "/cpu/classes/gc/mark/idle:cpu-seconds" // processors with nothing else to do
	userTime = "/cpu/classes/user:cpu-seconds"
	allTime  = "/cpu/classes/total:cpu-seconds"
	idleTime = "/cpu/classes/idle:cpu-seconds"
	gcCycles = "/gc/cycles/total:gc-cycles"
	lockWait = "/sync/mutex/wait/total:seconds"
)

// counted is what the runtime has counted by a moment, or between two.
type counted struct {
	GC, User, Waited float64 // seconds
	Busy             float64 // seconds of processors that had something to do
	CPU              float64 // seconds that the operating system gave them; 0: unknown
	Cycles           uint64

	bounds []float64 // of pauses, in seconds
	pauses []uint64
}

func readRuntime() counted {
	names := []string{gcTime, gcIdle, userTime, allTime, idleTime, lockWait, gcCycles, gcPauses}
	samples := make([]metrics.Sample, len(names))
	for i, name := range names {
		samples[i].Name = name
	}
	metrics.Read(samples)
	seconds := func(i int) float64 { return samples[i].Value.Float64() }
	h := samples[7].Value.Float64Histogram()
	return counted{
		GC: seconds(0) - seconds(1), User: seconds(2), Busy: seconds(3) - seconds(4), CPU: processTime(), Waited: seconds(5),
		Cycles: samples[6].Value.Uint64(), bounds: h.Buckets, pauses: slices.Clone(h.Counts),
	}
}

// since returns what was counted after an earlier moment.
func (n counted) since(earlier counted) counted {
	n.GC, n.User, n.Waited = n.GC-earlier.GC, n.User-earlier.User, n.Waited-earlier.Waited
	n.Busy, n.CPU = n.Busy-earlier.Busy, n.CPU-earlier.CPU
	n.Cycles -= earlier.Cycles
	for i := range n.pauses {
		n.pauses[i] -= earlier.pauses[i]
	}
	return n
}

// given returns the share of the time that the processors had something to do in
// which they did it, and not something of another program.
func (n counted) given() float64 {
	if n.CPU <= 0 || n.Busy <= 0 {
		return 1
	}
	return min(1, n.CPU/n.Busy)
}

// pause returns the pause that this share of them does not exceed, as the upper
// bound of the bucket that it was counted in.
func (n counted) pause(share float64) time.Duration {
	var all, seen uint64
	for _, count := range n.pauses {
		all += count
	}
	for i, count := range n.pauses {
		if seen += count; count > 0 && float64(seen) >= share*float64(all) {
			bound := n.bounds[i+1]
			if math.IsInf(bound, 1) {
				bound = n.bounds[i]
			}
			return time.Duration(bound * float64(time.Second))
		}
	}
	return 0
}

// collected is what the collector did while requests ran.
type collected struct {
	Requests  int
	NS        float64 // a request, the collector's part included
	GCNS      float64 // of processor time that the collector took for a request
	Share     float64 // of the processor time used
	Given     float64 // of the time that processors had something to do, by the operating system
	Cycles    uint64
	PauseHalf time.Duration
	PauseMost time.Duration
}

// collect sends cached requests of users at random, for so long at least, over
// so many whole cycles of the collector.
func (c *crowd) collect(atLeast time.Duration, cycles uint64) (collected, error) {
	all := string(c.cookies) // so that drawing one allocates nothing
	c.cookies = nil
	defer func() { c.cookies = []byte(all) }()
	runtime.GC()
	before, start, n := readRuntime(), time.Now(), 0
	for last := before.Cycles; ; {
		for range 1000 {
			at := c.someone() * c.size
			if status := c.get(all[at : at+c.size]); status != http.StatusOK {
				return collected{}, fmt.Errorf("GET / = %d; want 200", status)
			}
		}
		n += 1000
		// A cycle has ended: this is where the one before the first had ended.
		now := cyclesSoFar()
		if now != last && now-before.Cycles >= cycles && time.Since(start) >= atLeast {
			break
		}
		last = now
	}
	took, d := time.Since(start), readRuntime().since(before)
	given := d.given()
	return collected{
		Given: given, Requests: n, NS: float64(took.Nanoseconds()) / float64(n), GCNS: 1e9 * d.GC * given / float64(n),
		Share: d.GC / (d.GC + d.User), Cycles: d.Cycles, PauseHalf: d.pause(0.5), PauseMost: d.pause(1),
	}, nil
}

func cyclesSoFar() uint64 {
	sample := []metrics.Sample{{Name: gcCycles}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
