package cachetest

import (
	"time"

	"github.com/powgin/powgin/cache"
)

// short is a lifetime that is worth waiting for.
const short = 30 * time.Millisecond

// putShort creates a record that is about to expire, and returns it once it
// was seen. The lifetime grows until the store is fast enough for that.
func (k *kit) putShort(key cache.Key) cache.Record {
	k.Helper()
	for life := short; life < 64*short; life *= 2 {
		r := cache.Record{Version: cache.NewID(), Data: []byte("short"), Expires: k.now().Add(life)}
		k.land(key, cache.ID{}, r)
		if l := k.load(key); l.Now < r.Expires {
			k.wantRecord("Load", l.Record, r)
			return r
		}
		k.sleepUntil(r.Expires)
	}
	k.Fatalf("the store takes longer than %v to write and read a record", 32*short)
	return cache.Record{}
}

// sleepUntil returns once the store's time is t or later.
func (k *kit) sleepUntil(t cache.Time) {
	k.Helper()
	begun := time.Now()
	for {
		now := k.now()
		if now >= t {
			return
		}
		if time.Since(begun) > time.Minute {
			k.Fatalf("the store's time is %v behind after a minute", t.Sub(now))
		}
		time.Sleep(t.Sub(now))
	}
}

// judge checks that the record is there exactly while it may be.
func (k *kit) judge(key cache.Key, r cache.Record) {
	k.Helper()
	l := k.load(key)
	there := l.Record.Version == r.Version
	switch left := r.Expires.Sub(l.Now); {
	case there && left <= 0:
		k.Errorf("Load brings a record that expired %v ago", -left)
	case !there && left > 0:
		k.Errorf("Load brings version %x in place of a record that has %v left", l.Record.Version, left)
	}
}

func expiryIsExact(k *kit) {
	r := k.putShort(k.key(1))
	k.sleepUntil(r.Expires - 1)
	k.judge(k.key(1), r)
	k.sleepUntil(r.Expires)
	k.wantAbsent(k.key(1))
	k.sleepUntil(r.Expires.Add(short))
	k.wantAbsent(k.key(1))
}

func expiredIsAbsent(k *kit) {
	r := k.putShort(k.key(1))
	k.sleepUntil(r.Expires)
	for _, next := range []cache.Record{k.record("next"), {}} {
		l, ok := k.swap(k.key(1), r.Version, next)
		if ok {
			k.Error("Swap from the version of an expired record = true; want false")
		}
		k.wantRecord("that Swap", l.Record, cache.Record{})
	}
	k.want(k.key(1), k.put(k.key(1), "again"))
}

func swapMovesExpiry(k *kit) {
	first, later := k.putShort(k.key(1)), k.record("later")
	for {
		if _, ok := k.swap(k.key(1), first.Version, later); ok {
			break
		}
		first = k.putShort(k.key(1)) // it has expired under us
	}
	k.sleepUntil(first.Expires)
	k.want(k.key(1), later)

	sooner := k.record("sooner")
	sooner.Expires = k.now().Add(short)
	k.land(k.key(1), later.Version, sooner)
	k.judge(k.key(1), sooner)
	k.sleepUntil(sooner.Expires)
	k.wantAbsent(k.key(1))
}

func expiredAlready(k *kit) {
	r := k.put(k.key(1), "first")
	past := k.record("past")
	past.Expires = k.now() - 1
	k.land(k.key(1), r.Version, past)
	k.wantAbsent(k.key(1))
	k.want(k.key(1), k.put(k.key(1), "again"))
}

func timeNeverGoesBack(k *kit) {
	r := k.put(k.key(1), "first")
	start := k.now()
	last := start
	for i := range 50 {
		l := k.load(k.key(i))
		if i%2 == 1 {
			l, _ = k.swap(k.key(1), cache.NewID(), r)
		}
		if l.Now < last {
			k.Fatalf("the store's time went back by %v", last.Sub(l.Now))
		}
		last = l.Now
	}
	k.sleepUntil(start.Add(short))
	if got := k.now().Sub(start); got > time.Minute {
		k.Errorf("the store's time went on by %v in some milliseconds", got)
	}
}
