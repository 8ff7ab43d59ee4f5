package redisstore_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/redisstore"
)

// An account of about the usual size, and an epoch.
var (
	benchAccount = cache.Record{Version: cache.NewID(), Data: []byte(strings.Repeat("a", 500)), Expires: never}
	benchEpoch   = cache.Record{Version: cache.NewID(), Data: []byte(strings.Repeat("e", 40)), Expires: never}
)

const never = cache.Time(0)

// BenchmarkGet is the yardstick: what a GET of the same bytes costs the client.
func BenchmarkGet(b *testing.B) {
	client, _, key := benchStore(b, redisstore.Strict())
	benchEach(b, func(ctx context.Context) error { return client.Do(ctx, client.B().Get().Key(key).Build()).Error() })
}

func BenchmarkLoadStrict(b *testing.B) {
	_, s, _ := benchStore(b, redisstore.Strict())
	benchEach(b, func(ctx context.Context) error {
		_, err := s.Nearest(ctx, benchKey)
		return err
	})
}

// BenchmarkLoadHeld is a hit of the local tier.
func BenchmarkLoadHeld(b *testing.B) {
	_, s, _ := benchStore(b)
	benchEach(b, func(ctx context.Context) error {
		_, err := s.Nearest(ctx, benchKey)
		return err
	})
}

// BenchmarkSwap replaces a record by another of its size.
func BenchmarkSwap(b *testing.B) {
	_, s, _ := benchStore(b, redisstore.Strict())
	key, old := cache.Key{Space: "bench", ID: cache.AccountID(cache.NewID())}, cache.ID{}
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), 3*time.Second)
		next := benchAccount
		next.Version = cache.NewID()
		if _, ok, err := s.Swap(ctx, key, old, next); err != nil || !ok {
			b.Fatalf("Swap = %v, %v; want true, nil", ok, err)
		}
		old = next.Version
		cancel()
	}
}

var benchKey = cache.Key{Space: "bench", ID: cache.AccountID(cache.NewID())}

// benchStore returns a client, a Store on it, and the key of an account in it.
func benchStore(b *testing.B, opts ...redisstore.Option) (rueidis.Client, *redisstore.Store, string) {
	b.Helper()
	client := newServer(b).client()
	s, err := redisstore.New(client, opts...)
	if err != nil {
		b.Fatalf("New = %v", err)
	}
	b.Cleanup(func() { _ = s.Close() })
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute) // a deadline, as requests have
	defer cancel()
	put := func(key cache.Key, r cache.Record) {
		if _, ok, err := s.Swap(ctx, key, cache.ID{}, r); err != nil || !ok {
			b.Fatalf("Swap = %v, %v; want true, nil", ok, err)
		}
	}
	put(benchKey, benchAccount)
	for _, key := range s.Epochs(benchKey.Space) {
		put(key, benchEpoch)
	}
	if _, err := s.Nearest(ctx, benchKey); err != nil {
		b.Fatalf("Load = %v", err)
	}
	key, _ := s.Keys(benchKey)
	return client, s, key
}

// benchEach runs f as requests do: with a deadline, one after the other and
// many at once.
func benchEach(b *testing.B, f func(context.Context) error) {
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ctx, cancel := context.WithTimeout(b.Context(), 3*time.Second)
			if err := f(ctx); err != nil {
				b.Fatal(err)
			}
			cancel()
		}
	})
	b.Run("many", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				ctx, cancel := context.WithTimeout(b.Context(), 3*time.Second)
				if err := f(ctx); err != nil {
					b.Error(err)
				}
				cancel()
			}
		})
	})
}

// BenchmarkStrictToGet reports how many times what a GET takes a strict Load
// does. The two take turns, so that whatever else the machine has to do hits
// both.
func BenchmarkStrictToGet(b *testing.B) {
	client, s, key := benchStore(b, redisstore.Strict())
	get := func(ctx context.Context) error { return client.Do(ctx, client.B().Get().Key(key).Build()).Error() }
	load := func(ctx context.Context) error {
		_, err := s.Nearest(ctx, benchKey)
		return err
	}
	for _, workers := range []int{1, 64} {
		b.Run(strconv.Itoa(workers), func(b *testing.B) {
			var ratios []float64
			for b.Loop() {
				g, l := takes(b, workers, get), takes(b, workers, load)
				ratios = append(ratios, float64(l)/float64(g))
			}
			slices.Sort(ratios)
			b.ReportMetric(ratios[len(ratios)/2], "ratio")
		})
	}
}

// takes runs f 20 times in each of some goroutines.
func takes(b *testing.B, workers int, f func(context.Context) error) time.Duration {
	start := time.Now()
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for range 20 {
				ctx, cancel := context.WithTimeout(b.Context(), 3*time.Second)
				if err := f(ctx); err != nil {
					b.Error(err)
				}
				cancel()
			}
		})
	}
	wait.Wait()
	return time.Since(start)
}
