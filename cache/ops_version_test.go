package cache

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// versioned are people whose rows have versions: a row's name. It counts how often
// one is asked for.
type versioned struct {
	*people
	asked atomic.Int64
	fail  atomic.Bool
}

func (p *versioned) Unchanged(_ context.Context, key string, user any) (bool, error) {
	p.asked.Add(1)
	if p.fail.Load() {
		return false, errors.New("the version cannot be read")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	row, ok := p.rows[key]
	return ok && row.Name == user.(person).Name, nil
}

// everyVersion runs f on a cache whose users have versions.
func everyVersion(t *testing.T, f func(t *testing.T, k *kit, p *versioned)) {
	t.Helper()
	everywhere(t, func(t *testing.T, k *kit) { f(t, k, k.cache.versioned.(*versioned)) }, func(cfg *Config) {
		cfg.Source = &versioned{people: cfg.Source.(*people)}
	})
}

func (p *versioned) want(t *testing.T, when string, asked, read int64) {
	t.Helper()
	if a, r := p.asked.Swap(0), p.reads.Swap(0); a != asked || r != read {
		t.Errorf("%s: %d versions and %d rows were read; want %d and %d", when, a, r, asked, read)
	}
}

func TestAnOldCopyOfTheRowsVersionWillDo(t *testing.T) {
	t.Parallel()
	everyVersion(t, func(t *testing.T, k *kit, p *versioned) {
		token := *k.signInAs("ann").Successor
		k.open(token)
		p.want(t, "at first", 0, p.reads.Load())
		maxAge := testRules().MaxAge

		time.Sleep(maxAge)
		k.wantUser(k.open(token), "Ann")
		p.want(t, "on a copy that is young enough", 0, 0)
		time.Sleep(time.Second)
		o := k.open(token)
		k.wantUser(o, "Ann")
		p.want(t, "on one that is too old, with its version", 1, 0)
		if age := k.cache.Age(o.ReadAt); age != 0 {
			t.Errorf("it is %v old; want 0, since it was found to be the row's just now", age)
		}
		time.Sleep(maxAge)
		k.wantUser(k.open(token), "Ann")
		p.want(t, "on one that was found to be the row's", 0, 0)

		k.people.write(person{Key: "ann", Name: "Anna"})
		time.Sleep(time.Second)
		k.wantUser(k.open(token), "Anna")
		p.want(t, "on one of another version", 1, 1)
		time.Sleep(maxAge + 1)
		p.fail.Store(true)
		k.wantUser(k.open(token), "Anna")
		p.want(t, "where the version cannot be read", 1, 1)
		p.fail.Store(false)
		time.Sleep(maxAge + 1)
		k.people.remove("ann")
		k.wantUser(k.open(token), "")
		p.want(t, "where the row is gone", 1, 1)
		if got := k.cache.Stats().Checks; got != 1 {
			t.Errorf("Stats counts %d checks that were enough; want 1", got)
		}
	})
}

// What is announced, or asked for, is read; so is a row whose version nobody has
// moved, once in RenewAfter.
func TestAVersionIsNotEnough(t *testing.T) {
	t.Parallel()
	everyVersion(t, func(t *testing.T, k *kit, p *versioned) {
		token := *k.signInAs("ann").Successor
		read := func(when string, asked, read int64, f func()) {
			t.Helper()
			k.open(token)
			p.asked.Store(0)
			p.reads.Store(0)
			f()
			p.want(t, when, asked, read)
		}
		read("after a change that was announced", 0, 1, func() { k.invalidate("ann"); k.open(token) })
		read("after one of all users", 0, 1, func() { k.end(k.write()); k.open(token) })
		read("under way", 0, 1, func() { w := k.write("ann"); k.open(token); k.end(w) })
		for _, fill := range []bool{false, true} {
			read("for Reload and Refresh", 0, 1, func() {
				if _, err := k.cache.Newest(t.Context(), &k.open(token).Access, fill); err != nil {
					t.Error(err)
				}
			})
		}
		read("for a route's own MaxAge", 1, 0, func() {
			if _, err := k.cache.Checked(t.Context(), &k.open(token).Access); err != nil {
				t.Error(err)
			}
		})
		k.people.write(person{Key: "ann", Name: "Ann", Locked: true}) // and the version stays
		for range 20 {
			if k.open(token).User == nil {
				break
			}
			time.Sleep(testRules().MaxAge + time.Second)
		}
		if _, err := k.tryOpen(token); err != nil || k.open(token).User != nil {
			t.Error("a change that leaves the version has not been seen in 20 minutes")
		}
	})
}

// While a feed is heard, a copy that is older than MaxAge does, up to RenewAfter.
func TestWhileAllChangesAreHeardOf(t *testing.T) {
	t.Parallel()
	everywhere(t, func(_ *testing.T, k *kit) {
		token := *k.signInAs("ann").Successor
		k.wantUser(k.open(token), "Ann")
		k.people.write(person{Key: "ann", Name: "Anna"})
		time.Sleep(testRules().RenewAfter)
		k.wantUser(k.open(token), "Ann")
		time.Sleep(time.Nanosecond)
		k.wantUser(k.open(token), "Anna")
	}, func(cfg *Config) { cfg.Followed = func() bool { return true } })
}

func TestOnceChangesAreHeardOfNoMore(t *testing.T) {
	t.Parallel()
	everywhere(t, func(_ *testing.T, k *kit) {
		var heard atomic.Bool
		heard.Store(true)
		k.cache.followed = heard.Load
		token := *k.signInAs("ann").Successor
		k.wantUser(k.open(token), "Ann")
		k.people.write(person{Key: "ann", Name: "Anna"})
		time.Sleep(testRules().MaxAge + time.Second)
		k.wantUser(k.open(token), "Ann")
		heard.Store(false)
		k.wantUser(k.open(token), "Anna")
	})
}
