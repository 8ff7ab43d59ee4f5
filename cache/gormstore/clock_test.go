package gormstore

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin/cache"
)

// A reading is one statement: what the database's clock says that long after
// the one before, and what time it is then, both counted from noon.
type reading struct {
	after, clock, want time.Duration
}

func TestTimeNeverGoesBack(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, readings := range map[string][]reading{
		"a clock that runs is believed": {
			{0, 0, 0},
			{time.Second, time.Second, time.Second},
			{time.Hour, time.Hour + 7, time.Hour + 7},
		},
		"between two ticks of a coarse clock time flows": {
			{0, time.Millisecond, time.Millisecond},
			{300 * time.Microsecond, time.Millisecond, 1300 * time.Microsecond},
			{600 * time.Microsecond, time.Millisecond, 1900 * time.Microsecond},
			{100 * time.Microsecond, 2 * time.Millisecond, 2 * time.Millisecond},
		},
		"a clock that steps on is believed at once": {
			{0, 0, 0},
			{time.Second, day, day},
			{time.Second, day + time.Second, day + time.Second},
		},
		"a clock that steps back is caught up with": {
			{0, 0, 0},
			{time.Second, -9 * time.Second, time.Second},
			{16 * time.Second, 7 * time.Second, time.Second + 10*time.Second - 10*time.Second/16},
			{0, 7 * time.Second, time.Second + 10*time.Second - 10*time.Second/16},
			{time.Second, 8 * time.Second, 11*time.Second - 10*time.Second/16 + time.Second - time.Second/16},
			{time.Minute, 68 * time.Second, 68 * time.Second},
			{time.Second, 69 * time.Second, 69 * time.Second},
		},
		"a step back of a minute is the largest": {
			{0, 0, 0},
			{0, -time.Minute, 0},
			{time.Second, -time.Minute + time.Second, time.Second - time.Second/16},
		},
		"a larger step back is taken": {
			{0, 0, 0},
			{0, -time.Minute - 1, -time.Minute - 1},
			{time.Second, -time.Minute + time.Second, -time.Minute + time.Second},
		},
		"a clock that was a day ahead freezes nothing": {
			{0, 0, 0},
			{time.Second, day, day},
			{time.Second, 2 * time.Second, 2 * time.Second},
			{time.Second, 3 * time.Second, 3 * time.Second},
		},
		"after a pause the process's clock is not believed": {
			{0, 0, 0},
			{time.Hour, time.Hour - time.Second, time.Hour - time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				noon := cache.TimeOf(time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC))
				var f floor
				for i, r := range readings {
					time.Sleep(r.after)
					if got := f.told(f.time(), noon.Add(r.clock)).Sub(noon); got != r.want {
						t.Fatalf("reading %d: with the clock at %v it is %v; want %v", i, r.clock, got, r.want)
					}
				}
			})
		})
	}
}

func TestTimeOfStatementsSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f floor
		noon := cache.Time(1e18)
		f.told(f.time(), noon)
		first, second := f.time(), f.time()
		time.Sleep(time.Second)
		if got := f.told(second, noon+20); got != noon+20 {
			t.Errorf("the second statement's answer came first: it is %v; want what the clock said", got.Sub(noon))
		}
		if got := f.told(first, noon+10); got != noon+10 {
			t.Errorf("the first statement's answer came last: it is %v; want what the clock said", got.Sub(noon))
		}
		if got := f.time(); got < noon+20 {
			t.Errorf("for the next statement it is %v at least; want 20ns or more", got.Sub(noon))
		}
	})
}

// A clock that is a day ahead, and an answer of it that is late.
func TestTimeAfterALateAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f floor
		noon, ahead := cache.Time(1e18), cache.Time(1e18).Add(24*time.Hour)
		f.told(f.time(), ahead)
		late := f.time()
		if got := f.told(f.time(), noon); got != noon {
			t.Errorf("a step back of a day: it is %v; want noon", got.Sub(noon))
		}
		f.told(late, ahead+1)
		if got := f.told(f.time(), noon+2); got != noon+2 {
			t.Errorf("after a late answer of the clock that was ahead it is %v; want 2ns", got.Sub(noon))
		}
	})
}

func TestTimeForManyAtOnce(t *testing.T) {
	t.Parallel()
	var f floor
	start := time.Now()
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			var last cache.Time
			for range 2000 {
				clock := cache.Time(1e18).Add(time.Since(start).Truncate(time.Millisecond))
				now := f.told(f.time(), clock)
				if now < last {
					t.Errorf("time went back by %v", last.Sub(now))
					return
				}
				last = now
			}
		})
	}
	wait.Wait()
	if got := f.time().Sub(1e18); got > time.Since(start)+2*resolution {
		t.Errorf("after %v it is %v", time.Since(start), got)
	}
}
