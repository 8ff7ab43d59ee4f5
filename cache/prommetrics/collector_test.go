package prommetrics_test

import (
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/prommetrics"
)

// counted is a source whose numbers are these.
type counted cache.Stats

func (c counted) Stats() cache.Stats { return cache.Stats(c) }

// bounds are those that the cache has.
var bounds = []time.Duration{
	100 * time.Millisecond, time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 15 * time.Minute, math.MaxInt64,
}

func ages(counts ...uint64) (list []cache.AgeCount) {
	for i, n := range counts {
		list = append(list, cache.AgeCount{AtMost: bounds[i], Count: n})
	}
	return list
}

var busy = counted{
	Hits: 9001, Misses: 102, Reloads: 103, SharedLoads: 14, Stale: 5, Syncs: 16, Renewals: 17, GraceUses: 18,
	ReuseAlarms: 19, Errors: 20, Checks: 23, Audits: 21, Differences: 22, Writers: 3, Watches: 24, Ages: ages(100, 20, 0, 3, 4, 5, 6, 7, 8),
}

// scrape returns what Prometheus gets.
func scrape(t *testing.T, collectors ...prometheus.Collector) string {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	for _, c := range collectors {
		if err := registry.Register(c); err != nil {
			t.Fatal(err)
		}
	}
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("GET /metrics = %d %s; want 200", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

func TestAScrapeHasEveryNumberOfEveryAuth(t *testing.T) {
	t.Parallel()
	got := scrape(t, prommetrics.New(busy), prommetrics.New(counted{}, prommetrics.Name("staff")))
	want, err := os.ReadFile("testdata/scrape.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the scrape is not that of testdata/scrape.txt:\n%s", got)
	}
}

// A number that is added to Stats shows here: each of its fields is set alone, and
// found under its name.
func TestEachFieldOfStatsIsAMetric(t *testing.T) {
	t.Parallel()
	for field := range reflect.TypeFor[cache.Stats]().Fields() {
		if field.Name == "Ages" {
			continue
		}
		t.Run(field.Name, func(t *testing.T) {
			t.Parallel()
			var stats cache.Stats
			switch v := reflect.ValueOf(&stats).Elem().FieldByIndex(field.Index); v.Kind() {
			case reflect.Uint64:
				v.SetUint(42)
			default:
				v.SetInt(42)
			}
			var found []string
			for line := range strings.Lines(scrape(t, prommetrics.New(counted(stats)))) {
				if name, ok := strings.CutSuffix(line, `{auth="default"} 42`+"\n"); ok {
					name = strings.TrimSuffix(strings.TrimPrefix(name, "powgin_"), "_total")
					found = append(found, strings.ReplaceAll(name, "_", ""))
				}
			}
			if len(found) != 1 || found[0] != strings.ToLower(field.Name) {
				t.Errorf("Stats.%s is shown as %q; want one metric of that name", field.Name, found)
			}
		})
	}
}

func TestTheNamesFollowPrometheusConventions(t *testing.T) {
	t.Parallel()
	problems, err := testutil.CollectAndLint(prommetrics.New(busy))
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v; want none", problems, err)
	}
}

// The sum takes each user for as old as the bucket's bound.
func TestTheSumOfAges(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		ages []cache.AgeCount
		want string
	}{
		{"no ages", nil, "powgin_user_age_seconds_sum{} 0 powgin_user_age_seconds_count{} 0"},
		{"a minute and five", ages(0, 0, 0, 0, 0, 2, 1, 0, 0), "powgin_user_age_seconds_sum{} 420 powgin_user_age_seconds_count{} 3"},
		{"older than the last bound", ages(0, 0, 0, 0, 0, 0, 0, 1, 2), "powgin_user_age_seconds_sum{} 2700 powgin_user_age_seconds_count{} 3"},
	} {
		var got []string
		for line := range strings.Lines(scrape(t, prommetrics.New(counted{Ages: row.ages}))) {
			if strings.Contains(line, "_sum{") || strings.Contains(line, "_count{") {
				got = append(got, strings.Replace(strings.TrimSpace(line), `auth="default"`, "", 1))
			}
		}
		if s := strings.Join(got, " "); s != row.want {
			t.Errorf("%s: %s; want %s", row.name, s, row.want)
		}
	}
}

func TestARegistryTakesOneAuthOfAName(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	for _, row := range []struct {
		name string
		opts []prommetrics.Option
		ok   bool
	}{
		{"without a name", nil, true},
		{"with a name", []prommetrics.Option{prommetrics.Name("staff")}, true},
		{"another with it", []prommetrics.Option{prommetrics.Name("staff")}, false},
		{"with an empty name, which is none", []prommetrics.Option{prommetrics.Name("")}, false},
	} {
		err := registry.Register(prommetrics.New(counted{}, row.opts...))
		var already prometheus.AlreadyRegisteredError
		if (err == nil) != row.ok || err != nil && !errors.As(err, &already) {
			t.Errorf("an Auth %s is registered: %v; want it taken: %t", row.name, err, row.ok)
		}
	}
}

func TestNewPanicsWithoutAnAuth(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]prommetrics.Source{"nil": nil, "a nil Auth": (*powgin.Auth[user])(nil)} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, "New needs an Auth") {
					t.Errorf("New of %s panics with %q; want a sentence", name, s)
				}
			}()
			prommetrics.New(source)
		}()
	}
}
