package cache

import (
	"iter"

	"github.com/puzpuzpuz/xsync/v4"
)

// mapShards is how many maps share the accounts of a space. A map that is full is
// copied by whoever adds to it, while others that change it wait: with a million
// accounts in one that is 94 milliseconds, and here about 1. Reads wait for nothing.
const mapShards = 128

// An accountMap is a concurrent map of accounts. Their ids are hashes, so that any
// bits of theirs spread them.
type accountMap [mapShards]*xsync.Map[AccountID, *Account]

func newAccountMap() *accountMap {
	m := new(accountMap)
	for i := range m {
		m[i] = xsync.NewMap[AccountID, *Account]()
	}
	return m
}

func (m *accountMap) of(id AccountID) *xsync.Map[AccountID, *Account] { return m[id[1]%mapShards] }

// Load returns the account, and false for one that is not there.
func (m *accountMap) Load(id AccountID) (*Account, bool) { return m.of(id).Load(id) }

// Compute changes an account as xsync.Map.Compute does.
func (m *accountMap) Compute(id AccountID, change func(cur *Account, loaded bool) (*Account, xsync.ComputeOp)) {
	m.of(id).Compute(id, change)
}

// All yields the accounts, those that come or go meanwhile or not.
func (m *accountMap) All() iter.Seq2[AccountID, *Account] {
	return func(yield func(AccountID, *Account) bool) {
		for _, shard := range m {
			goOn := true
			shard.Range(func(id AccountID, a *Account) bool {
				goOn = yield(id, a)
				return goOn
			})
			if !goOn {
				return
			}
		}
	}
}
