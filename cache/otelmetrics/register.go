package otelmetrics

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"github.com/powgin/powgin/cache"
)

// counters are the numbers that only grow.
var counters = []struct {
	name, unit, help string
	value            func(*cache.Stats) uint64
}{
	{"powgin.hits", "{request}", "Requests that were served the cached user.",
		func(s *cache.Stats) uint64 { return s.Hits }},
	{"powgin.misses", "{request}", "Requests that read the user, since none was cached or the copy was too old.",
		func(s *cache.Stats) uint64 { return s.Misses }},
	{"powgin.reloads", "{request}", "Requests that read the user because they wanted them as they are.",
		func(s *cache.Stats) uint64 { return s.Reloads }},
	{"powgin.shared_loads", "{request}", "Misses and reloads that were served by a read of others.",
		func(s *cache.Stats) uint64 { return s.SharedLoads }},
	{"powgin.stale", "{request}", "Requests that were served a copy too old, since no read was possible.",
		func(s *cache.Stats) uint64 { return s.Stale }},
	{"powgin.syncs", "{change}", "Times that a user was said to have changed.",
		func(s *cache.Stats) uint64 { return s.Syncs }},
	{"powgin.renewals", "{token}", "Successors of tokens made.",
		func(s *cache.Stats) uint64 { return s.Renewals }},
	{"powgin.grace_uses", "{request}", "Requests with a token that was replaced and still worked.",
		func(s *cache.Stats) uint64 { return s.GraceUses }},
	{"powgin.reuse_alarms", "{request}", "Requests with a replaced token that worked no more.",
		func(s *cache.Stats) uint64 { return s.ReuseAlarms }},
	{"powgin.errors", "{call}", "Calls to the store or the source of users that failed.",
		func(s *cache.Stats) uint64 { return s.Errors }},
	{"powgin.checks", "{user}", "Reads of users that a look at the row's version was enough for.",
		func(s *cache.Stats) uint64 { return s.Checks }},
	{"powgin.audits", "{user}", "Cached users who were compared with their rows.",
		func(s *cache.Stats) uint64 { return s.Audits }},
	{"powgin.differences", "{user}", "Audited users who differed although no change was announced.",
		func(s *cache.Stats) uint64 { return s.Differences }},
}

// gauges are those that go up and down.
var gauges = []struct {
	name, unit, help string
	value            func(*cache.Stats) int
}{
	{"powgin.writers", "{change}", "Changes of users that this node has announced and not concluded.",
		func(s *cache.Stats) int { return s.Writers }},
	{"powgin.watches", "{connection}", "Live connections that this node has.",
		func(s *cache.Stats) int { return s.Watches }},
}

var errNoAuth = errors.New("otelmetrics: Register needs an Auth to read the numbers of; it was given nil")

// Register has the counters of an Auth, and the gauge of writers in flight,
// observed at each collection until Unregister is called on what it returns. Those
// of several Auths with the same [Name] are added up. An error tells that auth is
// nil, or what the provider has to say. It is safe for concurrent use.
func Register(auth Source, opts ...Option) (metric.Registration, error) {
	if isNil(auth) {
		return nil, errNoAuth
	}
	o := settle(opts)
	meter := o.provider.Meter(scope)
	observed := make([]metric.Int64Observable, len(counters))
	var all []metric.Observable
	for i, m := range counters {
		counter, err := meter.Int64ObservableCounter(m.name, metric.WithUnit(m.unit), metric.WithDescription(m.help))
		if err != nil {
			return nil, fmt.Errorf("otelmetrics: %w", err)
		}
		observed[i], all = counter, append(all, counter)
	}
	inFlight := make([]metric.Int64Observable, len(gauges))
	for i, m := range gauges {
		gauge, err := meter.Int64ObservableUpDownCounter(m.name, metric.WithUnit(m.unit), metric.WithDescription(m.help))
		if err != nil {
			return nil, fmt.Errorf("otelmetrics: %w", err)
		}
		inFlight[i], all = gauge, append(all, gauge)
	}
	with := metric.WithAttributeSet(o.attributes())
	registration, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		s := auth.Stats()
		for i, m := range counters {
			to.ObserveInt64(observed[i], int64(m.value(&s)), with)
		}
		for i, m := range gauges {
			to.ObserveInt64(inFlight[i], int64(m.value(&s)), with)
		}
		return nil
	}, all...)
	if err != nil {
		return nil, fmt.Errorf("otelmetrics: %w", err)
	}
	return registration, nil
}
