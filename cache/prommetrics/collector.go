package prommetrics

import (
	"math"
	"reflect"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/powgin/powgin/cache"
)

// A Source has the numbers. A *powgin.Auth of any type of user is one.
type Source interface {
	// Stats is called at each scrape, by several goroutines at once where there
	// are several scrapes at once.
	Stats() cache.Stats
}

// An Option alters what [New] returns.
type Option func(*collector)

// Name sets the value of the label auth, by which the Auths of one registry are
// told apart. It is "default" where it is not given, or empty.
func Name(name string) Option {
	return func(c *collector) {
		if name != "" {
			c.name = name
		}
	}
}

// New returns the collector of an Auth's numbers, to be registered once. Of two
// with the same [Name] a registry takes one only. It is safe for concurrent use.
// New panics where auth is nil.
func New(auth Source, opts ...Option) prometheus.Collector {
	if v := reflect.ValueOf(auth); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		panic("prommetrics: New needs an Auth to read the numbers of; it was given nil")
	}
	c := &collector{source: auth, name: "default"}
	for _, opt := range opts {
		opt(c)
	}
	for _, n := range (cache.Stats{}).Numbers() {
		name := n.Name
		if !n.Gauge {
			name += "_total"
		}
		c.numbers = append(c.numbers, c.desc(name, n.Help))
	}
	c.ages = c.desc("user_age_seconds", "How old the copies of users were that requests were served.")
	return c
}

// A collector holds nothing that changes.
type collector struct {
	source  Source
	name    string
	numbers []*prometheus.Desc // as Stats.Numbers has them
	ages    *prometheus.Desc
}

func (c *collector) desc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("powgin_"+name, help, nil, prometheus.Labels{"auth": c.name})
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.numbers {
		ch <- d
	}
	ch <- c.ages
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.source.Stats()
	for i, n := range s.Numbers() {
		kind := prometheus.CounterValue
		if n.Gauge {
			kind = prometheus.GaugeValue
		}
		ch <- prometheus.MustNewConstMetric(c.numbers[i], kind, float64(n.Value))
	}
	count, sum, buckets := histogram(s.Ages)
	ch <- prometheus.MustNewConstHistogram(c.ages, count, sum, buckets)
}

// histogram returns the ages as Prometheus has them: each bucket with those of the
// bounds before it, and the last of all as the count only.
func histogram(ages []cache.AgeCount) (count uint64, sum float64, buckets map[float64]uint64) {
	var bound time.Duration
	buckets = make(map[float64]uint64, len(ages))
	for _, age := range ages {
		count += age.Count
		if age.AtMost != math.MaxInt64 {
			bound = age.AtMost
			buckets[bound.Seconds()] = count
		}
		sum += float64(age.Count) * bound.Seconds()
	}
	return count, sum, buckets
}
