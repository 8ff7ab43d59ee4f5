package cachetest

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/powgin/powgin/cache"
)

func anyBytes(k *kit) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for i, data := range []string{
		"", "\x00", "\x00\x00after", string(all), "\xff\xfe", "' OR 1=1; --", "line\r\nline", "%s %d \\x00", "é世界",
	} {
		r := k.put(k.key(i), data)
		k.want(k.key(i), r)
		next := k.record(data + data)
		k.land(k.key(i), r.Version, next)
		k.want(k.key(i), next)
	}
}

// largest is what an encoded account may take.
const largest = 256 << 10

func largeRecord(k *kit) {
	data := make([]byte, largest)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	r := k.put(k.key(1), string(data))
	k.want(k.key(1), r)
	small := k.record("small")
	k.land(k.key(1), r.Version, small)
	k.want(k.key(1), small)
	again := k.record(string(data))
	k.land(k.key(1), small.Version, again)
	k.want(k.key(1), again)
}

// awkward are 16 bytes that a store may trip over, the zero ones left out.
var awkward = [][16]byte{
	{15: 1},
	{0: 1},
	{0: 0xff, 15: 0xff},
	[16]byte(bytes.Repeat([]byte{0xff}, 16)),
	[16]byte(bytes.Repeat([]byte{0x80}, 16)),
	[16]byte([]byte("'; DROP TABLE x;")),
	[16]byte([]byte("{tag}:*?[a-z]\r\n\x00")),
	[16]byte([]byte("                ")),
}

// A store keeps the versions that it is given, and makes none itself.
func anyVersion(k *kit) {
	var old cache.ID
	for _, v := range awkward {
		r := k.record("any")
		r.Version = v
		k.land(k.key(1), old, r)
		k.want(k.key(1), r)
		old = v
	}
	near := old
	near[15] ^= 1
	if _, ok := k.swap(k.key(1), near, k.record("other")); ok {
		k.Error("Swap from a version that differs in one bit = true; want false")
	}
}

func anyID(k *kit) {
	made := make([]cache.Record, len(awkward))
	for i, id := range awkward {
		made[i] = k.put(cache.Key{Space: k.space, ID: id}, strconv.Itoa(i))
	}
	for i, id := range awkward {
		k.want(cache.Key{Space: k.space, ID: id}, made[i])
	}
}

func loadedStays(k *kit) {
	r := k.put(k.key(1), strings.Repeat("first", 100))
	loaded := k.load(k.key(1))
	seen := bytes.Clone(loaded.Record.Data)
	for range 10 {
		next := k.record(strings.Repeat("other", 100))
		l, _ := k.swap(k.key(1), cache.NewID(), next)
		k.land(k.key(1), l.Record.Version, next)
	}
	k.land(k.key(1), k.load(k.key(1)).Record.Version, cache.Record{})
	k.put(k.key(2), strings.Repeat("third", 100))
	if !bytes.Equal(loaded.Record.Data, seen) || loaded.Record.Version != r.Version {
		k.Error("what was loaded changed with later swaps")
	}
}

func spacesAreApart(k *kit) {
	other := &kit{T: k.T, store: k.store, space: newSpace()}
	mine := k.put(k.key(1), "mine")
	other.wantAbsent(other.key(1))
	theirs := other.put(other.key(1), "theirs")
	k.want(k.key(1), mine)
	k.land(k.key(1), mine.Version, cache.Record{})
	other.want(other.key(1), theirs)
}

func anySpace(k *kit) {
	var kits []*kit
	var made []cache.Record
	for _, name := range []string{
		"", " ", "%7B%7D%2F", "Ünï cödé 世界", "' OR 1=1; --", `back\slash"quote`, "tab\tnewline\n", "star*?[a]:",
		strings.Repeat("long", 30), "app", "APP", "app ",
	} {
		// Names that differ in little are different spaces.
		kits = append(kits, &kit{T: k.T, store: k.store, space: k.space + name})
	}
	for i, other := range kits {
		other.wantAbsent(other.key(1))
		made = append(made, other.put(other.key(1), strconv.Itoa(i)))
		other.putEpochs(strconv.Itoa(i))
	}
	for i, other := range kits {
		other.want(other.key(1), made[i])
		if got, want := string(other.load(other.key(1)).Epoch.Data), strconv.Itoa(i); got != want {
			k.Errorf("the epoch of space %q holds %q; want %q", other.space, got, want)
		}
	}
}

func manyRecords(k *kit) {
	const each = 50
	made := make([]cache.Record, racers*each)
	for i := range made {
		made[i] = cache.Record{Version: cache.NewID(), Data: []byte(strconv.Itoa(i)), Expires: k.now().Add(time.Hour)}
	}
	var wait sync.WaitGroup
	for g := range racers {
		wait.Go(func() {
			for i := g * each; i < (g+1)*each; i++ {
				if _, ok, err := k.store.Swap(k.Context(), k.key(i), cache.ID{}, made[i]); err != nil || !ok {
					k.Errorf("Swap that creates record %d = %v, %v; want true, nil", i, ok, err)
				}
			}
		})
	}
	wait.Wait()
	for i, r := range made {
		k.want(k.key(i), r)
	}
}
