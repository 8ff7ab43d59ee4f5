package redisstore_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/redisstore"
)

const second = int64(time.Second / time.Microsecond)

// noon is what a server's clock shows, in µs.
const noon = 1_800_000_000 * second

func TestTimeMovesOnWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := redisstore.NewClock(time.Hour)
		if got := c.Answer(c.Mono(), noon); got != cache.Time(noon*1000) {
			t.Errorf("the time of an answer = %d; want %d, as it says", got, noon*1000)
		}
		time.Sleep(3 * time.Second)
		if got, want := c.Now(), cache.Time(noon*1000).Add(3*time.Second); got != want {
			t.Errorf("3 seconds later it is %d; want %d", got, want)
		}
		time.Sleep(20 * time.Microsecond) // less than it goes by
		if got, want := c.Now(), cache.Time(noon*1000).Add(3*time.Second); got != want {
			t.Errorf("20 µs later it is %d; want %d still", got, want)
		}
	})
}

// What an answer says was so at some moment since it was asked for.
func TestASlowAnswerDoesNotHoldTimeUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := redisstore.NewClock(time.Hour)
		c.Answer(c.Mono(), noon)
		sent := c.Mono()
		time.Sleep(2 * time.Second)
		c.Answer(sent, noon+second/2)
		if got, want := c.Now(), cache.Time(noon*1000).Add(2*time.Second); got != want {
			t.Errorf("after a slow answer it is %d; want %d", got, want)
		}
	})
}

func TestTimeStandsStillForAServerThatIsBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := redisstore.NewClock(time.Hour)
		c.Answer(c.Mono(), noon)
		for behind := 50 * second; behind >= 0; behind -= second {
			if got := c.Answer(c.Mono(), noon-behind); got != cache.Time(noon*1000) {
				t.Fatalf("the time of an answer that is %d s behind = %d; want %d still", behind/second, got, noon*1000)
			}
			if got := c.Now(); got != cache.Time(noon*1000) {
				t.Fatalf("after an answer that is %d s behind it is %d; want %d still", behind/second, got, noon*1000)
			}
			time.Sleep(time.Second)
		}
		if got, want := c.Now(), cache.Time(noon*1000).Add(time.Second); got != want {
			t.Errorf("once the server has caught up it is %d; want %d", got, want)
		}
		if len(c.Back) > 0 {
			t.Errorf("it was told of ways back by %v; want none", c.Back)
		}
	})
}

// A day behind, nothing would end for a day.
func TestTimeGoesBackForAServerThatIsFarBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := redisstore.NewClock(time.Hour)
		c.Answer(c.Mono(), noon)
		early := noon - 86400*second
		if got := c.Answer(c.Mono(), early); got != cache.Time(early*1000) {
			t.Errorf("the time of an answer that is a day behind = %d; want %d", got, early*1000)
		}
		time.Sleep(time.Second)
		if got, want := c.Now(), cache.Time(early*1000).Add(time.Second); got != want {
			t.Errorf("a second later it is %d; want %d", got, want)
		}
		if len(c.Back) != 1 || c.Back[0] != 24*time.Hour {
			t.Errorf("it was told of ways back by %v; want one by a day", c.Back)
		}
	})
}

// An answer may lie about for long where the process was stopped.
func TestAnOldAnswerIsNoWayBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := redisstore.NewClock(time.Hour)
		sent := c.Mono()
		time.Sleep(10 * time.Minute)
		now := c.Answer(c.Mono(), noon+600*second)
		if got := c.Answer(sent, noon); got != now {
			t.Errorf("the time of an answer from 10 minutes ago = %d; want %d still", got, now)
		}
		if len(c.Back) > 0 {
			t.Errorf("it was told of ways back by %v; want none", c.Back)
		}
	})
}
