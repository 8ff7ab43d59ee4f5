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
	for _, m := range counters {
		c.counters = append(c.counters, c.desc(m.name, m.help))
	}
	for _, m := range gauges {
		c.gauges = append(c.gauges, c.desc(m.name, m.help))
	}
	c.ages = c.desc("user_age_seconds", "How old the copies of users were that requests were served.")
	return c
}

// counters are the numbers that only grow.
var counters = []struct {
	name, help string
	value      func(*cache.Stats) uint64
}{
	{"hits_total", "Requests that were served the cached user.",
		func(s *cache.Stats) uint64 { return s.Hits }},
	{"misses_total", "Requests that read the user, since none was cached or the copy was too old.",
		func(s *cache.Stats) uint64 { return s.Misses }},
	{"reloads_total", "Requests that read the user because they wanted them as they are.",
		func(s *cache.Stats) uint64 { return s.Reloads }},
	{"shared_loads_total", "Misses and reloads that were served by a read of others.",
		func(s *cache.Stats) uint64 { return s.SharedLoads }},
	{"stale_total", "Requests that were served a copy too old, since no read was possible.",
		func(s *cache.Stats) uint64 { return s.Stale }},
	{"syncs_total", "Times that a user was said to have changed.",
		func(s *cache.Stats) uint64 { return s.Syncs }},
	{"renewals_total", "Successors of tokens made.",
		func(s *cache.Stats) uint64 { return s.Renewals }},
	{"grace_uses_total", "Requests with a token that was replaced and still worked.",
		func(s *cache.Stats) uint64 { return s.GraceUses }},
	{"reuse_alarms_total", "Requests with a replaced token that worked no more.",
		func(s *cache.Stats) uint64 { return s.ReuseAlarms }},
	{"errors_total", "Calls to the store or the source of users that failed.",
		func(s *cache.Stats) uint64 { return s.Errors }},
	{"checks_total", "Reads of users that a look at the row's version was enough for.",
		func(s *cache.Stats) uint64 { return s.Checks }},
	{"audits_total", "Cached users who were compared with their rows.",
		func(s *cache.Stats) uint64 { return s.Audits }},
	{"differences_total", "Audited users who differed although no change was announced.",
		func(s *cache.Stats) uint64 { return s.Differences }},
}

// gauges are those that go up and down.
var gauges = []struct {
	name, help string
	value      func(*cache.Stats) int
}{
	{"writers", "Changes of users that this node has announced and not concluded.",
		func(s *cache.Stats) int { return s.Writers }},
	{"watches", "Live connections that this node has.",
		func(s *cache.Stats) int { return s.Watches }},
}

// A collector holds nothing that changes.
type collector struct {
	source           Source
	name             string
	counters, gauges []*prometheus.Desc // as the tables have them
	ages             *prometheus.Desc
}

func (c *collector) desc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("powgin_"+name, help, nil, prometheus.Labels{"auth": c.name})
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range c.counters {
		ch <- d
	}
	for _, d := range c.gauges {
		ch <- d
	}
	ch <- c.ages
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	s := c.source.Stats()
	for i, m := range counters {
		ch <- prometheus.MustNewConstMetric(c.counters[i], prometheus.CounterValue, float64(m.value(&s)))
	}
	for i, m := range gauges {
		ch <- prometheus.MustNewConstMetric(c.gauges[i], prometheus.GaugeValue, float64(m.value(&s)))
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
