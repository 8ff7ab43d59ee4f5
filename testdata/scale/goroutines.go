package main

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
)

const bareRoute = "bare route"

// overGoroutines measures how many requests all processors answer together.
func overGoroutines(s *sizes, r *report) (err error) {
	c, err := newCrowd(s.parallelUsers, 1, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.leave()) }()
	names := []string{bareRoute, hotRequest, randomRequest}
	bare, random := bareRouter(), s.random()
	rates := map[string][][]float64{}
	for _, name := range names {
		rates[name] = make([][]float64, len(s.goroutines))
	}
	for range s.rounds {
		for _, at := range random.Perm(len(s.goroutines)) {
			for _, which := range random.Perm(len(names)) {
				name, n := names[which], s.goroutines[at]
				router, cookies, all := c.router, []string{c.at(0)}, s.parallel
				switch name {
				case bareRoute:
					router, all = bare, 20*all // or a round would be over before all have begun
				case randomRequest:
					cookies = c.drawn(s.parallel)
				}
				rate, err := together(router, cookies, n, all/n)
				if err != nil {
					return fmt.Errorf("%s on %d goroutines: %w", name, n, err)
				}
				rates[name][at] = append(rates[name][at], rate)
			}
		}
	}
	t := table{
		title: "Requests a second over goroutines",
		note:  fmt.Sprintf("%s accounts. In brackets: of what one goroutine does.", number(s.parallelUsers)),
		head:  append([]string{"goroutines"}, names...),
	}
	lines := make([]line, len(names))
	for at, n := range s.goroutines {
		row := []string{number(n)}
		for i, name := range names {
			rate := median(rates[name][at])
			lines[i].name = name
			lines[i].add(float64(n), rate)
			row = append(row, fmt.Sprintf("%s (%s)", perSecond(rate), times(rate/median(rates[name][0]))))
		}
		t.rows = append(t.rows, row)
	}
	r.add(t, chart{
		file: "goroutines.svg", title: "Requests a second over goroutines", x: "goroutines",
		y: "requests a second", unit: perSecond, lines: lines, ticks: s.goroutines,
	})
	return nil
}

// together sends requests from n goroutines that begin at the same time, so many
// from each, and returns how many were answered in a second.
func together(router *gin.Engine, cookies []string, n, each int) (float64, error) {
	var done sync.WaitGroup
	var refused atomic.Int64
	begin := make(chan struct{})
	for i := range n {
		c := newClient(router)
		first := i * each
		done.Go(func() {
			<-begin
			for j := range each {
				if c.get(cookies[(first+j)%len(cookies)]) != http.StatusOK {
					refused.Add(1)
				}
			}
		})
	}
	start := time.Now()
	close(begin)
	done.Wait()
	took := time.Since(start)
	if refused.Load() > 0 {
		return 0, fmt.Errorf("%d requests were not answered with 200", refused.Load())
	}
	return float64(n*each) / took.Seconds(), nil
}
