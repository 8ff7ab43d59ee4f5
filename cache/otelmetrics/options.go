package otelmetrics

import (
	"reflect"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/powgin/powgin/cache"
)

// A Source has the numbers. A *powgin.Auth of any type of user is one.
type Source interface {
	// Stats is called at each collection, by several goroutines at once where
	// there are several readers.
	Stats() cache.Stats
}

// An Option alters what [Register] and [Ages] make. Give both the same.
type Option func(*options)

type options struct {
	name     string
	provider metric.MeterProvider
}

// Name sets the value of the attribute powgin.auth, by which the Auths of one
// process are told apart. It is "default" where it is not given, or empty.
func Name(name string) Option {
	return func(o *options) {
		if name != "" {
			o.name = name
		}
	}
}

// MeterProvider sets where [Register] gets its instruments from; nil is the global
// one. Ages has no use for it.
func MeterProvider(p metric.MeterProvider) Option { return func(o *options) { o.provider = p } }

func settle(opts []Option) *options {
	o := &options{name: "default"}
	for _, opt := range opts {
		opt(o)
	}
	if o.provider == nil {
		o.provider = otel.GetMeterProvider()
	}
	return o
}

func (o *options) attributes() attribute.Set {
	return attribute.NewSet(attribute.String("powgin.auth", o.name))
}

// scope is the name of the instrumentation scope.
const scope = "github.com/powgin/powgin/cache/otelmetrics"

// isNil reports whether there is no Auth to ask.
func isNil(auth Source) bool {
	v := reflect.ValueOf(auth)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}
