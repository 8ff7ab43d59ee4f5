package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/redisstore"
)

// tiers are a Store with and without its local tier.
var tiers = map[string][]redisstore.Option{"strict": {redisstore.Strict()}, "local": nil}

// onTiers runs a test on each, with a server of its own.
func onTiers(t *testing.T, f func(t *testing.T, server *server, opts ...redisstore.Option), args ...string) {
	for name, opts := range tiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, newServer(t, args...), opts...)
		})
	}
}

// eventually loads once the server can be reached again.
func (s *store) loadAgain(key cache.Key) (l cache.Loaded) {
	s.Helper()
	eventually(s, "a Load works", func() bool {
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		defer cancel()
		var err error
		l, err = s.Nearest(ctx, key)
		return err == nil
	})
	return l
}

func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	onTiers(t, func(t *testing.T, server *server, opts ...redisstore.Option) {
		s := newStore(t, server.addr, opts...)
		kept := s.put(account(1), "kept")
		server.must("SAVE")
		lost := s.put(account(2), "lost")
		s.load(account(1))
		s.load(account(1))
		server.kill()
		within(t, time.Second, "Swap", func(ctx context.Context) {
			if _, ok, err := s.Swap(ctx, account(1), kept.Version, lost); ok || err == nil {
				t.Errorf("Swap with the server gone = %v, %v; want false and an error", ok, err)
			}
		})
		within(t, time.Second, "Load", func(ctx context.Context) {
			if _, err := s.Load(ctx, account(1)); err == nil {
				t.Error("Load with the server gone = nil error")
			}
		})
		eventually(t, "a Load fails as well", func() bool {
			_, err := s.Nearest(t.Context(), account(1))
			return err != nil
		})

		server.start() // with what was saved
		if got := s.loadAgain(account(1)).Record.Version; got != kept.Version {
			t.Errorf("Load with the server back = version %x; want %x", got, kept.Version)
		}
		if _, ok, err := s.Swap(t.Context(), account(2), lost.Version, lost); ok || err != nil {
			t.Errorf("Swap from a version that was lost = %v, %v; want false, nil", ok, err)
		}
		s.land(account(1), kept.Version, record(s.load(account(1)).Now, "next"))
		s.load(account(1))

		server.kill()
		server.args = append(server.args, "--dbfilename", "empty.rdb")
		server.start() // with nothing
		if got := s.loadAgain(account(1)).Record.Version; got != (cache.ID{}) {
			t.Errorf("Load with the server back and empty = version %x; want the zero version", got)
		}
		s.put(account(1), "anew")
	})
}

func TestServerHangs(t *testing.T) {
	t.Parallel()
	onTiers(t, func(t *testing.T, server *server, opts ...redisstore.Option) {
		s := newStore(t, server.addr, append(opts, redisstore.Pace(100*time.Millisecond, time.Second))...)
		r := s.put(account(1), "there")
		server.pause()
		var wait sync.WaitGroup
		for i := range 1500 { // more than a connection's queue holds
			wait.Go(func() {
				within(t, 300*time.Millisecond, "Load", func(ctx context.Context) {
					if _, err := s.Load(ctx, account(i)); err == nil {
						t.Error("Load of a server that hangs = nil error")
					}
				})
			})
			wait.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				time.AfterFunc(200*time.Millisecond, cancel)
				start := time.Now()
				if _, ok, err := s.Swap(ctx, account(2), cache.NewID(), r); ok || err == nil {
					t.Errorf("Swap of a server that hangs = %v, %v; want false and an error", ok, err)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("Swap took %v; want it to end when it is cancelled, after 200ms", took)
				}
			})
		}
		wait.Wait()
		server.resume()
		if got := s.loadAgain(account(1)).Record.Version; got != r.Version {
			t.Errorf("Load with the server back = version %x; want %x", got, r.Version)
		}
		s.put(account(1), "next")
	})
}

// A call that is alone on its connection ends with a context that is cancelled
// long before its deadline.
func TestLoneCallIsCancelled(t *testing.T) {
	t.Parallel()
	onTiers(t, func(t *testing.T, server *server, opts ...redisstore.Option) {
		s := newStore(t, server.addr, append(opts, undisturbed())...)
		server.pause()
		defer server.resume()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		time.AfterFunc(100*time.Millisecond, cancel)
		start := time.Now()
		if _, err := s.Nearest(ctx, account(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("Load = %v; want context.Canceled", err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("Load took %v; want it to end when it is cancelled, after 100ms", took)
		}
	})
}

func TestServerIsDemoted(t *testing.T) {
	t.Parallel()
	onTiers(t, func(t *testing.T, server *server, opts ...redisstore.Option) {
		primary := newServer(t)
		s := newStore(t, server.addr, opts...)
		r := s.put(account(1), "there")
		server.must("REPLICAOF 127.0.0.1 " + primary.port())
		for range 5 {
			if _, ok, err := s.Swap(t.Context(), account(1), r.Version, r); ok || err == nil {
				t.Fatalf("Swap at a replica = %v, %v; want false and an error", ok, err)
			}
		}
		eventually(t, "the replica has what its primary has", func() bool {
			return s.loadAgain(account(1)).Record.Version == cache.ID{}
		})
		server.must("REPLICAOF NO ONE")
		s.put(account(1), "primary again")
	})
}

// full fills a server's memory up.
func full(t *testing.T, s *store) (last cache.Record, err error) {
	t.Helper()
	data := strings.Repeat("x", 100_000)
	for i := range 1000 {
		r := record(s.load(account(i)).Now, data)
		_, ok, err := s.Swap(t.Context(), account(i), cache.ID{}, r)
		if err != nil {
			return last, err
		}
		if i == 1 && ok {
			last = r
		}
	}
	return last, nil
}

func TestMemoryIsFull(t *testing.T) {
	t.Parallel()
	onTiers(t, func(t *testing.T, server *server, opts ...redisstore.Option) {
		s := newStore(t, server.addr, opts...)
		server.must("CONFIG SET maxmemory 20mb")
		r, err := full(t, s)
		if !errors.Is(err, cache.ErrFull) || !errors.Is(err, cache.ErrUnavailable) {
			t.Fatalf("Swap with the memory full = %v; want cache.ErrFull", err)
		}
		if got := s.load(account(1)).Record.Version; got != r.Version {
			t.Errorf("Load with the memory full = version %x; want %x", got, r.Version)
		}
		server.must("CONFIG SET maxmemory 1")
		for _, size := range []int{100, 100_000, 200_000} {
			next := record(s.load(account(1)).Now, strings.Repeat("y", size))
			if _, _, err := s.Swap(t.Context(), account(1), r.Version, next); !errors.Is(err, cache.ErrFull) {
				t.Errorf("Swap to a record of %d bytes = %v; want cache.ErrFull", size, err)
			}
		}
		if got := s.load(account(1)).Record; string(got.Data) != string(r.Data) || got.Version != r.Version {
			t.Error("a Swap that was refused has changed the record")
		}
		s.land(account(1), r.Version, cache.Record{}) // who is in can be thrown out
	}, "--maxmemory-policy", "noeviction")
}

func TestRecordsAreEvicted(t *testing.T) {
	t.Parallel()
	onTiers(t, func(t *testing.T, server *server, opts ...redisstore.Option) {
		var log logbook
		server.must("CONFIG SET maxmemory 20mb")
		s := newStore(t, server.addr, append(opts, redisstore.Logger(log.logger()))...)
		if lines := log.holding("allkeys-lru"); len(lines) != 1 || !strings.Contains(lines[0], "signs people out") {
			t.Errorf("New says %q; want one line that says what eviction costs", lines)
		}
		made := make(map[int]cache.Record)
		for i := range 400 {
			r := record(s.load(account(i)).Now, strings.Repeat("x", 100_000))
			s.land(account(i), cache.ID{}, r)
			made[i] = r
			s.load(account(i))
		}
		gone := 0
		for i, r := range made {
			switch got := s.loadFresh(account(i)).Record.Version; got {
			case r.Version:
			case cache.ID{}:
				gone++
				if _, ok, err := s.Swap(t.Context(), account(i), r.Version, r); ok || err != nil {
					t.Errorf("Swap from the version of an evicted record = %v, %v; want false, nil", ok, err)
				}
				eventually(t, "a Load of an evicted record brings nothing", func() bool {
					return s.load(account(i)).Record.Version == cache.ID{}
				})
			default:
				t.Errorf("Load = version %x; want %x, or the zero version", got, r.Version)
			}
		}
		if gone == 0 {
			t.Error("nothing was evicted, so nothing was tried")
		}
	}, "--maxmemory-policy", "allkeys-lru")
}

// Errors may be logged, and shown to who should not see a session.
func TestErrorsHoldNoBytes(t *testing.T) {
	t.Parallel()
	const secret, password = "the-bytes-of-a-session", "correct-horse"
	server := newServer(t, "--requirepass", password, "--rename-command", "EVALSHA", "")
	_, err := redisstore.Open(t.Context(), rueidis.ClientOption{InitAddress: []string{server.addr}, Password: password + "!"})
	wantNoSecret(t, "Open with a wrong password", err, secret, password)
	_, err = redisstore.Open(t.Context(), rueidis.ClientOption{InitAddress: []string{server.addr}, Password: password})
	wantNoSecret(t, "Open where EVALSHA is forbidden", err, secret, password)

	server = newServer(t)
	s := newStore(t, server.addr)
	r := s.put(account(1), secret)
	for what, command := range map[string]string{
		"a full memory": "CONFIG SET maxmemory 1", "no replica": "CONFIG SET min-replicas-to-write 3", "a demotion": "REPLICAOF 127.0.0.1 1",
	} {
		server.must(command)
		_, _, err := s.Swap(t.Context(), account(1), r.Version, record(s.load(account(1)).Now, secret+secret))
		wantNoSecret(t, "Swap with "+what, err, secret, password)
		server.must("CONFIG SET maxmemory 0")
		server.must("CONFIG SET min-replicas-to-write 0")
	}
}

func wantNoSecret(t *testing.T, what string, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s = nil error", what)
	}
	for _, secret := range secrets {
		if text := fmt.Sprintf("%v %+v", err, err); strings.Contains(text, secret) {
			t.Errorf("%s = %q, which holds %q", what, text, secret)
		}
	}
}
