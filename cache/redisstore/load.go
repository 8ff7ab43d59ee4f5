package redisstore

import (
	"context"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache"
)

// An answer is what the server said to a Load or a Swap.
type answer struct {
	loaded  cache.Loaded
	swapped bool
}

// load asks for a record, the epoch that goes with it, and the time, in one
// write. The time is asked for first: what expires meanwhile is still there at
// that moment. A script would do it all in one step, and costs more; two keys in
// one command are refused while their slot moves.
func (s *Store) load(ctx context.Context, c rueidis.CommandClient, sp *space, id cache.AccountID) (answer, error) {
	sent := s.clock.mono()
	replies := c.DoMulti(ctx, loading(c.B(), sp, id)...)
	when, err := replies[0].ToArray()
	if err != nil {
		return answer{}, err
	}
	t, err := serverTime(when)
	if err != nil {
		return answer{}, err
	}
	var messages [2]rueidis.RedisMessage
	for i := range messages[:len(replies)-1] {
		m, err := replies[1+i].ToMessage()
		if err != nil && !rueidis.IsRedisNil(err) {
			return answer{}, err
		}
		messages[i] = m
	}
	if isEpoch(id) {
		messages[1] = messages[0]
	}
	return s.judge(sent, t, &messages[0], &messages[1])
}

// loading returns the commands of a load.
func loading(b rueidis.Builder, sp *space, id cache.AccountID) []rueidis.Completed {
	commands := []rueidis.Completed{
		// A command without a key that comes first has all of them go over one
		// connection, which is cheaper where many do; in a Cluster it goes
		// where the keys are.
		b.Arbitrary("TIME").Build(),
		// Arbitrary, since what is known to read only may be sent to a replica.
		b.Arbitrary("GET").Keys(sp.key(id)).Build(),
		{},
	}
	if isEpoch(id) {
		return commands[:2]
	}
	commands[2] = b.Arbitrary("GET").Keys(sp.epochKey(id)).Build()
	return commands
}

// judge says what was there at the server's time t.
func (s *Store) judge(sent, t int64, record, epoch *rueidis.RedisMessage) (a answer, err error) {
	a.loaded.Now = s.clock.answer(sent, t)
	if a.loaded.Record, err = decode(record, a.loaded.Now); err == nil {
		a.loaded.Epoch, err = decode(epoch, a.loaded.Now)
	}
	return a, err
}

// serverTime reads an answer to TIME, in µs.
func serverTime(m []rueidis.RedisMessage) (int64, error) {
	if len(m) != 2 {
		return 0, errAnswer
	}
	sec, err := m[0].AsInt64()
	if err != nil {
		return 0, err
	}
	us, err := m[1].AsInt64()
	return sec*1e6 + us, err
}
