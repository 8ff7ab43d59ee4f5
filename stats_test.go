package powgin_test

import (
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
)

// since returns what was counted between two looks, without the ages.
func since(before, after powgin.Stats) powgin.Stats {
	return powgin.Stats{
		Hits: after.Hits - before.Hits, Misses: after.Misses - before.Misses, Reloads: after.Reloads - before.Reloads,
		SharedLoads: after.SharedLoads - before.SharedLoads, Stale: after.Stale - before.Stale,
		Syncs: after.Syncs - before.Syncs, Renewals: after.Renewals - before.Renewals, GraceUses: after.GraceUses - before.GraceUses,
		ReuseAlarms: after.ReuseAlarms - before.ReuseAlarms, Errors: after.Errors - before.Errors,
	}
}

// A counted does one thing at an app, and says what Stats are to count for it
// and nothing else.
type counted struct {
	name string
	do   func(a *app, p *people, alice *browser)
	want powgin.Stats
}

var countedThings = []counted{
	{"a request served from the cache", func(_ *app, _ *people, alice *browser) { alice.get("/me") }, powgin.Stats{Hits: 1}},
	{"nobody, junk and refusals", func(a *app, _ *people, _ *browser) {
		a.browser().get("/me")
		a.with("junk").get("/me")
		a.with(madeUp()).get("/me")
		a.browser().get("/reload")
	}, powgin.Stats{}},
	{"a request that finds no copy", func(a *app, p *people, alice *browser) {
		p.change("1", func(u *User) { u.Plan = "pro" })
		time.Sleep(time.Minute + 1)
		alice.get("/me")
	}, powgin.Stats{Misses: 1}},
	{"Reload, behind the copy that Session served", func(_ *app, _ *people, alice *browser) { alice.get("/reload") }, powgin.Stats{Hits: 1, Reloads: 1}},
	{"Refresh", func(_ *app, _ *people, alice *browser) { alice.get("/refresh") }, powgin.Stats{Hits: 1, Reloads: 1}},
	{"MaxAge of a young copy", func(_ *app, _ *people, alice *browser) { alice.get("/maxage") }, powgin.Stats{Hits: 1}},
	{"MaxAge of an old copy", func(_ *app, _ *people, alice *browser) {
		time.Sleep(11 * time.Second)
		alice.get("/maxage")
	}, powgin.Stats{Hits: 1, Reloads: 1}},
	{"a sign-in and a sign-out", func(a *app, _ *people, _ *browser) { a.signIn(2).post("/signout") }, powgin.Stats{Misses: 1}},
	{"SyncUser", func(_ *app, _ *people, alice *browser) { alice.post("/sync") }, powgin.Stats{Hits: 1, Syncs: 1}},
	{"Sync and Invalidate from outside", func(a *app, _ *people, _ *browser) {
		_ = a.auth.Sync(a.Context(), person(1))
		_ = a.auth.Invalidate(a.Context(), "1", "2")
	}, powgin.Stats{Syncs: 3}},
	{"a renewal, its lost answer and its first use", func(_ *app, _ *people, alice *browser) {
		time.Sleep(renew)
		lost := alice.clone()
		alice.get("/me") // reads the user as well
		lost.get("/me")  // is handed the same successor
		alice.get("/me")
	}, powgin.Stats{Misses: 1, Hits: 2, Renewals: 1}},
	{"a token in grace, and after it", func(_ *app, _ *people, alice *browser) {
		old := alice.clone()
		alice.post("/sync")
		old.get("/me")
		old.get("/me")
		time.Sleep(grace)
		old.get("/me")
	}, powgin.Stats{Hits: 3, Syncs: 1, GraceUses: 2, ReuseAlarms: 1}},
	{"a database that fails", func(_ *app, p *people, alice *browser) {
		p.fail(true)
		alice.get("/reload")
		alice.get("/refresh")
		p.fail(false)
	}, powgin.Stats{Hits: 2, Reloads: 2, Errors: 2}},
	{"a stale copy", func(_ *app, p *people, alice *browser) {
		p.fail(true)
		time.Sleep(2 * time.Minute)
		alice.get("/me")
		p.fail(false)
	}, powgin.Stats{Misses: 1, Errors: 1, Stale: 1}},
	{"eight misses at once", func(a *app, p *people, alice *browser) {
		release := p.hold()
		time.Sleep(2 * time.Minute)
		var wg sync.WaitGroup
		for range 8 {
			b := alice.clone()
			wg.Go(func() { b.get("/me") })
		}
		synctest.Wait()
		release()
		wg.Wait()
	}, powgin.Stats{Misses: 8, SharedLoads: 7}},
}

func TestEachNumberOfStatsCountsWhatItSays(t *testing.T) {
	t.Parallel()
	for _, tt := range countedThings {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			agedApp(t, func(c *powgin.Config[User]) { c.WhenDown = powgin.ServeStale(mostStale) }, func(t *testing.T, a *app, p *people) {
				a.handleSync("/sync")
				alice := a.reader()
				before := a.auth.Stats()
				tt.do(a, p, alice)
				after := a.auth.Stats()
				if got := since(before, after); !reflect.DeepEqual(got, tt.want) {
					t.Errorf("Stats count\n\t%+v; want\n\t%+v", got, tt.want)
				}
				served := after.Hits + after.Misses + after.Reloads - (after.Errors - after.Stale)
				if got := total(after.Ages); got != served {
					t.Errorf("Ages count %d users served; want %d", got, served)
				}
			})
		})
	}
}

func total(ages []cache.AgeCount) (n uint64) {
	for _, a := range ages {
		n += a.Count
	}
	return n
}

func TestStatsOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	store := newSpyStore()
	a, _ := newPeopleApp(t, func(c *powgin.Config[User]) { c.Store = store })
	alice := a.signIn(1)
	before := a.auth.Stats()
	store.failLoads.Store(true)
	alice.get("/me").want(http.StatusServiceUnavailable)
	alice.get("/me").want(http.StatusServiceUnavailable)
	store.failLoads.Store(false)
	alice.get("/me").want(http.StatusOK)
	if got, want := since(before, a.auth.Stats()), (powgin.Stats{Errors: 2, Misses: 1}); !reflect.DeepEqual(got, want) {
		t.Errorf("Stats count %+v; want %+v", got, want)
	}
}

func TestAgesIsAHistogramOfTheCopiesServed(t *testing.T) {
	t.Parallel()
	agedApp(t, func(c *powgin.Config[User]) { c.MaxAge, c.IdleTimeout = powgin.NoMaxAge, 2*time.Hour }, func(t *testing.T, a *app, _ *people) {
		alice := a.reader()
		read := time.Now()
		bounds := []time.Duration{
			100 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
			time.Minute, 5 * time.Minute, 15 * time.Minute, math.MaxInt64,
		}
		before := a.auth.Stats().Ages
		for i, bound := range bounds[:len(bounds)-1] {
			for range i + 1 {
				time.Sleep(time.Until(read.Add(bound))) // not older than the bound
				alice.get("/").want(http.StatusOK)
			}
		}
		time.Sleep(time.Nanosecond)
		alice.get("/").want(http.StatusOK)
		for i, got := range a.auth.Stats().Ages {
			want := uint64(i + 1)
			if i == len(bounds)-1 {
				want = 1
			}
			if n := got.Count - before[i].Count; got.AtMost != bounds[i] || n != want {
				t.Errorf("Ages[%d] = %d of at most %v; want %d of at most %v", i, n, got.AtMost, want, bounds[i])
			}
		}
	})
}

// Stats may be read at any time. Numbers only grow, and none is lost.
func TestStatsWhileRequestsRun(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	alice := a.reader()
	before := a.auth.Stats()
	const each, browsers = 50, 4
	var wg sync.WaitGroup
	for range browsers {
		b := alice.clone()
		wg.Go(func() {
			for range each {
				b.get("/")
				b.get("/refresh")
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	last := before
	for reading := true; reading; {
		select {
		case <-done:
			reading = false
		default:
		}
		now := a.auth.Stats()
		if now.Hits < last.Hits || now.Reloads < last.Reloads || total(now.Ages) < total(last.Ages) {
			t.Fatalf("Stats went back from %+v to %+v", last, now)
		}
		last = now
	}
	got := since(before, last)
	if got.Reloads != each*browsers || got.Hits+got.Misses != 2*each*browsers {
		t.Errorf("Stats count %+v; want %d reloads and %d hits or misses", got, each*browsers, 2*each*browsers)
	}
}

func TestStatsHaveAJSONForm(t *testing.T) {
	t.Parallel()
	a, _ := newPeopleApp(t, nil)
	a.reader().get("/")
	want := a.auth.Stats()
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got powgin.Stats
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Stats through JSON = %+v, %v; want %+v", got, err, want)
	}
}
