package otelmetrics

import (
	"context"
	"math"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/powgin/powgin/cache"
)

// Ages returns the producer of powgin.user.age, the histogram of how old the copies
// were that requests were served. It is given to a reader of the SDK, or to several,
// by WithProducer, and is safe for concurrent use. Ages panics where auth is nil.
//
// The histogram is cumulative, whatever temporality the reader prefers. How old each
// copy was is not known beyond its bucket, so the sum takes every one for as old as
// the bound of its bucket, and those of the last bucket for as old as the bound
// before it, 15 minutes.
func Ages(auth Source, opts ...Option) sdk.Producer {
	if isNil(auth) {
		panic("otelmetrics: Ages needs an Auth to read the numbers of; it was given nil")
	}
	return &ages{source: auth, attributes: settle(opts).attributes(), start: time.Now()}
}

// ages is a producer. Nothing of it changes.
type ages struct {
	source     Source
	attributes attribute.Set
	start      time.Time
}

// Produce implements the SDK's Producer.
func (a *ages) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	point := histogram(a.source.Stats().Ages)
	point.Attributes, point.StartTime, point.Time = a.attributes, a.start, time.Now()
	return []metricdata.ScopeMetrics{{
		Scope: instrumentation.Scope{Name: scope},
		Metrics: []metricdata.Metrics{{
			Name:        "powgin.user.age",
			Description: "How old the copies of users were that requests were served.",
			Unit:        "s",
			Data: metricdata.Histogram[float64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints:  []metricdata.HistogramDataPoint[float64]{point},
			},
		}},
	}}, nil
}

// histogram returns the ages as OpenTelemetry has them: each bucket with its own
// only, and the last without a bound. What has no ages has that one bucket.
func histogram(list []cache.AgeCount) (point metricdata.HistogramDataPoint[float64]) {
	var bound, rest = time.Duration(0), uint64(0)
	for _, age := range list {
		if age.AtMost != math.MaxInt64 {
			bound = age.AtMost
			point.Bounds = append(point.Bounds, bound.Seconds())
			point.BucketCounts = append(point.BucketCounts, age.Count)
		} else {
			rest += age.Count
		}
		point.Count += age.Count
		point.Sum += float64(age.Count) * bound.Seconds()
	}
	point.BucketCounts = append(point.BucketCounts, rest)
	return point
}
