package otelmetrics_test

import (
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/otelmetrics"
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

// A kit is a provider with the reader that collects from it.
type kit struct {
	testing.TB
	reader   *sdk.ManualReader
	provider *sdk.MeterProvider
}

func setup(t testing.TB, opts ...sdk.ManualReaderOption) *kit {
	reader := sdk.NewManualReader(opts...)
	return &kit{t, reader, sdk.NewMeterProvider(sdk.WithReader(reader))}
}

func (k *kit) register(auth otelmetrics.Source, opts ...otelmetrics.Option) (unregister func() error) {
	k.Helper()
	r, err := otelmetrics.Register(auth, append(opts, otelmetrics.MeterProvider(k.provider))...)
	if err != nil {
		k.Fatalf("Register = %v", err)
	}
	return r.Unregister
}

// collect returns what the reader gets, by name.
func (k *kit) collect() map[string]metricdata.Metrics {
	k.Helper()
	var got metricdata.ResourceMetrics
	if err := k.reader.Collect(k.Context(), &got); err != nil {
		k.Fatalf("Collect = %v", err)
	}
	all := map[string]metricdata.Metrics{}
	for _, s := range got.ScopeMetrics {
		if s.Scope.Name != "github.com/powgin/powgin/cache/otelmetrics" {
			k.Errorf("a metric has the scope %q; want that of the package", s.Scope.Name)
		}
		for _, m := range s.Metrics {
			all[m.Name] = m
		}
	}
	return all
}

// sums returns the counters and the gauge of the Auth with this name.
func (k *kit) sums(auth string) map[string]int64 {
	k.Helper()
	values := map[string]int64{}
	for name, m := range k.collect() {
		sum, ok := m.Data.(metricdata.Sum[int64])
		if !ok {
			continue
		}
		if monotonic := name != "powgin.writers" && name != "powgin.watches"; sum.IsMonotonic != monotonic || sum.Temporality != metricdata.CumulativeTemporality {
			k.Errorf("%s is monotonic: %t, with the temporality %v; want %t and the reader's", name, sum.IsMonotonic, sum.Temporality, monotonic)
		}
		for _, p := range sum.DataPoints {
			if p.Attributes.Equals(new(attribute.NewSet(attribute.String("powgin.auth", auth)))) {
				values[name] = p.Value
			}
		}
	}
	return values
}

func (k *kit) want(what string, got, want map[string]int64) {
	k.Helper()
	if !maps.Equal(got, want) {
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if got[name] != want[name] {
				k.Errorf("%s: %s = %d; want %d", what, name, got[name], want[name])
			}
		}
		k.Errorf("%s: collected %v; want %v", what, got, want)
	}
}
