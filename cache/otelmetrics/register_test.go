package otelmetrics_test

import (
	"reflect"
	"strings"
	"testing"

	"go.opentelemetry.io/otel"

	"github.com/powgin/powgin"
	"github.com/powgin/powgin/cache"
	"github.com/powgin/powgin/cache/otelmetrics"
)

// all are the numbers of busy.
var all = map[string]int64{
	"powgin.hits": 9001, "powgin.misses": 102, "powgin.reloads": 103, "powgin.shared_loads": 14, "powgin.stale": 5,
	"powgin.syncs": 16, "powgin.renewals": 17, "powgin.grace_uses": 18, "powgin.reuse_alarms": 19,
	"powgin.errors": 20, "powgin.audits": 21, "powgin.differences": 22, "powgin.writers": 3,
	"powgin.checks": 23, "powgin.watches": 24,
}

func TestACollectionHasEveryNumberOfEveryAuth(t *testing.T) {
	t.Parallel()
	k := setup(t)
	k.register(busy)
	staff := k.register(counted{Hits: 7}, otelmetrics.Name("staff"))
	k.want("the default Auth", k.sums("default"), all)
	quiet := map[string]int64{}
	for name := range all {
		quiet[name] = 0
	}
	quiet["powgin.hits"] = 7
	k.want("the other Auth", k.sums("staff"), quiet)
	k.want("the other Auth, at the next collection", k.sums("staff"), quiet)

	if err := staff(); err != nil {
		t.Fatalf("Unregister = %v", err)
	}
	k.want("an Auth that is unregistered", k.sums("staff"), nil)
	k.want("the one that is not", k.sums("default"), all)
}

// A number that is added to Stats shows here: each of its fields is set alone, and
// found under its name.
func TestEachFieldOfStatsIsAnInstrument(t *testing.T) {
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
			k := setup(t)
			k.register(counted(stats), otelmetrics.Name(""))
			var found []string
			for name, value := range k.sums("default") {
				if value == 42 {
					found = append(found, strings.ReplaceAll(strings.TrimPrefix(name, "powgin."), "_", ""))
				}
			}
			if len(found) != 1 || found[0] != strings.ToLower(field.Name) {
				t.Errorf("Stats.%s is observed as %q; want one instrument of that name", field.Name, found)
			}
		})
	}
}

func TestEachInstrumentSaysWhatItIs(t *testing.T) {
	t.Parallel()
	k := setup(t)
	k.register(busy)
	for name, m := range k.collect() {
		if m.Description == "" || !strings.HasPrefix(m.Unit, "{") || !strings.HasSuffix(m.Unit, "}") {
			t.Errorf("%s has the unit %q and the description %q; want both", name, m.Unit, m.Description)
		}
	}
}

func TestRegisterWithoutAnAuthIsAnError(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]otelmetrics.Source{"nil": nil, "a nil Auth": (*powgin.Auth[user])(nil)} {
		if r, err := otelmetrics.Register(source); r != nil || err == nil || !strings.Contains(err.Error(), "Register needs an Auth") {
			t.Errorf("Register of %s = %v, %v; want an error that says what is missing", name, r, err)
		}
	}
}

// The global provider is the process's: this test runs while no other does.
func TestWithoutAProviderItIsTheGlobalOne(t *testing.T) { //nolint:paralleltest // see above
	before := otel.GetMeterProvider()
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	k := setup(t)
	otel.SetMeterProvider(k.provider)
	for _, opts := range [][]otelmetrics.Option{nil, {otelmetrics.MeterProvider(nil)}} {
		r, err := otelmetrics.Register(busy, opts...)
		if err != nil {
			t.Fatal(err)
		}
		k.want("the global provider", k.sums("default"), all)
		if err := r.Unregister(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAuthsOfOneNameAreAddedUp(t *testing.T) {
	t.Parallel()
	k := setup(t)
	k.register(counted{Hits: 3, Writers: 1})
	k.register(counted{Hits: 4, Writers: 2})
	if got := k.sums("default"); got["powgin.hits"] != 7 || got["powgin.writers"] != 3 {
		t.Errorf("two Auths of one name are observed as %v; want 7 hits and 3 writers", got)
	}
}
