package handlers

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"strings"
)

// testUUID is a key of 16 bytes with a text form, as uuid packages have it.
type testUUID [16]byte

func newTestUUID() (u testUUID) {
	_, _ = rand.Read(u[:])
	return u
}

func parseTestUUID(s string) (u testUUID, err error) {
	s = strings.TrimPrefix(strings.ToLower(s), "urn:uuid:")
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err == nil && len(b) != len(u) {
		err = errors.New("a uuid has 16 bytes")
	}
	copy(u[:], b)
	return u, err
}

func mustUUID(s string) testUUID {
	u, err := parseTestUUID(s)
	if err != nil {
		panic(err)
	}
	return u
}

func (u testUUID) String() string {
	s := hex.EncodeToString(u[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

func (u testUUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

func (u *testUUID) UnmarshalText(b []byte) (err error) {
	*u, err = parseTestUUID(string(b))
	return err
}

func (u testUUID) Value() (driver.Value, error) { return u.String(), nil }

func (u *testUUID) Scan(src any) (err error) {
	switch src := src.(type) {
	case string:
		*u, err = parseTestUUID(src)
	case []byte:
		*u, err = parseTestUUID(string(src))
	default:
		err = errors.New("a uuid is scanned from text")
	}
	return err
}
