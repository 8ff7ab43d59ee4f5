package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// A flow is a stream of requests at a steady rate, whatever their answers take.
type flow struct {
	name string
	rate int // a second
	do   func(i int) error
}

// flowed is what came of it. A latency is from the call to its return; Behind is
// how late the latest call was.
type flowed struct {
	name      string
	offered   int // a second
	done      int
	latencies []time.Duration // sorted
	slowest   int
	behind    time.Duration
}

// at returns the latency that this share of the requests did not exceed.
func (f *flowed) at(share float64) time.Duration {
	if len(f.latencies) == 0 {
		return 0
	}
	return f.latencies[min(len(f.latencies)-1, int(share*float64(len(f.latencies))))]
}

// slower returns how many took longer than d.
func (f *flowed) slower(d time.Duration) int {
	i, _ := slices.BinarySearch(f.latencies, d+1)
	return len(f.latencies) - i
}

// runFlows runs all of them side by side for d.
func runFlows(d time.Duration, flows ...flow) ([]flowed, error) {
	results, errs := make([]flowed, len(flows)), make([]error, len(flows))
	var done sync.WaitGroup
	start := time.Now().Add(5 * time.Millisecond)
	for i, f := range flows {
		results[i] = flowed{name: f.name, offered: f.rate, latencies: make([]time.Duration, 0, 1+int(float64(f.rate)*d.Seconds()))}
		done.Go(func() { errs[i] = results[i].run(f, start, d) })
	}
	done.Wait()
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flows[i].name, err)
		}
		r := &results[i]
		r.slowest = 1 + slices.Index(r.latencies, slices.Max(r.latencies))
		slices.Sort(r.latencies)
	}
	return results, nil
}

func (f *flowed) run(from flow, start time.Time, d time.Duration) error {
	each := time.Second / time.Duration(from.rate)
	for ; ; f.done++ {
		due := start.Add(time.Duration(f.done) * each)
		if due.Sub(start) >= d {
			return nil
		}
		// A timer rings a millisecond late: waiting for each call by itself would
		// never reach the rate.
		if time.Until(due) > 0 {
			time.Sleep(max(time.Until(due), time.Millisecond))
		}
		begun := time.Now()
		f.behind = max(f.behind, begun.Sub(due))
		if err := from.do(f.done); err != nil {
			return err
		}
		f.latencies = append(f.latencies, time.Since(begun))
	}
}

// requests is a flow of requests with these cookies, one after the other.
func requests(name string, rate int, router *gin.Engine, cookies []string) flow {
	c := newClient(router)
	return flow{name, rate, func(i int) error {
		if status := c.get(cookies[i%len(cookies)]); status != 200 {
			return fmt.Errorf("GET / = %d; want 200", status)
		}
		return nil
	}}
}

// signIns is a flow of sign-ins, each of a user who has not been here before.
func signIns(rate int, router *gin.Engine, first int) flow {
	c := newClient(router)
	return flow{signIn, rate, func(i int) error {
		_, err := c.post(signInPath(first+i), "")
		return err
	}}
}
