package redisstore

import (
	"encoding/binary"

	"github.com/redis/rueidis"

	"github.com/powgin/powgin/cache"
)

// A record is one string: its version, its expiry and its data. The expiry is
// in nanoseconds, more exact than any of Redis' own can be: it decides, and the
// key's time to live only gives the memory back later.
const (
	versionSize = len(cache.ID{})
	headerSize  = versionSize + 8
)

// encode returns what is kept for r, "" for a record that is to be absent.
func encode(r cache.Record) string {
	if r.Version == (cache.ID{}) {
		return ""
	}
	if r.Expires < 0 {
		r.Expires = 1 // long gone, as a number that the script can read
	}
	b := make([]byte, 0, headerSize+len(r.Data))
	b = append(b, r.Version[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.Expires))
	return rueidis.BinaryString(append(b, r.Data...))
}

// decode returns the record in a reply as it is at now. One that is absent, has
// expired or was written by somebody else is absent.
func decode(m *rueidis.RedisMessage, now cache.Time) (cache.Record, error) {
	if m.IsNil() {
		return cache.Record{}, nil
	}
	b, err := m.AsBytes()
	if err != nil || len(b) < headerSize {
		return cache.Record{}, err
	}
	r := cache.Record{
		Version: cache.ID(b[:versionSize]),
		Expires: cache.Time(binary.BigEndian.Uint64(b[versionSize:])),
		Data:    b[headerSize:len(b):len(b)],
	}
	if expired(r, now) {
		return cache.Record{}, nil
	}
	return r, nil
}

// expired reports whether r's time is over at now. Expires 0 is never.
func expired(r cache.Record, now cache.Time) bool { return r.Expires != 0 && r.Expires <= now }
