package redisstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache/redisstore"
)

// newSentinel starts a Sentinel that watches a primary.
func newSentinel(t testing.TB, primary *server) (addr string) {
	t.Helper()
	addr = freeAddress(t)
	s := &server{TB: t, addr: addr, dir: t.TempDir()}
	file := filepath.Join(s.dir, "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor main 127.0.0.1 %s 1\n"+
		"sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n", s.port(), s.dir, primary.port())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	process, err := startProcess(program(t, "redis-server"), file, "--sentinel", "--logfile", filepath.Join(s.dir, "sentinel.log"))
	if err != nil {
		t.Fatalf("starting a Sentinel: %v", err)
	}
	t.Cleanup(process.kill)
	eventually(t, "Sentinel knows the replica", func() bool {
		said, err := s.say("SENTINEL MASTER main")
		return err == nil && strings.Contains(said, "num-slaves\r\n$1\r\n1")
	})
	return addr
}

func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	for name, opts := range tiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			primary := newServer(t, "--repl-diskless-sync-delay", "0")
			replica := newServer(t, "--replicaof", "127.0.0.1 "+primary.port())
			eventually(t, "the replica follows", func() bool {
				return strings.Contains(replica.must("INFO replication"), "master_link_status:up")
			})
			option := rueidis.ClientOption{
				InitAddress: []string{newSentinel(t, primary)}, Sentinel: rueidis.SentinelOption{MasterSet: "main"},
			}
			s := openStore(t, option, append(opts, redisstore.Pace(100*time.Millisecond, time.Second))...)
			r := s.put(account(1), "0")
			for range 5 {
				s.load(account(1))
			}
			eventually(t, "the replica has it", func() bool {
				return primary.must("DEBUG DIGEST") == replica.must("DEBUG DIGEST")
			})
			primary.kill()
			next := s.putAgain(account(1), "1")
			if got := s.loadAgain(account(1)).Record.Version; got != next.Version || next.Version == r.Version {
				t.Errorf("Load after a Swap at the new primary = version %x; want %x", got, next.Version)
			}
			if len(opts) == 0 {
				s.wantAgain(account(1), next)
			}
		})
	}
}

// openStore returns a Store that owns its client.
func openStore(t testing.TB, option rueidis.ClientOption, opts ...redisstore.Option) *store {
	t.Helper()
	s, err := redisstore.Open(t.Context(), option, append([]redisstore.Option{newPrefix()}, opts...)...)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &store{s, t}
}
