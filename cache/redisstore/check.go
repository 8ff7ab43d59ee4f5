package redisstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache"
)

// examine finds out whether the servers will do, by what they tell of
// themselves.
func (s *Store) examine(ctx context.Context) error {
	nodes := s.client.Nodes()
	warned := make(map[string]bool)
	for _, addr := range slices.Sorted(maps.Keys(nodes)) {
		told, err := aside(ctx, s, func(ctx context.Context) (string, error) {
			node := nodes[addr]
			return node.Do(ctx, node.B().Info().Build()).ToString()
		})
		if err != nil {
			// It may be forbidden, or a node of a Cluster may be down.
			s.log.Debug("redisstore: a server does not tell what it is", "server", addr, "error", err)
			continue
		}
		warning, wrong := judge(parseInfo(told), s.client.Mode() == rueidis.ClientModeCluster)
		if wrong != nil {
			return fmt.Errorf("redisstore: the server %s will not do: %w", addr, wrong)
		}
		if warning != "" && !warned[warning] {
			warned[warning] = true
			s.log.Warn("redisstore: "+warning, "server", addr)
		}
	}
	return nil
}

// try makes a swap and a load that change nothing.
func (s *Store) try(ctx context.Context) error {
	key := cache.Key{ID: cache.AccountID(cache.NewID())}
	if _, _, err := s.Swap(ctx, key, cache.ID{}, cache.Record{}); err != nil {
		return err
	}
	_, err := s.Load(ctx, key)
	return err
}

// parseInfo reads the lines of INFO.
func parseInfo(told string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(told) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

var errReplica = errors.New("it is a replica that takes no writes (name the primary's address, or Sentinel's)")

// judge returns what a server's administrator should know, or what makes it
// unfit. What INFO leaves out is taken for granted.
func judge(info map[string]string, cluster bool) (warning string, wrong error) {
	version := info["redis_version"]
	if info["valkey_version"] == "" && version != "" && older(version) {
		return "", fmt.Errorf("it is version %s; want Redis 6.2 or newer, or Valkey", version)
	}
	if info["role"] == "slave" {
		if cluster {
			return "", nil // its primary is another of the nodes
		}
		if info["slave_read_only"] != "0" {
			return "", errReplica
		}
	}
	policy := info["maxmemory_policy"]
	if info["maxmemory"] == "0" || policy == "" || policy == "noeviction" {
		return "", nil
	}
	return fmt.Sprintf("maxmemory-policy is %s: when memory runs out Redis removes records of live sessions. "+
		"That signs people out without a word, and may undo a RevokeAll. "+
		"Set it to noeviction, which refuses new sign-ins then", policy), nil
}

// older reports whether a version is before 6.2.
func older(version string) bool {
	part := strings.SplitN(version, ".", 3)
	if len(part) < 2 {
		return false
	}
	major, err1 := strconv.Atoi(part[0])
	minor, err2 := strconv.Atoi(part[1])
	return err1 == nil && err2 == nil && (major < 6 || major == 6 && minor < 2)
}
