package redisstore

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache"
)

// retrySlot is how long to wait for a slot of which one key has moved already.
const retrySlot = 5 * time.Millisecond

func (s *Store) swap(ctx context.Context, c rueidis.CommandClient, sp *space, id cache.AccountID, old cache.ID, next cache.Record) (answer, error) {
	keys := []string{sp.key(id), sp.epochKey(id)}
	args := []string{strconv.FormatInt(s.clock.told.Load(), 10), "", encode(next), keyEnd(next.Expires)}
	if old != (cache.ID{}) {
		args[1] = string(old[:])
	}
	command, script := "EVALSHA", swapSHA
	for {
		sent := s.clock.mono()
		reply := c.Do(ctx, c.B().Arbitrary(command, script, "2").Keys(keys...).Args(args...).Build())
		e, refused := rueidis.IsRedisErr(reply.Error())
		switch {
		case refused && e.IsNoScript() && command == "EVALSHA":
			command, script = "EVAL", swapScript
			continue
		case refused && e.IsTryAgain() && ctx.Err() == nil:
			time.Sleep(retrySlot)
			continue
		}
		m, err := reply.ToArray()
		if err != nil {
			return answer{}, err
		}
		return s.swapped(sent, m, next)
	}
}

// swapped reads the script's answer.
func (s *Store) swapped(sent int64, m []rueidis.RedisMessage, next cache.Record) (answer, error) {
	if len(m) != 3 && len(m) != 5 {
		return answer{}, errAnswer
	}
	ok, err := m[0].AsInt64()
	if err != nil || (ok == 1) != (len(m) == 3) {
		return answer{}, errAnswer
	}
	t, err := serverTime(m[1:3])
	if err != nil {
		return answer{}, err
	}
	if ok == 0 {
		return s.judge(sent, t, &m[3], &m[4])
	}
	return answer{cache.Loaded{Record: next, Now: s.clock.answer(sent, t)}, true}, nil
}

// keyEnd returns when a key may go whose record expires at this time, in ms: a
// while later, by which the clock of a server that takes over may be ahead.
func keyEnd(expires cache.Time) string {
	if expires == 0 {
		return "0"
	}
	return strconv.FormatInt(int64(max(expires, 0))/1e6+1+skew.Milliseconds(), 10)
}
