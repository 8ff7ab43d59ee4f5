package redisstore_test

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/redisstore"
)

func TestScriptHasItsName(t *testing.T) {
	t.Parallel()
	sum := sha1.Sum([]byte(redisstore.SwapScript))
	if want := hex.EncodeToString(sum[:]); redisstore.SwapSHA != want {
		t.Errorf("swapSHA = %q; want %q", redisstore.SwapSHA, want)
	}
}

// The script knows numbers of 53 bits only; the Store judges in 64.
func TestScriptJudgesAsTheStoreDoes(t *testing.T) {
	t.Parallel()
	client := newClient(t, shared(t))
	lives, _, _ := strings.Cut(redisstore.SwapScript, "local time =")
	script := lives + "return lives(ARGV[1], tonumber(ARGV[2])) and 1 or 0"
	check := func(expires, us int64) {
		t.Helper()
		record := rueidis.BinaryString(binary.BigEndian.AppendUint64(make([]byte, 16), uint64(expires)))
		got, err := client.Do(t.Context(), client.B().Eval().Script(script).Numkeys(0).
			Arg(record, strconv.FormatInt(us, 10)).Build()).AsInt64()
		if err != nil {
			t.Fatalf("EVAL = %v", err)
		}
		if want := expires == 0 || expires > us*1000; (got == 1) != want {
			t.Errorf("at %d µs a record that expires at %d ns lives: %v; want %v", us, expires, got == 1, want)
		}
	}
	const now = 1_800_000_000_000_000 // in 2027
	for range 200 {
		us := now + rand.Int64N(now)
		for _, off := range []int64{-1001, -1000, -999, -1, 0, 1, 999, 1000, 1001, rand.Int64N(1e12) - 5e11} {
			check(us*1000+off, us)
		}
	}
	check(0, now)
	check(1, now)
	check(1<<63-1, now)
}

func TestSwapGoesByTheLaterOfTwoClocks(t *testing.T) {
	t.Parallel()
	addr := shared(t)
	s, client := newStore(t, addr, redisstore.Strict()), newClient(t, addr)
	swap := func(key cache.Key, told cache.Time) int64 {
		name, epoch := s.Keys(key)
		m, err := client.Do(t.Context(), client.B().Eval().Script(redisstore.SwapScript).Numkeys(2).
			Key(name, epoch).Arg(strconv.FormatInt(int64(told/1000), 10), "", "", "0").Build()).ToArray()
		if err != nil {
			t.Fatalf("EVAL = %v", err)
		}
		swapped, _ := m[0].AsInt64()
		return swapped
	}
	l := s.load(account(1))
	r := cache.Record{Version: cache.NewID(), Expires: l.Now.Add(redisstore.Skew / 2)}
	s.land(account(1), cache.ID{}, r)
	if got := swap(account(1), r.Expires-1000); got != 0 {
		t.Error("a swap from the zero version, told a moment before the record's end, is made; want it refused")
	}
	if got := swap(account(1), r.Expires.Add(4*redisstore.Skew)); got != 0 {
		t.Error("a swap that is told of a time far ahead of the server's takes a live record for expired")
	}
	if got := swap(account(1), r.Expires); got != 1 {
		t.Error("a swap from the zero version, told the record's end, is refused; want it made")
	}
}

func TestScriptsAreLoadedAgain(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	s := newStore(t, server.addr, redisstore.Strict())
	r := s.put(account(1), "before")
	server.must("SCRIPT FLUSH SYNC")
	next := record(s.load(account(1)).Now, "after")
	s.land(account(1), r.Version, next)
	if got := s.load(account(1)).Record; string(got.Data) != "after" {
		t.Errorf("after SCRIPT FLUSH and a Swap the record holds %q; want %q", got.Data, "after")
	}
	server.must("SCRIPT FLUSH SYNC")
	if _, ok, err := s.Swap(t.Context(), account(1), r.Version, next); ok || err != nil {
		t.Errorf("Swap from a version that is no more = %v, %v; want false, nil", ok, err)
	}
}
