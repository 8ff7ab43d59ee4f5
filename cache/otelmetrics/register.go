package otelmetrics

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"

	"github.com/powgin/powgin/cache"
)

var errNoAuth = errors.New("otelmetrics: Register needs an Auth to read the numbers of; it was given nil")

// Register has the numbers of an Auth, all but the ages of users, observed at each
// collection until Unregister is called on what it returns. Those of several Auths
// with the same [Name] are added up. An error tells that auth is nil, or what the
// provider has to say. It is safe for concurrent use.
func Register(auth Source, opts ...Option) (metric.Registration, error) {
	if isNil(auth) {
		return nil, errNoAuth
	}
	o := settle(opts)
	meter := o.provider.Meter(scope)
	var numbers []metric.Int64Observable
	var all []metric.Observable
	for _, n := range (cache.Stats{}).Numbers() {
		instrument, err := observable(meter, &n)
		if err != nil {
			return nil, fmt.Errorf("otelmetrics: %w", err)
		}
		numbers, all = append(numbers, instrument), append(all, instrument)
	}
	with := metric.WithAttributeSet(o.attributes())
	registration, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for i, n := range auth.Stats().Numbers() {
			to.ObserveInt64(numbers[i], n.Value, with)
		}
		return nil
	}, all...)
	if err != nil {
		return nil, fmt.Errorf("otelmetrics: %w", err)
	}
	return registration, nil
}

// observable makes the instrument of a number.
func observable(meter metric.Meter, n *cache.Number) (metric.Int64Observable, error) {
	name, unit, help := "powgin."+n.Name, metric.WithUnit("{"+n.Unit+"}"), metric.WithDescription(n.Help)
	if n.Gauge {
		return meter.Int64ObservableUpDownCounter(name, unit, help)
	}
	return meter.Int64ObservableCounter(name, unit, help)
}
