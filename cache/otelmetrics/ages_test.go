package otelmetrics_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache/otelmetrics"
)

// point returns the histogram of ages, of which there is one.
func (k *kit) point() metricdata.HistogramDataPoint[float64] {
	k.Helper()
	m := k.collect()["powgin.user.age"]
	h, ok := m.Data.(metricdata.Histogram[float64])
	if !ok || len(h.DataPoints) != 1 || m.Unit != "s" || m.Description == "" || h.Temporality != metricdata.CumulativeTemporality {
		k.Fatalf("powgin.user.age is %+v; want a cumulative histogram of seconds", m)
	}
	return h.DataPoints[0]
}

func TestTheAgesAreAHistogram(t *testing.T) {
	t.Parallel()
	limits := []float64{0.1, 1, 5, 15, 30, 60, 300, 900}
	for _, row := range []struct {
		name    string
		stats   counted
		bounds  []float64
		buckets []uint64
		count   uint64
		sum     float64
	}{
		{"all ages", busy, limits, []uint64{100, 20, 0, 3, 4, 5, 6, 7, 8}, 153, 15795},
		{"nobody was served", counted{Ages: ages(0, 0, 0, 0, 0, 0, 0, 0, 0)}, limits, make([]uint64, 9), 0, 0},
		{"no ages", counted{}, nil, []uint64{0}, 0, 0},
		{"older than the last bound", counted{Ages: ages(0, 0, 0, 0, 0, 0, 0, 1, 2)}, limits, []uint64{0, 0, 0, 0, 0, 0, 0, 1, 2}, 3, 2700},
	} {
		p := setup(t, sdk.WithProducer(otelmetrics.Ages(row.stats, otelmetrics.Name("staff")))).point()
		if !slices.Equal(p.Bounds, row.bounds) || !slices.Equal(p.BucketCounts, row.buckets) || p.Count != row.count || p.Sum != row.sum {
			t.Errorf("%s: %v %v, %d users, %v seconds; want %v %v, %d and %v", row.name,
				p.Bounds, p.BucketCounts, p.Count, p.Sum, row.bounds, row.buckets, row.count, row.sum)
		}
		if got, _ := p.Attributes.Value(attribute.Key("powgin.auth")); got.AsString() != "staff" || p.Attributes.Len() != 1 {
			t.Errorf("%s: the attributes are %v; want powgin.auth alone", row.name, p.Attributes.ToSlice())
		}
	}
}

func TestTheHistogramBeginsWithItsProducer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		k := setup(t, sdk.WithProducer(otelmetrics.Ages(busy)))
		for range 2 {
			time.Sleep(time.Minute)
			if p := k.point(); !p.StartTime.Equal(start) || !p.Time.Equal(time.Now()) {
				t.Errorf("the histogram is from %v to %v; want %v to %v", p.StartTime, p.Time, start, time.Now())
			}
		}
	})
}

func TestAgesPanicsWithoutAnAuth(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]otelmetrics.Source{"nil": nil, "a nil Auth": (*powgin.Auth[user])(nil)} {
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, "Ages needs an Auth") {
					t.Errorf("Ages of %s panics with %q; want a sentence", name, s)
				}
			}()
			otelmetrics.Ages(source)
		}()
	}
}
