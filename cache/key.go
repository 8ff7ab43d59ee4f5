package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// A Space is a family of accounts: those of one user type of one app. Accounts
// of different spaces never meet, even where their keys are equal.
type Space struct {
	Namespace string // Config.Namespace
	Table     string // where the users live, "" where they have no table
	Type      string // the Go type of a user, with its package
}

// Name returns the space as one string, different for different spaces, for
// use in a store's keys.
func (s Space) Name() string {
	var b strings.Builder
	for i, part := range []string{s.Namespace, s.Table, s.Type} {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(spaceEscape.Replace(part))
	}
	return b.String()
}

var spaceEscape = strings.NewReplacer("%", "%25", "/", "%2F", "{", "%7B", "}", "%7D")

// An AccountID names an account within its space and in tokens: 128 bits of
// SHA-256 over everything that tells one user from another.
type AccountID [16]byte

// idFormat is part of every AccountID, so that a change of the hash below can
// never make an old id mean another account.
const idFormat = 1

// account returns the id of the account of a user of this space. The parts
// are hashed with their lengths: "app1"+"23" and "app"+"123" must differ.
func (s Space) account(tenant, key string) (id AccountID) {
	b := make([]byte, 0, 128)
	b = append(b, idFormat)
	for _, part := range [...]string{s.Namespace, tenant, s.Table, s.Type, key} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	copy(id[:], sum[:])
	return id
}
