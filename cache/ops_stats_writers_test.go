package cache

import (
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func (k *kit) wantWriters(when string, want int) {
	k.t.Helper()
	if got := k.cache.Stats().Writers; got != want {
		k.t.Errorf("%s: %d writers; want %d", when, got, want)
	}
}

func TestWritersAreThoseAnnouncedAndNotConcluded(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, k *kit, keys []string) {
		k.wantWriters("before any", 0)
		one, two := k.write(keys...), k.write("bob")
		k.wantWriters("two begun", 2)
		if err := one.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		k.wantWriters("one of them announced again", 2)
		k.end(one)
		k.end(one)
		k.wantWriters("one concluded, twice", 1)
		k.end(k.cache.NewWrite("", keys...))
		k.wantWriters("the end of one that never began", 1)
		k.end(two)
		k.wantWriters("both concluded", 0)
	})
}

// Nobody concludes a COMMIT whose outcome is not known.
func TestAWriterThatIsNotConcludedCountsUntilItsDeadline(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, k *kit, keys []string) {
		k.write(keys...)
		again := k.write("bob")
		time.Sleep(WriterDeadline / 3)
		if err := again.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*WriterDeadline/3 - 1)
		k.wantWriters("a moment before its deadline", 2)
		time.Sleep(time.Nanosecond)
		k.wantWriters("at its deadline, before that of one announced again", 1)
		time.Sleep(WriterDeadline / 3)
		k.wantWriters("at the deadline of both", 0)
		k.end(again)
		k.wantWriters("concluded after its deadline", 0)
	})
}

// Readers stay on the database after a conclusion that failed, and may not have
// been sent there by an announcement that did.
func TestWritersOfAStoreThatFails(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			overBytes(t, func(t *testing.T, k *kit, store *watchedStore) {
				w := k.write(way.keys...)
				store.load = func(int64) error { return errStore }
				wantErr(t, "Begin", k.cache.NewWrite("", way.keys...).Begin(t.Context()), errStore)
				wantErr(t, "End", w.End(t.Context()), errStore)
				k.wantWriters("one begun, of which the end failed", 1)
				store.load = nil
				time.Sleep(WriterDeadline)
				k.wantWriters("at its deadline", 0)
			})
		})
	}
}

// What nobody concludes takes no memory for ever, also where nobody asks for Stats.
func TestWritersThatAreForgottenAreLetGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var w writers
		for range 10_000 {
			w.begin(NewID())
			time.Sleep(time.Second)
		}
		if n := len(w.until); n > 64 {
			t.Errorf("%d writers are remembered, of which 30 may be in flight; want 64 at most", n)
		}
		for range 1000 {
			w.begin(NewID())
		}
		if n := w.count(); n < 1000 || n > 1030 {
			t.Errorf("%d writers; want those of the last 30 seconds", n)
		}
	})
}

func TestStatsAsALogHasThem(t *testing.T) {
	t.Parallel()
	ages := func(counts ...uint64) (list []AgeCount) {
		for i, n := range counts {
			age := AgeCount{AtMost: math.MaxInt64, Count: n}
			if i < len(ageBounds) {
				age.AtMost = ageBounds[i]
			}
			list = append(list, age)
		}
		return list
	}
	const counters = "hits=1 misses=2 reloads=3 shared_loads=4 stale=5 syncs=6 renewals=7 grace_uses=8" +
		" reuse_alarms=9 errors=10 audits=11 differences=12 writers=13 checks=14 watches=15"
	for _, row := range []struct {
		name string
		ages []AgeCount
		want string
	}{
		{"nobody was served", ages(0, 0, 0, 0, 0, 0, 0, 0, 0), ""},
		{"no ages at all", nil, ""},
		{"all are young", ages(7, 0, 0, 0, 0, 0, 0, 0, 0), " age_p50_seconds=0.1 age_p99_seconds=0.1"},
		{"exactly half, exactly 99 %", ages(50, 0, 0, 0, 0, 49, 1, 0, 0), " age_p50_seconds=0.1 age_p99_seconds=60"},
		{"fewer", ages(49, 0, 0, 0, 0, 49, 2, 0, 0), " age_p50_seconds=60 age_p99_seconds=300"},
		{"older than the last bound", ages(0, 0, 0, 0, 0, 0, 0, 1, 2), " age_p50_seconds=900 age_p99_seconds=900"},
	} {
		s := Stats{
			Hits: 1, Misses: 2, Reloads: 3, SharedLoads: 4, Stale: 5, Syncs: 6, Renewals: 7, GraceUses: 8,
			ReuseAlarms: 9, Errors: 10, Audits: 11, Differences: 12, Writers: 13, Checks: 14, Watches: 15, Ages: row.ages,
		}
		var line strings.Builder
		slog.New(slog.NewTextHandler(&line, nil)).Info("cache", "powgin", s)
		_, got, _ := strings.Cut(strings.TrimSpace(line.String()), "msg=cache ")
		if want := counters + row.want; strings.ReplaceAll(got, "powgin.", "") != want {
			t.Errorf("%s: logged\n\t%s; want\n\t%s, each below powgin", row.name, got, want)
		}
	}
}

// A counter that is added to Stats belongs into its log value, by its name.
func TestTheLogValueOfStatsHasEveryNumber(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, a := range (Stats{}).LogValue().Group() {
		names[strings.ReplaceAll(a.Key, "_", "")] = true
	}
	for f := range reflect.TypeFor[Stats]().Fields() {
		if f.Name != "Ages" && !names[strings.ToLower(f.Name)] {
			t.Errorf("Stats.%s is not in the log value: %v", f.Name, names)
		}
	}
}
