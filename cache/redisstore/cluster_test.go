package redisstore_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/redisstore"
)

// onClusters runs a test on each tier, with a Cluster of its own.
func onClusters(t *testing.T, f func(t *testing.T, nodes []*server, opts ...redisstore.Option)) {
	for name, opts := range tiers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, newCluster(t), opts...)
		})
	}
}

// slotOf returns the slot of a record and of its epoch, as a node works it out.
func slotOf(s *store, node *server, key cache.Key) int {
	s.Helper()
	record, epoch := s.Keys(key)
	said := [2]string{node.must("CLUSTER KEYSLOT " + record), node.must("CLUSTER KEYSLOT " + epoch)}
	if said[0] != said[1] {
		s.Errorf("the slots of %q and %q are %q and %q; want one", record, epoch, said[0], said[1])
	}
	slot, err := strconv.Atoi(strings.Trim(said[0], ":\r\n"))
	if err != nil {
		s.Fatalf("CLUSTER KEYSLOT = %q", said[0])
	}
	return slot
}

func TestShardsLieOnEveryNode(t *testing.T) {
	t.Parallel()
	nodes := newCluster(t)
	s := newStore(t, nodes[0].addr, redisstore.Strict())
	slots := map[int]bool{}
	for i := range redisstore.Shards {
		slots[slotOf(s, nodes[0], account(i))] = true
		s.put(account(i), "there")
		s.put(s.Epochs(app)[i], "epoch")
	}
	if len(slots) < redisstore.Shards*9/10 {
		t.Errorf("%d shards lie in %d slots", redisstore.Shards, len(slots))
	}
	for _, node := range nodes {
		if n, _ := strconv.Atoi(strings.Trim(node.must("DBSIZE"), ":\r\n")); n < 2 || n > 2*redisstore.Shards-4 {
			t.Errorf("the node %s has %d of %d keys", node.addr, n, 2*redisstore.Shards)
		}
	}
}

// owner returns the node that a slot is on, and another one.
func owner(t *testing.T, nodes []*server, key string) (from, to *server) {
	t.Helper()
	for i, node := range nodes {
		if said, err := node.say("EXISTS " + key); err == nil && strings.HasPrefix(said, ":") {
			return node, nodes[(i+1)%len(nodes)]
		}
	}
	t.Fatal("no node has the slot")
	return nil, nil
}

func nodeID(node *server) string { return strings.Fields(node.must("CLUSTER MYID"))[1] }

// moveSlot moves a slot key by key, as redis-cli does.
func moveSlot(t *testing.T, nodes []*server, slot int, from, to *server) {
	t.Helper()
	to.must(fmt.Sprintf("CLUSTER SETSLOT %d IMPORTING %s", slot, nodeID(from)))
	from.must(fmt.Sprintf("CLUSTER SETSLOT %d MIGRATING %s", slot, nodeID(to)))
	for {
		keys := strings.Fields(from.must(fmt.Sprintf("CLUSTER GETKEYSINSLOT %d 1", slot)))
		if len(keys) < 3 {
			break
		}
		from.must(fmt.Sprintf("MIGRATE 127.0.0.1 %s %s 0 5000", to.port(), keys[2]))
		time.Sleep(10 * time.Millisecond) // so that requests meet a slot that is half moved
	}
	for _, node := range slices.Concat([]*server{to, from}, nodes) {
		node.must(fmt.Sprintf("CLUSTER SETSLOT %d NODE %s", slot, nodeID(to)))
	}
}

// While its slot moves to and fro an account can be read and changed.
func TestSlotsMove(t *testing.T) {
	t.Parallel()
	onClusters(t, func(t *testing.T, nodes []*server, opts ...redisstore.Option) {
		s := newStore(t, nodes[0].addr, opts...)
		slot := slotOf(s, nodes[0], account(1))
		last := s.put(account(1), "0")
		for i := range 8 { // more keys of the slot
			key := account(1)
			key.ID[9] = byte(i + 1)
			s.put(key, "beside it")
		}
		name, _ := s.Keys(account(1))
		stop, done := make(chan struct{}), make(chan int)
		go func() {
			n := 0
			for ; ; n++ {
				select {
				case <-stop:
					done <- n
					return
				default:
				}
				within(t, 5*time.Second, "a Swap and two Loads", func(ctx context.Context) {
					next := record(last.Expires.Add(-time.Hour), fmt.Sprint(n))
					_, ok, err := s.Swap(ctx, account(1), last.Version, next)
					if err != nil || !ok {
						t.Errorf("Swap while the slot moves = %v, %v; want true, nil", ok, err)
						return
					}
					last = next
					for range 2 {
						if l, err := s.Nearest(ctx, account(1)); err != nil || l.Record.Version != last.Version {
							t.Errorf("Load while the slot moves = version %x, %v; want %x, nil", l.Record.Version, err, last.Version)
						}
					}
				})
			}
		}()
		for range 3 {
			from, to := owner(t, nodes, name)
			moveSlot(t, nodes, slot, from, to)
		}
		close(stop)
		if n := <-done; n == 0 {
			t.Error("nothing was asked meanwhile, so nothing was tried")
		}
	})
}

func TestLocalTierFollowsASlot(t *testing.T) {
	t.Parallel()
	nodes := newCluster(t)
	prefix := newPrefix()
	here, there := newStore(t, nodes[0].addr, prefix), newStore(t, nodes[1].addr, prefix, redisstore.Strict())
	slot := slotOf(here, nodes[0], account(1))
	for range 3 {
		here.hold(account(1), "held")
		name, _ := here.Keys(account(1))
		from, to := owner(t, nodes, name)
		moveSlot(t, nodes, slot, from, to)
		eventually(t, "the record is held again", func() bool {
			here.load(account(1))
			return here.Holds(account(1))
		})
		want := there.put(account(1), "other")
		eventually(t, "a Load sees a change at the slot's new node", func() bool {
			return here.load(account(1)).Record.Version == want.Version
		})
	}
}

// addReplica starts a replica of a node.
func addReplica(t *testing.T, nodes []*server, of *server) *server {
	t.Helper()
	replica := newServer(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-config-file", "nodes.conf",
		"--repl-diskless-sync-delay", "0")
	for _, node := range nodes {
		replica.must("CLUSTER MEET 127.0.0.1 " + node.port())
	}
	eventually(t, "the replica knows its primary", func() bool {
		said, err := replica.say("CLUSTER REPLICATE " + nodeID(of))
		return err == nil && strings.HasPrefix(said, "+OK")
	})
	eventually(t, "the replica has what its primary has", func() bool {
		return strings.Contains(replica.must("INFO replication"), "master_link_status:up") &&
			strings.Contains(nodes[0].must("CLUSTER SLOTS"), replica.port())
	})
	return replica
}

func TestClusterFailsOver(t *testing.T) {
	t.Parallel()
	onClusters(t, func(t *testing.T, nodes []*server, opts ...redisstore.Option) {
		of := nodes[0]
		replica := addReplica(t, nodes, of)
		prefix := newPrefix()
		s := newStore(t, nodes[1].addr, append(opts, prefix)...)
		there := newStore(t, nodes[2].addr, prefix, redisstore.Strict())
		var key cache.Key
		for n := 0; ; n++ { // up to one of the node's
			key = account(n)
			name, _ := s.Keys(key)
			if from, _ := owner(t, nodes, name); from == of {
				break
			}
		}
		s.put(key, "0")
		for range 3 {
			s.load(key)
		}

		replica.must("CLUSTER FAILOVER") // nothing is lost by one that is asked for
		eventually(t, "the replica is the primary", func() bool {
			return strings.Contains(replica.must("ROLE"), "master") && strings.Contains(of.must("ROLE"), "slave")
		})
		want := there.putAgain(key, "1")
		eventually(t, "a Load sees a change at the new primary", func() bool { return s.loadAgain(key).Record.Version == want.Version })
		want = s.putAgain(key, "2")
		if got := s.load(key).Record.Version; got != want.Version {
			t.Errorf("Load after a Swap at the new primary = version %x; want %x", got, want.Version)
		}
		eventually(t, "the old primary has what the new one has", func() bool {
			return of.must("DEBUG DIGEST") == replica.must("DEBUG DIGEST")
		})
		replica.kill()
		eventually(t, "the old primary is one again", func() bool { return strings.Contains(of.must("ROLE"), "master") })
		if got := s.loadAgain(key).Record.Version; got != want.Version {
			t.Errorf("Load once the new primary was killed = version %x; want %x", got, want.Version)
		}
		s.putAgain(key, "3")
	})
}

// putAgain is put, once that works.
func (s *store) putAgain(key cache.Key, data string) (r cache.Record) {
	s.Helper()
	eventually(s, "a Swap works", func() bool {
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		defer cancel()
		l, err := s.Load(ctx, key)
		if err != nil {
			return false
		}
		r = record(l.Now, data)
		_, ok, err := s.Swap(ctx, key, l.Record.Version, r)
		return ok && err == nil
	})
	return r
}

// A node that hangs holds nobody up for longer than their contexts last.
func TestClusterNodeHangs(t *testing.T) {
	t.Parallel()
	onClusters(t, func(t *testing.T, nodes []*server, opts ...redisstore.Option) {
		s := newStore(t, nodes[0].addr, append(opts, redisstore.Pace(100*time.Millisecond, time.Second))...)
		for i := range 20 {
			s.put(account(i), "there")
		}
		nodes[1].pause()
		var wait sync.WaitGroup
		for i := range 2000 {
			wait.Go(func() {
				within(t, 300*time.Millisecond, "Load", func(ctx context.Context) {
					l, err := s.Load(ctx, account(i%20))
					if err == nil && l.Record.Version == (cache.ID{}) {
						t.Error("Load brings no record, and no error")
					}
				})
			})
		}
		wait.Wait()
		nodes[1].resume()
		for i := range 20 {
			if got := s.loadAgain(account(i)).Record.Version; got == (cache.ID{}) {
				t.Errorf("with the node back Load of account %d brings nothing", i)
			}
			s.putAgain(account(i), "next")
		}
	})
}
