package redisstore

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/powgin/powgin/cache"
)

// shards is the number of shards. It is part of where every record lies, so it
// can never change.
const shards = 64

// A space knows the keys of one cache space, and holds the local copies of its
// epoch.
//
//	{prefix:space:shard}:account   an account
//	{prefix:space:shard}:epoch     the epoch's copy of the shard
//
// What stands in braces is all that Redis Cluster hashes, so an account and the
// epoch that goes with it are on one server.
type space struct {
	tags      [shards]string // with the colon behind the brace
	epochKeys [shards]string
	epochs    [shards]epochCell
}

// An epochCell is what the local tier holds of one copy of the epoch.
type epochCell struct {
	changes atomic.Uint32
	held    *cache.Record // guarded by the lock of the shard's stripe; nil for nothing
}

var text = base64.RawURLEncoding

// spaceHash stands for the space's name in keys: names may be long, and hold
// braces.
func spaceHash(name string) string {
	sum := sha256.Sum256([]byte(name))
	return text.EncodeToString(sum[:12])
}

func newSpace(prefix, hash string) *space {
	sp := new(space)
	for i := range sp.tags {
		sp.tags[i] = fmt.Sprintf("{%s:%s:%02d}:", prefix, hash, i)
		sp.epochKeys[i] = sp.tags[i] + "epoch"
	}
	return sp
}

// space returns what is known of the named space.
func (s *Store) space(name string) *space {
	if sp, ok := s.byName.Load(name); ok {
		return sp.(*space)
	}
	hash := spaceHash(name)
	sp, _ := s.byHash.LoadOrStore(hash, newSpace(s.prefix, hash))
	s.byName.Store(name, sp)
	return sp.(*space)
}

// shardOf returns the shard of an account, or of an epoch's copy.
func shardOf(id cache.AccountID) int { return int(id[0] >> 2) }

// epochName makes an id one of an epoch's copy. An account's id is a hash: none
// has these bytes.
const epochName = "epoch of a shard"

func epochID(shard int) cache.AccountID {
	id := cache.AccountID([]byte(epochName))
	id[0] = byte(shard << 2)
	return id
}

func isEpoch(id cache.AccountID) bool { return id == epochID(shardOf(id)) }

func (sp *space) epochKey(id cache.AccountID) string { return sp.epochKeys[shardOf(id)] }

func (sp *space) key(id cache.AccountID) string {
	if isEpoch(id) {
		return sp.epochKey(id)
	}
	b := make([]byte, 0, 128)
	b = append(b, sp.tags[shardOf(id)]...)
	return string(text.AppendEncode(b, id[:]))
}

// place finds whose record lies under a key. It reports false for keys that are
// not of this Store, and for those of spaces that it has not met.
func (s *Store) place(key string) (sp *space, id cache.AccountID, ok bool) {
	rest, ok := strings.CutPrefix(key, "{"+s.prefix+":")
	if !ok {
		return nil, id, false
	}
	hash, rest, _ := strings.Cut(rest, ":")
	known, ok := s.byHash.Load(hash)
	if !ok {
		return nil, id, false
	}
	tag, name, ok := strings.Cut(rest, "}:")
	if !ok {
		return nil, id, false
	}
	sp = known.(*space)
	if name == "epoch" {
		var shard int
		if _, err := fmt.Sscanf(tag, "%d", &shard); err != nil || shard < 0 || shard >= shards {
			return nil, id, false
		}
		return sp, epochID(shard), true
	}
	if text.DecodedLen(len(name)) != len(id) {
		return nil, id, false
	}
	_, err := text.Decode(id[:], []byte(name))
	return sp, id, err == nil
}

// Epochs implements [cache.Store]: there is one copy of the epoch in each of 64
// shards. It asks nobody.
func (s *Store) Epochs(space string) []cache.Key {
	keys := make([]cache.Key, shards)
	for i := range keys {
		keys[i] = cache.Key{Space: space, ID: epochID(i)}
	}
	return keys
}
